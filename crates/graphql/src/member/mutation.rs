//! Members: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_domain::member::NewMember;
use tenantry_domain::{OrganizationId, UserId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::{Service, member as service};

use super::{Member, Record, Role};
use crate::mutation::{payload, write};

/// The user to add, and their role.
#[derive(InputObject)]
pub(crate) struct AddMemberInput {
    /// The e-mail address of an existing user.
    email: String,
    /// The user's role, not above your own.
    #[graphql(default_with = "Some(crate::noun::Choice(tenantry_domain::Role::Member))")]
    role: Option<Role>,
}

/// Which member gets another role.
#[derive(InputObject)]
pub(crate) struct UpdateMemberRoleInput {
    /// The member.
    id: GlobalId<UserId>,
    /// Refuse with `CONFLICT` unless the membership was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The new role, at most your own.
    role: Role,
}

/// The member to remove.
#[derive(InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The member.
    id: GlobalId<UserId>,
    /// Refuse with `CONFLICT` unless the membership was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// The new owner.
#[derive(InputObject)]
pub(crate) struct TransferOwnershipInput {
    /// The member who becomes an owner in your place.
    member_id: GlobalId<UserId>,
}

payload! {
    /// The result of adding a member.
    AddMemberPayload {
        /// The new member.
        member: Resolved<Member>
    }
}

payload! {
    /// The result of changing a member's role.
    UpdateMemberRolePayload {
        /// The updated member.
        member: Resolved<Member>
    }
}

payload! {
    /// The result of removing a member.
    RemoveMemberPayload {
        /// The id that the membership had.
        removed_member_id: GlobalId<UserId>
    }
}

payload! {
    /// The result of leaving the organization.
    LeaveOrganizationPayload {
        /// The organization that you left.
        left_organization_id: GlobalId<OrganizationId>
    }
}

payload! {
    /// The result of transferring the ownership.
    TransferOwnershipPayload {
        /// The new owner.
        member: Resolved<Member>
    }
}

/// Root fields that write members.
#[derive(Default)]
pub(crate) struct MemberMutation;

#[Object]
impl MemberMutation {
    /// Makes a user a member of the organization. Counts against the plan. Only owners and admins may do this.
    async fn add_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The user to add, and their role.")] input: AddMemberInput,
    ) -> Result<Option<Ordered<AddMemberPayload>>> {
        let new = NewMember { email: input.email, role: input.role.map(|role| role.0) };
        let billing = context.data_unchecked::<Service>().billing().clone();
        let added = write(context, |scope| {
            let (billing, new) = (billing.clone(), new.clone());
            Box::pin(async move { service::add(scope, &billing, new).await })
        })
        .await?;
        Ok(Some(added.map(Arc::<Record>::new).into()))
    }

    /// Gives a member another role. You cannot give a role above your own, and the last owner cannot be demoted.
    /// Only owners and admins may do this.
    async fn update_member_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member, and the new role.")] input: UpdateMemberRoleInput,
    ) -> Result<Option<Ordered<UpdateMemberRolePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let role = input.role.0;
        let updated = write(context, |scope| Box::pin(service::update_role(scope, id, expected, role))).await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Ends a membership. The user's grants and assignments go with it; what the user wrote stays. Only owners and admins
    /// may do this, and only owners can remove an owner.
    async fn remove_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member to remove.")] input: RemoveMemberInput,
    ) -> Result<Option<Ordered<RemoveMemberPayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let removed = write(context, |scope| Box::pin(service::remove(scope, id, expected))).await?;
        Ok(Some(removed.map(GlobalId).into()))
    }

    /// Ends your own membership of the organization that your token names. The last owner cannot leave.
    async fn leave_organization(&self, context: &Context<'_>) -> Result<Option<Ordered<LeaveOrganizationPayload>>> {
        let left = write(context, |scope| Box::pin(service::leave(scope))).await?;
        Ok(Some(left.map(GlobalId).into()))
    }

    /// Makes another member an owner, and you an admin. For owners.
    async fn transfer_ownership(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The new owner.")] input: TransferOwnershipInput,
    ) -> Result<Option<Ordered<TransferOwnershipPayload>>> {
        let id = input.member_id.0;
        let transferred = write(context, |scope| Box::pin(service::transfer_ownership(scope, id))).await?;
        Ok(Some(transferred.map(Arc::<Record>::new).into()))
    }
}
