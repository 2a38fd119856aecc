//! The migrations: up, down and up again leave the same catalogue.

use tenantry_devdb::shared::TestDatabase;

/// Everything about the database that a migration can change, as text: tables, columns, constraints, indexes, policies, grants,
/// functions, types, schemas and default privileges.
const CATALOGUE: &str = "
    SELECT 'schema', nspname, nspowner::regrole::text, nspacl::text FROM pg_namespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    UNION ALL SELECT 'relation', c.oid::regclass::text || ' ' || c.relkind::text, c.relowner::regrole::text,
        concat_ws(' ', c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.reloptions, c.relispartition)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN ('app', 'auth', 'billing', 'platform')
    UNION ALL SELECT 'column', a.attrelid::regclass::text || '.' || a.attname, format_type(a.atttypid, a.atttypmod),
        concat_ws(' ', a.attnum, a.attnotnull, a.attacl, pg_get_expr(d.adbin, d.adrelid), a.attcollation::regcollation)
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

/// The rows that migrations bring.
const ROWS: &str = "SELECT plan, feature, limit_value, enabled FROM billing.plan_features ORDER BY 1, 2; SELECT id FROM billing.plans ORDER BY 1;
    SELECT version FROM platform.seaql_migrations ORDER BY 1;";

#[tokio::test]
async fn up_and_down_and_up_leaves_the_same_catalogue() {
    let database = TestDatabase::empty().await.unwrap();
    let url = database.owner_url();
    let empty = database.psql(CATALOGUE).await.unwrap();
    tenantry_migration::up(&url).await.unwrap();
    let (full, rows) = (database.psql(CATALOGUE).await.unwrap(), database.psql(ROWS).await.unwrap());
    assert!(full.contains("app.clients") && rows.contains("free"), "nothing was looked at");

    // Each one by itself first, the way an operator goes back, and then all of them at once.
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
    // Nothing left to do, and doing nothing changes nothing.
    assert!(tenantry_migration::up(&url).await.unwrap().is_empty());
    same(&database.psql(CATALOGUE).await.unwrap(), &full);
}

#[tokio::test]
async fn every_step_back_and_forth_is_its_own_inverse() {
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

/// Compares line by line, so that a failure shows the lines that differ and not thousands that do not.
#[track_caller]
fn same(found: &str, expected: &str) {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<std::collections::BTreeSet<String>>();
    let (found, expected) = (lines(found), lines(expected));
    let (more, fewer): (Vec<_>, Vec<_>) =
        (found.difference(&expected).collect(), expected.difference(&found).collect());
    assert!(more.is_empty() && fewer.is_empty(), "too much: {more:#?}\nmissing: {fewer:#?}");
}
