//! Everything that an organization owns, table by table, row by row: what it takes along before it is deleted.

use crate::error::StoreError;
use crate::scope::{ReadScope, Scope, sealed::Sealed};
use crate::sql::Sql;

/// How many rows are fetched at a time.
const BATCH: usize = 200;

/// The tables that belong to organizations, with their columns, as far as this role may read them: a secret such as the hash of
/// an invitation's token is not among them. Partitions are reached through their parent.
///
/// Read from the catalogue, so that a new table is exported the day it appears. Names come quoted where they must be.
const TABLES: &str = "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), \
        string_agg('t.' || quote_ident(a.attname), ', ' ORDER BY a.attnum), \
        coalesce((SELECT string_agg('t.' || quote_ident(k.attname), ', ' ORDER BY array_position(x.indkey::int2[], k.attnum)) \
                  FROM pg_catalog.pg_index x \
                  JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY(x.indkey) \
                  WHERE x.indrelid = c.oid AND x.indisprimary), '1') \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
      AND EXISTS (SELECT FROM pg_catalog.pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'organization_id' \
                    AND NOT o.attisdropped AND has_column_privilege(c.oid, o.attnum, 'SELECT')) \
      AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
    GROUP BY c.oid, n.nspname, c.relname ORDER BY n.nspname, c.relname";

/// A table of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportTable {
    /// Its name with its schema.
    pub name: String,
    /// `SELECT … FROM … WHERE`, up to the organization that is to follow.
    select: String,
    /// What follows the organization.
    order: String,
}

/// The tables of the scope's organization: itself, its people, and then every table that belongs to it.
///
/// # Errors
/// Those of the database.
pub async fn tables(scope: &ReadScope) -> Result<Vec<ExportTable>, StoreError> {
    let organizations = "SELECT t.id, t.name, t.slug, t.logo_url, t.time_zone, t.deletion_requested_at, \
                         t.deletion_due_at, t.created_at, t.updated_at FROM app.organizations t WHERE t.id = ";
    let people = "SELECT u.id, u.email, u.name, u.avatar_url FROM app.organization_members m \
                  JOIN auth.users u ON u.id = m.user_id WHERE m.organization_id = ";
    let mut tables = vec![
        ExportTable { name: "app.organizations".to_owned(), select: organizations.to_owned(), order: String::new() },
        ExportTable { name: "auth.users".to_owned(), select: people.to_owned(), order: " ORDER BY u.id".to_owned() },
    ];
    for row in scope.connection().fetch(Sql::new(TABLES)).await?.iter() {
        let (quoted, columns, key): (&str, &str, &str) = (row.get(1)?, row.get(2)?, row.get(3)?);
        tables.push(ExportTable {
            name: row.get(0)?,
            select: format!("SELECT {columns} FROM {quoted} t WHERE t.organization_id = "),
            order: format!(" ORDER BY {key}"),
        });
    }
    Ok(tables)
}

/// Makes sure that this is the organization's only export until the scope ends; `false` when there is another, in whichever
/// process.
///
/// # Errors
/// Those of the database.
pub async fn lock(scope: &ReadScope) -> Result<bool, StoreError> {
    let mut sql =
        Sql::new("SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('tenantry export ' || ");
    sql.bind(scope.organization_id().as_uuid().to_string()).push(", 0))::int::bigint");
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// Begins to read the table. All tables of one scope are of one snapshot; one is read at a time.
///
/// # Errors
/// Those of the database.
pub async fn open(scope: &ReadScope, table: &ExportTable) -> Result<(), StoreError> {
    // A cursor, so that neither side ever holds more than a batch.
    let mut declare = Sql::new("DECLARE tenantry_export NO SCROLL CURSOR FOR SELECT to_jsonb(r)::text FROM (");
    declare.push(&table.select).bind(scope.organization_id().as_uuid()).push(&table.order).push(") r");
    scope.connection().execute(declare).await.map(drop)
}

/// The next rows of the table that is being read, as JSON objects, at most 200; none at its end, which closes it.
///
/// # Errors
/// Those of the database.
pub async fn fetch(scope: &ReadScope) -> Result<Vec<String>, StoreError> {
    let fetched = scope.connection().fetch(Sql::new(&format!("FETCH {BATCH} FROM tenantry_export"))).await?;
    if fetched.is_empty() {
        scope.connection().execute(Sql::new("CLOSE tenantry_export")).await?;
    }
    Ok(fetched.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?)
}
