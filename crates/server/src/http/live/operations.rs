//! The operations that a connection runs, each in a task of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_graphql::{Response, Value};
use tenantry_graphql::{Caller, ErrorCode, GraphQlRequest, Membership, Methods, SubscriptionEnd, error_response};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::message::{Close, Said};
use super::seats::drained;
use crate::http::AppState;
use crate::http::body::{BodyError, SentRequest};
use crate::http::metering::Call;

/// How many messages may wait for the client. Then the operations wait.
pub(super) const AHEAD: usize = 16;

/// The longest message of an operation that may wait, in bytes.
const MAX_WAITING: usize = 16 * 1024;

/// How long an operation waits while the rate limit is exceeded, for example when all clients reconnect after a restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long running queries and mutations may take when the server stops.
pub(super) const LAST: Duration = Duration::from_secs(7);

/// A message of an operation, or the reason to close the connection.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) id: String,
    /// Distinguishes operations that used the same id one after the other.
    number: u64,
    /// On the heap, because every connection has a queue of these that is mostly empty.
    pub(super) said: Box<Result<Said, Close>>,
}

/// The running operations of a connection. Dropping this cancels them.
#[derive(Debug)]
pub(super) struct Operations {
    running: HashMap<String, Running>,
    last: u64,
    sender: mpsc::Sender<Saying>,
}

