//! All data of an organization, table by table, row by row, so that it can be saved before the organization is deleted.
//! The tables come from the catalogue, so a new table is exported the day it appears. The format of values is in
//! `spelling`.

mod spelling;

use std::collections::HashMap;

use tenantry_domain as domain;
use tenantry_domain::activity::Activity;
use tenantry_domain::noun::{ALL, Kind, Noun as _, Placement};

use crate::error::StoreError;
use crate::scope::{ReadScope, Scope, sealed::Sealed};
use crate::sql::Sql;
use spelling::spelled;

/// How many rows are fetched at a time.
const BATCH: usize = 200;

/// The tables that belong to organizations, without `app.idempotency_keys` and `app.uploads`, which are no data of theirs, and `app.search_terms`, which is made
/// from the others; with the columns that this role may read: a secret such as the hash of an invitation's token is not among them.
/// Partitions are read through their parent.
///
/// Names are quoted where necessary, except those of the columns with ids, which are exactly as in the rows.
const TABLES: &str = "SELECT n.nspname || '.' || c.relname, format('%I.%I', n.nspname, c.relname), \
        string_agg('t.' || quote_ident(a.attname), ', ' ORDER BY a.attnum), \
        coalesce((SELECT string_agg('t.' || quote_ident(k.attname), ', ' ORDER BY array_position(x.indkey::int2[], k.attnum)) \
                  FROM pg_catalog.pg_index x \
                  JOIN pg_catalog.pg_attribute k ON k.attrelid = c.oid AND k.attnum = ANY(x.indkey) \
                  WHERE x.indrelid = c.oid AND x.indisprimary), '1'), \
        coalesce(array_agg(a.attname::text) FILTER (WHERE a.atttypid = 'uuid'::regtype), '{}') \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
    WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
      AND EXISTS (SELECT FROM pg_catalog.pg_attribute o WHERE o.attrelid = c.oid AND o.attname = 'organization_id' \
                    AND NOT o.attisdropped AND has_column_privilege(c.oid, o.attnum, 'SELECT')) \
      AND has_column_privilege(c.oid, a.attnum, 'SELECT') \
      AND n.nspname || '.' || c.relname NOT IN ('app.idempotency_keys', 'app.search_terms', 'app.uploads') \
    GROUP BY c.oid, n.nspname, c.relname ORDER BY n.nspname, c.relname";

/// The foreign keys of each column: table, column, and the table and column it refers to.
const REFERENCES: &str = "SELECT n.nspname || '.' || c.relname, a.attname::text, fn.nspname || '.' || f.relname, fa.attname::text \
    FROM pg_catalog.pg_constraint k \
    CROSS JOIN LATERAL unnest(k.conkey, k.confkey) AS pair (here, there) \
    JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = pair.here \
    JOIN pg_catalog.pg_class f ON f.oid = k.confrelid \
    JOIN pg_catalog.pg_namespace fn ON fn.oid = f.relnamespace \
    JOIN pg_catalog.pg_attribute fa ON fa.attrelid = f.oid AND fa.attnum = pair.there \
    WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname IN ('app', 'auth', 'billing', 'platform') \
    ORDER BY 1, 2, 3, 4";

/// The prefix of the ids of each table's rows, where the table is no noun. A column that refers to such a row has the same.
const PREFIXES: &[(&str, &str)] = &[
    ("app.comment_mentions", domain::CommentMentionId::PREFIX),
    ("app.invoice_tasks", domain::InvoiceTaskId::PREFIX),
    ("app.number_counters", domain::NumberCounterId::PREFIX),
    ("app.organization_invitations", domain::InvitationId::PREFIX),
    ("app.organizations", domain::OrganizationId::PREFIX),
    ("app.task_assignees", domain::TaskAssigneeId::PREFIX),
    ("app.task_labels", domain::TaskLabelId::PREFIX),
    ("auth.users", domain::UserId::PREFIX),
    ("billing.feature_overrides", domain::FeatureOverrideId::PREFIX),
    ("billing.usage_counters", domain::UsageCounterId::PREFIX),
];

/// The prefix of the ids of a table's rows.
fn prefix_of_table(table: &str) -> Option<&'static str> {
    let noun = domain::noun::ALL.iter().find(|noun| noun.info.table == table).map(|noun| noun.info.prefix);
    noun.or_else(|| PREFIXES.iter().find(|(name, _)| *name == table).map(|(_, prefix)| *prefix))
}

/// What each column of each table refers to.
type References = HashMap<(String, String), Vec<(String, String)>>;

/// A table of the export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportTable {
    /// Its name with its schema.
    pub name: String,
    /// The columns that contain ids, with the ids' prefix.
    ids: HashMap<String, &'static str>,
    /// `SELECT … FROM … WHERE`, up to the organization that follows.
    select: String,
    /// The part after the organization.
    order: String,
}

