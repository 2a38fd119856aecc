//! Whether the storage does what it is needed for.

use std::error::Error as _;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutPayload};
use tenantry_domain::EntityId;

use crate::{Files, Place};

/// What a probe writes.
const TEXT: &[u8] = b"written by a check of the storage; it can be deleted";

impl Files {
    /// Writes, copies, reads and deletes something small; says in a sentence what does not work.
    ///
    /// # Errors
    /// The sentence, for an operator.
    pub async fn probe(&self) -> Result<(), String> {
        let id = self.0.clock.new_id::<EntityId>().as_uuid();
        let (first, second) = (self.path(&format!("probe/{id}")), self.path(&format!("probe/{id}-copy")));
        let store = &self.0.store;
        let explain =
            |doing: &str, error: &object_store::Error| format!("cannot {doing} {}: {}", self.place(), self.why(error));
        store.put(&first, PutPayload::from_static(TEXT)).await.map_err(|error| explain("write to", &error))?;
        let tried = async {
            store.copy(&first, &second).await.map_err(|error| explain("copy in", &error))?;
            let read = store.get(&second).await.map_err(|error| explain("read from", &error))?;
            let read = read.bytes().await.map_err(|error| explain("read from", &error))?;
            if read == Bytes::from_static(TEXT) {
                Ok(())
            } else {
                Err(format!("{} gave back something else than was written", self.place()))
            }
        };
        let tried = tried.await;
        let tried = match tried {
            Ok(()) => self.probe_more(&first).await,
            tried => tried,
        };
        let deleted = store.delete(&first).await.map_err(|error| explain("delete from", &error));
        // It may not be there.
        let _ = store.delete(&second).await;
        tried.and(deleted)
    }

    /// Lists what was written, and looks for what is not there.
    async fn probe_more(&self, written: &Path) -> Result<(), String> {
        let explain =
            |doing: &str, error: &object_store::Error| format!("cannot {doing} {}: {}", self.place(), self.why(error));
        let folder = self.path("probe");
        let listed = self.0.store.list(Some(&folder)).map_ok(|object| object.location).try_collect::<Vec<_>>().await;
        if !listed.map_err(|error| explain("list", &error))?.contains(written) {
            return Err(format!("{} does not list what was written", self.place()));
        }
        match self.0.store.head(&self.path("probe/nothing")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            // Without permission to list, S3 answers that this is forbidden.
            Err(error) => Err(explain("look for something in", &error)),
        }
    }

    /// Why the storage refuses, as far as one can tell.
    fn why(&self, error: &object_store::Error) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        let hint = match &self.0.place {
            Place::Local(_) => local_hint(&text),
            Place::S3(_) => s3_hint(&text),
        };
        match hint {
            Some(hint) => format!("{hint} ({})", text.trim()),
            None => text,
        }
    }
}

fn local_hint(text: &str) -> Option<&'static str> {
    let hints = [
        ("Permission denied", "the server's user may not do that in the folder"),
        ("No space left", "the disk is full"),
        ("Read-only", "the disk can only be read"),
        ("hard link", "the file system knows no hard links; use another one, or S3"),
        ("not supported", "the file system knows no hard links; use another one, or S3"),
    ];
    hints.iter().find(|(sign, _)| text.contains(sign)).map(|(_, hint)| *hint)
}

/// By the codes of S3's errors.
fn s3_hint(text: &str) -> Option<&'static str> {
    let hints = [
        ("RequestTimeTooSkewed", "the clock of this machine is wrong by more than fifteen minutes"),
        ("AuthorizationHeaderMalformed", "the bucket is in another region; set AWS_REGION to that"),
        ("PermanentRedirect", "the bucket is in another region; set AWS_REGION to that"),
        ("IllegalLocationConstraint", "the bucket is in another region; set AWS_REGION to that"),
        ("Received redirect", "the bucket is in another region; set AWS_REGION to that"),
        ("NoSuchBucket", "there is no such bucket"),
        ("InvalidAccessKeyId", "the storage does not know AWS_ACCESS_KEY_ID"),
        ("SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY is wrong"),
        ("ExpiredToken", "the credentials have expired"),
        (
            "AccessDenied",
            "these credentials may not do that; they need to get, put, delete and list objects of the bucket",
        ),
        ("Connection refused", "nothing answers at the address of the storage; check AWS_ENDPOINT_URL"),
        ("dns error", "the address of the storage cannot be found; check AWS_ENDPOINT_URL and AWS_REGION"),
        ("certificate", "the certificate of the storage is not trusted"),
        ("169.254.169.254", "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
    ];
    hints.iter().find(|(sign, _)| text.contains(sign)).map(|(_, hint)| *hint)
}
