//! The table `app.transactions`.

use sea_orm::entity::prelude::*;

/// A transaction.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "app", table_name = "transactions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub kind: String,
    pub client_id: Option<Uuid>,
    pub project_id: Option<Uuid>,
    pub invoice_id: Option<Uuid>,
    pub amount: i64,
    pub currency: String,
    pub occurred_on: Date,
    pub method: Option<String>,
    pub reference: Option<String>,
    pub note: Option<String>,
    pub created_by: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
