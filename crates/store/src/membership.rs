//! Memberships: how they are read when a scope opens, and their cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, NaiveDate, Utc};
use parking_lot::Mutex;
use tenantry_domain::organization::local_date;
use tenantry_domain::{Identity, Role};
use tenantry_wire::Rows;

use crate::error::StoreError;
use crate::sql::Sql;

/// The size of the cache. A power of two.
const SLOTS: usize = 8_192;

/// What a scope has to know about a user before it can query anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) role: Role,
    /// The date in the organization's time zone.
    pub(crate) today: NaiveDate,
}

impl Membership {
    /// Reads the membership at this time, and the organization's time zone. The date there is computed in this process:
    /// the database would fail on a zone it does not know, and no member of that organization could do anything.
    pub(crate) fn question(identity: Identity, now: DateTime<Utc>) -> Sql {
        let mut sql = Sql::new(
            "SELECT m.role, o.time_zone \
             FROM app.organization_members m \
             JOIN app.organizations o ON o.id = m.organization_id \
             JOIN auth.users u ON u.id = m.user_id \
             WHERE m.organization_id = $1 AND m.user_id = $2 \
               AND (u.banned_at IS NULL OR u.ban_expires_at <= $3)",
        );
        sql.value(identity.organization_id.as_uuid());
        sql.value(identity.user_id.as_uuid());
        sql.value(now);
        sql
    }

    /// Reads the answer to the query made at this time; `None` when the user is not a member.
    pub(crate) fn read(rows: &Rows, now: DateTime<Utc>) -> Result<Option<Self>, StoreError> {
        let Some(row) = rows.first() else { return Ok(None) };
        let role: &str = row.get(0)?;
        let role = role.parse().map_err(|_| StoreError::Corrupt { table: "app.organization_members", column: 0 })?;
        Ok(Some(Self { role, today: local_date(row.get(1)?, now) }))
    }
}

/// The memberships that were read last. The cache only decides which statement is sent first: the membership is read
/// again with it, and a wrong guess costs a round trip.
#[derive(Debug)]
pub(crate) struct Memberships(Box<[Mutex<Slot>]>);

/// A slot for one membership.
type Slot = Option<(Identity, Membership)>;

impl Default for Memberships {
    fn default() -> Self {
        Self((0..SLOTS).map(|_| Mutex::default()).collect())
    }
}

/// A cached membership that a request relies on until the database confirms it. If the request is dropped before that,
/// the entry is removed, so that a user who hangs up early does not count as a member twice.
#[derive(Debug)]
pub(crate) struct Presumed {
    memberships: Arc<Memberships>,
    identity: Identity,
    is_read: AtomicBool,
}

impl Presumed {
    pub(crate) fn new(memberships: &Arc<Memberships>, identity: Identity) -> Self {
        Self { memberships: Arc::clone(memberships), identity, is_read: AtomicBool::new(false) }
    }

    /// Records what was read.
    pub(crate) fn found(&self, found: Option<Membership>) {
        self.is_read.store(true, Ordering::Relaxed);
        self.memberships.set(self.identity, found);
    }
}

impl Drop for Presumed {
    fn drop(&mut self) {
        if !self.is_read.load(Ordering::Relaxed) {
            self.memberships.set(self.identity, None);
        }
    }
}

impl Memberships {
    /// The cached membership.
    pub(crate) fn get(&self, identity: Identity) -> Option<Membership> {
        let remembered = *self.slot(identity).lock();
        remembered.filter(|(of, _)| *of == identity).map(|(_, membership)| membership)
    }

    /// Caches what was read; removes the entry of a user who is not a member.
    pub(crate) fn set(&self, identity: Identity, found: Option<Membership>) {
        let mut slot = self.slot(identity).lock();
        match found {
            Some(membership) => *slot = Some((identity, membership)),
            None => drop(slot.take_if(|(of, _)| *of == identity)),
        }
    }

    /// Each membership has exactly one slot; a newer one may evict it.
    fn slot(&self, identity: Identity) -> &Mutex<Slot> {
        let (_, user) = identity.user_id.as_uuid().as_u64_pair();
        let (_, organization) = identity.organization_id.as_uuid().as_u64_pair();
        // Both lower halves are random except for their leftmost bits, so only bits on the right are used.
        let mixed = user ^ organization.rotate_left(32);
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are all that is wanted")]
        let n = mixed as usize;
        &self.0[n % SLOTS]
    }
}

#[cfg(test)]
mod tests {
    use tenantry_domain::{OrganizationId, UserId};
    use uuid::Uuid;

    use super::*;

    fn identity(user: u128) -> Identity {
        let organization_id = OrganizationId::from_uuid(Uuid::from_u128(7));
        Identity { user_id: UserId::from_uuid(Uuid::from_u128(user)), organization_id }
    }

    #[test]
    fn an_unconfirmed_membership_is_removed() {
        let memberships = Arc::new(Memberships::default());
        let membership = Some(Membership { role: Role::Owner, today: NaiveDate::MIN });
        let one = identity(1);
        memberships.set(one, membership);
        let presumed = Presumed::new(&memberships, one);
        presumed.found(membership);
        drop(presumed);
        assert_eq!(memberships.get(one), membership);
        drop(Presumed::new(&memberships, one));
        assert_eq!(memberships.get(one), None);
    }

    #[test]
    fn a_slot_holds_one_membership_at_a_time() {
        let memberships = Memberships::default();
        let membership = |role| Membership { role, today: NaiveDate::MIN };
        let (one, other) = (identity(1), identity(1 + SLOTS as u128));
        memberships.set(one, Some(membership(Role::Guest)));
        assert_eq!(memberships.get(one), Some(membership(Role::Guest)));
        assert_eq!(memberships.get(other), None, "the same place, but somebody else's");
        memberships.set(other, None);
        assert_eq!(memberships.get(one), Some(membership(Role::Guest)), "only its own is forgotten");
        memberships.set(other, Some(membership(Role::Owner)));
        assert_eq!((memberships.get(one), memberships.get(other)), (None, Some(membership(Role::Owner))));
    }
}
