//! Which tables belong to organizations, according to the catalogue, and what each contains for two organizations of
//! the same shape.

use std::collections::BTreeMap;

use serde_json::Value;
use tenantry_tests::{FullOrg, TestApp};
use uuid::Uuid;

/// Tables that name an organization and are not tenant tables. The application has no grants on them.
pub(crate) const NOT_TENANT: &[(&str, &str)] =
    &[("billing.stripe_events", "an event arrives before anybody knows whose it is; only the worker works with it")];

/// A common table expression: the product's relations, and among them the tenant tables. `key` is the column that names
/// the organization; in the organizations table it is the id.
pub(crate) fn with_tenant() -> String {
    let others: Vec<String> = NOT_TENANT.iter().map(|(name, _)| format!("'{name}'")).collect();
    format!(
        "WITH relation AS (
            SELECT c.*, c.oid::regclass::text AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'S')),
        tenant AS (
            SELECT r.*, a.attname AS key, a.attnum AS key_number, a.attnotnull, a.atttypid FROM relation r
            JOIN pg_attribute a ON a.attrelid = r.oid AND NOT a.attisdropped
                AND a.attname = CASE r.name WHEN 'app.organizations' THEN 'id' ELSE 'organization_id' END
            WHERE r.relkind IN ('r', 'p', 'f') AND NOT r.relispartition AND r.name NOT IN ({}))",
        others.join(", ")
    )
}

/// A tenant table, and what `tenantry_app` may do with it.
#[derive(Debug)]
pub(crate) struct Table {
    /// Qualified, as in `app.clients`.
    pub(crate) name: String,
    /// The column that names the organization.
    pub(crate) key: String,
    /// The columns that can be written at all, and those that the role may write, read and update.
    pub(crate) columns: Vec<String>,
    pub(crate) insertable: Vec<String>,
    pub(crate) selectable: Vec<String>,
    pub(crate) updatable: Vec<String>,
    pub(crate) deletable: bool,
    pub(crate) is_partitioned: bool,
    pub(crate) primary_key: Vec<String>,
    /// Unique indexes over columns that do not start with the organization.
    pub(crate) global: Vec<Vec<String>>,
}

/// The columns of the index `i` of the table `t`, in order.
const INDEXED: &str =
    "(SELECT jsonb_agg(a.attname ORDER BY n) FROM unnest(i.indkey::int2[]) WITH ORDINALITY k (number, n)
    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number)";

impl Table {
    /// All tenant tables, by name.
    pub(crate) async fn all(app: &TestApp) -> Vec<Self> {
        let may = |privilege: &str| {
            format!(
                "(SELECT coalesce(jsonb_agg(a.attname ORDER BY a.attnum), '[]') FROM pg_attribute a WHERE a.attrelid = t.oid
                 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'{})",
                if privilege.is_empty() {
                    String::new()
                } else {
                    format!(" AND has_column_privilege('tenantry_app', t.oid, a.attnum, '{privilege}')")
                }
            )
        };
        let query = format!(
            "{} SELECT jsonb_build_object('name', t.name, 'key', t.key, 'columns', {}, 'insertable', {}, 'selectable', {},
                'updatable', {}, 'deletable', has_table_privilege('tenantry_app', t.oid, 'DELETE'), 'partitioned', t.relkind = 'p',
                'primary_key', (SELECT coalesce(jsonb_agg({INDEXED}), '[[]]') -> 0 FROM pg_index i
                    WHERE i.indrelid = t.oid AND i.indisprimary),
                'global', (SELECT coalesce(jsonb_agg({INDEXED}), '[]') FROM pg_index i WHERE i.indrelid = t.oid
                    AND i.indisunique AND i.indexprs IS NULL AND i.indpred IS NULL AND i.indkey[0] <> t.key_number))::text
             FROM tenant t ORDER BY t.name",
            with_tenant(),
            may(""),
            may("INSERT"),
            may("SELECT"),
            may("UPDATE"),
        );
        let found = app.texts(&query).await;
        // A query that finds nothing would prove nothing.
        assert!(found.len() >= 15, "the catalogue lists only {} tenant tables", found.len());
        found.iter().map(|text| Self::read(&serde_json::from_str(text).unwrap())).collect()
    }

    fn read(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().unwrap().iter().map(text).collect::<Vec<_>>();
        Self {
            name: text(&json["name"]),
            key: text(&json["key"]),
            columns: list(&json["columns"]),
            insertable: list(&json["insertable"]),
            selectable: list(&json["selectable"]),
            updatable: list(&json["updatable"]),
            deletable: json["deletable"] == true,
            is_partitioned: json["partitioned"] == true,
            primary_key: list(&json["primary_key"]),
            global: json["global"].as_array().unwrap().iter().map(list).collect(),
        }
    }

    /// A statement that inserts this row, with the columns that the role may insert; all columns if it may insert none.
    pub(crate) fn insert(&self, row: &Value) -> String {
        let columns = if self.insertable.is_empty() { &self.columns } else { &self.insertable };
        let columns: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let (name, columns) = (&self.name, columns.join(", "));
        format!(
            "INSERT INTO {name} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{name}, {})",
            quoted(row)
        )
    }

    /// Statements that delete this row without checking references to it, and then enable checking again.
    pub(crate) fn make_room(&self, row: &Value) -> String {
        format!(
            "SET LOCAL session_replication_role = replica; DELETE FROM {} t WHERE to_jsonb(t) = {};
             SET LOCAL session_replication_role = origin",
            self.name,
            quoted(row)
        )
    }
}

