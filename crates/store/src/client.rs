//! Clients: reads and writes of `app.clients`.

use chrono::{DateTime, Utc};
use sea_orm::Set;
use tenantry_domain::client::{Client, ClientChanges, ClientStatus, NewClient};
use tenantry_domain::{Actor, Change, ClientId, Role};

use crate::column_set::ColumnSet;
use crate::columns::Columns;
use crate::entity;
use crate::error::StoreError;
use crate::page::{NAME, SortKey, SortKind, SortValue};
use crate::record::{Record, Relation};
use crate::scope::{Scope, Tenant, WriteScope};
use crate::sql::Sql;
use crate::{visibility, write};

/// What a list of clients can be narrowed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ClientFilter {
    /// Only clients of these statuses; empty means any.
    pub status: Vec<ClientStatus>,
    /// Only clients made at or after this time.
    pub created_from: Option<DateTime<Utc>>,
    /// Only clients made before this time.
    pub created_before: Option<DateTime<Utc>>,
}

/// What a list of clients can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ClientSort {
    /// When the row was made.
    #[default]
    CreatedAt,
    /// By name.
    Name,
}

/// Clients are reached from nothing but the organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ClientParent {}

impl Record for Client {
    type Id = ClientId;
    type Filter = ClientFilter;
    type SortField = ClientSort;
    type Parent = ClientParent;

    const NAME: &'static str = "app.clients";
    const FROM: &'static str = "app.clients t";
    const COLUMNS: &'static [&'static str] = &[
        "t.id",
        "t.organization_id",
        "t.name",
        "t.email",
        "t.phone",
        "t.company",
        "t.status",
        "t.notes",
        "t.created_at",
        "t.updated_at",
    ];

    fn id(&self) -> ClientId {
        self.id
    }

    fn decode(columns: &mut Columns<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: columns.id()?,
            organization_id: columns.id()?,
            name: columns.next()?,
            email: columns.next()?,
            phone: columns.next()?,
            company: columns.next()?,
            status: columns.optional_parsed()?,
            notes: columns.next()?,
            created_at: columns.time()?,
            updated_at: columns.time()?,
        })
    }

    fn narrow_to_visible(actor: &Actor, sql: &mut Sql) {
        visibility::clients(actor, sql, "t.id");
    }

    /// A guest sees a client only by name. (When it was made can be read off its id, so that is no secret; when it last
    /// changed is.)
    fn as_seen_by(&mut self, tenant: &Tenant) {
        if tenant.actor.role == Role::Guest {
            (self.email, self.phone, self.company, self.notes) = (None, None, None, None);
            self.status = None;
            self.updated_at = self.created_at;
        }
    }

    fn narrow(filter: &ClientFilter, tenant: &Tenant, sql: &mut Sql) {
        if tenant.actor.role == Role::Guest && !filter.status.is_empty() {
            // What a guest does not see it cannot look for either: to a guest no client has a status.
            sql.push(" AND false");
        }
        sql.narrow_to_any("t.status", &filter.status, |status| status.as_str());
        sql.narrow_to_range("t.created_at", filter.created_from, filter.created_before);
    }

    fn sort_keys(field: ClientSort) -> &'static [SortKey] {
        match field {
            ClientSort::CreatedAt => &[SortKey { expression: "t.created_at", kind: SortKind::Time }],
            ClientSort::Name => &[NAME],
        }
    }

    fn sort_columns(field: ClientSort) -> ColumnSet {
        let names: &[&str] = match field {
            ClientSort::CreatedAt => &["created_at"],
            ClientSort::Name => &["name"],
        };
        ColumnSet::of(Self::COLUMNS, names)
    }

    fn sort_values(&self, field: ClientSort) -> Vec<SortValue> {
        match field {
            ClientSort::CreatedAt => vec![SortValue::Time(self.created_at)],
            ClientSort::Name => vec![SortValue::Text(self.name.clone())],
        }
    }

    fn relation(parent: ClientParent) -> Relation {
        match parent {}
    }
}

/// Inserts a client that has been validated.
///
/// # Errors
/// Those of the database.
pub async fn create(scope: &mut WriteScope, new: NewClient) -> Result<Client, StoreError> {
    let clock = &scope.tenant().clock;
    let (id, now): (ClientId, _) = (clock.new_id(), clock.now());
    let row = entity::client::ActiveModel {
        organization_id: Set(scope.organization_id().as_uuid()),
        id: Set(id.as_uuid()),
        name: Set(new.name),
        email: Set(new.email),
        phone: Set(new.phone),
        company: Set(new.company),
        status: Set(new.status.unwrap_or(ClientStatus::Active).to_string()),
        notes: Set(new.notes),
        created_at: Set(now),
        updated_at: Set(now),
    };
    write::insert(scope, row).await
}

/// Applies changes that have been validated to a client that was read in this scope.
///
/// # Errors
/// Those of the database.
pub async fn update(
    scope: &mut WriteScope,
    before: &Client,
    changes: ClientChanges,
) -> Result<Option<Client>, StoreError> {
    let mut row = entity::client::ActiveModel {
        updated_at: Set(write::next_update(&scope.tenant().clock, before.updated_at)),
        ..Default::default()
    };
    write::set!(row, changes, { name, email, phone, company, notes });
    if let Change::Set(status) = changes.status {
        row.status = Set(status.to_string());
    }
    write::update(scope, row, before.id).await
}

/// Deletes a client. Its projects and invoices stay, unlinked. Tells whether there was one.
///
/// # Errors
/// Those of the database.
pub async fn delete(scope: &mut WriteScope, id: ClientId) -> Result<bool, StoreError> {
    write::unlink::<entity::project::Entity>(scope, "client_id", id).await?;
    write::unlink::<entity::invoice::Entity>(scope, "client_id", id).await?;
    write::delete::<entity::client::Entity>(scope, id).await
}

/// How many active clients there are, counted no further than `up_to`.
///
/// # Errors
/// Those of the database.
pub async fn count_active(scope: &impl Scope, up_to: i64) -> Result<i64, StoreError> {
    // Ordered as an index is: without, the planner may take the few rows that are wanted for easily found, and read the whole
    // table where there are fewer.
    let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM app.clients t WHERE t.organization_id = ");
    sql.bind(scope.organization_id().as_uuid());
    sql.push(" AND t.status = 'active' ORDER BY t.created_at, t.id LIMIT ").bind(up_to).push(") counted");
    scope.connection().fetch_count(sql).await
}
