//! Members: which users belong to the organization, and with which role.

use chrono::{DateTime, Utc};
use tenantry_billing::Billing;
use tenantry_domain::feature::Feature;
use tenantry_domain::member::{Member, MembershipRefused, NewMember, may_add, may_change_role, may_remove};
use tenantry_domain::permission::{Decision, Operation, Place, decide};
use tenantry_domain::{FieldError, FieldErrorCode, OrganizationId, Role, UserId};
use tenantry_store::{ColumnSet, ConstraintKind, Scope, StoreError, WriteScope, member as store, user};

use crate::activity;
use crate::authorize::{authorize_anywhere, check_unchanged};
use crate::error::ServiceError;

/// Makes an existing user a member. Counts against the plan.
///
/// # Errors
/// [`ServiceError::Forbidden`], also for a role above the caller's; [`ServiceError::Refused`] when there is no user
/// with this address, or the user is a member already; [`ServiceError::LimitReached`] when the plan allows no more
/// members.
pub async fn add(scope: &mut WriteScope, billing: &Billing, new: NewMember) -> Result<Member, ServiceError> {
    authorize_anywhere(scope, Operation::ManageMembers)?;
    let role = new.role.unwrap_or(Role::Member);
    if !may_add(scope.actor().role, role) {
        return Err(ServiceError::Forbidden);
    }
    let new = new.validated()?;
    let user = user::get_by_email_for_member(scope, &new.email).await?;
    let user = user.ok_or_else(|| {
        let message = "There is no user with this e-mail address.";
        ServiceError::from(FieldError::new(FieldErrorCode::NotFound, "email", message))
    })?;
    if !store::get_by_users(scope, &[user.id], ColumnSet::ID).await?.is_empty() {
        return Err(member_already());
    }
    billing.check_level(scope, Feature::TeamMembers, 1).await?;
    // Waiting for the lock may have taken long: the caller may have been an owner before and not be one now.
    let standing = Standing::lock(scope).await?;
    if !may_add(standing.me.role, role) {
        return Err(ServiceError::Forbidden);
    }
    let invited_by = Some(scope.actor().user_id);
    let created = store::create(scope, user.id, role, invited_by).await.map_err(|error| match error.constraint() {
        // A concurrent request was faster.
        Some((ConstraintKind::Unique, "organization_members_user_id_key")) => member_already(),
        _ => error.into(),
    })?;
    let created = created.ok_or_else(not_found)?;
    activity::created(scope, &created);
    Ok(created)
}

/// Gives a member another role.
///
/// # Errors
/// [`ServiceError::Forbidden`], also for a role above the caller's and for a member who ranks higher;
/// [`ServiceError::Refused`] when there is no such member, when it is the last owner, or when it has changed since
/// `expected`.
pub async fn update_role(
    scope: &mut WriteScope,
    id: UserId,
    expected: Option<DateTime<Utc>>,
    role: Role,
) -> Result<Member, ServiceError> {
    authorize_anywhere(scope, Operation::ManageMembers)?;
    let standing = Standing::lock(scope).await?;
    standing.authorize(Operation::ManageMembers)?;
    let target = existing(scope, id, "id").await?;
    check_unchanged(expected, target.updated_at)?;
    may_change_role(standing.me.role, target.role, role, standing.owners)
        .map_err(|error| refused(error, Some("role")))?;
    if target.role == role {
        return Ok(target);
    }
    change_role(scope, &target, role).await
}

/// Ends a membership. The user's grants and assignments are deleted with it; what the user wrote stays. Returns the id
/// of the deleted membership.
///
/// # Errors
/// As [`update_role`].
pub async fn remove(
    scope: &mut WriteScope,
    id: UserId,
    expected: Option<DateTime<Utc>>,
) -> Result<UserId, ServiceError> {
    authorize_anywhere(scope, Operation::ManageMembers)?;
    let standing = Standing::lock(scope).await?;
    standing.authorize(Operation::ManageMembers)?;
    let target = existing(scope, id, "id").await?;
    check_unchanged(expected, target.updated_at)?;
    may_remove(standing.me.role, target.role, standing.owners).map_err(|error| refused(error, Some("id")))?;
    store::delete(scope, &target).await?;
    activity::deleted(scope, &target);
    Ok(target.id)
}

