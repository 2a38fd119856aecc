//! Runs subscriptions: opens them, and makes a response for each event.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Data, Error, Pos, Response, Value};
use parking_lot::Mutex;
use tenantry_domain::causes::causes;
use tenantry_domain::{Identity, Role};
use tenantry_executor::error::{ErrorCode, coded, error_response, has_code, store_failed};
use tenantry_executor::{Caller, GraphQlRequest};
use tenantry_service::live::{Feed, FeedEnd, Live, LiveError, Watch};
use tenantry_store::{ReadScope, Scope as _, StoreError};
use tokio::time::Instant;

use crate::Engine;
use crate::engine::request_data;
use crate::live::Run;

/// The message of a server without subscriptions.
pub const NO_SUBSCRIPTIONS: &str = "This server offers no subscriptions.";

/// The longest request of a subscription, in bytes. It is kept in memory for later events.
const MAX_REQUEST: usize = 16 * 1024;

/// How often an event is tried while the database cannot be reached, and the pause after the first attempt. Later pauses are longer.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// An open subscription.
pub struct Subscription {
    caller: Caller,
    request: GraphQlRequest,
    feed: Feed,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("request_id", &self.caller.request_id).finish_non_exhaustive()
    }
}

/// Why a subscription ends.
#[derive(Debug)]
pub enum SubscriptionEnd {
    /// It failed; the response has the errors.
    Failed(Box<Response>),
    /// The caller is not a member of the organization any more.
    Forbidden,
    /// The caller does not keep up, or the database cannot be reached. With its last cursor, the caller can resume without a gap.
    TryAgain,
}

/// A connected member.
#[derive(Debug)]
pub struct Presence {
    watch: Watch,
    role: Role,
}

impl Presence {
    /// Waits until the member is removed or banned, or gets a lower role.
    pub async fn lost(&mut self) {
        self.watch.lost(self.role).await;
    }
}

impl Engine {
    /// Whether the request is a subscription: see [`Executor::is_subscription`](tenantry_executor::Executor::is_subscription).
    pub fn is_subscription(&self, request: &GraphQlRequest) -> bool {
        self.executor().is_subscription(request)
    }

    /// Checks within `timeout` that the user is a member, and watches the membership from then on.
    ///
    /// # Errors
    /// The response to send to the client.
    pub async fn attend(
        &self,
        member: Identity,
        timeout: Duration,
        request_id: &str,
    ) -> Result<Presence, Box<Response>> {
        let watch = self.live(request_id)?.watch(member);
        let opened = tokio::time::timeout(timeout, ReadScope::open(self.service().store(), member)).await;
        match opened.unwrap_or(Err(StoreError::OutOfTime)) {
            Ok(scope) => Ok(Presence { watch, role: scope.actor().role }),
            Err(error) => Err(told(store_failed(&error), request_id)),
        }
    }

    /// Opens a subscription within `timeout`.
    ///
    /// # Errors
    /// The response to send to the client.
    pub async fn subscribe(
        &self,
        mut caller: Caller,
        request: GraphQlRequest,
        timeout: Duration,
    ) -> Result<Subscription, Box<Response>> {
        caller.deadline = Some(Instant::now() + timeout);
        let request_id = caller.request_id.clone();
        check_size(&request).map_err(|error| told(error, &request_id))?;
        let run = Arc::new(Run::Opening(Mutex::default()));
        if let Some(refused) = self.executor().execute_event(&caller, &request, data_of(Arc::clone(&run))).await {
            return Err(Box::new(refused));
        }
        let opened = match &*run {
            Run::Opening(opened) => opened.lock().take(),
            Run::Event { .. } => None,
        };
        let live = self.live(&request_id)?;
        let busy = || coded(ErrorCode::Unavailable, "The service is busy; try again in a moment.");
        let expired =
            "This cursor has expired. Read the data again together with `changesCursor`, and subscribe after that.";
        let Some((topic, after)) = opened else { return Err(told(busy(), &request_id)) };
        let followed = tokio::time::timeout(timeout, live.follow(caller.identity, topic, after)).await;
        match followed.unwrap_or(Err(LiveError::Unanswered)) {
            Ok(feed) => Ok(Subscription { caller, request, feed }),
            Err(LiveError::Expired) => Err(told(coded(ErrorCode::ChangesExpired, expired), &request_id)),
            Err(LiveError::Unanswered) => Err(told(busy(), &request_id)),
        }
    }

