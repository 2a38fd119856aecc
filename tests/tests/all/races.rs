//! Concurrent requests compete for the last unit of every feature, over HTTP on two servers, through every mutation
//! that uses it up.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_domain::ClientId;
use tenantry_tests::{Answer, Org, Session, TestApp};
use uuid::Uuid;

use crate::matrix;

/// The limit. A round starts one below it.
const LIMIT: i64 = 5;

/// The number of concurrent attempts. If one request makes several attempts, this is the total.
const ATTEMPTS: usize = 200;

/// A kind of request that uses up a limit.
#[derive(Debug, Clone, Copy)]
enum Way {
    CreateClient,
    /// Several in one request.
    CreateClients,
    /// Several in one mutation, of which one alone would fit, against mutations of one.
    CreateManyClients,
    ActivateManyClients,
    CreateManyProjects,
    ActivateClient,
    /// New clients against clients that become active.
    CreateOrActivateClient,
    CreateProject,
    CreateInvoice,
    /// Several in one request.
    CreateInvoices,
    CreateInvoiceFromTasks,
    AddMember,
}

impl Way {
    const ALL: [Self; 12] = [
        Self::CreateClient,
        Self::CreateClients,
        Self::CreateManyClients,
        Self::ActivateManyClients,
        Self::CreateManyProjects,
        Self::ActivateClient,
        Self::CreateOrActivateClient,
        Self::CreateProject,
        Self::CreateInvoice,
        Self::CreateInvoices,
        Self::CreateInvoiceFromTasks,
        Self::AddMember,
    ];

    fn feature(self) -> &'static str {
        match self {
            Self::CreateClient
            | Self::CreateClients
            | Self::CreateManyClients
            | Self::ActivateManyClients
            | Self::ActivateClient
            | Self::CreateOrActivateClient => "active_clients",
            Self::CreateProject | Self::CreateManyProjects => "projects",
            Self::CreateInvoice | Self::CreateInvoices | Self::CreateInvoiceFromTasks => "invoices_per_month",
            Self::AddMember => "team_members",
        }
    }

    fn mutations(self) -> &'static [&'static str] {
        match self {
            Self::CreateClient | Self::CreateClients => &["createClient"],
            Self::CreateManyClients => &["createClients"],
            Self::ActivateManyClients => &["updateClients"],
            Self::CreateManyProjects => &["createProjects"],
            Self::ActivateClient => &["updateClient"],
            Self::CreateOrActivateClient => &["createClient", "updateClient"],
            Self::CreateProject => &["createProject"],
            Self::CreateInvoice | Self::CreateInvoices => &["createInvoice"],
            Self::CreateInvoiceFromTasks => &["createInvoiceFromTasks"],
            Self::AddMember => &["addMember"],
        }
    }
}

/// An organization one below the limit, and what the attempts need.
struct Fixture {
    org: Org,
    /// Not active yet.
    leads: Vec<String>,
    /// Users who are not members yet.
    users: Vec<String>,
    /// A project, and tasks of it that are on no invoice.
    project: String,
    tasks: Vec<String>,
}

async fn prepare(app: &TestApp, way: Way, round: usize) -> Fixture {
    let slug = format!("{way:?}-{round}").to_lowercase();
    let org = app.organization(&slug).plan("enterprise").create().await;
    let (id, have) = (org.uuid(), LIMIT - 1);
    let leads: Vec<Uuid> = (0..ATTEMPTS).map(|_| Uuid::new_v4()).collect();
    let rows: Vec<String> = leads.iter().map(|lead| format!("('{id}', '{lead}', 'A lead', 'lead')")).collect();
    let users: Vec<String> = (0..ATTEMPTS).map(|n| format!("{slug}-{n}@users.test")).collect();
    let (project, tasks) = (Uuid::new_v4(), (0..ATTEMPTS).map(|_| Uuid::new_v4()).collect::<Vec<_>>());
    let work =
        tasks.iter().enumerate().map(|(n, task)| format!("('{id}', '{task}', '{project}', 'A task', 'V{n:04}')"));
    let work: Vec<String> = work.collect();
    let accounts: Vec<String> = users.iter().map(|mail| format!("(gen_random_uuid(), '{mail}', 'A user')")).collect();
    app.sql(&format!(
        "INSERT INTO app.clients (organization_id, id, name, status) VALUES {};
         INSERT INTO auth.users (id, email, name) VALUES {};
         INSERT INTO app.clients (organization_id, id, name, status)
             SELECT '{id}', gen_random_uuid(), 'A client', 'active' FROM generate_series(1, {have});
         INSERT INTO app.projects (organization_id, id, workspace_id, name)
             SELECT '{id}', CASE n WHEN 1 THEN '{project}' ELSE gen_random_uuid() END, '{}', 'A project' FROM generate_series(1, {have}) n;
         INSERT INTO app.tasks (organization_id, id, project_id, title, position) VALUES {};
         INSERT INTO billing.feature_overrides (organization_id, feature, limit_value) VALUES ('{id}', '{}', {LIMIT});",
        rows.join(", "),
        accounts.join(", "),
        org.workspace.as_uuid(),
        work.join(", "),
        way.feature(),
    ))
    .await;
    for n in 1..have {
        app.person(&org, &format!("member{n}"), tenantry_domain::Role::Member).await;
    }
    let leads: Vec<String> = leads.into_iter().map(|lead| ClientId::from_uuid(lead).to_string()).collect();
    if way.feature() == "invoices_per_month" {
        for _ in 0..have {
            app.as_owner(&org).create_invoice(&leads[0]).await;
        }
    }
    let project = tenantry_domain::ProjectId::from_uuid(project).to_string();
    let tasks = tasks.into_iter().map(|task| tenantry_domain::TaskId::from_uuid(task).to_string()).collect();
    Fixture { org, leads, users, project, tasks }
}

