//! Billing: reads and writes of the schema `billing`. Their meaning is decided in `tenantry-billing` and in the domain.

pub mod entitlement;
pub mod plans;
pub mod stripe;
pub mod subscription;
pub mod usage;
