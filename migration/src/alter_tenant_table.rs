//! The one way to change a tenant table that is in use: what is added keeps the rules of [`TenantTable`](crate::tenant_table), and
//! nobody waits longer than a moment while it is added. Writes SQL text and runs nothing.
//!
//! A migration that adds a column is this, and is recorded once. It runs in several transactions; cut off between two of them,
//! it starts over:
//!
//! ```ignore
//! fn change() -> AlterTenantTable {
//!     AlterTenantTable::new("app.clients").optional_text("website", 2_048)
//! }
//!
//! pub(crate) fn up() -> Change {
//!     change().up()
//! }
//!
//! pub(crate) fn down() -> Change {
//!     change().down()
//! }
//! ```
#![cfg_attr(not(test), expect(dead_code, reason = "a change of a table that is in use takes of this what it needs"))]

#[cfg(test)]
mod tests;

use crate::change::{Change, Part};
use crate::roles::TENANT_ROLES;
use crate::tenant_table::{
    Access, Column, OnDelete, Operation, bare_name, constraint_name, index_statement, one_of_condition,
};

/// Goes before what PostgreSQL would refuse the second time.
const AGAIN: &str = "-- A run that was cut off may have added it.\n-- squawk-ignore ban-drop-constraint\n";

/// `IF NOT EXISTS` would keep an index whose building was cut off, and which is of no use.
const BUILT_ANEW: &str = "-- squawk-ignore prefer-robust-stmts\n";

/// A change of a tenant table in the making; [`up`](Self::up) and [`down`](Self::down) return its parts.
///
/// Column lists are written as in SQL and **without** `organization_id`, which every key and index starts with by itself.
#[derive(Debug)]
pub(crate) struct AlterTenantTable {
    name: &'static str,
    operations: &'static [Operation],
    columns: Vec<Column>,
    /// The columns that stay readable beside the first secret one.
    readable: Option<&'static str>,
    /// The name and the condition of each check.
    checks: Vec<(String, String)>,
    /// The name of each index, and what creates it.
    indexes: Vec<(String, String)>,
    keys: Vec<Key>,
    required: Vec<&'static str>,
}

/// A key to another tenant table.
#[derive(Debug)]
struct Key {
    name: String,
    column: &'static str,
    table: &'static str,
    target: &'static str,
    on_delete: OnDelete,
}

impl AlterTenantTable {
    /// Starts a change; `name` is qualified, as in `app.clients`.
    pub(crate) fn new(name: &'static str) -> Self {
        Self {
            name,
            operations: &[Operation::Select, Operation::Insert, Operation::Update, Operation::Delete],
            columns: Vec::new(),
            readable: None,
            checks: Vec::new(),
            indexes: Vec::new(),
            keys: Vec::new(),
            required: Vec::new(),
        }
    }

    /// What the tenant roles may do with the table, when that is not all four operations.
    pub(crate) fn operations(mut self, operations: &'static [Operation]) -> Self {
        self.operations = operations;
        self
    }

