//! Who was a member a moment ago, so that the organization's limits need not be open to everybody who has a token.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tenantry_billing::Belonging;
use tenantry_domain::Identity;

/// For how long it is remembered that somebody was a member.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The most that are remembered. Beyond that all are forgotten.
const MOST: usize = 100_000;

/// Callers who were members when they last called. The database has said so each time, and it is asked again each time: this
/// decides nothing but whose limits a call is held against before it has run.
#[derive(Debug, Default)]
pub(super) struct Members {
    since: RwLock<HashMap<Identity, Instant>>,
}

impl Members {
    /// What is known of the caller.
    pub(super) fn belonging(&self, caller: Identity) -> Belonging {
        let since = self.since.read();
        match since.get(&caller) {
            Some(since) if since.elapsed() < REMEMBERED => Belonging::Proven,
            _ => Belonging::Unproven,
        }
    }

    /// Takes in how a call has ended of which so much was known before.
    pub(super) fn note(&self, caller: Identity, before: Belonging, is_member: bool) {
        match (before, is_member) {
            // The common case takes no lock; after a minute the caller is unproven for one call, and then remembered anew.
            (Belonging::Proven, true) | (Belonging::Unproven, false) => {}
            // It may have been a member's call that needed nothing of the organization. It costs them little to be forgotten, and
            // somebody who is a member no longer cannot go on as one.
            (Belonging::Proven, false) => drop(self.since.write().remove(&caller)),
            (Belonging::Unproven, true) => {
                let mut since = self.since.write();
                if since.len() >= MOST {
                    // All are asked again with their next call, which is cheaper than to look through them with every one.
                    since.clear();
                }
                since.insert(caller, Instant::now());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::{OrganizationId, UserId};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_member_is_remembered_until_a_call_does_not_prove_it() {
        let id = Uuid::from_u128(7);
        let caller = Identity { user_id: UserId::from_uuid(id), organization_id: OrganizationId::from_uuid(id) };
        let elsewhere = Identity { organization_id: OrganizationId::from_uuid(Uuid::from_u128(8)), ..caller };
        let members = Members::default();
        assert_eq!(members.belonging(caller), Belonging::Unproven);
        members.note(caller, Belonging::Unproven, false);
        assert_eq!(members.belonging(caller), Belonging::Unproven);
        members.note(caller, Belonging::Unproven, true);
        assert_eq!(members.belonging(caller), Belonging::Proven);
        assert_eq!(members.belonging(elsewhere), Belonging::Unproven);
        members.note(caller, Belonging::Proven, true);
        assert_eq!(members.belonging(caller), Belonging::Proven);
        members.note(caller, Belonging::Proven, false);
        assert_eq!(members.belonging(caller), Belonging::Unproven);
    }
}
