//! Who may do what. One function decides; `store` narrows reads with it and `service` guards writes with it.

use crate::text_enum::text_enum;

text_enum! {
    /// A member's role in an organization. The order is the rank: later means less.
    Role {
        /// Owns the organization; may do everything. There is always at least one.
        Owner = "owner",
        /// Runs the organization; may do everything but delete it or change its billing.
        Admin = "admin",
        /// Works in the organization: reads and writes what is not private.
        Member = "member",
        /// Reads what is not private.
        Viewer = "viewer",
        /// Sees only what was granted by name.
        Guest = "guest",
    }
}

text_enum! {
    /// What a grant on one workspace or project allows. The order is the strength.
    Grant {
        /// See it and all in it.
        View = "view",
        /// Change it and all in it.
        Edit = "edit",
        /// Change it and say who else may.
        Admin = "admin",
    }
}

impl Role {
    /// Whether this role ranks at least as high as `other`.
    pub fn at_least(self, other: Self) -> bool {
        self <= other
    }

    /// Whether the role sees everything, private workspaces included, without a grant.
    pub fn sees_everything(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

text_enum! {
    /// Everything that needs permission. A new mutation needs a line here or names one of these.
    Operation {
        /// Read clients (a guest: the name only).
        ReadClient = "read_client",
        /// Create, update or delete clients.
        WriteClient = "write_client",
        /// Read projects.
        ReadProject = "read_project",
        /// Create, update or delete projects.
        WriteProject = "write_project",
        /// Read tasks.
        ReadTask = "read_task",
        /// Create, update, move, assign or delete tasks.
        WriteTask = "write_task",
        /// Read invoices and transactions.
        ReadInvoice = "read_invoice",
        /// Create, update or delete invoices.
        WriteInvoice = "write_invoice",
        /// Read a workspace.
        ReadWorkspace = "read_workspace",
        /// Create a workspace.
        CreateWorkspace = "create_workspace",
        /// Rename a workspace, make it private, or delete it.
        ManageWorkspace = "manage_workspace",
        /// Give or take grants on a workspace or project.
        ManageGrants = "manage_grants",
        /// Read who has a grant on a workspace or project. One's own grant is shown in any case.
        ReadGrants = "read_grants",
        /// Read the list of members.
        ReadMember = "read_member",
        /// Add or remove members and change their roles, never above one's own.
        ManageMembers = "manage_members",
        /// Rename the organization.
        RenameOrganization = "rename_organization",
        /// Delete the organization or hand it over.
        DeleteOrganization = "delete_organization",
        /// Change the plan and see the subscription.
        ManageBilling = "manage_billing",
        /// Ask what the plan allows and what is used.
        ReadEntitlements = "read_entitlements",
    }
}

/// What an operation is done to, which says how much of a [`Place`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The organization, or a list of it: everyone in it knows that it exists.
    Organization,
    /// A client. It lies in no workspace; a guest's grants on its projects are what counts.
    Client,
    /// A workspace, or what lies in one: private or not, granted or not.
    Placed,
}

impl Operation {
    /// What it is done to.
    pub fn subject(self) -> Subject {
        match self {
            Self::ReadClient | Self::WriteClient => Subject::Client,
            Self::ReadProject
            | Self::WriteProject
            | Self::ReadTask
            | Self::WriteTask
            | Self::ReadInvoice
            | Self::WriteInvoice
            | Self::ReadWorkspace
            | Self::ManageWorkspace
            | Self::ManageGrants
            | Self::ReadGrants => Subject::Placed,
            Self::CreateWorkspace
            | Self::ReadMember
            | Self::ManageMembers
            | Self::RenameOrganization
            | Self::DeleteOrganization
            | Self::ManageBilling
            | Self::ReadEntitlements => Subject::Organization,
        }
    }
}

/// Where the thing lies: how visible its workspace is, and what was granted on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Whether it lies in a private workspace.
    pub is_private: bool,
    /// The stronger of the caller's grants on its workspace and its project.
    pub grant: Option<Grant>,
}

impl Place {
    /// Something that lies in no workspace, or in a public one without a grant.
    pub const OPEN: Self = Self { is_private: false, grant: None };
}

/// What a caller is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// The caller sees it but may not do this: `FORBIDDEN`.
    Forbidden,
    /// It does not exist for the caller: `NOT_FOUND`.
    Hidden,
}

/// Whether `role` may do `operation` on something that lies at `place`.
///
/// The source of the rule is the permission matrix in `docs/permissions.md`; a test there compares the two.
pub fn decide(role: Role, operation: Operation, place: Place) -> Decision {
    use Operation as O;
    if role.sees_everything() {
        let owner_only = matches!(operation, O::DeleteOrganization | O::ManageBilling);
        return if role == Role::Owner || !owner_only { Decision::Allowed } else { Decision::Forbidden };
    }
    // What is in a private workspace, and everything for a guest, exists only by grant.
    let exists = match operation.subject() {
        Subject::Organization => true,
        Subject::Client => role != Role::Guest || place.grant.is_some(),
        Subject::Placed => (role != Role::Guest && !place.is_private) || place.grant.is_some(),
    };
    if !exists {
        return Decision::Hidden;
    }
    let edits = place.grant >= Some(Grant::Edit);
    let allowed = match operation {
        O::ReadClient | O::ReadProject | O::ReadTask | O::ReadWorkspace | O::ReadMember => true,
        O::ReadInvoice | O::ReadEntitlements => role != Role::Guest,
        O::WriteClient | O::CreateWorkspace => role == Role::Member,
        O::WriteProject | O::WriteInvoice => role == Role::Member && (!place.is_private || edits),
        O::WriteTask => match role {
            Role::Member => !place.is_private || edits,
            Role::Guest => edits,
            _ => false,
        },
        O::ManageGrants | O::ReadGrants | O::ManageWorkspace => {
            role == Role::Member && place.grant == Some(Grant::Admin)
        }
        O::ManageMembers | O::RenameOrganization | O::DeleteOrganization | O::ManageBilling => false,
    };
    match (allowed, operation) {
        (true, _) => Decision::Allowed,
        // A guest is not told that invoices exist at all.
        (false, O::ReadInvoice) => Decision::Hidden,
        (false, _) => Decision::Forbidden,
    }
}
