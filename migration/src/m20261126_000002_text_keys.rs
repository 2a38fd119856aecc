//! Texts that are compared are stored in one spelling: names in Unicode's normal form C, and users' e-mail addresses in
//! lower case as well. Uniqueness has rules of its own and does not depend on the database's locale, which decides
//! whether `İ` and `i` are the same letter.
//!
//! Rows that cannot have the new spelling, because another row has it already or it would be too long, stay unchanged:
//! a migration must not fail because of what people have written. If two workspaces of one organization have the same
//! name by the new rule, a number is appended to the name of the newer one.

/// One spelling, whatever the database's locale; the same as the program's `folded_email`.
const FOLDED_EMAIL: &str = "normalize(lower(normalize(email, NFC) COLLATE \"und-x-icu\"), NFC)";

/// True for an address without characters that folding would turn into an ASCII character, such as the Kelvin sign. An
/// address with such a character is a different mailbox and stays unchanged.
const FOLDS_SAFELY: &str = "translate(email, U&'\\212A\\037E\\1FEF', '') = email";

/// What workspace names are compared by.
const WORKSPACE_KEY: &str = "normalize(lower(name COLLATE \"und-x-icu\"), NFC)";

/// All one-line texts that people can write through the API, with the maximum number of characters of each column.
const LINES: &[(&str, &[(&str, u32)])] = &[
    ("auth.users", &[("name", 200)]),
    ("app.organizations", &[("name", 200)]),
    ("app.workspaces", &[("name", 200)]),
    ("app.clients", &[("name", 200), ("email", 320), ("phone", 100), ("company", 200)]),
    ("app.projects", &[("name", 200)]),
    ("app.tasks", &[("title", 500)]),
];

pub(crate) fn up() -> String {
    // The old rules are dropped first: under them two rows may collide that differ under the new ones, during the
    // update or at the end.
    let mut statements = vec![
        "DROP INDEX auth.users_email_key;\nDROP INDEX app.organization_invitations_pending_key;\n\
         DROP INDEX app.workspaces_name_key;"
            .to_owned(),
    ];
    for (table, columns) in LINES {
        statements.push(as_owner(table, &columns.iter().map(normalize(table)).collect::<Vec<_>>().join("\n")));
    }
    statements.push(users());
    statements.push(as_owner("app.organization_invitations", &invitations()));
    statements.push(as_owner("app.workspaces", &workspaces()));
    statements.join("\n")
}

pub(crate) fn down() -> String {
    "DROP INDEX app.workspaces_name_key;
CREATE UNIQUE INDEX workspaces_name_key ON app.workspaces (organization_id, lower(name));
DROP INDEX app.organization_invitations_pending_key;
CREATE UNIQUE INDEX organization_invitations_pending_key ON app.organization_invitations (organization_id, lower(email))
    WHERE accepted_at IS NULL AND revoked_at IS NULL;
ALTER TABLE auth.users DROP CONSTRAINT users_email_folded_check;
DROP INDEX auth.users_email_key;
CREATE UNIQUE INDEX users_email_key ON auth.users (lower(email));"
        .to_owned()
}

/// The policies also apply to the owner, who would see no rows.
fn as_owner(table: &str, statements: &str) -> String {
    if table == "auth.users" {
        return statements.to_owned();
    }
    format!(
        "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY;\n{statements}\nALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
    )
}

fn normalize(table: &str) -> impl Fn(&(&str, u32)) -> String {
    move |(column, max)| {
        format!(
            "UPDATE {table} SET {column} = normalize({column}, NFC)
    WHERE {column} IS NOT NFC NORMALIZED AND char_length(normalize({column}, NFC)) <= {max};"
        )
    }
}

fn users() -> String {
    format!(
        "UPDATE auth.users u SET email = f.folded FROM (
    SELECT e.id, e.folded, row_number() OVER (PARTITION BY e.folded ORDER BY e.email = e.folded DESC, e.created_at, e.id) AS n
    FROM (SELECT id, email, created_at, {FOLDED_EMAIL} AS folded FROM auth.users WHERE {FOLDS_SAFELY}) e
) f WHERE f.id = u.id AND f.n = 1 AND f.folded <> u.email AND char_length(f.folded) <= 320;
-- One account per address. An index over an expression would not be used under row-level security.
CREATE UNIQUE INDEX users_email_key ON auth.users (email);
-- For what is written from now on. Older rows that could not be folded are found by nobody.
ALTER TABLE auth.users ADD CONSTRAINT users_email_folded_check CHECK (email = {FOLDED_EMAIL}) NOT VALID;"
    )
}

fn invitations() -> String {
    format!(
        "UPDATE app.organization_invitations i SET email = f.folded FROM (
    SELECT e.organization_id, e.id, e.folded, NOT e.is_pending OR row_number() OVER (
            PARTITION BY e.organization_id, e.folded, e.is_pending ORDER BY e.email = e.folded DESC, e.created_at, e.id
        ) = 1 AS is_free
    FROM (
        SELECT organization_id, id, email, created_at, accepted_at IS NULL AND revoked_at IS NULL AS is_pending,
            {FOLDED_EMAIL} AS folded
        FROM app.organization_invitations WHERE {FOLDS_SAFELY}
    ) e
) f WHERE f.organization_id = i.organization_id AND f.id = i.id AND f.is_free AND f.folded <> i.email
    AND char_length(f.folded) <= 320;
CREATE UNIQUE INDEX organization_invitations_pending_key ON app.organization_invitations (organization_id, email)
    WHERE accepted_at IS NULL AND revoked_at IS NULL;"
    )
}

fn workspaces() -> String {
    // The end of the id is random, so the new name is not taken.
    format!(
        "UPDATE app.workspaces w SET name = left(w.name, 170) || ' (' || d.n || '-' || right(w.id::text, 12) || ')' FROM (
    SELECT organization_id, id,
        row_number() OVER (PARTITION BY organization_id, {WORKSPACE_KEY} ORDER BY created_at, id) AS n
    FROM app.workspaces
) d WHERE d.organization_id = w.organization_id AND d.id = w.id AND d.n > 1;
CREATE UNIQUE INDEX workspaces_name_key ON app.workspaces (organization_id, ({WORKSPACE_KEY}));"
    )
}
