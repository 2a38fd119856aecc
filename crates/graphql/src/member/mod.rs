//! Members: the object type and its enums.

mod mutation;
mod query;

use async_graphql::InputObject;
use tenantry_domain::member::Member as Record;
use tenantry_domain::{MemberId, UserId, permission as domain};
use tenantry_executor::scalar::{GlobalId, OrderDirection, Timestamp};
use tenantry_store::task::TaskParent;
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, member as store};

use crate::enumeration::enumeration;
use crate::object::object;
use crate::task::{Task, TaskFilter, TaskOrder};

pub(crate) use mutation::MemberMutation;
pub(crate) use query::MemberQuery;

object! {
    /// A user's membership of the organization.
    Member = "Member" over Record {
        /// The membership's id.
        "id" id: GlobalId<MemberId> = |member| GlobalId(member.id);
        /// The user's id: what tasks are assigned to.
        "userId" user_id: GlobalId<UserId> = |member| GlobalId(member.user_id);
        /// The user's name.
        "name" name: &str = |member| member.name.as_str();
        /// The user's e-mail address. A guest sees only its own.
        "email" email [email, user_id]: Option<&str> = |member| member.email.as_deref();
        /// The user's picture.
        "avatarUrl" avatar_url: Option<&str> = |member| member.avatar_url.as_deref();
        /// The user's role in the organization.
        "role" role: Role = |member| Role::from(member.role);
        /// When the user joined.
        "joinedAt" joined_at: Timestamp = |member| Timestamp(member.joined_at);
        /// When the membership last changed.
        "updatedAt" updated_at: Timestamp = |member| Timestamp(member.updated_at);
    }

    lists {
        /// The tasks assigned to the member: urgent ones first, then by due date, unless ordered otherwise.
        "tasks" tasks: Task [TaskFilter, TaskOrder] = |member| (TaskParent::Assignee, member.user_id), crate::task::urgent_first;
    }
}

enumeration! {
    /// A member's role in the organization.
    Role = domain::Role {
        /// Owns the organization; may do everything. There is always at least one.
        Owner,
        /// Runs the organization; may do everything but delete it or change its billing.
        Admin,
        /// Works in the organization: reads and writes what is not private.
        Member,
        /// Reads what is not private.
        Viewer,
        /// Sees only what was granted by name.
        Guest,
    }
}

enumeration! {
    /// What a list of members can be sorted by.
    MemberOrderField = store::MemberSort {
        /// When the user joined.
        JoinedAt,
    }
}

/// How a list of members is sorted.
#[derive(InputObject)]
pub(crate) struct MemberOrder {
    /// What it is sorted by.
    field: MemberOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// What a list of members is narrowed to. All conditions must hold.
#[derive(InputObject, Default)]
pub(crate) struct MemberFilter {
    /// Only members with one of these roles.
    role: Option<Vec<Role>>,
}

impl From<MemberFilter> for store::MemberFilter {
    fn from(filter: MemberFilter) -> Self {
        Self { role: filter.role.unwrap_or_default().into_iter().map(Into::into).collect() }
    }
}

/// The list that is asked for.
pub(crate) fn request(filter: Option<MemberFilter>, order: Option<MemberOrder>, page: PageRequest) -> ListOf<Record> {
    let default = (store::MemberSort::JoinedAt, Direction::Ascending);
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: filter.map(Into::into).unwrap_or_default(), sort, direction, page, ..ListRequest::default() }
}
