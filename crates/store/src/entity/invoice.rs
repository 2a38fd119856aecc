//! The table `app.invoices`.

use sea_orm::entity::prelude::*;

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(schema_name = "app", table_name = "invoices")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub organization_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub client_id: Option<Uuid>,
    pub project_id: Option<Uuid>,
    pub kind: String,
    pub corrects_id: Option<Uuid>,
    pub number: Option<String>,
    pub status: String,
    pub currency: String,
    pub issue_date: Date,
    pub due_date: Option<Date>,
    pub dated_on_issue: bool,
    pub parties: Option<Json>,
    pub line_items: Json,
    pub subtotal: i64,
    pub discount_rate: Option<Decimal>,
    pub discount: i64,
    pub taxes: Option<Json>,
    pub tax_rate: Option<Decimal>,
    pub prices_include_tax: bool,
    pub tax_amount: i64,
    pub total: i64,
    pub amount_paid: i64,
    pub amount_credited: i64,
    pub notes: Option<String>,
    pub issued_at: Option<ChronoDateTimeUtc>,
    pub sent_at: Option<ChronoDateTimeUtc>,
    pub paid_at: Option<ChronoDateTimeUtc>,
    pub voided_at: Option<ChronoDateTimeUtc>,
    pub written_off_at: Option<ChronoDateTimeUtc>,
    pub created_by: Option<Uuid>,
    pub created_at: ChronoDateTimeUtc,
    pub updated_at: ChronoDateTimeUtc,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
