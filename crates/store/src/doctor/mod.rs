//! Checks of a database's catalogue: whether the role is subject to row-level security, whether every tenant table is
//! protected, whether every key has an index, whether texts still sort as their indexes do. Reads `pg_catalog`; of
//! tenants it reads only which have an unknown time zone.

mod checks;
mod role;

use std::str::FromStr;
use std::time::Duration;

use tenantry_wire::{Address, Command, Connection, Error, Parameters, Rows};

use crate::apart;
use crate::error::StoreError;
use crate::pool::Store;

pub use self::role::RoleFacts;

/// The timeout for connecting.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

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
        let mut findings: Vec<Finding> = checks::version(self.version().await?).into_iter().collect();
        findings.extend(self.unprotected_tables().await?);
        findings.extend(self.policies().await?);
        findings.extend(self.indexes().await?);
        findings.extend(self.partitions().await?);
        findings.extend(self.months_to_come().await?);
        findings.extend(self.words().await?);
        if self.version().await? >= (15, 0) {
            findings.extend(self.collations().await?);
        }
        findings.extend(self.unknown_time_zones().await?);
        Ok(findings)
    }

    /// Runs a query that consists of this module's own literals.
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