/// The tables of the scope's organization: the organization itself, its people, and then every table that belongs to
/// it.
///
/// # Errors
/// Those of the database.
pub async fn tables(scope: &ReadScope) -> Result<Vec<ExportTable>, StoreError> {
    let organizations = "SELECT t.id, t.name, t.slug, t.logo_url, t.time_zone, t.deletion_requested_at, \
                         t.deletion_due_at, t.created_at, t.updated_at FROM app.organizations t WHERE t.id = ";
    let people = "SELECT u.id, u.email, u.name, u.avatar_url FROM app.organization_members m \
                  JOIN auth.users u ON u.id = m.user_id WHERE m.organization_id = ";
    let mut references = References::new();
    for row in scope.connection().fetch(Sql::new(REFERENCES)).await?.iter() {
        references.entry((row.get(0)?, row.get(1)?)).or_default().push((row.get(2)?, row.get(3)?));
    }
    let table = |name: String, columns: Vec<String>, select: String, order: String| {
        let prefix = |column: String| Some((prefix_of(&references, &name, &column, 0)?, column));
        let ids = columns.into_iter().filter_map(prefix).map(|(prefix, column)| (column, prefix)).collect();
        ExportTable { name, ids, select, order }
    };
    let id = || vec!["id".to_owned()];
    let mut tables = vec![
        table("app.organizations".to_owned(), id(), organizations.to_owned(), String::new()),
        table("auth.users".to_owned(), id(), people.to_owned(), " ORDER BY u.id".to_owned()),
    ];
    for row in scope.connection().fetch(Sql::new(TABLES)).await?.iter() {
        let (quoted, columns, key): (&str, &str, &str) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let name: String = row.get(0)?;
        // Personal rows are exported to their own user only, and so is what happened to them.
        let noun = ALL.iter().find(|noun| noun.info.table == name);
        let user = scope.actor().user_id.as_uuid();
        let own = match noun.map(|noun| noun.info.placement) {
            Some(Placement::User { column }) => format!("{column} = '{user}' AND "),
            _ if name == Activity::INFO.table => format!("(t.only_for IS NULL OR t.only_for = '{user}') AND "),
            _ => String::new(),
        };
        let select = format!("SELECT {columns} FROM {quoted} t WHERE {own}t.organization_id = ");
        tables.push(table(name, row.get(4)?, select, format!(" ORDER BY {key}")));
    }
    Ok(tables)
}

/// The prefix of the ids in a column: that of its own table's rows, or of the rows that it refers to, possibly through
/// another table such as the members. `None` for a column that refers to none of our tables.
fn prefix_of(references: &References, table: &str, column: &str, depth: usize) -> Option<&'static str> {
    if column == "id" {
        return prefix_of_table(table);
    }
    // An entry of what happened refers to nothing: what it names may be gone.
    if table == Activity::INFO.table && column != "organization_id" {
        let field = Activity::FIELDS.iter().find(|field| field.info.own_column() == Some(column));
        return field.and_then(|field| if let Kind::Id(prefix) = field.info.kind { Some(prefix) } else { None });
    }
    // Keys may form a cycle; no path to a row is longer than this.
    if depth == 8 {
        return None;
    }
    let referred = references.get(&(table.to_owned(), column.to_owned()))?;
    referred.iter().find_map(|(table, column)| prefix_of(references, table, column, depth + 1))
}

/// Makes sure that this is the organization's only export until the scope ends; `false` when there is another one, in
/// any process.
///
/// # Errors
/// Those of the database.
pub async fn lock(scope: &ReadScope) -> Result<bool, StoreError> {
    let mut sql =
        Sql::new("SELECT pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtextextended('tenantry export ' || ");
    sql.bind(scope.organization_id().as_uuid().to_string()).push(", 0))::int::bigint");
    Ok(scope.connection().fetch_count(sql).await? > 0)
}

/// Begins to read the table. All tables of one scope are read in one snapshot, one at a time.
///
/// # Errors
/// Those of the database.
pub async fn open(scope: &ReadScope, table: &ExportTable) -> Result<(), StoreError> {
    // A cursor, so that neither side ever buffers more than a batch.
    let mut declare = Sql::new("DECLARE tenantry_export NO SCROLL CURSOR FOR SELECT to_jsonb(r)::text FROM (");
    declare.push(&table.select).bind(scope.organization_id().as_uuid()).push(&table.order).push(") r");
    scope.connection().execute(declare).await.map(drop)
}

/// The next rows of the current table, as JSON objects, at most 200; none at its end, which closes it. Ids have the
/// API's format, and every number is a string of its exact digits.
///
/// # Errors
/// Those of the database.
pub async fn fetch(scope: &ReadScope, table: &ExportTable) -> Result<Vec<String>, StoreError> {
    let fetched = scope.connection().fetch(Sql::new(&format!("FETCH {BATCH} FROM tenantry_export"))).await?;
    if fetched.is_empty() {
        scope.connection().execute(Sql::new("CLOSE tenantry_export")).await?;
    }
    fetched.iter().map(|row| Ok(spelled(row.get(0)?, &table.ids))).collect()
}
