//! Members: reads and writes of `app.organization_members`, with what `auth.users` says of each.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::Query;
use sea_orm::{EntityName, Insert, QueryTrait, Set};
use tenantry_domain::member::Member;
use tenantry_domain::noun::Noun;
use tenantry_domain::{Actor, Role, UserId};

use crate::column_set::ColumnSet;
use crate::entity;
use crate::error::StoreError;
use crate::read::Read;
use crate::record::{Record, columns_of, many, uuids};
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

impl Record for Member {
    type Entity = entity::organization_member::Entity;

    /// A guest sees itself, and the members who are assigned to a task, own a project or wrote a comment that the guest sees.
    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        if actor.role != Role::Guest {
            return;
        }
        sql.push(" AND (t.user_id = ").bind(actor.user_id.as_uuid());
        sql.push(" OR EXISTS (SELECT 1 FROM app.projects p WHERE p.organization_id = $1 AND p.owner_id = t.user_id");
        visibility::projects(actor, sql, "p.workspace_id", "p.id");
        sql.push(") OR EXISTS (SELECT 1 FROM app.task_assignees a JOIN app.tasks k ON k.organization_id = $1");
        sql.push(" AND k.id = a.task_id WHERE a.organization_id = $1 AND a.user_id = t.user_id");
        visibility::rows_of_projects(actor, sql, "k.project_id");
        sql.push(") OR EXISTS (SELECT 1 FROM app.comments c WHERE c.organization_id = $1 AND c.author_id = t.user_id");
        visibility::rows_of_tasks(actor, sql, "c.task_id");
        sql.push("))");
    }

    fn as_seen_by(&mut self, tenant: &Tenant) {
        let actor = &tenant.actor;
        if actor.role == Role::Guest && actor.user_id != self.user_id {
            self.email = None;
        }
    }
}

/// The memberships of these users in the organization, in one statement; of each, these columns.
///
/// # Errors
/// Those of the database.
pub fn get_by_users<'s>(
    scope: &'s impl Scope,
    users: &[UserId],
    columns: ColumnSet,
) -> Read<'s, HashMap<UserId, Arc<Member>>> {
    let key = columns_of::<Member>("user_id");
    many(scope, "t.user_id", uuids(users), columns.and(key), |member: &Member| member.user_id)
}

/// How many members there are, counted no further than `up_to`.
///
/// # Errors
/// Those of the database.
pub async fn count_all(scope: &impl Scope, up_to: i64) -> Result<i64, StoreError> {
    // Ordered as an index is: without, the planner may take the few rows that are wanted for easily found, and read the whole
    // table where there are fewer.
    let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM app.organization_members t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid())
        .push(" ORDER BY t.joined_at, t.id LIMIT ")
        .bind(up_to)
        .push(") counted");
    scope.connection().fetch_count(sql).await
}

/// Locks the owners until the transaction ends; gives their number. Whoever changes who owns the organization takes this lock
/// first, so such changes happen one after the other, and must read every role it decides by after that: what the scope knew
/// of its actor may be history.
///
/// # Errors
/// Those of the database.
pub async fn lock_owners(scope: &mut WriteScope) -> Result<usize, StoreError> {
    // Ordered, so that two who come at once do not wait for each other. The weaker lock, because work that is assigned to an
    // owner meanwhile need not wait. An owner who is one no longer when the lock is had falls out of the result.
    let mut sql = Sql::new("SELECT t.id FROM app.organization_members t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    sql.push(" AND t.role = 'owner' ORDER BY t.id FOR NO KEY UPDATE OF t");
    Ok(scope.connection().fetch(sql).await?.len())
}

/// Makes a user a member.
///
/// # Errors
/// A unique violation when the user is one already; a foreign-key violation when there is no such user.
pub async fn create(
    scope: &mut WriteScope,
    user_id: UserId,
    role: Role,
    invited_by: Option<UserId>,
) -> Result<Option<Member>, StoreError> {
    let now = scope.tenant().clock.now();
    let row = entity::organization_member::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(user_id.as_uuid()),
        user_id: Set(user_id.as_uuid()),
        role: Set(role.to_string()),
        invited_by: Set(invited_by.map(|id| id.as_uuid())),
        joined_at: Set(now),
        created_at: Set(now),
        updated_at: Set(now),
    };
    scope.connection().execute(write::bound(&Insert::one(row).into_query())).await?;
    // The member's name and address stand in another table, which no RETURNING reaches.
    crate::get(scope, user_id).await
}

/// Changes the role of a member that was read in this scope.
///
/// # Errors
/// Those of the database.
pub async fn update_role(scope: &mut WriteScope, before: &Member, role: Role) -> Result<Option<Member>, StoreError> {
    let mut statement = Query::update();
    statement
        .table(entity::organization_member::Entity.table_ref())
        .value("role", role.to_string())
        .value("updated_at", write::next_update(&scope.tenant().clock, before.updated_at))
        .and_where(write::is("organization_id", scope.organization_id().as_uuid()))
        .and_where(write::is("id", before.id.as_uuid()));
    scope.connection().execute(write::bound(&statement)).await?;
    crate::get(scope, before.id).await
}

/// Ends a membership. The grants and assignments of the user go with it; projects stay, without an owner. Tells whether there
/// was one.
///
/// # Errors
/// Those of the database.
pub async fn delete(scope: &mut WriteScope, member: &Member) -> Result<bool, StoreError> {
    write::unlink(scope, Member::INFO.table, "user_id", member.user_id.as_uuid()).await?;
    write::delete::<Member>(scope, member.id).await
}
