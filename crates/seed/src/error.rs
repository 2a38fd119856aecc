//! Why nothing was seeded. In every case the database is unchanged.

use tenantry_domain::Violations;
use tenantry_domain::position::NoRoom;
use tenantry_store::StoreError;

/// A failed seed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedError {
    /// An option has a value that cannot be seeded.
    #[error("--{option} must be {expected}, not {value}")]
    Option {
        /// The option's name on the command line, without the dashes.
        option: &'static str,
        /// The allowed values.
        expected: &'static str,
        /// The given value.
        value: u64,
    },
    /// There are organizations already, and measurements on mixed data say nothing.
    #[error("the database already has organizations; seed an empty one")]
    NotEmpty,
    /// The database refused, or could not be reached.
    #[error("the rows could not be loaded")]
    Store(#[from] StoreError),
    /// The seed created an invoice that breaks the rules of invoices; a bug in the seed.
    #[error("the seed created an invoice that does not add up")]
    Invoice(#[from] Violations),
    /// The seed created a position that breaks the rules of positions; a bug in the seed.
    #[error("the seed created a malformed position")]
    Position(#[from] NoRoom),
}
