//! Checks of a database's catalogue: whether the role is subject to row-level security, whether every tenant table is
//! protected, whether every key has an index, whether texts still sort as their indexes do. Reads `pg_catalog`; of
//! tenants it reads only which have an unknown time zone.

use std::str::FromStr;
use std::time::Duration;

use tenantry_domain::OrganizationId;
use tenantry_domain::organization::time_zones;
use tenantry_wire::{Address, Command, Connection, Error, Parameters, Rows};

use crate::apart;
use crate::error::StoreError;
use crate::pool::Store;

/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The schemas of the product.
const SCHEMAS: &str = "('app', 'auth', 'billing', 'platform')";

/// The tables that belong to organizations: all that name one, and the organizations themselves. The log of Stripe's
/// events is excluded although it may name one: an event arrives before its organization is known, and only the worker
/// has grants on it.
const TENANT_TABLES: &str = "SELECT c.oid, c.relowner, c.relrowsecurity, c.relforcerowsecurity, \
        n.nspname || '.' || c.relname AS name \
    FROM pg_catalog.pg_class c \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname IN ('app', 'auth', 'billing', 'platform') AND c.relkind IN ('r', 'p') AND NOT c.relispartition \
      AND n.nspname || '.' || c.relname <> 'billing.stripe_events' \
      AND (n.nspname || '.' || c.relname = 'app.organizations' OR EXISTS ( \
        SELECT FROM pg_catalog.pg_attribute a \
        WHERE a.attrelid = c.oid AND a.attname = 'organization_id' AND NOT a.attisdropped))";

/// The expression that a policy's condition compares with, in the form of [`normalized`].
const CURRENT_ORGANIZATION: &str = "nullifcurrent_setting'app.current_organization_id',true,''";

/// The first release of each major version without the leak of planner statistics through row-level security.
const RECOMMENDED: &[(i32, i32)] = &[(15, 14), (16, 10), (17, 6)];

/// The catalogue could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueError {
    /// The address cannot be parsed.
    #[error(transparent)]
    Address(Error),
    /// Nothing listens there, or the server refused the role or the password.
    #[error("cannot connect to the database at {address}")]
    Connect {
        /// Host and port, or the socket; without user and password.
        address: String,
        /// Why.
        #[source]
        source: Error,
    },
    /// There was no answer.
    #[error("cannot connect to the database at {0}: no answer")]
    NoAnswer(String),
    /// A query failed.
    #[error("the catalogue could not be read")]
    Read(#[source] Error),
}

impl From<Error> for CatalogueError {
    fn from(error: Error) -> Self {
        Self::Read(error)
    }
}

/// The role of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// Superusers are subject to no policy.
    pub superuser: bool,
    /// A role with this attribute is subject to no policy.
    pub bypasses_rls: bool,
    /// The tenant tables from which it could remove the policies.
    pub owned_tables: Vec<String>,
    /// Whether it has the privileges of `tenantry_worker`.
    pub is_worker: bool,
}

impl RoleFacts {
    /// Why the API must not run with this role; `None` if it may.
    pub fn fault(&self) -> Option<String> {
        let name = &self.name;
        let advice = "use a role such as tenantry_app, which owns nothing and bypasses nothing";
        if self.superuser {
            return Some(format!(
                "the role {name} is a superuser, which row-level security does not restrict; {advice}"
            ));
        }
        if self.bypasses_rls {
            return Some(format!("the role {name} bypasses row-level security; {advice}"));
        }
        let first = self.owned_tables.first()?;
        let count = self.owned_tables.len();
        Some(format!("the role {name} owns {count} tenant tables, such as {first}; {advice}"))
    }

    /// Why background jobs must not run with this role; `None` if they may. They must be subject to policies, too. A
    /// role other than the worker's would find nothing to do and report success.
    pub fn worker_fault(&self) -> Option<String> {
        let is_no_worker = || {
            let name = &self.name;
            format!(
                "the role {name} does not have the privileges of tenantry_worker; without them background jobs see nothing"
            )
        };
        self.fault().or_else(|| (!self.is_worker).then(is_no_worker))
    }
}

/// Something about the database that an operator should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It is wrong.
    Fault(String),
    /// It could be better.
    Advice(String),
}

