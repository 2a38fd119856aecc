//! Organizations: root fields that write, and the token for another organization.

use std::sync::Arc;

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use tenantry_domain::organization::{NewOrganization, OrganizationChanges};
use tenantry_domain::permission::Operation;
use tenantry_domain::{FieldError, FieldErrorCode, Identity, OrganizationId, Role, Violations};
use tenantry_executor::dataloader::Reads;
use tenantry_executor::error::internal;
use tenantry_executor::mutation::{caller, committed, has_secret};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::noun::check_input;
use tenantry_service::{Service, organization as service};

use super::summary::OrganizationSummary;
use super::{Organization, Record};
use crate::error::{UserError, sort};
use crate::issuer::OptionalIssuer;
use crate::mutation::{nullable, payload, required, write};

/// The input for a new organization.
#[derive(InputObject)]
pub(crate) struct CreateOrganizationInput {
    /// The organization's name; 1 to 200 characters.
    name: String,
    /// The name used in URLs: 1 to 63 lower-case letters, digits and single hyphens. It must be unique.
    slug: String,
    /// The URL of its picture.
    logo_url: Option<String>,
}

/// Changes to the organization. Fields that are not given stay. Null clears a field that may be empty; other fields refuse it.
#[derive(InputObject)]
pub(crate) struct UpdateOrganizationInput {
    /// Refuse with `CONFLICT` unless the organization was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The organization's name; 1 to 200 characters.
    name: MaybeUndefined<String>,
    /// The name used in URLs: 1 to 63 lower-case letters, digits and single hyphens. It must be unique.
    slug: MaybeUndefined<String>,
    /// The URL of its picture.
    logo_url: MaybeUndefined<String>,
    /// The IANA time zone that determines "today", such as `Europe/Berlin`.
    time_zone: MaybeUndefined<String>,
}

/// Which organization to switch to.
#[derive(InputObject)]
pub(crate) struct SwitchOrganizationInput {
    /// The organization; you must be a member.
    organization_id: GlobalId<OrganizationId>,
}

/// The options for deleting the organization.
#[derive(InputObject)]
pub(crate) struct DeleteOrganizationInput {
    /// Refuse with `CONFLICT` unless the organization was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// The options for cancelling the organization's deletion.
#[derive(InputObject)]
pub(crate) struct CancelOrganizationDeletionInput {
    /// Refuse with `CONFLICT` unless the organization was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

payload! {
    /// The result of creating an organization.
    CreateOrganizationPayload {
        /// The new organization. Your token still names another one; use `switchOrganization` to work in this one.
        organization: Ordered<OrganizationSummary>
    }
}

payload! {
    /// The result of changing the organization.
    UpdateOrganizationPayload {
        /// The organization as it is now.
        organization: Resolved<Organization>
    }
}

payload! {
    /// The result of scheduling the organization's deletion.
    DeleteOrganizationPayload {
        /// The organization, with the time when it will be deleted.
        organization: Resolved<Organization>
    }
}

payload! {
    /// The result of cancelling the organization's deletion.
    CancelOrganizationDeletionPayload {
        /// The organization as it is now.
        organization: Resolved<Organization>
    }
}

/// The result of switching to another organization.
#[derive(SimpleObject, Default)]
pub(crate) struct SwitchOrganizationPayload {
    /// A token for the organization; null if the mutation was refused. Use it instead of your current one.
    token: Option<String>,
    /// When the token expires; null if the mutation was refused.
    expires_at: Option<Timestamp>,
    /// The organization; null if the mutation was refused.
    organization: Option<Ordered<OrganizationSummary>>,
    /// Why the mutation was refused; empty if it succeeded.
    user_errors: Vec<UserError>,
}

/// Root fields that write organizations.
#[derive(Default)]
pub(crate) struct OrganizationMutation;

#[Object]
impl OrganizationMutation {
    /// Creates an organization. You become its owner. It has one workspace and the free plan.
    async fn create_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization to create.")] input: CreateOrganizationInput,
    ) -> Result<Option<Ordered<CreateOrganizationPayload>>> {
        let new = NewOrganization { name: input.name, slug: input.slug, logo_url: input.logo_url };
        let caller = caller(context)?;
        let service = context.data_unchecked::<Service>();
        let created = sort(service::create(service.store(), service.billing(), caller.user_id, new).await)?;
        if created.is_ok() {
            committed(context);
        }
        Ok(Some(created.map(|organization| OrganizationSummary::new(organization, Role::Owner, caller)).into()))
    }

