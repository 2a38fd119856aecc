//! Sections 5.1 to 5.3: documents, operations, fields.

use super::super::{Cases, Expected};

pub(super) fn documents_and_operations(cases: &mut Cases) {
    cases.ours("5.1.1 executable definitions").ready(["{ viewer { role } }"]).refused(
        "ExecutableDefinitions",
        [
            "{ viewer { role } } type Extra { id: ID }",
            "{ viewer { role } } extend type Client { more: Int }",
            "{ viewer { role } } scalar Extra",
            "{ viewer { role } } directive @extra on FIELD",
            "{ viewer { role } } schema { query: Query }",
            "type Extra { id: ID }",
            "extend schema @specifiedBy(url: \"x\")",
        ],
    );
    cases.ours("5.1.1 no operation at all").choice(
        Expected::Rule("NoUnusedFragments"),
        "fragment F on Client { id }",
        None,
    );
    cases.ours("5.2.1.1 operation type existence").ready(["subscription { changes { cursor } }"]).refused(
        "FieldsOnCorrectType",
        ["subscription { viewer { role } }", "subscription S { clients { totalCount } }"],
    );
    cases
        .ours("5.2.2.1 operation name uniqueness")
        .choice(Expected::Ready, "query A { viewer { role } } query B { viewer { role } }", Some("A"))
        .choice(
            Expected::Ready,
            "query A { viewer { role } } mutation a { leaveOrganization { userErrors { code } } }",
            Some("a"),
        )
        .choice(Expected::Ready, "query F { viewer { ...F } } fragment F on Viewer { role }", None)
        .choice(
            Expected::Rule("UniqueOperationNames"),
            "query A { viewer { role } } query A { viewer { role } }",
            Some("A"),
        )
        .choice(
            Expected::Rule("UniqueOperationNames"),
            "query A { viewer { role } } mutation A { leaveOrganization { userErrors { code } } }",
            Some("A"),
        );
    cases.ours("5.2.3.1 lone anonymous operation").ready(["{ viewer { role } }", "query { viewer { role } }"]).refused(
        "LoneAnonymousOperation",
        [
            "{ viewer { role } } { viewer { role } }",
            "{ viewer { role } } query A { viewer { role } }",
            "query A { viewer { role } } { viewer { role } }",
            "query { viewer { role } } mutation { leaveOrganization { userErrors { code } } }",
            "query A { viewer { role } } query { viewer { role } } query B { viewer { role } }",
        ],
    );
    // Our schema has no subscription. These cases prove that the rule would apply if it had one.
    cases
        .wide("5.2.4.1 single root field")
        .ready([
            "subscription { barked { name } }",
            "subscription S { ...F } fragment F on Subscription { mewed { name owner { name } } }",
            "subscription { ... on Subscription { ...F } } fragment F on Subscription { barked { name } }",
            "subscription { barked { name } barked { nickname } }",
            "subscription { a: barked { name } ...F } fragment F on Subscription { a: barked { nickname } }",
            "subscription { barked { name @skip(if: true) } }",
        ])
        .refused(
            "SingleFieldSubscriptions",
            [
                "subscription { barked { name } mewed { name } }",
                "subscription { a: barked { name } b: barked { name } }",
                "subscription { barked { name } ...F } fragment F on Subscription { mewed { name } }",
                "subscription { __typename }",
                "subscription { barked { name } __typename }",
                "subscription { ... { __typename } }",
                "subscription { barked @skip(if: false) { name } }",
                "subscription { ... @include(if: true) { barked { name } } }",
                "subscription ($yes: Boolean!) { ...F @include(if: $yes) } fragment F on Subscription { barked { name } }",
                "subscription { ...F } fragment F on Subscription { barked @include(if: true) { name } }",
            ],
        );
    cases
        .ours("6.1.1 which operation")
        .choice(Expected::Ready, "query A { viewer { role } }", None)
        .choice(Expected::Ready, "query A { viewer { role } }", Some("A"))
        .choice(Expected::Operation, "query A { viewer { role } }", Some("B"))
        .choice(Expected::Operation, "query A { viewer { role } }", Some(""))
        .choice(Expected::Operation, "query A { viewer { role } }", Some("a"))
        .choice(Expected::Operation, "{ viewer { role } }", Some("A"))
        .choice(Expected::Operation, "{ viewer { role } }", Some(""))
        .choice(Expected::Operation, "query A { viewer { role } } query B { viewer { role } }", None)
        .choice(Expected::Operation, "query A { viewer { role } } query B { viewer { role } }", Some(""))
        .choice(Expected::Operation, "query A { viewer { role } } query B { viewer { role } }", Some("C"))
        .choice(Expected::Operation, "query A { viewer { ...F } } fragment F on Viewer { role }", Some("F"))
        .choice(
            Expected::Ready,
            "query A { viewer { role } } query B($n: Int!) { clients(first: $n) { totalCount } }",
            Some("A"),
        )
        .choice(
            Expected::Variables,
            "query A { viewer { role } } query B($n: Int!) { clients(first: $n) { totalCount } }",
            Some("B"),
        )
        // An invalid operation makes the document invalid, whichever operation is chosen.
        .choice(Expected::Rule("FieldsOnCorrectType"), "query A { viewer { role } } query B { nothing }", Some("A"));
}

