//! One SeaORM entity per table, mechanical and private: the vocabulary that writes are built from.

pub mod activity;
pub mod attachment;
pub mod client;
pub mod comment;
pub mod content_item;
pub mod invoice;
pub mod label;
pub(crate) mod organization;
pub mod organization_member;
pub mod personal_task;
pub mod project;
pub mod project_member;
pub mod task;
pub mod transaction;
pub mod workspace;
pub mod workspace_member;
