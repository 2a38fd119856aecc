//! Attachments and uploads: what is announced, and which bytes rows refer to.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::attachment::{NewUpload, Upload};
use tenantry_domain::{AttachmentId, TaskId, UploadId};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::error::StoreError;
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// How long an upload can become an attachment.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(2);

/// The most uploads of one user in an organization that are neither attachments nor expired.
pub const MAX_OPEN: i64 = 100;

/// How many attachments are read at once.
const PAGE: i64 = 5_000;

/// How many uploads of the caller are open. Until the transaction ends, another one of the same user has to wait.
///
/// # Errors
/// Those of the database.
pub async fn lock_and_count_open(scope: &mut WriteScope) -> Result<i64, StoreError> {
    let (organization, user) = (scope.organization_id().as_uuid(), scope.actor().user_id.as_uuid());
    let mut sql = Sql::new("SELECT m.id FROM app.organization_members m WHERE m.organization_id = ");
    sql.bind(organization).push(" AND m.user_id = ").bind(user).push(" FOR NO KEY UPDATE OF m");
    scope.connection().execute(sql).await?;
    let mut sql = Sql::count("SELECT count(*) FROM app.uploads u WHERE u.organization_id = ");
    sql.bind(organization).push(" AND u.user_id = ").bind(user);
    sql.push(" AND u.expires_at > ").bind(scope.tenant().clock.now());
    scope.connection().fetch_count(sql).await
}

/// Keeps what the caller announces.
///
/// # Errors
/// A foreign-key violation when there is no such task.
pub async fn announce(scope: &mut WriteScope, announced: NewUpload) -> Result<Upload, StoreError> {
    let clock = &scope.tenant().clock;
    let now = clock.now();
    let upload = Upload { id: clock.new_id(), announced, expires_at: now + KEPT_FOR };
    let mut sql = Sql::new(
        "INSERT INTO app.uploads (organization_id, id, user_id, task_id, file_name, byte_size, mime_type, checksum, expires_at, \
         created_at, updated_at) VALUES (",
    );
    let NewUpload { task_id, file_name, byte_size, mime_type, checksum } = &upload.announced;
    sql.bind(scope.organization_id().as_uuid()).push(", ").bind(upload.id.as_uuid()).push(", ");
    sql.bind(scope.actor().user_id.as_uuid()).push(", ").bind(task_id.as_uuid()).push(", ");
    sql.bind(file_name.as_str()).push(", ").bind(*byte_size).push(", ").bind(mime_type.as_str()).push(", ");
    sql.bind(checksum.as_deref()).push(", ").bind(upload.expires_at).push(", ").bind(now).push(", ").bind(now);
    sql.push(")");
    scope.connection().execute(sql).await?;
    Ok(upload)
}

/// The caller's upload; `None` if it has expired, or is an attachment by now.
///
/// # Errors
/// Those of the database.
pub async fn upload(scope: &impl Scope, id: UploadId) -> Result<Option<Upload>, StoreError> {
    let mut sql = Sql::new(
        "SELECT u.id, u.task_id, u.file_name, u.byte_size, u.mime_type, u.checksum, u.expires_at FROM app.uploads u \
         WHERE u.organization_id = ",
    );
    sql.bind(scope.organization_id().as_uuid()).push(" AND u.id = ").bind(id.as_uuid());
    sql.push(" AND u.user_id = ").bind(scope.actor().user_id.as_uuid());
    sql.push(" AND u.expires_at > ").bind(scope.tenant().clock.now());
    let rows = scope.connection().fetch(sql).await?;
    rows.first().map(|row| read(&row)).transpose()
}

/// Takes the caller's upload away, to make an attachment of it; `false` if it is not there any more.
///
/// # Errors
/// Those of the database.
pub async fn take_upload(scope: &mut WriteScope, id: UploadId) -> Result<bool, StoreError> {
    let mut sql = Sql::new("DELETE FROM app.uploads u WHERE u.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND u.id = ").bind(id.as_uuid());
    sql.push(" AND u.user_id = ").bind(scope.actor().user_id.as_uuid());
    sql.push(" AND u.expires_at > ").bind(scope.tenant().clock.now());
    Ok(scope.connection().execute(sql).await? > 0)
}

fn read(row: &Row<'_>) -> Result<Upload, StoreError> {
    let announced = NewUpload {
        task_id: TaskId::from_uuid(row.get(1)?),
        file_name: row.get(2)?,
        byte_size: row.get(3)?,
        mime_type: row.get(4)?,
        checksum: row.get(5)?,
    };
    Ok(Upload { id: UploadId::from_uuid(row.get(0)?), announced, expires_at: row.get(6)? })
}

/// Notes that the bytes of all attachments on these tasks, which are locked, are to be deleted after the commit.
///
/// # Errors
/// Those of the database.
pub(crate) async fn discard_on(scope: &mut WriteScope, tasks: Vec<Uuid>) -> Result<(), StoreError> {
    let mut sql = Sql::new("SELECT a.storage_key FROM app.attachments a WHERE a.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND a.task_id = ANY(").bind(tasks).push(")");
    let rows = scope.connection().fetch(sql).await?;
    for row in rows.iter() {
        scope.discard(row.get(0)?);
    }
    Ok(())
}

/// The bytes that attachments of the organization refer to: the key, the attachment and when that was created.
///
/// # Errors
/// Those of the database.
pub async fn keys(scope: &impl Scope) -> Result<HashMap<String, (AttachmentId, DateTime<Utc>)>, StoreError> {
    let mut keys = HashMap::new();
    let mut after = Some(Uuid::nil());
    while let Some(id) = after {
        let mut sql =
            Sql::new("SELECT a.id, a.storage_key, a.created_at FROM app.attachments a WHERE a.organization_id = ");
        sql.bind(scope.organization_id().as_uuid()).push(" AND a.id > ").bind(id);
        sql.push(" ORDER BY a.id LIMIT ").bind(PAGE);
        let rows = scope.connection().fetch(sql).await?;
        after = None;
        for row in rows.iter() {
            let id = row.get(0)?;
            after = Some(id);
            keys.insert(row.get(1)?, (AttachmentId::from_uuid(id), row.get(2)?));
        }
    }
    Ok(keys)
}

/// Forgets the uploads of the organization that have expired; gives those that have not.
///
/// # Errors
/// Those of the database.
pub async fn sweep_uploads(scope: &mut WriteScope) -> Result<(u64, HashSet<UploadId>), StoreError> {
    let organization = scope.organization_id().as_uuid();
    let mut sql = Sql::new("DELETE FROM app.uploads u WHERE u.organization_id = ");
    sql.bind(organization).push(" AND u.expires_at <= ").bind(scope.tenant().clock.now());
    let swept = scope.connection().execute(sql).await?;
    let mut sql = Sql::new("SELECT u.id FROM app.uploads u WHERE u.organization_id = ");
    sql.bind(organization);
    let rows = scope.connection().fetch(sql).await?;
    let open = rows.iter().map(|row| row.get(0).map(UploadId::from_uuid)).collect::<Result<_, _>>()?;
    Ok((swept, open))
}