    /// Waits for the next event that the caller may see; returns its response. Making the response may take as long as `timeout`.
    ///
    /// # Errors
    /// Why the subscription has ended.
    pub async fn next_event(
        &self,
        subscription: &mut Subscription,
        timeout: Duration,
    ) -> Result<Response, SubscriptionEnd> {
        loop {
            let event = subscription.feed.next().await.map_err(feed_ended)?;
            let event = Arc::new(Run::Event { cursor: event.cursor, activity: event.activity_id });
            let mut attempt = 1;
            let answer = loop {
                let turn = subscription.feed.turn().await;
                subscription.caller.deadline = Some(Instant::now() + timeout);
                let data = data_of(Arc::clone(&event));
                let answer = self.executor().execute_event(&subscription.caller, &subscription.request, data).await;
                drop(turn);
                match &answer {
                    Some(answer) if has_code(answer, ErrorCode::Unavailable) && attempt < ATTEMPTS => {
                        tokio::time::sleep(PAUSE * attempt).await;
                        attempt += 1;
                    }
                    _ => break answer,
                }
            };
            let Some(answer) = answer else { continue };
            if has_code(&answer, ErrorCode::Unavailable) {
                return Err(SubscriptionEnd::TryAgain);
            }
            if answer.data != Value::Null || answer.errors.is_empty() {
                return Ok(answer);
            }
            return Err(if has_code(&answer, ErrorCode::Forbidden) {
                SubscriptionEnd::Forbidden
            } else {
                SubscriptionEnd::Failed(Box::new(answer))
            });
        }
    }

    fn live(&self, request_id: &str) -> Result<&Live, Box<Response>> {
        let refused = || Box::new(error_response(ErrorCode::Unavailable, NO_SUBSCRIPTIONS, request_id));
        self.live_feed().ok_or_else(refused)
    }
}

fn data_of(run: Arc<Run>) -> Data {
    let mut data = request_data();
    data.insert(run);
    data
}

/// Refuses a request that is too long to keep.
fn check_size(request: &GraphQlRequest) -> Result<(), Error> {
    let GraphQlRequest { query, operation_name, variables } = request;
    let variables = serde_json::to_string(variables).map_or(usize::MAX, |text| text.len());
    let size = query.len().saturating_add(variables).saturating_add(operation_name.as_ref().map_or(0, String::len));
    if size <= MAX_REQUEST {
        return Ok(());
    }
    let message =
        format!("The document and the variables of a subscription may have at most {MAX_REQUEST} bytes together.");
    Err(coded(ErrorCode::BadUserInput, message))
}

/// A response with this error.
fn told(error: Error, request_id: &str) -> Box<Response> {
    let mut error = error.into_server_error(Pos::default());
    error.locations.clear();
    error.extensions.get_or_insert_default().set("requestId", request_id);
    Box::new(Response::from_errors(vec![error]))
}

fn feed_ended(end: FeedEnd) -> SubscriptionEnd {
    match end {
        FeedEnd::Store(StoreError::NotAMember) => SubscriptionEnd::Forbidden,
        FeedEnd::Store(error) => {
            tracing::warn!(error = causes(&error), "the changes that a subscriber missed cannot be read");
            SubscriptionEnd::TryAgain
        }
        FeedEnd::TooSlow => SubscriptionEnd::TryAgain,
    }
}
