//! Grants: reads and writes of `app.workspace_members` and `app.project_members`.

use sea_orm::Set;
use sea_orm::sea_query::{ExprTrait, OnConflict};
use tenantry_domain::grant::{ProjectGrant, WorkspaceGrant};
use tenantry_domain::{Actor, Grant, ProjectId, ProjectMemberId, UserId, WorkspaceId, WorkspaceMemberId};

use crate::entity::{project_member, workspace_member};
use crate::error::StoreError;
use crate::record::{self, Record};
use crate::scope::sealed::Sealed as _;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

/// Declares how grants on one kind of thing are read and written.
macro_rules! grants {
    ($record:ident, $id:ident, $of:ident: $of_id:ident, $entity:ident, $table:literal, $column:literal, $narrow:ident,
     $find:ident, $put:ident, $remove:ident) => {
        impl Record for $record {
            type Entity = $entity::Entity;

            fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
                visibility::$narrow(actor, sql, concat!("t.", $column), "t.user_id");
            }
        }

        /// The user's grant, whoever asks, locked until the transaction ends.
        ///
        /// # Errors
        /// Those of the database.
        pub async fn $find(scope: &mut WriteScope, id: $of_id, user_id: UserId) -> Result<Option<$record>, StoreError> {
            let mut sql = record::select::<$record>(scope);
            sql.push(concat!(" AND t.", $column, " = ")).bind(id.as_uuid());
            sql.push(" AND t.user_id = ").bind(user_id.as_uuid()).push(" FOR NO KEY UPDATE OF t");
            let rows = scope.connection().fetch(sql).await?;
            rows.first().map(|row| record::read(scope.tenant(), row)).transpose()
        }

        /// Gives the user this grant, in place of the one that it may have.
        ///
        /// # Errors
        /// A foreign-key violation when the user is no member of the organization, or what is granted does not exist in it.
        pub async fn $put(
            scope: &mut WriteScope,
            id: $of_id,
            user_id: UserId,
            permission: Grant,
        ) -> Result<$record, StoreError> {
            let clock = &scope.tenant().clock;
            let (grant, now): ($id, _) = (clock.new_id(), clock.now());
            let row = $entity::ActiveModel {
                organization_id: Set(scope.organization_id().as_uuid()),
                id: Set(grant.as_uuid()),
                $of: Set(id.as_uuid()),
                user_id: Set(user_id.as_uuid()),
                permission: Set(permission.to_string()),
                created_at: Set(now),
                updated_at: Set(now),
            };
            let mut conflict = OnConflict::columns(["organization_id", $column, "user_id"]);
            conflict.update_columns(["permission", "updated_at"]);
            write::upsert(scope, row, conflict).await
        }

        /// Takes the user's grant away. Gives the id that it had, if there was one.
        ///
        /// # Errors
        /// Those of the database.
        pub async fn $remove(scope: &mut WriteScope, id: $of_id, user_id: UserId) -> Result<Option<$id>, StoreError> {
            let condition = write::is($column, id.as_uuid()).and(write::is("user_id", user_id.as_uuid()));
            write::delete_one::<$entity::Entity, $id>(scope, condition).await
        }
    };
}

grants!(
    WorkspaceGrant,
    WorkspaceMemberId,
    workspace_id: WorkspaceId,
    workspace_member,
    "app.workspace_members",
    "workspace_id",
    workspace_grants,
    on_workspace,
    put_on_workspace,
    remove_from_workspace
);

grants!(
    ProjectGrant,
    ProjectMemberId,
    project_id: ProjectId,
    project_member,
    "app.project_members",
    "project_id",
    project_grants,
    on_project,
    put_on_project,
    remove_from_project
);
