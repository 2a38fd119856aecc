//! Section 5: validation.

use serde_json::json;

use super::{Cases, Expected};

pub(super) fn add(cases: &mut Cases) {
    documents_and_operations(cases);
    fields(cases);
    merging(cases);
    arguments(cases);
    fragments(cases);
    values(cases);
    directives(cases);
    variables(cases);
    introspection(cases);
}

fn documents_and_operations(cases: &mut Cases) {
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
    cases.ours("5.2.1.1 operation type existence").refused(
        "KnownOperationTypes",
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

fn fields(cases: &mut Cases) {
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

fn merging(cases: &mut Cases) {
    cases
        .ours("5.3.2 field selection merging")
        .ready([
            "{ viewer { role role } }",
            "{ viewer { a: role a: role } }",
            "{ clients(first: 1) { totalCount } clients(first: 1) { nodes { id } } }",
            "{ a: clients(first: 1) { totalCount } b: clients(first: 2) { totalCount } }",
            "{ clients(first: 1, after: \"x\") { totalCount } clients(after: \"x\", first: 1) { totalCount } }",
            "{ clients(filter: {status: [LEAD], createdFrom: \"x\"}) { totalCount } \
               clients(filter: {createdFrom: \"x\", status: [LEAD]}) { totalCount } }",
            "{ node(id: 1) { ... on Client { name } ... on Project { name } } }",
            "{ node(id: 1) { ... on Client { label: name } ... on Task { label: title } } }",
            "{ node(id: 1) { ... on Client { projects(first: 1) { totalCount } } ... on Workspace { projects(first: 2) { totalCount } } } }",
            "{ viewer { role @skip(if: true) role @include(if: false) } }",
            "{ clients { nodes { id } } ...F } fragment F on Query { clients { nodes { name } totalCount } }",
            "{ client(id: \"\\u0041\") { id } client(id: \"A\") { name } }",
            "{ clients(first: null) { totalCount } clients(first: null) { totalCount } }",
            "{ invoices { nodes { total { amount } ... on Invoice { total { currency } } } } }",
        ])
        .refused(
            "OverlappingFieldsCanBeMerged",
            [
                "{ clients { nodes { a: id a: name } } }",
                "{ clients { nodes { name: id name } } }",
                "{ clients(first: 1) { totalCount } clients(first: 2) { totalCount } }",
                "{ clients(first: 1) { totalCount } clients { totalCount } }",
                "{ clients { totalCount } clients(first: null) { totalCount } }",
                "{ clients(first: 1) { totalCount } clients(last: 1) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {status: LEAD}) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } clients(filter: {status: [LEAD]}) { totalCount } }",
                "{ clients(filter: {status: []}) { totalCount } clients(filter: {status: [LEAD]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } clients(filter: {status: [ACTIVE, LEAD]}) { totalCount } }",
                "{ clients(filter: {status: [LEAD]}) { totalCount } clients(filter: {}) { totalCount } }",
                "{ client(id: 1) { id } client(id: \"1\") { id } }",
                "{ client(id: \"1\") { id } client(id: \"\"\"1\"\"\") { name } }",
                "{ client(id: \"1\") { id } ... on Query { client(id: \"2\") { id } } }",
                "query ($a: Int, $b: Int) { clients(first: $a) { totalCount } clients(first: $b) { totalCount } }",
                "query ($a: Int = 1) { clients(first: $a) { totalCount } clients(first: 1) { totalCount } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Client { a: id } } }",
                "{ node(id: 1) { a: id ... on Client { a: name } } }",
                // Shapes must be equal even where the types exclude each other.
                "{ node(id: 1) { ... on Client { status } ... on Project { status } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Project { a: description } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Project { a: client { name } } } }",
                "{ node(id: 1) { ... on Client { a: name } ... on Invoice { a: lineItems { description } } } }",
                "{ node(id: 1) { ... on Client { a: projects { nodes { b: id } } } ... on Project { a: client { b: company nodes: name } } } }",
                "{ node(id: 1) { ... on Invoice { a: client { b: name } } ... on Project { a: client { b: email } } } }",
                "{ clients { nodes { projects { nodes { x: id } } } } ...F } fragment F on Query { clients { nodes { projects { nodes { x: name } } } } }",
                "{ ...F ...G } fragment F on Query { a: clients { totalCount } } fragment G on Query { a: projects { totalCount } }",
                "{ viewer { x: role } ...F } fragment F on Query { viewer { ...G } } fragment G on Viewer { x: member { id } }",
                "{ __typename: viewer { role } __typename }",
            ],
        );
    cases
        .wide("5.3.2 field selection merging on unions and interfaces")
        .ready([
            "{ pet { ... on Dog { volume(unit: RED) } ... on Dog { volume(unit: RED) } } }",
            "{ pet { ... on Dog { a: knows(command: SIT) } ... on Cat { a: knows(command: HEEL) } } }",
            "{ boxes { ... on StringBox { deep { value { text } } } ... on IntBox { deep { value { number } } } } }",
            "{ boxes { ... on StringBox { deep { x: scalar } } ... on IntBox { deep { y: scalar } } } }",
            "{ boxes { ... on StringBox { list { id } } } }",
            "{ boxes { ... on StringBox { value { nested { text } } } value { nested { number } } } }",
            "{ lists(ints: [1, 2]) b: lists(ints: [1, 2]) lists(ints: [1, 2]) }",
            "{ scalars(any: {a: 1, b: [1, {c: 2}]}) scalars(any: {b: [1, {c: 2}], a: 1}) }",
            "{ scalars(float: 1.0) scalars(float: 1.0) }",
        ])
        .refused(
            "OverlappingFieldsCanBeMerged",
            [
                "{ pet { ... on Dog { volume } ... on Cat { volume } } }",
                "{ pet { ... on Dog { weight } ... on Cat { weight } } }",
                "{ catOrDog { ... on Dog { tags } ... on Cat { tags } } }",
                "{ pet { ... on Pet { a: name } ... on Dog { a: nickname } } }",
                "{ pet { ... on Animal { a: nickname } ... on Dog { a: name } } }",
                "{ boxes { ... on StringBox { scalar } ... on IntBox { scalar } } }",
                "{ boxes { ... on StringBox { scalar } ... on NonNullBox { scalar } } }",
                "{ boxes { ... on StringBox { deep { id } } ... on NonNullBox { deep { id } } } }",
                "{ boxes { ... on StringBox { list { id } } ... on IntBox { list { id } } } }",
                "{ boxes { ... on StringBox { list { id } } ... on NonNullBox { list { id } } } }",
                "{ boxes { ... on StringBox { a: list { id } } ... on IntBox { a: deep { id } } } }",
                "{ boxes { ... on StringBox { deep { scalar } } ... on IntBox { deep { scalar } } } }",
                "{ boxes { ... on StringBox { deep { x: id } } ... on IntBox { deep { x: scalar } } } }",
                "{ boxes { ... on StringBox { deep { ...S } } ... on IntBox { deep { ...I } } } } \
                  fragment S on StringBox { unrelated } fragment I on IntBox { unrelated }",
                "{ boxes { ... on StringBox { a: value { text } } ... on IntBox { a: value { text: number } } } }",
                "{ lists(ints: [1]) lists(ints: [1, 2]) }",
                "{ lists(ints: [1, 2]) lists(ints: [1]) }",
                "{ scalars(any: {a: 1}) scalars(any: {a: 1, b: 2}) }",
                "{ scalars(any: {a: [[1], [2]]}) scalars(any: {a: [[1], [2, 3]]}) }",
                "{ scalars(any: [{a: 1}]) scalars(any: [{a: 2}]) }",
                "{ scalars(int: 1) scalars(float: 1) }",
                "{ scalars(float: 1) scalars(float: 1.0) }",
                "{ scalars(float: 1.0) scalars(float: 1.00) }",
                "{ scalars(string: \"a\") scalars(string: \"b\") }",
                "{ scalars(colour: RED) scalars(colour: BLUE) }",
                "{ scalars(any: RED) scalars(any: \"RED\") }",
                "{ scalars(boolean: true) scalars(boolean: false) }",
                "query ($a: Int, $b: Int) { scalars(any: [$a]) scalars(any: [$b]) }",
                "query ($a: Int, $b: Int) { lists(ints: [$a, 1]) lists(ints: [$b, 1]) }",
            ],
        );
}

fn arguments(cases: &mut Cases) {
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

fn fragments(cases: &mut Cases) {
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

fn values(cases: &mut Cases) {
    cases
        .ours("5.6.1 values of correct type")
        .ready([
            "{ clients(first: 0) { totalCount } }",
            "{ clients(first: -0) { totalCount } }",
            "{ clients(first: 2147483647) { totalCount } }",
            "{ clients(first: -2147483648) { totalCount } }",
            "{ clients(first: null, after: null, filter: null) { totalCount } }",
            "{ clients(filter: {status: LEAD}) { totalCount } }",
            "{ clients(filter: {status: [LEAD, ACTIVE]}) { totalCount } }",
            "{ clients(filter: {status: null}) { totalCount } }",
            "{ clients(filter: {status: []}) { totalCount } }",
            "{ client(id: 1) { id } }",
            "{ client(id: 123456789012345678901234567890) { id } }",
            "{ client(id: -1) { id } }",
            "{ nodes(ids: \"a\") { id } }",
            "{ nodes(ids: [1, \"a\", \"\"\"b\"\"\"]) { id } }",
            "{ tasks(filter: {isSubtask: true, dueFrom: \"x\"}) { totalCount } }",
            "mutation { createWorkspace(input: {name: \"x\"}) { userErrors { code } } }",
            "mutation { createWorkspace(input: {name: \"x\", isPrivate: true, description: null}) { userErrors { code } } }",
            "mutation { createBillingPortalSession(input: {}) { url } }",
            "mutation { createInvoice(input: {clientId: 1, currency: \"USD\", lineItems: {description: \"x\", quantity: \"1\", rate: \"1\"}}) { userErrors { code } } }",
        ])
        .refused(
            "ValuesOfCorrectType",
            [
                "{ clients(first: \"1\") { totalCount } }",
                "{ clients(first: 1.0) { totalCount } }",
                "{ clients(first: 1e3) { totalCount } }",
                "{ clients(first: true) { totalCount } }",
                "{ clients(first: ONE) { totalCount } }",
                "{ clients(first: [1]) { totalCount } }",
                "{ clients(first: {}) { totalCount } }",
                "{ clients(first: 2147483648) { totalCount } }",
                "{ clients(first: -2147483649) { totalCount } }",
                "{ clients(first: 99999999999999999999999) { totalCount } }",
                "{ clients(after: 1) { totalCount } }",
                "{ clients(after: true) { totalCount } }",
                "{ clients(after: x) { totalCount } }",
                "{ clients(after: [\"x\"]) { totalCount } }",
                "{ client(id: 1.0) { id } }",
                "{ client(id: true) { id } }",
                "{ client(id: x) { id } }",
                "{ client(id: [1]) { id } }",
                "{ client(id: {id: 1}) { id } }",
                "{ nodes(ids: null) { id } }",
                "{ nodes(ids: [null]) { id } }",
                "{ nodes(ids: [[1]]) { id } }",
                "{ nodes(ids: [1.5]) { id } }",
                "{ nodes(ids: {}) { id } }",
                "{ clients(filter: {status: \"LEAD\"}) { totalCount } }",
                "{ clients(filter: {status: lead}) { totalCount } }",
                "{ clients(filter: {status: 1}) { totalCount } }",
                "{ clients(filter: {status: true}) { totalCount } }",
                "{ clients(filter: {status: [LEAD, null]}) { totalCount } }",
                "{ clients(filter: {status: [[LEAD]]}) { totalCount } }",
                "{ clients(filter: {status: {}}) { totalCount } }",
                "{ clients(filter: LEAD) { totalCount } }",
                "{ clients(filter: \"x\") { totalCount } }",
                "{ clients(filter: [{}]) { totalCount } }",
                "{ clients(filter: 1) { totalCount } }",
                "{ tasks(filter: {isSubtask: \"true\"}) { totalCount } }",
                "{ tasks(filter: {isSubtask: 1}) { totalCount } }",
                "{ tasks(filter: {isSubtask: TRUE}) { totalCount } }",
                "{ viewer { role @skip(if: 1) } }",
                "{ viewer { role @skip(if: \"true\") } }",
                "mutation { createWorkspace(input: {name: \"x\", isPrivate: null}) { userErrors { code } } }",
                "mutation { createWorkspace(input: {name: null}) { userErrors { code } } }",
                "{ __type(name: Client) { name } }",
                "{ viewer { ...F } ...G } fragment F on Viewer { role @skip(if: 0) } fragment G on Query { client(id: 1.5) { id } }",
                "query ($n: Int = \"1\") { clients(first: $n) { totalCount } }",
                "query ($n: Int! = null) { clients(first: $n) { totalCount } }",
                "query ($s: [ClientStatus!] = [null]) { clients(filter: {status: $s}) { totalCount } }",
                "query ($s: ClientFilter = {state: LEAD}) { clients(filter: $s) { totalCount } }",
                "query ($id: ID! = 1.5) { client(id: $id) { id } }",
            ],
        );
    cases
        .wide("5.6.1 values of correct type: scalars")
        .ready([
            "{ scalars(int: 1, float: 1, string: \"x\", boolean: false, id: 1, any: 1, colour: RED) }",
            "{ scalars(float: 1.5e10, id: \"1\", any: {a: [1, \"x\", RED, null, true, 1.5, {b: []}]}, colour: on) }",
            "{ scalars(float: 123456789012345678901234567890) }",
            "{ scalars(float: -0.0) }",
            "{ scalars(any: [RED, [GREEN]]) }",
            "{ scalars(any: null) }",
            "query ($x: Int) { scalars(any: [$x, {a: $x}]) }",
            "query ($x: Anything) { scalars(any: $x) }",
            "{ lists(ints: 1, strings: \"x\", booleans: true, colours: query, any: {}, ids: 1) }",
            "{ lists(ints: [1, null], any: [[1], {a: 1}, null]) }",
            "{ matrix(rows: 1) }",
            "{ matrix(rows: [1, 2]) }",
            "{ matrix(rows: [[1], null, [null]]) }",
            "{ matrix(cells: 1) }",
            "{ matrix(cells: [[1]]) }",
            "{ scalars(colour: fragment) a: scalars(colour: type) b: scalars(colour: input) }",
        ])
        .refused(
            "ValuesOfCorrectType",
            [
                "{ scalars(float: \"1\") }",
                "{ scalars(float: true) }",
                "{ scalars(float: [1.0]) }",
                "{ scalars(string: 1.5) }",
                "{ scalars(string: RED) }",
                "{ scalars(boolean: 0) }",
                "{ scalars(boolean: \"false\") }",
                "{ scalars(colour: PURPLE) }",
                "{ scalars(colour: \"RED\") }",
                "{ scalars(colour: true) }",
                "{ scalars(colour: {}) }",
                "{ lists(strings: [null]) }",
                "{ lists(booleans: null) }",
                "{ lists(ints: [1, \"2\"]) }",
                "{ lists(ints: [[1]]) }",
                "{ lists(ints: {}) }",
                "{ matrix(rows: [[[1]]]) }",
                "{ matrix(rows: [\"x\"]) }",
                "{ matrix(cells: [[null]]) }",
                "{ matrix(cells: [null]) }",
            ],
        );
    cases
        .wide("5.6.1 one-of input objects")
        .ready([
            "{ find(by: {name: \"x\"}) { name } }",
            "{ find(by: {by: {depth: 1}}) { name } }",
            "{ maybeFind(by: {ids: [1]}, all: [{id: 1}, {name: \"x\"}]) { name } }",
            "{ complex(input: {required: true, lookup: {id: 1}}) }",
            "{ maybeFind { name } }",
            "query ($l: Lookup = {id: 1}) { maybeFind(by: $l) { name } }",
        ])
        .refused(
            "ValuesOfCorrectType",
            [
                "{ find(by: {}) { name } }",
                "{ find(by: {name: null}) { name } }",
                "{ find(by: {name: \"x\", id: 1}) { name } }",
                "{ find(by: {name: \"x\", id: null}) { name } }",
                "{ maybeFind(by: {}) { name } }",
                "{ maybeFind(all: [{name: \"x\"}, {}]) { name } }",
                "{ complex(input: {required: true, lookup: {}}) }",
                "query ($l: Lookup = {}) { maybeFind(by: $l) { name } }",
                "query ($l: Lookup = {id: 1, name: \"x\"}) { maybeFind(by: $l) { name } }",
                "query ($n: String!, $i: ID!) { find(by: {name: $n, id: $i}) { name } }",
            ],
        )
        .refused(
            "VariablesInAllowedPosition",
            [
                "query ($n: String) { maybeFind(by: {name: $n}) { name } }",
                "query ($n: String = \"x\") { maybeFind(by: {name: $n}) { name } }",
            ],
        )
        .fit("query ($n: String!) { find(by: {name: $n}) { name } }", [json!({"n": "x"})])
        .fit("query ($l: Lookup!) { find(by: $l) { name } }", [json!({"l": {"name": "x"}})]);
    cases.wide("5.8.5 one-of input objects in a position that is not null: the reference misses the rule").ready([
        "query ($n: String) { find(by: {name: $n}) { name } }",
        "query ($n: String = \"x\") { find(by: {name: $n}) { name } }",
        "query ($n: ID) { maybeFind(all: [{id: $n}]) { name } }",
    ]);
    cases
        .ours("5.6.2 input object field names")
        .refused(
            "ValuesOfCorrectType",
            [
                "{ clients(filter: {nothing: 1}) { totalCount } }",
                "{ clients(filter: {Status: LEAD}) { totalCount } }",
                "mutation { createProject(input: {name: \"x\", budget: {amount: \"1\", currency: \"USD\", cents: 1}}) { userErrors { code } } }",
                "mutation { createInvoice(input: {clientId: 1, currency: \"USD\", lineItems: [{description: \"x\", quantity: \"1\", rate: \"1\", unit: \"h\"}]}) { userErrors { code } } }",
                "query ($x: Int) { clients(filter: {nothing: $x}) { totalCount } }",
                "{ clients(filter: {__typename: \"x\"}) { totalCount } }",
            ],
        );
    cases.ours("5.6.3 input object field uniqueness").refused(
        "UniqueInputFieldNames",
        [
            "{ clients(filter: {status: LEAD, status: LEAD}) { totalCount } }",
            "{ clients(filter: {status: LEAD, createdFrom: \"x\", status: ACTIVE}) { totalCount } }",
            "mutation { createProject(input: {name: \"x\", budget: {amount: \"1\", amount: \"1\", currency: \"USD\"}}) { userErrors { code } } }",
            "query ($f: ClientFilter = {status: LEAD, status: LEAD}) { clients(filter: $f) { totalCount } }",
            "query ($s: [ClientStatus!]) { clients(filter: {status: $s, status: $s}) { totalCount } }",
        ],
    );
    cases.wide("5.6.3 input object field uniqueness").refused(
        "UniqueInputFieldNames",
        [
            "{ scalars(any: {a: 1, a: 2}) }",
            "{ scalars(any: [{b: {a: 1, a: 2}}]) }",
            "{ complex(input: {required: true, any: {a: 1, a: 1}}) }",
            "{ complex(input: {required: true, required: true}) }",
            "{ find(by: {name: \"x\", name: \"x\"}) { name } }",
            "query ($a: Anything = {a: 1, a: 1}) { scalars(any: $a) }",
            "query ($a: Int @everywhere(list: [1])) @everywhere(flag: true) { scalars(int: $a, any: {x: {y: 1, y: 1}}) }",
        ],
    );
    cases.ours("5.6.4 input object required fields").refused(
        "ValuesOfCorrectType",
        [
            "mutation { createClient(input: {}) { userErrors { code } } }",
            "mutation { createClient(input: {email: \"x\"}) { userErrors { code } } }",
            "{ clients(orderBy: [{}]) { totalCount } }",
            "{ clients(orderBy: {direction: ASC}) { totalCount } }",
            "mutation { createProject(input: {name: \"x\", budget: {amount: \"1\"}}) { userErrors { code } } }",
            "mutation { createInvoice(input: {clientId: 1, currency: \"USD\", lineItems: {description: \"x\"}}) { userErrors { code } } }",
            "query ($o: [ClientOrder!] = {direction: ASC}) { clients(orderBy: $o) { totalCount } }",
        ],
    );
    cases
        .wide("5.6.4 input object required fields")
        .ready([
            "{ complex(input: {required: true}) }",
            "{ complex(input: {required: true, inner: {required: false}, grid: [[1]]}) }",
            "query ($b: Boolean) { complex(input: {required: true, nonNullDefault: $b}) }",
        ])
        .refused(
            "ValuesOfCorrectType",
            [
                "{ complex(input: {}) }",
                "{ complex(input: {required: null}) }",
                "{ complex(input: {required: true, nonNullDefault: null}) }",
                "{ complex(input: {required: true, inner: {}}) }",
                "{ animals(where: {depth: null}) { name } }",
                "{ animals(where: {and: [{depth: 1}, {not: {depth: null}}]}) { name } }",
            ],
        );
}

fn directives(cases: &mut Cases) {
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

fn variables(cases: &mut Cases) {
    cases
        .ours("5.8.1 variable uniqueness")
        .refused(
            "UniqueVariableNames",
            [
                "query ($a: Int, $a: Int) { clients(first: $a) { totalCount } }",
                "query ($a: Int, $b: Int, $a: String) { clients(first: $a, last: $b) { totalCount } }",
            ],
        )
        .choice(
            Expected::Ready,
            "query A($a: Int) { clients(first: $a) { totalCount } } query B($a: Int) { clients(first: $a) { totalCount } }",
            Some("A"),
        );
    cases.ours("5.8.2 variables are input types").refused(
        "VariablesAreInputTypes",
        [
            "query ($a: Client) { clients(first: $a) { totalCount } }",
            "query ($a: Node!) { clients(first: $a) { totalCount } }",
            "query ($a: [Viewer!]!) { clients(first: $a) { totalCount } }",
            "query ($a: Query) { viewer { role } }",
        ],
    );
    cases
        .ours("5.8.2 variables are of known types")
        .refused("KnownTypeNames", ["query ($a: Nothing) { clients(first: $a) { totalCount } }"]);
    cases.ours("5.8.3 all variable uses defined").refused(
        "NoUndefinedVariables",
        [
            "{ clients(first: $a) { totalCount } }",
            "query ($a: Int) { clients(first: $a, last: $b) { totalCount } }",
            "{ clients(filter: {status: $a}) { totalCount } }",
            "{ clients(filter: {status: [LEAD, $a]}) { totalCount } }",
            "{ viewer { role @skip(if: $a) } }",
            "{ viewer { ... @include(if: $a) { role } } }",
            "{ viewer { ...F @include(if: $a) } } fragment F on Viewer { role }",
            "{ ...F } fragment F on Query { clients(first: $a) { totalCount } }",
            "{ ...F } fragment F on Query { ...G } fragment G on Query { clients(first: $a) { totalCount } }",
            "query A($a: Int) { ...F } query B { ...F } fragment F on Query { clients(first: $a) { totalCount } }",
        ],
    );
    cases.wide("5.8.3 all variable uses defined").refused(
        "NoUndefinedVariables",
        [
            "{ scalars(any: $a) }",
            "{ scalars(any: [$a]) }",
            "{ scalars(any: {x: {y: [$a]}}) }",
            "query @everywhere(note: $a) { dog { name } }",
            "{ dog { ...F } } fragment F on Dog @everywhere(note: $a) { name }",
        ],
    );
    cases.ours("5.8.4 all variables used").refused(
        "NoUnusedVariables",
        [
            "query ($a: Int) { viewer { role } }",
            "query ($a: Int, $b: Int) { clients(first: $a) { totalCount } }",
            "query ($a: Int = 1) { viewer { role } }",
            "query A($a: Int) { clients(first: $a) { totalCount } } query B($a: Int) { viewer { role } }",
            "query ($a: Int) { viewer { role } } fragment F on Query { clients(first: $a) { totalCount } }",
        ],
    );
    cases
        .wide("5.8.4 all variables used")
        .ready([
            "query ($a: String) @everywhere(note: $a) { dog { name } }",
            "query ($a: String) { dog { ...F } } fragment F on Dog @everywhere(note: $a) { name }",
            "query ($a: Int) { scalars(any: {x: [{y: $a}]}) }",
        ])
        .refused("NoUnusedVariables", ["query ($a: Int, $b: Int @everywhere(list: [1])) { scalars(int: $b) }"]);
    cases.wide("5.8 no variables in constants").syntax([
        "query ($a: Int = $b, $b: Int) { scalars(int: $a) a: scalars(int: $b) }",
        "query ($a: [Int] = [$b], $b: Int) { lists(ints: $a) }",
        "query ($a: Int @everywhere(note: $b), $b: String) { scalars(int: $a, string: $b) }",
        "query ($a: Complex = {required: $b}, $b: Boolean) { complex(input: $a) }",
    ]);
    cases
        .ours("5.8.5 all variable usages are allowed")
        .fit(
            "query ($a: ID!) { client(id: $a) { id } nodes(ids: [$a]) { id } }",
            [json!({"a": "x"})],
        )
        .fit("query ($a: [ID!]!) { nodes(ids: $a) { id } }", [json!({"a": ["x"]})])
        .fit("query ($a: Boolean!) { viewer { role @skip(if: $a) } }", [json!({"a": true})])
        .ready([
            "query ($a: ID = \"x\") { client(id: $a) { id } }",
            "query ($a: [ID!] = [\"x\"]) { nodes(ids: $a) { id } }",
            "query ($a: Boolean = false) { viewer { role @skip(if: $a) } }",
            "query ($a: ID = \"x\") { nodes(ids: [$a]) { id } }",
            "query ($a: [ClientStatus!]) { clients(filter: {status: $a}) { totalCount } }",
            "query ($a: ClientStatus! = LEAD) { clients(filter: {status: [$a]}) { totalCount } }",
            "query ($a: Boolean) { tasks(filter: {isSubtask: $a}) { totalCount } }",
        ])
        .refused(
            "VariablesInAllowedPosition",
            [
                "query ($a: ID) { client(id: $a) { id } }",
                "query ($a: ID = null) { client(id: $a) { id } }",
                "query ($a: String) { clients(first: $a) { totalCount } }",
                "query ($a: String!) { client(id: $a) { id } }",
                "query ($a: Int!) { client(id: $a) { id } }",
                "query ($a: [Int]) { clients(first: $a) { totalCount } }",
                "query ($a: ID!) { nodes(ids: $a) { id } }",
                "query ($a: ID) { nodes(ids: [$a]) { id } }",
                "query ($a: [ID]!) { nodes(ids: $a) { id } }",
                "query ($a: [ID!]) { nodes(ids: $a) { id } }",
                "query ($a: [ID!]!) { nodes(ids: [$a]) { id } }",
                "query ($a: ClientStatus) { clients(filter: {status: [$a]}) { totalCount } }",
                "query ($a: ClientStatus) { clients(filter: {status: $a}) { totalCount } }",
                "query ($a: [ClientStatus]) { clients(filter: {status: $a}) { totalCount } }",
                "query ($a: String) { clients(filter: {status: $a}) { totalCount } }",
                "query ($a: TaskStatus!) { clients(filter: {status: [$a]}) { totalCount } }",
                "query ($a: Boolean) { viewer { role @skip(if: $a) } }",
                "query ($a: Boolean = null) { viewer { role @skip(if: $a) } }",
                "query ($a: String!) { viewer { role @skip(if: $a) } }",
                "query ($a: String) { tasks(filter: {isSubtask: $a}) { totalCount } }",
                "query ($a: String) { tasks(filter: {dueFrom: $a}) { totalCount } }",
                "query ($a: String) { clients(orderBy: {field: NAME, direction: $a}) { totalCount } }",
                "query ($a: ClientOrderField) { clients(orderBy: {field: $a}) { totalCount } }",
                "mutation ($a: String) { createClient(input: {name: $a}) { userErrors { code } } }",
                "mutation ($a: CreateClientInput) { createClient(input: $a) { userErrors { code } } }",
                "mutation ($a: UpdateClientInput!) { createClient(input: $a) { userErrors { code } } }",
                "mutation ($a: LineItemInput) { createInvoice(input: {clientId: 1, currency: \"USD\", lineItems: [$a]}) { userErrors { code } } }",
                "mutation ($a: String) { createInvoice(input: {clientId: 1, currency: \"USD\", lineItems: [{description: $a, quantity: \"1\", rate: \"1\"}]}) { userErrors { code } } }",
                "query ($a: ID) { ...F } fragment F on Query { client(id: $a) { id } }",
                "query A($a: ID!) { ...F } query B($a: ID) { ...F } fragment F on Query { client(id: $a) { id } }",
                "query ($a: ID) { ...F } fragment F on Query { nodes(ids: [$a]) { id } }",
            ],
        );
    cases
        .wide("5.8.5 all variable usages are allowed")
        .ready([
            "query ($a: Int) { required(int: 1, float: 1, withDefault: $a) }",
            "query ($a: Int = 1) { required(int: $a, float: 1) }",
            "query ($a: Boolean) { complex(input: {required: true, nonNullDefault: $a}) }",
            "query ($a: Boolean = true) { complex(input: {required: $a}) }",
            "query ($a: [Int!] = [1]) { matrix(cells: [$a]) }",
            "query ($a: [[Int!]!]) { matrix(rows: $a, cells: $a) }",
            "query ($a: [Int]) { matrix(rows: [$a, [1]]) }",
            "query ($a: Int) { matrix(rows: [[$a]]) }",
            "query ($a: String) { scalars(any: {x: $a}) }",
            "query ($a: Int) { scalars(any: [$a]) }",
            "query ($a: Colour) @everywhere { scalars(any: [$a], colour: $a) }",
        ])
        .refused(
            "VariablesInAllowedPosition",
            [
                "query ($a: Int) { required(int: $a, float: 1) }",
                "query ($a: Int!) { required(int: 1, float: $a) }",
                "query ($a: Int = null) { required(int: $a, float: 1) }",
                "query ($a: Boolean) { complex(input: {required: $a}) }",
                "query ($a: Boolean = null) { complex(input: {required: $a}) }",
                "query ($a: Boolean) { complex(input: {required: true, inner: {required: $a}}) }",
                "query ($a: Int) { complex(input: {required: true, ints: [$a]}) }",
                "query ($a: Int) { complex(input: {required: true, ints: $a}) }",
                "query ($a: [Int]) { complex(input: {required: true, ints: $a}) }",
                "query ($a: String) { scalars(any: $a) }",
                "query ($a: Int) { matrix(rows: [$a]) }",
                "query ($a: Int) { matrix(cells: [[$a]]) }",
                "query ($a: [Int!]) { matrix(cells: [$a]) }",
                "query ($a: Int!) { matrix(rows: $a) }",
                "query ($a: Int) { dog { name @onField(needed: $a) } }",
                "query ($a: String) @everywhere(list: [$a]) { dog { name } }",
                "query ($a: Int) @everywhere(list: [$a]) { dog { name } }",
                "query ($a: Float) { lists(ints: [$a]) }",
                "query ($a: AnimalFilter) { animals(where: {and: [$a]}) { name } }",
                "query ($a: Int) { animals(where: {and: [{not: {depth: 1, and: {name: $a}}}]}) { name } }",
            ],
        );
}

fn introspection(cases: &mut Cases) {
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
