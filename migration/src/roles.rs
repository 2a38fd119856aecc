//! The roles that receive all grants, and the preconditions of the first migration. This is not a migration: roles
//! belong to the whole cluster and are shared by its databases, so they have no `down`. A database restored on another
//! cluster needs them again although all its migrations are applied.

/// Roles that access tenant data, always subject to its policies.
pub(crate) const TENANT_ROLES: &str = "tenantry_app, tenantry_worker";

/// All roles except the owner.
pub(crate) const ALL_ROLES: &str = "tenantry_app, tenantry_auth, tenantry_worker";

/// Runs with the connected role, before switching to `tenantry_owner`. Each part is skipped if it is already done, so
/// once an administrator has created the roles, a plain `tenantry_owner` needs only CREATE on its database.
pub(crate) const PREPARE: &str = r"
DO $prepare$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['tenantry_owner', 'tenantry_app', 'tenantry_auth', 'tenantry_worker'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
            BEGIN
                -- No password: whoever runs the cluster decides how these roles sign in.
                EXECUTE format(
                    'CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION', wanted
                );
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Another database of the cluster was migrated at the same moment; the advisory lock is per database.
                NULL;
            END;
        END IF;
    END LOOP;

    IF NOT pg_catalog.pg_has_role(current_user, 'tenantry_owner', 'MEMBER') THEN
        EXECUTE format('GRANT tenantry_owner TO %I', current_user);
    END IF;

    IF NOT pg_catalog.has_database_privilege('tenantry_owner', current_database(), 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON DATABASE %I TO tenantry_owner', current_database());
    END IF;

    -- A cluster upgraded from before PostgreSQL 15 still lets everybody create objects in public, in front of a
    -- name that somebody forgot to qualify.
    IF to_regnamespace('public') IS NOT NULL AND pg_catalog.has_schema_privilege('public', 'public', 'CREATE') THEN
        BEGIN
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING 'everybody may create objects in schema public; an administrator should revoke it';
        END;
    END IF;
END
$prepare$;
";

/// Runs as `tenantry_owner`, before the first migration: the schema of the record of applied migrations. The check
/// comes first because `IF NOT EXISTS` demands the privilege even if there is nothing to create.
pub(crate) const CREATE_PLATFORM: &str = r"
DO $platform$
BEGIN
    IF to_regnamespace('platform') IS NULL THEN
        CREATE SCHEMA platform;
    END IF;
END
$platform$;
";
