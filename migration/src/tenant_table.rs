//! The only way to create a tenant table. It guarantees that rows belong to an organization, that no key leaves that
//! organization, and that row-level security is on. It writes SQL text and runs nothing.

use crate::roles::TENANT_ROLES;

/// The setting that holds the organization of a transaction; NULL when none is set.
///
/// With `nullif`, because after the transaction a setting that was `SET LOCAL` once reads as an empty string, which is
/// not a uuid. Without a sub-select, because Citus cannot propagate a policy that has one.
pub(crate) const CURRENT_ORGANIZATION: &str = "nullif(current_setting('app.current_organization_id', true), '')::uuid";

/// True in a transaction without an organization (yet): sign-in, or a job across organizations.
pub(crate) const NO_ORGANIZATION: &str = "nullif(current_setting('app.current_organization_id', true), '') IS NULL";

/// What the tenant roles may do with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Select,
    Insert,
    Update,
    Delete,
}

/// What happens to a row when the row it refers to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    /// It is deleted as well.
    Cascade,
    /// It stays, unlinked. Only the named columns are cleared, never `organization_id`.
    SetNull,
    /// The delete is refused, unless the row is deleted in the same statement (for example with its organization).
    Refuse,
}

impl OnDelete {
    pub(crate) fn clause(self, columns: &str) -> String {
        match self {
            Self::Cascade => " ON DELETE CASCADE".to_owned(),
            Self::SetNull => format!(" ON DELETE SET NULL ({columns})"),
            Self::Refuse => String::new(),
        }
    }
}

/// Who may read and change a column of an existing row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    ReadWrite,
    /// Set on insert and never changed.
    Fixed,
    /// As `Fixed`, and not readable by the tenant roles either.
    Secret,
}

/// A column of a tenant table, beside those that all of them have.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) definition: String,
    pub(crate) access: Access,
}

