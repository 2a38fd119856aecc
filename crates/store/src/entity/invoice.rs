//! The table `app.invoices`.

use sea_orm::entity::prelude::*;

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "app", table_name = "invoices")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub(crate) id: Uuid,
    pub(crate) client_id: Option<Uuid>,
    pub(crate) project_id: Option<Uuid>,
    pub(crate) number: Option<String>,
    pub(crate) status: String,
    pub(crate) currency: String,
    pub(crate) issue_date: Date,
    pub(crate) due_date: Option<Date>,
    pub(crate) line_items: Json,
    pub(crate) subtotal: i64,
    pub(crate) tax_rate: Decimal,
    pub(crate) tax_amount: i64,
    pub(crate) total: i64,
    pub(crate) amount_paid: i64,
    pub(crate) notes: Option<String>,
    pub(crate) sent_at: Option<ChronoDateTimeUtc>,
    pub(crate) paid_at: Option<ChronoDateTimeUtc>,
    pub(crate) voided_at: Option<ChronoDateTimeUtc>,
    pub(crate) created_by: Option<Uuid>,
    pub(crate) created_at: ChronoDateTimeUtc,
    pub(crate) updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
