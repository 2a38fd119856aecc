//! Sections 3.10 and 6.1.2: the values of variables.

use serde_json::json;

use super::Cases;

pub(super) fn add(cases: &mut Cases) {
    presence(cases);
    scalars(cases);
    lists(cases);
    input_objects(cases);
    one_of(cases);
}

fn presence(cases: &mut Cases) {
    cases
        .ours("6.1.2 absent, null and default values")
        .fit("query ($a: Int) { clients(first: $a) { totalCount } }", [json!({}), json!({"a": null}), json!({"a": 1})])
        .fit(
            "query ($a: Int = 5) { clients(first: $a) { totalCount } }",
            [json!({}), json!({"a": null}), json!({"a": 1}), json!({"b": 1})],
        )
        .fit(
            "query ($a: Int = null) { clients(first: $a) { totalCount } }",
            [json!({}), json!({"a": null}), json!({"a": 1})],
        )
        .fit("query ($a: Int! = 5) { clients(first: $a) { totalCount } }", [json!({}), json!({"a": 1})])
        .unfit("query ($a: Int! = 5) { clients(first: $a) { totalCount } }", [json!({"a": null})])
        .unfit(
            "query ($a: Int!) { clients(first: $a) { totalCount } }",
            [json!({}), json!({"a": null}), json!({"A": 1})],
        )
        .fit(
            "query ($a: Int!) { clients(first: $a) { totalCount } }",
            [json!({"a": 1}), json!({"a": 1, "b": {"c": [null]}})],
        )
        .fit("{ viewer { role } }", [json!({"a": 1}), json!({"": null}), json!({"viewer": "x"})])
        .fit(
            "query ($a: Int, $b: Int) { clients(first: $a, last: $b) { totalCount } }",
            [json!({"b": 1}), json!({"a": 1, "b": null})],
        )
        .unfit(
            "query ($a: Int, $b: Int!) { clients(first: $a, last: $b) { totalCount } }",
            [json!({"a": 1}), json!({"a": "x", "b": 1})],
        );
}

