//! What is looked at in the catalogue, one check after the other.

use tenantry_domain::OrganizationId;
use tenantry_domain::organization::time_zones;
use tenantry_wire::{Command, Error, Parameters};

use super::{Catalogue, CatalogueError, Finding, TENANT_TABLES};

/// The schemas of the product.
const SCHEMAS: &str = "('app', 'auth', 'billing', 'platform')";

/// The expression that a policy's condition compares with, in the form of [`normalized`].
const CURRENT_ORGANIZATION: &str = "nullifcurrent_setting'app.current_organization_id',true,''";

/// The first release of each major version without the leak of planner statistics through row-level security.
const RECOMMENDED: &[(i32, i32)] = &[(15, 14), (16, 10), (17, 6)];

impl Catalogue {
    pub(super) async fn unprotected_tables(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let rows = self
            .rows(&format!(
                "SELECT t.name, t.relrowsecurity, t.relforcerowsecurity FROM ({TENANT_TABLES}) t ORDER BY t.name"
            ))
            .await?;
        let mut findings = Vec::new();
        for row in rows.iter() {
            let (name, enabled, forced): (String, bool, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if !enabled {
                findings.push(Finding::Fault(format!("row-level security is not enabled on {name}")));
            }
            if !forced {
                findings.push(Finding::Fault(format!("row-level security is not forced on {name}")));
            }
        }
        Ok(findings)
    }

    pub(super) async fn policies(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let rows = self
            .rows(&format!(
                "SELECT t.name, p.polname::text, p.polcmd::text, p.polpermissive, p.polroles = ARRAY[0::oid], \
                     pg_catalog.pg_get_expr(p.polqual, p.polrelid), \
                     pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) \
                 FROM ({TENANT_TABLES}) t LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = t.oid \
                 ORDER BY t.name, p.polname"
            ))
            .await?;
        let mut findings = Vec::new();
        let mut isolated = std::collections::BTreeMap::<String, bool>::new();
        for row in rows.iter() {
            let table: String = row.get(0)?;
            let is_isolated = isolated.entry(table.clone()).or_default();
            let Some(policy) = row.get::<Option<String>>(1)? else { continue };
            let (command, permissive, everybody): (String, bool, bool) = (row.get(2)?, row.get(3)?, row.get(4)?);
            let condition = |column: usize| row.get::<Option<String>>(column).map(|text| text.map(|t| normalized(&t)));
            let (using, check) = (condition(5)?, condition(6)?);
            // The organizations table compares its own id.
            let column = if table == "app.organizations" { "id" } else { "organization_id" };
            let isolation = format!("{column}={CURRENT_ORGANIZATION}::uuid");
            let is_isolation = using.as_deref() == Some(&isolation) && check.as_deref() == Some(&isolation);
            if is_isolation && permissive && everybody && command == "*" {
                *is_isolated = true;
                continue;
            }
            // Policies are combined with OR. A policy that applies only without an organization cannot widen what a
            // transaction of an organization sees.
            let outside = format!("{CURRENT_ORGANIZATION}isnull");
            let holds_outside_only = [&using, &check].into_iter().flatten().all(|text| text.contains(&outside));
            if permissive && !holds_outside_only {
                findings.push(Finding::Fault(format!(
                    "the policy {policy} on {table} allows more than the organization's own rows"
                )));
            }
        }
        let open = isolated.into_iter().filter(|(_, isolated)| !isolated);
        findings.extend(open.map(|(table, _)| {
            Finding::Fault(format!("{table} has no policy that compares the row's organization with the transaction's"))
        }));
        Ok(findings)
    }

    pub(super) async fn indexes(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        // The first columns of an index, as many as the key has, are the key's columns in any order.
        let keys = self
            .rows(&format!(
                "SELECT n.nspname || '.' || c.relname, k.conname::text \
                 FROM pg_catalog.pg_constraint k \
                 JOIN pg_catalog.pg_class c ON c.oid = k.conrelid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE k.contype = 'f' AND n.nspname IN {SCHEMAS} AND NOT EXISTS ( \
                     SELECT FROM pg_catalog.pg_index i \
                     WHERE i.indrelid = k.conrelid AND i.indisvalid \
                       AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey) \
                 ORDER BY 1, 2"
            ))
            .await?;
        let mut findings = Vec::new();
        for row in keys.iter() {
            let (table, key): (String, String) = (row.get(0)?, row.get(1)?);
            findings.push(Finding::Fault(format!("the foreign key {key} of {table} has no index")));
        }
        let invalid = self
            .rows(&format!(
                "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_index i \
                 JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname IN {SCHEMAS} AND NOT i.indisvalid ORDER BY 1"
            ))
            .await?;
        for row in invalid.iter() {
            let index: String = row.get(0)?;
            findings.push(Finding::Fault(format!("the index {index} is invalid and has to be built again")));
        }
        Ok(findings)
    }

    pub(super) async fn partitions(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let rows = self
            .rows(&format!(
                "SELECT DISTINCT n.nspname || '.' || c.relname, coalesce(r.rolname::text, 'PUBLIC') \
                 FROM pg_catalog.pg_class c \
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 CROSS JOIN LATERAL pg_catalog.aclexplode(c.relacl) a \
                 LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee \
                 WHERE n.nspname IN {SCHEMAS} AND c.relispartition AND c.relkind IN ('r', 'p') \
                   AND a.grantee <> c.relowner ORDER BY 1, 2"
            ))
            .await?;
        let mut findings = Vec::new();
        for row in rows.iter() {
            let (table, role): (String, String) = (row.get(0)?, row.get(1)?);
            findings.push(Finding::Fault(format!(
                "{role} has a grant on the partition {table}, which bypasses the policy of its parent"
            )));
        }
        Ok(findings)
    }

    /// The months to come, for which there must be a partition: what is written to a month without one fails. A default partition would
    /// take it, and be in the way of the right one for ever.
    pub(super) async fn months_to_come(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let rows = self
            .rows(&format!(
                "SELECT t.name, p.partdefid <> 0, to_char(month, 'YYYY-MM'), ahead::bigint, x.oid IS NOT NULL \
                 FROM pg_catalog.pg_partitioned_table p \
                 JOIN (SELECT c.oid, c.relname, n.nspname || '.' || c.relname AS name FROM pg_catalog.pg_class c \
                     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname IN {SCHEMAS}) t ON t.oid = p.partrelid \
                 CROSS JOIN generate_series(0, 3) AS ahead \
                 CROSS JOIN LATERAL (SELECT date_trunc('month', now() AT TIME ZONE 'UTC') + ahead * interval '1 month') m (month) \
                 LEFT JOIN LATERAL (SELECT c.oid FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid \
                     WHERE i.inhparent = t.oid AND c.relname = t.relname || '_' || to_char(month, 'YYYY_MM') \
                       AND pg_catalog.pg_get_expr(c.relpartbound, c.oid) = format('FOR VALUES FROM (%L) TO (%L)', \
                           month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC')) x ON true \
                 ORDER BY t.name, ahead"
            ))
            .await?;
        let mut findings = Vec::new();
        for row in rows.iter() {
            let (table, has_default, month): (String, bool, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (ahead, is_there): (i64, bool) = (row.get(3)?, row.get(4)?);
            if has_default && ahead == 0 {
                findings.push(Finding::Fault(format!("{table} has a default partition, which must not be")));
            }
            if is_there {
                continue;
            }
            let text = format!(
                "{table} has no partition for {month}: a running server or `tenantry maintain` makes it, unless another table has its name"
            );
            findings.push(if ahead <= 1 { Finding::Fault(text) } else { Finding::Advice(text) });
        }
        Ok(findings)
    }

    /// The index of search. Rows that were there before it are not in it until it is made.
    pub(super) async fn words(&mut self) -> Result<Option<Finding>, CatalogueError> {
        // The role sees no organization's rows, but how many there are, as of the last `ANALYZE`. Each of these has a word, but for very few.
        let rows = self
            .rows(
                "SELECT pg_catalog.pg_relation_size(pg_catalog.to_regclass('app.search_terms')) > 0, \
                     sum(c.reltuples) FILTER (WHERE c.relname = 'search_terms'), \
                     sum(greatest(c.reltuples, 0)) FILTER (WHERE c.relname <> 'search_terms') \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = 'app' AND c.relname IN ('search_terms', 'clients', 'projects', 'tasks')",
            )
            .await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (has_any, words, named): (Option<bool>, Option<f32>, Option<f32>) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (words, named) = (words.unwrap_or_default(), named.unwrap_or_default());
        let lacks = named > 0.0 && (has_any == Some(false) || words >= 0.0 && words < named);
        let text = "search does not find all rows: there are fewer words than clients, projects and tasks; run `tenantry reindex`";
        Ok(lacks.then(|| Finding::Fault(text.to_owned())))
    }

    /// The collations of our indexes: whether they still sort as they did when the indexes were created.
    pub(super) async fn collations(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let missing = self
            .rows(
                "SELECT EXISTS (SELECT FROM pg_catalog.pg_collation l JOIN pg_catalog.pg_namespace n ON n.oid = l.collnamespace \
                 WHERE n.nspname = 'pg_catalog' AND l.collname = 'und-x-icu')",
            )
            .await?;
        let mut findings = Vec::new();
        if !missing.first().ok_or(Error::NoRow)?.get::<bool>(0)? {
            findings.push(Finding::Fault(
                "there is no collation \"und-x-icu\", which names are sorted by: this PostgreSQL was built without ICU, or its \
                 collations were never imported (pg_import_system_collations)"
                    .to_owned(),
            ));
        }
        // The database's own collation has the OID 100 and no version in this table, so it is queried separately.
        let changed = self
            .rows(&format!(
                "SELECT l.name, string_agg(DISTINCT x.oid::regclass::text, ', ') \
                 FROM pg_catalog.pg_index i \
                 JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid \
                 JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace \
                 CROSS JOIN LATERAL unnest(i.indcollation::oid[]) AS used (oid) \
                 JOIN ( \
                     SELECT c.oid, 'collation ' || quote_ident(c.collname) AS name, c.collversion AS then, \
                         pg_catalog.pg_collation_actual_version(c.oid) AS now \
                     FROM pg_catalog.pg_collation c WHERE c.oid <> 100 \
                     UNION ALL SELECT 100, 'database''s own collation', d.datcollversion, \
                         pg_catalog.pg_database_collation_actual_version(d.oid) \
                     FROM pg_catalog.pg_database d WHERE d.datname = current_database() \
                 ) l ON l.oid = used.oid \
                 WHERE n.nspname IN {SCHEMAS} AND l.then <> l.now GROUP BY l.name ORDER BY l.name"
            ))
            .await?;
        for row in changed.iter() {
            let (collation, indexes): (String, String) = (row.get(0)?, row.get(1)?);
            findings.push(Finding::Fault(format!(
                "the {collation} sorts otherwise than when these indexes were made: {indexes}; REINDEX them, then refresh its \
                 version (ALTER COLLATION … REFRESH VERSION, ALTER DATABASE … REFRESH COLLATION VERSION)"
            )));
        }
        Ok(findings)
    }

    /// The organizations with an unknown time zone, so that their days are in UTC.
    pub(super) async fn unknown_time_zones(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        // A database without our tables, or a role without our grants, has other faults, which are reported already.
        let readable = self
            .rows(
                "SELECT coalesce(pg_catalog.has_schema_privilege(to_regnamespace('app')::oid, 'USAGE') \
                     AND pg_catalog.has_table_privilege(to_regclass('app.organizations')::oid, 'SELECT'), false)",
            )
            .await?;
        if !readable.first().ok_or(Error::NoRow)?.get::<bool>(0)? {
            return Ok(Vec::new());
        }
        // A policy shows the organizations whose time zone is not in this setting, to a transaction without an
        // organization. The names contain nothing that could end the literal or the array.
        let known = time_zones().collect::<Vec<_>>().join(",");
        let setting = format!("SET LOCAL app.known_time_zones = '{{{known}}}'");
        let none = Parameters::default();
        let mut names = Parameters::default();
        names.push(&time_zones().collect::<Vec<_>>())?;
        let answers = self
            .connection
            .exchange(&[
                Command::once("BEGIN READ ONLY"),
                Command::once(&setting),
                Command::prepared(
                    "SELECT t.id, t.slug, t.time_zone FROM app.organizations t \
                     WHERE t.time_zone <> ALL ($1) ORDER BY t.slug COLLATE \"C\" LIMIT 100",
                    &names,
                ),
                Command::prepared("COMMIT", &none),
            ])
            .await?;
        let mut findings = Vec::new();
        for row in answers.get(2).ok_or(Error::NoRow)?.rows.iter() {
            let (id, slug, zone): (uuid::Uuid, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let id = OrganizationId::from_uuid(id);
            findings.push(Finding::Fault(format!(
                "the organization {slug} ({id}) has the time zone {zone:?}, which is not known: its days are those of UTC until an \
                 owner or admin sets another one"
            )));
        }
        Ok(findings)
    }
}

/// What is to be said of the server's version.
pub(super) fn version((major, minor): (i32, i32)) -> Option<Finding> {
    if major < 15 {
        return Some(Finding::Fault(format!("PostgreSQL {major}.{minor} is too old: 15 or newer is needed")));
    }
    let (_, least) = RECOMMENDED.iter().find(|(of, _)| *of == major)?;
    (minor < *least).then(|| {
        Finding::Advice(format!(
            "PostgreSQL {major}.{minor} leaks planner statistics past row-level security: {major}.{least} or newer is \
             recommended"
        ))
    })
}

/// A condition without what PostgreSQL adds when it prints one: parentheses, spaces, the type of text literals.
fn normalized(condition: &str) -> String {
    let plain = condition.replace("::text", "");
    plain.chars().filter(|c| !matches!(c, '(' | ')') && !c.is_whitespace()).collect::<String>().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_condition_is_recognised() {
        let printed =
            "(organization_id = (NULLIF(current_setting('app.current_organization_id'::text, true), ''::text))::uuid)";
        assert_eq!(normalized(printed), format!("organization_id={CURRENT_ORGANIZATION}::uuid"));
        let outside = "(NULLIF(current_setting('app.current_organization_id'::text, true), ''::text) IS NULL)";
        assert_eq!(normalized(outside), format!("{CURRENT_ORGANIZATION}isnull"));
    }

    #[test]
    fn versions_are_classified() {
        assert!(matches!(version((14, 30)), Some(Finding::Fault(_))));
        assert!(matches!(version((15, 13)), Some(Finding::Advice(_))));
        assert_eq!(version((15, 14)), None);
        assert_eq!(version((18, 0)), None);
    }
}
