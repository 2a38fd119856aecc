//! What the caller sees through every path: lists, totals, pages, `node`, nested fields in both directions, filters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use tenantry_domain::permission::Role;
use tenantry_domain::{ClientId, Clock, Id, InvoiceId, MemberId, ProjectId, TaskId, WorkspaceId};
use tenantry_tests::{Session, TestApp};

use crate::house::House;
use crate::sight::Sight;

pub(crate) async fn check(app: &TestApp, house: &House) {
    let sight = Sight::of(house);
    let lists = [
        ("clients", &sight.clients),
        ("projects", &sight.projects),
        ("tasks", &sight.tasks),
        ("invoices", &sight.invoices),
        ("workspaces", &sight.workspaces),
        ("members", &sight.members),
    ];
    for (list, expected) in lists {
        for forwards in [true, false] {
            let found = pages(&house.caller, list, forwards).await;
            assert_eq!(&found, expected, "{list} as {:?}", house.standing);
        }
    }
    single(app, house, &sight).await;
    nested(house, &sight).await;
    filters(house, &sight).await;
    default_workspace(house, &sight).await;
    leaves(house).await;
}

/// Pages through a list; its total must match.
async fn pages(caller: &Session, list: &str, forwards: bool) -> BTreeSet<String> {
    let (size, cursor, more, next) = if forwards {
        ("first", "after", "hasNextPage", "endCursor")
    } else {
        ("last", "before", "hasPreviousPage", "startCursor")
    };
    let document = format!(
        "query($cursor: String) {{ list: {list}({size}: 4, {cursor}: $cursor) {{ totalCount nodes {{ id }} \
         pageInfo {{ {more} {next} }} }} }}"
    );
    let (mut found, mut walked, mut at) = (BTreeSet::new(), 0, Value::Null);
    loop {
        let answer = caller.query(&document, json!({ "cursor": at })).await;
        let page = answer.at("list");
        let ids = ids(&page["nodes"]);
        walked += ids.len();
        found.extend(ids);
        if page["pageInfo"][more] == json!(false) {
            assert_eq!(page["totalCount"], json!(walked), "{list}: {}", answer.text);
            assert_eq!(found.len(), walked, "{list} has a row twice");
            return found;
        }
        at = page["pageInfo"][next].clone();
    }
}

fn ids(nodes: &Value) -> Vec<String> {
    let nodes = nodes.as_array().expect("a list").iter();
    nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
}

/// Every id by `nodes` and by the entity's own field: found, or null like an unknown one.
async fn single(app: &TestApp, house: &House, sight: &Sight) {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut add = |field, id: String| all.entry(field).or_default().push(id);
    for room in &house.rooms {
        add("workspace", room.id.to_string());
        add("", room.colleagues.to_string());
        room.grant.iter().for_each(|(id, _)| add("", id.to_string()));
    }
    house.clients.iter().for_each(|client| add("client", client.to_string()));
    for spot in &house.spots {
        add("project", spot.project.to_string());
        spot.tasks.iter().for_each(|task| add("task", task.to_string()));
        add("invoice", spot.invoice.to_string());
        add("member", spot.hand.member_id.to_string());
        add("", spot.colleagues.to_string());
        spot.grant.iter().for_each(|(id, _)| add("", id.to_string()));
    }
    add("invoice", house.loose_invoice.to_string());
    for person in [&house.org.owner, &house.me, &house.colleague, &house.newcomer] {
        add("member", person.member_id.to_string());
    }
    let unknown = unknown_ids();
    for (field, id) in &unknown {
        all.entry(field).or_default().push(id.clone());
    }
    let furnished = format!("SELECT count(*) FROM app.tasks WHERE organization_id = '{}'", house.org.uuid());
    assert_eq!(app.number(&furnished).await, 12);
    for (field, ids) in all {
        let nodes = house.caller.query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids })).await;
        let mut fields = String::new();
        for (id, node) in ids.iter().zip(nodes.at("nodes").as_array().expect("a list")) {
            let expected = if sight.shows(id) { json!({ "id": id }) } else { Value::Null };
            assert_eq!(node, &expected, "{id} by `nodes` as {:?}", house.standing);
            write!(fields, "{id}: {field}(id: \"{id}\") {{ id }} ").unwrap();
        }
        if field.is_empty() {
            continue;
        }
        let answer = house.caller.data(&format!("{{ {fields} }}")).await;
        for id in ids {
            let expected = if sight.shows(&id) { json!({ "id": id }) } else { Value::Null };
            assert_eq!(answer[&id], expected, "{id} by `{field}` as {:?}", house.standing);
        }
    }
}

