//! What the plan allows.

use tenantry_domain::feature as domain;

use crate::scalar::enumeration;

enumeration! {
    /// Something that a plan limits.
    Feature = domain::Feature {
        /// Clients whose status is active.
        ActiveClients,
        /// API calls a month.
        ApiCallsPerMonth,
        /// Invoices a month.
        InvoicesPerMonth,
        /// Projects of any status.
        Projects,
        /// Members of the organization.
        TeamMembers,
        /// Items in the vault.
        VaultItems,
    }
}
