//! Why nothing was seeded. Whatever it is, the database is as it was.

use tenantry_domain::Violations;
use tenantry_domain::position::NoRoom;
use tenantry_store::StoreError;

/// A seed that did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// An option has a value that cannot be seeded.
    #[error("--{option} must be {expected}, not {value}")]
    Option {
        /// The option's name on the command line, without the dashes.
        option: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        value: u64,
    },
    /// There are organizations already, and measurements on a mixture say nothing.
    #[error("the database already has organizations; seed an empty one")]
    NotEmpty,
    /// The database refused, or could not be reached.
    #[error("the rows could not be loaded")]
    Store(#[from] StoreError),
    /// The seed made an invoice that breaks the rules of invoices, which is a fault of the seed.
    #[error("the seed made an invoice that does not add up")]
    Invoice(#[from] Violations),
    /// The seed made a position that breaks the rules of positions, which is a fault of the seed.
    #[error("the seed made a malformed position")]
    Position(#[from] NoRoom),
}