/// An id that does not exist, for each entity's field.
fn unknown_ids() -> Vec<(&'static str, String)> {
    fn new<I: Id>() -> String {
        Clock::system().new_id::<I>().to_string()
    }
    vec![
        ("client", new::<ClientId>()),
        ("project", new::<ProjectId>()),
        ("task", new::<TaskId>()),
        ("invoice", new::<InvoiceId>()),
        ("workspace", new::<WorkspaceId>()),
        ("member", new::<MemberId>()),
    ]
}

/// Every relation in both directions: exactly what should be visible, and a matching total.
async fn nested(house: &House, sight: &Sight) {
    const LIST: &str = "(first: 20) { totalCount nodes { id } }";
    let documents = [
        ("clients", format!("projects{LIST} invoices{LIST}")),
        (
            "projects",
            format!("client {{ id }} workspace {{ id }} owner {{ id }} tasks{LIST} invoices{LIST} grants{LIST}"),
        ),
        ("tasks", format!("project {{ id }} parent {{ id }} createdBy {{ id }} assignees {{ id }} subtasks{LIST}")),
        ("invoices", format!("client {{ id }} project {{ id }} createdBy {{ id }} tasks{LIST}")),
        ("workspaces", format!("projects{LIST} grants{LIST}")),
        ("members", format!("tasks{LIST}")),
    ];
    for (list, selection) in documents {
        let document = format!("{{ {list}(first: 20) {{ nodes {{ id {selection} }} }} }}");
        let answer = house.caller.data(&document).await;
        for node in answer[list]["nodes"].as_array().expect("a list") {
            let id = node["id"].as_str().expect("an id");
            for (field, related) in neighbours(house, list, id) {
                let related: Vec<String> = related.into_iter().filter(|id| sight.shows(id)).collect();
                let found = &node[field];
                let as_who = format!("{list}.{field} of {id} as {:?}", house.standing);
                if found.get("nodes").is_some() {
                    assert_eq!(found["totalCount"], json!(related.len()), "the total of {as_who}");
                    let found: BTreeSet<String> = ids(&found["nodes"]).into_iter().collect();
                    assert_eq!(found, related.into_iter().collect(), "{as_who}");
                } else if found.is_array() {
                    let found: BTreeSet<String> = ids(found).into_iter().collect();
                    assert_eq!(found, related.into_iter().collect(), "{as_who}");
                } else {
                    let expected = related.first().map_or(Value::Null, |id| json!({ "id": id }));
                    assert_eq!(found, &expected, "{as_who}");
                }
            }
        }
    }
}

/// The related rows of a row, regardless of the caller.
fn neighbours(house: &House, list: &str, id: &str) -> Vec<(&'static str, Vec<String>)> {
    let spots = |keep: &dyn Fn(&crate::house::Spot) -> bool, take: &dyn Fn(&crate::house::Spot) -> String| {
        house.spots.iter().filter(|spot| keep(spot)).map(take).collect::<Vec<_>>()
    };
    let project = |spot: &crate::house::Spot| spot.project.to_string();
    let invoice = |spot: &crate::house::Spot| spot.invoice.to_string();
    let owner = house.org.owner.member_id.to_string();
    match list {
        "clients" => {
            let client = house.clients.iter().position(|client| client.to_string() == id).expect("a client");
            let mut invoices = spots(&|spot| spot.client == client, &invoice);
            if client == 0 {
                invoices.push(house.loose_invoice.to_string());
            }
            vec![("projects", spots(&|spot| spot.client == client, &project)), ("invoices", invoices)]
        }
        "projects" => {
            let spot = house.spots.iter().find(|spot| spot.project.to_string() == id).expect("a project");
            let mut grants = vec![spot.colleagues.to_string()];
            grants.extend(spot.grant.map(|(id, _)| id.to_string()));
            vec![
                ("client", vec![house.clients[spot.client].to_string()]),
                ("workspace", vec![house.rooms[spot.room].id.to_string()]),
                ("owner", vec![spot.hand.member_id.to_string()]),
                ("tasks", spot.tasks.iter().map(ToString::to_string).collect()),
                ("invoices", vec![spot.invoice.to_string()]),
                ("grants", grants),
            ]
        }
        "tasks" => {
            let spot = house.spots.iter().find(|spot| spot.tasks.iter().any(|task| task.to_string() == id));
            let spot = spot.expect("a task");
            let [task, subtask] = spot.tasks.map(|task| task.to_string());
            let is_subtask = subtask == id;
            let workers = vec![spot.hand.member_id.to_string(), house.colleague.member_id.to_string()];
            vec![
                ("project", vec![spot.project.to_string()]),
                ("parent", if is_subtask { vec![task] } else { Vec::new() }),
                ("createdBy", vec![owner]),
                ("assignees", if is_subtask { Vec::new() } else { workers }),
                ("subtasks", if is_subtask { Vec::new() } else { vec![subtask] }),
            ]
        }
        "invoices" if house.loose_invoice.to_string() == id => {
            let client = vec![house.clients[0].to_string()];
            vec![("client", client), ("project", Vec::new()), ("createdBy", vec![owner]), ("tasks", Vec::new())]
        }
        "invoices" => {
            let spot = house.spots.iter().find(|spot| spot.invoice.to_string() == id).expect("an invoice");
            let mut tasks = vec![spot.tasks[0].to_string(), house.spots[5].tasks[0].to_string()];
            tasks.dedup();
            vec![
                ("client", vec![house.clients[spot.client].to_string()]),
                ("project", vec![spot.project.to_string()]),
                ("createdBy", vec![owner]),
                ("tasks", tasks),
            ]
        }
        "workspaces" => {
            let room = house.rooms.iter().position(|room| room.id.to_string() == id).expect("a workspace");
            let mut grants = vec![house.rooms[room].colleagues.to_string()];
            grants.extend(house.rooms[room].grant.map(|(id, _)| id.to_string()));
            vec![("projects", spots(&|spot| spot.room == room, &project)), ("grants", grants)]
        }
        "members" => {
            let all = house.colleague.member_id.to_string() == id;
            let works_on = |spot: &crate::house::Spot| all || spot.hand.member_id.to_string() == id;
            vec![("tasks", spots(&works_on, &|spot| spot.tasks[0].to_string()))]
        }
        other => panic!("nothing is known of {other}"),
    }
}

