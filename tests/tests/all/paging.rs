//! Paging through lists: forwards and backwards, in every order of the schema, across ties and nulls.

use serde_json::{Value, json};
use tenantry_tests::{Session, TestApp};

use crate::introspection::{Types, text};
use tenantry_domain::noun::ALL;

use crate::nouns::meaning;

#[tokio::test]
async fn every_root_list_can_be_paged_completely_in_every_order_and_direction() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let types = Types::of(&owner).await;
    let mut walked = 0;
    // A list that answers a question of its own has fewer rows, and tests of its own.
    let is_whole = |name: &str| ALL.iter().any(|noun| noun.info.list == name);
    for list in types.fields("Query").into_iter().filter(|field| field.is_connection() && is_whole(field.name())) {
        let order_type = format!("{}Order", list.type_name().trim_end_matches("Connection"));
        for order in types.orders(list) {
            let name = list.name();
            for direction in ["ASC", "DESC"] {
                let (table, keys) = meaning(name, order, direction);
                let keys: Vec<String> =
                    keys.iter().map(String::as_str).chain(["id"]).map(|key| format!("{key} {direction}")).collect();
                let query = format!(
                    "SELECT id::text FROM {table} WHERE organization_id = '{}' ORDER BY {}",
                    full.org.uuid(),
                    keys.join(", ")
                );
                let expected = app.texts(&query).await;
                let document = format!(
                    "query($first: Int, $after: String, $last: Int, $before: String, $order: [{order_type}!]) {{
                        list: {name}(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {PAGE} }}"
                );
                let order = json!({ "field": order, "direction": direction });
                for size in [1, 3, 100] {
                    let found = walk(&owner, &document, "list", size, &json!({ "order": order })).await;
                    assert_eq!(found, expected, "{name} by {order}, {size} at a time");
                }
                walked += 1;
            }
        }
    }
    assert!(walked >= 30, "{walked}");
}

#[tokio::test]
async fn rows_without_a_date_come_last_in_both_directions() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let project = owner.create_project("P", None).await["id"].as_str().unwrap().to_owned();
    for (title, due) in
        [("none", None), ("late", Some("2026-03-01T00:00:00Z")), ("early", Some("2026-01-01T00:00:00Z"))]
    {
        let input = json!({ "projectId": project, "title": title, "dueAt": due });
        owner.write("createTask", input).await.expect_done();
    }
    for (direction, expected) in [("ASC", ["early", "late", "none"]), ("DESC", ["late", "early", "none"])] {
        let order = format!("orderBy: {{ field: DUE_AT, direction: {direction} }}");
        let data = owner.data(&format!("{{ tasks({order}) {{ nodes {{ title }} edges {{ cursor }} }} }}")).await;
        let titles = |data: &Value| -> Vec<String> {
            data["tasks"]["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .map(|node| node["title"].as_str().unwrap().to_owned())
                .collect()
        };
        assert_eq!(titles(&data), expected, "{direction}");
        // A page that ends at the border, and one that begins behind it.
        for (n, rest) in [(0, &expected[1..]), (1, &expected[2..])] {
            let cursor = &data["tasks"]["edges"][n]["cursor"];
            let after = owner.data(&format!("{{ tasks(after: {cursor}, {order}) {{ nodes {{ title }} }} }}")).await;
            assert_eq!(titles(&after), rest, "{direction}");
        }
        let last = owner.data(&format!("{{ tasks(last: 1, {order}) {{ nodes {{ title }} }} }}")).await;
        assert_eq!(titles(&last), ["none"], "{direction}");
    }
}

