//! What a draft may bill: one client's work, and each task once.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Answer, Org, Session, TestApp};

/// Two clients with a project and four tasks each, and a project without a client with a task.
struct Fixture {
    app: TestApp,
    org: Org,
    owner: Session,
    clients: [String; 2],
    projects: [String; 2],
    tasks: [Vec<String>; 2],
    internal: (String, String),
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

impl Fixture {
    async fn build() -> Self {
        let app = TestApp::start().await;
        let org = app.organization("acme").create().await;
        let owner = app.as_owner(&org);
        let (mut clients, mut projects, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        for name in ["Ada", "Bob"] {
            let client = id(&owner.create_client(name).await);
            let project = id(&owner.create_project(name, Some(&client)).await);
            let mut own = Vec::new();
            for n in 0..4 {
                own.push(id(&owner.create_task(&project, &format!("{name} {n}")).await));
            }
            clients.push(client);
            projects.push(project);
            tasks.push(own);
        }
        let internal = id(&owner.create_project("Internal", None).await);
        let task = id(&owner.create_task(&internal, "Tidy up").await);
        let (clients, projects) = (clients.try_into().unwrap(), projects.try_into().unwrap());
        Self { app, org, owner, clients, projects, tasks: tasks.try_into().unwrap(), internal: (internal, task) }
    }

    async fn draft(&self, client: usize, project: Option<&str>, tasks: &[&str]) -> Answer {
        let input =
            json!({ "clientId": self.clients[client], "currency": "USD", "projectId": project, "taskIds": tasks });
        self.owner.write("createInvoice", input).await
    }

    async fn change(&self, draft: &str, mut changes: Value) -> Answer {
        changes["id"] = json!(draft);
        self.owner.write("updateInvoice", changes).await
    }

    async fn invoices(&self) -> i64 {
        self.app.number("SELECT count(*) FROM app.invoices").await
    }
}

#[tokio::test]
async fn a_draft_does_not_bill_another_clients_work() {
    let fixture = Fixture::build().await;
    let [ada, bob] = &fixture.projects;
    let [adas, bobs] = &fixture.tasks;
    fixture.draft(0, Some(bob), &[]).await.expect_refused(&[("INVALID", "projectId")]);
    let mixed = [adas[0].as_str(), &bobs[0], &adas[1], &bobs[1]];
    fixture.draft(0, None, &mixed).await.expect_refused(&[("INVALID", "taskIds.1"), ("INVALID", "taskIds.3")]);
    let both = [("INVALID", "projectId"), ("INVALID", "taskIds.0")];
    fixture.draft(0, Some(bob), &[&bobs[0]]).await.expect_refused(&both);
    assert_eq!(fixture.invoices().await, 0);
    // Nothing was counted against the plan.
    assert_eq!(
        fixture.app.number("SELECT count(*) FROM billing.usage_counters WHERE feature = 'invoices_per_month'").await,
        0
    );

    // The client's own work, and work without a client.
    let (internal, tidied) = (&fixture.internal.0, &fixture.internal.1);
    let draft = id(fixture.draft(0, Some(ada), &[&adas[0], &adas[0], tidied]).await.expect_done());
    fixture.draft(1, Some(internal), &[]).await.expect_done();

    fixture.change(&draft, json!({ "projectId": bob })).await.expect_refused(&[("INVALID", "projectId")]);
    fixture.change(&draft, json!({ "taskIds": [adas[0], bobs[0]] })).await.expect_refused(&[("INVALID", "taskIds.1")]);
    // Another client, while the project and the tasks stay the same.
    fixture
        .change(&draft, json!({ "clientId": fixture.clients[1] }))
        .await
        .expect_refused(&[("INVALID", "clientId"), ("INVALID", "clientId")]);
    let alone = json!({ "clientId": fixture.clients[1], "projectId": null });
    fixture.change(&draft, alone).await.expect_refused(&[("INVALID", "clientId")]);
    let kept = json!({ "clientId": fixture.clients[1], "projectId": bob, "taskIds": [bobs[0], adas[0]] });
    fixture.change(&draft, kept).await.expect_refused(&[("INVALID", "taskIds.1")]);
    // All three at once.
    let moved = json!({ "clientId": fixture.clients[1], "projectId": bob, "taskIds": [bobs[0], tidied] });
    fixture.change(&draft, moved).await.expect_done();
    // Unrelated changes check none of this.
    fixture.change(&draft, json!({ "notes": "x" })).await.expect_done();
}

#[tokio::test]
async fn a_task_is_billed_once_unless_its_invoice_is_void() {
    let fixture = Fixture::build().await;
    let tasks: Vec<&str> = fixture.tasks[0].iter().map(String::as_str).collect();
    let first = id(fixture.draft(0, None, &tasks[..2]).await.expect_done());
    fixture.draft(0, None, &[tasks[2], tasks[1]]).await.expect_refused(&[("TAKEN", "taskIds.1")]);
    let second = id(fixture.draft(0, None, &[tasks[2]]).await.expect_done());
    fixture.change(&second, json!({ "taskIds": [tasks[0], tasks[2]] })).await.expect_refused(&[("TAKEN", "taskIds.0")]);
    // Tasks that are on the draft already may be listed again.
    fixture.change(&second, json!({ "taskIds": [tasks[2], tasks[3]] })).await.expect_done();

    for (status, number, is_free) in
        [("sent", "'I-1'", false), ("paid", "'I-1'", false), ("overdue", "'I-1'", false), ("void", "'I-1'", true)]
    {
        fixture.app.sql(&format!("UPDATE app.invoices SET status = '{status}', number = {number} WHERE total = 0 AND id = (SELECT invoice_id FROM app.invoice_tasks WHERE task_id = '{}' ORDER BY created_at LIMIT 1)", tenantry_domain::typeid::split(tasks[0]).unwrap().1)).await;
        let again = fixture.draft(0, None, &[tasks[0]]).await;
        if is_free {
            again.expect_done();
        } else {
            again.expect_refused(&[("TAKEN", "taskIds.0")]);
        }
    }
    // Once billed again, it counts as billed.
    fixture.draft(0, None, &[tasks[0]]).await.expect_refused(&[("TAKEN", "taskIds.0")]);
    // A draft that is deleted, or drops a task, frees the task for others.
    fixture.owner.write("deleteInvoice", json!({ "id": second })).await.expect_done();
    fixture.draft(0, None, &[tasks[2]]).await.expect_done();
    assert_ne!(first, second);
}

#[tokio::test]
async fn work_billed_twice_before_can_still_be_edited() {
    let fixture = Fixture::build().await;
    let tasks = &fixture.tasks;
    let (one, two) = (
        id(fixture.draft(0, None, &[&tasks[0][0]]).await.expect_done()),
        id(fixture.draft(0, None, &[]).await.expect_done()),
    );
    let uuid = |id: &str| tenantry_domain::typeid::split(id).unwrap().1;
    for task in [&tasks[0][0], &tasks[1][0]] {
        fixture
            .app
            .sql(&format!(
                "INSERT INTO app.invoice_tasks (organization_id, invoice_id, task_id) VALUES ('{}', '{}', '{}')",
                fixture.org.uuid(),
                uuid(&two),
                uuid(task)
            ))
            .await;
    }
    for draft in [&one, &two] {
        fixture.change(draft, json!({ "notes": "x" })).await.expect_done();
        fixture
            .change(draft, json!({ "taskIds": [tasks[0][0], tasks[0][1 + usize::from(draft == &two)]] }))
            .await
            .expect_done();
    }
    fixture.change(&two, json!({ "taskIds": [] })).await.expect_done();
    fixture.change(&two, json!({ "taskIds": [tasks[0][0]] })).await.expect_refused(&[("TAKEN", "taskIds.0")]);
}

#[tokio::test]
async fn a_project_moves_to_another_client_only_without_drafts_for_the_old_one() {
    let fixture = Fixture::build().await;
    let [ada, bob] = &fixture.clients;
    let give = async |client: Option<&str>| {
        fixture.owner.write("updateProject", json!({ "id": fixture.projects[0], "clientId": client })).await
    };
    let by_project = id(fixture.draft(0, Some(&fixture.projects[0]), &[]).await.expect_done());
    give(Some(bob)).await.expect_refused(&[("IN_USE", "clientId")]);
    give(Some(ada)).await.expect_done();
    fixture.owner.write("deleteInvoice", json!({ "id": by_project })).await.expect_done();
    let by_task = id(fixture.draft(0, None, &[&fixture.tasks[0][0]]).await.expect_done());
    give(Some(bob)).await.expect_refused(&[("IN_USE", "clientId")]);
    // Work without a client belongs to nobody else, and may not be given to another client meanwhile.
    give(None).await.expect_done();
    give(Some(bob)).await.expect_refused(&[("IN_USE", "clientId")]);
    // An issued invoice is a record, and stays with the client it was sent to.
    fixture.app.sql("UPDATE app.invoices SET status = 'sent', number = 'I-1'").await;
    give(Some(bob)).await.expect_done();
    let document =
        "query($id: ID!) { invoice(id: $id) { client { id } tasks { nodes { project { client { id } } } } } }";
    let answer = fixture.owner.query(document, json!({ "id": by_task })).await;
    assert_eq!(answer.at("invoice.client.id"), ada);
    assert_eq!(answer.at("invoice.tasks.nodes.0.project.client.id"), bob);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_one_of_several_concurrent_drafts_gets_the_task() {
    let fixture = Fixture::build().await;
    for task in &fixture.tasks[0] {
        let tasks = [task.as_str()];
        let answers = join_all((0..6).map(|_| fixture.draft(0, None, &tasks))).await;
        let done = answers.iter().filter(|answer| answer.user_errors().is_empty()).count();
        assert_eq!(done, 1);
        for answer in answers.iter().filter(|answer| !answer.user_errors().is_empty()) {
            answer.expect_refused(&[("TAKEN", "taskIds.0")]);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_project_moved_while_it_is_billed_never_ends_up_with_another_client() {
    let fixture = Fixture::build().await;
    for round in 0..8 {
        let from = round % 2;
        let project = Some(fixture.projects[0].as_str());
        let target = json!({ "id": fixture.projects[0], "clientId": fixture.clients[1 - from] });
        let (billed, moved) =
            tokio::join!(fixture.draft(from, project, &[]), fixture.owner.write("updateProject", target.clone()));
        match (billed.user_errors().is_empty(), moved.user_errors().is_empty()) {
            (true, false) => {
                fixture.owner.write("deleteInvoice", json!({ "id": id(billed.expect_done()) })).await.expect_done();
                fixture.owner.write("updateProject", target).await.expect_done();
            }
            (false, true) => billed.expect_refused(&[("INVALID", "projectId")]),
            both => panic!("billed and moved: {both:?}"),
        }
    }
}
