//! What plans limit, and how a refusal reads.

use crate::text_enum::text_enum;

text_enum! {
    /// Something that a plan limits.
    Feature {
        /// Clients whose status is `active`.
        ActiveClients = "active_clients",
        /// API calls a month.
        ApiCallsPerMonth = "api_calls_per_month",
        /// Invoices issued or drafted a month.
        InvoicesPerMonth = "invoices_per_month",
        /// Projects of any status.
        Projects = "projects",
        /// Members of the organization.
        TeamMembers = "team_members",
        /// Items in the vault.
        VaultItems = "vault_items",
    }
}

/// How a feature is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FeatureKind {
    /// How many exist at a time.
    Level,
    /// How many were created or used in a billing period.
    Monthly,
}

impl Feature {
    /// How the feature is counted.
    pub fn kind(self) -> FeatureKind {
        match self {
            Self::ApiCallsPerMonth | Self::InvoicesPerMonth => FeatureKind::Monthly,
            Self::ActiveClients | Self::Projects | Self::TeamMembers | Self::VaultItems => FeatureKind::Level,
        }
    }

    /// The feature's name for a person, in the plural.
    pub fn label(self) -> &'static str {
        match self {
            Self::ActiveClients => "active clients",
            Self::ApiCallsPerMonth => "API calls a month",
            Self::InvoicesPerMonth => "invoices a month",
            Self::Projects => "projects",
            Self::TeamMembers => "team members",
            Self::VaultItems => "vault items",
        }
    }
}

/// The plan does not allow more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plan allows {limit} {}, and {used} are in use", feature.label())]
pub struct LimitReached {
    /// The limited feature.
    pub feature: Feature,
    /// How much the plan (or an override) allows.
    pub limit: i64,
    /// How much is in use.
    pub used: i64,
    /// The cheapest plan that would allow one more, if there is one.
    pub upgrade_to: Option<String>,
}