/// The same mutation field this many times in one document.
async fn several(session: &Session, name: &str, input: Value, times: usize) -> Answer {
    let kind = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
    let fields: Vec<String> = (0..times)
        .map(|n| format!("f{n}: {name}(input: $input) {{ userErrors {{ code field message feature limit used }} }}"))
        .collect();
    session.query(&format!("mutation($input: {kind}!) {{ {} }}", fields.join(" ")), json!({ "input": input })).await
}

/// One request of the race; `n` is its number.
async fn attempt(session: &Session, fixture: &Fixture, way: Way, n: usize) -> Answer {
    let invoice = json!({ "clientId": fixture.leads[0], "currency": "USD" });
    let client = json!({ "name": format!("Client {n}") });
    let (name, input, times) = match way {
        Way::CreateClients => ("createClient", client, 5),
        Way::CreateClient => ("createClient", client, 1),
        Way::CreateOrActivateClient if n.is_multiple_of(2) => ("createClient", client, 1),
        Way::ActivateClient | Way::CreateOrActivateClient => {
            ("updateClient", json!({ "id": fixture.leads[n], "status": "ACTIVE" }), 1)
        }
        // One fits, two do not.
        Way::CreateManyClients => ("createClients", json!({ "clients": vec![client; 1 + n % 2] }), 1),
        Way::CreateManyProjects => ("createProjects", json!({ "projects": vec![client; 1 + n % 2] }), 1),
        Way::ActivateManyClients => {
            let other = if n % 2 == 1 { Some((n + 1) % ATTEMPTS) } else { None };
            let leads = [n].into_iter().chain(other).map(|n| json!({ "id": fixture.leads[n], "status": "ACTIVE" }));
            ("updateClients", json!({ "clients": leads.collect::<Vec<_>>() }), 1)
        }
        Way::CreateProject => ("createProject", json!({ "name": format!("Project {n}") }), 1),
        Way::CreateInvoice => ("createInvoice", invoice, 1),
        Way::CreateInvoices => ("createInvoice", invoice, 5),
        Way::CreateInvoiceFromTasks => {
            let work = json!({ "projectId": fixture.project, "taskIds": [fixture.tasks[n]], "rate": "1", "currency": "USD",
                "clientId": fixture.leads[0] });
            ("createInvoiceFromTasks", work, 1)
        }
        Way::AddMember => ("addMember", json!({ "email": fixture.users[n] }), 1),
    };
    several(session, name, input, times).await
}

/// How many of the answers' fields succeeded. Every other one must be the refusal.
fn done(answers: &[Answer], way: Way) -> usize {
    let mut done = 0;
    for answer in answers {
        for payload in answer.expect_data().as_object().unwrap().values() {
            match payload["userErrors"].as_array().unwrap().as_slice() {
                [] => done += 1,
                [error] => {
                    let found = (&error["code"], &error["feature"], &error["limit"], &error["used"]);
                    let feature = json!(way.feature().to_uppercase());
                    assert_eq!(found, (&json!("LIMIT_REACHED"), &feature, &json!(LIMIT), &json!(LIMIT)), "{error}");
                }
                more => panic!("{more:?}"),
            }
        }
    }
    done
}

/// The current number: of rows, and as reported by `entitlements`. Invoices have a counter as well.
async fn there_are(app: &TestApp, org: &Org, way: Way) -> Vec<i64> {
    let id = org.uuid();
    let rows = match way.feature() {
        "active_clients" => {
            format!("SELECT count(*) FROM app.clients WHERE organization_id = '{id}' AND status = 'active'")
        }
        "projects" => format!("SELECT count(*) FROM app.projects WHERE organization_id = '{id}'"),
        "team_members" => format!("SELECT count(*) FROM app.organization_members WHERE organization_id = '{id}'"),
        _ => format!("SELECT count(*) FROM app.invoices WHERE organization_id = '{id}'"),
    };
    let told = app.as_owner(org).data("{ entitlements { feature used } }").await;
    let told = told["entitlements"].as_array().unwrap();
    let feature = json!(way.feature().to_uppercase());
    let told = told.iter().find(|one| one["feature"] == feature).unwrap()["used"].as_i64().unwrap();
    vec![app.number(&rows).await, told]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_unit_is_used_once_through_every_mutation() {
    let app = TestApp::builder().acquire_timeout(Duration::from_mins(1)).start().await;
    let second = app.another_server().await;
    let asked = std::env::var("TENANTRY_RACE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    for way in Way::ALL {
        for round in 0..asked.unwrap_or(2) {
            let fixture = prepare(&app, way, round).await;
            let here = app.as_owner(&fixture.org);
            let sessions = [here.clone(), here.at(&second)];
            let requests =
                if matches!(way, Way::CreateClients | Way::CreateInvoices) { ATTEMPTS / 5 } else { ATTEMPTS };
            let answers = join_all((0..requests).map(|n| attempt(&sessions[n / 2 % 2], &fixture, way, n))).await;
            assert_eq!(done(&answers, way), 1, "{way:?}, round {round}");
            assert_eq!(there_are(&app, &fixture.org, way).await, [LIMIT, LIMIT], "{way:?}, round {round}");
        }
    }
}

/// The table of `docs/permissions.md` says of every mutation what it may use up.
#[test]
fn every_mutation_that_uses_up_a_limit_is_raced() {
    for (name, feature) in matrix::limits() {
        let Some(feature) = feature else { continue };
        let raced = Way::ALL.iter().any(|way| way.feature() == feature && way.mutations().contains(&name.as_str()));
        assert!(raced, "{name} is not raced");
    }
}
