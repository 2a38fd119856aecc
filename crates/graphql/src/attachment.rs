//! Attachments: how they are sent and fetched.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use tenantry_domain::attachment::{Attachment as Record, NewUpload};
use tenantry_domain::{TaskId, UploadId};
use tenantry_executor::mutation::{caller, deadline, membership};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_files::{Download, Link};
use tenantry_service::{FileStorage, Service, ServiceError, attachment as service};

use crate::error::sort;
use crate::mutation::{payload, write};
use crate::noun::{Mutations, Row, Shown};

impl Shown for Record {
    type More = AttachmentMore;

    fn mutations() -> Option<Mutations> {
        Some(
            Mutations::of::<Self>("")
                .without_create()
                .with_update_note("Only who sent it, owners and admins may change it.")
                .with_delete_note("Its bytes are deleted, too. Only who sent it, owners and admins may delete it."),
        )
    }
}

/// Fields of an attachment beside those that are declared.
pub(crate) struct AttachmentMore(Arc<Record>);

impl From<Arc<Record>> for AttachmentMore {
    fn from(attachment: Arc<Record>) -> Self {
        Self(attachment)
    }
}

#[Object]
impl AttachmentMore {
    /// Where its bytes are for the next five minutes; null if this server has no storage of files.
    async fn download(&self, context: &Context<'_>) -> Result<Option<Ordered<AttachmentDownload>>> {
        let Some(FileStorage { files, .. }) = context.data_unchecked::<Service>().files() else { return Ok(None) };
        let Record { storage_key, file_name, mime_type, .. } = &*self.0;
        let link = files.download_link(Download { key: storage_key, file_name, mime_type }).await;
        match sort(link.map_err(ServiceError::from))? {
            Ok(link) => Ok(Some(Ordered(link.into()))),
            // A failure of the storage is no refusal.
            Err(_) => Ok(None),
        }
    }
}

/// An address from which a file can be fetched by GET, without a token. A browser saves it under its name, and does not show it.
#[derive(SimpleObject)]
pub(crate) struct AttachmentDownload {
    /// The address.
    url: String,
    /// When the address stops being good.
    expires_at: Timestamp,
}

impl From<Link> for AttachmentDownload {
    fn from(link: Link) -> Self {
        Self { url: link.url, expires_at: Timestamp(link.expires_at) }
    }
}

/// A file that is announced.
#[derive(InputObject)]
pub(crate) struct CreateUploadInput {
    /// The task that it will be on.
    task_id: GlobalId<TaskId>,
    /// Its name, at most 255 characters, without slashes.
    file_name: String,
    /// How many bytes it has; at least one, and at most as many as the server takes.
    byte_size: i32,
    /// Its media type, such as `image/png`; `application/octet-stream` if there is no better one.
    mime_type: String,
    /// Its SHA-256 in hexadecimal digits, if what arrives is to be compared with it.
    checksum: Option<String>,
}

/// Which upload to complete.
#[derive(InputObject)]
pub(crate) struct CompleteUploadInput {
    /// The upload's id.
    id: GlobalId<UploadId>,
}

/// A file that was announced, and is to be sent.
#[derive(SimpleObject)]
pub(crate) struct Upload {
    /// Its id, for `completeUpload`.
    id: GlobalId<UploadId>,
    /// The address to send its bytes to, by PUT.
    url: String,
    /// The headers to send with them, exactly as they stand here. No token is needed.
    headers: Vec<Ordered<UploadHeader>>,
    /// When the address stops being good. What was sent by then can be completed for two hours after it was announced.
    expires_at: Timestamp,
}

/// A header of an upload.
#[derive(SimpleObject)]
pub(crate) struct UploadHeader {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

impl Upload {
    fn new(id: UploadId, link: Link) -> Self {
        let header = |(name, value): (&'static str, String)| Ordered(UploadHeader { name: name.to_owned(), value });
        let headers = link.headers.into_iter().map(header).collect();
        Self { id: GlobalId(id), url: link.url, headers, expires_at: Timestamp(link.expires_at) }
    }
}

payload! {
    /// The result of announcing a file.
    CreateUploadPayload {
        /// The upload.
        upload: Ordered<Upload>
    }
}

payload! {
    /// The result of completing an upload.
    CompleteUploadPayload {
        /// The new attachment.
        attachment: Resolved<Row<Record>>
    }
}

/// Root fields with which files are sent.
#[derive(Default)]
pub(crate) struct AttachmentMutation;

#[Object]
impl AttachmentMutation {
    /// Announces a file for a task. Send its bytes by PUT to the address that you get, with the headers that you get, and call
    /// `completeUpload` then.
    async fn create_upload(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The file.")] input: CreateUploadInput,
    ) -> Result<Option<Ordered<CreateUploadPayload>>> {
        let service = context.data_unchecked::<Service>();
        let FileStorage { files, max_byte_size } = match sort(service::storage(service))? {
            Ok(storage) => storage.clone(),
            Err(refused) => return Ok(Some(Err::<Ordered<Upload>, _>(refused).into())),
        };
        let new = NewUpload {
            task_id: input.task_id.0,
            file_name: input.file_name,
            byte_size: input.byte_size,
            mime_type: input.mime_type,
            checksum: input.checksum,
        };
        let announced = write(context, |scope| {
            let new = new.clone();
            Box::pin(async move { service::announce(scope, max_byte_size, new).await })
        });
        let result = match announced.await? {
            Ok(upload) => {
                let link = sort(service::link(&files, caller(context)?, &upload).await)?;
                link.map(|link| Ordered(Upload::new(upload.id, link)))
            }
            Err(refused) => Err(refused),
        };
        Ok(Some(result.into()))
    }

    /// Makes an attachment of a file that was sent. It is refused unless its size, its type and, if that was announced, its SHA-256 are
    /// as announced; then it can be sent again. Calling this again gives the same attachment. A large file takes a while to check: if the request is
    /// out of time, call this again.
    async fn complete_upload(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The upload.")] input: CompleteUploadInput,
    ) -> Result<Option<Ordered<CompleteUploadPayload>>> {
        let service = context.data_unchecked::<Service>();
        let refuse = |refused| Ok(Some(Err::<Arc<Record>, _>(refused).into()));
        let files = match sort(service::storage(service))? {
            Ok(storage) => storage.files.clone(),
            Err(refused) => return refuse(refused),
        };
        let caller = caller(context)?;
        let sent = match sort(service::check(service.store(), &files, caller, input.id.0, deadline(context)).await)? {
            Ok(sent) => sent,
            Err(refused) => {
                membership(context).prove();
                return refuse(refused);
            }
        };
        let billing = service.billing().clone();
        let result = write(context, |scope| {
            let (billing, sent) = (billing.clone(), sent.clone());
            Box::pin(async move { service::complete(scope, &billing, sent).await })
        });
        let result = result.await?;
        if result.is_ok() {
            service::settle(&files, caller, input.id.0).await;
        }
        Ok(Some(result.map(Arc::new).into()))
    }
}
