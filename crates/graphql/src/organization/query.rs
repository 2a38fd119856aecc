//! Organizations: root fields that read, and who is asking.

use async_graphql::{Context, Object, Result};
use tenantry_executor::loaders::{WhoAmI, load};
use tenantry_executor::object::{Object as Resolved, Ordered};

use super::summary::{OrganizationSummary, OwnOrganizations};
use super::{Organization, gone, own};
use crate::loaders::load_member;
use crate::member::{Member, Role};
use crate::noun::Choice;

/// The caller.
pub(crate) struct Viewer;

/// The caller.
#[Object]
impl Viewer {
    /// Your role in the organization.
    async fn role(&self, context: &Context<'_>) -> Result<Role> {
        // Every scope knows its actor.
        let actor = load::<WhoAmI>(context, ()).await?.ok_or_else(gone)?;
        Ok(Choice(actor.role))
    }

    /// Your membership of the organization.
    async fn member(&self, context: &Context<'_>) -> Result<Resolved<Member>> {
        let actor = load::<WhoAmI>(context, ()).await?.ok_or_else(gone)?;
        let member = load_member(context, actor.user_id).await?.ok_or_else(gone)?;
        Ok(member.into())
    }

    /// The organization that your token names.
    async fn organization(&self, context: &Context<'_>) -> Result<Resolved<Organization>> {
        own(context).await
    }
}

/// Root fields about the caller.
#[derive(Default)]
pub(crate) struct OrganizationQuery;

#[Object]
impl OrganizationQuery {
    /// The caller.
    async fn viewer(&self) -> Option<Ordered<Viewer>> {
        Some(Ordered(Viewer))
    }

    /// The organization that your token names.
    async fn organization(&self, context: &Context<'_>) -> Result<Option<Resolved<Organization>>> {
        own(context).await.map(Some)
    }

    /// All organizations that you belong to, by name. It also works when you no longer belong to the organization that your
    /// token names, so that you can switch to another one.
    async fn organizations(&self, context: &Context<'_>) -> Result<Option<Vec<Ordered<OrganizationSummary>>>> {
        OwnOrganizations::list(context).await.map(Some)
    }
}
