//! Clients: the hub of the graph.

use chrono::{DateTime, Utc};

use crate::id::{ClientId, OrganizationId};
use crate::noun::Noun;
use crate::text_enum::text_enum;

text_enum! {
    /// The state of a client. Only active ones count against the plan.
    ClientStatus {
        /// You work for the client now.
        Active = "active",
        /// No current work.
        Inactive = "inactive",
        /// A potential client.
        Lead = "lead",
    }
}

/// Someone the organization works for. A guest sees only the name, and only of clients with a project that was granted.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.clients", placed = client, read = ReadClient, write = WriteClient)]
pub struct Client {
    /// The client's id.
    pub id: ClientId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The client's name.
    #[field(text(200), guests, filter, sort, searched(8))]
    pub name: String,
    /// The client's e-mail address.
    #[field(email, searched(4))]
    pub email: Option<String>,
    /// The client's phone number.
    #[field(text(50), searched(4))]
    pub phone: Option<String>,
    /// The client's company.
    #[field(text(200), searched(4))]
    pub company: Option<String>,
    /// The address of the client's web site.
    #[field(url, searched(2))]
    pub website: Option<String>,
    /// Street and number.
    #[field(text(200))]
    pub address_line1: Option<String>,
    /// Building, floor and the like.
    #[field(text(200))]
    pub address_line2: Option<String>,
    /// The city.
    #[field(text(100))]
    pub city: Option<String>,
    /// State, province or the like.
    #[field(text(100))]
    pub region: Option<String>,
    /// The postal code.
    #[field(text(20))]
    pub postal_code: Option<String>,
    /// The country.
    #[field(country)]
    pub country: Option<String>,
    /// The client's number for value-added tax or the like.
    #[field(text(50))]
    pub tax_id: Option<String>,
    /// The state of the client.
    #[field(default = Active, required, filter)]
    pub status: Option<ClientStatus>,
    /// Free text about the client.
    #[field(prose(20_000), searched(1))]
    pub notes: Option<String>,
    /// When the client was created.
    #[field(filter, sort)]
    pub created_at: DateTime<Utc>,
    /// When the client last changed. For guests: when it was created.
    pub updated_at: DateTime<Utc>,
}
