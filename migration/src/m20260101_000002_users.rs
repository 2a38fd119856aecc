//! Users. They belong to no organization, so there is no row-level security here. The password hash is protected by a
//! column grant: only `tenantry_auth` has it.

use crate::roles::TENANT_ROLES;

pub(crate) fn up() -> String {
    format!(
        "CREATE TABLE auth.users (
    id uuid NOT NULL,
    email text NOT NULL,
    name text NOT NULL,
    avatar_url text,
    password_hash text,
    email_verified_at timestamptz,
    platform_role text NOT NULL DEFAULT 'user',
    banned_at timestamptz,
    ban_reason text,
    ban_expires_at timestamptz,
    onboarded_at timestamptz,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_email_check CHECK (char_length(email) <= 320 AND btrim(email) <> ''),
    CONSTRAINT users_name_check CHECK (char_length(name) <= 200 AND btrim(name) <> ''),
    CONSTRAINT users_avatar_url_check CHECK (char_length(avatar_url) <= 2048),
    CONSTRAINT users_platform_role_check CHECK (platform_role IN ('user', 'admin')),
    CONSTRAINT users_ban_reason_check CHECK (char_length(ban_reason) <= 2000)
);
-- One account per address, however it is capitalised.
CREATE UNIQUE INDEX users_email_key ON auth.users (lower(email));

GRANT SELECT (id, email, name, avatar_url, email_verified_at, platform_role, banned_at, ban_reason, ban_expires_at,
    onboarded_at, last_login_at, created_at, updated_at) ON auth.users TO {TENANT_ROLES};
GRANT UPDATE (name, avatar_url, onboarded_at, updated_at) ON auth.users TO {TENANT_ROLES};
GRANT SELECT, INSERT, DELETE ON auth.users TO tenantry_auth;
GRANT UPDATE (email, name, avatar_url, password_hash, email_verified_at, platform_role, banned_at, ban_reason,
    ban_expires_at, onboarded_at, last_login_at, updated_at) ON auth.users TO tenantry_auth;"
    )
}

pub(crate) fn down() -> String {
    "DROP TABLE auth.users;".to_owned()
}
