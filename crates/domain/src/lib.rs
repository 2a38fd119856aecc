//! The vocabulary and the rules of Tenantry: ids, enums, entities, money, invoice arithmetic, permissions and validation.
//!
//! *Invariant:* nothing here does I/O. There is no database, no GraphQL, no HTTP and no runtime in this crate, so every
//! rule can be tested in microseconds and used by any other service.

pub mod activity;
pub mod attachment;
pub mod byte_order_mark;
pub mod causes;
pub mod change;
pub mod client;
pub mod clock;
pub mod comment;
pub mod content_item;
pub mod country;
pub mod currency;
pub mod feature;
pub mod grant;
pub mod id;
pub mod identity;
pub mod invoice;
pub mod label;
pub mod live;
pub mod member;
pub mod money;
pub mod noun;
pub mod numbering;
pub mod organization;
pub mod party;
pub mod permission;
pub mod personal_task;
pub mod plan;
pub mod position;
pub mod project;
pub mod report;
pub mod search;
pub mod settings;
pub mod subscription;
pub mod task;
pub mod text;
mod text_enum;
pub mod transaction;
pub mod typeid;
pub mod user;
pub mod validate;
pub mod workspace;

pub use change::Change;
pub use clock::Clock;
pub use currency::Currency;
pub use id::*;
pub use identity::{Actor, Identity};
pub use money::{Money, MoneyError, plain_decimal};
pub use permission::{Grant, Role};
pub use position::Position;
pub use validate::{FieldError, FieldErrorCode, Violations};
