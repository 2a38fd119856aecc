//! The migrations: up, down and up again leave the same catalogue.

use tenantry_devdb::shared::TestDatabase;
use tenantry_migration::Script;

/// Everything about the database that a migration can change, as text: tables, columns, constraints, indexes, policies, grants,
/// functions, types, schemas and default privileges. Columns by their order: the number of one that was dropped is never used again.
const CATALOGUE: &str = "
    SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL SELECT 'relation', c.oid::regclass::text || ' ' || c.relkind::text, c.relowner::regrole::text,
        concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions, c.relispartition)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('app', 'auth', 'billing', 'platform')
    UNION ALL SELECT 'column', a.attrelid::regclass::text || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
        concat_ws(' ', row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum), a.attnotnull, a.attacl, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT 'constraint', conrelid::regclass::text || ' ' || conname, pg_get_constraintdef(k.oid), convalidated::text
        FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
        WHERE n.nspname IN ('app', 'auth', 'billing', 'platform')
    UNION ALL SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text FROM pg_index i
        JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname IN ('app', 'auth', 'billing', 'platform')
    UNION ALL SELECT 'policy', polrelid::regclass::text || ' ' || polname,
        concat_ws(' ', polcmd::text, polpermissive, (SELECT string_agg(r::regrole::text, ',' ORDER BY r::regrole::text) FROM unnest(polroles) r)),
        concat_ws(' / ', pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
    UNION ALL SELECT 'function', p.oid::regprocedure::text, pg_get_functiondef(p.oid), p.proacl::text FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('app', 'auth', 'billing', 'platform', 'public')
    UNION ALL SELECT 'trigger', tgrelid::regclass::text || ' ' || tgname, pg_get_triggerdef(oid), '' FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT 'default privileges', defaclrole::regrole::text || ' ' || defaclobjtype::text, defaclnamespace::text, defaclacl::text
        FROM pg_default_acl
    UNION ALL SELECT 'extension', extname, extversion, '' FROM pg_extension
    ORDER BY 1, 2, 3";

/// The rows that migrations insert.
const ROWS: &str = "SELECT plan, feature, limit_value, enabled FROM billing.plan_features ORDER BY 1, 2; SELECT id FROM billing.plans ORDER BY 1;
    SELECT version FROM platform.seaql_migrations ORDER BY 1;";

#[tokio::test]
async fn up_down_and_up_leave_the_same_catalogue() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    let empty = database.psql(CATALOGUE).await.unwrap();
    tenantry_migration::up(&url).await.unwrap();
    let (full, rows) = (database.psql(CATALOGUE).await.unwrap(), database.psql(ROWS).await.unwrap());
    assert!(full.contains("app.clients") && rows.contains("free"), "nothing was looked at");

    // First one at a time, as an operator would revert, and then all of them at once.
    let names = tenantry_migration::names();
    for name in names.iter().rev() {
        let reverted = tenantry_migration::down(&url, Some(1)).await.unwrap();
        assert_eq!(reverted, [name.as_str()]);
    }
    same(&database.psql(CATALOGUE).await.unwrap(), &empty);
    assert_eq!(tenantry_migration::up(&url).await.unwrap(), names);
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
    assert_eq!(database.psql(ROWS).await.unwrap(), rows);

    assert_eq!(tenantry_migration::down(&url, None).await.unwrap().len(), names.len());
    same(&database.psql(CATALOGUE).await.unwrap(), &empty);
    tenantry_migration::up(&url).await.unwrap();
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
    // Nothing is left to do, and doing nothing changes nothing.
    assert!(tenantry_migration::up(&url).await.unwrap().is_empty());
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
}

#[tokio::test]
async fn every_step_can_be_reverted_and_reapplied() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    tenantry_migration::up(&url).await.unwrap();
    let full = database.psql(CATALOGUE).await.unwrap();
    for steps in [1, 3, 7] {
        tenantry_migration::down(&url, Some(steps)).await.unwrap();
        assert_ne!(database.psql(CATALOGUE).await.unwrap(), full);
        tenantry_migration::up(&url).await.unwrap();
        same(&database.psql(CATALOGUE).await.unwrap(), &full);
    }
}

