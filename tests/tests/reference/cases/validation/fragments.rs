//! Sections 5.4 and 5.5: arguments and fragments.

use super::super::Cases;

pub(super) fn arguments(cases: &mut Cases) {
    cases
        .ours("5.4.1 argument names")
        .ready([
            "{ clients(first: 1, orderBy: {field: NAME, direction: ASC}) { totalCount } }",
            "{ clients(first: 1, orderBy: [{field: NAME}, {field: CREATED_AT, direction: DESC}]) { totalCount } }",
        ])
        .refused(
            "KnownArgumentNames",
            [
                "{ clients(nothing: 1) { totalCount } }",
                "{ clients(First: 1) { totalCount } }",
                "{ viewer(id: 1) { role } }",
                "{ viewer { role(of: \"me\") } }",
                "{ viewer { role @skip(if: true, unless: false) } }",
                "{ viewer { ...F } } fragment F on Viewer { role(nothing: 1) }",
                "{ clients { __typename(nothing: 1) } }",
                "{ workspaces { nodes { grants(filter: {}) { totalCount } } } }",
                "query ($x: Int) { clients(nothing: $x) { totalCount } }",
            ],
        );
    cases.ours("5.4.2 argument uniqueness").refused(
        "UniqueArgumentNames",
        [
            "{ clients(first: 1, first: 1) { totalCount } }",
            "{ clients(first: 1, after: \"x\", first: 2) { totalCount } }",
            "{ viewer { role @skip(if: true, if: true) } }",
            "{ viewer { ...F } } fragment F on Viewer { role @include(if: true, if: false) }",
            "query ($x: Int) { clients(first: $x, first: $x) { totalCount } }",
        ],
    );
    cases
        .ours("5.4.3 required arguments")
        .ready(["{ node(id: 1) { id } }"])
        .refused(
            "ProvidedRequiredArguments",
            [
                "{ node { id } }",
                "{ nodes { id } }",
                "mutation { createClient { client { id } } }",
                "{ viewer { role @skip } }",
                "{ viewer { ... @include { role } } }",
                "{ ...F } fragment F on Query { client { id } }",
                "{ __type { name } }",
            ],
        )
        .refused("ValuesOfCorrectType", ["{ node(id: null) { id } }", "{ viewer { role @skip(if: null) } }"]);
    cases
        .wide("5.4.3 required arguments with defaults")
        .ready([
            "{ required(int: 1, float: 1) }",
            "{ required(int: 1, float: 1, withDefault: 2) }",
            "{ animals { name } }",
            "query ($n: Int) { required(int: 1, float: 1, withDefault: $n) }",
        ])
        .refused("ProvidedRequiredArguments", ["{ required }", "{ required(int: 1) }", "{ dog { name @onField } }"])
        .refused(
            "ValuesOfCorrectType",
            ["{ required(int: 1, float: 1, withDefault: null) }", "{ animals(first: null) { name } }"],
        );
}

