//! What happened: an entry for each change of the graph. `new` makes entries from the declaration of what changed.

mod new;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::client::Client;
use crate::id::{ActivityId, ClientId, EntityId, OrganizationId, ProjectId, TaskId, UserId, WorkspaceId};
use crate::member::Member;
use crate::noun::{Access, Declared, FieldType, Kind, Noun, NounInfo, Value};
use crate::permission::Role;
use crate::project::Project;
use crate::task::Task;
use crate::text_enum::text_enum;
use crate::typeid;
use crate::workspace::Workspace;

pub use new::{Joined, NewActivity};

text_enum! {
    /// A kind of thing that changes.
    EntityType {
        /// A file on a task.
        Attachment = "attachment",
        /// A client.
        Client = "client",
        /// A comment on a task.
        Comment = "comment",
        /// A content item.
        ContentItem = "content_item",
        /// An invoice.
        Invoice = "invoice",
        /// A label.
        Label = "label",
        /// A membership of the organization.
        Member = "member",
        /// The organization itself.
        Organization = "organization",
        /// A personal task.
        PersonalTask = "personal_task",
        /// A project.
        Project = "project",
        /// A member's grant on a project.
        ProjectGrant = "project_grant",
        /// A task.
        Task = "task",
        /// A transaction.
        Transaction = "transaction",
        /// A workspace.
        Workspace = "workspace",
        /// A member's grant on a workspace.
        WorkspaceGrant = "workspace_grant",
    }
}

text_enum! {
    /// What happened to it.
    Action as "ActivityAction" {
        /// It was created.
        Created = "created",
        /// Some of its fields changed.
        Updated = "updated",
        /// Members were assigned to it, or are assigned no longer; nothing else changed.
        Assigned = "assigned",
        /// It was moved: to another place on its board, into another column, or to another project.
        Moved = "moved",
        /// It went to another project or client. The entry is of the one that it left, and does not say where it went.
        Left = "left",
        /// It was deleted, with everything that goes with it.
        Deleted = "deleted",
    }
}

/// An entry of what happened. Nothing of it changes but the project: what happened to a task, an invoice or a content item goes along to
/// another one.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.activities", placed = own, read = ReadActivity, write = ReadActivity)]
#[noun(plural = "activities", by_hand, unsortable)]
pub struct Activity {
    /// The entry's id.
    pub id: ActivityId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The kind of thing that changed.
    #[field(guests, computed, filter)]
    pub entity_type: EntityType,
    /// Which of them.
    #[field(internal, computed)]
    pub entity_id: EntityId,
    /// What happened to it.
    #[field(guests, computed, filter)]
    pub action: Action,
    /// The member who did it; null if it was the system, if the member has left, or if you cannot see the member.
    #[field(guests, computed, filter)]
    #[field(link(
        Member,
        keep,
        relation = "actor",
        list = "activities",
        doc = "What the member did; the newest first."
    ))]
    pub actor_id: Option<UserId>,
    /// The workspace, if one changed, a grant on it, or a project in it.
    #[field(guests, computed, link(Workspace, keep))]
    pub workspace_id: Option<WorkspaceId>,
    /// The client that it was for at that time.
    #[field(guests, computed, filter)]
    #[field(link(
        Client,
        keep,
        list = "activities",
        doc = "What happened to the client, its projects, their tasks and its invoices while they were the client's; the newest first."
    ))]
    pub client_id: Option<ClientId>,
    /// The project that it is in now, or was in when it left or was deleted.
    #[field(guests, computed, filter)]
    #[field(link(
        Project,
        keep,
        list = "activities",
        doc = "What happened to the project and in it; the newest first."
    ))]
    pub project_id: Option<ProjectId>,
    /// The task, if it changed, or something on it.
    #[field(guests, computed, filter)]
    #[field(link(Task, keep, list = "activities", doc = "What happened to the task and on it; the newest first."))]
    pub task_id: Option<TaskId>,
    /// Whom it is about: who has a grant, or is a member.
    #[field(internal, computed)]
    pub user_id: Option<UserId>,
    /// The only user who may know of it.
    #[field(internal, computed)]
    pub only_for: Option<UserId>,
    /// Whether guests may know of it.
    #[field(internal, computed)]
    pub for_guests: bool,
    /// Whether others than owners and admins may know of it: not of a deletion in a private workspace.
    #[field(internal, computed)]
    pub for_members: bool,
    /// The name of what changed, and its fields before and after.
    #[field(internal, computed, column = "t.metadata::text")]
    pub metadata: Metadata,
    /// When it happened.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// The same.
    #[field(internal)]
    pub updated_at: DateTime<Utc>,
}

