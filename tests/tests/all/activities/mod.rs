//! What happened: each change leaves an entry, in its transaction. `feeds` asks who is told of it.

mod feeds;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::TestApp;

/// Mutations that change no row of the graph.
const CHANGE_NOTHING: &[(&str, &str)] = &[
    ("createCheckoutSession", "it asks the payment provider"),
    ("createBillingPortalSession", "it asks the payment provider"),
    ("switchOrganization", "it gives a token"),
];

/// The ids that earlier steps of the walk have made, by a name of their own.
type Ids = BTreeMap<&'static str, Value>;

/// A call that changes something: the mutation, its input, the payload's selection, the entries that it is to leave, and under which name
/// to keep the id that it makes.
struct Step {
    mutation: &'static str,
    input: Value,
    selection: &'static str,
    entries: &'static [&'static str],
    keep: Option<&'static str>,
}

/// How many steps there are.
const STEPS: usize = 62;

/// Each mutation once, in an order in which every one finds what it changes.
#[expect(clippy::too_many_lines, reason = "one arm for each mutation")]
fn step(n: usize, ids: &Ids) -> Step {
    let of = |mutation, input, selection, entries| Step { mutation, input, selection, entries, keep: None };
    let id = |name: &str| ids[name].clone();
    let keep = |step: Step, name| Step { keep: Some(name), ..step };
    let line = json!({ "description": "An hour", "quantity": "1", "rate": "100" });
    match n {
        0 => keep(of("createClient", json!({ "name": "Acme" }), "client { id }", &["client created"]), "client"),
        1 => of("updateClient", json!({ "id": id("client"), "notes": "x" }), "client { id }", &["client updated"]),
        2 => {
            let clients = json!({ "clients": [{ "name": "Bee" }, { "name": "Cee" }] });
            keep(of("createClients", clients, "clients { id }", &["client created", "client created"]), "clients")
        }
        3 => {
            let changes: Vec<_> = each(ids, "clients").map(|id| json!({ "id": id, "phone": "1" })).collect();
            let entries = &["client updated", "client updated"];
            of("updateClients", json!({ "clients": changes }), "clients { id }", entries)
        }
        4 => keep(of("createWorkspace", json!({ "name": "Room" }), "workspace { id }", &["workspace created"]), "room"),
        5 => {
            let input = json!({ "id": id("room"), "isPrivate": true });
            of("updateWorkspace", input, "workspace { id }", &["workspace updated"])
        }
        6 => {
            let input = json!({ "name": "Site", "clientId": id("client") });
            keep(of("createProject", input, "project { id }", &["project created"]), "project")
        }
        7 => {
            of("updateProject", json!({ "id": id("project"), "name": "Page" }), "project { id }", &["project updated"])
        }
        8 => {
            let projects = json!({ "projects": [{ "name": "One" }, { "name": "Two" }] });
            keep(of("createProjects", projects, "projects { id }", &["project created", "project created"]), "projects")
        }
        9 => {
            let changes: Vec<_> = each(ids, "projects").map(|id| json!({ "id": id, "notes": "x" })).collect();
            let entries = &["project updated", "project updated"];
            of("updateProjects", json!({ "projects": changes }), "projects { id }", entries)
        }
        10 => {
            let input = json!({ "projectId": id("project"), "title": "Draw" });
            keep(of("createTask", input, "task { id }", &["task created"]), "task")
        }
        11 => of("updateTask", json!({ "id": id("task"), "status": "DONE" }), "task { id }", &["task updated"]),
        12 => {
            let task = json!({ "projectId": id("project"), "title": "Paint" });
            let input = json!({ "tasks": [task, task] });
            keep(of("createTasks", input, "tasks { id }", &["task created", "task created"]), "tasks")
        }
        13 => {
            let changes: Vec<_> = each(ids, "tasks").map(|id| json!({ "id": id, "priority": "HIGH" })).collect();
            of("updateTasks", json!({ "tasks": changes }), "tasks { id }", &["task updated", "task updated"])
        }
        14 => of("moveTask", json!({ "id": id("task"), "status": "TODO" }), "task { id }", &["task moved"]),
        15 => {
            let moves: Vec<_> = each(ids, "tasks").map(|id| json!({ "id": id, "status": "DONE" })).collect();
            of("moveTasks", json!({ "tasks": moves }), "tasks { id }", &["task moved", "task moved"])
        }
        16 => {
            let input = json!({ "taskId": id("task"), "body": "Nice" });
            keep(of("createComment", input, "comment { id }", &["comment created"]), "comment")
        }
        17 => of("updateComment", json!({ "id": id("comment"), "body": "x" }), "comment { id }", &["comment updated"]),
        18 => of("deleteComment", json!({ "id": id("comment") }), "deletedCommentId", &["comment deleted"]),
        19 => {
            let input = json!({ "taskId": id("task"), "fileName": "a.txt", "byteSize": 4, "mimeType": "text/plain" });
            // Nothing is attached yet.
            keep(of("createUpload", input, "upload { id }", &[]), "upload")
        }
        20 => {
            let entries = &["attachment created"];
            keep(of("completeUpload", json!({ "id": id("upload") }), "attachment { id }", entries), "file")
        }
        21 => {
            let input = json!({ "id": id("file"), "fileName": "b.txt" });
            of("updateAttachment", input, "attachment { id }", &["attachment updated"])
        }
        22 => of("deleteAttachment", json!({ "id": id("file") }), "deletedAttachmentId", &["attachment deleted"]),
        23 => {
            let input = json!({ "name": "Bug", "color": "#ff0000" });
            keep(of("createLabel", input, "label { id }", &["label created"]), "label")
        }
        24 => of("updateLabel", json!({ "id": id("label"), "name": "Flaw" }), "label { id }", &["label updated"]),
        25 => of("deleteLabel", json!({ "id": id("label") }), "deletedLabelId", &["label deleted"]),
        26 => {
            let step =
                of("createPersonalTask", json!({ "title": "Run" }), "personalTask { id }", &["personal_task created"]);
            keep(step, "mine")
        }
        27 => {
            let input = json!({ "id": id("mine"), "isToday": true });
            of("updatePersonalTask", input, "personalTask { id }", &["personal_task updated"])
        }
        28 => {
            of("deletePersonalTask", json!({ "id": id("mine") }), "deletedPersonalTaskId", &["personal_task deleted"])
        }
        29 => {
            let input = json!({ "title": "Post", "kind": "POST" });
            keep(of("createContentItem", input, "contentItem { id }", &["content_item created"]), "content")
        }
        30 => {
            let input = json!({ "id": id("content"), "title": "Story" });
            of("updateContentItem", input, "contentItem { id }", &["content_item updated"])
        }
        31 => {
            of("deleteContentItem", json!({ "id": id("content") }), "deletedContentItemId", &["content_item deleted"])
        }
        32 => {
            let input = json!({ "clientId": id("client"), "currency": "USD", "lineItems": [line] });
            keep(of("createInvoice", input, "invoice { id }", &["invoice created"]), "invoice")
        }
        33 => {
            // Not a field of the invoice: its amounts stay the same.
            let line = json!({ "description": "One hour", "quantity": "1", "rate": "100" });
            let input = json!({ "id": id("invoice"), "lineItems": [line] });
            of("updateInvoice", input, "invoice { id }", &["invoice updated"])
        }
        34 => of("deleteInvoice", json!({ "id": id("invoice") }), "deletedInvoiceId", &["invoice deleted"]),
        35 => {
            let input = json!({ "workspaceId": id("room"), "userId": id("ada"), "permission": "EDIT" });
            of("grantWorkspaceAccess", input, "grant { id }", &["workspace_grant created"])
        }
        36 => {
            let input = json!({ "workspaceId": id("room"), "userId": id("ada") });
            of("revokeWorkspaceAccess", input, "revokedGrantId", &["workspace_grant deleted"])
        }
        37 => {
            let input = json!({ "projectId": id("project"), "userId": id("ada"), "permission": "EDIT" });
            of("grantProjectAccess", input, "grant { id }", &["project_grant created"])
        }
        38 => {
            let input = json!({ "projectId": id("project"), "userId": id("ada") });
            of("revokeProjectAccess", input, "revokedGrantId", &["project_grant deleted"])
        }
        39 => of("addMember", json!({ "email": "eve@rival.test" }), "member { id }", &["member created"]),
        40 => {
            of("updateMemberRole", json!({ "id": id("ada"), "role": "VIEWER" }), "member { id }", &["member updated"])
        }
        41 => of("removeMember", json!({ "id": id("ada") }), "removedMemberId", &["member deleted"]),
        42 => of("updateOrganization", json!({ "name": "Acme" }), "organization { id }", &["organization updated"]),
        43 => of("deleteOrganization", json!({}), "organization { id }", &["organization updated"]),
        44 => of("cancelOrganizationDeletion", json!({}), "organization { id }", &["organization updated"]),
        45 => {
            let tasks: Vec<_> = each(ids, "tasks").map(|id| json!({ "id": id })).collect();
            of("deleteTasks", json!({ "tasks": tasks }), "deletedTaskIds", &["task deleted", "task deleted"])
        }
        46 => of("deleteTask", json!({ "id": id("task") }), "deletedTaskId", &["task deleted"]),
        47 => {
            let projects: Vec<_> = each(ids, "projects").map(|id| json!({ "id": id })).collect();
            let entries = &["project deleted", "project deleted"];
            of("deleteProjects", json!({ "projects": projects }), "deletedProjectIds", entries)
        }
        48 => of("updateSettings", json!({ "paymentDays": 14 }), "settings { paymentDays }", &["organization updated"]),
        49 => {
            let input = json!({ "kind": "INVOICE", "next": 7 });
            of("setNextNumber", input, "number", &["organization updated"])
        }
        50 => {
            let input = json!({ "clientId": id("client"), "currency": "USD", "lineItems": [line] });
            keep(of("createInvoice", input, "invoice { id }", &["invoice created"]), "bill")
        }
        51 => of("issueInvoice", json!({ "id": id("bill") }), "invoice { id }", &["invoice updated"]),
        52 => of("markInvoiceSent", json!({ "id": id("bill") }), "invoice { id }", &["invoice updated"]),
        53 => {
            let input = json!({ "invoiceId": id("bill") });
            keep(of("createCreditNote", input, "invoice { id }", &["invoice created"]), "note")
        }
        // The invoice that it corrects changes as well.
        54 => {
            let entries = &["invoice updated", "invoice updated"];
            of("issueInvoice", json!({ "id": id("note") }), "invoice { id }", entries)
        }
        55 => {
            let entries = &["invoice updated", "invoice updated"];
            of("voidInvoice", json!({ "id": id("note") }), "invoice { id }", entries)
        }
        56 => {
            let amount = json!({ "amount": "40", "currency": "USD" });
            let input = json!({ "kind": "PAYMENT", "invoiceId": id("bill"), "amount": amount });
            let entries = &["invoice updated", "transaction created"];
            keep(of("createTransaction", input, "transaction { id }", entries), "payment")
        }
        57 => {
            let input = json!({ "id": id("payment"), "reference": "7" });
            of("updateTransaction", input, "transaction { id }", &["transaction updated"])
        }
        58 => {
            let entries = &["invoice updated", "transaction deleted"];
            of("deleteTransaction", json!({ "id": id("payment") }), "deletedTransactionId", entries)
        }
        59 => of("writeOffInvoice", json!({ "id": id("bill") }), "invoice { id }", &["invoice updated"]),
        60 => {
            let input = json!({ "projectId": id("project"), "title": "Work" });
            keep(of("createTask", input, "task { id }", &["task created"]), "work")
        }
        61 => {
            let input = json!({ "clientId": id("client"), "projectId": id("project"), "taskIds": [id("work")], "rate": "1", "currency": "USD" });
            of("createInvoiceFromTasks", input, "invoice { id }", &["invoice created"])
        }
        _ => last_step(n - STEPS, ids),
    }
}

