//! Stripe's events: each is kept and has its effect in one transaction, once, in whatever order and however often it comes.
//!
//! The state of a subscription is never changed by an event. It is concluded, each time, from all the events that are kept of the
//! organization, in the order in which they happened; so the order in which they arrive cannot matter.

mod prices;
mod standing;

use serde_json::Value;
use tenantry_domain::typeid::TypeId as _;
use tenantry_domain::{Id as _, OrganizationId};
use tenantry_store::billing::stripe as store;
use tenantry_store::{Store, StoreError, WorkerScope};
use tenantry_stripe::{Content, Event, EventError};

pub use prices::{PriceTable, PriceTableError};
pub use standing::{Standing, conclude};
