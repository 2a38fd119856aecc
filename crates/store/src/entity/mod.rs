//! One SeaORM entity per table, mechanical and private: the vocabulary that writes are built from.

pub(crate) mod client;
pub(crate) mod invoice;
pub(crate) mod invoice_task;
pub(crate) mod organization;
pub(crate) mod organization_member;
pub(crate) mod project;
pub(crate) mod project_member;
pub(crate) mod task;
pub(crate) mod task_assignee;
pub(crate) mod workspace;
pub(crate) mod workspace_member;
