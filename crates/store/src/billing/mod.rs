//! Billing: reads and writes of the schema `billing`. What they mean is decided in `tenantry-billing` and in the domain.

pub mod entitlement;
pub mod plans;
pub mod stripe;
pub mod subscription;
pub mod usage;
