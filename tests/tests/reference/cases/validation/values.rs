//! Section 5.6: values.

use serde_json::json;

use super::super::Cases;

pub(super) fn values(cases: &mut Cases) {
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
