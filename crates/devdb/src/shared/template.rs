//! The migrated database that each test's database is copied from.

use std::{error::Error, fs, future::Future};

use crate::{
    DatabaseUrls, DevDbError,
    cluster::create_statement,
    folders::{hash_of, open_lock},
    off_thread,
    server::quoted,
};

use super::attach::{BUILD_PREFIX, TEMPLATE_PREFIX, cluster};

/// A finished template in the shared cluster. Nobody can connect to it, because a connection would prevent copying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    name: String,
}

impl Template {
    /// Finds the template for this key, or builds it: `build` fills an empty database that `tenantry_owner` owns. If
    /// several processes call this at the same time, one builds and the others wait.
    ///
    /// The key must identify everything that `build` does, so it should be a hash of the migrations: a later run with
    /// the same key uses the existing template.
    ///
    /// # Errors
    /// [`DevDbError::Template`] when `build` fails, and the errors of starting the shared cluster.
    pub async fn prepare<Build, Built, BuildError>(key: &str, build: Build) -> Result<Self, DevDbError>
    where
        Build: FnOnce(DatabaseUrls) -> Built,
        Built: Future<Output = Result<(), BuildError>>,
        BuildError: Into<Box<dyn Error + Send + Sync>>,
    {
        let cluster = cluster().await?;
        let hash = hash_of(key);
        let template = Self { name: format!("{TEMPLATE_PREFIX}{hash}") };
        let marker = cluster.templates().join(&template.name);
        if marker.exists() {
            return Ok(template);
        }

        let (path, account) = (cluster.templates().join(format!("{hash}.lock")), cluster.account());
        let lock = off_thread(move || {
            let file = open_lock(&path, account)?;
            file.lock().map_err(DevDbError::io("lock", path))?;
            Ok::<_, DevDbError>(file)
        })
        .await?;
        if !marker.exists() {
            let unfinished = format!("{BUILD_PREFIX}{hash}");
            let (from, to) = (quoted(&unfinished), quoted(&template.name));
            // The previous builder has crashed without finishing, because the lock is free.
            let create = create_statement(&unfinished, None);
            cluster.psql("postgres", &format!("DROP DATABASE IF EXISTS {from} WITH (FORCE);\n{create}")).await?;
            build(cluster.database(&unfinished)).await.map_err(|error| DevDbError::Template(error.into()))?;
            // Autovacuum is off, and a frozen copy leaves nothing to clean up in every test.
            cluster.psql(&unfinished, "VACUUM (FREEZE, ANALYZE)").await?;
            cluster
                .psql(
                    "postgres",
                    &format!(
                        "ALTER DATABASE {from} WITH ALLOW_CONNECTIONS false;\n\
                         SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{unfinished}';\n\
                         ALTER DATABASE {from} RENAME TO {to};\n\
                         CHECKPOINT;"
                    ),
                )
                .await?;
            fs::write(&marker, "").map_err(DevDbError::io("write", marker))?;
        }
        drop(lock);
        Ok(template)
    }

    /// The template's name in the cluster.
    pub fn name(&self) -> &str {
        &self.name
    }
}
