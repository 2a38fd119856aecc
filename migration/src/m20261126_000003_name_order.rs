//! Lists by name are sorted as people expect: by the root collation of ICU, which every PostgreSQL built with ICU has,
//! whatever the database's locale. Positions and ids are still sorted by bytes.
//!
//! The name columns keep their collation. The collation is named in the index and in the statement that reads it, each
//! from a constant; a test compares the two.

/// The tables with lists by name.
const TABLES: [&str; 3] = ["clients", "projects", "workspaces"];

pub(crate) fn up() -> String {
    indexes("name COLLATE \"und-x-icu\"")
}

pub(crate) fn down() -> String {
    indexes("name")
}

fn indexes(name: &str) -> String {
    let index = |table: &str| {
        format!(
            "DROP INDEX app.{table}_name_idx;
CREATE INDEX {table}_name_idx ON app.{table} (organization_id, {name}, id);"
        )
    };
    TABLES.map(index).join("\n")
}