fn scalars(cases: &mut Cases) {
    let int = "query ($a: Int) { scalars(int: $a) }";
    let float = "query ($a: Float) { scalars(float: $a) }";
    let string = "query ($a: String) { scalars(string: $a) }";
    let boolean = "query ($a: Boolean) { scalars(boolean: $a) }";
    let id = "query ($a: ID) { scalars(id: $a) }";
    let colour = "query ($a: Colour) { scalars(colour: $a) }";
    cases
        .wide("3.5.1 Int")
        .fit(
            int,
            [
                json!({"a": 0}),
                json!({"a": -1}),
                json!({"a": 2_147_483_647}),
                json!({"a": -2_147_483_648_i64}),
                json!({"a": 1.0}),
                json!({"a": -0.0}),
                json!({"a": 1e3}),
                json!({"a": 2_147_483_647.0}),
            ],
        )
        .unfit(
            int,
            [
                json!({"a": 2_147_483_648_i64}),
                json!({"a": -2_147_483_649_i64}),
                json!({"a": 9_007_199_254_740_993_i64}),
                json!({"a": u64::MAX}),
                json!({"a": 1.5}),
                json!({"a": 1e10}),
                json!({"a": 1e300}),
                json!({"a": "1"}),
                json!({"a": ""}),
                json!({"a": true}),
                json!({"a": [1]}),
                json!({"a": []}),
                json!({"a": {}}),
                json!({"a": {"value": 1}}),
            ],
        );
    cases
        .wide("3.5.2 Float")
        .fit(
            float,
            [
                json!({"a": 0}),
                json!({"a": 1}),
                json!({"a": -1.5}),
                json!({"a": 1e300}),
                json!({"a": -0.0}),
                json!({"a": 2_147_483_648_i64}),
                json!({"a": 9_007_199_254_740_991_i64}),
                json!({"a": 9_007_199_254_740_992_i64}),
                json!({"a": -9_007_199_254_740_992_i64}),
                json!({"a": 1e20}),
            ],
        )
        .unfit(
            float,
            [json!({"a": "1"}), json!({"a": "NaN"}), json!({"a": true}), json!({"a": [1.5]}), json!({"a": {}})],
        );
    cases
        .wide("3.5.3 String")
        .fit(
            string,
            [
                json!({"a": ""}),
                json!({"a": "x\u{0}\n\u{1f600}\u{2028}"}),
                json!({"a": "\\u0041"}),
                json!({"a": "null"}),
            ],
        )
        .unfit(string, [json!({"a": 1}), json!({"a": 1.5}), json!({"a": true}), json!({"a": ["x"]}), json!({"a": {}})]);
    cases.wide("3.5.4 Boolean").fit(boolean, [json!({"a": true}), json!({"a": false})]).unfit(
        boolean,
        [
            json!({"a": "true"}),
            json!({"a": ""}),
            json!({"a": 1}),
            json!({"a": 0}),
            json!({"a": [true]}),
            json!({"a": {}}),
        ],
    );
    cases
        .wide("3.5.5 ID")
        .fit(
            id,
            [
                json!({"a": ""}),
                json!({"a": "x"}),
                json!({"a": "1"}),
                json!({"a": 1}),
                json!({"a": 0}),
                json!({"a": -7}),
                json!({"a": 1.0}),
                json!({"a": 2_147_483_648_i64}),
                json!({"a": 9_007_199_254_740_993_i64}),
                json!({"a": i64::MIN}),
                json!({"a": u64::MAX}),
            ],
        )
        .unfit(id, [json!({"a": 1.5}), json!({"a": true}), json!({"a": ["x"]}), json!({"a": {"id": 1}})])
        .fit("query ($a: ID = 7, $b: ID = \"7\", $c: [ID!] = [1, \"b\"]) { scalars(id: $a) b: scalars(id: $b) lists(ids: $c) }", [json!({})]);
    cases.wide("3.9 enums").fit(colour, [json!({"a": "RED"}), json!({"a": "on"}), json!({"a": "query"})]).unfit(
        colour,
        [
            json!({"a": "red"}),
            json!({"a": "PURPLE"}),
            json!({"a": ""}),
            json!({"a": 0}),
            json!({"a": true}),
            json!({"a": ["RED"]}),
            json!({"a": {"RED": 1}}),
            json!({"a": "toString"}),
            json!({"a": "__proto__"}),
        ],
    );
    cases.wide("3.5.6 custom scalars take anything").fit(
        "query ($a: Anything) { scalars(any: $a) }",
        [
            json!({"a": 1}),
            json!({"a": 1.5}),
            json!({"a": 9_007_199_254_740_993_i64}),
            json!({"a": "x"}),
            json!({"a": true}),
            json!({"a": [1, [null, {"b": []}]]}),
            json!({"a": {"b": {"c": null}}}),
            json!({"a": {}}),
        ],
    );
    cases.wide("3.5.6 custom scalars: defaults").fit(
        "query ($a: Anything = {a: [1, 1.5, \"x\", RED, true, null], b: {}}) { scalars(any: $a) }",
        [json!({}), json!({"a": null})],
    );
}

