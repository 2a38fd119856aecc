//! Clients: the object type and its enums.

mod mutation;
mod query;

use async_graphql::InputObject;
use tenantry_domain::client::Client as Record;
use tenantry_domain::{ClientId, client as domain};
use tenantry_executor::scalar::{GlobalId, OrderDirection, Timestamp};
use tenantry_store::invoice::InvoiceParent;
use tenantry_store::project::ProjectParent;
use tenantry_store::{Direction, ListOf, ListRequest, PageRequest, client as store};

use crate::enumeration::enumeration;
use crate::invoice::{Invoice, InvoiceFilter, InvoiceOrder};
use crate::object::object;
use crate::project::{Project, ProjectFilter, ProjectOrder};

pub(crate) use mutation::ClientMutation;
pub(crate) use query::ClientQuery;

object! {
    /// Someone the organization works for. A guest sees only the name, and only of clients whose project was granted.
    Client = "Client" over Record {
        /// The client's id.
        "id" id: GlobalId<ClientId> = |client| GlobalId(client.id);
        /// The client's name.
        "name" name: &str = |client| client.name.as_str();
        /// Where to write to.
        "email" email: Option<&str> = |client| client.email.as_deref();
        /// Where to call.
        "phone" phone: Option<&str> = |client| client.phone.as_deref();
        /// The client's company.
        "company" company: Option<&str> = |client| client.company.as_deref();
        /// Where the client stands. Null for a guest.
        "status" status: Option<ClientStatus> = |client| client.status.map(ClientStatus::from);
        /// Anything else.
        "notes" notes: Option<&str> = |client| client.notes.as_deref();
        /// When the client was entered.
        "createdAt" created_at: Timestamp = |client| Timestamp(client.created_at);
        /// When the client last changed.
        "updatedAt" updated_at [updated_at, created_at]: Timestamp = |client| Timestamp(client.updated_at);
    }

    lists {
        /// The client's projects; the newest first unless ordered otherwise.
        "projects" projects: Project [ProjectFilter, ProjectOrder] = |client| (ProjectParent::Client, client.id), crate::project::request;
        /// The client's invoices; the newest first unless ordered otherwise.
        "invoices" invoices: Invoice [InvoiceFilter, InvoiceOrder] = |client| (InvoiceParent::Client, client.id), crate::invoice::request;
    }
}

enumeration! {
    /// Where a client stands. Only active ones count against the plan.
    ClientStatus = domain::ClientStatus {
        /// Work is going on.
        Active,
        /// No work at present.
        Inactive,
        /// Not yet a client.
        Lead,
    }
}

enumeration! {
    /// What a list of clients can be sorted by.
    ClientOrderField = store::ClientSort {
        /// When the client was entered.
        CreatedAt,
        /// By name.
        Name,
    }
}

/// How a list of clients is sorted.
#[derive(InputObject)]
pub(crate) struct ClientOrder {
    /// What it is sorted by.
    field: ClientOrderField,
    /// Which way it runs.
    direction: OrderDirection,
}

/// What a list of clients is narrowed to. All conditions must hold.
#[derive(InputObject, Default)]
pub(crate) struct ClientFilter {
    /// Only clients of one of these statuses.
    status: Option<Vec<ClientStatus>>,
    /// Only clients entered at or after this time.
    created_from: Option<Timestamp>,
    /// Only clients entered before this time.
    created_before: Option<Timestamp>,
}

impl From<ClientFilter> for store::ClientFilter {
    fn from(filter: ClientFilter) -> Self {
        Self {
            status: filter.status.unwrap_or_default().into_iter().map(Into::into).collect(),
            created_from: filter.created_from.map(|time| time.0),
            created_before: filter.created_before.map(|time| time.0),
        }
    }
}

/// The list that is asked for.
pub(crate) fn request(filter: Option<ClientFilter>, order: Option<ClientOrder>, page: PageRequest) -> ListOf<Record> {
    let default = (store::ClientSort::CreatedAt, Direction::Descending);
    let (sort, direction) = order.map_or(default, |order| (order.field.into(), order.direction.into()));
    ListRequest { filter: filter.map(Into::into).unwrap_or_default(), sort, direction, page, ..ListRequest::default() }
}
