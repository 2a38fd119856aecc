//! Who is connected: so many in all, so many of each organization, and so many of each user in it; and when they have to go.

use std::sync::Arc;

use tenantry_domain::{Identity, OrganizationId};
use tokio::sync::watch;

use super::LiveLimits;
use crate::http::shares::{Share, Shares};

/// Which part of all places one organization may take, and one user in it; and how many users may always take.
const OF_ORGANIZATION: usize = 4;
const OF_USER: usize = 200;
const AT_LEAST: usize = 20;

/// Which part of all places those may take who have not said who they are.
const OF_UNKNOWN: usize = 4;

/// How many subscriptions there may be for each connection, on average.
const EACH: usize = 4;

/// The places for connections that go on.
#[derive(Debug)]
pub(in crate::http) struct Seats {
    organizations: Arc<Shares<OrganizationId>>,
    users: Arc<Shares<Identity>>,
    unknown: Arc<Shares<()>>,
    subscriptions: Arc<Shares<OrganizationId>>,
    subscriptions_of_users: Arc<Shares<Identity>>,
    draining: watch::Sender<bool>,
}

/// A place of a connection or a subscription, until this is dropped.
#[derive(Debug)]
pub(in crate::http) struct Seat {
    _organization: Share<OrganizationId>,
    _user: Share<Identity>,
}

/// A place of somebody who has not said who they are.
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

    /// How many are connected.
    pub(in crate::http) fn taken(&self) -> usize {
        self.organizations.taken() + self.unknown.taken()
    }

    /// Sends everybody away.
    pub(in crate::http) fn drain(&self) {
        self.draining.send_replace(true);
    }

    pub(super) fn is_draining(&self) -> bool {
        *self.draining.borrow()
    }

    /// Changes to true when everybody has to go.
    pub(super) fn draining(&self) -> watch::Receiver<bool> {
        self.draining.subscribe()
    }
}

/// Waits until everybody has to go.
pub(super) async fn drained(draining: &mut watch::Receiver<bool>) {
    if draining.wait_for(|is_draining| *is_draining).await.is_err() {
        // There is nobody left who could say so.
        std::future::pending::<()>().await;
    }
}
