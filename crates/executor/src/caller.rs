//! Who sends a request, and whether they have turned out to belong to the organization that their token names.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use tenantry_domain::Identity;

/// Who sends a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What the verified token says.
    pub identity: Identity,
    /// Until when the token is good: a token that is made for the caller is good for no longer. `None` leaves that to the
    /// issuer.
    pub expires_at: Option<DateTime<Utc>>,
    /// Names the request in the log and in errors.
    pub request_id: String,
    /// When the answer has to be there; `None` for no such time. What is under way then is given up.
    pub deadline: Option<tokio::time::Instant>,
    /// Is told when the caller turns out to be a member.
    pub membership: Membership,
    /// The request's `Idempotency-Key`, if it has one.
    pub idempotency_key: Option<String>,
}

/// Whether the caller of one request has turned out to be a member of the token's organization. Clones are of the same request.
#[derive(Debug, Clone, Default)]
pub struct Membership(Arc<AtomicBool>);

impl Membership {
    /// Whether the database has said so in the course of the request, or not long before it and not otherwise since. A request that needs nothing of the organization leaves it
    /// open.
    pub fn is_proven(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Notes what is known of it.
    pub fn note(&self, is_member: bool) {
        self.0.store(is_member, Ordering::Relaxed);
    }

    /// Notes that a scope of the organization has opened for the caller.
    pub fn prove(&self) {
        self.note(true);
    }
}
