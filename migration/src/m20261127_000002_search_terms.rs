//! The index of search: a row for each word of each row that is searched.
//!
//! A plain table, because neither `@@` nor `LIKE` is leakproof: for a role that is subject to a policy PostgreSQL would use no index of
//! that kind. Terms are compared byte by byte, so that the words with one beginning are one range.
//!
//! It holds nothing that is not in the rows themselves, so it has no ids and no times, and `tenantry reindex` makes it anew. It has no keys
//! to the rows: each would be checked for every word.

use crate::tenant_table::TenantTable;

pub(crate) fn up() -> String {
    TenantTable::new("app.search_terms")
        .keyed_by("entity_id, term")
        .fixed("entity_id", "uuid NOT NULL")
        .fixed("term", "text COLLATE \"C\" NOT NULL")
        .check("term", "char_length(term) BETWEEN 1 AND 80")
        .fixed("kind", "text NOT NULL")
        .check("kind", "kind ~ '^[a-z_]{1,40}$'")
        // What is placed in a project is seen by those who see the project.
        .column("project_id", "uuid")
        .column("weight", "smallint NOT NULL")
        .check("weight", "weight > 0")
        .column("for_guests", "boolean NOT NULL")
        // The rows of one kind that have a word: the ones about which it says most, then the newest.
        .index_with("kind", "kind, term, weight DESC, entity_id DESC", "project_id, for_guests")
        .create()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.search_terms;".to_owned()
}
