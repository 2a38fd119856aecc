//! Organizations, the tenants themselves. This is the only table whose own id is the organization's id, so it does not
//! use `tenant_table`.

use crate::roles::TENANT_ROLES;
use crate::tenant_table::{CURRENT_ORGANIZATION, NO_ORGANIZATION, secure};

pub(crate) fn up() -> String {
    let table = "CREATE TABLE app.organizations (
    id uuid NOT NULL,
    name text NOT NULL,
    slug text NOT NULL,
    logo_url text,
    time_zone text NOT NULL DEFAULT 'UTC',
    deletion_requested_at timestamptz,
    deletion_due_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT organizations_pkey PRIMARY KEY (id),
    CONSTRAINT organizations_slug_key UNIQUE (slug),
    CONSTRAINT organizations_name_check CHECK (char_length(name) <= 200 AND btrim(name) <> ''),
    CONSTRAINT organizations_slug_check CHECK (char_length(slug) <= 63 AND slug ~ '^[a-z0-9](-?[a-z0-9])*$'),
    CONSTRAINT organizations_logo_url_check CHECK (char_length(logo_url) <= 2048),
    CONSTRAINT organizations_time_zone_check CHECK (char_length(time_zone) BETWEEN 1 AND 64),
    CONSTRAINT organizations_deletion_check CHECK ((deletion_requested_at IS NULL) = (deletion_due_at IS NULL))
);
-- What the clean-up job looks for; hardly ever more than a few rows.
CREATE INDEX organizations_deletion_due_at_idx ON app.organizations (deletion_due_at, id)
    WHERE deletion_due_at IS NOT NULL;";
    let tenant = secure("app.organizations", &format!("id = {CURRENT_ORGANIZATION}"));
    let due = format!("{NO_ORGANIZATION} AND deletion_due_at <= now()");
    format!(
        "{table}
{tenant}
-- \"My organizations\", before one of them is chosen. The list comes from the user's own memberships.
CREATE POLICY organizations_of_user ON app.organizations FOR SELECT TO {TENANT_ROLES}
    USING ({NO_ORGANIZATION}
        AND id = ANY (nullif(current_setting('app.current_organization_ids', true), '')::uuid[]));
-- The clean-up job works across organizations, and sees none but those it is about to remove.
CREATE POLICY organizations_due_for_deletion ON app.organizations FOR SELECT TO tenantry_worker
    USING ({due});
CREATE POLICY organizations_delete_when_due ON app.organizations FOR DELETE TO tenantry_worker
    USING ({due});

GRANT SELECT, INSERT ON app.organizations TO {TENANT_ROLES};
GRANT UPDATE (name, slug, logo_url, time_zone, deletion_requested_at, deletion_due_at, updated_at)
    ON app.organizations TO {TENANT_ROLES};
-- The application only schedules a deletion; the job carries it out.
GRANT DELETE ON app.organizations TO tenantry_worker;"
    )
}

pub(crate) fn down() -> String {
    "DROP TABLE app.organizations;".to_owned()
}
