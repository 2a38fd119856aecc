//! What the matrix does not cover: the life cycle of a workspace, grants, moving projects, and what a refusal must not
//! reveal.

use serde_json::json;
use tenantry_domain::noun::Given;
use tenantry_domain::permission::{Grant, Role};
use tenantry_domain::{ClientId, Clock, Id, ProjectId, TaskId, UserId, WorkspaceId};
use tenantry_tests::{Answer, Session, TestApp};

use crate::fixture::{Fixture, On, Standing};
use crate::placed::Placed;
use crate::writes::bare;

fn new<I: Id>() -> String {
    Clock::system().new_id::<I>().to_string()
}

async fn create_workspace(session: &Session, name: &str, is_private: bool) -> String {
    let input = json!({ "name": name, "isPrivate": is_private });
    let created = session.mutate("createWorkspace", input, "workspace { id name isPrivate isDefault }").await;
    created.expect_done()["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_private_workspace_exists_for_its_creator_and_grantees() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let (ada, bob) = (app.as_member(&org, "ada").await, app.as_member(&org, "bob").await);
    let id = create_workspace(&ada, "Secret", true).await;
    assert!(ada.ids("workspaces").await.contains(&id));
    assert!(app.as_owner(&org).ids("workspaces").await.contains(&id));
    assert!(!bob.ids("workspaces").await.contains(&id));

    let bobs = app.person(&org, "bob", Role::Member).await.user_id;
    let grant = |permission: &str| json!({ "workspaceId": id, "userId": bobs, "permission": permission });
    let selection = "grant { id permission workspace { id } member { userId } createdAt updatedAt }";
    let first = ada.mutate("grantWorkspaceAccess", grant("VIEW"), selection).await.expect_done().clone();
    assert!(bob.ids("workspaces").await.contains(&id));
    let input = json!({ "workspaceId": id, "name": "Bob's" });
    assert_eq!(bob.write("createProject", input.clone()).await.error_code(), "FORBIDDEN");

    // A second grant replaces the first.
    let second = ada.mutate("grantWorkspaceAccess", grant("EDIT"), selection).await.expect_done().clone();
    assert_eq!((&second["id"], &second["permission"]), (&first["id"], &json!("EDIT")));
    assert_eq!(second["createdAt"], first["createdAt"]);
    bob.write("createProject", input.clone()).await.expect_done();
    assert_eq!(
        bob.mutate("updateWorkspace", json!({ "id": id, "name": "Mine" }), "workspace { id }").await.error_code(),
        "FORBIDDEN"
    );

    // Bob finds only his own grant, Ada both.
    let document = format!(
        "{{ workspace(id: \"{id}\") {{ grants {{ totalCount nodes {{ permission member {{ userId }} }} }} }} }}"
    );
    assert_eq!(
        bob.data(&document).await["workspace"]["grants"],
        json!({ "totalCount": 1, "nodes": [{ "permission": "EDIT", "member": { "userId": bobs } }] })
    );
    assert_eq!(ada.data(&document).await["workspace"]["grants"]["totalCount"], json!(2));

    let revoke = json!({ "workspaceId": id, "userId": bobs });
    let revoked = ada.mutate("revokeWorkspaceAccess", revoke.clone(), "revokedUserId").await;
    assert_eq!(revoked.expect_done(), &json!(bobs));
    assert!(!bob.ids("workspaces").await.contains(&id));
    assert!(bob.ids("projects").await.is_empty(), "the project that Bob made lies there");
    ada.mutate("revokeWorkspaceAccess", revoke, "revokedUserId").await.expect_refused(&[("NOT_FOUND", "userId")]);
}

#[tokio::test]
async fn a_workspace_can_be_renamed_described_and_deleted() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let id = create_workspace(&owner, "  Studio ", false).await;
    let taken = owner.mutate("createWorkspace", json!({ "name": "STUDIO" }), "workspace { id }").await;
    taken.expect_refused(&[("TAKEN", "name")]);
    let blank = owner.mutate("createWorkspace", json!({ "name": " " }), "workspace { id }").await;
    blank.expect_refused(&[("REQUIRED", "name")]);

    let selection = "workspace { id name description isPrivate updatedAt }";
    let change = json!({ "id": id, "name": "Atelier", "description": "Where it happens", "isPrivate": true });
    let changed = owner.mutate("updateWorkspace", change, selection).await.expect_done().clone();
    assert_eq!(changed["name"], "Atelier");
    assert_eq!(changed["isPrivate"], true);
    let stale = json!({ "id": id, "name": "Late", "expectedUpdatedAt": "2020-01-01T00:00:00Z" });
    owner.mutate("updateWorkspace", stale, selection).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    let null = json!({ "id": id, "name": null });
    owner.mutate("updateWorkspace", null, selection).await.expect_refused(&[("REQUIRED", "name")]);
    let cleared = owner.mutate("updateWorkspace", json!({ "id": id, "description": null }), selection).await;
    assert_eq!(cleared.expect_done()["description"], json!(null));

    let project = owner.write("createProject", json!({ "workspaceId": id, "name": "In the way" })).await;
    let project = project.expect_done()["id"].clone();
    let delete = json!({ "id": id });
    let refused = owner.mutate("deleteWorkspace", delete.clone(), "deletedWorkspaceId").await;
    refused.expect_refused(&[("IN_USE", "id")]);
    owner.write("deleteProject", json!({ "id": project })).await.expect_done();
    let deleted = owner.mutate("deleteWorkspace", delete.clone(), "deletedWorkspaceId").await;
    assert_eq!(deleted.expect_done(), &json!(id));
    let again = owner.mutate("deleteWorkspace", delete, "deletedWorkspaceId").await;
    again.expect_refused(&[("NOT_FOUND", "id")]);
    let default = owner.mutate("deleteWorkspace", json!({ "id": org.workspace }), "deletedWorkspaceId").await;
    default.expect_refused(&[("INVALID", "id")]);
}

