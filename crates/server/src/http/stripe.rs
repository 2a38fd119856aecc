//! The endpoint of Stripe's webhooks: checks whether one is genuine, and answers Stripe. `billing` decides what an
//! event means.

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use tenantry_billing::stripe::{PriceTable, ReceiveError, receive};
use tenantry_domain::causes::causes;
use tenantry_graphql::ErrorCode;
use tenantry_store::{Store, StoreError};
use tenantry_stripe::WebhookVerifier;

use super::AppState;
use super::answer::Refusal;
use super::graphql::read_within;
use super::negotiation::MediaType;
use super::request_id::RequestId;

/// The header that carries the signature.
const SIGNATURE: &str = "stripe-signature";

/// Larger than any event that Stripe sends.
const BODY_LIMIT: usize = 256 * 1024;

/// What is needed to receive webhooks.
#[derive(Debug, Clone)]
pub struct StripeWebhooks {
    /// Checks which ones are genuine.
    pub verifier: WebhookVerifier,
    /// The database with the role of the worker, because an event names a customer and no tenant.
    pub worker: Store,
    /// The plan of each price.
    pub prices: PriceTable,
}

/// `POST /webhooks/stripe`: accepts one event. Stripe resends everything that is not answered with 200.
pub(crate) async fn answer(
    State(state): State<AppState>,
    Extension(request_id): Extension<RequestId>,
    request: Request<Body>,
) -> Response<Body> {
    let outcome = match state.stripe() {
        None => return super::nothing_here(Extension(request_id)).await,
        Some(_) if request.method() != Method::POST => {
            let message = "Send webhooks by POST.";
            let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed, message);
            let mut response = refusal.into_response(MediaType::Json, request_id.as_str());
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        Some(webhooks) => take(&state, webhooks, request).await,
    };
    match outcome {
        Ok(()) => {
            let mut response = Response::new(Body::from("{\"received\":true}"));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            response
        }
        Err(refusal) => refusal.into_response(MediaType::Json, request_id.as_str()),
    }
}

async fn take(state: &AppState, webhooks: &StripeWebhooks, request: Request<Body>) -> Result<(), Refusal> {
    let (head, body) = request.into_parts();
    // Checked before the body is read: an unsigned one need not be buffered.
    let signature = signature(&head.headers).ok_or_else(not_genuine)?;
    let body = read_within(body, BODY_LIMIT, state.request_timeout()).await?;
    let now = webhooks.worker.clock().now();
    webhooks.verifier.verify(signature.as_bytes(), &body, now).map_err(|error| {
        tracing::warn!(%error, "a webhook was refused");
        not_genuine()
    })?;
    match receive(&webhooks.worker, &body, &webhooks.prices).await {
        Ok(received) => {
            tracing::debug!(?received, "an event was processed");
            Ok(())
        }
        Err(error) => Err(refusal(&error)),
    }
}

/// The single header with the signature.
fn signature(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut values = headers.get_all(SIGNATURE).iter();
    values.next().filter(|_| values.next().is_none())
}

/// Does not say what is wrong, because only a forger would want to know.
fn not_genuine() -> Refusal {
    Refusal::bad_request("The signature is missing or invalid.")
}

fn refusal(error: &ReceiveError) -> Refusal {
    match error {
        ReceiveError::Malformed(_) => {
            tracing::error!(error = causes(error), "a genuine webhook could not be parsed");
            Refusal::bad_request("The body is not an event.")
        }
        ReceiveError::UnknownPrice { .. } => {
            tracing::error!(%error, "an event is pending until TENANTRY_STRIPE_PRICES contains its price");
            let message = "The event was stored but could not be applied yet.";
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Internal, message)
        }
        ReceiveError::Store(StoreError::Unavailable(_) | StoreError::Timeout(_) | StoreError::Conflict(_)) => {
            tracing::warn!(error = causes(error), "an event could not be processed");
            Refusal::unavailable()
        }
        ReceiveError::Store(_) => {
            tracing::error!(error = causes(error), "an event could not be processed");
            Refusal::internal()
        }
    }
}
