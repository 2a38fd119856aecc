//! Mutations that a client may send again with the same key: reads and writes of `app.idempotency_keys`.
//!
//! *Invariant:* a root field notes in the transaction of its own change that it was carried out. So a request that was cut off at
//! any point, also together with the whole server, is never carried out twice.

use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::IdempotencyKeyId;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// How long a key is kept. After that it means a new request.
pub const KEPT_FOR: TimeDelta = TimeDelta::hours(24);

/// How many expired keys of the organization each new one removes.
const SWEPT: i64 = 20;

/// A request that may come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// What the client calls it; it is the caller's own.
    pub key: String,
    /// The SHA-256 of what it asks for, in hexadecimal digits.
    pub fingerprint: String,
}

/// The right to carry out a request. A later attempt takes it away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    id: Uuid,
    attempt: i32,
}

/// What is to be done with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Carry it out.
    Claimed(Claim),
    /// It was carried out; this was the answer.
    Answered(String),
    /// It is being carried out.
    Running,
    /// The key belongs to another request.
    Reused,
    /// It was cut off after these root fields were carried out, and before there was an answer.
    CutOff(Vec<String>),
}

/// The row of a key.
struct Known {
    id: Uuid,
    fingerprint: String,
    attempt: i32,
    leased_until: DateTime<Utc>,
    committed: Vec<String>,
    answer: Option<String>,
    created_at: DateTime<Utc>,
}

impl Known {
    /// Whether the key means a new request by now. Not while the old one is being carried out.
    fn has_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.created_at + KEPT_FOR && (self.answer.is_some() || now >= self.leased_until)
    }

    /// What is to be done; `None` if this attempt may take the request over.
    fn verdict(self, request: &KeyedRequest, now: DateTime<Utc>) -> Option<Begun> {
        if self.has_expired(now) {
            None
        } else if self.fingerprint != request.fingerprint {
            Some(Begun::Reused)
        } else if let Some(answer) = self.answer {
            Some(Begun::Answered(answer))
        } else if now < self.leased_until {
            Some(Begun::Running)
        } else if self.committed.is_empty() {
            None
        } else {
            Some(Begun::CutOff(self.committed))
        }
    }
}

/// Decides what is to be done with the caller's request, and claims it for `lease` if it is to be carried out. The claim counts
/// once the scope is committed.
///
/// # Errors
/// Those of the database.
pub async fn begin(scope: &mut WriteScope, request: &KeyedRequest, lease: TimeDelta) -> Result<Begun, StoreError> {
    let now = scope.tenant().clock.now();
    // Most requests that come again are answered already: they write and lock nothing.
    if let Some(known) = find(scope, &request.key, false).await? {
        if let Some(begun) = known.verdict(request, now) {
            return Ok(begun);
        }
    } else if let Some(claim) = insert(scope, request, now, lease).await? {
        sweep(scope, now).await?;
        return Ok(Begun::Claimed(claim));
    }
    // Another request with this key was faster, or the row is to be taken over.
    let Some(known) = find(scope, &request.key, true).await? else { return Ok(Begun::Running) };
    let (id, attempt) = (known.id, known.attempt + 1);
    let has_expired = known.has_expired(now);
    if let Some(begun) = known.verdict(request, now) {
        return Ok(begun);
    }
    if has_expired {
        let mut sql = Sql::new("DELETE FROM app.idempotency_keys WHERE organization_id = ");
        sql.bind(scope.organization_id().as_uuid()).push(" AND id = ").bind(id);
        scope.connection().execute(sql).await?;
        let claim = insert(scope, request, now, lease).await?;
        return Ok(claim.map_or(Begun::Running, Begun::Claimed));
    }
    let mut sql = Sql::new("UPDATE app.idempotency_keys SET attempt = ");
    sql.bind(attempt).push(ATTEMPT).push(", leased_until = ").bind(now + lease).push(", updated_at = ").bind(now);
    sql.push(" WHERE organization_id = ").bind(scope.organization_id().as_uuid()).push(" AND id = ").bind(id);
    scope.connection().execute(sql).await?;
    Ok(Begun::Claimed(Claim { id, attempt }))
}

/// Some databases have the number of the attempt in 64 bits: for a few hours the migration said so. Cast, it is the same in all of them.
const ATTEMPT: &str = "::integer";