/// Two organizations of the same shape with a row in every tenant table, in one database.
pub(crate) struct Pair {
    pub(crate) app: TestApp,
    pub(crate) ours: FullOrg,
    pub(crate) theirs: FullOrg,
    pub(crate) tables: Vec<Table>,
}

impl Pair {
    pub(crate) async fn start() -> Self {
        let app = TestApp::start().await;
        let (ours, theirs) = (app.full_organization("ours").await, app.full_organization("theirs").await);
        Self::of(app, ours, theirs).await
    }

    /// The current tables. Both organizations must have rows in each.
    pub(crate) async fn of(app: TestApp, ours: FullOrg, theirs: FullOrg) -> Self {
        let tables = Table::all(&app).await;
        let pair = Self { app, ours, theirs, tables };
        for table in &pair.tables {
            for organization in [&pair.ours, &pair.theirs] {
                let count = pair.count(table, organization.org.uuid()).await;
                let (name, slug) = (&table.name, &organization.org.slug);
                assert!(count > 0, "{name} has no row of {slug}: give each organization one in `FullOrg`");
            }
        }
        pair
    }

    /// How many rows of a table an organization has.
    pub(crate) async fn count(&self, table: &Table, organization: Uuid) -> i64 {
        let query = format!("SELECT count(*) FROM {} WHERE {} = '{organization}'", table.name, table.key);
        self.app.number(&query).await
    }

    /// A row of an organization, one of those with the most columns filled.
    pub(crate) async fn row(&self, table: &Table, organization: Uuid) -> Value {
        let query = format!(
            "SELECT to_jsonb(t)::text FROM {} t WHERE {} = '{organization}'
             ORDER BY (SELECT count(*) FROM jsonb_each(to_jsonb(t)) WHERE value <> 'null') DESC, 1 LIMIT 1",
            table.name, table.key
        );
        serde_json::from_str(&self.app.texts(&query).await[0]).unwrap()
    }

    /// A fingerprint of every row of every table of the product, by table.
    pub(crate) async fn prints(&self) -> BTreeMap<String, String> {
        prints(&self.app).await
    }
}

/// A fingerprint of every row of every table of the product, by table.
pub(crate) async fn prints(app: &TestApp) -> BTreeMap<String, String> {
    let list =
        format!("{} SELECT name FROM relation WHERE relkind IN ('r', 'p') AND NOT relispartition", with_tenant());
    let one = |name: &String| {
        format!("SELECT '{name}=' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY t::text)), '') FROM {name} t")
    };
    let query: Vec<String> = app.texts(&list).await.iter().map(one).collect();
    let prints = app.texts(&query.join(" UNION ALL ")).await;
    prints.iter().map(|print| print.split_once('=').unwrap()).map(|(name, md5)| (name.into(), md5.into())).collect()
}

/// JSON as a literal.
pub(crate) fn quoted(value: &Value) -> String {
    format!("'{}'::jsonb", value.to_string().replace('\'', "''"))
}