#[tokio::test]
async fn only_members_of_the_organization_can_get_grants() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let stranger = app.organization("rival").create().await.owner.user_id;
    let project = owner.create_project("Site", None).await["id"].clone();
    let mut answers = Vec::new();
    for user in [stranger.to_string(), new::<UserId>()] {
        let on_workspace = json!({ "workspaceId": org.workspace, "userId": user, "permission": "ADMIN" });
        let answer = owner.mutate("grantWorkspaceAccess", on_workspace, "grant { id }").await;
        answer.expect_refused(&[("NOT_FOUND", "userId")]);
        let on_project = json!({ "projectId": project, "userId": user, "permission": "ADMIN" });
        let other = owner.mutate("grantProjectAccess", on_project, "grant { id }").await;
        other.expect_refused(&[("NOT_FOUND", "userId")]);
        answers.push((bare(&answer), bare(&other)));
    }
    assert_eq!(answers[0], answers[1], "a user elsewhere and no user at all are the same");
}

/// A fixture in which the caller has this role and grant.
async fn fixture(app: &TestApp, role: Role, grant: Option<(On, Grant)>) -> Fixture {
    Fixture::build(app, Standing { role, grant }).await
}

#[tokio::test]
async fn moving_a_project_requires_both_workspaces() {
    let app = TestApp::start().await;
    let to = |fixture: &Fixture, case: usize, workspace: usize| json!({ "id": fixture.cases[case].project, "workspaceId": fixture.workspaces[workspace].id });
    let granted = fixture(&app, Role::Member, Some((On::Workspace, Grant::Edit))).await;
    granted.caller.write("updateProject", to(&granted, 2, 0)).await.expect_done();
    granted.caller.write("updateProject", to(&granted, 2, 1)).await.expect_done();
    // A grant on the project alone: the caller has no grant on its current workspace and cannot see it.
    let alone = fixture(&app, Role::Member, Some((On::Project, Grant::Admin))).await;
    assert_eq!(alone.caller.write("updateProject", to(&alone, 3, 0)).await.error_code(), "FORBIDDEN");
    let hidden = alone.caller.write("updateProject", to(&alone, 3, 1)).await;
    let unknown = json!({ "id": alone.cases[3].project, "workspaceId": new::<WorkspaceId>() });
    let unknown = alone.caller.write("updateProject", unknown).await;
    hidden.expect_refused(&[("NOT_FOUND", "workspaceId")]);
    assert_eq!(bare(&hidden), bare(&unknown), "its own workspace, which the caller does not see, is like no workspace");
}

