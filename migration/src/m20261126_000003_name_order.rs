//! Lists by name run as people sort: by the root collation of ICU, which every PostgreSQL that is built with ICU has, whatever
//! the locale that the database was made with. Positions and ids stay sorted by bytes.
//!
//! A name's column keeps its collation. The order stands in the index and in the statement that reads it, and both are of one
//! constant each, which a test compares.

/// The tables that have lists by name.
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
