//! What hangs on a row without being a list of rows.

use std::sync::Arc;

use tenantry_domain::invoice::LineItem;
use tenantry_domain::member::Member;
use tenantry_domain::organization::Organization;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{InvoiceId, TaskId, UserId};
use tenantry_executor::dataloader::{Loaded, Loader};
use tenantry_executor::loaders::present;
use tenantry_store::{ReadScope, invoice, member, organization, task, workspace};

/// Members by user.
pub(crate) struct MembersByUser;

impl Loader for MembersByUser {
    type Key = UserId;
    type Value = Arc<Member>;

    async fn load(scope: &ReadScope, users: &[UserId]) -> Loaded<Self> {
        Ok(present(member::get_by_users(scope, users).await?))
    }
}

/// The users assigned to tasks.
pub(crate) struct Assignees;

impl Loader for Assignees {
    type Key = TaskId;
    type Value = Arc<Vec<UserId>>;

    async fn load(scope: &ReadScope, tasks: &[TaskId]) -> Loaded<Self> {
        Ok(present(task::assignees(scope, tasks).await?))
    }
}

/// The lines of invoices.
pub(crate) struct LineItems;

impl Loader for LineItems {
    type Key = InvoiceId;
    type Value = Arc<Vec<LineItem>>;

    async fn load(scope: &ReadScope, invoices: &[InvoiceId]) -> Loaded<Self> {
        Ok(present(invoice::line_items(scope, invoices).await?))
    }
}

/// The caller's organization.
pub(crate) struct OwnOrganization;

impl Loader for OwnOrganization {
    type Key = ();
    type Value = Arc<Organization>;

    async fn load(scope: &ReadScope, _: &[()]) -> Loaded<Self> {
        let found = organization::get_own(scope).await?;
        Ok(present(found.map(|organization| ((), Arc::new(organization)))))
    }
}

/// The workspace that a project comes to when none is named.
pub(crate) struct DefaultWorkspace;

impl Loader for DefaultWorkspace {
    type Key = ();
    type Value = Arc<Workspace>;

    async fn load(scope: &ReadScope, _: &[()]) -> Loaded<Self> {
        let found = workspace::get_default(scope).await?;
        Ok(present(found.map(|workspace| ((), Arc::new(workspace)))))
    }
}