#[tokio::test]
async fn a_row_goes_only_where_its_writer_may_write() {
    let app = TestApp::start().await;
    let none = fixture(&app, Role::Member, None).await;
    let views = fixture(&app, Role::Member, Some((On::Workspace, Grant::View))).await;
    assert!(!none.placed.is_empty());
    // What stays where it was made cannot be moved at all.
    let moved = |placed: &Placed| placed.place().given == Given::Always;
    for (placed, viewed) in none.placed.iter().zip(&views.placed).filter(|(placed, _)| moved(placed)) {
        let info = placed.noun.info;
        let (mutation, selection) = (format!("update{}", info.name), format!("{} {{ id }}", info.api));
        let to = |placed: &Placed, project: String| json!({ "id": placed.spelled(placed.in_projects[0]), placed.place().api: project });
        let place = placed.place().api;
        // Into a project that the caller does not see, like into none that exists.
        let secret = to(placed, none.cases[2].project.to_string());
        let hidden = none.caller.mutate(&mutation, secret, &selection).await;
        let unknown = none.caller.mutate(&mutation, to(placed, new::<ProjectId>()), &selection).await;
        hidden.expect_refused(&[("NOT_FOUND", place)]);
        assert_eq!(bare(&hidden), bare(&unknown), "{}", info.name);
        // Into one that the caller sees and may not write in.
        let seen = to(viewed, views.cases[2].project.to_string());
        assert_eq!(views.caller.mutate(&mutation, seen, &selection).await.error_code(), "FORBIDDEN", "{}", info.name);
        // Out of one that the caller does not see.
        let away = json!({ "id": placed.spelled(placed.in_projects[2]), place: none.cases[0].project.to_string() });
        none.caller.mutate(&mutation, away, &selection).await.expect_refused(&[("NOT_FOUND", "id")]);
        // Into one where the caller may write.
        let open = to(placed, none.cases[1].project.to_string());
        none.caller.mutate(&mutation, open, &selection).await.expect_done();
    }
}

/// Sends the same input with something hidden and with something unknown in one place; the answers are the same.
async fn same(
    caller: &Session,
    mutation: &str,
    with: impl Fn(String) -> serde_json::Value,
    hidden: String,
    unknown: String,
) {
    let seen: Answer = caller.write(mutation, with(hidden)).await;
    let reference: Answer = caller.write(mutation, with(unknown)).await;
    assert_eq!(bare(&seen), bare(&reference), "{mutation}");
    assert!(!reference.user_errors().is_empty(), "{mutation}: {}", reference.text);
}

#[tokio::test]
async fn hidden_objects_cannot_be_referred_to() {
    let app = TestApp::start().await;
    let at = fixture(&app, Role::Member, None).await;
    let (open, secret) = (&at.cases[0], &at.cases[2]);
    let client = at.clients[0].to_string();
    let line = json!([{ "description": "x", "quantity": "1", "rate": "1" }]);
    let invoice = |field: &str, value: serde_json::Value| {
        let mut input = json!({ "clientId": client, "currency": "USD", "lineItems": line });
        input[field] = value;
        input
    };
    let caller = &at.caller;
    same(caller, "createInvoice", |id| invoice("projectId", json!(id)), secret.project.to_string(), new::<ProjectId>())
        .await;
    same(caller, "createInvoice", |id| invoice("taskIds", json!([id])), secret.tasks[0].to_string(), new::<TaskId>())
        .await;
    let update = |field: &'static str, id: String| json!({ "id": open.invoice, field: id });
    same(caller, "updateInvoice", |id| update("projectId", id), secret.project.to_string(), new::<ProjectId>()).await;
    let task = |field: &'static str, id: String| json!({ "id": open.tasks[0], field: id });
    same(caller, "updateTask", |id| task("parentTaskId", id), secret.tasks[0].to_string(), new::<TaskId>()).await;
    same(caller, "updateTask", |id| task("afterTaskId", id), secret.tasks[0].to_string(), new::<TaskId>()).await;
    let subtask = |id: String| json!({ "projectId": open.project, "title": "x", "parentTaskId": id });
    same(caller, "createTask", subtask, secret.tasks[1].to_string(), new::<TaskId>()).await;
    let project = |id: String| json!({ "name": "x", "workspaceId": id });
    same(caller, "createProject", project, at.workspaces[1].id.to_string(), new::<WorkspaceId>()).await;
    let moved = |id: String| json!({ "id": open.project, "workspaceId": id });
    same(caller, "updateProject", moved, at.workspaces[1].id.to_string(), new::<WorkspaceId>()).await;
    let unknown = caller.write("updateClient", json!({ "id": new::<ClientId>(), "name": "x" })).await;
    unknown.expect_refused(&[("NOT_FOUND", "id")]);
}