/// A builder for a tenant table; [`TenantTable::create`] returns its SQL.
///
/// Column lists are written as in SQL and **without** `organization_id`, which every key and index starts with
/// automatically.
#[derive(Debug)]
pub(crate) struct TenantTable {
    name: &'static str,
    id: Option<&'static str>,
    columns: Vec<Column>,
    constraints: Vec<String>,
    uniques: Vec<&'static str>,
    /// (columns, rest of the index, condition) of each key to another tenant table.
    keys: Vec<(&'static str, &'static str, &'static str)>,
    indexes: Vec<String>,
    operations: &'static [Operation],
    is_partitioned: bool,
    /// The rest of the key of rows that are found by what they say, and have neither an id nor times.
    key: Option<&'static str>,
}

impl TenantTable {
    /// Starts a table; `name` is qualified, as in `app.clients`.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            id: Some("id uuid NOT NULL"),
            columns: Vec::new(),
            constraints: Vec::new(),
            uniques: Vec::new(),
            keys: Vec::new(),
            indexes: Vec::new(),
            operations: &[Operation::Select, Operation::Insert, Operation::Update, Operation::Delete],
            is_partitioned: false,
            key: None,
        }
    }

    /// The rows of each month, by `created_at` in UTC, stand in a partition of their own, which `partitions` makes ahead of time.
    pub(crate) fn partitioned_by_month(mut self) -> Self {
        self.is_partitioned = true;
        self
    }

    /// The row is found by what it links, not by its id, so the database may generate the id.
    pub(crate) fn generated_id(mut self) -> Self {
        self.id = Some("id uuid NOT NULL DEFAULT gen_random_uuid()");
        self
    }

    /// Rows that are made from other rows: these columns are their key, and they have neither an id nor times.
    pub(crate) fn keyed_by(mut self, key: &'static str) -> Self {
        self.id = None;
        self.key = Some(key);
        self
    }

    /// The organization is the whole key: there is at most one row per organization.
    pub(crate) fn one_per_organization(mut self) -> Self {
        self.id = None;
        self
    }

    /// Restricts what the tenant roles may do; by default all four operations.
    pub(crate) fn operations(mut self, operations: &'static [Operation]) -> Self {
        self.operations = operations;
        self
    }

    /// A column that the tenant roles may update.
    pub(crate) fn column(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::ReadWrite)
    }

    /// A column that is set on insert and not changed.
    pub(crate) fn fixed(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::Fixed)
    }

    /// A column that the tenant roles may write on insert and never read.
    pub(crate) fn secret(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::Secret)
    }

    /// A required text that is not blank, with at most `max` characters.
    pub(crate) fn text(self, name: &'static str, max: u32) -> Self {
        let bounds = format!("char_length({name}) <= {max} AND btrim({name}) <> ''");
        self.column(name, "text NOT NULL").check(name, &bounds)
    }

    /// An optional text with at most `max` characters.
    pub(crate) fn optional_text(self, name: &'static str, max: u32) -> Self {
        self.column(name, "text").check(name, &format!("char_length({name}) <= {max}"))
    }

    /// An enum: a text that is one of `values`; the first one is the default.
    pub(crate) fn one_of(self, name: &'static str, values: &[&str]) -> Self {
        let default = values.first().copied().unwrap_or_default();
        self.column(name, &format!("text NOT NULL DEFAULT '{default}'")).check(name, &one_of_condition(name, values))
    }

    /// A condition for every row; `suffix` distinguishes its name from the table's other checks.
    pub(crate) fn check(mut self, suffix: &str, condition: &str) -> Self {
        self.constraints.push(format!("CONSTRAINT {}_{suffix}_check CHECK ({condition})", self.bare()));
        self
    }

    /// No two rows of one organization have the same values in these columns.
    pub(crate) fn unique(mut self, columns: &'static str) -> Self {
        let name = constraint_name(self.bare(), columns, "key");
        self.constraints.push(format!("CONSTRAINT {name} UNIQUE (organization_id, {columns})"));
        self.uniques.push(columns);
        self
    }

    /// As [`Self::unique`], over expressions, or only among the rows that meet `condition` (empty: all rows). Without
    /// columns: one such row per organization.
    pub(crate) fn unique_index(mut self, suffix: &str, columns: &str, condition: &str) -> Self {
        let statement = self.index_statement("UNIQUE INDEX", suffix, columns, condition);
        self.indexes.push(statement);
        self
    }

    /// Unique in the whole database. Only for secrets or values assigned by an external system, where the error reveals
    /// nothing about another organization.
    pub(crate) fn globally_unique(mut self, column: &'static str) -> Self {
        self.constraints.push(format!("CONSTRAINT {}_{column}_key UNIQUE ({column})", self.bare()));
        self
    }

    /// An index for a query of the product.
    pub(crate) fn index(mut self, suffix: &str, columns: &str) -> Self {
        let statement = self.index_statement("INDEX", suffix, columns, "");
        self.indexes.push(statement);
        self
    }

    /// As [`Self::index`], with further columns that are read from it.
    pub(crate) fn index_with(mut self, suffix: &str, columns: &str, included: &str) -> Self {
        let statement = self.index_statement("INDEX", suffix, columns, "");
        let end = format!(" INCLUDE ({included});");
        self.indexes.push(statement.trim_end_matches(';').to_owned() + &end);
        self
    }

    /// As [`Self::index`], only over the rows that meet `condition`.
    pub(crate) fn index_where(mut self, suffix: &str, columns: &str, condition: &str) -> Self {
        let statement = self.index_statement("INDEX", suffix, columns, condition);
        self.indexes.push(statement);
        self
    }

    /// A key to another tenant table's id, with its index. `then` are further columns of that index, in the order in
    /// which lists of this table under one such row are read.
    pub(crate) fn reference(self, column: &'static str, table: &str, on_delete: OnDelete, then: &'static str) -> Self {
        self.reference_columns(column, table, "id", on_delete, column, then, "")
    }

    /// A key to a member of the organization, by user: for assignees, grantees and owners.
    pub(crate) fn reference_member(self, column: &'static str, on_delete: OnDelete, then: &'static str) -> Self {
        self.reference_columns(column, "app.organization_members", "user_id", on_delete, column, then, "")
    }

    /// A key to another tenant table with several columns. `unlinked` are the columns cleared by [`OnDelete::SetNull`].
    /// The key's index contains only rows that meet `condition` (empty: all).
    #[expect(clippy::too_many_arguments, reason = "one call holds a key and its index, so that neither is forgotten")]
    pub(crate) fn reference_columns(
        mut self,
        columns: &'static str,
        table: &str,
        target: &str,
        on_delete: OnDelete,
        unlinked: &str,
        then: &'static str,
        condition: &'static str,
    ) -> Self {
        let name = constraint_name(self.bare(), columns, "fkey");
        let action = on_delete.clause(unlinked);
        self.constraints.push(format!(
            "CONSTRAINT {name} FOREIGN KEY (organization_id, {columns})\n        \
             REFERENCES {table} (organization_id, {target}){action}"
        ));
        self.keys.push((columns, then, condition));
        self
    }

    /// The author of the row: a user, who may no longer be a member; null once the user is deleted.
    pub(crate) fn author(self, column: &'static str) -> Self {
        self.fixed(column, "uuid").reference_global(column, "auth.users", " ON DELETE SET NULL")
    }

    /// A key to a table that all organizations share, with an index that starts with the column itself: the check after
    /// a delete in that table knows no organization.
    pub(crate) fn reference_global(mut self, column: &'static str, table: &str, action: &str) -> Self {
        let bare = self.bare();
        self.constraints
            .push(format!("CONSTRAINT {bare}_{column}_fkey FOREIGN KEY ({column}) REFERENCES {table} (id){action}"));
        self.indexes.push(format!("CREATE INDEX {bare}_{column}_idx ON {} ({column});", self.name));
        self
    }

    /// The statements that create the table, its indexes, policy and grants.
    pub(crate) fn create(self) -> String {
        let (name, bare) = (self.name, self.bare());
        let mut parts = vec!["organization_id uuid NOT NULL".to_owned()];
        parts.extend(self.id.map(str::to_owned));
        parts.extend(self.columns.iter().map(|column| format!("{} {}", column.name, column.definition)));
        if self.key.is_none() {
            parts.push("created_at timestamptz NOT NULL DEFAULT now()".to_owned());
            parts.push("updated_at timestamptz NOT NULL DEFAULT now()".to_owned());
        }
        let key = match (self.key, self.id, self.is_partitioned) {
            (Some(columns), ..) => format!("organization_id, {columns}"),
            (None, Some(_), true) => "organization_id, id, created_at".to_owned(),
            (None, Some(_), false) => "organization_id, id".to_owned(),
            (None, None, _) => "organization_id".to_owned(),
        };
        parts.push(format!("CONSTRAINT {bare}_pkey PRIMARY KEY ({key})"));
        parts.push(format!(
            "CONSTRAINT {bare}_organization_id_fkey FOREIGN KEY (organization_id)\n        \
             REFERENCES app.organizations (id) ON DELETE CASCADE"
        ));
        parts.extend(self.constraints.iter().cloned());

        let partitioned = if self.is_partitioned { " PARTITION BY RANGE (created_at)" } else { "" };
        let mut statements = vec![format!("CREATE TABLE {name} (\n    {}\n){partitioned};", parts.join(",\n    "))];
        statements.extend(self.key_indexes());
        statements.extend(self.indexes.iter().cloned());
        statements.push(secure(name, &format!("organization_id = {CURRENT_ORGANIZATION}")));
        statements.extend(self.grants());
        statements.join("\n")
    }

    /// The index of each key. It is left out if a unique constraint starts with the same columns and no order is
    /// needed.
    fn key_indexes(&self) -> Vec<String> {
        let covered = |columns: &str| {
            self.uniques
                .iter()
                .any(|unique| unique.strip_prefix(columns).is_some_and(|rest| rest.is_empty() || rest.starts_with(',')))
        };
        self.keys
            .iter()
            .filter(|(columns, then, _)| !(then.is_empty() && covered(columns)))
            .map(|(columns, then, condition)| {
                let all = if then.is_empty() { (*columns).to_owned() } else { format!("{columns}, {then}") };
                self.index_statement("INDEX", &columns.replace(", ", "_"), &all, condition)
            })
            .collect()
    }

    fn grants(&self) -> Vec<String> {
        let names = |keep: fn(Access) -> bool| {
            self.columns.iter().filter(move |column| keep(column.access)).map(|column| column.name)
        };
        let secret = self.columns.iter().any(|column| column.access == Access::Secret);
        let grant = |operation: &Operation| {
            let what = match operation {
                Operation::Select if secret => {
                    let mut readable = vec!["organization_id"];
                    readable.extend(self.id.map(|_| "id"));
                    readable.extend(names(|access| access != Access::Secret));
                    readable.extend(["created_at", "updated_at"]);
                    format!("SELECT ({})", readable.join(", "))
                }
                Operation::Select => "SELECT".to_owned(),
                Operation::Insert => "INSERT".to_owned(),
                // Neither the organization nor the identity of a row ever changes, so no role may update them.
                Operation::Update => {
                    let mut writable: Vec<_> = names(|access| access == Access::ReadWrite).collect();
                    writable.extend(self.key.is_none().then_some("updated_at"));
                    format!("UPDATE ({})", writable.join(", "))
                }
                Operation::Delete => "DELETE".to_owned(),
            };
            format!("GRANT {what} ON {} TO {TENANT_ROLES};", self.name)
        };
        self.operations.iter().map(grant).collect()
    }

    fn add(mut self, name: &'static str, definition: &str, access: Access) -> Self {
        self.columns.push(Column { name, definition: definition.to_owned(), access });
        self
    }

    fn index_statement(&self, kind: &str, suffix: &str, columns: &str, condition: &str) -> String {
        index_statement(self.name, kind, "", suffix, columns, condition).1
    }

    fn bare(&self) -> &'static str {
        bare_name(self.name)
    }
}

