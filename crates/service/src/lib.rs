//! Use cases: authorise, check limits, write; each in one transaction.
//!
//! *Invariant:* every function that writes asks `domain::permission::decide` first, and takes the scope it writes in, so that
//! a caller can put several into one transaction. There is no GraphQL and no SQL here.

mod activity;
mod authorize;
mod client;
mod comment;
mod constraint;
mod error;
mod nouns;
mod project;
mod purge;
mod workspace;

pub mod attachment;
pub mod bulk;
pub mod export;
pub mod grant;
pub mod invoice;
pub mod live;
pub mod member;
pub mod noun;
pub mod organization;
pub mod payment;
pub mod settings;
pub mod sweep;
pub mod task;
mod transaction;
pub mod user;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tenantry_billing::Billing;
use tenantry_domain::Identity;
use tenantry_domain::causes::causes;
use tenantry_files::Files;
use tenantry_store::{Store, WriteOptions, WriteScope, in_write_scope_until};

pub use error::ServiceError;
pub use purge::{PurgeError, Purged, purge_due, purge_due_and_end};

/// The use cases' common ground: the database, the plans, and the storage of files.
#[derive(Debug, Clone)]
pub struct Service {
    store: Store,
    billing: Billing,
    files: Option<FileStorage>,
}

/// Where the bytes of attachments are kept, and how many one may have.
#[derive(Debug, Clone)]
pub struct FileStorage {
    /// The storage.
    pub files: Files,
    /// The most bytes that a file may have.
    pub max_byte_size: i32,
}

impl Service {
    /// The use cases over this database and these plans.
    pub fn new(store: Store, billing: Billing) -> Self {
        Self { store, billing, files: None }
    }

    /// The same, with a storage of files. Without one, no files are taken.
    #[must_use]
    pub fn with_files(self, files: FileStorage) -> Self {
        Self { files: Some(files), ..self }
    }

    /// The storage of files, if there is one.
    pub fn files(&self) -> Option<&FileStorage> {
        self.files.as_ref()
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The plans.
    pub fn billing(&self) -> &Billing {
        &self.billing
    }

    /// Runs `work` in one transaction of `identity`, again if it lost against a concurrent one. The bytes that no row refers to after it are
    /// deleted then.
    ///
    /// # Errors
    /// What `work` returns, in which case nothing was written; or the failure of the transaction.
    pub async fn write<T>(
        &self,
        identity: Identity,
        options: WriteOptions<'_>,
        work: impl for<'s> FnMut(&'s mut WriteScope) -> BoxFuture<'s, Result<T, ServiceError>> + Send,
    ) -> Result<T, ServiceError> {
        let discarded = Mutex::default();
        let options = WriteOptions { discarded: Some(&discarded), ..options };
        let value = in_write_scope_until(&self.store, identity, options, work).await?;
        self.remove(discarded.into_inner());
        Ok(value)
    }

    /// Deletes bytes that no row refers to, in the background. The sweep finds what could not be deleted.
    fn remove(&self, keys: Vec<String>) {
        let Some(FileStorage { files, .. }) = self.files.clone().filter(|_| !keys.is_empty()) else { return };
        tokio::spawn(async move {
            if let Err(error) = files.remove(keys).await {
                tracing::warn!(error = causes(&error), "the bytes of deleted attachments stay until the next sweep");
            }
        });
    }
}
