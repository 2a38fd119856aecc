//! One SeaORM entity per table, mechanical and private: the vocabulary that writes are built from.

pub mod client;
pub mod content_item;
pub mod invoice;
pub(crate) mod invoice_task;
pub(crate) mod organization;
pub mod organization_member;
pub mod project;
pub mod project_member;
pub mod task;
pub(crate) mod task_assignee;
pub mod workspace;
pub mod workspace_member;