    /// Changes the organization. Only owners and admins may do this.
    async fn update_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The changes to the organization.")] input: UpdateOrganizationInput,
    ) -> Result<Option<Ordered<UpdateOrganizationPayload>>> {
        let mut faults = Violations::default();
        let changes = OrganizationChanges {
            name: required(&mut faults, "name", input.name, |name| name),
            slug: required(&mut faults, "slug", input.slug, |slug| slug),
            logo_url: nullable(input.logo_url, |url| url),
            time_zone: required(&mut faults, "timeZone", input.time_zone, |zone| zone),
        };
        let expected = input.expected_updated_at.map(|time| time.0);
        let updated = write(context, |scope| {
            let (changes, faults) = (changes.clone(), faults.clone());
            Box::pin(async move {
                check_input(scope, Operation::RenameOrganization, faults)?;
                service::update(scope, expected, changes).await
            })
        })
        .await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Returns a token for another organization that you belong to. It expires no later than the token that you send. It also
    /// works when you no longer belong to the organization that your token names.
    async fn switch_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The organization to switch to.")] input: SwitchOrganizationInput,
    ) -> Result<Option<Ordered<SwitchOrganizationPayload>>> {
        let Some(issuer) = &context.data_unchecked::<OptionalIssuer>().0 else {
            let message = "This server does not issue tokens; ask your identity provider for one.";
            let error = FieldError { code: FieldErrorCode::Invalid, field: Vec::new(), message: message.to_owned() };
            return Ok(Some(Ordered(SwitchOrganizationPayload {
                user_errors: vec![error.into()],
                ..Default::default()
            })));
        };
        let caller = caller(context)?;
        let service = context.data_unchecked::<Service>();
        let found = service::switch(service.store(), caller.user_id, input.organization_id.0).await;
        let (organization, role) = match sort(found)? {
            Ok(found) => found,
            Err(user_errors) => {
                return Ok(Some(Ordered(SwitchOrganizationPayload { user_errors, ..Default::default() })));
            }
        };
        let identity = Identity { user_id: caller.user_id, organization_id: organization.id };
        // Else whoever has a token could go on for ever, by switching to where they are.
        let not_after = context.data_unchecked::<Arc<Reads>>().expires_at();
        let new = issuer.issue(identity, not_after).map_err(|error| internal(&error))?;
        has_secret(context);
        Ok(Some(Ordered(SwitchOrganizationPayload {
            token: Some(new.token),
            expires_at: Some(Timestamp(new.expires_at)),
            organization: Some(Ordered(OrganizationSummary::new(organization, role, caller))),
            user_errors: Vec::new(),
        })))
    }

    /// Schedules the deletion of the organization, with everything in it, for 30 days from now. It can be cancelled until then. Refused
    /// with `ALREADY_SUBSCRIBED` while there is a subscription that renews. For owners.
    async fn delete_organization(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The options for deleting the organization.")] input: DeleteOrganizationInput,
    ) -> Result<Option<Ordered<DeleteOrganizationPayload>>> {
        let expected = input.expected_updated_at.map(|time| time.0);
        let scheduled = write(context, |scope| Box::pin(service::schedule_deletion(scope, expected))).await?;
        Ok(Some(scheduled.map(Arc::<Record>::new).into()))
    }

    /// Cancels the organization's deletion. For owners.
    async fn cancel_organization_deletion(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The options for cancelling the deletion.")] input: CancelOrganizationDeletionInput,
    ) -> Result<Option<Ordered<CancelOrganizationDeletionPayload>>> {
        let expected = input.expected_updated_at.map(|time| time.0);
        let cancelled = write(context, |scope| Box::pin(service::cancel_deletion(scope, expected))).await?;
        Ok(Some(cancelled.map(Arc::<Record>::new).into()))
    }
}
