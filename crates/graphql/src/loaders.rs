//! The reads that every noun shares: rows by id, and what hangs on a row without being a list of rows.

use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::Arc;

use async_graphql::{Context, Result};
use tenantry_domain::invoice::LineItem;
use tenantry_domain::member::Member;
use tenantry_domain::organization::Organization;
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{InvoiceId, TaskId, UserId};
use tenantry_store::{ReadScope, Record, get_many, invoice, member, organization, task, workspace};

use crate::batch::{Batch, Loaded, Reads};
use crate::error::read_failed;
use crate::object::{Object, RecordNode};

/// Rows by id.
pub(crate) struct ById<R>(PhantomData<R>);

impl<R: Record> Batch for ById<R> {
    type Key = R::Id;
    type Value = Arc<R>;

    async fn load(scope: &ReadScope, ids: &[R::Id]) -> Loaded<Self> {
        Ok(present(get_many::<R>(scope, ids).await?))
    }
}

/// Members by user.
pub(crate) struct MembersByUser;

impl Batch for MembersByUser {
    type Key = UserId;
    type Value = Arc<Member>;

    async fn load(scope: &ReadScope, users: &[UserId]) -> Loaded<Self> {
        Ok(present(member::get_by_users(scope, users).await?))
    }
}

/// The users assigned to tasks.
pub(crate) struct Assignees;

impl Batch for Assignees {
    type Key = TaskId;
    type Value = Arc<Vec<UserId>>;

    async fn load(scope: &ReadScope, tasks: &[TaskId]) -> Loaded<Self> {
        Ok(present(task::assignees(scope, tasks).await?))
    }
}

/// The lines of invoices.
pub(crate) struct LineItems;

impl Batch for LineItems {
    type Key = InvoiceId;
    type Value = Arc<Vec<LineItem>>;

    async fn load(scope: &ReadScope, invoices: &[InvoiceId]) -> Loaded<Self> {
        Ok(present(invoice::line_items(scope, invoices).await?))
    }
}

/// The caller's organization.
pub(crate) struct OwnOrganization;

impl Batch for OwnOrganization {
    type Key = ();
    type Value = Arc<Organization>;

    async fn load(scope: &ReadScope, _: &[()]) -> Loaded<Self> {
        let found = organization::get_own(scope).await?;
        Ok(present(found.map(|organization| ((), Arc::new(organization))).into_iter().collect()))
    }
}

/// The workspace that a project comes to when none is named.
pub(crate) struct DefaultWorkspace;

impl Batch for DefaultWorkspace {
    type Key = ();
    type Value = Arc<Workspace>;

    async fn load(scope: &ReadScope, _: &[()]) -> Loaded<Self> {
        let found = workspace::get_default(scope).await?;
        Ok(present(found.map(|workspace| ((), Arc::new(workspace))).into_iter().collect()))
    }
}

/// Values that were found, none of which failed.
fn present<K: Eq + std::hash::Hash, V, E>(found: HashMap<K, V>) -> HashMap<K, std::result::Result<V, E>> {
    found.into_iter().map(|(key, value)| (key, Ok(value))).collect()
}

/// The node with this id; `None` when it does not exist for the caller.
pub(crate) async fn node<N: RecordNode>(
    context: &Context<'_>,
    id: <N::Record as Record>::Id,
) -> Result<Option<Object<N>>> {
    Ok(load::<ById<N::Record>>(context, id).await?.map(Object::from))
}

/// The node that a row refers to, if it refers to one that the caller may see.
pub(crate) async fn optional_node<N: RecordNode>(
    context: &Context<'_>,
    id: Option<<N::Record as Record>::Id>,
) -> Result<Option<Object<N>>> {
    match id {
        Some(id) => node(context, id).await,
        None => Ok(None),
    }
}

/// The value for this key.
pub(crate) async fn load<B: Batch>(context: &Context<'_>, key: B::Key) -> Result<Option<B::Value>> {
    let reads = context.data_unchecked::<Arc<Reads>>();
    reads.load::<B>(key).await.map_err(|error| read_failed(&error))
}
