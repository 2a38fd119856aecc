//! A database that belongs to one test.

use std::ops::Deref;

use crate::{DatabaseUrls, DevDbError, cluster::create_statement};

use super::{
    Template,
    attach::{SharedCluster, cluster},
};

/// One test's own database in the shared cluster; dropping this value drops the database. The methods of
/// [`DatabaseUrls`] give its URLs.
#[derive(Debug)]
pub struct TestDatabase {
    cluster: &'static SharedCluster,
    urls: DatabaseUrls,
}

impl TestDatabase {
    /// Copies the template.
    ///
    /// # Errors
    /// [`DevDbError::Program`] with Postgres's message when it refuses.
    pub async fn create(template: &Template) -> Result<Self, DevDbError> {
        Self::new(Some(template.name())).await
    }

    /// Creates an empty database, for tests of the migrations themselves.
    ///
    /// # Errors
    /// [`DevDbError::BinariesMissing`] without Postgres, and others when starting fails.
    pub async fn empty() -> Result<Self, DevDbError> {
        Self::new(None).await
    }

    async fn new(template: Option<&str>) -> Result<Self, DevDbError> {
        let cluster = cluster().await?;
        let name = cluster.next_name();
        // Created before the database, so that cancelling the test half-way drops the database as well.
        let database = Self { cluster, urls: cluster.database(&name) };
        cluster.psql("postgres", &create_statement(&name, template)).await?;
        Ok(database)
    }

    /// The cluster of the database.
    pub fn cluster(&self) -> &'static SharedCluster {
        self.cluster
    }

    /// Runs statements in this database as the superuser; see [`Cluster::psql`](crate::Cluster::psql).
    ///
    /// # Errors
    /// [`DevDbError::Program`] with Postgres's message at the first statement that fails.
    pub async fn psql(&self, statements: &str) -> Result<String, DevDbError> {
        self.cluster.psql(self.urls.name(), statements).await
    }
}

impl Deref for TestDatabase {
    type Target = DatabaseUrls;

    fn deref(&self) -> &DatabaseUrls {
        &self.urls
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        self.cluster.drop_later(self.urls.name());
    }
}