pub(super) fn fields(cases: &mut Cases) {
    cases
        .ours("5.3.1 field selections")
        .ready([
            "{ clients { nodes { id name __typename } } __typename }",
            "{ node(id: 1) { id __typename ... on Client { name } } }",
            "mutation { leaveOrganization { __typename } __typename }",
        ])
        .refused(
            "FieldsOnCorrectType",
            [
                "{ nothing }",
                "{ clients { nodes { nothing } } }",
                "{ clients { nodes { Name } } }",
                "{ node(id: 1) { name } }",
                "{ nodes(ids: [1]) { ... on Client { title } } }",
                "{ viewer { ...F } } fragment F on Viewer { nothing }",
                "{ viewer { ... { nothing } } }",
                "{ viewer { ... on Viewer { member { nothing { deeper } } } } }",
                "{ clients { __schema { types { name } } } }",
                "{ viewer { __type(name: \"Viewer\") { name } } }",
                "mutation { clients { totalCount } }",
                "mutation { __schema { description } }",
                "{ viewer { role: nothing } }",
                "{ __nothing }",
            ],
        );
    cases
        .wide("5.3.1 field selections on unions and interfaces")
        .ready([
            "{ catOrDog { __typename ... on Dog { barkVolume } ... on Pet { name } ... on Animal { kin { name } } } }",
            "{ pet { name owner { pets { name } } ... on Cat { meowVolume } } }",
        ])
        .refused(
            "FieldsOnCorrectType",
            [
                "{ catOrDog { name } }",
                "{ pet { barkVolume } }",
                "{ animal { owner { name } } }",
                "{ catOrDog { ... on Pet { meowVolume } } }",
                "{ dogOrHuman { ... on Animal { ... on Human { owner { name } } } } }",
            ],
        );
    cases.ours("5.3.3 leaf field selections").ready(["{ viewer { role } }"]).refused(
        "ScalarLeafs",
        [
            "{ viewer }",
            "{ clients { nodes } }",
            "{ clients { nodes { id { value } } } }",
            "{ viewer { role { name } } }",
            "{ node(id: 1) }",
            "{ invoices { nodes { total } } }",
            "{ invoices { nodes { total { amount { value } } } } }",
            "{ viewer { ...F } } fragment F on Viewer { member }",
            "{ viewer { __typename { name } } }",
            "{ __schema }",
            "{ __schema { types { name { length } } } }",
            "{ viewer { role { ...F } } } fragment F on Viewer { role }",
        ],
    );
    cases
        .wide("5.3.3 leaf field selections")
        .refused("ScalarLeafs", ["{ catOrDog }", "{ pet }", "{ matrix { row } }", "{ animals }"]);
}