/// A connection that reads the catalogue.
#[derive(Debug)]
pub struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    /// Connects to the database at `url`, outside any pool and any tenant.
    ///
    /// # Errors
    /// When the address is malformed, or connecting took longer than five seconds.
    pub async fn connect(url: &str) -> Result<Self, CatalogueError> {
        let address = Address::from_str(url).map_err(CatalogueError::Address)?.named("tenantry");
        match tokio::time::timeout(CONNECT_TIMEOUT, apart::open(&address)).await {
            Ok(Ok(connection)) => Ok(Self { connection }),
            Ok(Err(source)) => Err(CatalogueError::Connect { address: address.place(), source }),
            Err(_) => Err(CatalogueError::NoAnswer(address.place())),
        }
    }

    /// Closes the connection.
    ///
    /// # Errors
    /// When the server is already gone.
    pub async fn close(self) -> Result<(), CatalogueError> {
        Ok(self.connection.close().await?)
    }

    /// The attributes and tables of the connection's role.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn role(&mut self) -> Result<RoleFacts, CatalogueError> {
        let roles = self
            .rows(
                "SELECT r.rolname::text, r.rolsuper, r.rolbypassrls, \
                     coalesce(pg_catalog.pg_has_role(current_user, to_regrole('tenantry_worker'), 'USAGE'), false) \
                 FROM pg_catalog.pg_roles r WHERE r.rolname = current_user",
            )
            .await?;
        let role = roles.first().ok_or(Error::NoRow)?;
        // A member of the owner can do what the owner can.
        let owned = self
            .rows(&format!(
                "SELECT t.name FROM ({TENANT_TABLES}) t \
                 WHERE pg_catalog.pg_has_role(current_user, t.relowner, 'MEMBER') ORDER BY t.name"
            ))
            .await?;
        Ok(RoleFacts {
            name: role.get(0)?,
            superuser: role.get(1)?,
            bypasses_rls: role.get(2)?,
            owned_tables: owned.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?,
            is_worker: role.get(3)?,
        })
    }

    /// The server's version: major and minor.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn version(&mut self) -> Result<(i32, i32), CatalogueError> {
        let rows = self.rows("SELECT current_setting('server_version_num')::int").await?;
        let row = rows.first().ok_or(Error::NoRow)?;
        let number: i32 = row.get(0)?;
        Ok((number / 10_000, number % 10_000))
    }

    /// The names of the tenant tables.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn tenant_tables(&mut self) -> Result<Vec<String>, CatalogueError> {
        let rows = self.rows(&format!("SELECT t.name FROM ({TENANT_TABLES}) t ORDER BY t.name")).await?;
        Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?)
    }

    /// Everything that is wrong or could be better with version, policies, keys, indexes, partitions, collations and
    /// time zones.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn findings(&mut self) -> Result<Vec<Finding>, CatalogueError> {
        let mut findings: Vec<Finding> = version_finding(self.version().await?).into_iter().collect();
        findings.extend(self.unprotected_tables().await?);
        findings.extend(self.policies().await?);
        findings.extend(self.indexes().await?);
        findings.extend(self.partitions().await?);
        if self.version().await? >= (15, 0) {
            findings.extend(self.collations().await?);
        }
        findings.extend(self.unknown_time_zones().await?);
        Ok(findings)
    }

    async fn unprotected_tables(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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

    async fn policies(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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

    async fn indexes(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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

    async fn partitions(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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

    /// The collations of our indexes: whether they still sort as they did when the indexes were created.
    async fn collations(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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
    async fn unknown_time_zones(&mut self) -> Result<Vec<Finding>, CatalogueError> {
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

    /// Runs a query that consists of this file's own literals.
    async fn rows(&mut self, text: &str) -> Result<Rows, Error> {
        let answers = self.connection.exchange(&[Command::prepared(text, &Parameters::default())]).await?;
        Ok(answers.into_iter().next().ok_or(Error::NoRow)?.rows)
    }
}

/// Whether the database answers.
///
/// # Errors
/// Those of the database; [`StoreError::Unavailable`] when no connection is available.
pub async fn ping(store: &Store) -> Result<(), StoreError> {
    store.ping().await
}

fn version_finding((major, minor): (i32, i32)) -> Option<Finding> {
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
        assert!(matches!(version_finding((14, 30)), Some(Finding::Fault(_))));
        assert!(matches!(version_finding((15, 13)), Some(Finding::Advice(_))));
        assert_eq!(version_finding((15, 14)), None);
        assert_eq!(version_finding((18, 0)), None);
    }

    #[test]
    fn a_role_not_subject_to_the_policies_is_a_fault() {
        let app = RoleFacts {
            name: "a".into(),
            superuser: false,
            bypasses_rls: false,
            owned_tables: Vec::new(),
            is_worker: false,
        };
        assert_eq!(app.fault(), None);
        assert!(app.worker_fault().is_some());
        let worker = RoleFacts { is_worker: true, ..app.clone() };
        assert_eq!(worker.worker_fault(), None);
        // A superuser has everyone's privileges, and is subject to no policy.
        assert!(RoleFacts { superuser: true, ..worker }.worker_fault().is_some());
        assert!(RoleFacts { superuser: true, ..app.clone() }.fault().is_some());
        assert!(RoleFacts { bypasses_rls: true, ..app.clone() }.fault().is_some());
        assert!(RoleFacts { owned_tables: vec!["app.tasks".into()], ..app }.fault().is_some());
    }
}
