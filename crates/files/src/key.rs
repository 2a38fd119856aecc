//! The names of what is stored.

use tenantry_domain::OrganizationId;
use uuid::Uuid;

/// The two parts of the storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Area {
    /// What clients send; nothing in it is kept.
    Uploads,
    /// What attachments consist of.
    Files,
}

impl Area {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Uploads, Self::Files];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uploads => "uploads",
            Self::Files => "files",
        }
    }

    /// The folder of an organization in it.
    pub(crate) fn folder(self, organization: OrganizationId) -> String {
        format!("{}/{}", self.name(), organization.as_uuid())
    }

    /// The key of something that belongs to an organization.
    pub(crate) fn key(self, organization: OrganizationId, id: Uuid) -> String {
        format!("{}/{id}", self.folder(organization))
    }
}
