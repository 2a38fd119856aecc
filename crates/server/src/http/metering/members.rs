//! Recent members, so that the organization's limits are not open to everyone who has a token.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use tenantry_billing::Belonging;
use tenantry_domain::Identity;

/// How long a membership is remembered.
const REMEMBERED: Duration = Duration::from_mins(1);

/// The most members that are remembered. Beyond that, all are forgotten.
const MOST: usize = 100_000;

/// Callers who were members in their last call. The database confirmed it each time and will be asked again each time.
/// This only decides whose limits a call counts against before it has run.
#[derive(Debug, Default)]
pub(super) struct Members {
    since: RwLock<HashMap<Identity, Instant>>,
}

impl Members {
    /// What is known about the caller.
    pub(super) fn belonging(&self, caller: Identity) -> Belonging {
        let since = self.since.read();
        match since.get(&caller) {
            Some(since) if since.elapsed() < REMEMBERED => Belonging::Proven,
            _ => Belonging::Unproven,
        }
    }

    /// Records how a call ended, given what was known before.
    pub(super) fn note(&self, caller: Identity, before: Belonging, is_member: bool) {
        match (before, is_member) {
            // The common case takes no lock. After a minute the caller is unproven for one call, and then remembered
            // again.
            (Belonging::Proven, true) | (Belonging::Unproven, false) => {}
            // It may have been a member's call that needed nothing from the organization. Being forgotten costs a
            // member little, and a former member cannot continue as one.
            (Belonging::Proven, false) => drop(self.since.write().remove(&caller)),
            (Belonging::Unproven, true) => {
                let mut since = self.since.write();
                if since.len() >= MOST {
                    // Everyone is checked again in their next call, which is cheaper than searching for the oldest on
                    // every insert.
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
    fn a_member_is_remembered_until_a_call_without_proof() {
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
