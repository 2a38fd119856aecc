//! Live changes: reads of `app.activities` in the order of the commits. `domain::live` explains that order.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::activity::{Activity, EntityType};
use tenantry_domain::live::{Cursor, Happened, KEPT, Snapshot, Topic};
use tenantry_domain::{ActivityId, EntityId, Identity, OrganizationId, ProjectId, Role};
use tenantry_wire::Row;
use uuid::Uuid;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::pool::Store;
use crate::read::Read;
use crate::record::{Record as _, many_of_months};
use crate::scope::sealed::Sealed as _;
use crate::scope::{ReadScope, Scope as _, WorkerScope};
use crate::sql::Sql;

/// The columns that are read of an entry.
const COLUMNS: &str =
    "t.organization_id, t.transaction_id, t.id, t.created_at, t.entity_type, t.entity_id, t.project_id";

/// Narrows to the last day, so that older partitions are not read; and to transaction ids that this cluster has assigned. Entries that were
/// restored from another cluster may have higher ones.
const LATELY: &str = " AND t.transaction_id < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    AND t.created_at > now() - interval '1 day' AND t.created_at < now() + interval '1 day' ORDER BY t.transaction_id LIMIT ";

/// The longest that a commit may take. An entry that became visible after a cursor was made is at most this much older than the cursor.
const LONGEST_COMMIT: TimeDelta = TimeDelta::minutes(10);

/// The changes of all organizations between two snapshots.
#[derive(Debug)]
pub struct News {
    /// The later snapshot.
    pub until: Snapshot,
    /// When it was taken, by the clock of the database.
    pub at: DateTime<Utc>,
    /// The changes, in no particular order.
    pub happened: Vec<Happened>,
    /// Whether there are more changes, after `until`.
    pub is_cut_off: bool,
    /// The organizations of a transaction that has too many changes. They are not in `happened`.
    pub left_out: Vec<OrganizationId>,
}

/// The changes since a snapshot, at most about `limit`; without a snapshot, no changes. The store must be connected as the worker's role.
///
/// # Errors
/// Those of the database.
pub async fn news(worker: &Store, since: Option<&Snapshot>, limit: i64) -> Result<News, StoreError> {
    let mut sql = Sql::new("SELECT pg_current_snapshot()::text, now()");
    if let Some(since) = since {
        sql.push(", n.* FROM (SELECT 1) one LEFT JOIN (");
        // Two parts, because each alone uses the index, and one condition with OR would not.
        let begin = ["(SELECT ", COLUMNS, " FROM app.activities t WHERE t.transaction_id "].concat();
        sql.push(&begin).push("= ANY(").bind(since.running().to_vec()).push(")").push(LATELY).bind(limit);
        sql.push(") UNION ALL ").push(&begin).push(">= ").bind(since.next()).push(LATELY).bind(limit);
        sql.push(")) n ON true");
    }
    let scope = WorkerScope::open(worker).await?;
    let rows = scope.connection().fetch(sql).await?;
    let first = rows.first().ok_or_else(|| corrupt(0))?;
    let (text, at): (&str, _) = (first.get(0)?, first.get(1)?);
    let until: Snapshot = text.parse().map_err(|_| corrupt(0))?;
    let mut news = News { until, at, happened: Vec::new(), is_cut_off: false, left_out: Vec::new() };
    if let Some(since) = since {
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows.iter() {
            if let Some(id) = row.get::<Option<i64>>(3)? {
                ids.push(id);
                news.happened.extend(decode(&row, 2)?);
            }
        }
        ids.sort_unstable();
        // The limit may have cut off either part, in the middle of this transaction.
        let last = usize::try_from(limit).ok().and_then(|limit| ids.get(limit.checked_sub(1)?)).copied();
        if let Some(last) = last {
            news.is_cut_off = true;
            let end = if ids.first() == Some(&last) {
                // This transaction alone reaches the limit. It is skipped, or no poll would ever get past it.
                news.happened.clear();
                news.left_out = organizations_of(&scope, last).await?;
                last + 1
            } else {
                news.happened.retain(|one| one.transaction < last);
                last
            };
            news.until = news.until.cut_off(since, end);
        }
    }
    scope.commit().await?;
    Ok(news)
}

/// The organizations in which a transaction made changes.
async fn organizations_of(scope: &WorkerScope, transaction: i64) -> Result<Vec<OrganizationId>, StoreError> {
    let mut sql = Sql::new("SELECT DISTINCT t.organization_id FROM app.activities t WHERE t.transaction_id = ");
    sql.bind(transaction).push(" AND t.created_at > now() - interval '1 day'");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(OrganizationId::from_uuid(row.get(0)?))).collect()
}

