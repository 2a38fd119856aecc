//! A connection to PostgreSQL that sends many statements in one round trip.
//!
//! The message format and the encoding of values come from the crates `postgres-protocol` and `postgres-types`. Our own
//! part is the exchange: statements are sent together, with one `Sync` at the end, and their answers come back
//! together. If one fails, the server does not run those after it. A caller may drop an exchange half-way. The next
//! exchange then reads the rest of the old answers first, so an answer never reaches the wrong caller.
//!
//! ```no_run
//! # async fn example() -> Result<(), tenantry_wire::Error> {
//! use tenantry_wire::{Address, Command, Connection, Parameters};
//!
//! let address: Address = "postgres://app:secret@127.0.0.1/tenantry".parse()?;
//! let mut connection = Connection::open(&address).await?;
//! let mut two = Parameters::default();
//! two.push(&2_i64)?;
//! let none = Parameters::default();
//! let answers = connection
//!     .exchange(&[
//!         Command::prepared("BEGIN READ ONLY", &none),
//!         Command::once("SET LOCAL statement_timeout = 500"),
//!         Command::prepared("SELECT $1 * 21", &two),
//!     ])
//!     .await?;
//! let answer: i64 = answers[2].first().ok_or(tenantry_wire::Error::NoRow)?.get(0)?;
//! assert_eq!(answer, 42);
//! # Ok(())
//! # }
//! ```

mod address;
mod command;
mod connection;
mod error;
mod link;
mod rows;
mod startup;
mod statements;
mod stream;
mod tls;

pub use postgres_types::{FromSql, Json, Type};

pub use address::{Address, TlsMode};
pub use command::{Bound, Command, Element, Parameters};
pub use connection::Connection;
pub use error::{Error, ServerError};
pub use rows::{Answer, Column, Row, Rows, Values};
