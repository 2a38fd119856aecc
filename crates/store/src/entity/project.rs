//! The table `app.projects`.

use sea_orm::entity::prelude::*;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "app", table_name = "projects")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) workspace_id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    #[sea_orm(column_name = "type")]
    pub(crate) kind: String,
    pub(crate) status: String,
    pub(crate) currency: Option<String>,
    pub(crate) budget: Option<i64>,
    pub(crate) advance_received: Option<i64>,
    pub(crate) owner_id: Option<Uuid>,
    pub(crate) start_date: Option<Date>,
    pub(crate) due_date: Option<Date>,
    pub(crate) github_url: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) created_at: ChronoDateTimeUtc,
    pub(crate) updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
