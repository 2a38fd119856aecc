//! The database that all contestants share: a private, durable PostgreSQL whose data is kept between runs.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use tenantry_devdb::{Binaries, Cluster, ClusterOptions, DatabaseUrls, DevDbError};
use tenantry_seed::{Phase, Progress, ScaleOptions};
use uuid::Uuid;

use crate::process::Tree;

/// The marker of a database that is ready.
const READY: &str = "ready for the benchmark";

/// The server's settings: reasonable ones for a machine that also runs other things.
const SETTINGS: [(&str, &str); 9] = [
    ("shared_buffers", "2GB"),
    ("effective_cache_size", "6GB"),
    ("maintenance_work_mem", "512MB"),
    ("max_wal_size", "4GB"),
    ("checkpoint_timeout", "15min"),
    ("random_page_cost", "1.1"),
    ("work_mem", "16MB"),
    ("jit", "off"),
    ("track_io_timing", "off"),
];

/// Counts statements; part of PostgreSQL's contrib modules, which not every machine has.
const COUNTER: &str = "pg_stat_statements";

/// The running server.
#[derive(Debug)]
pub(crate) struct Server {
    cluster: Cluster,
    /// Whether statements can be counted.
    pub(crate) counts: bool,
}

/// An organization, and the user who requests its data.
#[derive(Debug, Clone)]
pub(crate) struct Organization {
    pub(crate) id: Uuid,
    pub(crate) owner: Uuid,
}