/// The changes after a cursor in its batch that the scope's actor may see: at most `limit` entries after `last`, in order. The caller leaves out
/// those that are not in the batch, with [`Cursor::is_before`].
///
/// # Errors
/// Those of the database.
pub fn missed<'s>(
    scope: &'s ReadScope,
    topic: &Topic,
    cursor: &Cursor,
    last: Option<(DateTime<Utc>, ActivityId)>,
    limit: i64,
) -> Read<'s, Vec<Happened>> {
    let mut sql = Sql::new("SELECT ");
    sql.push(COLUMNS).push(" FROM app.activities t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    match last {
        Some((at, id)) => sql.push(" AND (t.created_at, t.id) > (").bind(at).push(", ").bind(id.as_uuid()).push(")"),
        None => sql.push(" AND t.created_at >= ").bind(cursor.at - LONGEST_COMMIT),
    };
    // Only the bounds of the snapshots are compared here: a forged cursor may have thousands of ids.
    // `+ 0` keeps PostgreSQL from using the index of transaction ids, which has the entries of all organizations.
    sql.push(" AND t.transaction_id + 0 >= ").bind(cursor.before.first_unseen());
    sql.push(" AND t.transaction_id + 0 < ").bind(cursor.until.next());
    // A newer version of the program may have written other kinds.
    let kinds = if topic.kinds().is_empty() { EntityType::ALL } else { topic.kinds() };
    sql.narrow_to_any("t.entity_type", kinds, |kind| kind.as_str());
    if let Some(project) = topic.project() {
        let project = sql.value(project.as_uuid());
        sql.push(" AND (t.project_id = ").push_placeholder(project);
        sql.push(" OR t.entity_type = 'project' AND t.entity_id = ").push_placeholder(project).push(")");
    }
    Activity::narrow_to_visible(scope.actor(), &mut sql);
    sql.push(" ORDER BY t.created_at, t.id LIMIT ").bind(limit);
    Read::rows(scope, sql, |_, rows| rows.iter().map(|row| decode(&row, 0)).filter_map(Result::transpose).collect())
}

/// The key of an entry: its id and its time.
pub type EntryKey = (ActivityId, DateTime<Utc>);

/// The entries with these keys that the scope's actor may see.
///
/// # Errors
/// Those of the database.
pub fn entries<'s>(scope: &'s ReadScope, keys: &[EntryKey]) -> Read<'s, HashMap<EntryKey, Arc<Activity>>> {
    let keys = keys.to_vec();
    many_of_months::<Activity>(scope, &keys)
        .map(move |found| keys.into_iter().filter_map(|key| Some((key, Arc::clone(found.get(&key.0)?)))).collect())
}

/// The position of a reader who has read everything in this scope.
///
/// # Errors
/// Those of the database.
pub fn here(scope: &ReadScope) -> Read<'_, Cursor> {
    let sql = Sql::new("SELECT pg_current_snapshot()::text, now()");
    Read::rows(scope, sql, |_, rows| {
        let row = rows.first().ok_or_else(|| corrupt(0))?;
        let text: &str = row.get(0)?;
        Ok(Cursor::at(text.parse().map_err(|_| corrupt(0))?, row.get(1)?))
    })
}

/// Whether a cursor is too old, or belongs to another database.
pub fn is_expired(cursor: &Cursor, now: DateTime<Utc>, current: &Snapshot) -> bool {
    cursor.at < now - KEPT || cursor.until.next() > current.next()
}

/// The current roles of these users in these organizations. Banned users and users who are not members are left out. The store must be connected
/// as the worker's role.
///
/// # Errors
/// Those of the database.
pub async fn roles(worker: &Store, identities: &[Identity]) -> Result<HashMap<Identity, Role>, StoreError> {
    let scope = WorkerScope::open(worker).await?;
    let mut sql = Sql::new("SELECT w.organization_id, w.user_id, m.role FROM unnest(");
    sql.bind(identities.iter().map(|identity| identity.organization_id.as_uuid()).collect::<Vec<_>>()).push(", ");
    sql.bind(identities.iter().map(|identity| identity.user_id.as_uuid()).collect::<Vec<_>>());
    // A lateral part that is limited looks each up by its key: see `Sql::for_each`.
    sql.push(") AS w (organization_id, user_id) CROSS JOIN LATERAL (SELECT m.role FROM app.organization_members m");
    sql.push(" WHERE m.organization_id = w.organization_id AND m.user_id = w.user_id LIMIT 1) m");
    sql.push(" CROSS JOIN LATERAL (SELECT u.id FROM auth.users u WHERE u.id = w.user_id");
    sql.push(" AND (u.banned_at IS NULL OR u.ban_expires_at <= ").bind(scope.clock().now()).push(") LIMIT 1) u");
    let rows = scope.connection().fetch(sql).await?;
    scope.commit().await?;
    let mut roles = HashMap::with_capacity(rows.len());
    for row in rows.iter() {
        let mut columns = Columns::new(row, "app.organization_members");
        let identity = Identity { organization_id: columns.id()?, user_id: columns.id()? };
        // A role that only a newer version of the program knows gives no rights here.
        if let Ok(role) = columns.parsed() {
            roles.insert(identity, role);
        }
    }
    Ok(roles)
}

/// Reads a change from the columns that begin at `first`; `None` if they are null, or if a newer version of the program wrote an unknown kind.
fn decode(row: &Row<'_>, first: usize) -> Result<Option<Happened>, StoreError> {
    let Some(organization) = row.get::<Option<Uuid>>(first)? else { return Ok(None) };
    let Ok(kind) = row.get::<&str>(first + 4)?.parse::<EntityType>() else { return Ok(None) };
    let project: Option<Uuid> = row.get(first + 6)?;
    Ok(Some(Happened {
        organization_id: OrganizationId::from_uuid(organization),
        transaction: row.get(first + 1)?,
        activity_id: ActivityId::from_uuid(row.get(first + 2)?),
        at: row.get(first + 3)?,
        kind,
        entity_id: EntityId::from_uuid(row.get(first + 5)?),
        project_id: project.map(ProjectId::from_uuid),
    }))
}

fn corrupt(column: usize) -> StoreError {
    StoreError::Corrupt { table: "app.activities", column }
}