#[tokio::test]
async fn a_hidden_task_is_like_none_as_a_parent_and_as_a_neighbour() {
    let app = TestApp::start().await;
    let at = fixture(&app, Role::Member, None).await;
    let hidden = at.cases[2].tasks[1].to_string();
    let open = at.cases[0].project;
    let subtask = |id: String| json!({ "projectId": open, "title": "x", "parentTaskId": id });
    same(&at.caller, "createTask", subtask, hidden.clone(), new::<TaskId>()).await;
    let own = at.cases[0].tasks[0];
    for field in ["parentTaskId", "afterTaskId"] {
        same(&at.caller, "updateTask", |id| json!({ "id": own, field: id }), hidden.clone(), new::<TaskId>()).await;
    }
    for field in ["before", "after", "id"] {
        let to = |id: String| {
            let mut input = json!({ "id": own });
            input[field] = json!(id);
            input
        };
        same(&at.caller, "moveTask", to, hidden.clone(), new::<TaskId>()).await;
        same(&at.caller, "moveTasks", |id| json!({ "tasks": [to(id)] }), hidden.clone(), new::<TaskId>()).await;
    }
    let project = at.cases[2].project.to_string();
    same(&at.caller, "moveTask", |id| json!({ "id": own, "projectId": id }), project, new::<ProjectId>()).await;
}

#[tokio::test]
async fn a_guest_can_assign_only_visible_members() {
    let app = TestApp::start().await;
    let at = fixture(&app, Role::Guest, Some((On::Project, Grant::Edit))).await;
    let task = at.cases[0].tasks[0];
    let assign = |id: String| json!({ "id": task, "assigneeIds": [id] });
    let create = |id: String| json!({ "projectId": at.cases[0].project, "title": "x", "assigneeIds": [id] });
    let hidden = at.cases[5].worker.user_id.to_string();
    same(&at.caller, "updateTask", assign, hidden.clone(), new::<UserId>()).await;
    same(&at.caller, "createTask", create, hidden, new::<UserId>()).await;
    let seen = [at.me.user_id.to_string(), at.cases[0].worker.user_id.to_string()];
    at.caller.write("updateTask", json!({ "id": task, "assigneeIds": seen })).await.expect_done();
}

#[tokio::test]
async fn a_grant_ends_with_the_membership() {
    let app = TestApp::start().await;
    let at = fixture(&app, Role::Member, Some((On::Workspace, Grant::Admin))).await;
    let (org, user) = (at.org.uuid(), at.me.user_id.as_uuid());
    let grants = format!("SELECT count(*) FROM app.workspace_members WHERE user_id = '{user}'");
    assert_eq!(app.number(&grants).await, 2);
    app.sql(&format!("DELETE FROM app.organization_members WHERE organization_id = '{org}' AND user_id = '{user}'"))
        .await;
    assert_eq!(app.number(&grants).await, 0);
    assert_eq!(at.caller.query("{ workspaces { totalCount } }", json!({})).await.error_code(), "FORBIDDEN");
}