/// As when a run was cut off behind the last part, before the change was recorded.
#[tokio::test]
async fn a_change_in_parts_can_start_over() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    tenantry_migration::up(&url).await.unwrap();
    let full = database.psql(CATALOGUE).await.unwrap();
    let in_parts: Vec<_> = tenantry_migration::scripts().into_iter().filter(|script| script.in_parts).collect();
    assert!(in_parts.len() > 3, "{in_parts:?}");
    for name in in_parts.iter().map(|script| &script.name) {
        let forget = format!("DELETE FROM platform.seaql_migrations WHERE version = '{name}'");
        database.psql(&forget).await.unwrap();
        assert_eq!(tenantry_migration::up(&url).await.unwrap(), [name.as_str()]);
        same(&database.psql(CATALOGUE).await.unwrap(), &full);
    }
    for Script { name, in_parts, .. } in tenantry_migration::scripts().into_iter().rev() {
        let record = format!("INSERT INTO platform.seaql_migrations (version, applied_at) VALUES ('{name}', 0)");
        for _ in 0..if in_parts { 2 } else { 1 } {
            database.psql(&format!("{record} ON CONFLICT DO NOTHING")).await.unwrap();
            assert_eq!(tenantry_migration::down(&url, Some(1)).await.unwrap(), [name.as_str()]);
        }
    }
    tenantry_migration::up(&url).await.unwrap();
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
}

#[tokio::test]
async fn what_the_older_version_cannot_say_is_in_the_way_and_is_kept() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    tenantry_migration::up(&url).await.unwrap();
    let full = database.psql(CATALOGUE).await.unwrap();
    let id = |n: u8| format!("00000000-0000-7000-8000-0000000000{n:02}");
    let (org, invoice) = (id(1), id(2));
    let insert = format!(
        "INSERT INTO app.organizations (id, name, slug) VALUES ('{org}', 'A', 'a');
         INSERT INTO app.invoices (organization_id, id, currency, issue_date, taxes, tax_rate, number, status)
             VALUES ('{org}', '{invoice}', 'EUR', '2026-01-01', '[{{}}]', NULL, 'INV-1', 'issued');"
    );
    database.psql(&insert).await.unwrap();
    let names = tenantry_migration::names();
    let back_to = |name: &str| {
        let first = names.iter().position(|other| other.ends_with(name)).unwrap();
        Some(u32::try_from(names.len() - first).unwrap())
    };
    // What would be lost with a table is in the way of dropping it, from the newest one on.
    let payment = format!(
        "INSERT INTO app.transactions (organization_id, id, kind, amount, currency, occurred_on)
             VALUES ('{org}', '{invoice}', 'expense', 1, 'EUR', '2026-01-01');
         INSERT INTO app.number_counters (organization_id, kind, period, last) VALUES ('{org}', 'invoice', '2026', 1);"
    );
    database.psql(&payment).await.unwrap();
    let rows = "SELECT (SELECT count(*) FROM app.transactions), (SELECT count(*) FROM app.number_counters)";
    tenantry_migration::down(&url, back_to("_invoice_life")).await.unwrap_err();
    assert_eq!(database.psql(rows).await.unwrap().trim(), "1|1");
    database.psql("DELETE FROM app.transactions").await.unwrap();
    tenantry_migration::down(&url, back_to("_invoice_life")).await.unwrap_err();
    database.psql("DELETE FROM app.number_counters").await.unwrap();
    // First the status is in the way, and then the taxes. Nothing is lost by either.
    tenantry_migration::down(&url, back_to("_invoice_life")).await.unwrap_err();
    let kept = "SELECT kind, status, taxes FROM app.invoices";
    assert_eq!(database.psql(kept).await.unwrap().trim(), "invoice|issued|[{}]");
    tenantry_migration::up(&url).await.unwrap();
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
    database.psql("UPDATE app.invoices SET status = 'sent'").await.unwrap();
    tenantry_migration::down(&url, back_to("_invoice_taxes")).await.unwrap_err();
    assert_eq!(database.psql("SELECT status, taxes FROM app.invoices").await.unwrap().trim(), "sent|[{}]");
    database.psql("UPDATE app.invoices SET taxes = NULL, tax_rate = 0").await.unwrap();
    tenantry_migration::up(&url).await.unwrap();
    tenantry_migration::down(&url, back_to("_invoice_taxes")).await.unwrap();
}

