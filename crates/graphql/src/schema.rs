//! The one file that assembles the schema.

use async_graphql::{EmptySubscription, MergedObject, Schema, SchemaBuilder};
use tenantry_executor::mutation::MutationRoot;

use crate::billing::BillingMutation;
use crate::entitlement::EntitlementQuery;
use crate::grant::GrantMutation;
use crate::invoice::InvoiceMutation;
use crate::member::MemberMutation;
use crate::node::NodeQuery;
use crate::noun::{NounMutation, NounQuery};
use crate::organization::{OrganizationMutation, OrganizationQuery};

/// Everything that can be read. Every field here may be null: when it failed, which `errors` tells, its neighbours keep their
/// answers.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(OrganizationQuery, NodeQuery, NounQuery, EntitlementQuery);

/// Everything that can be written. The fields of one request run one after the other, each in its own transaction. Every field
/// here is null when it failed, which `errors` tells; those before and after it keep their answers. An error of a field whose
/// change was made all the same says so in `extensions.outcome`: `COMMITTED`, or `UNKNOWN` where the database did not answer.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(
    NounMutation,
    InvoiceMutation,
    GrantMutation,
    OrganizationMutation,
    MemberMutation,
    BillingMutation,
);

/// The schema before its data is attached.
pub(crate) fn builder() -> SchemaBuilder<Query, MutationRoot<Mutation>, EmptySubscription> {
    Schema::build(Query::default(), MutationRoot::default(), EmptySubscription)
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let sdl = builder().finish().sdl();
    let lines: Vec<&str> = sdl.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
