//! Section 5.8: variables.

use serde_json::json;

use super::super::{Cases, Expected};

pub(super) fn variables(cases: &mut Cases) {
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