/// What an entry keeps of that which changed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Metadata {
    /// What it was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The fields that changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<FieldChange>,
    /// Whether its reader sees everything that it names.
    #[serde(skip)]
    pub is_complete: bool,
}

/// A field before and after, each spelled as the API spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The API's name of the field.
    pub field: Cow<'static, str>,
    /// What it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<String>,
    /// What it became.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<String>,
}

impl FieldType for Metadata {
    const KIND: Kind = Kind::Text;

    fn blank() -> Self {
        Self::default()
    }

    /// The JSON that the database holds.
    fn to_value(&self) -> Value<'_> {
        // There is nothing in it that has no JSON.
        Value::Text(serde_json::to_string(self).unwrap_or_default().into())
    }

    fn from_value(value: Value<'_>) -> Option<Self> {
        if let Value::Text(text) = value { serde_json::from_str(&text).ok() } else { None }
    }
}

impl EntityType {
    /// The kind of a noun's rows; `None` for a noun whose changes are not told.
    pub fn of(noun: &NounInfo) -> Option<Self> {
        noun.singular.replace(' ', "_").parse().ok()
    }

    /// The noun of this kind; `None` for the organization.
    pub fn noun(self) -> Option<&'static Declared> {
        crate::noun::ALL.iter().find(|noun| Self::of(noun.info) == Some(self))
    }

    /// The prefix of the ids of this kind.
    pub fn prefix(self) -> &'static str {
        self.noun().map_or(OrganizationId::PREFIX, |noun| noun.info.prefix)
    }
}

impl Activity {
    /// The id of what changed, as the API spells it.
    pub fn entity(&self) -> String {
        typeid::text(self.entity_type.prefix(), self.entity_id.as_uuid())
    }

    /// Takes out of the entry the fields that this reader may not know although the entry is theirs to see. The ids that are left may still
    /// be of something hidden, unless the entry is complete.
    pub fn show_to(&mut self, role: Role) {
        self.metadata.is_complete = role.sees_everything();
        let Some(noun) = self.entity_type.noun() else { return };
        let fields = noun.fields();
        self.metadata.changes.retain(|change| {
            let field = fields.iter().find(|field| field.api == change.field);
            match field.map(|field| field.access) {
                Some(Access::Guests) => true,
                Some(Access::Members) => role != Role::Guest,
                // A field may have become one of these after the entry was written.
                Some(Access::Internal | Access::Secret) => false,
                None => JOINED.iter().any(|(name, guests)| *name == change.field && (*guests || role != Role::Guest)),
            }
        });
    }

    /// Whether a change is one of what is joined with a row.
    pub fn is_joined(&self, change: &FieldChange) -> bool {
        self.entity_type.noun().is_some() && JOINED.iter().any(|(name, _)| *name == change.field)
    }

    /// Whether the values of a change are ids.
    pub fn has_ids(&self, change: &FieldChange) -> bool {
        let fields = self.entity_type.noun().map(Declared::fields).unwrap_or_default();
        let field = fields.iter().find(|field| field.api == change.field);
        self.is_joined(change) || field.is_some_and(|field| matches!(field.kind, Kind::Id(_)))
    }
}

/// What is told beside the fields of a row, by the name of its input, and whether guests may know of it.
const JOINED: [(&str, bool); 5] =
    [("assigneeIds", true), ("labelIds", true), ("taskIds", false), ("lineItems", false), ("taxes", false)];
