//! The rules for every tenant table, checked against the catalogue one by one. Intended exceptions are listed with
//! their reason. An outdated entry in the list fails the test, just like a violation that is not listed.

use std::collections::BTreeSet;
use std::time::Instant;

use tenantry_tests::TestApp;

use crate::attempt::report;
use crate::tables::{NOT_TENANT, Table, with_tenant};

/// A rule of the catalogue.
struct Rule {
    must: &'static str,
    /// Finds violations, one text each, from `relation` and `tenant`.
    breaches: &'static str,
    /// Allowed exceptions, with the reason.
    exceptions: &'static [(&'static str, &'static str)],
}

const RULES: &[Rule] = &[
    Rule {
        must: "a row belongs to an organization: the column is a uuid and never null",
        breaches: "SELECT name FROM tenant WHERE NOT attnotnull OR atttypid <> 'uuid'::regtype",
        exceptions: &[],
    },
    Rule {
        must: "row-level security is enabled, and forced upon the owner",
        breaches: "SELECT name FROM tenant WHERE NOT (relrowsecurity AND relforcerowsecurity)",
        exceptions: &[],
    },
    Rule {
        must: "one policy for everybody and everything has exactly the one form, for what is read and what is written",
        breaches: "SELECT name FROM tenant t WHERE NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid
            AND p.polname = 'tenant_isolation' AND p.polpermissive AND p.polroles = '{0}' AND p.polcmd = '*'
            AND pg_get_expr(p.polwithcheck, t.oid) = pg_get_expr(p.polqual, t.oid) AND pg_get_expr(p.polqual, t.oid) =
            format('(%s = (NULLIF(current_setting(''app.current_organization_id''::text, true), ''''::text))::uuid)', t.key))",
        exceptions: &[],
    },
    Rule {
        must: "no other policy adds rows",
        breaches: "SELECT replace(format('%s %s, %s to %s: %s%s', p.polrelid::regclass, p.polname,
                CASE p.polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete'
                    ELSE 'all' END,
                (SELECT string_agg(CASE role WHEN 0 THEN 'public' ELSE role::regrole::text END, ' and ' ORDER BY role)
                    FROM unnest(p.polroles) role),
                pg_get_expr(p.polqual, p.polrelid), ' check ' || pg_get_expr(p.polwithcheck, p.polrelid)),
                'NULLIF(current_setting(''app.current_organization_id''::text, true), ''''::text)', 'ORGANIZATION')
            FROM pg_policy p WHERE p.polname <> 'tenant_isolation' OR p.polrelid NOT IN (SELECT oid FROM tenant
                UNION ALL SELECT oid FROM relation WHERE relispartition)",
        exceptions: &[
            (
                "app.organization_members organization_members_of_user, select to tenantry_app and tenantry_worker: \
                 ((ORGANIZATION IS NULL) AND (user_id = \
                 (NULLIF(current_setting('app.current_user_id'::text, true), ''::text))::uuid))",
                "a user finds own memberships before an organization is chosen",
            ),
            (
                "app.organizations organizations_of_user, select to tenantry_app and tenantry_worker: \
                 ((ORGANIZATION IS NULL) AND (id = ANY \
                 ((NULLIF(current_setting('app.current_organization_ids'::text, true), ''::text))::uuid[])))",
                "a user finds the organizations of own memberships before one is chosen",
            ),
            (
                "app.organizations organizations_of_unknown_time_zone, select to tenantry_app and tenantry_worker: \
                 ((ORGANIZATION IS NULL) AND (time_zone <> ALL \
                 ((NULLIF(current_setting('app.known_time_zones'::text, true), ''::text))::text[])))",
                "the doctor finds the organizations whose days are those of UTC for want of a better",
            ),
            (
                "app.organizations organizations_due_for_deletion, select to tenantry_worker: \
                 ((ORGANIZATION IS NULL) AND (deletion_due_at <= now()))",
                "the clean-up job finds what is due",
            ),
            (
                "app.organizations organizations_delete_when_due, delete to tenantry_worker: \
                 ((ORGANIZATION IS NULL) AND (deletion_due_at <= now()))",
                "the clean-up job deletes what is due",
            ),
            (
                "app.activities activities_of_all_organizations, select to tenantry_worker: (ORGANIZATION IS NULL)",
                "one task reads the ids of new entries of all organizations; subscribers read the entries in their own scope",
            ),
            (
                "app.organization_members members_of_all_organizations, select to tenantry_worker: (ORGANIZATION IS NULL)",
                "one task checks the memberships of all subscribers",
            ),
            (
                "billing.organization_billing billing_of_all_organizations, select to tenantry_worker: (ORGANIZATION IS NULL)",
                "an event names a customer, not an organization",
            ),
            (
                "billing.organization_billing billing_update_from_events, update to tenantry_worker: (ORGANIZATION IS NULL) \
                 check (ORGANIZATION IS NULL)",
                "an event names a customer, not an organization",
            ),
        ],
    },
    Rule {
        must: "the primary key is the organization and the id, and after them what the table is partitioned by",
        breaches: "SELECT format('%s (%s)', t.name, k.columns) FROM tenant t
            LEFT JOIN LATERAL (SELECT string_agg(a.attname, ', ' ORDER BY n) AS columns
                FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k (number, n), pg_attribute a
                WHERE i.indrelid = t.oid AND i.indisprimary AND a.attrelid = t.oid AND a.attnum = k.number) k ON true
            LEFT JOIN LATERAL (SELECT string_agg(', ' || a.attname, '' ORDER BY n) AS columns
                FROM pg_partitioned_table p, unnest(p.partattrs::int2[]) WITH ORDINALITY k (number, n), pg_attribute a
                WHERE p.partrelid = t.oid AND a.attrelid = t.oid AND a.attnum = k.number
                AND a.attname NOT IN ('organization_id', 'id')) part ON true
            WHERE k.columns IS DISTINCT FROM 'organization_id, id' || coalesce(part.columns, '')",
        exceptions: &[
            ("app.organizations (id)", "its id is the organization"),
            ("app.settings (organization_id)", "there is one row of an organization"),
            ("app.search_terms (organization_id, entity_id, term)", "its rows are made from others, and nothing names them"),
            ("billing.organization_billing (organization_id)", "there is one row of an organization"),
        ],
    },
    Rule {
        must: "a key between tenant tables starts with the organization on both sides",
        breaches: "SELECT format('%s %s', s.name, k.conname) FROM pg_constraint k JOIN tenant s ON s.oid = k.conrelid
            JOIN tenant t ON t.oid = k.confrelid WHERE k.contype = 'f' AND k.conparentid = 0
            AND (k.conkey[1] <> s.key_number OR k.confkey[1] <> t.key_number)",
        exceptions: &[],
    },
    Rule {
        must: "a row goes with its organization",
        breaches: "SELECT name FROM tenant t WHERE name <> 'app.organizations' AND NOT EXISTS (SELECT FROM pg_constraint k
            WHERE k.contype = 'f' AND k.conrelid = t.oid AND k.confrelid = 'app.organizations'::regclass
            AND k.conkey = ARRAY[t.key_number] AND k.confdeltype = 'c')",
        exceptions: &[],
    },
    Rule {
        must: "a key leads from a tenant table to no other table but what all organizations share",
        breaches: "SELECT format('%s %s', t.name, k.conname) FROM pg_constraint k JOIN tenant t ON t.oid = k.conrelid
            WHERE k.contype = 'f' AND k.confrelid NOT IN (SELECT oid FROM tenant)
            AND k.confrelid::regclass::text NOT IN ('auth.users', 'billing.plans')",
        exceptions: &[],
    },
    Rule {
        must: "a key leads to a tenant table from no other table",
        breaches: "SELECT format('%s %s', k.conrelid::regclass, k.conname) FROM pg_constraint k
            JOIN tenant t ON t.oid = k.confrelid WHERE k.contype = 'f' AND k.conrelid NOT IN (SELECT oid FROM tenant)
            AND k.conparentid = 0",
        exceptions: &[(
            "billing.stripe_events stripe_events_organization_id_fkey",
            "an event goes with its organization, once that is known",
        )],
    },
    Rule {
        must: "a key is checked at once and for all rows, and unlinking never clears the organization",
        breaches: "SELECT format('%s %s', t.name, k.conname) FROM pg_constraint k JOIN tenant t ON t.oid = k.conrelid
            WHERE k.contype = 'f' AND (NOT k.convalidated OR k.condeferrable OR k.confupdtype <> 'a'
            OR k.confdeltype IN ('n', 'd') AND t.key_number = ANY (coalesce(k.confdelsetcols, k.conkey)))",
        exceptions: &[],
    },
    Rule {
        must: "what is unique is unique within the organization",
        breaches: "SELECT format('%s %s', t.name, i.indexrelid::regclass::name) FROM pg_index i JOIN tenant t ON t.oid = i.indrelid
            WHERE (i.indisunique OR i.indisexclusion) AND i.indkey[0] <> t.key_number",
        exceptions: &[
            ("app.organizations app.organizations_slug_key", "it stands for the organization in addresses"),
            (
                "app.organization_invitations app.organization_invitations_token_hash_key",
                "who accepts names no organization, and nobody finds another one's token",
            ),
            (
                "billing.organization_billing billing.organization_billing_stripe_customer_id_key",
                "an event is found its organization by this; nobody can choose it",
            ),
            (
                "billing.organization_billing billing.organization_billing_stripe_subscription_id_key",
                "an event is found its organization by this; nobody can choose it",
            ),
        ],
    },
    Rule {
        must: "an index starts with the columns of every key",
        // It may leave out the rows in which the key is null.
        breaches: "SELECT format('%s %s', r.name, k.conname) FROM pg_constraint k JOIN relation r ON r.oid = k.conrelid
            WHERE k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = k.conrelid AND i.indisvalid
            AND (i.indpred IS NULL OR pg_get_expr(i.indpred, i.indrelid) IN (SELECT format('(%I IS NOT NULL)', a.attname)
                FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)))
            AND (SELECT array_agg(n ORDER BY n) FROM unnest((i.indkey::int2[])[0:cardinality(k.conkey) - 1]) n)
                = (SELECT array_agg(n ORDER BY n) FROM unnest(k.conkey) n))",
        exceptions: &[],
    },
    Rule {
        must: "a tenant table has no triggers and no rules, nothing has a sequence, and nothing is inherited",
        breaches: "SELECT format('%s %s', t.name, g.tgname) FROM pg_trigger g JOIN tenant t ON t.oid = g.tgrelid
                WHERE NOT g.tgisinternal
            UNION ALL SELECT format('%s %s', t.name, w.rulename) FROM pg_rewrite w JOIN tenant t ON t.oid = w.ev_class
            UNION ALL SELECT name FROM relation WHERE relkind = 'S'
            UNION ALL SELECT format('%s inherits', i.inhrelid::regclass) FROM pg_inherits i
                JOIN relation r ON r.oid = i.inhrelid WHERE NOT r.relispartition",
        exceptions: &[],
    },
    Rule {
        must: "every row says when it was made and when it last changed",
        breaches: "SELECT format('%s %s', t.name, c.name) FROM tenant t, (VALUES ('created_at'), ('updated_at')) c (name)
            WHERE NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
                WHERE a.attrelid = t.oid AND a.attname = c.name AND a.attnotnull AND a.atttypid = 'timestamptz'::regtype
                AND pg_get_expr(d.adbin, t.oid) = 'now()')",
        exceptions: &[
            ("app.search_terms created_at", "its rows are made from others, which say so"),
            ("app.search_terms updated_at", "its rows are made from others, which say so"),
        ],
    },
    Rule {
        must: "a tenant table is granted to the application and the worker alone, operation by operation, updates by column, and \
               never so that they could pass it on",
        breaches: "SELECT format('%s: %s to %s', t.name, a.privilege_type, coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'))
                FROM tenant t, aclexplode(t.relacl) a WHERE a.grantee <> t.relowner
                AND NOT (a.grantee::regrole::text IN ('tenantry_app', 'tenantry_worker') AND NOT a.is_grantable
                    AND a.privilege_type IN ('SELECT', 'INSERT', 'DELETE'))
            UNION ALL SELECT format('%s.%s: %s to %s', t.name, c.attname, a.privilege_type,
                coalesce(nullif(a.grantee, 0)::regrole::text, 'PUBLIC'))
                FROM tenant t JOIN pg_attribute c ON c.attrelid = t.oid, aclexplode(c.attacl) a
                WHERE NOT (a.grantee::regrole::text IN ('tenantry_app', 'tenantry_worker') AND NOT a.is_grantable
                    AND a.privilege_type IN ('SELECT', 'INSERT', 'UPDATE'))",
        exceptions: &[],
    },
    Rule {
        must: "nobody may change whose a row is, nor which row it is",
        breaches: "SELECT format('%s.%s by %s', t.name, a.attname, r.rolname) FROM tenant t
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attname IN ('organization_id', 'id') AND NOT a.attisdropped,
            pg_roles r WHERE r.rolname IN ('tenantry_app', 'tenantry_auth', 'tenantry_worker')
            AND has_column_privilege(r.oid, t.oid, a.attnum, 'UPDATE')",
        exceptions: &[],
    },
    Rule {
        must: "a partition is granted to nobody and reached through its table",
        breaches: "SELECT r.name FROM relation r WHERE r.relispartition AND (
            EXISTS (SELECT FROM aclexplode(r.relacl) a WHERE a.grantee <> r.relowner) OR EXISTS (SELECT
                FROM pg_attribute c WHERE c.attrelid = r.oid AND c.attacl IS NOT NULL))",
        exceptions: &[],
    },
    Rule {
        must: "a partition has the policy of its table, enabled and forced, for whoever is granted it by mistake",
        breaches: "SELECT r.name FROM relation r JOIN pg_inherits i ON i.inhrelid = r.oid WHERE r.relispartition AND r.relkind = 'r'
            AND NOT (r.relrowsecurity AND r.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p JOIN pg_policy q
                ON q.polrelid = i.inhparent AND q.polname = 'tenant_isolation' WHERE p.polrelid = r.oid
                AND p.polname = q.polname AND p.polcmd = q.polcmd AND p.polroles = q.polroles AND p.polpermissive
                AND pg_get_expr(p.polqual, r.oid) = pg_get_expr(q.polqual, q.polrelid)
                AND pg_get_expr(p.polwithcheck, r.oid) = pg_get_expr(q.polwithcheck, q.polrelid)))",
        exceptions: &[],
    },
    Rule {
        must: "what names an organization and is no tenant table is out of the application's reach",
        breaches: "SELECT r.name FROM relation r WHERE r.oid NOT IN (SELECT oid FROM tenant) AND NOT r.relispartition
            AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attname ~ '(^|_)organization_id$'
                AND NOT a.attisdropped)
            AND (has_any_column_privilege('tenantry_app', r.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
                OR has_table_privilege('tenantry_app', r.oid, 'DELETE, TRUNCATE, TRIGGER'))",
        exceptions: &[],
    },
    Rule {
        must: "what belongs to no organization is granted to the application by name",
        breaches: "SELECT format('%s: %s', r.name, string_agg(p.name, ', ' ORDER BY p.n)) FROM relation r,
            (VALUES (1, 'SELECT'), (2, 'INSERT'), (3, 'UPDATE'), (4, 'DELETE'), (5, 'TRUNCATE')) p (n, name)
            WHERE r.oid NOT IN (SELECT oid FROM tenant) AND CASE WHEN r.relkind = 'S' THEN
                    has_sequence_privilege('tenantry_app', r.oid, 'USAGE, SELECT, UPDATE')
                WHEN p.n <= 3 THEN has_any_column_privilege('tenantry_app', r.oid, p.name)
                ELSE has_table_privilege('tenantry_app', r.oid, p.name) END
            GROUP BY r.name",
        exceptions: &[
            ("auth.users: SELECT, UPDATE", "people belong to several organizations; only columns without secrets"),
            ("billing.plans: SELECT", "the same for everybody"),
            ("billing.plan_features: SELECT", "the same for everybody"),
            ("platform.seaql_migrations: SELECT", "the server checks at its start that it fits the database"),
        ],
    },
    Rule {
        must: "no hash is readable by the application",
        breaches: "SELECT format('%s.%s', r.name, a.attname) FROM relation r JOIN pg_attribute a ON a.attrelid = r.oid
            AND a.attnum > 0 AND NOT a.attisdropped AND a.attname ~ '_hash$'
            WHERE has_column_privilege('tenantry_app', r.oid, a.attnum, 'SELECT')",
        exceptions: &[],
    },
    Rule {
        must: "nothing is granted to everybody",
        breaches: "SELECT format('%s: %s', r.name, a.privilege_type) FROM relation r, aclexplode(r.relacl) a WHERE a.grantee = 0
            UNION ALL SELECT format('%s.%s: %s', r.name, c.attname, a.privilege_type) FROM relation r
                JOIN pg_attribute c ON c.attrelid = r.oid, aclexplode(c.attacl) a WHERE a.grantee = 0
            UNION ALL SELECT format('schema %s: %s', n.nspname, a.privilege_type) FROM pg_namespace n,
                aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a
                WHERE a.grantee = 0 AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
            UNION ALL SELECT format('function %s: %s', p.oid::regprocedure, a.privilege_type) FROM pg_proc p
                JOIN pg_namespace n ON n.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                WHERE a.grantee = 0 AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'",
        exceptions: &[("schema public: USAGE", "PostgreSQL's own default; there is nothing in it")],
    },
    Rule {
        must: "no function runs with another one's rights, and none is said to keep secrets",
        breaches: "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' AND (p.prosecdef OR p.proleakproof)",
        exceptions: &[
            ("platform.make_partitions()", "it takes nothing, and makes what the clock says"),
            (
                "platform.detach_partitions(text,date)",
                "granted to the worker alone; it takes tables of past months out of use and shows nothing",
            ),
        ],
    },
    Rule {
        must: "a view runs as whoever asks, and a materialized one, which has no policies, is granted to nobody",
        breaches: "SELECT r.name FROM relation r WHERE r.relkind = 'v'
                AND NOT coalesce(r.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)
            UNION ALL SELECT r.name FROM relation r, aclexplode(r.relacl) a WHERE r.relkind = 'm' AND a.grantee <> r.relowner",
        exceptions: &[],
    },
    Rule {
        must: "everything belongs to the owner",
        breaches: "SELECT name FROM relation WHERE relowner <> 'tenantry_owner'::regrole",
        exceptions: &[],
    },
];

