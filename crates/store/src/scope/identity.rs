//! The scope before an organization is known: a user asks which organizations it belongs to.

use tenantry_domain::{Clock, UserId};

use super::Connection;
use crate::error::StoreError;
use crate::pool::Store;

/// A read-only transaction in which only the user is set: it shows the user's own memberships and nothing of any tenant.
#[derive(Debug)]
pub struct IdentityScope {
    connection: Connection,
    user_id: Option<UserId>,
    clock: Clock,
}

impl IdentityScope {
    /// Opens the transaction. Without a user it sees only what belongs to no tenant.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is no connection to be had within the pool's waiting time.
    pub async fn open(store: &Store, user_id: Option<UserId>) -> Result<Self, StoreError> {
        let (connection, clock) = store.open_identity(user_id).await?;
        Ok(Self { connection, user_id, clock })
    }

    /// The user, if one is set.
    pub fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    /// Tells the time and makes ids.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}
