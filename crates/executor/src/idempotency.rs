//! Mutations with a key: carried out once, however often they are sent, and answered alike.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Name, PathSegment, Response, ServerError, Value};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use chrono::TimeDelta;
use tenantry_store::idempotency::{self, Begun, Claim, KeyedRequest};
use tenantry_store::{Store, StoreError, in_write_scope};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::encode;
use crate::error::{ErrorCode, WENT_WRONG, error_response, finish, store_failed};
use crate::prepare::GraphQlRequest;

/// The header of an answer that was given before.
const REPLAYED: &str = "idempotency-replayed";

/// How much longer than its time a request holds its claim. By then a mutation was cut off, and its last commit was answered or
/// given up.
const BEYOND: Duration = Duration::from_secs(30);

/// The time of a request that has none.
const USUAL: Duration = Duration::from_secs(30);

/// How long the first wait for another attempt is; each one after it is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// How long a wait is at most.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// How many requests of this process wait for earlier ones at a time. The others are told to come again.
pub(crate) const WAITERS: usize = 256;

/// The longest answer that is kept, in bytes.
const LONGEST_ANSWER: usize = 256 * 1024;

/// How often keeping an answer is tried.
const TRIES: u32 = 6;

/// The request under its key. `part` tells the requests of a batch apart, which share one.
pub(crate) fn keyed(key: &str, part: Option<usize>, request: &GraphQlRequest) -> KeyedRequest {
    let mut digest = Digest::new(&SHA256);
    let variables = serde_json::to_vec(&request.variables).unwrap_or_default();
    for text in [request.query.as_bytes(), request.operation_name.as_deref().unwrap_or_default().as_bytes(), &variables]
    {
        // With its length, so that no two requests are the same text.
        digest.update(&text.len().to_be_bytes());
        digest.update(text);
    }
    let digest = digest.finish();
    let digits = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let fingerprint = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
    // No key from outside has a line break.
    let key = part.map_or_else(|| key.to_owned(), |part| format!("{key}\n{part}"));
    KeyedRequest { key, fingerprint }
}

/// What is to be done with a request.
pub(crate) enum Turn {
    /// It is to be carried out.
    Ours(Claim),
    /// This is the answer.
    Answered(Box<Response>),
    /// The caller is no member, and has no keys. What such a caller may still do is carried out as if there were none.
    WithoutKey,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct End {
    /// Something was changed for good.
    pub(crate) has_committed: bool,
    /// The answer holds a secret.
    pub(crate) has_secret: bool,
}

/// Claims the request, or finds the answer that it was given before; waits for another attempt that is under way.
/// `roots` are the keys of its root fields.
pub(crate) async fn begin(
    store: &Store,
    waiters: &Semaphore,
    caller: &Caller,
    request: &KeyedRequest,
    roots: &[Name],
) -> Turn {
    let mut waits = None;
    let until = caller.deadline.unwrap_or_else(|| Instant::now() + USUAL);
    let mut wait = FIRST_WAIT;
    loop {
        let lease = until.saturating_duration_since(Instant::now()) + BEYOND;
        let lease = TimeDelta::from_std(lease).unwrap_or_else(|_| TimeDelta::minutes(1));
        let begun: Result<Begun, StoreError> = in_write_scope(store, caller.identity, |scope| {
            caller.membership.prove();
            let request = request.clone();
            Box::pin(async move { idempotency::begin(scope, &request, lease).await })
        })
        .await;
        // Nothing of the request was carried out yet, so nothing of it is unknown.
        let begun = begun.map_err(|error| match error {
            StoreError::OutcomeUnknown(error) => StoreError::Unavailable(error),
            error => error,
        });
        let refused = |code, message| Turn::Answered(Box::new(error_response(code, message, &caller.request_id)));
        match begun {
            Ok(Begun::Claimed(claim)) => return Turn::Ours(claim),
            Ok(Begun::Answered(answer)) => return Turn::Answered(Box::new(again(&answer, caller))),
            Ok(Begun::Reused) => {
                let message = "The Idempotency-Key was used for another request. Use a new key for each request.";
                return refused(ErrorCode::IdempotencyKeyReused, message);
            }
            Ok(Begun::CutOff(committed)) => return Turn::Answered(Box::new(answer_lost(roots, &committed, caller))),
            Ok(Begun::Running) if may_wait(waiters, &mut waits) && Instant::now() + wait < until => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            Ok(Begun::Running) => {
                let message = "A request with this Idempotency-Key is being carried out; try again in a moment.";
                return refused(ErrorCode::IdempotencyKeyInUse, message);
            }
            Err(StoreError::NotAMember) => return Turn::WithoutKey,
            Err(error) => {
                let mut errors = vec![store_failed(&error).into_server_error(async_graphql::Pos::default())];
                errors[0].locations.clear();
                finish(&mut errors, &caller.request_id, &[]);
                return Turn::Answered(Box::new(Response::from_errors(errors)));
            }
        }
    }
}

/// Whether one more may wait; the permit is kept in `waits`.
fn may_wait<'w>(waiters: &'w Semaphore, waits: &mut Option<SemaphorePermit<'w>>) -> bool {
    if waits.is_none() {
        *waits = waiters.try_acquire().ok();
    }
    waits.is_some()
}

