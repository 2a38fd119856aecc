//! The partitions of tables that are divided by month. The application may not create tables, so two functions with the owner's
//! rights do it. They take nothing that a caller could turn against us: the months follow from the clock of the database.

use crate::roles::TENANT_ROLES;
use crate::tenant_table::{CURRENT_ORGANIZATION, secure};

/// How many months there are partitions for, beyond the current one.
pub const MONTHS_AHEAD: u32 = 3;

/// Makes the partitions that are missing.
pub(crate) const MAKE: &str = "SELECT platform.make_partitions()";

/// The functions, and the partitions that are there from the beginning.
pub(crate) fn create_functions() -> String {
    // The same statements as for a table, with the partition's name in their place.
    let secured = secure("%1$s", &format!("organization_id = {CURRENT_ORGANIZATION}")).replace('\'', "''");
    let secured = secured.lines().collect::<Vec<_>>().join(" ");
    format!(
        "CREATE FUNCTION platform.make_partitions() RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' SET timezone = 'UTC' AS $make$
DECLARE
    parent record;
    month timestamptz;
    bare text;
    made text[] := '{{}}';
BEGIN
    -- Two servers that start at once; the second then finds everything made.
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry partitions', 0));
    FOR parent IN
        SELECT c.oid, n.nspname AS schema, c.relname AS name FROM pg_partitioned_table p
        JOIN pg_class c ON c.oid = p.partrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND p.partstrat = 'r' ORDER BY 1, 2
    LOOP
        FOR month IN
            SELECT generate_series(date_trunc('month', now()), date_trunc('month', now()) + interval '{MONTHS_AHEAD} months',
                interval '1 month')
        LOOP
            bare := parent.name || '_' || to_char(month, 'YYYY_MM');
            CONTINUE WHEN EXISTS (
                SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = parent.oid AND c.relname = bare);
            -- A table of this name that is no partition is somebody's who has to put it away.
            -- Made apart and attached then, because a table that is created as a partition stops all readers of its parent.
            EXECUTE format('CREATE TABLE %I.%I (LIKE %I.%I INCLUDING ALL)', parent.schema, bare, parent.schema, parent.name);
            EXECUTE format('{secured}', format('%I.%I', parent.schema, bare));
            EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                parent.schema, parent.name, parent.schema, bare, month, month + interval '1 month');
            made := made || format('%I.%I', parent.schema, bare);
        END LOOP;
    END LOOP;
    RETURN made;
END
$make$;
GRANT EXECUTE ON FUNCTION platform.make_partitions() TO {TENANT_ROLES};
CREATE FUNCTION platform.detach_partitions(parent text, before date) RETURNS text[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' SET timezone = 'UTC' AS $detach$
DECLARE
    part record;
    detached text[] := '{{}}';
BEGIN
    IF before > date_trunc('month', now()) THEN
        RAISE EXCEPTION 'what is written to now cannot be detached' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('tenantry partitions', 0));
    FOR part IN
        SELECT n.nspname AS schema, c.relname AS name, p.relname AS of FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_class p ON p.oid = i.inhparent
        WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND p.relnamespace = c.relnamespace
            AND format('%s.%s', n.nspname, p.relname) = parent AND p.relkind = 'p'
            -- The name ends in the month. The month of `before` itself stays.
            AND c.relname ~ '_[0-9]{{4}}_[0-9]{{2}}$' AND right(c.relname, 7) < to_char(before, 'YYYY_MM')
        ORDER BY 2
    LOOP
        EXECUTE format('ALTER TABLE %I.%I DETACH PARTITION %I.%I', part.schema, part.of, part.schema, part.name);
        detached := detached || format('%I.%I', part.schema, part.name);
    END LOOP;
    RETURN detached;
END
$detach$;
GRANT EXECUTE ON FUNCTION platform.detach_partitions(text, date) TO tenantry_worker;
{MAKE};"
    )
}

pub(crate) fn drop_functions() -> String {
    "DROP FUNCTION platform.detach_partitions(text, date);\nDROP FUNCTION platform.make_partitions();".to_owned()
}
