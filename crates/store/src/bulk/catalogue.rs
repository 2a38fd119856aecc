//! What a bulk load sets aside and puts back: the force of row-level security, foreign keys, indexes. All of it is read from
//! the catalogue and put back word for word, so a table that gains an index tomorrow keeps it.

use tenantry_wire::Connection;

use crate::error::StoreError;
use crate::sql::Sql;

/// One thing that is set aside: its name, and the statement that brings it back.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: String,
    pub(super) restore: String,
}

/// Tables whose row-level security binds their owner. COPY is refused while it does, and a new foreign key would be checked
/// against no rows at all. Tables that refer to loaded ones are among them, because their keys are set aside as well.
const FORCED: &str = "SELECT format('%I.%I', n.nspname, c.relname), \
            format('ALTER TABLE %I.%I NO FORCE ROW LEVEL SECURITY', n.nspname, c.relname), \
            format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', n.nspname, c.relname) \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relforcerowsecurity \
       AND (c.oid = ANY($1::text[]::regclass[]) \
            OR c.oid IN (SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid = ANY($1::text[]::regclass[]))) \
     ORDER BY 1";

/// Foreign keys from and to the tables. Those to them as well, because a key holds on to the index that it refers to.
const FOREIGN_KEYS: &str = "SELECT con.conname::text, \
            format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, con.conname), \
            format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, con.conname, pg_get_constraintdef(con.oid)) \
            || coalesce(format('; COMMENT ON CONSTRAINT %I ON %I.%I IS %L', con.conname, n.nspname, c.relname, \
                               obj_description(con.oid, 'pg_constraint')), '') \
     FROM pg_constraint con \
     JOIN pg_class c ON c.oid = con.conrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE con.contype = 'f' AND con.conparentid = 0 \
       AND (con.conrelid = ANY($1::text[]::regclass[]) OR con.confrelid = ANY($1::text[]::regclass[])) \
     ORDER BY n.nspname, c.relname, con.conname";

/// Indexes of the tables, those behind primary keys and unique constraints included. One that carries something its definition
/// does not say (a comment, a table space, that the table is clustered by it or identified by it for replication) is left alone.
const INDEXES: &str = "SELECT i.relname::text, \
            CASE WHEN con.oid IS NULL THEN format('DROP INDEX %I.%I', n.nspname, i.relname) \
                 ELSE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', n.nspname, c.relname, con.conname) END, \
            CASE WHEN con.oid IS NULL THEN pg_get_indexdef(x.indexrelid) \
                 ELSE format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, con.conname, \
                             pg_get_constraintdef(con.oid)) END \
     FROM pg_index x \
     JOIN pg_class i ON i.oid = x.indexrelid \
     JOIN pg_class c ON c.oid = x.indrelid \
     JOIN pg_namespace n ON n.oid = c.relnamespace \
     LEFT JOIN pg_constraint con ON con.conindid = x.indexrelid AND con.contype IN ('p', 'u', 'x') \
     WHERE x.indrelid = ANY($1::text[]::regclass[]) AND c.relkind = 'r' AND NOT c.relispartition \
       AND NOT x.indisclustered AND NOT x.indisreplident AND i.reltablespace = 0 \
       AND obj_description(x.indexrelid, 'pg_class') IS NULL \
       AND obj_description(con.oid, 'pg_constraint') IS NULL \
       AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = x.indexrelid AND a.attstattarget >= 0) \
     ORDER BY c.oid, x.indexrelid";

/// Lets the owner reach the rows of `tables`; gives what brings the policies' force back.
pub(super) async fn lift_policies(connection: &mut Connection, tables: &[&str]) -> Result<Vec<Definition>, StoreError> {
    set_aside(connection, FORCED, tables).await
}

/// Drops foreign keys; gives what brings them back.
pub(super) async fn drop_foreign_keys(
    connection: &mut Connection,
    tables: &[&str],
) -> Result<Vec<Definition>, StoreError> {
    set_aside(connection, FOREIGN_KEYS, tables).await
}

/// Drops indexes; gives what brings them back. The foreign keys that hold on to them must be gone.
pub(super) async fn drop_indexes(connection: &mut Connection, tables: &[&str]) -> Result<Vec<Definition>, StoreError> {
    set_aside(connection, INDEXES, tables).await
}

/// Runs statements that were not made from anything a user wrote.
pub(super) async fn run(connection: &mut Connection, statements: &str) -> Result<(), StoreError> {
    connection.script(statements).await?;
    Ok(())
}

/// Runs the second column of each row that `question` finds, and keeps the third.
async fn set_aside(
    connection: &mut Connection,
    question: &str,
    tables: &[&str],
) -> Result<Vec<Definition>, StoreError> {
    let tables: Vec<String> = tables.iter().map(|&name| name.to_owned()).collect();
    let mut sql = Sql::new(question);
    // The question already says $1, as often as it needs it.
    sql.value(tables);
    let rows = sql.run(connection).await?;
    let mut definitions = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        let drop: String = row.get(1)?;
        run(connection, &drop).await?;
        definitions.push(Definition { name: row.get(0)?, restore: row.get(2)? });
    }
    Ok(definitions)
}