/// A filter by something hidden finds nothing, like a filter by something unknown.
async fn filters(house: &House, sight: &Sight) {
    let mut document = String::new();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (n, spot) in house.spots.iter().enumerate().filter(|(n, _)| [0, 2, 5].contains(n)) {
        let (client, room) = (house.clients[spot.client], house.rooms[spot.room].id);
        let probes = [
            ("tasks", "projectId", spot.project.to_string(), spot.tasks.iter().map(ToString::to_string).collect()),
            ("tasks", "assigneeId", spot.hand.user_id.to_string(), vec![spot.tasks[0].to_string()]),
            ("invoices", "projectId", spot.project.to_string(), vec![spot.invoice.to_string()]),
            (
                "projects",
                "clientId",
                client.to_string(),
                neighbours(house, "clients", &client.to_string())[0].1.clone(),
            ),
            (
                "projects",
                "workspaceId",
                room.to_string(),
                neighbours(house, "workspaces", &room.to_string())[0].1.clone(),
            ),
        ];
        for (list, field, id, found) in probes {
            let key = format!("{list}_{field}_{n}");
            let selection = "{ totalCount nodes { id } }";
            write!(document, "{key}: {list}(filter: {{ {field}: \"{id}\" }}) {selection} ").unwrap();
            let is_there = field != "workspaceId" || sight.shows(&room.to_string());
            expected.insert(key, found.into_iter().filter(|id| is_there && sight.shows(id)).collect());
        }
    }
    let answer = house.caller.data(&format!("{{ {document} }}")).await;
    for (key, expected) in expected {
        assert_eq!(answer[&key]["totalCount"], json!(expected.len()), "{key} as {:?}", house.standing);
        let found: BTreeSet<String> = ids(&answer[&key]["nodes"]).into_iter().collect();
        assert_eq!(found, expected, "{key} as {:?}", house.standing);
    }
}

/// The organization's default workspace exists for callers who can see it.
async fn default_workspace(house: &House, sight: &Sight) {
    let answer = house.caller.data("{ organization { defaultWorkspace { id } } }").await;
    let id = house.org.workspace.to_string();
    let expected = if sight.workspaces.contains(&id) { json!({ "id": id }) } else { Value::Null };
    assert_eq!(answer["organization"]["defaultWorkspace"], expected, "as {:?}", house.standing);
}

/// A guest sees only a client's name and cannot search by what it does not see; nor does it see others' addresses.
async fn leaves(house: &House) {
    let document = "{ clients { nodes { name email phone company status notes createdAt updatedAt } } \
                    active: clients(filter: { status: [ACTIVE] }) { totalCount nodes { id } } \
                    members { nodes { userId email } } }";
    let answer = house.caller.data(document).await;
    let is_guest = house.standing.role == Role::Guest;
    let clients = answer["clients"]["nodes"].as_array().expect("a list");
    for client in clients {
        assert!(client["name"].is_string(), "{client}");
        for field in ["email", "status", "notes"] {
            assert_eq!(client[field].is_null(), is_guest, "{field} as {:?}: {client}", house.standing);
        }
        assert!(!is_guest || client["updatedAt"] == client["createdAt"], "{client}");
    }
    let active = if is_guest { 0 } else { clients.len() };
    assert_eq!(answer["active"]["totalCount"], json!(active));
    assert_eq!(ids(&answer["active"]["nodes"]).len(), active);
    for member in answer["members"]["nodes"].as_array().expect("a list") {
        let is_me = member["userId"] == json!(house.me.user_id);
        assert_eq!(member["email"].is_string(), is_me || !is_guest, "{member}");
    }
}