    /// A column that the tenant roles may update. It is nullable or has a constant default, because there are rows already.
    pub(crate) fn column(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::ReadWrite)
    }

    /// A column that is set with the row and stays as it is.
    pub(crate) fn fixed(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::Fixed)
    }

    /// A column that the tenant roles may write with the row and never read, of a table that has such columns already.
    pub(crate) fn secret(self, name: &'static str, definition: &str) -> Self {
        self.add(name, definition, Access::Secret)
    }

    /// As [`secret`](Self::secret), of a table that was readable as a whole: `readable` are all the columns that it has, with
    /// `organization_id`. Those that this change adds are granted besides.
    pub(crate) fn first_secret(mut self, name: &'static str, definition: &str, readable: &'static str) -> Self {
        self.readable = Some(readable);
        self.secret(name, definition)
    }

    /// A text that may be absent, of at most `max` characters.
    pub(crate) fn optional_text(self, name: &'static str, max: u32) -> Self {
        self.column(name, "text").check(name, &format!("char_length({name}) <= {max}"))
    }

    /// An enum: text that is one of `values`, the first of which is the default and what the rows have that are there.
    pub(crate) fn one_of(self, name: &'static str, values: &[&str]) -> Self {
        let default = values.first().copied().unwrap_or_default();
        self.column(name, &format!("text NOT NULL DEFAULT '{default}'")).check(name, &one_of_condition(name, values))
    }

    /// A condition that every row meets; `suffix` tells it from the table's others.
    pub(crate) fn check(mut self, suffix: &str, condition: &str) -> Self {
        self.checks.push((format!("{}_{suffix}_check", bare_name(self.name)), condition.to_owned()));
        self
    }

    /// Nulls are allowed no longer in a column that has none left.
    pub(crate) fn required(mut self, column: &'static str) -> Self {
        self.required.push(column);
        self
    }

    /// An index for a question that the product asks.
    pub(crate) fn index(self, suffix: &str, columns: &str) -> Self {
        self.index_where(suffix, columns, "")
    }

    /// As [`index`](Self::index), over the rows that meet `condition` only (empty: all rows).
    pub(crate) fn index_where(self, suffix: &str, columns: &str, condition: &str) -> Self {
        self.add_index("INDEX", suffix, columns, condition)
    }

    /// No two rows of one organization agree in these columns, of those that meet `condition` (empty: all rows). Building it
    /// fails while there are such rows.
    pub(crate) fn unique_index(self, suffix: &str, columns: &str, condition: &str) -> Self {
        self.add_index("UNIQUE INDEX", suffix, columns, condition)
    }

    /// A key to another tenant table's id, with its index; `then` are further columns for that index, in the order in which
    /// lists of this table under one such row are read. The column is one that is there or one that this change adds.
    pub(crate) fn reference(
        self,
        column: &'static str,
        table: &'static str,
        on_delete: OnDelete,
        then: &'static str,
    ) -> Self {
        self.add_key(column, table, "id", on_delete, then)
    }

    /// A key to a member of the organization, by user.
    pub(crate) fn reference_member(self, column: &'static str, on_delete: OnDelete, then: &'static str) -> Self {
        self.add_key(column, "app.organization_members", "user_id", on_delete, then)
    }

    /// Makes the change.
    pub(crate) fn up(self) -> Change {
        let mut parts = vec![Part::Brief(self.new_columns())];
        for (index, create) in &self.indexes {
            // One whose building was cut off is there, and of no use.
            parts.push(Part::Alone(vec![self.drop_index(index), format!("{BUILT_ANEW}{create}")]));
        }
        // After their indexes: from here on, a delete over there looks for rows here.
        parts.extend(self.keys.iter().map(|key| {
            let Key { name, column, table, target, on_delete } = key;
            let action = on_delete.clause(column);
            Part::Brief(self.add_constraint(
                name,
                &format!("FOREIGN KEY (organization_id, {column})\n    REFERENCES {table} (organization_id, {target}){action}"),
            ))
        }));
        parts.extend(self.checks.iter().map(|(name, _)| Part::Patient(vec![self.validate(name)])));
        // PostgreSQL looks for rows without a counterpart by a query of the owner's, which is shown no rows while the policies
        // bind the owner, and then finds nothing wrong.
        parts.extend(self.keys.iter().map(|key| {
            let mut tables = vec![self.name.to_owned(), key.table.to_owned()];
            tables.dedup();
            Part::Unforced { tables, statement: self.validate(&key.name) }
        }));
        for column in &self.required {
            // With this condition proven, PostgreSQL does not read the table to set the column NOT NULL.
            let name = format!("{}_{column}_not_null", bare_name(self.name));
            parts.push(Part::Brief(self.add_constraint(&name, &format!("CHECK ({column} IS NOT NULL)"))));
            parts.push(Part::Patient(vec![self.validate(&name)]));
            parts.push(Part::Brief(vec![
                format!("ALTER TABLE {} ALTER COLUMN {column} SET NOT NULL;", self.name),
                format!("-- squawk-ignore ban-drop-constraint\n{}", self.drop_constraint(&name)),
            ]));
        }
        parts.retain(|part| !matches!(part, Part::Brief(statements) if statements.is_empty()));
        Change::Parts(parts)
    }

    /// Takes the change back, with the data in the columns that it added.
    pub(crate) fn down(self) -> Change {
        let keys = self.keys.iter().map(|key| Part::Brief(vec![self.drop_constraint(&key.name)]));
        let mut parts: Vec<Part> = keys.collect();
        parts.extend(self.indexes.iter().map(|(index, _)| Part::Alone(vec![self.drop_index(index)])));
        let name = self.name;
        let mut last: Vec<String> = Vec::new();
        last.extend(
            self.required.iter().map(|column| format!("ALTER TABLE {name} ALTER COLUMN {column} DROP NOT NULL;")),
        );
        last.extend(self.checks.iter().map(|(check, _)| self.drop_constraint(check)));
        if self.readable.is_some() {
            // Takes the grants by column away as well.
            last.push(format!("REVOKE SELECT ON {name} FROM {TENANT_ROLES};"));
        }
        // The columns' grants go with them.
        last.extend(
            self.columns.iter().map(|column| format!("ALTER TABLE {name} DROP COLUMN IF EXISTS {};", column.name)),
        );
        if self.readable.is_some() {
            last.push(format!("GRANT SELECT ON {name} TO {TENANT_ROLES};"));
        }
        parts.push(Part::Brief(last));
        parts.retain(|part| !matches!(part, Part::Brief(statements) if statements.is_empty()));
        Change::Parts(parts)
    }

    /// The columns, their checks for what is written from now on, and their grants.
    fn new_columns(&self) -> Vec<String> {
        let name = self.name;
        let mut statements: Vec<String> = self
            .columns
            .iter()
            .map(|column| format!("ALTER TABLE {name} ADD COLUMN IF NOT EXISTS {} {};", column.name, column.definition))
            .collect();
        for (check, condition) in &self.checks {
            statements.extend(self.add_constraint(check, &format!("CHECK ({condition})")));
        }
        statements.extend(self.grants());
        statements
    }

    /// Rows are inserted and deleted by grants on the whole table, which the new columns are part of.
    fn grants(&self) -> Vec<String> {
        let name = self.name;
        let mut statements = Vec::new();
        if let Some(readable) = self.readable {
            statements.push(format!("REVOKE SELECT ON {name} FROM {TENANT_ROLES};"));
            statements.push(format!("GRANT SELECT ({readable}) ON {name} TO {TENANT_ROLES};"));
        }
        for Column { name: column, access, .. } in &self.columns {
            let mut granted = Vec::new();
            if self.operations.contains(&Operation::Select) && *access != Access::Secret {
                granted.push(format!("SELECT ({column})"));
            }
            if self.operations.contains(&Operation::Update) && *access == Access::ReadWrite {
                granted.push(format!("UPDATE ({column})"));
            }
            if !granted.is_empty() {
                statements.push(format!("GRANT {} ON {name} TO {TENANT_ROLES};", granted.join(", ")));
            }
            if *access == Access::Secret {
                statements.push(refuse_if_readable(name, column));
            }
        }
        statements
    }

    fn add(mut self, name: &'static str, definition: &str, access: Access) -> Self {
        self.columns.push(Column { name, definition: definition.to_owned(), access });
        self
    }

    fn add_index(mut self, kind: &str, suffix: &str, columns: &str, condition: &str) -> Self {
        self.indexes.push(index_statement(self.name, kind, " CONCURRENTLY", suffix, columns, condition));
        self
    }

    fn add_key(
        mut self,
        column: &'static str,
        table: &'static str,
        target: &'static str,
        on_delete: OnDelete,
        then: &'static str,
    ) -> Self {
        let name = constraint_name(bare_name(self.name), column, "fkey");
        self.keys.push(Key { name, column, table, target, on_delete });
        let columns = if then.is_empty() { column.to_owned() } else { format!("{column}, {then}") };
        self.index(column, &columns)
    }

    /// A constraint that binds what is written from now on.
    fn add_constraint(&self, constraint: &str, definition: &str) -> Vec<String> {
        vec![
            format!("{AGAIN}{}", self.drop_constraint(constraint)),
            format!("ALTER TABLE {} ADD CONSTRAINT {constraint} {definition} NOT VALID;", self.name),
        ]
    }

    /// Makes sure that the rows that were there meet the constraint, too.
    fn validate(&self, constraint: &str) -> String {
        format!("ALTER TABLE {} VALIDATE CONSTRAINT {constraint};", self.name)
    }

    fn drop_constraint(&self, constraint: &str) -> String {
        format!("ALTER TABLE {} DROP CONSTRAINT IF EXISTS {constraint};", self.name)
    }

    /// An index lives in its table's schema.
    fn drop_index(&self, index: &str) -> String {
        let schema = self.name.strip_suffix(bare_name(self.name)).unwrap_or_default();
        format!("DROP INDEX CONCURRENTLY IF EXISTS {schema}{index};")
    }
}

/// Fails when a tenant role could read the column after all, because it may read the whole table.
fn refuse_if_readable(table: &str, column: &str) -> String {
    let readable = |role: &str| format!("has_column_privilege('{}', '{table}', '{column}', 'SELECT')", role.trim());
    let any = TENANT_ROLES.split(',').map(readable).collect::<Vec<_>>().join("\n        OR ");
    format!(
        "DO $$ BEGIN\n    IF {any} THEN\n        \
         RAISE EXCEPTION 'the secret column {column} of {table} would be readable: it is the first one there';\n    \
         END IF;\nEND $$;"
    )
}
