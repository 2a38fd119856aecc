//! Attachments: announced, sent to the storage of files, checked there, and only then a row.

use std::sync::Arc;

use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::attachment::{Attachment, AttachmentChanges, NewAttachment, NewUpload, Upload};
use tenantry_domain::causes::causes;
use tenantry_domain::noun::Noun as _;
use tenantry_domain::{AttachmentId, FieldError, FieldErrorCode, Identity, UploadId, UserId};
use tenantry_files::{Expected, Files, KeepError, Kept, Link};
use tenantry_store::{ReadScope, Scope as _, Store, StoreError, WriteScope, attachment as store};

use tokio::time::Instant;

use crate::authorize::{authorize_at_all, authorize_in_task};
use crate::error::ServiceError;
use crate::noun::{self, Served};
use crate::{FileStorage, Service};

impl Served for Attachment {
    type New = NewAttachment;
    type Changes = AttachmentChanges;

    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        _: &AttachmentChanges,
        before: &Self,
        _: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        check_sender(scope, before)?;
        Ok(Vec::new())
    }

    async fn before_delete(scope: &mut WriteScope, row: &Self) -> Result<(), ServiceError> {
        check_sender(scope, row)?;
        scope.discard(row.storage_key.clone());
        Ok(())
    }
}

/// An attachment is changed by who sent it, and by who runs the organization.
fn check_sender(scope: &WriteScope, attachment: &Attachment) -> Result<(), ServiceError> {
    let actor = scope.actor();
    let may = actor.role.sees_everything() || attachment.uploaded_by == Some(actor.user_id);
    if may { Ok(()) } else { Err(ServiceError::Forbidden) }
}

/// The storage of files.
///
/// # Errors
/// [`ServiceError::Refused`] if the server has none.
pub fn storage(service: &Service) -> Result<&FileStorage, ServiceError> {
    service.files().ok_or_else(|| {
        let message = "This server has no storage of files.";
        FieldError { code: FieldErrorCode::NotConfigured, field: Vec::new(), message: message.to_owned() }.into()
    })
}

/// Announces a file of at most `max` bytes. It is not an attachment before it was sent and completed.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, a task that is not there, and a caller who has too many
/// open uploads.
pub async fn announce(scope: &mut WriteScope, max: i32, new: NewUpload) -> Result<Upload, ServiceError> {
    authorize_at_all(scope, Attachment::INFO.write)?;
    let new = new.checked(max)?;
    authorize_in_task(scope, Attachment::INFO.write, new.task_id, "taskId", "task").await?;
    if store::lock_and_count_open(scope).await? >= store::MAX_OPEN {
        let message = format!(
            "You have {} uploads that are not completed; complete them, or wait until the oldest expires.",
            store::MAX_OPEN
        );
        return Err(refused(FieldErrorCode::OutOfRange, &[], message));
    }
    Ok(store::announce(scope, new).await?)
}

/// The address to which an upload is to be sent.
///
/// # Errors
/// [`ServiceError::Files`].
pub async fn link(files: &Files, caller: Identity, upload: &Upload) -> Result<Link, ServiceError> {
    let size = u64::try_from(upload.announced.byte_size).unwrap_or_default();
    let id = upload.id.as_uuid();
    Ok(files.upload_link(caller.organization_id, id, size, &upload.announced.mime_type).await?)
}

/// What was sent for an upload.
#[derive(Debug, Clone)]
pub struct Sent {
    id: UploadId,
    /// What is kept and has no row yet; `None` if the upload is an attachment already, or was never announced, or nothing was sent for it.
    kept: Option<(Upload, Arc<Kept>)>,
    /// Whether it was announced, and nothing was sent.
    is_missing: bool,
}

