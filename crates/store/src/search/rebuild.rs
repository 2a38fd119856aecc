//! Makes the index of search anew from the rows, organization by organization and page by page, while others write.

use std::future::Future;

use tenantry_domain::attachment::Attachment;
use tenantry_domain::client::Client;
use tenantry_domain::comment::Comment;
use tenantry_domain::project::Project;
use tenantry_domain::search::{Indexed, SearchKind};
use tenantry_domain::task::Task;
use tenantry_domain::{Id as _, OrganizationId};
use uuid::Uuid;

use super::{ROWS_AT_ONCE, remove_rows};
use crate::error::StoreError;
use crate::pool::Store;
use crate::record::{self, Record};
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope as _, WriteScope};
use crate::sql::Sql;

/// How many rows one transaction puts into the index. They are locked meanwhile; and each may have a thousand terms.
const PAGE: i64 = 50;

/// How many rows that the index knows are looked for at a time.
const SWEPT: i64 = 1_000;

/// How often a transaction is tried again that lost against others.
const ATTEMPTS: u32 = 10;

/// Makes an organization's index anew, and tells from time to time how many more rows are in it. Every row is in it at every moment; when this
/// is cut off, what is done is done.
///
/// # Errors
/// Those of the database; [`StoreError::NotAMember`] when there is no such organization.
pub async fn rebuild(
    store: &Store,
    organization: OrganizationId,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), StoreError> {
    for kind in SearchKind::ALL {
        match kind {
            SearchKind::Client => rebuild_kind::<Client>(store, organization, progress).await?,
            SearchKind::Project => rebuild_kind::<Project>(store, organization, progress).await?,
            SearchKind::Task => rebuild_kind::<Task>(store, organization, progress).await?,
            SearchKind::Comment => rebuild_kind::<Comment>(store, organization, progress).await?,
            SearchKind::Attachment => rebuild_kind::<Attachment>(store, organization, progress).await?,
        }
    }
    sweep(store, organization).await
}

async fn rebuild_kind<R: Record>(
    store: &Store,
    organization: OrganizationId,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<(), StoreError> {
    let mut after = Some(Uuid::nil());
    while let Some(id) = after {
        let (last, rows) = persistently(|| rebuild_page::<R>(store, organization, id)).await?;
        after = last;
        progress(rows);
    }
    Ok(())
}

/// Tries again what lost against others: they lock rows in another order, or for longer than this waits.
async fn persistently<T, F>(mut work: impl FnMut() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let mut failed = 0;
    loop {
        match work().await {
            Err(error) if failed < ATTEMPTS && (error.is_retryable() || matches!(error, StoreError::Timeout(_))) => {
                failed += 1;
            }
            result => return result,
        }
    }
}

/// Puts the next rows into the index. Gives the last one, `None` when there are no more, and their number.
async fn rebuild_page<R: Record>(
    store: &Store,
    organization: OrganizationId,
    after: Uuid,
) -> Result<(Option<Uuid>, u64), StoreError> {
    let mut scope = WriteScope::open_system(store, organization).await?;
    // A change of one of them waits, so that the index does not get the row as it was before.
    let mut sql = record::select::<R>(&scope);
    sql.push(" AND t.id > ").bind(after).push(" ORDER BY t.id LIMIT ").bind(PAGE).push(" FOR NO KEY UPDATE OF t");
    let rows = scope.connection().fetch(sql).await?;
    let rows: Vec<R> = rows.iter().map(|row| record::read(scope.tenant(), row)).collect::<Result<_, _>>()?;
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id().as_uuid()).collect();
    let (last, count) = (ids.last().copied(), ids.len() as u64);
    scope.connection().execute(remove_rows(organization.as_uuid(), ids)).await?;
    for row in &rows {
        if let Some(indexed) = Indexed::of(row) {
            scope.index(None, indexed);
        }
    }
    scope.commit().await?;
    Ok((last, count))
}

/// Takes out of the index what it knows of rows that are gone.
async fn sweep(store: &Store, organization: OrganizationId) -> Result<(), StoreError> {
    let mut after = Some(Uuid::nil());
    while let Some(id) = after {
        after = persistently(|| sweep_page(store, organization, id)).await?;
    }
    Ok(())
}

async fn sweep_page(store: &Store, organization: OrganizationId, after: Uuid) -> Result<Option<Uuid>, StoreError> {
    let scope = WriteScope::open_system(store, organization).await?;
    // From each row to the next one, as `find` goes from word to word.
    let mut sql = Sql::new(
        "WITH RECURSIVE known AS ((SELECT s.entity_id, s.kind FROM app.search_terms s WHERE s.organization_id = $1",
    );
    sql.value(organization.as_uuid());
    sql.push(" AND s.entity_id > ")
        .bind(after)
        .push(" ORDER BY s.entity_id LIMIT 1) UNION ALL SELECT next.* FROM known k");
    sql.push(" CROSS JOIN LATERAL (SELECT s.entity_id, s.kind FROM app.search_terms s WHERE s.organization_id = $1");
    sql.push(" AND s.entity_id > k.entity_id ORDER BY s.entity_id LIMIT 1) next) SELECT k.entity_id, CASE k.kind");
    for kind in SearchKind::ALL {
        let Some(noun) = kind.noun() else { continue };
        sql.push(" WHEN '").push(kind.as_str()).push("' THEN EXISTS (SELECT FROM ").push(noun.info.table);
        sql.push(" t WHERE t.organization_id = $1 AND t.id = k.entity_id)");
    }
    // A kind that a newer version of this program knows stays.
    sql.push(" ELSE true END FROM known k LIMIT ").bind(SWEPT);
    let rows = scope.connection().fetch(sql).await?;
    let (mut last, mut gone) = (None, Vec::new());
    for row in rows.iter() {
        let (id, is_there): (Uuid, bool) = (row.get(0)?, row.get(1)?);
        last = Some(id);
        gone.extend((!is_there).then_some(id));
    }
    // Ids do not come again.
    for gone in gone.chunks(ROWS_AT_ONCE) {
        scope.connection().execute(remove_rows(organization.as_uuid(), gone.to_vec())).await?;
    }
    scope.commit().await?;
    Ok(last)
}
