//! A call that may be made and is not counted yet, because the caller's membership is not proven yet.

use std::sync::Arc;

use tenantry_domain::Clock;

use super::account::Account;

/// What is known about a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging {
    /// They were a member a moment ago.
    Proven,
    /// There is only a token, which may outlive the membership.
    Unproven,
}

/// A call that may be made. It uses up one of the remaining calls until it is counted or dropped. If the caller was
/// known to be a member, this affects everyone. Otherwise it affects only other callers without proof, so non-members
/// can take nothing away from members.
#[derive(Debug)]
#[must_use = "a reservation that is dropped gives back what it holds"]
pub struct Reservation {
    account: Arc<Account>,
    clock: Clock,
    /// What it holds; nothing if it was given without knowing what is left.
    held: Option<Belonging>,
}

impl Reservation {
    pub(super) fn new(account: Arc<Account>, clock: Clock, held: Option<Belonging>) -> Self {
        Self { account, clock, held }
    }

    /// Counts the call, because the caller is a member.
    pub fn count(mut self) {
        let now = self.clock.now();
        let mut tally = self.account.tally.lock();
        tally.release(self.held.take());
        tally.count(now);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            self.account.tally.lock().release(Some(held));
        }
    }
}