/// Checks what was sent for the caller's upload, and keeps it where it does not change any more. No transaction is open while that is read.
/// It goes on after the deadline, and is not done twice if it is asked for again.
///
/// # Errors
/// [`ServiceError::Refused`] when it is not as announced; [`ServiceError::Files`], and those of the database; among them
/// [`StoreError::OutOfTime`] when the deadline passed.
pub async fn check(
    database: &Store,
    files: &Files,
    caller: Identity,
    id: UploadId,
    deadline: Option<Instant>,
) -> Result<Sent, ServiceError> {
    let upload = {
        let scope = ReadScope::open(database, caller).await?;
        authorize_at_all(&scope, Attachment::INFO.write)?;
        store::upload(&scope, id).await?
    };
    let Some(upload) = upload else { return Ok(Sent { id, kept: None, is_missing: false }) };
    let expected = Expected {
        byte_size: u64::try_from(upload.announced.byte_size).unwrap_or_default(),
        mime_type: upload.announced.mime_type.clone(),
        checksum: upload.announced.checksum.clone(),
    };
    let keep = files.keep(caller.organization_id, id.as_uuid(), expected);
    let kept = match deadline {
        None => keep.await,
        Some(deadline) => tokio::time::timeout_at(deadline, keep).await.map_err(|_| StoreError::OutOfTime)?,
    };
    match kept {
        Ok(kept) => Ok(Sent { id, kept: Some((upload, kept)), is_missing: false }),
        // It may be an attachment by now.
        Err(error) if matches!(*error, KeepError::Missing) => Ok(Sent { id, kept: None, is_missing: true }),
        Err(error) => Err(name(&error, &upload)),
    }
}

/// Makes an attachment of what was sent. Done again, it gives the same one.
///
/// # Errors
/// As [`noun::create`]; [`ServiceError::Refused`] when there is no such upload, or nothing was sent for it.
pub async fn complete(scope: &mut WriteScope, billing: &Billing, sent: Sent) -> Result<Attachment, ServiceError> {
    let write = Attachment::INFO.write;
    authorize_at_all(scope, write)?;
    let id = AttachmentId::from_uuid(sent.id.as_uuid());
    if let Some((upload, kept)) = sent.kept {
        let NewUpload { task_id, file_name, byte_size, mime_type, .. } = upload.announced;
        // The task before what is announced for it, as a deletion of the task locks both.
        authorize_in_task(scope, write, task_id, "id", "upload").await?;
        if store::take_upload(scope, sent.id).await? {
            let (storage_key, checksum) = (kept.key().to_owned(), kept.checksum().to_owned());
            let new = NewAttachment { task_id, file_name, byte_size, mime_type, checksum, storage_key };
            let made = noun::create_as(scope, billing, Some(id), new).await.map_err(of_the_task)?;
            kept.leave();
            return Ok(made);
        }
    }
    let found: Option<Attachment> = tenantry_store::get(scope, id).await?;
    let me: Option<UserId> = Some(scope.actor().user_id);
    match found.filter(|found| found.uploaded_by == me) {
        Some(found) => Ok(found),
        None if sent.is_missing => {
            let message = "Nothing was sent to the address of this upload.";
            Err(FieldError::new(FieldErrorCode::Invalid, "id", message).into())
        }
        None => Err(FieldError::not_found("id", "upload").into()),
    }
}

/// Clears away what the client sent, once it is an attachment. What fails here is found by the sweep.
pub async fn settle(files: &Files, caller: Identity, id: UploadId) {
    files.forget(id.as_uuid());
    if let Err(error) = files.remove_upload(caller.organization_id, id.as_uuid()).await {
        tracing::warn!(error = causes(&error), "what was sent for an upload stays until the next sweep");
    }
}

/// What the caller did not name cannot be wrong in what it gave.
fn of_the_task(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Refused(faults) if faults.0.iter().any(|fault| fault.code == FieldErrorCode::NotFound) => {
            FieldError::not_found("id", "upload").into()
        }
        error => error,
    }
}

/// What is wrong with what was sent.
fn name(error: &Arc<KeepError>, upload: &Upload) -> ServiceError {
    let message = match &**error {
        KeepError::Files(_) | KeepError::Interrupted | KeepError::Missing => {
            return ServiceError::Files(Arc::clone(error));
        }
        KeepError::Size { expected, found } => {
            format!("{found} bytes were sent, and {expected} were announced.")
        }
        KeepError::Checksum { found } => {
            format!("The SHA-256 of what was sent is {found}, and another one was announced.")
        }
        KeepError::Type { found } => {
            let announced = &upload.announced.mime_type;
            match found {
                Some(found) => format!("What was sent is of the type {found}, and {announced} was announced."),
                None => format!("What was sent is not of the type {announced}."),
            }
        }
    };
    refused(FieldErrorCode::Invalid, &["id"], message)
}

fn refused(code: FieldErrorCode, field: &[&str], message: String) -> ServiceError {
    FieldError { code, field: field.iter().map(|name| (*name).to_owned()).collect(), message }.into()
}