async fn find(scope: &WriteScope, key: &str, locked: bool) -> Result<Option<Known>, StoreError> {
    let mut sql = Sql::new("SELECT t.id, t.fingerprint, t.attempt");
    sql.push(ATTEMPT).push(
        ", t.leased_until, t.committed, t.answer, t.created_at \
         FROM app.idempotency_keys t WHERE t.organization_id = ",
    );
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.user_id = ").bind(scope.actor().user_id.as_uuid());
    sql.push(" AND t.key = ").bind(key);
    if locked {
        sql.push(" FOR UPDATE OF t");
    }
    let rows = scope.connection().fetch(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::new(row, "app.idempotency_keys");
    Ok(Some(Known {
        id: columns.next()?,
        fingerprint: columns.next()?,
        attempt: columns.next()?,
        leased_until: columns.time()?,
        committed: columns.next()?,
        answer: columns.next()?,
        created_at: columns.time()?,
    }))
}

/// Inserts the row of a new key; `None` if there is one already.
async fn insert(
    scope: &WriteScope,
    request: &KeyedRequest,
    now: DateTime<Utc>,
    lease: TimeDelta,
) -> Result<Option<Claim>, StoreError> {
    let id = scope.tenant().clock.new_id::<IdempotencyKeyId>().as_uuid();
    let mut sql = Sql::new(
        "INSERT INTO app.idempotency_keys (organization_id, id, user_id, key, fingerprint, leased_until, created_at, \
         updated_at) VALUES (",
    );
    sql.bind(scope.organization_id().as_uuid()).push(", ").bind(id);
    sql.push(", ").bind(scope.actor().user_id.as_uuid()).push(", ").bind(request.key.as_str());
    sql.push(", ").bind(request.fingerprint.as_str()).push(", ").bind(now + lease);
    sql.push(", ").bind(now).push(", ").bind(now).push(") ON CONFLICT (organization_id, user_id, key) DO NOTHING");
    let inserted = scope.connection().execute(sql).await?;
    Ok((inserted > 0).then_some(Claim { id, attempt: 1 }))
}

/// Removes a few of the organization's keys that have expired.
async fn sweep(scope: &WriteScope, now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM app.idempotency_keys WHERE organization_id = ");
    let organization = sql.value(scope.organization_id().as_uuid());
    sql.push_placeholder(organization);
    sql.push(" AND id = ANY(ARRAY(SELECT t.id FROM app.idempotency_keys t WHERE t.organization_id = ");
    sql.push_placeholder(organization).push(" AND t.created_at <= ").bind(now - KEPT_FOR);
    sql.push(" AND (t.answer IS NOT NULL OR t.leased_until <= ").bind(now).push(")");
    sql.push(" ORDER BY t.created_at, t.id LIMIT ").bind(SWEPT).push(" FOR UPDATE SKIP LOCKED))");
    scope.connection().execute(sql).await.map(drop)
}

/// Notes, in the transaction of the change, that this root field is carried out. Comes before the change, which may end the
/// membership and the key with it.
///
/// # Errors
/// [`StoreError::Superseded`] when another attempt has the claim, so that this one must not go on.
pub async fn note(scope: &mut WriteScope, claim: Claim, root: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE app.idempotency_keys SET committed = array_append(committed, ");
    sql.bind(root).push(")");
    if write(scope, claim, sql).await? { Ok(()) } else { Err(StoreError::Superseded) }
}

/// Keeps the answer.
///
/// # Errors
/// [`StoreError::Superseded`] when another attempt has the claim.
pub async fn finish(scope: &mut WriteScope, claim: Claim, answer: &str) -> Result<(), StoreError> {
    let mut sql = Sql::new("UPDATE app.idempotency_keys SET answer = ");
    sql.bind(answer);
    if write(scope, claim, sql).await? { Ok(()) } else { Err(StoreError::Superseded) }
}

/// Gives the claim back without an answer, so that the request may be sent again at once. If nothing was carried out, the key is free
/// for another request.
///
/// # Errors
/// Those of the database.
pub async fn abandon(scope: &mut WriteScope, claim: Claim) -> Result<(), StoreError> {
    let mut sql = Sql::new("DELETE FROM app.idempotency_keys WHERE organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND id = ").bind(claim.id);
    sql.push(" AND attempt = ").bind(claim.attempt).push(ATTEMPT).push(" AND answer IS NULL AND committed = '{}'");
    if scope.connection().execute(sql).await? > 0 {
        return Ok(());
    }
    let mut sql = Sql::new("UPDATE app.idempotency_keys SET leased_until = ");
    sql.bind(scope.tenant().clock.now());
    write(scope, claim, sql).await.map(drop)
}

/// Ends an update of the claim's row and runs it; tells whether the claim still holds.
async fn write(scope: &WriteScope, claim: Claim, mut sql: Sql) -> Result<bool, StoreError> {
    sql.push(", updated_at = ").bind(scope.tenant().clock.now());
    sql.push(" WHERE organization_id = ").bind(scope.organization_id().as_uuid()).push(" AND id = ").bind(claim.id);
    sql.push(" AND attempt = ").bind(claim.attempt).push(ATTEMPT).push(" AND answer IS NULL");
    Ok(scope.connection().execute(sql).await? > 0)
}
