//! Subscriptions.

mod losing;
mod protocol;
mod streams;
mod telling;

use serde_json::{Value, json};
use tenantry_tests::{Session, Socket};

/// Subscribes from now on; `field` is a field of `Subscription`, with `AFTER` in place of the argument `after`.
pub(crate) async fn follow(socket: &mut Socket, id: &str, session: &Session, field: &str) {
    let cursor = cursor(session).await;
    let field = field.replace("AFTER", &format!("after: \"{cursor}\""));
    socket.subscribe(id, &format!("subscription {{ {field} }}"), json!({})).await;
}

/// The current cursor.
async fn cursor(session: &Session) -> String {
    session.data("{ changesCursor }").await["changesCursor"].as_str().unwrap().to_owned()
}

/// All changes, each as its action and name.
const CHANGES: &str = "changes(AFTER) { cursor activity { action entityType entityName } }";

/// A change as its kind, action and name.
fn told(data: &Value) -> String {
    let activity = &data["changes"]["activity"];
    let text = |key: &str| activity[key].as_str().unwrap_or("-").to_owned();
    format!("{} {} {}", text("entityType"), text("action"), text("entityName"))
}
