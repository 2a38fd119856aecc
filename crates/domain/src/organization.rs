//! Organizations: the tenants.

use chrono::{DateTime, Utc};

use crate::id::OrganizationId;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A tenant: it owns every row of its graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The organization's id.
    pub id: OrganizationId,
    /// The organization's name.
    pub name: String,
    /// Unique, lower case, for addresses.
    pub slug: String,
    /// The organization's picture.
    pub logo_url: Option<String>,
    /// The IANA time zone that "today" means here.
    pub time_zone: String,
    /// When its deletion was asked for.
    pub deletion_requested_at: Option<DateTime<Utc>>,
    /// When it will be deleted, unless that is cancelled before.
    pub deletion_due_at: Option<DateTime<Utc>>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// When the row last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a new organization is made from.
#[derive(Debug, Clone, Default)]
pub struct NewOrganization {
    /// Required; 1 to 200 characters.
    pub name: String,
    /// 1 to 63 lower-case letters, digits and single hyphens.
    pub slug: String,
    /// An http(s) address.
    pub logo_url: Option<String>,
}

impl NewOrganization {
    /// The same, trimmed, or everything that is wrong with it.
    ///
    /// # Errors
    /// Every field that breaks a bound.
    pub fn validated(self) -> Result<Self, Violations> {
        let mut v = Violations::default();
        let slug = self.slug.trim().to_owned();
        if !is_slug(&slug) {
            let message = "Use 1 to 63 lower-case letters, digits and single hyphens between them.";
            v.push(FieldError::new(FieldErrorCode::Invalid, "slug", message));
        }
        let valid = Self {
            name: v.required_text("name", &self.name, 200),
            slug,
            logo_url: v.optional_url("logoUrl", self.logo_url.as_deref()),
        };
        v.into_result().map(|()| valid)
    }
}

/// Whether a text can stand in an address as the organization's name.
pub fn is_slug(text: &str) -> bool {
    let parts_are_plain = text
        .split('-')
        .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
    parts_are_plain && text.len() <= 63
}
