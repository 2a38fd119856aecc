//! The index of search, `app.search_terms`: `find` looks things up in it, `rebuild` makes it anew; here is what writes it.

mod find;
mod rebuild;

use std::collections::BTreeMap;

use tenantry_domain::attachment::Attachment;
use tenantry_domain::comment::Comment;
use tenantry_domain::noun::Noun as _;
use tenantry_domain::search::{Indexed, Posting, Terms};
use tenantry_domain::{ProjectId, TaskId};
use uuid::Uuid;

use crate::attachment;
use crate::error::StoreError;
use crate::record::uuids;
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope as _, Tenant, WriteScope};
use crate::sql::Sql;

pub use find::{Asked, Found, find};
pub use rebuild::rebuild;

/// How many terms one statement puts into the index.
const AT_ONCE: usize = 10_000;

/// Of how many rows one statement changes all terms. Each has a thousand at most.
const ROWS_AT_ONCE: usize = 50;

/// What a transaction changes in the index; written together with its commit.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// The terms of rows as they are in the index, and the rows as they are to be in it.
    rows: BTreeMap<Uuid, (Terms, Indexed)>,
    /// Rows that are gone.
    gone: Vec<Uuid>,
}

impl Pending {
    /// A row is to be in the index as it is now. `before` is how it was, if it was there.
    pub(crate) fn set(&mut self, before: Option<Indexed>, now: Indexed) {
        match self.rows.get_mut(&now.id) {
            Some((_, row)) => *row = now,
            None => {
                self.rows.insert(now.id, (before.map(|before| before.terms).unwrap_or_default(), now));
            }
        }
    }

    /// A row is gone.
    pub(crate) fn remove(&mut self, id: Uuid) {
        self.rows.remove(&id);
        self.gone.push(id);
    }

    /// What it takes to write it; nothing if no term changed.
    pub(crate) fn statements(&self, tenant: &Tenant) -> Vec<Sql> {
        let organization = tenant.actor.organization_id.as_uuid();
        let (mut old, mut new) = (Vec::new(), Vec::new());
        for (before, row) in self.rows.values() {
            let left = before.keys().filter(|term| !row.terms.contains_key(*term));
            old.extend(left.map(|term| (row.id, term.as_str())));
            let changed = row.terms.iter().filter(|(term, posting)| before.get(*term) != Some(posting));
            new.extend(changed.map(|(term, posting)| (row, term.as_str(), *posting)));
        }
        let gone = (!self.gone.is_empty()).then(|| remove_rows(organization, self.gone.clone()));
        let old = (!old.is_empty()).then(|| remove_terms(organization, &old));
        let new = new.chunks(AT_ONCE).map(|new| put(organization, new));
        gone.into_iter().chain(old).chain(new).collect()
    }
}

/// Takes all terms of rows out of the index.
fn remove_rows(organization: Uuid, ids: Vec<Uuid>) -> Sql {
    let mut sql = Sql::new("DELETE FROM app.search_terms s WHERE s.organization_id = ");
    sql.bind(organization).push(" AND s.entity_id = ANY(").bind(ids).push(")");
    sql
}

fn remove_terms(organization: Uuid, terms: &[(Uuid, &str)]) -> Sql {
    let mut sql = Sql::new("DELETE FROM app.search_terms s USING unnest(");
    sql.bind(terms.iter().map(|(id, _)| *id).collect::<Vec<_>>()).push(", ");
    sql.bind(terms.iter().map(|(_, term)| *term).collect::<Vec<_>>());
    sql.push(") AS e (id, term) WHERE s.organization_id = ").bind(organization);
    sql.push(" AND s.entity_id = e.id AND s.term = e.term");
    sql
}

/// Puts terms of rows into the index, in place of what it knows of them.
fn put(organization: Uuid, terms: &[(&Indexed, &str, Posting)]) -> Sql {
    let ids = |id: fn(&Indexed) -> Option<Uuid>| terms.iter().map(|(row, ..)| id(row)).collect::<Vec<_>>();
    let mut sql = Sql::new(
        "INSERT INTO app.search_terms AS s (organization_id, entity_id, term, kind, project_id, weight, for_guests) SELECT ",
    );
    sql.bind(organization).push("::uuid, e.id, e.term, e.kind, coalesce(e.project_id, (SELECT k.project_id");
    sql.push(
        " FROM app.tasks k WHERE k.organization_id = $1 AND k.id = e.task_id)), e.weight, e.for_guests FROM unnest(",
    );
    sql.bind(terms.iter().map(|(row, ..)| row.id).collect::<Vec<_>>()).push(", ");
    sql.bind(terms.iter().map(|(_, term, _)| *term).collect::<Vec<_>>()).push(", ");
    sql.bind(terms.iter().map(|(row, ..)| row.kind.as_str()).collect::<Vec<_>>()).push(", ");
    sql.bind(ids(|row| row.project_id)).push(", ").bind(ids(|row| row.task_id)).push(", ");
    sql.bind(terms.iter().map(|(.., posting)| posting.weight).collect::<Vec<_>>()).push(", ");
    sql.bind(terms.iter().map(|(.., posting)| posting.for_guests).collect::<Vec<_>>());
    sql.push(") AS e (id, term, kind, project_id, task_id, weight, for_guests)");
    sql.push(" ON CONFLICT (organization_id, entity_id, term) DO UPDATE");
    sql.push(" SET weight = excluded.weight, for_guests = excluded.for_guests");
    sql
}

