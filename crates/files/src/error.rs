//! Why bytes cannot be sent, kept or fetched.

use std::io;
use std::path::PathBuf;

/// The storage, or what it needs, failed.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The storage did not do what it was asked for.
    #[error("the storage of files failed")]
    Storage(#[from] object_store::Error),
    /// The folder of files cannot be used.
    #[error("cannot use the folder of files {}", .folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The key that signs addresses is not 32 bytes.
    #[error("the key in {} is damaged; delete it, and a new one is made", .0.display())]
    Key(PathBuf),
}

/// Why an upload is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// Nothing was sent, or not all of it has arrived.
    #[error("nothing was sent to the address of the upload")]
    Missing,
    /// It has another size.
    #[error("{found} bytes were sent where {expected} were announced")]
    Size {
        /// How many bytes were announced.
        expected: u64,
        /// How many there are.
        found: u64,
    },
    /// It has another SHA-256.
    #[error("the bytes have the SHA-256 {found}")]
    Checksum {
        /// The SHA-256 of what was sent, in hexadecimal digits.
        found: String,
    },
    /// It is of another type.
    #[error("the bytes are not of the type that was announced")]
    Type {
        /// The type that the bytes have, if it is known.
        found: Option<&'static str>,
    },
    /// The check ended half-way.
    #[error("the check was interrupted")]
    Interrupted,
    /// The storage failed.
    #[error(transparent)]
    Files(#[from] FilesError),
}

impl From<object_store::Error> for KeepError {
    fn from(error: object_store::Error) -> Self {
        Self::Files(error.into())
    }
}

/// Why an address is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The signature is missing, or of another address or method.
    #[error("this address is not valid")]
    Invalid,
    /// The time of the address is over.
    #[error("this address has expired")]
    Expired,
}

/// Why bytes that a client sends are not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError<E> {
    /// There are more or fewer than announced.
    #[error("the size is not the one that was announced")]
    Size,
    /// The client sent nothing for too long.
    #[error("the client stopped sending")]
    Stalled,
    /// The connection failed.
    #[error("the connection failed")]
    Body(E),
    /// The storage failed.
    #[error(transparent)]
    Files(#[from] FilesError),
}