/// The name without its schema, which names of constraints and indexes start with.
pub(crate) fn bare_name(table: &'static str) -> &'static str {
    table.split_once('.').map_or(table, |(_, bare)| bare)
}

/// The name of an index of a tenant table, and the statement that creates it; `way` is ` CONCURRENTLY` or empty.
pub(crate) fn index_statement(
    table: &'static str,
    kind: &str,
    way: &str,
    suffix: &str,
    columns: &str,
    condition: &str,
) -> (String, String) {
    let separator = if columns.is_empty() { "" } else { ", " };
    let filter = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
    let ending = if kind == "INDEX" { "idx" } else { "key" };
    let name = format!("{}_{suffix}_{ending}", bare_name(table));
    let statement = format!("CREATE {kind}{way} {name} ON {table} (organization_id{separator}{columns}){filter};");
    (name, statement)
}

/// True for a column that holds one of these.
pub(crate) fn one_of_condition(column: &str, values: &[&str]) -> String {
    let list = values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>().join(", ");
    format!("{column} IN ({list})")
}

/// Turns row-level security on, for the owner too, with the one policy that lets a transaction see its own tenant.
pub(crate) fn secure(table: &str, condition: &str) -> String {
    format!(
        "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;\n\
         ALTER TABLE {table} FORCE ROW LEVEL SECURITY;\n\
         CREATE POLICY tenant_isolation ON {table}\n    USING ({condition})\n    WITH CHECK ({condition});"
    )
}

pub(crate) fn constraint_name(table: &str, columns: &str, ending: &str) -> String {
    format!("{table}_{}_{ending}", columns.replace(", ", "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> String {
        TenantTable::new("app.notes")
            .text("title", 10)
            .fixed("task_id", "uuid NOT NULL")
            .column("user_id", "uuid")
            .secret("token_hash", "bytea NOT NULL")
            .reference("task_id", "app.tasks", OnDelete::Cascade, "")
            .reference_member("user_id", OnDelete::SetNull, "created_at, id")
            .unique("task_id, user_id")
            .create()
    }

    #[test]
    fn keys_start_with_the_organization() {
        let sql = sample();
        assert!(sql.contains("PRIMARY KEY (organization_id, id)"));
        assert!(sql.contains("UNIQUE (organization_id, task_id, user_id)"));
        assert!(sql.contains("FOREIGN KEY (organization_id, user_id)"));
        assert!(
            sql.contains("REFERENCES app.organization_members (organization_id, user_id) ON DELETE SET NULL (user_id)")
        );
    }

    #[test]
    fn a_unique_constraint_serves_as_its_keys_index() {
        let sql = sample();
        assert!(!sql.contains("notes_task_id_idx"));
        assert!(
            sql.contains("CREATE INDEX notes_user_id_idx ON app.notes (organization_id, user_id, created_at, id);")
        );
    }

    #[test]
    fn nobody_may_move_a_row_or_read_a_secret() {
        let sql = sample();
        assert!(sql.contains("GRANT UPDATE (title, user_id, updated_at) ON app.notes TO"));
        assert!(sql.contains("GRANT SELECT (organization_id, id, title, task_id, user_id, created_at, updated_at) ON"));
    }

    #[test]
    fn the_policy_has_the_one_form() {
        let condition = "organization_id = nullif(current_setting('app.current_organization_id', true), '')::uuid";
        let sql = sample();
        assert!(sql.contains(&format!("USING ({condition})")));
        assert!(sql.contains(&format!("WITH CHECK ({condition})")));
        assert!(sql.contains("ALTER TABLE app.notes FORCE ROW LEVEL SECURITY;"));
    }
}