/// Takes what the index knows of tasks, and of what is on them, along to another project.
///
/// # Errors
/// Those of the database.
pub async fn follow_tasks(scope: &mut WriteScope, tasks: &[TaskId], project: ProjectId) -> Result<(), StoreError> {
    let rows = with_what_is_on_them(scope, tasks).await?;
    for rows in rows.chunks(ROWS_AT_ONCE) {
        let mut sql = Sql::new("UPDATE app.search_terms s SET project_id = ");
        sql.bind(project.as_uuid()).push(" WHERE s.organization_id = ").bind(scope.organization_id().as_uuid());
        sql.push(" AND s.entity_id = ANY(").bind(rows.to_vec()).push(")");
        scope.connection().execute(sql).await?;
    }
    let pending = &mut scope.search().rows;
    for id in rows {
        if let Some((_, row)) = pending.get_mut(&id).filter(|(_, row)| row.project_id.is_some()) {
            row.project_id = Some(project.as_uuid());
        }
    }
    Ok(())
}

/// Takes tasks that are about to be deleted out of the index, with what is on them.
///
/// # Errors
/// Those of the database.
pub async fn forget_tasks(scope: &mut WriteScope, tasks: &[TaskId]) -> Result<(), StoreError> {
    // A comment that is being written keeps a lock on its task.
    let mut sql = Sql::new("SELECT t.id FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.id = ANY(").bind(uuids(tasks));
    sql.push(") ORDER BY t.id FOR UPDATE OF t");
    scope.connection().execute(sql).await?;
    forget(scope, tasks).await
}

/// Takes all that is in a project that is about to be deleted out of the index.
///
/// # Errors
/// Those of the database.
pub async fn forget_project(scope: &mut WriteScope, project: ProjectId) -> Result<(), StoreError> {
    let mut sql = Sql::new("SELECT t.id FROM app.tasks t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid()).push(" AND t.project_id = ").bind(project.as_uuid());
    // A comment that is being written keeps a lock on its task.
    sql.push(" ORDER BY t.id FOR UPDATE OF t");
    let rows = scope.connection().fetch(sql).await?;
    let tasks: Vec<TaskId> = rows.iter().map(|row| row.get(0).map(TaskId::from_uuid)).collect::<Result<_, _>>()?;
    forget(scope, &tasks).await
}

/// Takes tasks that are locked out of the index, with what is on them.
async fn forget(scope: &mut WriteScope, tasks: &[TaskId]) -> Result<(), StoreError> {
    attachment::discard_on(scope, uuids(tasks)).await?;
    let rows = with_what_is_on_them(scope, tasks).await?;
    let organization = scope.organization_id().as_uuid();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        scope.connection().execute(remove_rows(organization, rows.to_vec())).await?;
    }
    for id in rows {
        scope.search().rows.remove(&id);
    }
    Ok(())
}

/// The ids of tasks and of the comments and attachments on them, which are locked.
async fn with_what_is_on_them(scope: &mut WriteScope, tasks: &[TaskId]) -> Result<Vec<Uuid>, StoreError> {
    let mut ids = uuids(tasks);
    for table in [Comment::INFO.table, Attachment::INFO.table] {
        let mut sql = Sql::new("SELECT t.id FROM ");
        sql.push(table).push(" t WHERE t.organization_id = ").bind(scope.organization_id().as_uuid());
        // `rebuild` may be writing what it knows of them.
        sql.push(" AND t.task_id = ANY(").bind(uuids(tasks)).push(") ORDER BY t.id FOR NO KEY UPDATE OF t");
        let rows = scope.connection().fetch(sql).await?;
        for row in rows.iter() {
            ids.push(row.get(0)?);
        }
    }
    Ok(ids)
}
