//! Counts connections and subscriptions against their limits: of the process, of an organization, and of a user. Also tells them when the server
//! stops.

use std::sync::Arc;

use tenantry_domain::{Identity, OrganizationId};
use tokio::sync::watch;

use super::LiveLimits;
use crate::http::shares::{Share, Shares};

/// One organization may take 1 in 4 places.
const OF_ORGANIZATION: usize = 4;

/// One user may take 1 in 200 places.
const OF_USER: usize = 200;

/// However few places there are, a share has at least so many.
const AT_LEAST: usize = 20;

/// Clients that have not sent their token yet may take 1 in 4 places.
const OF_UNKNOWN: usize = 4;

/// How many places for subscriptions there are for each place for a connection.
const EACH: usize = 4;

/// The places for connections and subscriptions.
#[derive(Debug)]
pub(in crate::http) struct Seats {
    organizations: Arc<Shares<OrganizationId>>,
    users: Arc<Shares<Identity>>,
    unknown: Arc<Shares<()>>,
    subscriptions: Arc<Shares<OrganizationId>>,
    subscriptions_of_users: Arc<Shares<Identity>>,
    draining: watch::Sender<bool>,
}

/// A place of a connection or a subscription. Dropping it frees the place.
#[derive(Debug)]
pub(in crate::http) struct Seat {
    _organization: Share<OrganizationId>,
    _user: Share<Identity>,
}

/// A place of a client that has not sent its token yet.
pub(super) type UnknownSeat = Share<()>;

impl Seats {
    pub(in crate::http) fn new(limits: LiveLimits) -> Self {
        let all = limits.connections;
        let part = |of: usize| (all / of).max(AT_LEAST).min(all);
        Self {
            organizations: Shares::new(all, part(OF_ORGANIZATION)),
            users: Shares::new(all, part(OF_USER)),
            unknown: Shares::new(part(OF_UNKNOWN), part(OF_UNKNOWN)),
            subscriptions: Shares::new(all * EACH, part(OF_ORGANIZATION) * EACH),
            subscriptions_of_users: Shares::new(all * EACH, part(OF_USER) * EACH),
            draining: watch::Sender::new(false),
        }
    }

    pub(super) fn take_unknown(&self) -> Option<UnknownSeat> {
        self.unknown.take(())
    }

    /// A place for a subscription of this user; `None` if there is none left for them.
    pub(super) fn take_subscription(&self, user: Identity) -> Option<Seat> {
        let (organizations, users) = (&self.subscriptions, &self.subscriptions_of_users);
        Some(Seat { _user: users.take(user)?, _organization: organizations.take(user.organization_id)? })
    }

    /// A place for a connection of this user; `None` if there is none left for them.
    pub(super) fn take(&self, user: Identity) -> Option<Seat> {
        Some(Seat { _user: self.users.take(user)?, _organization: self.organizations.take(user.organization_id)? })
    }

    /// The number of connections.
    pub(in crate::http) fn taken(&self) -> usize {
        self.organizations.taken() + self.unknown.taken()
    }

    /// Tells all connections that the server stops.
    pub(in crate::http) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Changes to true when the server stops.
    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }
}

/// Waits until the server stops.
pub(super) async fn drained(draining: &mut watch::Receiver<bool>) {
    if draining.wait_for(|is_draining| *is_draining).await.is_err() {
        // The state was dropped, so the signal cannot come any more.
        std::future::pending::<()>().await;
    }
}
