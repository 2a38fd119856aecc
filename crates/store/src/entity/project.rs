//! The table `app.projects`.

use sea_orm::entity::prelude::*;

/// A project.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "app", table_name = "projects")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub workspace_id: Uuid,
    pub client_id: Option<Uuid>,
    pub name: String,
    pub description: Option<String>,
    #[sea_orm(column_name = "type")]
    pub kind: String,
    pub status: String,
    pub currency: Option<String>,
    pub budget: Option<i64>,
    pub advance_received: Option<i64>,
    pub owner_id: Option<Uuid>,
    pub created_by: Option<Uuid>,
    pub start_date: Option<Date>,
    pub due_date: Option<Date>,
    pub github_url: Option<String>,
    pub notes: Option<String>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