/// What takes away what the steps before needed.
fn last_step(n: usize, ids: &Ids) -> Step {
    let of = |mutation, input, selection, entries| Step { mutation, input, selection, entries, keep: None };
    match n {
        0 => of("deleteProject", json!({ "id": ids["project"] }), "deletedProjectId", &["project deleted"]),
        1 => {
            let clients: Vec<_> = each(ids, "clients").map(|id| json!({ "id": id })).collect();
            let entries = &["client deleted", "client deleted"];
            of("deleteClients", json!({ "clients": clients }), "deletedClientIds", entries)
        }
        2 => of("deleteClient", json!({ "id": ids["client"] }), "deletedClientId", &["client deleted"]),
        3 => of("deleteWorkspace", json!({ "id": ids["room"] }), "deletedWorkspaceId", &["workspace deleted"]),
        _ => {
            let entries = &["member updated", "member updated"];
            of("transferOwnership", json!({ "memberId": ids["eve"] }), "member { id }", entries)
        }
    }
}

/// The ids of several rows that an earlier step made.
fn each<'i>(ids: &'i Ids, name: &str) -> impl Iterator<Item = &'i Value> {
    ids[name].as_array().unwrap().iter().map(|row| &row["id"])
}

/// Everything in the graph, as a text for each table.
async fn graph(app: &TestApp) -> Vec<String> {
    let tables = app
        .texts(
            "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'app'::regnamespace AND c.relkind = 'r'
             AND NOT c.relispartition AND c.relname NOT IN ('idempotency_keys') ORDER BY 1",
        )
        .await;
    let mut found = Vec::new();
    for table in tables {
        let query = format!("SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {table} t");
        found.push(format!("{table} {}", app.texts(&query).await.join("")));
    }
    found
}

