//! Section 5.7: directives, and introspection.

use serde_json::json;

use super::super::Cases;

pub(super) fn directives(cases: &mut Cases) {
    cases
        .ours("5.7.1 directives are defined")
        .ready(["{ viewer { role @skip(if: false) @include(if: true) } }"])
        .refused(
            "KnownDirectives",
            [
                "{ viewer { role @nothing } }",
                "{ viewer { role @Skip(if: true) } }",
                "query @nothing { viewer { role } }",
                "{ ... @nothing { viewer { role } } }",
                "{ viewer { ...F @nothing } } fragment F on Viewer { role }",
                "{ viewer { ...F } } fragment F on Viewer @nothing { role }",
                "query ($n: Int @nothing) { clients(first: $n) { totalCount } }",
                "{ viewer { role @defer } }",
                "{ viewer { role @oneOf } }",
            ],
        );
    cases.ours("5.7.2 directives are in valid locations").refused(
        "KnownDirectives",
        [
            "query @skip(if: true) { viewer { role } }",
            "mutation @include(if: true) { leaveOrganization { userErrors { code } } }",
            "{ viewer { ...F } } fragment F on Viewer @include(if: true) { role }",
            "query ($n: Int @skip(if: true)) { clients(first: $n) { totalCount } }",
            "{ viewer { role @deprecated } }",
            "{ viewer { role @specifiedBy(url: \"x\") } }",
            "query ($n: Int @deprecated) { clients(first: $n) { totalCount } }",
        ],
    );
    cases
        .wide("5.7.2 directives are in valid locations")
        .ready([
            "query @everywhere @onQuery { dog { name @everywhere(note: \"x\", flag: false) } }",
            "query ($x: Int @onVariable(colour: RED) @everywhere) @onQuery { scalars(int: $x) }",
            "{ ... @everywhere { ...F @everywhere } } fragment F on Query @everywhere { dog { name } }",
            "query ($i: Int! = 1) { dog { name @onField(needed: $i) } }",
            "query ($i: Int) @everywhere(list: [1]) { scalars(int: $i) }",
        ])
        .refused(
            "KnownDirectives",
            [
                "{ dog @onQuery { name } }",
                "mutation @onQuery { paint { name } }",
                "query @onField(needed: 1) { dog { name } }",
                "query @onVariable { dog { name } }",
                "query ($x: Int @onQuery) { scalars(int: $x) }",
                "{ dog { name @onSchema } }",
                "{ ... @onField(needed: 1) { dog { name } } }",
            ],
        );
    cases
        .ours("5.7.3 directives are unique per location")
        .ready([
            "{ viewer { role @skip(if: false) @include(if: true) role @skip(if: false) } }",
            "{ viewer { ...F @skip(if: false) ...F @skip(if: false) } } fragment F on Viewer { role }",
        ])
        .refused(
            "UniqueDirectivesPerLocation",
            [
                "{ viewer { role @skip(if: false) @skip(if: false) } }",
                "{ viewer { role @include(if: true) @skip(if: false) @include(if: true) } }",
                "{ viewer { ... @skip(if: false) @skip(if: true) { role } } }",
                "{ viewer { ...F @skip(if: false) @skip(if: true) } } fragment F on Viewer { role }",
            ],
        );
    cases
        .wide("5.7.3 directives are unique per location")
        .ready(["query @repeated @repeated { dog { name @repeated(note: \"a\") @repeated @repeated(note: \"a\") } }"])
        .refused(
            "UniqueDirectivesPerLocation",
            [
                "query @onQuery @onQuery { dog { name } }",
                "{ dog { ...F } } fragment F on Dog @everywhere @everywhere { name }",
                "query ($x: Int @onVariable @onVariable) { scalars(int: $x) }",
                "{ dog { name @repeated @everywhere @repeated @everywhere } }",
            ],
        );
    cases
        .wide("5.4, 5.6 arguments of directives")
        .refused("ProvidedRequiredArguments", ["{ dog { name @onField } }"])
        .refused(
            "KnownArgumentNames",
            ["{ dog { name @onField(needed: 1, more: 2) } }", "query @onQuery(x: 1) { dog { name } }"],
        )
        .refused(
            "ValuesOfCorrectType",
            [
                "{ dog { name @onField(needed: \"1\") } }",
                "query @everywhere(flag: null) { dog { name } }",
                "query @everywhere(list: [null]) { dog { name } }",
                "query ($x: Int @onVariable(colour: PURPLE)) { scalars(int: $x) }",
                "{ dog { ...F } } fragment F on Dog @everywhere(note: 1) { name }",
            ],
        )
        .refused("UniqueArgumentNames", ["query ($x: Int @onVariable(colour: RED, colour: RED)) { scalars(int: $x) }"]);
}

pub(super) fn introspection(cases: &mut Cases) {
    cases
        .ours("4 introspection")
        .ready([
            "{ __schema { description types { kind name description specifiedByURL } queryType { name } mutationType { name } subscriptionType { name } } }",
            "{ __schema { directives { name isRepeatable locations args(includeDeprecated: true) { name defaultValue isDeprecated deprecationReason } } } }",
            "{ __type(name: \"Client\") { fields(includeDeprecated: true) { name args(includeDeprecated: true) { name } isDeprecated deprecationReason type { ofType { name } } } } }",
            "{ __type(name: \"ClientStatus\") { enumValues(includeDeprecated: false) { name isDeprecated } } }",
            "{ __type(name: \"ClientFilter\") { inputFields(includeDeprecated: true) { name } isOneOf } }",
            "{ __type(name: \"Node\") { possibleTypes { name } interfaces { name } } }",
        ]);
    cases
        .ours("4 introspection with variables")
        .fit(
            "query ($n: String!, $d: Boolean! = true) { __type(name: $n) { fields(includeDeprecated: $d) { name } } }",
            [json!({"n": "Client"}), json!({"n": "Client", "d": false})],
        )
        .refused(
            "FieldsOnCorrectType",
            ["{ __schema { nothing } }", "{ __type(name: \"Client\") { fields { nothing } } }"],
        )
        .refused(
            "ValuesOfCorrectType",
            ["{ __type(name: 1) { name } }", "{ __type(name: \"x\") { fields(includeDeprecated: 1) { name } } }"],
        );
}
