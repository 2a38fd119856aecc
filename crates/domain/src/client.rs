//! Clients: the hub of the graph.

use chrono::{DateTime, Utc};

use crate::change::Change;
use crate::id::{ClientId, OrganizationId};
use crate::text_enum::text_enum;
use crate::validate::Violations;

text_enum! {
    /// Where a client stands. Only `active` ones count against the plan.
    ClientStatus {
        /// Work is going on.
        Active = "active",
        /// No work at present.
        Inactive = "inactive",
        /// Not yet a client.
        Lead = "lead",
    }
}

/// Someone the organization works for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's id.
    pub id: ClientId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The client's name.
    pub name: String,
    /// Where to write to.
    pub email: Option<String>,
    /// Where to call.
    pub phone: Option<String>,
    /// The client's company.
    pub company: Option<String>,
    /// Where the client stands; none for a guest, who sees a client only by name.
    pub status: Option<ClientStatus>,
    /// Anything else.
    pub notes: Option<String>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a new client is made from.
#[derive(Debug, Clone, Default)]
pub struct NewClient {
    /// Required; 1 to 200 characters.
    pub name: String,
    /// An e-mail address.
    pub email: Option<String>,
    /// At most 50 characters.
    pub phone: Option<String>,
    /// At most 200 characters.
    pub company: Option<String>,
    /// `active` when not given.
    pub status: Option<ClientStatus>,
    /// At most 20,000 characters.
    pub notes: Option<String>,
}

/// What an update does to a client.
#[derive(Debug, Clone, Default)]
pub struct ClientChanges {
    /// See [`NewClient::name`].
    pub name: Change<String>,
    /// See [`NewClient::email`].
    pub email: Change<Option<String>>,
    /// See [`NewClient::phone`].
    pub phone: Change<Option<String>>,
    /// See [`NewClient::company`].
    pub company: Change<Option<String>>,
    /// See [`NewClient::status`].
    pub status: Change<ClientStatus>,
    /// See [`NewClient::notes`].
    pub notes: Change<Option<String>>,
}

impl NewClient {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: v.required_text("name", &self.name, 200),
            email: v.optional_email("email", self.email.as_deref()),
            phone: v.optional_text("phone", self.phone.as_deref(), 50),
            company: v.optional_text("company", self.company.as_deref(), 200),
            status: self.status,
            notes: v.optional_prose("notes", self.notes.as_deref(), 20_000),
        };
        v.into_result().map(|()| valid)
    }
}

impl ClientChanges {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let valid = Self {
            name: self.name.map(|name| v.required_text("name", &name, 200)),
            email: self.email.map(|email| v.optional_email("email", email.as_deref())),
            phone: self.phone.map(|phone| v.optional_text("phone", phone.as_deref(), 50)),
            company: self.company.map(|company| v.optional_text("company", company.as_deref(), 200)),
            status: self.status,
            notes: self.notes.map(|notes| v.optional_prose("notes", notes.as_deref(), 20_000)),
        };
        v.into_result().map(|()| valid)
    }
}
