//! Applies the migrations: one session, one lock, with the owner role. The record of applied migrations is in
//! `platform.seaql_migrations`, where the application's roles may read it, so `serve` can refuse an outdated database.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use sea_orm_migration::sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, DbErr, Statement,
};
use sea_orm_migration::{MigrationName as _, MigratorTrait};
use tenantry_wire::Address;

use crate::{Migrator, names, partitions, roles, steps};

/// How long to wait for another process that migrates the same database. Longer than any change here takes, and
/// short enough that a stuck deployment is noticed.
const LOCK_WAIT: Duration = Duration::from_mins(5);

/// How often it is asked for. One statement that waits would be a transaction that waits, and an index that is built beside the
/// writers waits for every transaction of the database: each would wait for the other.
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// The eight letters of "tenantry" as a number, so that it does not collide with another lock by accident.
const LOCK_KEY: i64 = 0x7465_6e61_6e74_7279;

/// Whether a migration is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The migration's name.
    pub name: String,
    /// Whether it is applied to the database.
    pub applied: bool,
    /// Whether this program knows it. A newer one has applied those that it does not know.
    pub known: bool,
}

/// Why the database could not be migrated, or its state could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MigrationError {
    /// Connecting failed: wrong address, wrong password, nothing listening.
    #[error("cannot connect to the database")]
    Connect(#[source] DbErr),
    /// The address cannot be parsed.
    #[error(transparent)]
    Address(#[from] tenantry_wire::Error),
    /// Another process holds the lock and did not let go in time.
    #[error("another process is migrating this database and did not finish in {} minutes", LOCK_WAIT.as_secs() / 60)]
    Locked,
    /// The roles or the schema that migrations build on are missing, and this role may not create them.
    #[error(
        "cannot prepare the roles and the schema that migrations need (the role must be tenantry_owner with CREATE on the database, or an administrator)"
    )]
    Prepare(#[source] DbErr),
    /// A migration failed and was rolled back; those before it stay applied.
    #[error("migration {name} failed and was rolled back")]
    Apply {
        /// The migration's name.
        name: String,
        /// The error of the database.
        #[source]
        source: DbErr,
    },
    /// A migration that runs in parts failed in one of them; those before it stand.
    #[error("migration {name} stopped half-way: what it did stands, and the same command will start it over")]
    Unfinished {
        /// The migration's name.
        name: String,
        /// What the database said.
        #[source]
        source: DbErr,
    },
    /// Everything is applied, but the partitions of the coming months could not be made.
    #[error("cannot make the partitions of the coming months")]
    Partitions(#[source] DbErr),
    /// What is applied could not be read or tidied up.
    #[error("cannot read or change the record of applied migrations")]
    Record(#[source] DbErr),
}

/// Applies every pending migration and returns the names of those applied, oldest first. Makes the partitions of the coming months.
///
/// Several processes may call this at once: the second one waits and then has nothing to do. It needs a direct
/// connection (not a pooler in transaction mode), because the lock belongs to the session.
///
/// # Errors
/// Any [`MigrationError`]. Migrations applied before the one that failed stay applied.
pub async fn up(url: &str) -> Result<Vec<String>, MigrationError> {
    let session = Session::open(url).await?;
    session.prepare().await?;
    let applied = session.apply_pending().await?;
    session.run(partitions::MAKE).await.map_err(MigrationError::Partitions)?;
    session.close().await?;
    Ok(applied)
}

/// Reverts the newest `steps` migrations (all of them for `None`) and returns their names, newest first.
///
/// The roles stay, because they belong to the whole cluster and other databases may use them.
///
/// # Errors
/// Any [`MigrationError`]. Migrations reverted before the one that failed stay reverted.
pub async fn down(url: &str, steps: Option<u32>) -> Result<Vec<String>, MigrationError> {
    let session = Session::open(url).await?;
    session.prepare().await?;
    let applied = applied_in_order(&session.database).await?;
    let wanted = steps.map_or(usize::MAX, |steps| usize::try_from(steps).unwrap_or(usize::MAX));
    let mut reverted = Vec::new();
    for name in applied.iter().rev().take(wanted) {
        Migrator::down(&session.database, Some(1)).await.map_err(|source| failure(name, source))?;
        reverted.push(name.clone());
    }
    if reverted.len() == applied.len() {
        session.forget().await?;
    }
    session.close().await?;
    Ok(reverted)
}

/// Drops everything that this product has in the database, **data included**, and applies all migrations again.
///
/// # Errors
/// Any [`MigrationError`].
pub async fn fresh(url: &str) -> Result<Vec<String>, MigrationError> {
    let session = Session::open(url).await?;
    session.prepare().await?;
    session
        .run("SET lock_timeout = '5s'; DROP SCHEMA IF EXISTS app, auth, billing, platform CASCADE; RESET lock_timeout")
        .await
        .map_err(MigrationError::Record)?;
    session.prepare().await?;
    let applied = session.apply_pending().await?;
    session.run(partitions::MAKE).await.map_err(MigrationError::Partitions)?;
    session.close().await?;
    Ok(applied)
}

/// Every known migration, oldest first, with whether it is applied; behind them those that only a newer program knows. Only reads, so any of the product's roles may call
/// it. In a database that was never migrated, none is applied.
///
/// # Errors
/// [`MigrationError::Connect`], or [`MigrationError::Record`] when the role may not read the record.
pub async fn status(url: &str) -> Result<Vec<MigrationStatus>, MigrationError> {
    let database = connect(url).await?;
    let applied: HashSet<String> = applied_names(&database).await?.into_iter().collect();
    database.close().await.map_err(MigrationError::Record)?;
    let known: Vec<String> = names();
    let mut unknown: Vec<String> = applied.iter().filter(|name| !known.contains(name)).cloned().collect();
    unknown.sort();
    let known = known.into_iter().map(|name| (name, true)).chain(unknown.into_iter().map(|name| (name, false)));
    Ok(known.map(|(name, known)| MigrationStatus { applied: applied.contains(&name), name, known }).collect())
}

/// A connection that holds the lock and acts as the owner.
struct Session {
    database: DatabaseConnection,
}

impl Session {
    /// Connects and takes the lock, which is released with the connection in any case.
    async fn open(url: &str) -> Result<Self, MigrationError> {
        let session = Self { database: connect(url).await? };
        let deadline = Instant::now() + LOCK_WAIT;
        while !session.try_lock().await.map_err(MigrationError::Connect)? {
            if Instant::now() >= deadline {
                return Err(MigrationError::Locked);
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Ok(session)
    }

    /// Takes the lock if nobody has it.
    async fn try_lock(&self) -> Result<bool, DbErr> {
        let query = format!("SELECT pg_try_advisory_lock({LOCK_KEY}) AS taken");
        let row = self.database.query_one_raw(Statement::from_string(DbBackend::Postgres, query)).await?;
        row.map_or(Ok(false), |row| row.try_get("", "taken"))
    }

    /// Makes sure of roles and record, and becomes the owner, so that all that follows belongs to it.
    async fn prepare(&self) -> Result<(), MigrationError> {
        let readable = format!(
            "GRANT USAGE ON SCHEMA platform TO {roles}; GRANT SELECT ON platform.seaql_migrations TO {roles}",
            roles = roles::ALL_ROLES
        );
        let steps = async {
            self.run("RESET ROLE").await?;
            self.run(roles::PREPARE).await?;
            self.run("SET ROLE tenantry_owner").await?;
            self.run(roles::CREATE_PLATFORM).await?;
            // `sea-orm-migration` names its table without a schema. This puts that table, and nothing else, into the
            // right one.
            self.run("SET search_path = platform").await?;
            Migrator::install(&self.database).await?;
            self.run(&readable).await
        };
        steps.await.map_err(MigrationError::Prepare)
    }

    async fn apply_pending(&self) -> Result<Vec<String>, MigrationError> {
        let before: HashSet<String> = applied_names(&self.database).await?.into_iter().collect();
        let pending: Vec<String> = names().into_iter().filter(|name| !before.contains(name)).collect();
        for name in &pending {
            // One at a time, so that a failure can say which one it was.
            Migrator::up(&self.database, Some(1)).await.map_err(|source| failure(name, source))?;
        }
        Ok(pending)
    }

    /// Drops the empty record with its schema, unless the schema contains something else.
    async fn forget(&self) -> Result<(), MigrationError> {
        let sql = "DROP TABLE platform.seaql_migrations;
            DO $$ BEGIN DROP SCHEMA platform; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $$";
        self.run(sql).await.map_err(MigrationError::Record)
    }

    async fn run(&self, sql: &str) -> Result<(), DbErr> {
        self.database.execute_unprepared(sql).await.map(drop)
    }

    async fn close(self) -> Result<(), MigrationError> {
        self.database.close().await.map_err(MigrationError::Record)
    }
}

/// What to say of a migration that failed.
fn failure(name: &str, source: DbErr) -> MigrationError {
    let name = name.to_owned();
    if steps().iter().any(|step| step.name() == name && !step.is_whole()) {
        return MigrationError::Unfinished { name, source };
    }
    MigrationError::Apply { name, source }
}

/// Exactly one connection, never exchanged for another: lock, role and search path are the session's.
async fn connect(url: &str) -> Result<DatabaseConnection, MigrationError> {
    // Parsed like in every other command. The driver here supports fewer forms and ignores unknown parameters.
    let address: Address = url.parse()?;
    let limit = address.connect_timeout().unwrap_or(Duration::from_secs(10));
    let mut options = ConnectOptions::new(address.named("tenantry migrate").to_url());
    options
        .max_connections(1)
        .min_connections(1)
        .connect_timeout(limit)
        .acquire_timeout(limit)
        .idle_timeout(None)
        .max_lifetime(None)
        // A lost connection must end the run with an error, not be replaced by one without lock and role.
        .test_before_acquire(false)
        .sqlx_logging(false);
    Database::connect(options).await.map_err(MigrationError::Connect)
}

/// The applied migrations according to the database; empty if it was never migrated.
async fn applied_names(database: &DatabaseConnection) -> Result<Vec<String>, MigrationError> {
    let query = |sql: &str| Statement::from_string(DbBackend::Postgres, sql);
    let read = async {
        let exists = database
            .query_one_raw(query("SELECT to_regclass('platform.seaql_migrations') IS NOT NULL AS found"))
            .await?
            .map_or(Ok(false), |row| row.try_get("", "found"))?;
        if !exists {
            return Ok(Vec::new());
        }
        database
            .query_all_raw(query("SELECT version FROM platform.seaql_migrations ORDER BY version"))
            .await?
            .iter()
            .map(|row| row.try_get("", "version"))
            .collect()
    };
    read.await.map_err(MigrationError::Record)
}

/// The applied migrations that this program knows, in the order in which `sea-orm-migration` reverts them.
async fn applied_in_order(database: &DatabaseConnection) -> Result<Vec<String>, MigrationError> {
    let applied: HashSet<String> = applied_names(database).await?.into_iter().collect();
    Ok(names().into_iter().filter(|name| applied.contains(name)).collect())
}

#[cfg(test)]
mod tests {
    use tenantry_devdb::{Cluster, ClusterOptions};

    use super::*;

    /// The server waits for every transaction that is older than the index, and would wait for one that waits for the lock.
    #[tokio::test]
    async fn an_index_can_be_built_beside_the_writers_while_another_process_waits_to_migrate() {
        let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
        let url = cluster.superuser_url("postgres");
        up(&url).await.unwrap();
        let first = Session::open(&url).await.unwrap();
        let second = tokio::spawn(async move { up(&url).await });
        tokio::time::sleep(LOCK_PAUSE * 3).await;
        first.run("CREATE INDEX CONCURRENTLY clients_test_idx ON app.clients (organization_id, phone)").await.unwrap();
        assert!(!second.is_finished());
        first.close().await.unwrap();
        assert_eq!(second.await.unwrap().unwrap(), Vec::<String>::new());
    }
}
