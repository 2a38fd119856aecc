//! Lets `tenantry doctor` find the organizations whose time zone is unknown. Their days are in UTC, which an operator
//! should know.

use crate::roles::TENANT_ROLES;
use crate::tenant_table::NO_ORGANIZATION;

pub(crate) fn up() -> String {
    format!(
        "-- Which zones are known only the program can say, in a setting: unset, the policy shows nothing. A list of them here
-- would age, and a policy with a sub-select cannot be spread over a cluster.
CREATE POLICY organizations_of_unknown_time_zone ON app.organizations FOR SELECT TO {TENANT_ROLES}
    USING ({NO_ORGANIZATION}
        AND time_zone <> ALL (nullif(current_setting('app.known_time_zones', true), '')::text[]));"
    )
}

pub(crate) fn down() -> String {
    "DROP POLICY organizations_of_unknown_time_zone ON app.organizations;".to_owned()
}