impl Server {
    /// Starts the server.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) async fn start(data_dir: &Path) -> Result<Self> {
        let options = |counts: bool| {
            let mut settings: Vec<_> = SETTINGS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
            if counts {
                settings.push(("shared_preload_libraries".to_owned(), COUNTER.to_owned()));
            }
            ClusterOptions { data_dir: Some(data_dir.to_owned()), settings, port: None, durable: true }
        };
        let (cluster, counts) = match Cluster::start(options(true)).await {
            Err(DevDbError::StartFailed { log }) if log.contains(COUNTER) => {
                (Cluster::start(options(false)).await?, false)
            }
            started => (started?, true),
        };
        cluster.prepare_roles().await?;
        let server = Self { cluster, counts };
        if counts {
            server.track("none").await?;
        }
        Ok(server)
    }

    /// The server and its sessions.
    pub(crate) fn tree(&self) -> Tree {
        Tree(self.cluster.pid())
    }

    /// The addresses of a database.
    pub(crate) fn database(&self, name: &str) -> DatabaseUrls {
        self.cluster.database(name)
    }

    /// The server's version, as it reports it.
    pub(crate) async fn version(&self) -> Result<String> {
        self.psql("postgres", "SHOW server_version").await
    }

    /// Runs statements as the superuser.
    pub(crate) async fn psql(&self, database: &str, statements: &str) -> Result<String> {
        Ok(self.cluster.psql(database, statements).await?)
    }

    /// Stops it.
    pub(crate) async fn stop(self) -> Result<()> {
        Ok(self.cluster.stop().await?)
    }

    /// Creates a database with this much data, or finds the one from an earlier run.
    ///
    /// # Errors
    /// When the server refuses, or there is not enough room.
    pub(crate) async fn seeded(&self, options: &ScaleOptions) -> Result<String> {
        let ScaleOptions { organizations, users, tasks, rng_seed } = options;
        let size = format!("bench_{organizations}_{users}_{tasks}_{rng_seed}_");
        // Data with another schema is useless.
        let name = format!("{size}{}", &tenantry_migration::fingerprint()[..8]);
        let others = format!(
            "SELECT datname FROM pg_database WHERE starts_with(datname, '{size}') AND (datname <> '{name}'
             OR shobj_description(oid, 'pg_database') IS DISTINCT FROM '{READY}')"
        );
        for other in self.psql("postgres", &others).await?.lines() {
            self.psql("postgres", &format!("DROP DATABASE \"{other}\" WITH (FORCE)")).await?;
        }
        if !self.cluster.has_database(&name).await? {
            self.seed(&name, options).await?;
        }
        Ok(name)
    }

    async fn seed(&self, name: &str, options: &ScaleOptions) -> Result<()> {
        let urls = self.cluster.create_database(name, None).await?;
        tenantry_migration::up(&urls.owner_url()).await?;
        eprintln!(
            "making {} organizations with {} tasks; later runs use the same data",
            options.organizations, options.tasks
        );
        let (start, mut told) = (Instant::now(), Phase::Rows);
        let mut progress = |progress: Progress<'_>| {
            let stride = (progress.total / 10).max(1);
            if progress.phase != told || (progress.phase == Phase::Rows && progress.done % stride < 5_000) {
                told = progress.phase;
                let seconds = start.elapsed().as_secs();
                eprintln!("  {seconds:>4} s  {} {}/{}", progress.phase.label(), progress.done, progress.total);
            }
        };
        tenantry_seed::scale(&urls.superuser_url(), options, &mut progress).await?;
        self.psql(name, PREPARE).await?;
        self.psql(name, "VACUUM (FREEZE, ANALYZE)").await?;
        self.psql("postgres", &format!("COMMENT ON DATABASE \"{name}\" IS '{READY}'; CHECKPOINT")).await?;
        Ok(())
    }

    /// Updates what depends on the day, and reads all data into memory.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn warm(&self, name: &str) -> Result<()> {
        self.psql(name, SWEEP).await?;
        self.psql(name, "VACUUM (ANALYZE) app.invoices").await?;
        let warmed = self
            .psql(
                name,
                "CREATE EXTENSION IF NOT EXISTS pg_prewarm;
                 SELECT sum(pg_prewarm(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname IN ('app', 'auth', 'billing') AND c.relkind IN ('r', 'i')",
            )
            .await;
        if warmed.is_err() {
            eprintln!("pg_prewarm is not installed; the first round warms the cache");
        }
        Ok(())
    }

    /// The requested organizations.
    ///
    /// # Errors
    /// When there are none.
    pub(crate) async fn organizations(&self, database: &str, which: &str) -> Result<Vec<Organization>> {
        let narrow = match which {
            // Of all sizes.
            "many" => "true ORDER BY md5(o.id::text) LIMIT 200".to_owned(),
            "all" => "true ORDER BY o.id".to_owned(),
            slug => format!("o.slug = '{}'", slug.replace('\'', "''")),
        };
        let rows = self
            .psql(
                database,
                &format!(
                    "SELECT o.id, (SELECT m.user_id FROM app.organization_members m
                        WHERE m.organization_id = o.id AND m.role = 'owner' ORDER BY m.joined_at LIMIT 1)
                     FROM app.organizations o WHERE {narrow}"
                ),
            )
            .await?;
        let found = rows.lines().map(|row| {
            let (id, owner) = row.split_once('|').context("two columns")?;
            Ok(Organization { id: id.parse()?, owner: owner.parse()? })
        });
        let found: Vec<Organization> = found.collect::<Result<_>>()?;
        if found.is_empty() {
            bail!("there is no organization \"{which}\"; the seed has large, middling and small");
        }
        Ok(found)
    }

    /// Starts counting statements.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn begin_counting(&self, database: &str) -> Result<()> {
        self.psql(database, &format!("CREATE EXTENSION IF NOT EXISTS {COUNTER}")).await?;
        self.track("top").await?;
        self.psql(database, &format!("SELECT {COUNTER}_reset()")).await?;
        Ok(())
    }

    /// Stops counting and returns how many statements the application's role has run. Counting has a cost, so it is off
    /// while time is measured.
    ///
    /// # Errors
    /// When the server refuses.
    pub(crate) async fn end_counting(&self, database: &str) -> Result<u64> {
        self.track("none").await?;
        let count = self
            .psql(
                database,
                &format!(
                    "SELECT coalesce(sum(s.calls), 0) FROM {COUNTER} s JOIN pg_database d ON d.oid = s.dbid
                     WHERE d.datname = current_database() AND s.userid = 'tenantry_app'::regrole"
                ),
            )
            .await?;
        Ok(count.trim().parse()?)
    }

    async fn track(&self, what: &str) -> Result<()> {
        // In the configuration file, because open sessions cannot be changed through start options.
        let statements = format!("ALTER SYSTEM SET {COUNTER}.track = '{what}'; SELECT pg_reload_conf()");
        self.psql("postgres", &statements).await?;
        // The sessions are notified by a signal.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        Ok(())
    }
}

/// The folder with pgbench, if it is installed.
pub(crate) fn pgbench() -> Option<std::path::PathBuf> {
    let program = Binaries::find().ok()?.folder().join("pgbench");
    program.exists().then_some(program)
}

/// No plan may refuse a request of the benchmark.
const PREPARE: &str = "UPDATE billing.organization_billing SET plan = 'enterprise', status = 'active'";

/// The stored status of an invoice is updated to today's, so that a contestant that only reads the column has the same
/// answer.
const SWEEP: &str = "UPDATE app.invoices i SET status = 'overdue' FROM app.organizations o
    WHERE o.id = i.organization_id AND i.status = 'sent' AND i.amount_paid < i.total
        AND i.due_date < (now() AT TIME ZONE o.time_zone)::date;
UPDATE app.invoices i SET status = 'sent' FROM app.organizations o
    WHERE o.id = i.organization_id AND i.status = 'overdue'
        AND NOT coalesce(i.due_date < (now() AT TIME ZONE o.time_zone)::date AND i.amount_paid < i.total, false)";