#[tokio::test]
async fn existing_texts_get_the_new_spelling_and_stop_no_migration() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    tenantry_migration::up(&url).await.unwrap();
    let names = tenantry_migration::names();
    let first = names.iter().position(|name| name.ends_with("_text_keys")).unwrap();
    tenantry_migration::down(&url, Some(u32::try_from(names.len() - first).unwrap())).await.unwrap();
    let id = |n: u8| format!("00000000-0000-7000-8000-0000000000{n:02}");
    let org = id(1);
    database
        .psql(&format!(
            "INSERT INTO auth.users (id, email, name, created_at) VALUES
                 ('{u1}', 'Ada@X.test', U&'Zoe\\0308', '2026-01-01'), ('{u2}', U&'zoe\\0308@x.test', 'b', '2026-01-02'),
                 ('{u3}', U&'ZO\\00CB@x.test', 'c', '2026-01-03'), ('{u4}', U&'mar\\212A@x.test', 'd', '2026-01-04'),
                 ('{u5}', U&'far\\0130d@y.test', 'e', '2026-01-05');
             INSERT INTO app.organizations (id, name, slug) VALUES ('{org}', U&'Cafe\\0301', 'a');
             INSERT INTO app.workspaces (organization_id, id, name, created_at) VALUES
                 ('{org}', '{u1}', U&'Cafe\\0301', '2026-01-02'), ('{org}', '{u2}', U&'CAF\\00C9', '2026-01-01');
             INSERT INTO app.clients (organization_id, id, name, company) VALUES
                 ('{org}', '{u1}', U&'Zoe\\0308', U&'e\\0301'), ('{org}', '{u2}', repeat(U&'\\0958', 200), NULL);
             INSERT INTO app.organization_invitations (organization_id, id, email, token_hash, expires_at) VALUES
                 ('{org}', '{u1}', U&'EVE\\0308@x.test', sha256('1'), now()), ('{org}', '{u2}', U&'\\00CBve@x.test', sha256('2'), now()),
                 ('{org}', '{u3}', U&'ev\\00EB@x.test', sha256('3'), now());",
            u1 = id(1), u2 = id(2), u3 = id(3), u4 = id(4), u5 = id(5)
        ))
        .await
        .unwrap();
    tenantry_migration::up(&url).await.unwrap();

    let lines = async |query: &str| database.psql(query).await.unwrap();
    // Two accounts of one mailbox cannot both have its address: the older one gets it, and the other can no longer be
    // found. The Kelvin sign is not a k.
    assert_eq!(
        lines("SELECT email FROM auth.users ORDER BY id").await,
        "ada@x.test\nzo\u{eb}@x.test\nZO\u{cb}@x.test\nmar\u{212a}@x.test\nfari\u{307}d@y.test"
    );
    assert_eq!(lines("SELECT name FROM auth.users WHERE id::text LIKE '%01'").await, "Zo\u{eb}");
    let rooms = lines("SELECT name FROM app.workspaces ORDER BY created_at").await;
    let (kept, renamed) = rooms.split_once('\n').unwrap();
    assert_eq!(kept, "CAF\u{c9}");
    assert!(renamed.starts_with("Caf\u{e9} (2-"), "{renamed}");
    // A name that would be too long in normal form stays unchanged.
    assert_eq!(
        lines("SELECT char_length(name) || ' ' || coalesce(company, '-') FROM app.clients ORDER BY id").await,
        "3 \u{e9}\n200 -"
    );
    assert_eq!(
        lines("SELECT email FROM app.organization_invitations ORDER BY id").await,
        "ev\u{eb}@x.test\n\u{eb}ve@x.test\nev\u{eb}@x.test".replacen("ev\u{eb}", "EVE\u{308}", 1)
    );
    // The policies apply to the owner again.
    assert_eq!(lines("SELECT count(*) FROM pg_class WHERE relrowsecurity AND NOT relforcerowsecurity").await, "0");
}

/// Compares line by line, so that a failure shows only the lines that differ.
#[track_caller]
fn same(found: &str, expected: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<String>>();
    let (found, expected) = (lines(found), lines(expected));
    let (more, fewer): (Vec<_>, Vec<_>) =
        (found.difference(&expected).collect(), expected.difference(&found).collect());
    assert!(more.is_empty() && fewer.is_empty(), "too much: {more:#?}\nmissing: {fewer:#?}");
}
