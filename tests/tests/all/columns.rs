//! Lists read only the columns of the selected fields. Every field selected alone has the same value as together with
//! all others, for every role, and so does the order.

use serde_json::Value;
use tenantry_tests::{Session, TestApp};

use crate::introspection::{Field, Types};

/// A list of the schema: the document up to its arguments, and its path in the answer.
struct List<'a> {
    before: String,
    path: String,
    after: &'static str,
    field: Field<'a>,
}

fn lists(types: &Types) -> Vec<List<'_>> {
    let root = types.fields("Query").into_iter().filter(|field| field.is_connection()).map(|field| List {
        before: format!("{{ {}", field.name()),
        path: format!("/{}", field.name()),
        after: "}",
        field,
    });
    // These two are listed only below other rows.
    let nested =
        [("workspaces", "Workspace", "grants"), ("projects", "Project", "grants")].map(|(list, name, below)| List {
            before: format!(
                "{{ {list}(first: 1, orderBy: {{ field: CREATED_AT, direction: ASC }}) {{ nodes {{ {below}"
            ),
            path: format!("/{list}/nodes/0/{below}"),
            after: "} } }",
            field: types.fields(name).into_iter().find(|field| field.name() == below).unwrap(),
        });
    root.chain(nested).collect()
}

/// The selection for a leaf (an amount is an object); `None` if it is not a leaf.
fn leaf(types: &Types, field: Field<'_>) -> Option<String> {
    match field.type_name() {
        "Money" => Some(format!("{} {{ amount currency }}", field.name())),
        name if types.is_composite(name) => None,
        _ => Some(field.name().to_owned()),
    }
}

async fn compare(types: &Types, session: &Session, list: &List<'_>, order: Option<&str>) -> usize {
    let order = order.map(|field| format!(", orderBy: {{ field: {field}, direction: ASC }}")).unwrap_or_default();
    let ask = async |selection: &str| {
        let document = format!("{}(first: 50{order}) {{ {selection} }} {}", list.before, list.after);
        session.data(&document).await.pointer(&list.path).cloned().unwrap_or_default()
    };
    let node = list.field.type_name().trim_end_matches("Connection");
    let fields = types.fields(node);
    let leaves: Vec<String> = fields.iter().filter_map(|field| leaf(types, *field)).collect();
    let relation = fields.iter().find(|field| leaf(types, **field).is_none());
    let relation = relation.map(|relation| format!("{} {{ __typename }}", relation.name())).unwrap_or_default();
    // With a relation, every column is read.
    let whole = ask(&format!(
        "pageInfo {{ startCursor endCursor }} edges {{ cursor node {{ {} {relation} }} }}",
        leaves.join(" ")
    ))
    .await;
    // A guest may not see the parent of the list.
    let Some(edges) = whole["edges"].as_array() else { return 0 };
    let places = ask("pageInfo { startCursor endCursor } edges { cursor }").await;
    assert_eq!(places["pageInfo"], whole["pageInfo"], "{}{order}", list.path);
    for (n, edge) in edges.iter().enumerate() {
        assert_eq!(places["edges"][n]["cursor"], edge["cursor"], "{}{order}", list.path);
    }
    for leaf in &leaves {
        let name = leaf.split(' ').next().unwrap();
        let nodes = ask(&format!("nodes {{ {leaf} }}")).await;
        let found: Vec<&Value> = nodes["nodes"].as_array().unwrap().iter().map(|node| &node[name]).collect();
        let expected: Vec<&Value> = edges.iter().map(|edge| &edge["node"][name]).collect();
        assert_eq!(found, expected, "{}{order} {{ {name} }}", list.path);
    }
    leaves.len() * edges.len()
}

#[tokio::test]
async fn a_field_selected_alone_has_the_same_value_as_with_all_others() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let guest = app.sign_in(&full.org, &full.guest);
    let types = Types::of(&owner).await;
    let mut compared = 0;
    for list in lists(&types) {
        let orders = types.orders(list.field);
        for session in [&owner, &guest] {
            compared += compare(&types, session, &list, None).await;
            for order in &orders {
                compared += compare(&types, session, &list, Some(order)).await;
            }
        }
    }
    println!("{compared} values compared");
    assert!(compared > 1_000, "{compared}");
}
