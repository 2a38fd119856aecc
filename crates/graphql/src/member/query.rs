//! Members: root fields that read.

use async_graphql::{Context, Object, Result};
use tenantry_domain::MemberId;
use tenantry_executor::connection::{Connection, Origin, PageArguments};
use tenantry_executor::loaders::node;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use super::{Member, MemberFilter, MemberOrder, request};

/// Root fields that read members.
#[derive(Default)]
pub(crate) struct MemberQuery;

#[Object]
impl MemberQuery {
    /// One membership; null when there is none that you can see.
    async fn member(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The member's id.")] id: GlobalId<MemberId>,
    ) -> Result<Option<Resolved<Member>>> {
        node(context, id.0).await
    }

    /// The organization's members, by the time they joined unless ordered otherwise.
    #[expect(clippy::too_many_arguments, reason = "these are the field's arguments")]
    async fn members(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "How many from the start, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Only what follows this cursor.")] after: Option<String>,
        #[graphql(desc = "How many from the end, at most 100.")] last: Option<i32>,
        #[graphql(desc = "Only what precedes this cursor.")] before: Option<String>,
        #[graphql(desc = "What the list is narrowed to.")] filter: Option<MemberFilter>,
        #[graphql(desc = "What the list is sorted by.")] order_by: Option<MemberOrder>,
    ) -> Result<Option<Connection<Member>>> {
        let page = PageArguments { first, after, last, before }.read()?;
        Connection::load(context, Origin::Root, request(filter, order_by, page)).await.map(Some)
    }
}
