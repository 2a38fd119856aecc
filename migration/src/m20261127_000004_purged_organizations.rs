//! The organizations that were deleted and may still have files: their names in the storage are all that is left of them. Only the worker has
//! grants on it.

pub(crate) fn up() -> String {
    "CREATE TABLE app.purged_organizations (
    id uuid NOT NULL,
    purged_at timestamptz NOT NULL,
    CONSTRAINT purged_organizations_pkey PRIMARY KEY (id)
);
GRANT SELECT, INSERT, DELETE ON app.purged_organizations TO tenantry_worker;"
        .to_owned()
}

pub(crate) fn down() -> String {
    "DROP TABLE app.purged_organizations;".to_owned()
}
