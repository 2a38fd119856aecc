//! Every mutation on every target: done, refused with `FORBIDDEN`, or answered as for an unknown id.

use std::collections::BTreeSet;

use serde_json::Value;
use tenantry_domain::permission::{Decision, Operation};
use tenantry_tests::{Answer, TestApp};

use crate::fixture::Fixture;
use crate::matrix;
use crate::probes::{Aim, Target, probe};
use crate::visible::decision;

pub(crate) async fn check(app: &TestApp, fixture: &Fixture) {
    let mut mutations: Vec<(String, Operation)> =
        matrix::mutations().into_iter().filter_map(|(name, operation)| Some((name, operation?))).collect();
    // Contents are deleted before their container, so that every deletion still finds its target.
    let several = ["deleteTasks", "deleteProjects", "deleteClients"];
    let order = ["deleteTask", "deleteInvoice", "deleteProject", "deleteWorkspace", "deleteClient"];
    let order: Vec<&str> = ["revoke"].into_iter().chain(several).chain(order).collect();
    mutations.sort_by_key(|(name, _)| order.iter().position(|start| name.starts_with(start)).map_or(0, |n| n + 1));
    let mut gone = BTreeSet::new();
    for (name, operation) in mutations {
        for n in 0..fixture.cases.len() {
            let target = Target::case(fixture, n);
            let aimed = probe(fixture, &name, &target);
            // Projects share workspaces and clients; each of those is a target once.
            let first = match aimed.aim {
                Aim::Organization => n == 0,
                Aim::Client => [0, 1, 4, 5].contains(&n),
                Aim::Workspace => [0, 2, 4, 5].contains(&n),
                Aim::Project => true,
            };
            if !first {
                continue;
            }
            // With a key, which must not get in the way of any mutation.
            let key = uuid::Uuid::new_v4().to_string();
            let request = fixture.caller.mutation(&name, &aimed.input, &aimed.selection);
            let first = request.try_clone().unwrap().header("idempotency-key", &key);
            let answer = fixture.caller.send(first).await;
            let who = format!("{name} at case {n} ({:?}) as {:?}: {}", aimed.place, fixture.standing, answer.text);
            match decision(fixture.standing.role, operation, aimed.place) {
                Decision::Allowed => {
                    let again = fixture.caller.send(request.header("idempotency-key", &key)).await;
                    assert_eq!(again.text, answer.text, "{who}: with the same key, it is answered alike");
                    let refusals = answer.user_errors();
                    assert!(refusals.iter().all(|refusal| refusal.code == aimed.refusal), "{who}");
                    assert!(refusals.iter().all(|refusal| !refusal.field.contains(".0")), "the first element: {who}");
                    if name.starts_with("delete") && refusals.is_empty() {
                        gone.extend(answer.expect_done().as_str().map(str::to_owned));
                    }
                }
                Decision::Forbidden => assert_eq!(answer.error_code(), "FORBIDDEN", "{who}"),
                Decision::Hidden => {
                    let unknown = call(fixture, &name, &Target::unknown(fixture)).await;
                    assert_eq!(bare(&answer), bare(&unknown), "{who}");
                    let refused = answer.json.get("errors").is_some() || !answer.user_errors().is_empty();
                    assert!(refused, "{who}");
                }
            }
        }
    }
    check_what_is_left(app, fixture, &gone).await;
}

async fn call(fixture: &Fixture, mutation: &str, target: &Target) -> Answer {
    let probe = probe(fixture, mutation, target);
    fixture.caller.mutate(mutation, probe.input, &probe.selection).await
}

/// An answer without what differs between requests.
pub(crate) fn bare(answer: &Answer) -> Value {
    let mut json = answer.json.clone();
    for error in json.get_mut("errors").and_then(Value::as_array_mut).into_iter().flatten() {
        error["extensions"].as_object_mut().expect("extensions").remove("requestId");
    }
    json
}

/// Refused operations really had no effect.
async fn check_what_is_left(app: &TestApp, fixture: &Fixture, gone: &BTreeSet<String>) {
    let exists = async |table: &str, id: uuid::Uuid| {
        app.number(&format!("SELECT count(*) FROM app.{table} WHERE id = '{id}'")).await == 1
    };
    for (n, case) in fixture.cases.iter().enumerate() {
        let project_is_gone = gone.contains(&case.project.to_string());
        assert_eq!(exists("projects", case.project.as_uuid()).await, !project_is_gone, "the project of case {n}");
        let task_is_gone = project_is_gone || gone.contains(&case.tasks[1].to_string());
        assert_eq!(exists("tasks", case.tasks[1].as_uuid()).await, !task_is_gone, "the task of case {n}");
        let invoice_is_gone = gone.contains(&case.invoice.to_string());
        assert_eq!(exists("invoices", case.invoice.as_uuid()).await, !invoice_is_gone, "the invoice of case {n}");
    }
    for placed in &fixture.placed {
        let table = placed.noun.info.table.trim_start_matches("app.");
        for id in &placed.in_projects {
            assert_eq!(exists(table, *id).await, !gone.contains(&placed.spelled(*id)), "{table}");
        }
    }
    for workspace in &fixture.workspaces {
        assert_eq!(exists("workspaces", workspace.id.as_uuid()).await, !gone.contains(&workspace.id.to_string()));
    }
    for client in &fixture.clients {
        assert_eq!(exists("clients", client.as_uuid()).await, !gone.contains(&client.to_string()));
    }
}