fn lists(cases: &mut Cases) {
    cases
        .ours("3.11 lists")
        .fit(
            "query ($a: [ID!]!) { nodes(ids: $a) { id } }",
            [json!({"a": []}), json!({"a": ["x"]}), json!({"a": "x"}), json!({"a": 1}), json!({"a": ["x", 1]})],
        )
        .unfit(
            "query ($a: [ID!]!) { nodes(ids: $a) { id } }",
            [
                json!({}),
                json!({"a": null}),
                json!({"a": [null]}),
                json!({"a": ["x", null]}),
                json!({"a": [["x"]]}),
                json!({"a": [1.5]}),
                json!({"a": true}),
                json!({"a": {"0": "x"}}),
            ],
        )
        .fit(
            "query ($a: [ClientStatus!]) { clients(filter: {status: $a}) { totalCount } }",
            [json!({}), json!({"a": null}), json!({"a": []}), json!({"a": "LEAD"}), json!({"a": ["LEAD", "ACTIVE"]})],
        )
        .unfit(
            "query ($a: [ClientStatus!]) { clients(filter: {status: $a}) { totalCount } }",
            [json!({"a": [null]}), json!({"a": "lead"}), json!({"a": [["LEAD"]]}), json!({"a": [0]})],
        )
        .fit(
            "query ($a: [ClientStatus!] = LEAD) { clients(filter: {status: $a}) { totalCount } }",
            [json!({}), json!({"a": null}), json!({"a": "ACTIVE"})],
        )
        .fit("query ($a: [ID!]! = 7) { nodes(ids: $a) { id } }", [json!({})])
        .fit("query ($a: [ID!]! = [\"x\", 7]) { nodes(ids: $a) { id } }", [json!({})]);
    cases
        .wide("3.11 lists of lists")
        .fit(
            "query ($a: [[Int]]) { matrix(rows: $a) }",
            [
                json!({"a": null}),
                json!({"a": []}),
                json!({"a": 1}),
                json!({"a": [1, 2]}),
                json!({"a": [[1, 2], 3, null, [null]]}),
                json!({"a": [[], [1.0]]}),
            ],
        )
        .unfit(
            "query ($a: [[Int]]) { matrix(rows: $a) }",
            [json!({"a": [[[1]]]}), json!({"a": "x"}), json!({"a": [["1"]]}), json!({"a": [{}]})],
        )
        .fit("query ($a: [[Int!]!]) { matrix(cells: $a) }", [json!({"a": 1}), json!({"a": [1]}), json!({"a": [[1], 2]})])
        .unfit("query ($a: [[Int!]!]) { matrix(cells: $a) }", [json!({"a": [null]}), json!({"a": [[1, null]]}), json!({"a": [[1], null]})])
        .fit("query ($a: [[Int]] = 1, $b: [[Int]] = [1, 2], $c: [[Int!]!] = [[1], 2]) { a: matrix(rows: $a) b: matrix(rows: $b) c: matrix(cells: $c) }", [json!({})])
        .fit(
            "query ($a: [Anything]) { lists(any: $a) }",
            [json!({"a": {"b": 1}}), json!({"a": [[1], null, {"c": []}]}), json!({"a": "x"})],
        );
}

