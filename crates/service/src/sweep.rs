//! Finds bytes without a row and rows without bytes. This is a background job without a user.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::causes::causes;
use tenantry_domain::{AttachmentId, OrganizationId, UploadId};
use tenantry_files::{Area, Files, FilesError, Stored};
use tenantry_store::{Store, StoreError, WriteScope, attachment, organization};

/// How old something without a row must be before it is deleted, unless asked otherwise. Longer than an upload takes to become an
/// attachment.
pub const GRACE: TimeDelta = TimeDelta::hours(24);

/// How a sweep goes about it.
#[derive(Debug, Clone, Copy)]
pub struct SweepOptions {
    /// How old something without a row must be before it is deleted.
    pub grace: TimeDelta,
    /// Whether what belongs to organizations that the database does not know is deleted as well. It may be the storage of another
    /// database.
    pub unknown_organizations: bool,
    /// Takes over a storage that belonged to another database.
    pub adopt: bool,
}

impl Default for SweepOptions {
    fn default() -> Self {
        Self { grace: GRACE, unknown_organizations: false, adopt: false }
    }
}

/// What a sweep found.
#[derive(Debug, Default)]
pub struct Swept {
    /// How many files without a row were deleted.
    pub files: usize,
    /// How many expired uploads were forgotten.
    pub uploads: u64,
    /// How many files were left alone because the database does not know their organization.
    pub unknown: usize,
    /// The attachments whose bytes are gone.
    pub lost: Vec<(OrganizationId, AttachmentId)>,
    /// The organizations that could not be swept.
    pub failed: Vec<(OrganizationId, SweepError)>,
}

/// Why something could not be swept.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The database failed.
    #[error("the database failed")]
    Store(#[from] StoreError),
    /// The storage belongs to another database, of which this one may be a copy.
    #[error(
        "the storage of files belongs to the database {0}; if it is to belong to this one, run `tenantry sweep --adopt` once"
    )]
    Foreign(String),
    /// The storage failed.
    #[error("the storage of files failed")]
    Files(#[from] FilesError),
}

/// Deletes the bytes that no row refers to, forgets the uploads that have expired, and finds the attachments whose bytes are gone, which
/// it leaves as they are. `progress` is told after each organization how many of how many are done.
///
/// `worker` is connected with the role of the worker. Several processes may do this at once, beside a running server, and it may be cancelled
/// at any point.
///
/// # Errors
/// When the organizations cannot be listed. What fails of one organization is in the result.
pub async fn sweep(
    worker: &Store,
    files: &Files,
    options: SweepOptions,
    progress: &mut (dyn FnMut(usize, usize) + Send),
) -> Result<Swept, SweepError> {
    claim(worker, files, options.adopt).await?;
    let mut known = organization::list_ids(worker).await?;
    known.sort_unstable();
    let stored = files.organizations().await?;
    let mut swept = Swept::default();
    sweep_purged(worker, files, &mut swept).await?;
    let purged: HashSet<_> = organization::list_purged(worker).await?.into_iter().map(|(id, _)| id).collect();
    let unknown = stored.into_iter().filter(|id| known.binary_search(id).is_err() && !purged.contains(id));
    let all: Vec<_> = known.iter().map(|id| (*id, true)).chain(unknown.map(|id| (id, false))).collect();
    for (n, (organization, is_known)) in all.iter().enumerate() {
        let done = if *is_known {
            sweep_organization(worker, files, *organization, options, &mut swept).await
        } else {
            sweep_unknown(worker, files, *organization, options, &mut swept).await
        };
        if let Err(error) = done {
            tracing::warn!(%organization, error = causes(&error), "the files of an organization could not be swept");
            swept.failed.push((*organization, error));
        }
        progress(n + 1, all.len());
    }
    let grace = options.grace.to_std().unwrap_or(Duration::ZERO);
    match files.remove_fragments(grace).await {
        Ok(removed) => swept.files += removed,
        Err(error) => tracing::warn!(error = causes(&error), "what is left of cut off transfers could not be swept"),
    }
    Ok(swept)
}

