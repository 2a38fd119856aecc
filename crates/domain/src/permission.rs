//! Who may do what. One function decides; `store` filters reads by it and `service` checks writes with it.

use crate::text_enum::text_enum;

text_enum! {
    /// A member's role in an organization, in order of rank: later means fewer rights.
    Role {
        /// Owns the organization; may do everything. There is always at least one.
        Owner = "owner",
        /// Runs the organization; may do everything except delete it or change its billing.
        Admin = "admin",
        /// Works in the organization: reads and writes what is not private.
        Member = "member",
        /// Reads what is not private.
        Viewer = "viewer",
        /// Sees only what was granted explicitly.
        Guest = "guest",
    }
}

text_enum! {
    /// What a grant on one workspace or project allows, from the weakest to the strongest.
    Grant as "Permission" {
        /// See it and everything in it.
        View = "view",
        /// Change it and everything in it.
        Edit = "edit",
        /// Change it and manage its grants.
        Admin = "admin",
    }
}

impl Role {
    /// Whether this role ranks at least as high as `other`.
    pub fn at_least(self, other: Self) -> bool {
        self <= other
    }

    /// Whether the role sees everything without a grant, including private workspaces.
    pub fn sees_everything(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }
}

text_enum! {
    /// Everything that needs permission. A new mutation needs a variant here or uses one of these.
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
        /// Read labels (a guest: those of the tasks that it sees).
        ReadLabel = "read_label",
        /// Create, rename or delete labels.
        WriteLabel = "write_label",
        /// Read one's own personal tasks. No role may read another user's.
        ReadPersonalTask = "read_personal_task",
        /// Create, update or delete one's own personal tasks.
        WritePersonalTask = "write_personal_task",
        /// Read what happened, as far as it happened to what one sees.
        ReadActivity = "read_activity",
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
        /// Give or revoke grants on a workspace or project.
        ManageGrants = "manage_grants",
        /// Read who has a grant on a workspace or project. A member's own grant is always shown.
        ReadGrants = "read_grants",
        /// Read the list of members.
        ReadMember = "read_member",
        /// Add or remove members and change their roles. Nobody can give a role above their own.
        ManageMembers = "manage_members",
        /// Read the settings for invoices.
        ReadSettings = "read_settings",
        /// Change the settings for invoices.
        ManageSettings = "manage_settings",
        /// Rename the organization.
        RenameOrganization = "rename_organization",
        /// Delete the organization or transfer its ownership.
        DeleteOrganization = "delete_organization",
        /// Change the plan and see the subscription.
        ManageBilling = "manage_billing",
        /// Ask what the plan allows and what is used.
        ReadEntitlements = "read_entitlements",
    }
}

/// The kind of thing an operation applies to. It determines which parts of a [`Place`] count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The organization, or one of its lists: every member knows that it exists.
    Organization,
    /// A client. It is in no workspace; for a guest, the grants on its projects count.
    Client,
    /// A workspace, or something in one: private or not, granted or not.
    Placed,
}

impl Operation {
    /// The kind of thing it applies to.
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
            Self::ReadActivity
            | Self::ReadLabel
            | Self::WriteLabel
            | Self::ReadPersonalTask
            | Self::WritePersonalTask
            | Self::CreateWorkspace
            | Self::ReadMember
            | Self::ManageMembers
            | Self::ReadSettings
            | Self::ManageSettings
            | Self::RenameOrganization
            | Self::DeleteOrganization
            | Self::ManageBilling
            | Self::ReadEntitlements => Subject::Organization,
        }
    }
}

/// The location of a thing: how visible its workspace is, and the caller's grant on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Whether it is in a private workspace.
    pub is_private: bool,
    /// The stronger of the caller's grants on its workspace and its project.
    pub grant: Option<Grant>,
}

impl Place {
    /// Something in no workspace, or in a public one without a grant.
    pub const OPEN: Self = Self { is_private: false, grant: None };
}

/// The result for the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// The caller may do it.
    Allowed,
    /// The caller sees it but may not do this: `FORBIDDEN`.
    Forbidden,
    /// It does not exist for the caller: `NOT_FOUND`.
    Hidden,
}

/// Whether `role` may do `operation` on something at `place`.
///
/// The rule comes from the permission matrix in `docs/permissions.md`; a test compares the two.
pub fn decide(role: Role, operation: Operation, place: Place) -> Decision {
    use Operation as O;
    if role.sees_everything() {
        let owner_only = matches!(operation, O::DeleteOrganization | O::ManageBilling);
        return if role == Role::Owner || !owner_only { Decision::Allowed } else { Decision::Forbidden };
    }
    // Things in a private workspace exist only with a grant. For a guest this is true of everything.
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
        O::ReadClient
        | O::ReadProject
        | O::ReadTask
        | O::ReadActivity
        | O::ReadLabel
        | O::ReadPersonalTask
        | O::WritePersonalTask
        | O::ReadWorkspace
        | O::ReadMember => true,
        O::ReadInvoice | O::ReadSettings | O::ReadEntitlements => role != Role::Guest,
        O::WriteClient | O::WriteLabel | O::CreateWorkspace => role == Role::Member,
        O::WriteProject | O::WriteInvoice => role == Role::Member && (!place.is_private || edits),
        O::WriteTask => match role {
            Role::Member => !place.is_private || edits,
            Role::Guest => edits,
            _ => false,
        },
        O::ManageGrants | O::ReadGrants | O::ManageWorkspace => {
            role == Role::Member && place.grant == Some(Grant::Admin)
        }
        O::ManageSettings | O::ManageMembers | O::RenameOrganization | O::DeleteOrganization | O::ManageBilling => {
            false
        }
    };
    match (allowed, operation) {
        (true, _) => Decision::Allowed,
        // A guest does not learn that invoices exist at all.
        (false, O::ReadInvoice) => Decision::Hidden,
        (false, _) => Decision::Forbidden,
    }
}