fn input_objects(cases: &mut Cases) {
    let create = "mutation ($a: CreateWorkspaceInput!) { createWorkspace(input: $a) { userErrors { code } } }";
    let invoice = "mutation ($a: CreateInvoiceInput!) { createInvoice(input: $a) { userErrors { code } } }";
    cases
        .ours("3.10 input objects")
        .fit(
            create,
            [
                json!({"a": {"name": "x"}}),
                json!({"a": {"name": "x", "isPrivate": true}}),
                json!({"a": {"name": "x", "isPrivate": false, "description": null}}),
                json!({"a": {"description": "y", "name": "x"}}),
            ],
        )
        .unfit(
            create,
            [
                json!({}),
                json!({"a": null}),
                json!({"a": {}}),
                json!({"a": []}),
                json!({"a": [{"name": "x"}]}),
                json!({"a": "x"}),
                json!({"a": 1}),
                json!({"a": true}),
                json!({"a": {"name": null}}),
                json!({"a": {"name": 1}}),
                json!({"a": {"name": ["x"]}}),
                json!({"a": {"name": "x", "isPrivate": null}}),
                json!({"a": {"name": "x", "isPrivate": "true"}}),
                json!({"a": {"name": "x", "extra": 1}}),
                json!({"a": {"name": "x", "extra": null}}),
                json!({"a": {"name": "x", "__typename": "CreateWorkspaceInput"}}),
                json!({"a": {"name": "x", "": 1}}),
                json!({"a": {"Name": "x"}}),
                json!({"a": {"name": "x", "toString": 1}}),
            ],
        )
        .fit(
            invoice,
            [
                json!({"a": {"clientId": 1, "currency": "USD"}}),
                json!({"a": {"clientId": "x", "currency": "USD", "taskIds": "t", "lineItems": {"description": "x", "quantity": "1", "rate": "2"}}}),
                json!({"a": {"clientId": "x", "currency": "USD", "taskIds": [1, "t"], "lineItems": []}}),
            ],
        )
        .unfit(
            invoice,
            [
                json!({"a": {"clientId": 1.5, "currency": "USD"}}),
                json!({"a": {"currency": "USD"}}),
                json!({"a": {"clientId": null, "currency": "USD"}}),
                json!({"a": {"clientId": 1, "currency": "USD", "lineItems": [null]}}),
                json!({"a": {"clientId": 1, "currency": "USD", "lineItems": [{"description": "x", "quantity": "1"}]}}),
                json!({"a": {"clientId": 1, "currency": "USD", "lineItems": [{"description": "x", "quantity": "1", "rate": "1", "unit": "h"}]}}),
                json!({"a": {"clientId": 1, "currency": "USD", "lineItems": [[]]}}),
            ],
        )
        .fit(
            "query ($a: ClientFilter = {status: LEAD}) { clients(filter: $a) { totalCount } }",
            [json!({}), json!({"a": {}}), json!({"a": null}), json!({"a": {"status": ["LEAD"]}})],
        )
        .fit(
            "mutation ($a: CreateWorkspaceInput! = {name: \"x\"}) { createWorkspace(input: $a) { userErrors { code } } }",
            [json!({}), json!({"a": {"name": "y"}})],
        )
        .fit(
            "query ($f: ClientOrderField!, $d: OrderDirection! = ASC) { clients(orderBy: {field: $f, direction: $d}) { totalCount } }",
            [json!({"f": "NAME"}), json!({"f": "CREATED_AT", "d": "DESC"})],
        );
    let complex = "query ($a: Complex) { complex(input: $a) }";
    cases
        .wide("3.10 input objects, nested, with defaults")
        .fit(
            complex,
            [
                json!({"a": {"required": true}}),
                json!({"a": {"required": true, "inner": {"required": false, "inner": {"required": true, "colour": "RED"}}}}),
                json!({"a": {"required": true, "ints": 1, "grid": 1, "colour": null}}),
                json!({"a": {"required": true, "ints": [1.0], "grid": [1, [2]], "any": {"x": [1]}}}),
                json!({"a": {"required": true, "int": 1e2, "lookup": {"id": 7}}}),
                json!({"a": {"required": true, "inner": null, "on": 1}}),
            ],
        )
        .unfit(
            complex,
            [
                json!({"a": {}}),
                json!({"a": {"required": true, "inner": {}}}),
                json!({"a": {"required": true, "inner": {"required": true, "inner": {"required": null}}}}),
                json!({"a": {"required": true, "inner": {"required": true, "extra": 1}}}),
                json!({"a": {"required": true, "nonNullDefault": null}}),
                json!({"a": {"required": true, "ints": [null]}}),
                json!({"a": {"required": true, "grid": [[[1]]]}}),
                json!({"a": {"required": true, "colour": "red"}}),
                json!({"a": {"required": true, "int": 1.5}}),
            ],
        )
        .fit(
            "query ($a: Complex = {required: true, ints: 1, inner: {required: false, grid: [1]}, lookup: {id: 7}}) { complex(input: $a) }",
            [json!({}), json!({"a": null})],
        )
        .fit(
            "query ($a: AnimalFilter = {}, $b: AnimalFilter = {colours: RED, and: {not: {}}}) { a: animals(where: $a) { name } b: animals(where: $b) { name } }",
            [json!({}), json!({"a": {"and": {"depth": 1}}, "b": {}})],
        );
}

fn one_of(cases: &mut Cases) {
    let find = "query ($a: Lookup!) { find(by: $a) { name } }";
    cases
        .wide("3.10.1 one-of input objects")
        .fit(
            find,
            [
                json!({"a": {"name": "x"}}),
                json!({"a": {"id": 7}}),
                json!({"a": {"by": {}}}),
                json!({"a": {"ids": "x"}}),
                json!({"a": {"ids": []}}),
            ],
        )
        .unfit(
            find,
            [
                json!({"a": {}}),
                json!({"a": {"name": null}}),
                json!({"a": {"name": "x", "id": 7}}),
                json!({"a": {"name": "x", "id": null}}),
                json!({"a": {"name": 1}}),
                json!({"a": {"extra": 1}}),
                json!({"a": {"name": "x", "extra": 1}}),
                json!({"a": null}),
                json!({"a": []}),
            ],
        )
        .fit(
            "query ($a: [Lookup!]) { maybeFind(all: $a) { name } }",
            [json!({"a": {"id": 1}}), json!({"a": [{"id": 1}, {"name": "x"}]})],
        )
        .unfit(
            "query ($a: [Lookup!]) { maybeFind(all: $a) { name } }",
            [json!({"a": [{"id": 1}, {}]}), json!({"a": [{"id": 1, "name": "x"}]})],
        )
        .fit("query ($a: Lookup = {id: 7}) { maybeFind(by: $a) { name } }", [json!({})]);
}