/// Sees that the storage belongs to this database. A copy of a database must not delete what came to the storage after it was made.
async fn claim(worker: &Store, files: &Files, adopt: bool) -> Result<(), SweepError> {
    let us = organization::database_identity(worker).await?;
    match files.owner().await? {
        Some(owner) if owner == us => Ok(()),
        Some(owner) if !adopt => Err(SweepError::Foreign(owner)),
        _ => Ok(files.set_owner(&us).await?),
    }
}

/// Deletes what organizations have left behind that were deleted. An address that was given out before is good for an hour, so one is
/// forgotten a day later.
async fn sweep_purged(worker: &Store, files: &Files, swept: &mut Swept) -> Result<(), SweepError> {
    let long_ago = worker.clock().now() - GRACE;
    for (id, purged_at) in organization::list_purged(worker).await? {
        let removed = files.remove_organization(id).await;
        match removed {
            Ok(removed) => {
                swept.files += removed;
                if purged_at < long_ago {
                    organization::forget_purged(worker, id).await?;
                }
            }
            Err(error) => swept.failed.push((id, error.into())),
        }
    }
    Ok(())
}

async fn sweep_organization(
    worker: &Store,
    files: &Files,
    organization: OrganizationId,
    options: SweepOptions,
    swept: &mut Swept,
) -> Result<(), SweepError> {
    let before = worker.clock().now() - options.grace;
    // What is stored is listed before the rows are read: the rows of all that is listed are there by then, or never.
    let (sent, kept) =
        (files.stored(Area::Uploads, organization).await?, files.stored(Area::Files, organization).await?);
    let mut scope = match WriteScope::open_system(worker, organization).await {
        // It was deleted in the meantime.
        Err(StoreError::NotAMember) => return Ok(()),
        scope => scope?,
    };
    let (expired, open) = attachment::sweep_uploads(&mut scope).await?;
    let rows = attachment::keys(&scope).await?;
    scope.commit().await?;
    swept.uploads += expired;

    let is_open = |stored: &Stored| upload_of(stored).is_some_and(|id| open.contains(&id));
    let orphans = sent.into_iter().filter(|sent| !is_open(sent));
    let orphans = orphans.chain(kept.iter().filter(|kept| !rows.contains_key(&kept.key)).cloned());
    swept.files += remove_older(files, orphans, before).await?;

    let kept: HashSet<&str> = kept.iter().map(|kept| kept.key.as_str()).collect();
    let lost = rows.iter().filter(|(key, (_, created_at))| !kept.contains(key.as_str()) && *created_at < before);
    swept.lost.extend(lost.map(|(_, (id, _))| (organization, *id)));
    Ok(())
}

/// Deletes what is left of an organization that is gone, if that is wanted.
async fn sweep_unknown(
    worker: &Store,
    files: &Files,
    organization: OrganizationId,
    options: SweepOptions,
    swept: &mut Swept,
) -> Result<(), SweepError> {
    let before = worker.clock().now() - options.grace;
    for area in Area::ALL {
        let stored = files.stored(area, organization).await?;
        if options.unknown_organizations {
            swept.files += remove_older(files, stored.into_iter(), before).await?;
        } else {
            swept.unknown += stored.len();
        }
    }
    Ok(())
}

async fn remove_older(
    files: &Files,
    orphans: impl Iterator<Item = Stored>,
    before: DateTime<Utc>,
) -> Result<usize, FilesError> {
    let old: Vec<String> = orphans.filter(|orphan| orphan.at < before).map(|orphan| orphan.key).collect();
    let count = old.len();
    files.remove(old).await?;
    Ok(count)
}

/// The upload that something was sent for.
fn upload_of(stored: &Stored) -> Option<UploadId> {
    let id = stored.key.rsplit('/').next()?.parse().ok()?;
    Some(UploadId::from_uuid(id))
}
