//! One cluster for all test processes of a checkout, and a separate database for each test.
//!
//! A test runner may run every test in its own process. The first process that needs the cluster starts it, and the
//! others find it. It stops by itself about twenty seconds after the last of them has ended. Its data folder stays for
//! the next run, which then finds the migrated template ready. What crashed processes left in it is removed.
//!
//! ```no_run
//! # async fn migrate(owner_url: String) -> Result<(), std::io::Error> { Ok(()) }
//! # async fn example() -> Result<(), tenantry_devdb::DevDbError> {
//! use tenantry_devdb::shared::{Template, TestDatabase};
//!
//! let template = Template::prepare("hash of the migrations", |empty| migrate(empty.owner_url())).await?;
//! let database = TestDatabase::create(&template).await?;
//! println!("{}", database.app_url());
//! # Ok(())
//! # }
//! ```

mod attach;
mod database;
mod template;

pub use attach::{SharedCluster, cluster};
pub use database::TestDatabase;
pub use template::Template;
