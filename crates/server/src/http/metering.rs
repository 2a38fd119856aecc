//! Who sends too much: the short-window limit, and the plan's API calls. Both are counted in memory; a request writes nothing.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use chrono::{DateTime, Utc};
use tenantry_billing::{Burst, Decision, Meter, Throttle};
use tenantry_domain::{Clock, OrganizationId};
use tenantry_graphql::ErrorCode;

use super::answer::Refusal;

/// How long a request waits to be counted.
const PATIENCE: Duration = Duration::from_millis(500);

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// What counts requests. Without its parts it lets everything through.
#[derive(Clone, Default)]
pub struct Metering {
    /// The plan's API calls.
    pub meter: Option<Meter>,
    /// The short-window limit.
    pub throttle: Option<Throttle>,
    /// Tells how long it is until a count starts over.
    pub clock: Option<Clock>,
}

/// What is left to an organization, for the answer's headers.
#[derive(Debug, Default)]
pub(super) struct Quota {
    limit: Option<i64>,
    remaining: Option<i64>,
    reset: Option<u64>,
}

impl Metering {
    /// Counts a request of the organization, or refuses it.
    pub(super) async fn admit(&self, organization: OrganizationId) -> Result<Quota, Refusal> {
        if let Some(throttle) = &self.throttle
            && let Burst::Refused { retry_after } = throttle.check(organization)
        {
            let message = "This organization sends requests too fast; slow down a little.";
            // A part of a second is rounded up, so that whoever waits that long is let through.
            let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
            return Err(limited(message.to_owned(), seconds, None));
        }
        let Some(meter) = &self.meter else { return Ok(Quota::default()) };
        // What is known of an organization is asked for anew now and then; a database that does not answer must not hold up
        // its requests one after the other.
        let admitted = tokio::time::timeout(PATIENCE, meter.admit(organization)).await;
        let Ok(admitted) = admitted else { return Ok(Quota::default()) };
        match admitted {
            Ok(Decision::Allowed { limit, remaining, resets_at }) => {
                Ok(Quota { limit, remaining, reset: limit.map(|_| self.seconds_until(resets_at)) })
            }
            Ok(Decision::Refused { limit, resets_at }) => {
                let message = format!(
                    "The plan allows {limit} API calls a month; the count starts over at {}.",
                    resets_at.to_rfc3339()
                );
                Err(limited(message, self.seconds_until(resets_at), Some(limit)))
            }
            // An organization that does not exist, or a database that cannot be reached: the request itself will find out, and
            // says so better.
            Err(error) => {
                tracing::debug!(%error, "a call could not be metered");
                Ok(Quota::default())
            }
        }
    }

    fn seconds_until(&self, time: DateTime<Utc>) -> u64 {
        let now = self.clock.as_ref().map_or_else(|| Clock::system().now(), Clock::now);
        // At least one, so that nobody who obeys comes back within the same second.
        u64::try_from((time - now).num_seconds()).unwrap_or(0).max(1)
    }
}

impl std::fmt::Debug for Metering {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let metering = &mut f.debug_struct("Metering");
        metering
            .field("meter", &self.meter.is_some())
            .field("throttle", &self.throttle.is_some())
            .finish_non_exhaustive()
    }
}

impl Quota {
    /// Tells the client what is left.
    pub(super) fn tell(&self, response: &mut Response<Body>) {
        let headers = response.headers_mut();
        for (name, value) in [(LIMIT, self.limit), (REMAINING, self.remaining)] {
            if let Some(value) = value {
                headers.insert(name, HeaderValue::from(value));
            }
        }
        if let Some(reset) = self.reset {
            headers.insert(RESET, HeaderValue::from(reset));
        }
    }
}

fn limited(message: String, seconds: u64, limit: Option<i64>) -> Refusal {
    let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, message);
    let refusal = refusal.with_header(RETRY_AFTER, HeaderValue::from(seconds));
    match limit {
        Some(limit) => refusal
            .with_header(LIMIT, HeaderValue::from(limit))
            .with_header(REMAINING, HeaderValue::from(0))
            .with_header(RESET, HeaderValue::from(seconds)),
        None => refusal,
    }
}