/// The demand of each rule.
pub(crate) fn demands() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|rule| rule.must)
}

/// Violations that are not listed, and listed exceptions that are not violations; each begins with the rule's demand.
pub(crate) async fn breaches(app: &TestApp) -> Vec<String> {
    let mut breaches = Vec::new();
    for rule in RULES {
        let found = app.texts(&format!("{} {}", with_tenant(), rule.breaches)).await;
        let found: BTreeSet<&str> = found.iter().map(String::as_str).collect();
        let known: BTreeSet<&str> = rule.exceptions.iter().map(|(name, _)| *name).collect();
        breaches.extend(found.difference(&known).map(|breach| format!("{}: {breach}", rule.must)));
        let stale = known.difference(&found);
        breaches.extend(stale.map(|stale| format!("{}: not there any more, so strike it: {stale}", rule.must)));
    }
    for (name, _) in NOT_TENANT {
        if app.number(&format!("SELECT count(*) FROM pg_class WHERE oid = to_regclass('{name}')")).await == 0 {
            breaches.push(format!("not there any more, so strike it: {name}"));
        }
    }
    breaches
}

#[tokio::test]
async fn every_tenant_table_follows_the_rules() {
    let begun = Instant::now();
    let app = TestApp::start().await;
    let tables = Table::all(&app).await;
    let breaches = breaches(&app).await;
    assert!(breaches.is_empty(), "{breaches:#?}");
    report(&format!("{} tables × {} rules of the catalogue", tables.len(), RULES.len()), begun.elapsed());
}