async fn entries(app: &TestApp) -> Vec<String> {
    app.texts("SELECT entity_type || ' ' || action FROM app.activities ORDER BY created_at, id").await
}

#[tokio::test]
async fn every_mutation_that_changes_the_graph_leaves_an_entry_for_each_row_and_a_refused_one_leaves_none() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let rival = app.organization("rival").create().await;
    let eve = app.person(&rival, "eve", Role::Member).await;
    let ada = app.person(&org, "ada", Role::Member).await;
    let mut ids = Ids::from([("ada", json!(ada.user_id)), ("eve", json!(eve.user_id))]);
    let mut walked = BTreeSet::new();
    for n in 0..STEPS + 5 {
        let Step { mutation, input, selection, entries: expected, keep } = step(n, &ids);
        if mutation == "completeUpload" {
            app.put_upload(&org, input["id"].as_str().unwrap().parse().unwrap(), b"text").await;
        }
        walked.insert(mutation.to_owned());
        let (graph_before, before) = (graph(&app).await, entries(&app).await);
        // Whatever is refused leaves nothing.
        let refused = owner.mutate(mutation, broken(&input), selection).await;
        assert!(
            refused.json.get("errors").is_some() || !refused.user_errors().is_empty(),
            "{mutation} {}",
            refused.text
        );
        assert_eq!(entries(&app).await, before, "{mutation} was refused");
        // With a key, and again: it is carried out once.
        let request = owner.mutation(mutation, &input, selection).header("idempotency-key", format!("step-{n}"));
        let answer = owner.send(request.try_clone().unwrap()).await;
        let done = answer.expect_done().clone();
        assert_eq!(owner.send(request).await.text, answer.text, "{mutation}");
        if let Some(name) = keep {
            ids.insert(name, if done.is_array() { done } else { done["id"].clone() });
        }
        assert_ne!(graph(&app).await, graph_before, "{mutation} changes something");
        assert_eq!(entries(&app).await[before.len()..], *expected, "{mutation}");
    }
    let all = owner.data("{ __schema { mutationType { fields { name } } } }").await;
    let fields = all["__schema"]["mutationType"]["fields"].as_array().unwrap();
    let all: BTreeSet<String> = fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect();
    let others: BTreeSet<String> = CHANGE_NOTHING.iter().map(|(name, _)| (*name).to_owned()).collect();
    let left: Vec<&String> = all.iter().filter(|name| !walked.contains(*name) && !others.contains(*name)).collect();
    assert_eq!(left, ["createOrganization", "leaveOrganization"], "these mutations are not walked");

    let before = entries(&app).await;
    let left = owner.query("mutation { leaveOrganization { userErrors { code } } }", json!({})).await;
    assert_eq!(left.json["data"]["leaveOrganization"]["userErrors"], json!([]), "{}", left.text);
    let new = json!({ "name": "New", "slug": "new" });
    app.as_owner(&rival).mutate("createOrganization", new, "organization { slug }").await.expect_done();
    assert_eq!(entries(&app).await[before.len()..], ["member deleted", "organization created"]);
}

