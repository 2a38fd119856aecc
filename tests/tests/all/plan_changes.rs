//! Plans change while requests run on two servers that are not restarted. After the cache time, nobody is told the old
//! limit or held to it. The server that made the change uses the new limit immediately.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use serde_json::json;
use tenantry_billing::PlanFile;
use tenantry_tests::{Session, TestApp};

const CACHED: Duration = Duration::from_millis(500);

/// The limits so far, and since when each server must know them.
#[derive(Debug, Default)]
struct History(Mutex<Vec<(i64, Instant)>>);

impl History {
    fn change(&self, limit: i64, known_from: Instant) {
        self.0.lock().push((limit, known_from));
    }

    /// The limits that the answer to a request sent now may report.
    fn allowed(&self) -> Vec<i64> {
        let history = self.0.lock();
        let now = Instant::now();
        let oldest = history.iter().rposition(|(_, known_from)| *known_from <= now).unwrap_or(0);
        history[oldest..].iter().map(|(limit, _)| *limit).collect()
    }
}

/// Queries the limit and tries to exceed it, again and again.
async fn ask(session: Session, history: Arc<History>, stop: Arc<AtomicBool>, answers: Arc<AtomicU64>) {
    while !stop.load(Ordering::Relaxed) {
        let before = history.allowed();
        let told = session.data("{ entitlements { feature limit } }").await;
        let refused = session.write("createProject", json!({ "name": "One too many" })).await;
        // A change in the meantime may already be known.
        let allowed: Vec<i64> = before.into_iter().chain(history.allowed()).collect();
        let told = told["entitlements"].as_array().unwrap();
        let told = told.iter().find(|one| one["feature"] == "PROJECTS").unwrap()["limit"].as_i64().unwrap();
        assert!(allowed.contains(&told), "told {told} of {allowed:?}");
        let errors = refused.user_errors();
        let limit = errors[0].json["limit"].as_i64().unwrap_or_else(|| panic!("{}", refused.text));
        assert!(allowed.contains(&limit), "held to {limit} of {allowed:?}");
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

fn plans(projects: i64) -> PlanFile {
    let limits = format!(
        r#"{{ "active_clients": null, "projects": {projects}, "invoices_per_month": null, "vault_items": null,
              "team_members": null, "api_calls_per_month": null }}"#
    );
    format!(r#"{{ "plans": [{{ "id": "free", "name": "Free", "limits": {limits} }}] }}"#).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_takes_effect_everywhere_within_the_cache_time_without_a_restart() {
    let app = TestApp::builder().plans_cached_for(CACHED).acquire_timeout(Duration::from_mins(1)).start().await;
    let second = app.another_server().await;
    let org = app.organization("acme").plan("free").create().await;
    let owner = app.as_owner(&org);
    app.sql(&format!(
        "INSERT INTO app.projects (organization_id, id, workspace_id, name)
         SELECT '{}', gen_random_uuid(), '{}', 'A project' FROM generate_series(1, 20)",
        org.uuid(),
        org.workspace.as_uuid()
    ))
    .await;
    let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let histories = [Arc::new(History::default()), Arc::new(History::default())];
    for history in &histories {
        history.change(5, Instant::now());
    }
    let mut asking = Vec::new();
    for (history, session) in histories.iter().zip([owner.clone(), owner.at(&second)]) {
        for _ in 0..3 {
            let (history, stop, answers) = (Arc::clone(history), Arc::clone(&stop), Arc::clone(&answers));
            asking.push(tokio::spawn(ask(session.clone(), history, stop, answers)));
        }
    }
    tokio::time::sleep(CACHED).await;
    // A row changed by SQL: known to both after the cache time.
    for limit in [7, 6] {
        // Recorded before the change, because an answer may show it as soon as it is made.
        for history in &histories {
            history.change(limit, Instant::now() + Duration::from_hours(1));
        }
        let set = format!(
            "UPDATE billing.plan_features SET limit_value = {limit} WHERE plan = 'free' AND feature = 'projects'"
        );
        app.sql(&set).await;
        for history in &histories {
            history.0.lock().last_mut().unwrap().1 = Instant::now() + CACHED;
        }
        tokio::time::sleep(CACHED * 2).await;
    }
    // A file: known immediately to the server that loads it, and to the other after the cache time.
    for limit in [3, 9] {
        for history in &histories {
            history.change(limit, Instant::now() + Duration::from_hours(1));
        }
        app.server().billing().load_plans(&app.urls().owner_url(), &plans(limit)).await.unwrap();
        let now = Instant::now();
        histories[0].0.lock().last_mut().unwrap().1 = now;
        histories[1].0.lock().last_mut().unwrap().1 = now + CACHED;
        tokio::time::sleep(CACHED * 2).await;
    }
    stop.store(true, Ordering::Relaxed);
    for asked in asking {
        asked.await.unwrap();
    }
    let answers = answers.load(Ordering::Relaxed);
    assert!(answers > 100, "only {answers} answers");
    // What is allowed now can be done on both servers.
    app.server().billing().load_plans(&app.urls().owner_url(), &plans(22)).await.unwrap();
    owner.create_project("The twenty-first", None).await;
    tokio::time::sleep(CACHED).await;
    owner.at(&second).create_project("The twenty-second", None).await;
}
