//! The one file that assembles the schema.

use async_graphql::{MergedObject, SDLExportOptions, Schema, SchemaBuilder};
use tenantry_executor::mutation::MutationRoot;

use crate::attachment::AttachmentMutation;
use crate::billing::BillingMutation;
use crate::entitlement::EntitlementQuery;
use crate::grant::GrantMutation;
use crate::invoice::{InvoiceFromTasksMutation, InvoiceLifeMutation, InvoiceMutation};
use crate::live::{LiveQuery, SubscriptionRoot};
use crate::member::MemberMutation;
use crate::node::NodeQuery;
use crate::noun::{NounMutation, NounQuery};
use crate::organization::{OrganizationMutation, OrganizationQuery};
use crate::plan::PlanQuery;
use crate::report::ReportQuery;
use crate::search::SearchQuery;
use crate::settings::SettingsMutation;
use crate::task::TaskMutation;

/// The queries. Each field here is null if it failed; `errors` says why, and the other fields keep their answers.
#[derive(MergedObject, Default)]
#[graphql(name = "Query")]
pub(crate) struct Query(
    OrganizationQuery,
    NodeQuery,
    NounQuery,
    SearchQuery,
    LiveQuery,
    ReportQuery,
    EntitlementQuery,
    PlanQuery,
);

/// The mutations. The fields of one request run one after the other, each in its own transaction. Each field here is null if it
/// failed; `errors` says why, and the other fields keep their answers. If the change was made although its field failed, the error says
/// so in `extensions.outcome`: `COMMITTED`, or `UNKNOWN` if the database did not answer.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(crate) struct Mutation(
    NounMutation,
    TaskMutation,
    AttachmentMutation,
    InvoiceMutation,
    InvoiceFromTasksMutation,
    InvoiceLifeMutation,
    GrantMutation,
    OrganizationMutation,
    SettingsMutation,
    MemberMutation,
    BillingMutation,
);

/// The schema before its data is attached.
pub(crate) fn builder() -> SchemaBuilder<Query, MutationRoot<Mutation>, SubscriptionRoot> {
    Schema::build(Query::default(), MutationRoot::default(), SubscriptionRoot)
}

/// The schema in the schema definition language, as `schema.graphql` holds it.
pub fn sdl() -> String {
    let options = SDLExportOptions::new().include_specified_by();
    let sdl = builder().finish().sdl_with_options(options);
    let lines: Vec<&str> = sdl.trim_end().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}
