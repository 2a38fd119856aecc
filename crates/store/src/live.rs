//! What happened since: reads of `app.activities` in the order in which its entries became visible. See `domain::live` for that order.

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

/// What is read of an entry.
const COLUMNS: &str =
    "t.organization_id, t.transaction_id, t.id, t.created_at, t.entity_type, t.entity_id, t.project_id";

/// Leaves out the months in which there is nothing new, and numbers that are of another cluster, where the entries were written: they are
/// higher than any here.
const LATELY: &str = " AND t.transaction_id < (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
    AND t.created_at > now() - interval '1 day' AND t.created_at < now() + interval '1 day' ORDER BY t.transaction_id LIMIT ";

/// How long a commit may take: an entry that became visible after a cursor was made is at most this much older than the cursor.
const LONGEST_COMMIT: TimeDelta = TimeDelta::minutes(10);

/// What happened between two snapshots, in all organizations.
#[derive(Debug)]
pub struct News {
    /// The later one. What it does not see is still to come.
    pub until: Snapshot,
    /// When it was taken, by the clock of the database.
    pub at: DateTime<Utc>,
    /// What it sees and the earlier one does not, in no order.
    pub happened: Vec<Happened>,
    /// Whether there is more.
    pub is_cut_off: bool,
    /// Organizations in which more happened in one transaction than is read; it counts as told.
    pub left_out: Vec<OrganizationId>,
}

/// What happened since a snapshot, about `limit` entries at most; nothing if there is no snapshot yet. The store must be connected as the worker's
/// role.
///
/// # Errors
/// Those of the database.
pub async fn news(worker: &Store, since: Option<&Snapshot>, limit: i64) -> Result<News, StoreError> {
    let mut sql = Sql::new("SELECT pg_current_snapshot()::text, now()");
    if let Some(since) = since {
        sql.push(", n.* FROM (SELECT 1) one LEFT JOIN (");
        // Each part is a look-up in the index. Together in one condition they would not be.
        let begin = ["(SELECT ", COLUMNS, " FROM app.activities t WHERE t.transaction_id "].concat();
        sql.push(&begin).push("= ANY(").bind(since.running().to_vec()).push(")").push(LATELY).bind(limit);
        sql.push(") UNION ALL ").push(&begin).push(">= ").bind(since.next()).push(LATELY).bind(limit);
        sql.push(")) n ON true");
    }
    let scope = WorkerScope::open(worker).await?;
    let rows = scope.connection().fetch(sql).await?;
    let Some(first) = rows.first() else { return Err(corrupt(0)) };
    let (text, at): (&str, _) = (first.get(0)?, first.get(1)?);
    let until: Snapshot = text.parse().map_err(|_| corrupt(0))?;
    let Some(since) = since else {
        return Ok(News { until, at, happened: Vec::new(), is_cut_off: false, left_out: Vec::new() });
    };
    let (mut happened, mut numbers) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in rows.iter() {
        if let Some(number) = row.get::<Option<i64>>(3)? {
            numbers.push(number);
            happened.extend(decode(&row, 2)?);
        }
    }
    numbers.sort_unstable();
    // Either part may have been cut off, within a transaction.
    let Some(end) = usize::try_from(limit).ok().and_then(|limit| numbers.get(limit.checked_sub(1)?)).copied() else {
        return Ok(News { until, at, happened, is_cut_off: false, left_out: Vec::new() });
    };
    let mut left_out = Vec::new();
    let end = if numbers.first() == Some(&end) {
        // One transaction fills it. It is not told, and those who follow have to ask for it.
        happened.clear();
        left_out = organizations_of(&scope, end).await?;
        end + 1
    } else {
        happened.retain(|one| one.transaction < end);
        end
    };
    scope.commit().await?;
    Ok(News { until: until.cut_off(since, end), at, happened, is_cut_off: true, left_out })
}

/// The organizations in which a transaction did something.
async fn organizations_of(scope: &WorkerScope, transaction: i64) -> Result<Vec<OrganizationId>, StoreError> {
    let mut sql = Sql::new("SELECT DISTINCT t.organization_id FROM app.activities t WHERE t.transaction_id = ");
    sql.bind(transaction).push(" AND t.created_at > now() - interval '1 day'");
    let rows = scope.connection().fetch(sql).await?;
    rows.iter().map(|row| Ok(OrganizationId::from_uuid(row.get(0)?))).collect()
}

/// What is left of the batch after a cursor, of what the scope's actor may see: at most `limit` entries after `last`, in their order. Some of
/// them may not be of the batch; see [`Cursor::is_before`].
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
    // A cursor may be forged, and then it can be long: so the database does not compare each row with all that it says.
    // The sum keeps the index of the numbers out of it, in which the entries of all organizations stand beside each other.
    sql.push(" AND t.transaction_id + 0 >= ").bind(cursor.before.first_unseen());
    sql.push(" AND t.transaction_id + 0 < ").bind(cursor.until.next());
    // A newer program may tell of other kinds.
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

/// What an entry is looked up by: its id, and the time when it was made.
pub type EntryKey = (ActivityId, DateTime<Utc>);

/// The entries with these ids, each made at this time, as far as the scope's actor sees them.
///
/// # Errors
/// Those of the database.
pub fn entries<'s>(scope: &'s ReadScope, keys: &[EntryKey]) -> Read<'s, HashMap<EntryKey, Arc<Activity>>> {
    let keys = keys.to_vec();
    many_of_months::<Activity>(scope, &keys)
        .map(move |found| keys.into_iter().filter_map(|key| Some((key, Arc::clone(found.get(&key.0)?)))).collect())
}

/// Where a reader of this scope has got to: they know all that it sees.
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

/// Whether what happened after a cursor is no longer told, or the cursor is of another database.
pub fn is_expired(cursor: &Cursor, now: DateTime<Utc>, current: &Snapshot) -> bool {
    cursor.at < now - KEPT || cursor.until.next() > current.next()
}

/// The roles of these users in these organizations at this time; none of those who are banned, or no members. The store must be connected as
/// the worker's role.
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
        // One that only a newer program knows gives no right here.
        if let Ok(role) = columns.parsed() {
            roles.insert(identity, role);
        }
    }
    Ok(roles)
}

/// Reads what happened from the columns that begin at `first`; `None` if they are null, or if a newer program told of a kind of things that
/// this one does not know.
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