/// The input with one thing in it that is well-formed and refused: the name of what is new, or the id of what is not there. Of several
/// elements, the last.
fn broken(input: &Value) -> Value {
    let mut broken = input.clone();
    let Some(fields) = broken.as_object_mut().filter(|fields| !fields.is_empty()) else {
        return json!({ "expectedUpdatedAt": "2000-01-01T00:00:00Z" });
    };
    for list in ["clients", "projects", "tasks"] {
        if let Some(last) = fields.get_mut(list).and_then(|list| list.as_array_mut()?.last_mut()) {
            *last = self::broken(last);
            return broken;
        }
    }
    let named = ["id", "memberId", "userId", "invoiceId", "email", "title", "body", "name", "fileName"]
        .iter()
        .find(|name| fields.contains_key(**name));
    let named = named.copied().or_else(|| fields.contains_key("clientId").then_some("clientId"));
    let Some(field) = named else {
        fields.insert("expectedUpdatedAt".to_owned(), json!("2000-01-01T00:00:00Z"));
        return broken;
    };
    let value = fields[field].as_str().unwrap();
    let other = match value.rsplit_once('_') {
        Some((prefix, _)) if field.to_lowercase().ends_with("id") => format!("{prefix}_01h455vb4pex5vsknk084sn02q"),
        _ if field == "email" => "nobody@rival.test".to_owned(),
        _ => " ".to_owned(),
    };
    fields.insert(field.to_owned(), json!(other));
    broken
}