/// Keeps the answer, so that the request is answered alike when it comes again. If nothing was carried out because something failed,
/// or if it is unknown what was, the request may be tried again; so may one whose answer holds a secret, and which changes nothing.
pub(crate) async fn settle(store: &Store, caller: &Caller, claim: Claim, response: &Response, end: End) {
    let is_unknown = response.errors.iter().any(|error| outcome(error) == Some("UNKNOWN"));
    let has_failed = !response.errors.is_empty() && !end.has_committed;
    let answer =
        if is_unknown || has_failed || end.has_secret { None } else { String::from_utf8(encode(response)).ok() };
    let answer: Option<Arc<str>> = answer.filter(|answer| answer.len() <= LONGEST_ANSWER).map(Arc::from);
    let mut pause = FIRST_WAIT;
    for attempt in 1.. {
        let settled: Result<(), StoreError> = in_write_scope(store, caller.identity, |scope| {
            let answer = answer.clone();
            Box::pin(async move {
                match answer.as_deref() {
                    Some(answer) => idempotency::finish(scope, claim, answer).await,
                    None => idempotency::abandon(scope, claim).await,
                }
            })
        })
        .await;
        match settled {
            // A member who has left has no keys any more.
            Ok(()) | Err(StoreError::NotAMember) => return,
            // There may be no free connection; the claim holds for longer than this takes.
            Err(StoreError::Unavailable(_) | StoreError::Conflict(_)) if attempt < TRIES => {
                tokio::time::sleep(pause).await;
                pause *= 4;
            }
            // The next attempt finds out what was carried out.
            Err(error) => {
                tracing::warn!(%error, request_id = caller.request_id, "the answer to a request with a key was not kept");
                return;
            }
        }
    }
}

fn outcome(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("outcome")? {
        Value::String(outcome) => Some(outcome),
        _ => None,
    }
}

/// The answer that was given before.
fn again(answer: &str, caller: &Caller) -> Response {
    match serde_json::from_str::<Response>(answer) {
        Ok(mut response) => {
            if let Ok(yes) = "true".parse() {
                response.http_headers.insert(REPLAYED, yes);
            }
            response
        }
        Err(error) => {
            tracing::error!(%error, "a kept answer cannot be read");
            error_response(ErrorCode::Internal, WENT_WRONG, &caller.request_id)
        }
    }
}

/// What is told of a request that was cut off, of which only these fields are known to be carried out.
fn answer_lost(roots: &[Name], committed: &[String], caller: &Caller) -> Response {
    let error = |root: &Name| {
        let is_committed = committed.iter().any(|committed| committed == root.as_str());
        let message = if is_committed {
            "This was carried out when the request came first; its answer was lost. Do not send it again."
        } else {
            "The request was cut off when it came first. Check whether this was carried out before you send it with a new key."
        };
        let mut error = ServerError::new(message, None);
        error.path = vec![PathSegment::Field(root.to_string())];
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", ErrorCode::AnswerLost.as_str());
        extensions.set("outcome", if is_committed { "COMMITTED" } else { "UNKNOWN" });
        error
    };
    let mut errors = roots.iter().map(error).collect();
    finish(&mut errors, &caller.request_id, committed);
    let mut response = Response::from_errors(errors);
    response.data = Value::Object(roots.iter().map(|root| (root.clone(), Value::Null)).collect());
    response
}
