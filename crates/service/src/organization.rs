//! Organizations: creating, changing, deleting and switching.

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::noun::New as _;
use tenantry_domain::organization::{
    DEFAULT_WORKSPACE, Deletion, DeletionRefused, NewOrganization, Organization, OrganizationChanges,
};
use tenantry_domain::permission::Operation;
use tenantry_domain::workspace::NewWorkspace;
use tenantry_domain::{FieldError, FieldErrorCode, OrganizationId, Role, UserId};
use tenantry_store::billing::stripe;
use tenantry_store::{IdentityScope, Scope, Store, StoreError, WriteScope, member, organization as store, user};

use crate::activity;
use crate::authorize::{authorize_anywhere, check_unchanged};
use crate::error::{ServiceError, name_reference};

/// What must be unique in the whole database.
const REFERENCES: &[(&str, &str, &str)] = &[("organizations_slug_key", "slug", "organization")];

/// Creates an organization owned by `user_id`, with a default workspace, on the free plan. It needs no permission,
/// because it touches no existing organization.
///
/// # Errors
/// [`ServiceError::Refused`] for a field out of bounds or a slug that is taken; [`StoreError::NotAMember`] when there
/// is no such user, or the user is banned.
pub async fn create(
    store: &Store,
    billing: &Billing,
    user_id: UserId,
    new: NewOrganization,
) -> Result<Organization, ServiceError> {
    let new = new.validated()?;
    // Checks for a ban, because a token may outlive it. The scope ends here, so that only one connection is used at a
    // time.
    drop(open_identity(store, user_id).await?);
    let mut scope = WriteScope::open_founding(store, user_id, store.clock().new_id()).await?;
    let created = store::create(&mut scope, new).await.map_err(|error| name_reference(error, REFERENCES))?;
    member::create(&mut scope, user_id, Role::Owner, None).await?;
    let default = NewWorkspace { name: DEFAULT_WORKSPACE.to_owned(), ..NewWorkspace::default() };
    let mut default = default.into_row(tenantry_store::origin(&scope))?;
    default.is_default = true;
    tenantry_store::insert(&mut scope, &default).await?;
    billing.open_account(&mut scope).await?;
    let created = created.ok_or_else(gone)?;
    activity::organization(&mut scope, None, &created);
    scope.commit().await?;
    Ok(created)
}

/// The organizations of a user, by name, with the user's role in each.
///
/// # Errors
/// [`StoreError::NotAMember`] when there is no such user, or the user is banned; those of the database.
pub async fn list_of_user(store: &Store, user_id: UserId) -> Result<Vec<(Organization, Role)>, ServiceError> {
    Ok(store::list_of_user(&open_identity(store, user_id).await?).await?)
}

/// The organization that a user wants a token for, with the user's role there.
///
/// # Errors
/// [`ServiceError::Refused`] when the user does not belong to it, which is the same answer as for an unknown one; else
/// as [`list_of_user`].
pub async fn switch(
    store: &Store,
    user_id: UserId,
    organization_id: OrganizationId,
) -> Result<(Organization, Role), ServiceError> {
    let found = list_of_user(store, user_id).await?.into_iter().find(|(found, _)| found.id == organization_id);
    found.ok_or_else(|| FieldError::not_found("organizationId", "organization").into())
}

/// Changes the organization.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] for a field out of bounds, a slug that is taken, or when the
/// organization has changed since `expected`.
pub async fn update(
    scope: &mut WriteScope,
    expected: Option<DateTime<Utc>>,
    changes: OrganizationChanges,
) -> Result<Organization, ServiceError> {
    let before = existing(scope, Operation::RenameOrganization, expected).await?;
    let changes = changes.validated()?;
    let after = store::update(scope, &before, changes).await.map_err(|error| name_reference(error, REFERENCES))?;
    told(scope, &before, after)
}

/// Schedules the organization's deletion. Until it is due, it can be cancelled, and everything can be exported.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when it is scheduled already, when a subscription will renew,
/// or when the organization has changed since `expected`.
pub async fn schedule_deletion(
    scope: &mut WriteScope,
    expected: Option<DateTime<Utc>>,
) -> Result<Organization, ServiceError> {
    let before = existing(scope, Operation::DeleteOrganization, expected).await?;
    let deletion = before.schedule_deletion(scope.tenant().clock.now()).map_err(refused)?;
    // It would renew and be billed before the deletion is due.
    let account = stripe::account(scope).await?.ok_or_else(gone)?;
    if account.has_live_subscription && !account.subscription.cancel_at_period_end {
        let message = "There is a subscription. Cancel it in the billing portal first; it may still run until the end of its period.";
        let (code, field) = (FieldErrorCode::AlreadySubscribed, Vec::new());
        return Err(FieldError { code, field, message: message.to_owned() }.into());
    }
    let after = store::update_deletion(scope, &before, Some(deletion)).await?;
    told(scope, &before, after)
}

/// Cancels the organization's deletion.
///
/// # Errors
/// As [`schedule_deletion`]; [`ServiceError::Refused`] when no deletion is scheduled.
pub async fn cancel_deletion(
    scope: &mut WriteScope,
    expected: Option<DateTime<Utc>>,
) -> Result<Organization, ServiceError> {
    let before = existing(scope, Operation::DeleteOrganization, expected).await?;
    before.cancel_deletion().map_err(refused)?;
    let after = store::update_deletion(scope, &before, None).await?;
    told(scope, &before, after)
}

/// Tells of a change of the organization.
fn told(
    scope: &mut WriteScope,
    before: &Organization,
    after: Option<Organization>,
) -> Result<Organization, ServiceError> {
    let after = after.ok_or_else(gone)?;
    activity::organization(scope, Some(before), &after);
    Ok(after)
}

/// A scope for a user without an organization. A token may outlive a ban, so the ban is checked first.
async fn open_identity(store: &Store, user_id: UserId) -> Result<IdentityScope, ServiceError> {
    let scope = IdentityScope::open(store, Some(user_id)).await?;
    match user::get_self(&scope).await? {
        Some(_) => Ok(scope),
        None => Err(gone()),
    }
}

/// The organization, locked, if the caller may do this to it.
async fn existing(
    scope: &mut WriteScope,
    operation: Operation,
    expected: Option<DateTime<Utc>>,
) -> Result<Organization, ServiceError> {
    authorize_anywhere(scope, operation)?;
    let organization = store::get_own_for_update(scope).await?.ok_or_else(gone)?;
    check_unchanged(expected, organization.updated_at)?;
    Ok(organization)
}

/// The organization, or the user, no longer exists.
fn gone() -> ServiceError {
    StoreError::NotAMember.into()
}

fn refused(refused: DeletionRefused) -> ServiceError {
    let message = match refused {
        DeletionRefused::Scheduled(Deletion { due_at, .. }) => {
            format!("The deletion is already scheduled; it is due at {}.", due_at.to_rfc3339())
        }
        DeletionRefused::NotScheduled => "No deletion is scheduled.".to_owned(),
    };
    FieldError { code: FieldErrorCode::Invalid, field: Vec::new(), message }.into()
}
