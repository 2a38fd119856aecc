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

/// What an operation says, or why the connection has to be closed.
#[derive(Debug)]
pub(super) struct Saying {
    pub(super) id: String,
    /// Tells operations apart that had the same id one after the other.
    number: u64,
    /// On the heap: every connection has room for several of these, and hardly ever uses it.
    pub(super) said: Box<Result<Said, Close>>,
}

/// The operations of a connection. Those that run are given up when this is dropped.
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
    goes_on: Arc<AtomicBool>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Operations {
    /// None yet; what they say comes out of the receiver.
    pub(super) fn new(ahead: usize) -> (Self, mpsc::Receiver<Saying>) {
        let (sender, sayings) = mpsc::channel(ahead);
        (Self { running: HashMap::new(), last: 0, sender }, sayings)
    }

    /// How many run.
    pub(super) fn len(&self) -> usize {
        self.running.len()
    }

    /// Whether one with this id runs.
    pub(super) fn has(&self, id: &str) -> bool {
        self.running.contains_key(id)
    }

    /// Gives up the one with this id, if it runs.
    pub(super) fn stop(&mut self, id: &str) {
        self.running.remove(id);
    }

    /// Gives up those that would go on.
    pub(super) fn stop_subscriptions(&mut self) {
        self.running.retain(|_, running| !running.goes_on.load(Ordering::Relaxed));
    }

    /// Whether the client is still to hear this. One that has said its last runs no more.
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
        // What waits takes memory.
        let patience = if size <= MAX_WAITING { PATIENCE } else { Duration::ZERO };
        let voice = Voice { id: id.clone(), number: self.last, sender: self.sender.clone() };
        let goes_on = Arc::new(AtomicBool::new(false));
        let (state, is_subscription) = (state.clone(), Arc::clone(&goes_on));
        let task = tokio::spawn(async move {
            let said = run(&state, caller, sent, patience, &is_subscription, &voice).await;
            voice.say(said).await;
        });
        self.running.insert(id, Running { number: self.last, task: task.abort_handle(), goes_on });
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
    // Before anything that takes time is done for it.
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

/// Says what one operation has to say.
struct Voice {
    id: String,
    number: u64,
    sender: mpsc::Sender<Saying>,
}

impl Voice {
    /// Waits until the client has room for it.
    async fn say(&self, said: Result<Said, Close>) {
        // Without a receiver there is no connection any more.
        let saying = Saying { id: self.id.clone(), number: self.number, said: Box::new(said) };
        let _ = self.sender.send(saying).await;
    }
}

/// Admits an operation as a call of the caller's, which is counted when it is dropped; gives the answer if it is refused. A call that comes too
/// soon waits its turn, if that comes in time.
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
                // A server that stops does not wait.
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

/// Whether a document was not executed at all.
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
    // What follows is no part of the call.
    loop {
        match state.engine().next_event(&mut subscription, timeout).await {
            Ok(answer) => {
                state.metrics().told();
                voice.say(Ok(Said::Next(answer))).await;
            }
            Err(SubscriptionEnd::Failed(answer)) => return Ok(Said::Error(*answer)),
            Err(SubscriptionEnd::Forbidden) => return Err(Close::Forbidden("You do not belong to this organization")),
            Err(SubscriptionEnd::TryAgain) => {
                return Err(Close::TryAgain("You do not keep up, or the service is busy".into()));
            }
        }
    }
}

/// A caller's operation. What is only known later is blank.
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

/// The answer to a subscription that is one too many for its user or organization.
pub(super) fn too_many_subscriptions(request_id: &str) -> Response {
    let message = "There are too many subscriptions of yours, or of this organization; end one.";
    error_response(ErrorCode::RateLimited, message, request_id)
}

/// The answer to an operation that is one too many on its connection.
pub(super) fn too_many(most: usize, request_id: &str) -> Said {
    let message = format!("A connection runs at most {most} operations at a time.");
    Said::Error(error_response(ErrorCode::RateLimited, message, request_id))
}

/// How many messages may wait for the client, of all its operations together, before those wait.
pub(super) const AHEAD: usize = 16;

/// The longest message of an operation that waits for its turn, in bytes.
const MAX_WAITING: usize = 16 * 1024;

/// How long an operation waits for its turn when too many come at once, as after a restart.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the operations that end by themselves may take when the server stops.
pub(super) const LAST: Duration = Duration::from_secs(7);
