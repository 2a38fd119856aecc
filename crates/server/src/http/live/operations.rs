//! The operations that a connection runs, each in a task of its own.

use std::collections::HashMap;
use std::time::Duration;

use async_graphql::{Response, Value};
use tenantry_graphql::{Caller, ErrorCode, GraphQlRequest, Membership, Methods, SubscriptionEnd, error_response};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::message::{Close, Said};
use crate::http::AppState;
use crate::http::body::SentRequest;

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
    goes_on: bool,
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
        self.running.retain(|_, running| !running.goes_on);
    }

    /// Whether the client is still to hear this. One that has said its last runs no more.
    pub(super) fn take_note(&mut self, saying: &Saying) -> bool {
        let is_running = self.running.get(&saying.id).is_some_and(|running| running.number == saying.number);
        if is_running && (*saying.said).as_ref().is_ok_and(Said::is_last) {
            self.running.remove(&saying.id);
        }
        is_running
    }

    /// Runs an operation.
    pub(super) fn start(&mut self, state: &AppState, caller: Caller, id: String, sent: SentRequest) {
        self.last += 1;
        let voice = Voice { id: id.clone(), number: self.last, sender: self.sender.clone() };
        let resolved = state.documents().resolve(sent);
        let goes_on = resolved.as_ref().is_ok_and(|request| state.engine().is_subscription(request));
        let state = state.clone();
        let task = tokio::spawn(async move {
            let said = match resolved {
                Ok(request) if goes_on => follow(&state, caller, request, &voice).await,
                Ok(request) => once(&state, caller, request, &voice).await,
                Err(error) => Ok(Said::Error(error_response(error.code(), error.to_string(), &caller.request_id))),
            };
            voice.say(said).await;
        });
        self.running.insert(id, Running { number: self.last, task: task.abort_handle(), goes_on });
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

/// Admits an operation as a call of the caller's; gives the answer if it is refused.
async fn admit<T>(
    state: &AppState,
    caller: &mut Caller,
    run: impl AsyncFnOnce(&AppState, &mut Caller) -> T,
) -> Result<T, Said> {
    match state.metering().admit(caller.identity).await {
        Ok(call) => {
            caller.membership = call.membership();
            // It is counted when it is dropped, at the end.
            let outcome = run(state, caller).await;
            drop(call);
            Ok(outcome)
        }
        Err(refusal) => Err(Said::Error(error_response(refusal.code(), refusal.message(), &caller.request_id))),
    }
}

/// Runs a query or a mutation.
async fn once(state: &AppState, mut caller: Caller, request: GraphQlRequest, voice: &Voice) -> Result<Said, Close> {
    let ran = admit(state, &mut caller, async |state, caller| {
        let _running = state.metrics().request();
        caller.deadline = Some(tokio::time::Instant::now() + state.request_timeout());
        state.engine().execute(caller.clone(), request, Methods::All).await
    });
    let answer = match ran.await {
        Ok(answer) => answer,
        Err(refused) => return Ok(refused),
    };
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
async fn follow(state: &AppState, mut caller: Caller, request: GraphQlRequest, voice: &Voice) -> Result<Said, Close> {
    let timeout = state.request_timeout();
    let opened = admit(state, &mut caller, async |state, caller| {
        state.engine().subscribe(caller.clone(), request, timeout).await
    });
    let mut subscription = match opened.await {
        Ok(Ok(subscription)) => subscription,
        Ok(Err(refused)) => return Ok(Said::Error(*refused)),
        Err(refused) => return Ok(refused),
    };
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

/// The answer to an operation that is one too many.
pub(super) fn too_many(most: usize, request_id: &str) -> Said {
    let message = format!("A connection runs at most {most} operations at a time.");
    Said::Error(error_response(ErrorCode::RateLimited, message, request_id))
}

/// How many messages may wait for the client, of all its operations together, before those wait.
pub(super) const AHEAD: usize = 16;

/// How long the operations that end by themselves may take when the server stops.
pub(super) const LAST: Duration = Duration::from_secs(7);
