//! What the caller sees through every path: lists, totals, pages, `node`, nested fields in both directions, filters.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::{Value, json};
use tenantry_domain::permission::Role;
use tenantry_domain::{ClientId, Clock, Id, InvoiceId, ProjectId, TaskId, UserId, WorkspaceId};
use tenantry_tests::{Session, TestApp};

use crate::fixture::Fixture;
use crate::placed::Placed;
use crate::visible::Visible;

pub(crate) async fn check(app: &TestApp, fixture: &Fixture) {
    let visible = Visible::of(fixture);
    let lists = [
        ("clients", &visible.clients),
        ("projects", &visible.projects),
        ("tasks", &visible.tasks),
        ("invoices", &visible.invoices),
        ("workspaces", &visible.workspaces),
        ("members", &visible.members),
        ("labels", &visible.labels),
        ("personalTasks", &visible.personal_tasks),
    ];
    let lists = lists.into_iter().chain(visible.placed.iter().map(|(list, ids)| (*list, ids)));
    for (list, expected) in lists {
        for forwards in [true, false] {
            let found = pages(&fixture.caller, list, forwards).await;
            assert_eq!(&found, expected, "{list} as {:?}", fixture.standing);
        }
    }
    single(app, fixture, &visible).await;
    nested(fixture, &visible).await;
    filters(fixture, &visible).await;
    default_workspace(fixture, &visible).await;
    leaves(fixture).await;
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
async fn single(app: &TestApp, fixture: &Fixture, visible: &Visible) {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut add = |field, id: String| all.entry(field).or_default().push(id);
    for workspace in &fixture.workspaces {
        add("workspace", workspace.id.to_string());
        add("", workspace.colleagues.to_string());
        workspace.grant.iter().for_each(|(id, _)| add("", id.to_string()));
    }
    fixture.clients.iter().for_each(|client| add("client", client.to_string()));
    for case in &fixture.cases {
        add("project", case.project.to_string());
        case.tasks.iter().for_each(|task| add("task", task.to_string()));
        add("invoice", case.invoice.to_string());
        add("label", case.label.to_string());
        add("member", case.worker.user_id.to_string());
        add("", case.colleagues.to_string());
        case.grant.iter().for_each(|(id, _)| add("", id.to_string()));
    }
    add("invoice", fixture.loose_invoice.to_string());
    add("personalTask", fixture.my_task.to_string());
    add("personalTask", fixture.colleagues_task.to_string());
    for placed in &fixture.placed {
        let ids = placed.in_projects.iter().copied().chain(placed.in_none);
        ids.for_each(|id| add(placed.noun.info.api, placed.spelled(id)));
        add(placed.noun.info.api, placed.spelled(Clock::system().new_id::<TaskId>().as_uuid()));
    }
    for person in [&fixture.org.owner, &fixture.me, &fixture.colleague, &fixture.newcomer] {
        add("member", person.user_id.to_string());
    }
    let unknown = unknown_ids();
    for (field, id) in &unknown {
        all.entry(field).or_default().push(id.clone());
    }
    let task_count = format!("SELECT count(*) FROM app.tasks WHERE organization_id = '{}'", fixture.org.uuid());
    assert_eq!(app.number(&task_count).await, 12);
    for (field, ids) in all {
        let nodes =
            fixture.caller.query("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", json!({ "ids": ids })).await;
        let mut fields = String::new();
        for (id, node) in ids.iter().zip(nodes.at("nodes").as_array().expect("a list")) {
            let expected = if visible.shows(id) { json!({ "id": id }) } else { Value::Null };
            assert_eq!(node, &expected, "{id} by `nodes` as {:?}", fixture.standing);
            write!(fields, "{id}: {field}(id: \"{id}\") {{ id }} ").unwrap();
        }
        if field.is_empty() {
            continue;
        }
        let answer = fixture.caller.data(&format!("{{ {fields} }}")).await;
        for id in ids {
            let expected = if visible.shows(&id) { json!({ "id": id }) } else { Value::Null };
            assert_eq!(answer[&id], expected, "{id} by `{field}` as {:?}", fixture.standing);
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
        ("member", new::<UserId>()),
    ]
}

/// Every relation in both directions: exactly what should be visible, and a matching total.
async fn nested(fixture: &Fixture, visible: &Visible) {
    const LIST: &str = "(first: 20) { totalCount nodes { id } }";
    let documents = [
        ("clients", format!("projects{LIST} invoices{LIST}")),
        (
            "projects",
            format!("client {{ id }} workspace {{ id }} owner {{ id }} tasks{LIST} invoices{LIST} grants{LIST}"),
        ),
        (
            "tasks",
            format!(
                "project {{ id }} parent {{ id }} createdBy {{ id }} assignees {{ id }} labels {{ id }} subtasks{LIST}"
            ),
        ),
        ("invoices", format!("client {{ id }} project {{ id }} createdBy {{ id }} tasks{LIST}")),
        ("workspaces", format!("projects{LIST} grants{LIST}")),
        ("members", format!("tasks{LIST}")),
    ];
    for (list, mut selection) in documents {
        let of_tasks = |placed: &&Placed| placed.is_in_task() == (list == "tasks");
        if list == "projects" || list == "tasks" {
            let lists = fixture.placed.iter().filter(of_tasks);
            lists.for_each(|placed| write!(selection, " {}{LIST}", placed.noun.info.list).unwrap());
        }
        let document = format!("{{ {list}(first: 20) {{ nodes {{ id {selection} }} }} }}");
        let answer = fixture.caller.data(&document).await;
        for node in answer[list]["nodes"].as_array().expect("a list") {
            let id = node["id"].as_str().expect("an id");
            for (field, related) in neighbours(fixture, list, id) {
                let related: Vec<String> = related.into_iter().filter(|id| visible.shows(id)).collect();
                let found = &node[field];
                let as_who = format!("{list}.{field} of {id} as {:?}", fixture.standing);
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
fn neighbours(fixture: &Fixture, list: &str, id: &str) -> Vec<(&'static str, Vec<String>)> {
    let cases = |keep: &dyn Fn(&crate::fixture::ProjectCase) -> bool,
                 take: &dyn Fn(&crate::fixture::ProjectCase) -> String| {
        fixture.cases.iter().filter(|case| keep(case)).map(take).collect::<Vec<_>>()
    };
    let project = |case: &crate::fixture::ProjectCase| case.project.to_string();
    let invoice = |case: &crate::fixture::ProjectCase| case.invoice.to_string();
    let owner = fixture.org.owner.user_id.to_string();
    match list {
        "clients" => {
            let client = fixture.clients.iter().position(|client| client.to_string() == id).expect("a client");
            let mut invoices = cases(&|case| case.client == client, &invoice);
            if client == 0 {
                invoices.push(fixture.loose_invoice.to_string());
            }
            vec![("projects", cases(&|case| case.client == client, &project)), ("invoices", invoices)]
        }
        "projects" => {
            let case = fixture.cases.iter().find(|case| case.project.to_string() == id).expect("a project");
            let mut grants = vec![case.colleagues.to_string()];
            grants.extend(case.grant.map(|(id, _)| id.to_string()));
            let mut found = vec![
                ("client", vec![fixture.clients[case.client].to_string()]),
                ("workspace", vec![fixture.workspaces[case.workspace].id.to_string()]),
                ("owner", vec![case.worker.user_id.to_string()]),
                ("tasks", case.tasks.iter().map(ToString::to_string).collect()),
                ("invoices", vec![case.invoice.to_string()]),
                ("grants", grants),
            ];
            let n = fixture.cases.iter().position(|other| other.project == case.project).expect("its place");
            found.extend(
                fixture
                    .placed
                    .iter()
                    .filter(|placed| !placed.is_in_task())
                    .map(|placed| (placed.noun.info.list, vec![placed.spelled(placed.in_projects[n])])),
            );
            found
        }
        "tasks" => {
            let case = fixture.cases.iter().find(|case| case.tasks.iter().any(|task| task.to_string() == id));
            let case = case.expect("a task");
            let [task, subtask] = case.tasks.map(|task| task.to_string());
            let is_subtask = subtask == id;
            let workers = vec![case.worker.user_id.to_string(), fixture.colleague.user_id.to_string()];
            let n = fixture.cases.iter().position(|other| other.project == case.project).expect("its place");
            let mut found = vec![
                ("project", vec![case.project.to_string()]),
                ("parent", if is_subtask { vec![task] } else { Vec::new() }),
                ("createdBy", vec![owner]),
                ("assignees", if is_subtask { Vec::new() } else { workers }),
                ("labels", if is_subtask { Vec::new() } else { vec![case.label.to_string()] }),
                ("subtasks", if is_subtask { Vec::new() } else { vec![subtask] }),
            ];
            found.extend(fixture.placed.iter().filter(|placed| placed.is_in_task()).map(|placed| {
                let here = is_subtask.then(|| placed.spelled(placed.in_projects[n]));
                (placed.noun.info.list, here.into_iter().collect())
            }));
            found
        }
        "invoices" if fixture.loose_invoice.to_string() == id => {
            let client = vec![fixture.clients[0].to_string()];
            vec![("client", client), ("project", Vec::new()), ("createdBy", vec![owner]), ("tasks", Vec::new())]
        }
        "invoices" => {
            let case = fixture.cases.iter().find(|case| case.invoice.to_string() == id).expect("an invoice");
            let mut tasks = vec![case.tasks[0].to_string(), fixture.cases[5].tasks[0].to_string()];
            tasks.dedup();
            vec![
                ("client", vec![fixture.clients[case.client].to_string()]),
                ("project", vec![case.project.to_string()]),
                ("createdBy", vec![owner]),
                ("tasks", tasks),
            ]
        }
        "workspaces" => {
            let workspace =
                fixture.workspaces.iter().position(|workspace| workspace.id.to_string() == id).expect("a workspace");
            let mut grants = vec![fixture.workspaces[workspace].colleagues.to_string()];
            grants.extend(fixture.workspaces[workspace].grant.map(|(id, _)| id.to_string()));
            vec![("projects", cases(&|case| case.workspace == workspace, &project)), ("grants", grants)]
        }
        "members" => {
            let all = fixture.colleague.user_id.to_string() == id;
            let works_on = |case: &crate::fixture::ProjectCase| all || case.worker.user_id.to_string() == id;
            vec![("tasks", cases(&works_on, &|case| case.tasks[0].to_string()))]
        }
        other => panic!("nothing is known of {other}"),
    }
}

/// A filter by something hidden finds nothing, like a filter by something unknown.
async fn filters(fixture: &Fixture, visible: &Visible) {
    let mut document = String::new();
    let mut expected: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (n, case) in fixture.cases.iter().enumerate().filter(|(n, _)| [0, 2, 5].contains(n)) {
        let (client, workspace) = (fixture.clients[case.client], fixture.workspaces[case.workspace].id);
        let probes = [
            ("tasks", "projectId", case.project.to_string(), case.tasks.iter().map(ToString::to_string).collect()),
            ("tasks", "assigneeId", case.worker.user_id.to_string(), vec![case.tasks[0].to_string()]),
            ("invoices", "projectId", case.project.to_string(), vec![case.invoice.to_string()]),
            (
                "projects",
                "clientId",
                client.to_string(),
                neighbours(fixture, "clients", &client.to_string())[0].1.clone(),
            ),
            (
                "projects",
                "workspaceId",
                workspace.to_string(),
                neighbours(fixture, "workspaces", &workspace.to_string())[0].1.clone(),
            ),
        ];
        for (list, field, id, found) in probes {
            let key = format!("{list}_{field}_{n}");
            let selection = "{ totalCount nodes { id } }";
            write!(document, "{key}: {list}(filter: {{ {field}: \"{id}\" }}) {selection} ").unwrap();
            let is_there = field != "workspaceId" || visible.shows(&workspace.to_string());
            expected.insert(key, found.into_iter().filter(|id| is_there && visible.shows(id)).collect());
        }
    }
    let answer = fixture.caller.data(&format!("{{ {document} }}")).await;
    for (key, expected) in expected {
        assert_eq!(answer[&key]["totalCount"], json!(expected.len()), "{key} as {:?}", fixture.standing);
        let found: BTreeSet<String> = ids(&answer[&key]["nodes"]).into_iter().collect();
        assert_eq!(found, expected, "{key} as {:?}", fixture.standing);
    }
}

/// The organization's default workspace exists for callers who can see it.
async fn default_workspace(fixture: &Fixture, visible: &Visible) {
    let answer = fixture.caller.data("{ organization { defaultWorkspace { id } } }").await;
    let id = fixture.org.workspace.to_string();
    let expected = if visible.workspaces.contains(&id) { json!({ "id": id }) } else { Value::Null };
    assert_eq!(answer["organization"]["defaultWorkspace"], expected, "as {:?}", fixture.standing);
}

/// A guest sees only a client's name and cannot search by what it does not see; nor does it see others' addresses.
async fn leaves(fixture: &Fixture) {
    let document = "{ clients { nodes { name email phone company status notes createdAt updatedAt } } \
                    active: clients(filter: { status: [ACTIVE] }) { totalCount nodes { id } } \
                    members { nodes { userId email } } }";
    let answer = fixture.caller.data(document).await;
    let is_guest = fixture.standing.role == Role::Guest;
    let clients = answer["clients"]["nodes"].as_array().expect("a list");
    for client in clients {
        assert!(client["name"].is_string(), "{client}");
        for field in ["email", "status", "notes"] {
            assert_eq!(client[field].is_null(), is_guest, "{field} as {:?}: {client}", fixture.standing);
        }
        assert!(!is_guest || client["updatedAt"] == client["createdAt"], "{client}");
    }
    let active = if is_guest { 0 } else { clients.len() };
    assert_eq!(answer["active"]["totalCount"], json!(active));
    assert_eq!(ids(&answer["active"]["nodes"]).len(), active);
    for member in answer["members"]["nodes"].as_array().expect("a list") {
        let is_me = member["userId"] == json!(fixture.me.user_id);
        assert_eq!(member["email"].is_string(), is_me || !is_guest, "{member}");
    }
}
