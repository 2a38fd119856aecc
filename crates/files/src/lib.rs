//! Where the bytes of attachments are kept: a folder, or an object storage that speaks S3.
//!
//! A client sends the bytes to a signed address of `uploads/<organization>/<upload>`. [`Files::keep`] copies them to
//! `files/<organization>/<a new id>`, which no address for sending ever names, and checks the copy. So what was checked is what is kept,
//! however often the client sends something else to its address.
//!
//! This crate does not know the rows of the database. `service::sweep` compares both.

mod checks;
mod content;
mod disposition;
mod error;
mod keep;
mod key;
mod link;
mod local;
mod probe;
mod s3;
mod stored;

use std::fmt;
use std::path::Path as FilePath;
use std::sync::Arc;

use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use tenantry_domain::{Clock, OrganizationId};
use url::Url;
use uuid::Uuid;

use checks::Checks;

pub use disposition::attachment_header;
pub use error::{FilesError, KeepError, LinkError, ReceiveError};
pub use keep::{Expected, Kept};
pub use key::Area;
pub use link::{Download, Link};
pub use local::{Admitted, Local};
pub use s3::S3Options;
pub use stored::Stored;

/// Where bytes are kept. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    store: Arc<dyn ObjectStore>,
    /// What stands before every key in a storage that others use, too.
    prefix: Path,
    clock: Clock,
    place: Place,
    checks: Checks,
}

enum Place {
    Local(Box<Local>),
    S3(s3::S3),
}

impl Files {
    /// Keeps bytes in a folder, which is made if it is not there. Clients send and fetch them below `public_url`, where the server answers.
    ///
    /// # Errors
    /// When the folder or the key in it cannot be made or read.
    pub fn local(folder: &FilePath, public_url: &Url, clock: Clock) -> Result<Self, FilesError> {
        let (local, store) = Local::open(folder, public_url, clock.clone())?;
        let place = Place::Local(Box::new(local));
        Ok(Self(Arc::new(Inner {
            store: Arc::new(store),
            prefix: Path::default(),
            clock,
            place,
            checks: Checks::default(),
        })))
    }

    /// The same for a program that gives out no addresses: it neither needs the key in the folder, nor makes one.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn local_without_addresses(folder: &FilePath, clock: Clock) -> Result<Self, FilesError> {
        let (local, store) = Local::open_without_addresses(folder, clock.clone())?;
        let place = Place::Local(Box::new(local));
        let prefix = Path::default();
        Ok(Self(Arc::new(Inner { store: Arc::new(store), prefix, clock, place, checks: Checks::default() })))
    }

    /// Keeps bytes in a bucket. Clients send and fetch them there.
    ///
    /// # Errors
    /// When the options are incomplete.
    pub fn s3(options: &S3Options, clock: Clock) -> Result<Self, FilesError> {
        let prefix = Path::from(options.prefix.as_str());
        let s3 = s3::S3::new(options)?;
        let store = s3.store();
        let place = Place::S3(s3);
        Ok(Self(Arc::new(Inner { store, prefix, clock, place, checks: Checks::default() })))
    }

    /// The folder, if bytes are kept in one, and this server answers for it.
    pub fn as_local(&self) -> Option<&Local> {
        match &self.0.place {
            Place::Local(local) => Some(local),
            Place::S3(_) => None,
        }
    }

    /// Where bytes are kept, for messages: a folder, or a bucket's address.
    pub fn place(&self) -> String {
        match &self.0.place {
            Place::Local(local) => local.folder().display().to_string(),
            Place::S3(s3) => s3.place(),
        }
    }

    /// Deletes the bytes at these keys. What is gone already is no error.
    ///
    /// # Errors
    /// The first failure; the others are tried all the same.
    pub async fn remove(&self, keys: impl IntoIterator<Item = String>) -> Result<(), FilesError> {
        let mut result = Ok(());
        for key in keys {
            match self.0.store.delete(&self.path(&key)).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) if result.is_ok() => result = Err(error.into()),
                Err(_) => {}
            }
        }
        result
    }

    /// Deletes what a client sent for an upload. That there is nothing is no error.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn remove_upload(&self, organization: OrganizationId, upload: Uuid) -> Result<(), FilesError> {
        self.remove([Area::Uploads.key(organization, upload)]).await
    }

    /// The path of a key in the storage.
    fn path(&self, key: &str) -> Path {
        // Keys have no part that would have to be escaped.
        self.0.prefix.parts().chain(Path::from(key).parts()).collect()
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Files").field(&self.place()).finish()
    }
}