pub(super) fn fragments(cases: &mut Cases) {
    cases
        .ours("5.5.1.1 fragment name uniqueness")
        .ready(["{ viewer { ...A ...B } } fragment A on Viewer { role } fragment B on Viewer { role }"])
        .refused(
            "UniqueFragmentNames",
            [
                "{ viewer { ...A } } fragment A on Viewer { role } fragment A on Viewer { role }",
                "{ viewer { ...A } } fragment A on Viewer { role } fragment A on Client { id }",
            ],
        );
    cases.ours("5.5.1.2 fragment spread type existence").refused(
        "KnownTypeNames",
        [
            "{ viewer { ...A } } fragment A on Nothing { role }",
            "{ viewer { ... on Nothing { role } } }",
            "{ viewer { ...A } } fragment A on Viewer { ... on viewer { role } }",
            "{ viewer { role } } fragment A on Nothing { role }",
            "query ($x: Nothing) { viewer { role } }",
            "query ($x: [Nothing!]!) { viewer { role } }",
        ],
    );
    cases.ours("5.5.1.3 fragments on object, interface or union types").refused(
        "FragmentsOnCompositeTypes",
        [
            "{ viewer { ...A } } fragment A on Role { role }",
            "{ viewer { ... on String { role } } }",
            "{ viewer { ... on ID { __typename } } }",
            "{ viewer { ... on ClientFilter { status } } }",
            "{ viewer { role } ...A } fragment A on DateTime { year }",
        ],
    );
    cases.ours("5.5.1.4 fragments must be used").refused(
        "NoUnusedFragments",
        [
            "{ viewer { role } } fragment A on Viewer { role }",
            "{ viewer { ...A } } fragment A on Viewer { role } fragment B on Viewer { role }",
            "{ viewer { role } } fragment A on Viewer { ...B } fragment B on Viewer { role }",
            "{ viewer { role } } fragment A on Viewer { role @skip(if: $x) }",
        ],
    );
    cases.ours("5.5.2.1 fragment spread target defined").refused(
        "KnownFragmentNames",
        [
            "{ viewer { ...A } }",
            "{ ...A }",
            "{ viewer { ...A } } fragment A on Viewer { ...B }",
            "{ viewer { ...A } } fragment a on Viewer { role }",
            "{ viewer { ... { ...A } } }",
        ],
    );
    cases.ours("5.5.2.2 fragment spreads must not form cycles").refused(
        "NoFragmentCycles",
        [
            "{ clients { nodes { ...A } } } fragment A on Client { id ...A }",
            "{ clients { nodes { ...A } } } fragment A on Client { ...B } fragment B on Client { ...A }",
            "{ clients { nodes { ...A } } } fragment A on Client { projects { nodes { client { ...A } } } }",
            "{ clients { nodes { ...A } } } fragment A on Client { ...B } fragment B on Client { ...C } fragment C on Client { ...B }",
            "{ clients { nodes { ...A } } } fragment A on Client { ... on Client { ... { ...A } } }",
            "{ viewer { role } } fragment A on Client { ...A }",
        ],
    );
    cases
        .ours("5.5.2.3 fragment spread is possible")
        .ready([
            "{ clients { nodes { ... on Node { id } } } }",
            "{ clients { nodes { ... on Client { id } ...F } } } fragment F on Node { id ... on Client { name } }",
            "{ node(id: 1) { ... on Client { ... on Node { ... on Client { name } } } } }",
            "{ ... on Query { viewer { role } } }",
        ])
        .refused(
            "PossibleFragmentSpreads",
            [
                "{ clients { nodes { ... on Project { name } } } }",
                "{ viewer { ... on Node { id } } }",
                "{ node(id: 1) { ... on Viewer { role } } }",
                "{ node(id: 1) { ... on Client { ... on Project { name } } } }",
                "{ clients { nodes { ...F } } } fragment F on Project { name }",
                "{ clients { nodes { ...F } } } fragment F on Node { ...G } fragment G on Money { amount }",
                "{ ... on Mutation { __typename } }",
                "{ viewer { ... on Query { __typename } } }",
            ],
        );
    cases
        .wide("5.5.2.3 fragment spread is possible")
        .ready([
            "{ catOrDog { ... on Pet { name } } }",
            "{ pet { ... on CatOrDog { __typename } ... on DogOrHuman { __typename } } }",
            "{ animal { ... on Pet { ... on Dog { barkVolume } } ... on HumanOrAlien { __typename } } }",
            "{ catOrDog { ... on DogOrHuman { ... on Dog { name } } } }",
        ])
        .refused(
            "PossibleFragmentSpreads",
            [
                "{ catOrDog { ... on HumanOrAlien { __typename } } }",
                "{ catOrDog { ... on Human { name } } }",
                "{ pet { ... on HumanOrAlien { __typename } } }",
                "{ pet { ... on Human { name } } }",
                "{ animal { ... on Alien { name } } }",
                "{ dog { ... on Cat { name } } }",
                "{ boxes { ... on Pet { name } } }",
                "{ pet { ...F } } fragment F on HumanOrAlien { __typename }",
            ],
        );
}
