//! Organizations: the object type.

mod mutation;
mod query;
mod summary;

use std::sync::Arc;

use async_graphql::{Context, Result};
use tenantry_domain::OrganizationId;
use tenantry_domain::organization::Organization as Record;
use tenantry_domain::workspace::Workspace;
use tenantry_executor::error::{ErrorCode, coded};
use tenantry_executor::loaders::load;
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};

use crate::loaders::{Balances, DefaultWorkspace, OwnOrganization, OwnSettings};
use crate::noun::{NounLists, Row};
use crate::object::object;
use crate::report::{Balance, balances};
use crate::settings::Settings;

pub(crate) use mutation::OrganizationMutation;
pub(crate) use query::OrganizationQuery;
pub(crate) use summary::OwnOrganizations;

object! {
    /// A company or a team. Every object belongs to exactly one organization.
    Organization = "Organization" from Record {
        /// The organization's id.
        "id" id: GlobalId<OrganizationId> = |organization| GlobalId(organization.id);
        /// The organization's name.
        "name" name: &str = |organization| organization.name.as_str();
        /// The unique lower-case name used in URLs.
        "slug" slug: &str = |organization| organization.slug.as_str();
        /// The organization's picture; null if there is none.
        "logoUrl" logo_url: Option<&str> = |organization| organization.logo_url.as_deref();
        /// The IANA time zone that determines "today".
        "timeZone" time_zone: &str = |organization| organization.time_zone.as_str();
        /// When its deletion was requested; null if it was not.
        "deletionRequestedAt" deletion_requested_at: Option<Timestamp> = |organization| organization.deletion_requested_at.map(Timestamp);
        /// When it will be deleted; null if no deletion is scheduled.
        "deletionDueAt" deletion_due_at: Option<Timestamp> = |organization| organization.deletion_due_at.map(Timestamp);
        /// When the organization was created.
        "createdAt" created_at: Timestamp = |organization| Timestamp(organization.created_at);
        /// When the organization last changed.
        "updatedAt" updated_at: Timestamp = |organization| Timestamp(organization.updated_at);
    }

    /// Everything in it: the lists of the root.
    #[graphql(flatten)]
    #[expect(clippy::unused_async, reason = "the macro takes async functions alone")]
    async fn lists(&self) -> NounLists {
        NounLists
    }

    /// How it stands, as far as you see its invoices and transactions: one entry for each currency. Null only with an error.
    async fn balances(&self, context: &Context<'_>) -> Result<Option<Vec<Balance>>> {
        balances(load::<Balances>(context, ()).await?.as_ref())
    }

    /// The settings of its invoices; null if you may not see them.
    async fn settings(&self, context: &Context<'_>) -> Result<Option<Ordered<Settings>>> {
        let settings = load::<OwnSettings>(context, ()).await?;
        Ok(settings.map(|settings| Ordered(Settings::from(&*settings))))
    }

    /// Where a new project goes if no workspace is given; null if you cannot see it.
    async fn default_workspace(&self, context: &Context<'_>) -> Result<Option<Resolved<Row<Workspace>>>> {
        Ok(load::<DefaultWorkspace>(context, ()).await?.map(Resolved::from))
    }
}

/// The organization that the token names.
async fn own(context: &Context<'_>) -> Result<Resolved<Organization>> {
    let organization: Arc<Record> = load::<OwnOrganization>(context, ()).await?.ok_or_else(gone)?;
    Ok(organization.into())
}

fn gone() -> async_graphql::Error {
    coded(ErrorCode::Forbidden, "You do not belong to this organization.")
}