/// Ends the caller's own membership. It needs no permission. Returns the organization that was left.
///
/// # Errors
/// [`ServiceError::Refused`] when the caller is the last owner.
pub async fn leave(scope: &mut WriteScope) -> Result<OrganizationId, ServiceError> {
    let standing = Standing::lock(scope).await?;
    let me = &standing.me;
    may_remove(me.role, me.role, standing.owners).map_err(|error| refused(error, None))?;
    store::delete(scope, me).await?;
    activity::deleted(scope, me);
    Ok(scope.organization_id())
}

/// Makes another member an owner and the caller, who was an owner, an admin. Returns the new owner.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such member, or it is the caller.
pub async fn transfer_ownership(scope: &mut WriteScope, id: UserId) -> Result<Member, ServiceError> {
    authorize_anywhere(scope, Operation::DeleteOrganization)?;
    let standing = Standing::lock(scope).await?;
    standing.authorize(Operation::DeleteOrganization)?;
    let target = existing(scope, id, "memberId").await?;
    if target.id == standing.me.id {
        let message = "You are already the owner; choose another member.";
        return Err(FieldError::new(FieldErrorCode::Invalid, "memberId", message).into());
    }
    let after = match target.role {
        Role::Owner => target,
        _ => change_role(scope, &target, Role::Owner).await?,
    };
    change_role(scope, &standing.me, Role::Admin).await?;
    Ok(after)
}

/// Gives a member another role.
async fn change_role(scope: &mut WriteScope, before: &Member, role: Role) -> Result<Member, ServiceError> {
    let after = store::update_role(scope, before, role).await?.ok_or_else(not_found)?;
    activity::updated(scope, before, &after, &[]).await?;
    Ok(after)
}

/// The current owners, while a lock prevents others from changing them.
struct Standing {
    /// The caller. This role is current; the scope's may be from before a change that we waited for.
    me: Member,
    /// How many owners there are.
    owners: usize,
}

impl Standing {
    async fn lock(scope: &mut WriteScope) -> Result<Self, ServiceError> {
        let owners = store::lock_owners(scope).await?;
        let user_id = scope.actor().user_id;
        let me = store::get_by_users(scope, &[user_id], ColumnSet::ALL).await?.remove(&user_id);
        // A caller who was removed while waiting is no longer a member.
        let me = me.ok_or(StoreError::NotAMember)?;
        Ok(Self { me: (*me).clone(), owners })
    }

    /// Checks again whether the caller may do this, with the current role.
    fn authorize(&self, operation: Operation) -> Result<(), ServiceError> {
        match decide(self.me.role, operation, Place::OPEN) {
            Decision::Allowed => Ok(()),
            Decision::Forbidden | Decision::Hidden => Err(ServiceError::Forbidden),
        }
    }
}

/// The member, locked. Only callers who may manage members get here, and they see all of them.
async fn existing(scope: &mut WriteScope, id: UserId, field: &str) -> Result<Member, ServiceError> {
    let found: Option<Member> = tenantry_store::get_for_update(scope, id).await?;
    found.ok_or_else(|| FieldError::not_found(field, "member").into())
}

fn not_found() -> ServiceError {
    FieldError::not_found("id", "member").into()
}

fn member_already() -> ServiceError {
    FieldError::new(FieldErrorCode::Taken, "email", "This user is already a member.").into()
}

/// `field` is the caller's input that would leave no owner, if there is one.
fn refused(refused: MembershipRefused, field: Option<&str>) -> ServiceError {
    match refused {
        MembershipRefused::AboveOneself => ServiceError::Forbidden,
        MembershipRefused::LastOwner => {
            let field = field.map(str::to_owned).into_iter().collect();
            let message = "This is the last owner. Make another member an owner first.".to_owned();
            FieldError { code: FieldErrorCode::Invalid, field, message }.into()
        }
    }
}