#[tokio::test]
async fn names_are_sorted_as_people_expect() {
    const SORTED: [&str; 9] = ["10", "2", "Ähnlich", "apple", "Apple", "ÉCLAIR", "éclat", "Zebra", "Язык"];
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    for name in SORTED.iter().rev() {
        let unique = format!("{name}{}", if *name == "Apple" { "s" } else { "" });
        let label = json!({ "name": unique, "color": "#000000" });
        owner.mutate("createLabel", label, "label { id }").await.expect_done();
        owner.create_client(name).await;
        owner.create_project(name, None).await;
        owner.write("createWorkspace", json!({ "name": unique })).await.expect_done();
    }
    let types = Types::of(&owner).await;
    let mut looked_at = 0;
    for list in types.fields("Query").into_iter().filter(|field| field.is_connection()) {
        // All other orders use no human-readable text.
        let orders = types.orders(list);
        for order in orders.iter().filter(|order| ["NAME", "TITLE", "SLUG", "EMAIL"].contains(order)) {
            let order_type = format!("{}Order", list.type_name().trim_end_matches("Connection"));
            let document = format!(
                "query($first: Int, $after: String, $last: Int, $before: String, $order: [{order_type}!]) {{
                    list: {}(first: $first, after: $after, last: $last, before: $before, orderBy: $order) {{
                        nodes {{ id name }} pageInfo {{ endCursor hasNextPage }} }} }}",
                list.name()
            );
            let (mut found, mut after) = (Vec::new(), Value::Null);
            loop {
                assert!(found.len() < 100, "the list has no end");
                let order = json!({ "field": order, "direction": "ASC" });
                let answer = owner.query(&document, json!({ "first": 2, "after": after, "order": order })).await;
                let page = answer.at("list");
                let names = page["nodes"].as_array().unwrap().iter();
                found.extend(names.map(|node| node["name"].as_str().unwrap().to_owned()));
                after = page["pageInfo"]["endCursor"].clone();
                if page["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            // Removes the default workspace; the other names must be unique regardless of case.
            found.retain(|name| name != "General");
            let found: Vec<&str> = found.iter().map(|name| name.trim_end_matches('s')).collect();
            assert_eq!(found, SORTED, "{} by {order}", list.name());
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 4);
    // The organizations of a user are sorted the same way.
    for (slug, name) in [("one", "Zebra"), ("two", "Ähnlich"), ("three", "apple")] {
        owner.write("createOrganization", json!({ "name": name, "slug": slug })).await.expect_done();
    }
    let data = owner.data("{ organizations { name } }").await;
    let names: Vec<&str> =
        data["organizations"].as_array().unwrap().iter().map(|found| found["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Ähnlich", "apple", "The acme", "Zebra"]);
}

#[tokio::test]
async fn every_nested_list_can_be_paged_completely_in_both_directions() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let types = Types::of(&owner).await;
    for name in types.nodes() {
        for list in types.fields(name).into_iter().filter(|field| field.is_connection()) {
            let order_type = format!("{}Order", list.type_name().trim_end_matches("Connection"));
            let document = format!(
                "query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $order: [{order_type}!]) {{
                    node(id: $id) {{ ... on {name} {{ list: {}(first: $first, after: $after, last: $last, before: $before,
                        orderBy: $order) {PAGE} }} }} }}",
                list.name()
            );
            let id = full.sample(name).unwrap();
            for order in types.orders(list) {
                for direction in ["ASC", "DESC"] {
                    let variables = json!({ "id": id, "order": { "field": order, "direction": direction } });
                    let whole = walk(&owner, &document, "node.list", 100, &variables).await;
                    assert!(whole.len() > 1, "{name}.{} has too few rows to walk", list.name());
                    let found = walk(&owner, &document, "node.list", 1, &variables).await;
                    assert_eq!(found, whole, "{name}.{} by {order} {direction}", list.name());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_order_is_refused_and_after_and_before_bound_a_page() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let all = owner.data("{ clients { edges { cursor node { id } } } }").await;
    let edges = all["clients"]["edges"].as_array().unwrap();
    let document = "query($a: String, $b: String) { clients(after: $a, before: $b) { nodes { id } } }";
    let answer = owner.query(document, json!({ "a": edges[1]["cursor"], "b": edges[5]["cursor"] })).await;
    let found: Vec<_> = answer.at("clients.nodes").as_array().unwrap().iter().map(|node| &node["id"]).collect();
    assert_eq!(found, edges[2..5].iter().map(|edge| &edge["node"]["id"]).collect::<Vec<_>>());

    let document =
        "query($a: String) { clients(after: $a, orderBy: { field: NAME, direction: ASC }) { nodes { id } } }";
    let answer = owner.query(document, json!({ "a": edges[1]["cursor"] })).await;
    assert_eq!((answer.error_code(), &answer.error()["extensions"]["field"]), ("BAD_USER_INPUT", &json!(["after"])));
}

#[tokio::test]
async fn a_page_may_be_empty() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let data = app.as_owner(&org).data(&format!("{{ list: clients(first: 0) {PAGE} tasks {{ totalCount }} }}")).await;
    let page = json!({ "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null });
    assert_eq!(data["list"], json!({ "pageInfo": page, "edges": [], "nodes": [] }));
    assert_eq!(data["tasks"]["totalCount"], 0);
}

const PAGE: &str =
    "{ pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { id } } nodes { id } }";

/// Pages through a list to its end and back, asserts that both directions show the same rows, and returns their UUIDs
/// in order.
async fn walk(session: &Session, document: &str, path: &str, size: usize, variables: &Value) -> Vec<String> {
    let mut forwards: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    for page_number in 0.. {
        assert!(page_number < 200, "the list has no end");
        let mut variables = variables.clone();
        (variables["first"], variables["after"]) = (json!(size), cursor);
        let answer = session.query(document, variables).await;
        let page = answer.at(path);
        let ids = check(page, size);
        let info = &page["pageInfo"];
        assert_eq!(info["hasPreviousPage"], page_number > 0);
        forwards.extend(ids);
        cursor = info["endCursor"].clone();
        if info["hasNextPage"] == false {
            break;
        }
    }
    let mut backwards: Vec<String> = Vec::new();
    let mut cursor = Value::Null;
    for page_number in 0.. {
        assert!(page_number < 200, "the list has no end");
        let mut variables = variables.clone();
        (variables["last"], variables["before"]) = (json!(size), cursor);
        let answer = session.query(document, variables).await;
        let page = answer.at(path);
        let ids = check(page, size);
        let info = &page["pageInfo"];
        assert_eq!(info["hasNextPage"], page_number > 0);
        backwards.splice(0..0, ids);
        cursor = info["startCursor"].clone();
        if info["hasPreviousPage"] == false {
            break;
        }
    }
    assert_eq!(forwards, backwards);
    forwards
}

/// Checks that a page is consistent; returns the UUIDs of its rows.
fn check(page: &Value, size: usize) -> Vec<String> {
    let (edges, nodes) = (page["edges"].as_array().unwrap(), page["nodes"].as_array().unwrap());
    assert!(edges.len() <= size);
    assert_eq!(edges.iter().map(|edge| &edge["node"]).collect::<Vec<_>>(), nodes.iter().collect::<Vec<_>>());
    assert_eq!(page["pageInfo"]["startCursor"], edges.first().map_or(Value::Null, |edge| edge["cursor"].clone()));
    assert_eq!(page["pageInfo"]["endCursor"], edges.last().map_or(Value::Null, |edge| edge["cursor"].clone()));
    let uuid = |node: &Value| tenantry_domain::typeid::split(text(&node["id"])).unwrap().1.to_string();
    nodes.iter().map(uuid).collect()
}
