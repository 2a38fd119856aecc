//! From what a client sent to what is kept.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use tenantry_domain::{EntityId, OrganizationId};
use tokio::runtime::Handle;
use uuid::Uuid;

use crate::content::{self, LOOKED_AT};
use crate::key::Area;
use crate::{Files, KeepError};

/// What was announced of an upload.
#[derive(Debug, Clone)]
pub struct Expected {
    /// How many bytes it has.
    pub byte_size: u64,
    /// Its media type.
    pub mime_type: String,
    /// Its SHA-256 in hexadecimal digits, if it was announced.
    pub checksum: Option<String>,
}

/// What is kept. Dropping it deletes it, unless there is a row for it.
pub struct Kept {
    key: String,
    checksum: String,
    has_row: AtomicBool,
    files: Files,
}

impl Kept {
    /// Its key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Its SHA-256, in hexadecimal digits.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// Says that a row is about to be committed that refers to it. From here on only the sweep deletes it.
    pub fn leave(&self) {
        self.has_row.store(true, Ordering::Relaxed);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !*self.has_row.get_mut() {
            let (files, key) = (self.files.clone(), std::mem::take(&mut self.key));
            runtime.spawn(async move {
                // What cannot be deleted now is found by the sweep.
                let _ = files.remove([key]).await;
            });
        }
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("key", &self.key).field("checksum", &self.checksum).finish_non_exhaustive()
    }
}

impl Files {
    /// Copies what a client sent to a place where no client can change it, and checks the copy. What is not as announced is not kept, and
    /// what was sent stays in either case.
    ///
    /// It goes on when the caller stops waiting. A second call for the same upload, within ten minutes and before
    /// [`forget`](Self::forget), waits for the same copy.
    ///
    /// # Errors
    /// [`KeepError`].
    pub async fn keep(
        &self,
        organization: OrganizationId,
        upload: Uuid,
        expected: Expected,
    ) -> Result<Arc<Kept>, Arc<KeepError>> {
        let files = self.clone();
        let now = self.0.clock.now();
        let begin = || async move { files.keep_now(organization, upload, &expected).await };
        let result = self.0.checks.run(organization, upload, now, begin).await;
        if result.is_err() {
            self.forget(upload);
        }
        result
    }

    /// Forgets that an upload was checked.
    pub fn forget(&self, upload: Uuid) {
        self.0.checks.forget(upload);
    }

    async fn keep_now(
        &self,
        organization: OrganizationId,
        upload: Uuid,
        expected: &Expected,
    ) -> Result<Kept, KeepError> {
        let sent = self.path(&Area::Uploads.key(organization, upload));
        check_size(self.0.store.head(&sent).await.map_err(missing)?.size, expected)?;
        if let Some(local) = self.as_local() {
            // The copy has the time of what it is a copy of, and the sweep goes by that.
            local.touch(&Area::Uploads.key(organization, upload)).await?;
        }
        let key = Area::Files.key(organization, self.0.clock.new_id::<EntityId>().as_uuid());
        let mut kept = Kept { key, checksum: String::new(), has_row: AtomicBool::new(false), files: self.clone() };
        let copy = self.path(&kept.key);
        self.0.store.copy(&sent, &copy).await.map_err(missing)?;
        match self.check(&copy, expected).await {
            Ok(checksum) => {
                kept.checksum = checksum;
                Ok(kept)
            }
            Err(error) => {
                // Before the client is told.
                let _ = self.remove([kept.key.clone()]).await;
                kept.leave();
                Err(error)
            }
        }
    }

    /// Reads what is at a path from the beginning to the end, and gives its SHA-256.
    async fn check(&self, path: &Path, expected: &Expected) -> Result<String, KeepError> {
        let object = self.0.store.get(path).await?;
        check_size(object.meta.size, expected)?;
        let mut stream = object.into_stream();
        let mut digest = Context::new(&SHA256);
        let mut head = Vec::new();
        let mut found: u64 = 0;
        while let Some(bytes) = stream.try_next().await? {
            let wanted = LOOKED_AT.saturating_sub(head.len()).min(bytes.len());
            head.extend_from_slice(&bytes[..wanted]);
            digest.update(&bytes);
            found += bytes.len() as u64;
        }
        check_size(found, expected)?;
        content::check(&head, &expected.mime_type).map_err(|found| KeepError::Type { found })?;
        let checksum = hexadecimal(digest.finish().as_ref());
        if expected.checksum.as_ref().is_some_and(|expected| !expected.eq_ignore_ascii_case(&checksum)) {
            return Err(KeepError::Checksum { found: checksum });
        }
        Ok(checksum)
    }
}

fn check_size(found: u64, expected: &Expected) -> Result<(), KeepError> {
    if found == expected.byte_size { Ok(()) } else { Err(KeepError::Size { expected: expected.byte_size, found }) }
}

fn missing(error: object_store::Error) -> KeepError {
    match error {
        object_store::Error::NotFound { .. } => KeepError::Missing,
        error => error.into(),
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
