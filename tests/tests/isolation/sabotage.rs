//! Makes sure that the other tests can fail: each protection is removed once, in a separate database, and its absence
//! must be detected.

use std::collections::BTreeSet;

use crate::attempt::Attempts;
use crate::catalogue::crossings;
use crate::ids::{Place, Schema};
use crate::kinds::Kind;
use crate::schema::{compare, still};
use crate::shape::{breaches, demands};
use crate::tables::Pair;

/// Tables, grants and functions that break every rule.
const EVERYTHING_WRONG: &str = "
    CREATE TABLE app.leaky (organization_id uuid, id uuid PRIMARY KEY, client_id uuid, secret_hash bytea, name text UNIQUE);
    GRANT SELECT, UPDATE ON app.leaky TO tenantry_app;
    ALTER TABLE app.clients ADD UNIQUE (id);
    ALTER TABLE app.leaky ADD FOREIGN KEY (client_id) REFERENCES app.clients (id) ON UPDATE CASCADE;
    CREATE TABLE app.notices (id uuid PRIMARY KEY, client_id uuid REFERENCES app.clients (id), for_organization_id uuid);
    GRANT SELECT ON app.notices TO PUBLIC;
    ALTER TABLE app.leaky ADD notice_id uuid REFERENCES app.notices;
    CREATE TABLE app.feed (organization_id uuid NOT NULL, id uuid, at date) PARTITION BY RANGE (at);
    CREATE TABLE app.feed_2026 PARTITION OF app.feed FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    GRANT SELECT ON app.feed_2026 TO tenantry_worker;
    CREATE POLICY everything ON app.tasks USING (true);
    CREATE SEQUENCE app.numbers;
    CREATE FUNCTION app.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM app.clients';
    CREATE VIEW app.all_clients AS SELECT id FROM app.clients;";

#[tokio::test]
async fn every_rule_of_the_catalogue_detects_a_violation() {
    let app = still().await;
    app.sql(EVERYTHING_WRONG).await;
    let found = breaches(&app).await;
    let silent: BTreeSet<&str> =
        demands().filter(|must| !found.iter().any(|breach| breach.starts_with(must))).collect();
    assert!(silent.is_empty(), "nothing was found of these: {silent:#?}");
}

#[tokio::test]
async fn a_table_without_an_active_policy_is_detected() {
    let pair = Pair::start().await;
    pair.app.sql("ALTER TABLE app.clients DISABLE ROW LEVEL SECURITY").await;
    let crossings = crossings(&pair, &mut Attempts::start(&pair.app).await).await;
    for operation in ["Select", "Insert", "Update", "Upsert", "MoveWithGrants", "Delete", "CopyOut", "CopyIn"] {
        let start = format!("app.clients: {operation} in ");
        assert!(crossings.iter().any(|crossing| crossing.starts_with(&start)), "{operation}: {crossings:#?}");
    }
    assert!(crossings.iter().all(|crossing| crossing.starts_with("app.clients: ")), "{crossings:#?}");
}

#[tokio::test]
async fn a_policy_that_checks_only_reads_is_detected() {
    let pair = Pair::start().await;
    pair.app.sql("ALTER POLICY tenant_isolation ON app.tasks WITH CHECK (true)").await;
    let crossings = crossings(&pair, &mut Attempts::start(&pair.app).await).await;
    assert!(crossings.iter().any(|crossing| crossing.starts_with("app.tasks: Insert in other")), "{crossings:#?}");
}

#[tokio::test]
#[should_panic(expected = "app.unfilled has no row of ours")]
async fn a_new_table_without_test_rows_is_detected() {
    let pair = Pair::start().await;
    pair.app
        .sql("CREATE TABLE app.unfilled (organization_id uuid NOT NULL, id uuid, PRIMARY KEY (organization_id, id))")
        .await;
    Pair::of(pair.app, pair.ours, pair.theirs).await;
}

#[tokio::test]
async fn an_id_checked_across_organizations_is_detected() {
    // Only the key ensures that an assignee is a member. With a key to any user, a foreign user's id is accepted.
    let app = still().await;
    let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
    app.sql(
        "ALTER TABLE app.task_assignees DROP CONSTRAINT task_assignees_user_id_fkey,
             ADD CONSTRAINT task_assignees_user_id_fkey FOREIGN KEY (user_id) REFERENCES auth.users (id)",
    )
    .await;
    let found = compare(&app, &ours, &theirs, |place| place.field.ends_with("Task")).await;
    let places: BTreeSet<&str> = found.faults.iter().map(|(place, _)| place.as_str()).collect();
    let expected = ["Mutation.createTask(input.assigneeIds)", "Mutation.updateTask(input.assigneeIds)"];
    assert_eq!(places, BTreeSet::from(expected), "{:#?}", found.faults);
    assert!(found.faults.iter().any(|(_, fault)| fault == "something was written"), "{:#?}", found.faults);
}

#[tokio::test]
async fn an_id_of_unknown_kind_is_detected() {
    let app = still().await;
    let org = app.organization("acme").create().await;
    let schema = Schema::of(&app.as_owner(&org)).await;
    let known = |path: [&str; 2]| {
        let path = path.map(str::to_owned).to_vec();
        let input = Some("ProjectFilter".into());
        Kind::of(&schema, &Place { owner: "Query".into(), field: "projects".into(), path, input, is_list: false })
    };
    for name in ["clientId", "clientIds", "clientIdNot"] {
        assert_eq!(known(["filter", name]), Some(Kind::Of("Client".into())), "{name}");
    }
    assert_eq!(known(["filter", "ids"]), Some(Kind::Of("Project".into())));
    assert_eq!(known(["filter", "leadId"]), None);
}
