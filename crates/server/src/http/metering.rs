//! Rate limits and the plan's API calls. All are counted in memory; a request writes nothing.
//!
//! A token may outlive the membership, and only the request itself finds out. So a call counts against an organization
//! only after the database has confirmed that the caller is a member. Until then, the call takes capacity from others
//! only if the caller was a member a moment ago.

mod members;

use std::sync::Arc;

use axum::body::Body;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use chrono::{DateTime, Utc};
use tenantry_billing::{Belonging, Burst, Decision, Meter, Reservation, Throttle, ThrottleOptions};
use tenantry_domain::{Clock, Identity};
use tenantry_graphql::{ErrorCode, Membership};

use super::answer::Refusal;
use members::Members;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The headers that tell a caller what the plan allows and what is left.
pub(super) const HEADERS: [HeaderName; 3] = [LIMIT, REMAINING, RESET];

/// Counts requests. The default admits everything. Cheap to clone; all clones share the counts.
#[derive(Debug, Clone, Default)]
pub struct Metering(Option<Arc<Counters>>);

#[derive(Debug)]
struct Counters {
    /// The plan's API calls.
    meter: Option<Meter>,
    /// The short-window limits.
    throttles: Option<Throttles>,
    /// Used to compute when a count starts over.
    clock: Clock,
    members: Members,
}

#[derive(Debug)]
struct Throttles {
    /// For each user in each organization, member or not.
    callers: Throttle<Identity>,
    /// For all members of an organization together.
    organizations: Throttle,
}

impl Metering {
    /// Counts the plan's API calls with `meter`, if there is one. `throttle` limits the rate of each organization and
    /// of each caller in it. `clock` is the store's.
    pub fn new(meter: Option<Meter>, throttle: Option<ThrottleOptions>, clock: Clock) -> Self {
        let throttles = throttle
            .map(|options| Throttles { callers: Throttle::new(options), organizations: Throttle::new(options) });
        Self(Some(Arc::new(Counters { meter, throttles, clock, members: Members::default() })))
    }

    /// The counter of the plan's API calls.
    pub fn meter(&self) -> Option<&Meter> {
        self.0.as_ref()?.meter.as_ref()
    }

    /// Admits a caller's request, or refuses it.
    pub(super) async fn admit(&self, caller: Identity) -> Result<Call, Refusal> {
        let membership = Membership::default();
        let Some(counters) = &self.0 else { return Ok(Call { membership, counted: None }) };
        let belonging = counters.members.belonging(caller);
        counters.throttle(caller, belonging)?;
        let (quota, reservation) = counters.reserve(caller, belonging).await?;
        let counters = Arc::clone(counters);
        Ok(Call { membership, counted: Some(Counted { counters, caller, belonging, quota, reservation }) })
    }
}

impl Counters {
    fn throttle(&self, caller: Identity, belonging: Belonging) -> Result<(), Refusal> {
        let Some(throttles) = &self.throttles else { return Ok(()) };
        let (burst, whose) = match throttles.callers.check(caller) {
            Burst::Allowed { .. } if belonging == Belonging::Proven => {
                (throttles.organizations.check(caller.organization_id), "This organization sends")
            }
            burst => (burst, "You send"),
        };
        let Burst::Refused { retry_after } = burst else { return Ok(()) };
        // Rounded up to whole seconds, so that a caller who waits that long is admitted.
        let seconds = retry_after.as_secs() + u64::from(retry_after.subsec_nanos() > 0);
        Err(limited(format!("{whose} too many requests; slow down."), seconds, None))
    }

    async fn reserve(&self, caller: Identity, belonging: Belonging) -> Result<(Quota, Option<Reservation>), Refusal> {
        let Some(meter) = &self.meter else { return Ok((Quota::default(), None)) };
        let (decision, reservation) = meter.reserve(caller.organization_id, belonging).await;
        let quota = match decision {
            Ok(Decision::Allowed { limit, remaining, resets_at }) => {
                Quota { limit, remaining, reset: limit.map(|_| self.seconds_until(resets_at)) }
            }
            Ok(Decision::Refused { limit, resets_at }) => {
                let message = format!(
                    "The plan allows {limit} API calls per month; the count starts over at {}.",
                    resets_at.to_rfc3339()
                );
                return Err(limited(message, self.seconds_until(resets_at), Some(limit)));
            }
            // The organization does not exist, or the database cannot be reached. The request itself will find out and
            // report it better. If it is admitted all the same, it is counted.
            Err(error) => {
                tracing::debug!(%error, "a call is admitted without knowing what is left");
                Quota::default()
            }
        };
        Ok((quota, reservation))
    }

    fn seconds_until(&self, time: DateTime<Utc>) -> u64 {
        // At least one, so that a caller who obeys does not return within the same second.
        u64::try_from((time - self.clock.now()).num_seconds()).unwrap_or(0).max(1)
    }
}

/// An admitted request. When it ends or is cancelled, it is counted if the caller turned out to be a member.
#[derive(Debug)]
pub(super) struct Call {
    membership: Membership,
    counted: Option<Counted>,
}

#[derive(Debug)]
struct Counted {
    counters: Arc<Counters>,
    caller: Identity,
    belonging: Belonging,
    quota: Quota,
    reservation: Option<Reservation>,
}

impl Call {
    /// To be told when the caller turns out to be a member.
    pub(super) fn membership(&self) -> Membership {
        self.membership.clone()
    }

    /// Counts the call if the caller is a member, and sets the headers that tell what is left. Only members get them.
    pub(super) fn finish(mut self, response: &mut Response<Body>) {
        let is_member = self.membership.is_proven();
        let Some(counted) = &mut self.counted else { return };
        if !is_member && let Some(remaining) = &mut counted.quota.remaining {
            // The reservation is returned.
            *remaining += 1;
        }
        if is_member || counted.belonging == Belonging::Proven {
            counted.quota.tell(response);
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let Some(counted) = self.counted.take() else { return };
        let is_member = self.membership.is_proven();
        counted.counters.members.note(counted.caller, counted.belonging, is_member);
        if is_member && let Some(reservation) = counted.reservation {
            reservation.count();
        }
    }
}

/// What an organization has left, for the response headers.
#[derive(Debug, Default)]
struct Quota {
    limit: Option<i64>,
    remaining: Option<i64>,
    /// In seconds from now.
    reset: Option<u64>,
}

impl Quota {
    fn tell(&self, response: &mut Response<Body>) {
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