#[derive(Debug)]
struct Running {
    number: u64,
    task: AbortHandle,
    is_subscription: Arc<AtomicBool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Operations {
    /// No operations yet. Their messages come out of the receiver.
    pub(super) fn new(ahead: usize) -> (Self, mpsc::Receiver<Saying>) {
        let (sender, sayings) = mpsc::channel(ahead);
        (Self { running: HashMap::new(), last: 0, sender }, sayings)
    }

    /// The number of running operations.
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether an operation with this id is running.
    pub(super) fn has(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    /// Cancels the operation with this id, if it is running.
    pub(super) fn stop(&mut self, id: &str) {
        self.running.remove(id);
    }

    /// Cancels all subscriptions.
    pub(super) fn stop_subscriptions(&mut self) {
        self.running.retain(|_, running| !running.is_subscription.load(Ordering::Relaxed));
    }

    /// Whether to send this message to the client. After its last message, the operation is not running any more.
    pub(super) fn take_note(&mut self, saying: &Saying) -> bool {
        let is_running = self.running.get(&saying.id).is_some_and(|running| running.number == saying.number);
        if is_running && (*saying.said).as_ref().is_ok_and(Said::is_last) {
            self.running.remove(&saying.id);
        }
        is_running
    }

    /// Runs an operation, which came as a message of `size` bytes.
    pub(super) fn start(
        &mut self,
        state: &AppState,
        caller: Caller,
        id: String,
        sent: Result<SentRequest, BodyError>,
        size: usize,
    ) {
        self.last += 1;
        // An operation that waits is kept in memory.
        let patience = if size <= MAX_WAITING { PATIENCE } else { Duration::ZERO };
        let voice = Voice { id: id.clone(), number: self.last, sender: self.sender.clone() };
        let is_subscription = Arc::new(AtomicBool::new(false));
        let (state, found_out) = (state.clone(), Arc::clone(&is_subscription));
        let task = tokio::spawn(async move {
            let said = run(&state, caller, sent, patience, &found_out, &voice).await;
            voice.say(said).await;
        });
        self.running.insert(id, Running { number: self.last, task: task.abort_handle(), is_subscription });
    }
}

/// Runs an operation to its end.
async fn run(
    state: &AppState,
    mut caller: Caller,
    sent: Result<SentRequest, BodyError>,
    patience: Duration,
    is_subscription: &AtomicBool,
    voice: &Voice,
) -> Result<Said, Close> {
    // First, because parsing and validating take time.
    let call = match admit(state, &mut caller, patience).await {
        Ok(call) => call,
        Err(refused) => return Ok(refused),
    };
    let resolved = match sent {
        Ok(sent) => state.documents().resolve(sent).map_err(|error| (error.code(), error.to_string())),
        Err(error) => Err((ErrorCode::BadUserInput, error.to_string())),
    };
    match resolved {
        Ok(request) if state.engine().is_subscription(&request) => {
            is_subscription.store(true, Ordering::Relaxed);
            follow(state, caller, request, call, voice).await
        }
        Ok(request) => once(state, caller, request, call, voice).await,
        Err((code, message)) => Ok(Said::Error(error_response(code, message, &caller.request_id))),
    }
}

/// Sends the messages of one operation.
struct Voice {
    id: String,
    number: u64,
    sender: mpsc::Sender<Saying>,
}

impl Voice {
    /// Queues a message; waits while the queue is full.
    async fn say(&self, said: Result<Said, Close>) {
        // This fails only after the connection has ended.
        let saying = Saying { id: self.id.clone(), number: self.number, said: Box::new(said) };
        let _ = self.sender.send(saying).await;
    }
}

/// Admits an operation by the rate limits. While the rate is exceeded it waits, for at most `patience`. The call is counted when it is dropped.
///
/// # Errors
/// The refusal, as a message.
async fn admit(state: &AppState, caller: &mut Caller, patience: Duration) -> Result<Call, Said> {
    let end = Instant::now() + patience;
    let mut draining = state.seats().draining();
    loop {
        let refusal = match state.metering().admit(caller.identity).await {
            Ok(call) => {
                caller.membership = call.membership();
                return Ok(call);
            }
            Err(refusal) => refusal,
        };
        match refusal.retry_after() {
            Some(later) if Instant::now() + later <= end && !*draining.borrow() => {
                // Waits no longer when the server stops.
                let _ = tokio::time::timeout(later, drained(&mut draining)).await;
            }
            _ => return Err(Said::Error(error_response(refusal.code(), refusal.message(), &caller.request_id))),
        }
    }
}

/// Runs a query or a mutation.
async fn once(
    state: &AppState,
    mut caller: Caller,
    request: GraphQlRequest,
    call: Call,
    voice: &Voice,
) -> Result<Said, Close> {
    let running = state.metrics().request();
    caller.deadline = Some(Instant::now() + state.request_timeout());
    let answer = state.engine().execute(caller, request, Methods::Any).await;
    drop((running, call));
    if was_refused(&answer) {
        return Ok(Said::Error(answer));
    }
    voice.say(Ok(Said::Next(answer))).await;
    Ok(Said::Complete)
}

/// Whether the request was refused before its execution.
fn was_refused(answer: &Response) -> bool {
    answer.data == Value::Null && !answer.errors.is_empty() && answer.errors.iter().all(|error| error.path.is_empty())
}

/// Runs a subscription.
async fn follow(
    state: &AppState,
    caller: Caller,
    request: GraphQlRequest,
    call: Call,
    voice: &Voice,
) -> Result<Said, Close> {
    let timeout = state.request_timeout();
    if state.seats().is_draining() {
        return Err(Close::Restart);
    }
    let Some(_seat) = state.seats().take_subscription(caller.identity) else {
        return Ok(Said::Error(too_many_subscriptions(&caller.request_id)));
    };
    let mut subscription = match state.engine().subscribe(caller, request, timeout).await {
        Ok(subscription) => subscription,
        Err(refused) => return Ok(Said::Error(*refused)),
    };
    drop(call);
    // The events are not counted as calls.
    loop {
        match state.engine().next_event(&mut subscription, timeout).await {
            Ok(answer) => {
                state.metrics().told();
                voice.say(Ok(Said::Next(answer))).await;
            }
            Err(SubscriptionEnd::Failed(answer)) => return Ok(Said::Error(*answer)),
            Err(SubscriptionEnd::Forbidden) => return Err(Close::Forbidden("You do not belong to this organization")),
            Err(SubscriptionEnd::TryAgain) => {
                return Err(Close::TryAgain("The client is too slow, or the service is busy".into()));
            }
        }
    }
}

/// The caller of an operation, before it is admitted.
pub(super) fn caller_of(token: &tenantry_token::VerifiedToken, request_id: String) -> Caller {
    Caller {
        identity: crate::http::graphql::identity_of(token),
        expires_at: Some(token.expires_at),
        request_id,
        deadline: None,
        membership: Membership::default(),
        idempotency_key: None,
    }
}

/// The response to a subscription above the limit of its user or organization.
pub(super) fn too_many_subscriptions(request_id: &str) -> Response {
    let message = "You or your organization have too many subscriptions; end one first.";
    error_response(ErrorCode::RateLimited, message, request_id)
}

/// The message to an operation above the limit of its connection.
pub(super) fn too_many(most: usize, request_id: &str) -> Said {
    let message = format!("A connection runs at most {most} operations at a time.");
    Said::Error(error_response(ErrorCode::RateLimited, message, request_id))
}
