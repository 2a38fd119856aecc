//! The schemas, their privileges, and no privileges for PUBLIC on objects created later. The schema `platform` exists
//! before the first migration, because the record of migrations is in it.

use crate::roles::TENANT_ROLES;

pub(crate) fn up() -> String {
    format!(
        "CREATE SCHEMA auth;
CREATE SCHEMA app;
CREATE SCHEMA billing;
GRANT USAGE ON SCHEMA auth TO {TENANT_ROLES}, tenantry_auth;
GRANT USAGE ON SCHEMA app, billing TO {TENANT_ROLES};

-- PostgreSQL gives these two to everybody unless told otherwise; tables it gives to nobody.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC;"
    )
}

pub(crate) fn down() -> String {
    // The roles stay, because they belong to the cluster and other databases may use them.
    "ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC;
DROP SCHEMA billing;
DROP SCHEMA app;
DROP SCHEMA auth;"
        .to_owned()
}
