//! The caller's organizations as seen from outside: what a user knows of each before one of them is chosen.
//!
//! A type of its own, because whatever hangs on `Organization` is read in the organization that the token names. That of
//! another organization would be the wrong one.

use std::sync::Arc;

use async_graphql::{Context, Result, SimpleObject};
use tenantry_domain::organization::Organization as Record;
use tenantry_domain::{Identity, OrganizationId, Role as DomainRole};
use tenantry_executor::dataloader::Reads;
use tenantry_executor::object::Ordered;
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::{Service, organization as service};
use tokio::sync::OnceCell;

use crate::error::sort;
use crate::member::Role;
use crate::noun::Choice;

/// An organization that you belong to. Use `switchOrganization` to see its contents.
#[derive(SimpleObject, Clone)]
pub(crate) struct OrganizationSummary {
    /// The organization's id. It is not called `id`, because a cache would take this for the object `Organization`.
    organization_id: GlobalId<OrganizationId>,
    /// The organization's name.
    name: String,
    /// The unique lower-case name used in URLs.
    slug: String,
    /// The organization's picture; null if there is none.
    logo_url: Option<String>,
    /// Your role in it.
    role: Role,
    /// Whether it is the organization that your token names.
    is_current: bool,
    /// When it will be deleted; null if no deletion is scheduled.
    deletion_due_at: Option<Timestamp>,
    /// When the organization was created.
    created_at: Timestamp,
}

impl OrganizationSummary {
    /// What the caller knows of an organization that it belongs to.
    pub(super) fn new(organization: Record, role: DomainRole, caller: Identity) -> Self {
        Self {
            organization_id: GlobalId(organization.id),
            name: organization.name,
            slug: organization.slug,
            logo_url: organization.logo_url,
            role: Choice(role),
            is_current: organization.id == caller.organization_id,
            deletion_due_at: organization.deletion_due_at.map(Timestamp),
            created_at: Timestamp(organization.created_at),
        }
    }
}

impl From<OrganizationSummary> for Ordered<OrganizationSummary> {
    fn from(summary: OrganizationSummary) -> Self {
        Self(summary)
    }
}

/// The caller's organizations, read once a request however often they are asked for: they take a connection of their own, because
/// no organization may be set when they are read.
#[derive(Default)]
pub(crate) struct OwnOrganizations(OnceCell<Vec<OrganizationSummary>>);

impl OwnOrganizations {
    /// The organizations, by name.
    pub(super) async fn list(context: &Context<'_>) -> Result<Vec<Ordered<OrganizationSummary>>> {
        let cell = &context.data_unchecked::<Self>().0;
        let organizations = cell.get_or_try_init(|| read(context)).await?;
        Ok(organizations.iter().cloned().map(Ordered).collect())
    }
}

async fn read(context: &Context<'_>) -> Result<Vec<OrganizationSummary>> {
    let caller = context.data_unchecked::<Arc<Reads>>().identity();
    let service = context.data_unchecked::<Service>();
    let found = service::list_of_user(service.store(), caller.user_id).await;
    // Nothing is refused here, so there is no second kind of answer.
    let found = sort(found)?.unwrap_or_default();
    Ok(found.into_iter().map(|(organization, role)| OrganizationSummary::new(organization, role, caller)).collect())
}
