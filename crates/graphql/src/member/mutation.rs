//! Members: root fields that write.

use std::sync::Arc;

use async_graphql::{Context, InputObject, Object, Result};
use tenantry_domain::member::NewMember;
use tenantry_domain::{MemberId, OrganizationId};
use tenantry_executor::object::{Object as Resolved, Ordered};
use tenantry_executor::scalar::{GlobalId, Timestamp};
use tenantry_service::{Service, member as service};

use super::{Member, Record, Role};
use crate::mutation::{payload, write};

/// Who becomes a member.
#[derive(InputObject)]
pub(crate) struct AddMemberInput {
    /// The e-mail address of a user who signs in already.
    email: String,
    /// The user's role, at most your own; a member when not given.
    role: Option<Role>,
}

/// Which member gets another role.
#[derive(InputObject)]
pub(crate) struct UpdateMemberRoleInput {
    /// The member.
    id: GlobalId<MemberId>,
    /// Refuse with `CONFLICT` unless the membership was last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The new role, at most your own.
    role: Role,
}

/// Whose membership ends.
#[derive(InputObject)]
pub(crate) struct RemoveMemberInput {
    /// The member.
    id: GlobalId<MemberId>,
    /// Refuse with `CONFLICT` unless the membership was last changed at this time.
    expected_updated_at: Option<Timestamp>,
}

/// Who becomes the owner.
#[derive(InputObject)]
pub(crate) struct TransferOwnershipInput {
    /// The member who becomes an owner in your place.
    member_id: GlobalId<MemberId>,
}

payload! {
    /// What came of adding a member.
    AddMemberPayload {
        /// The new member.
        member: Resolved<Member>
    }
}

payload! {
    /// What came of changing a member's role.
    UpdateMemberRolePayload {
        /// The member as it is now.
        member: Resolved<Member>
    }
}

payload! {
    /// What came of removing a member.
    RemoveMemberPayload {
        /// The id that the membership had.
        removed_member_id: GlobalId<MemberId>
    }
}

payload! {
    /// What came of leaving the organization.
    LeaveOrganizationPayload {
        /// The organization that you do not belong to any more.
        left_organization_id: GlobalId<OrganizationId>
    }
}

payload! {
    /// What came of handing the organization over.
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
    /// Makes a user a member of the organization. Counts against the plan. For owners and admins.
    async fn add_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Who becomes a member.")] input: AddMemberInput,
    ) -> Result<Option<Ordered<AddMemberPayload>>> {
        let new = NewMember { email: input.email, role: input.role.map(Into::into) };
        let billing = context.data_unchecked::<Service>().billing().clone();
        let added = write(context, |scope| {
            let (billing, new) = (billing.clone(), new.clone());
            Box::pin(async move { service::add(scope, &billing, new).await })
        })
        .await?;
        Ok(Some(added.map(Arc::<Record>::new).into()))
    }

    /// Gives a member another role. Nobody raises anyone above oneself, and the last owner stays one. For owners and admins.
    async fn update_member_role(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member, and the new role.")] input: UpdateMemberRoleInput,
    ) -> Result<Option<Ordered<UpdateMemberRolePayload>>> {
        let (id, expected) = (input.id.0, input.expected_updated_at.map(|time| time.0));
        let role = input.role.into();
        let updated = write(context, |scope| Box::pin(service::update_role(scope, id, expected, role))).await?;
        Ok(Some(updated.map(Arc::<Record>::new).into()))
    }

    /// Ends a membership. The user's grants and assignments go with it; what the user wrote stays. For owners and admins, and
    /// for owners alone when the member is one.
    async fn remove_member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Whose membership ends.")] input: RemoveMemberInput,
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
        #[graphql(desc = "Who becomes the owner.")] input: TransferOwnershipInput,
    ) -> Result<Option<Ordered<TransferOwnershipPayload>>> {
        let id = input.member_id.0;
        let transferred = write(context, |scope| Box::pin(service::transfer_ownership(scope, id))).await?;
        Ok(Some(transferred.map(Arc::<Record>::new).into()))
    }
}
