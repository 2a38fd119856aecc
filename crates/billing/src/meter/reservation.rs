//! A call that may be made and is not counted yet, because whoever makes it has still to turn out to belong to the organization.

use std::sync::Arc;

use tenantry_domain::Clock;

use super::account::Account;

/// What is known of whoever calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Belonging {
    /// They were a member a moment ago.
    Proven,
    /// All there is is a token, which outlives a membership.
    Unproven,
}

/// A call that may be made. It takes up one of those that are left until it is counted or dropped: for everybody if the caller
/// was known to be a member, and else only for others of whom that is not known either. So whoever is no member can take
/// nothing away from those who are.
#[derive(Debug)]
#[must_use = "a reservation that is dropped gives back what it holds"]
pub struct Reservation {
    account: Arc<Account>,
    clock: Clock,
    /// What it holds; nothing when it was given without knowing what is left.
    held: Option<Belonging>,
}

impl Reservation {
    pub(super) fn new(account: Arc<Account>, clock: Clock, held: Option<Belonging>) -> Self {
        Self { account, clock, held }
    }

    /// Counts the call: it was a member's.
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
