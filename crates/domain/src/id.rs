//! One newtype per table, so that a task's id can never stand where a client's is meant. All of them, in alphabetical
//! order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::typeid::{self, IdError};

/// What every id can do; lets generic code make, read and print ids of any kind.
pub trait Id: Copy + Eq + Ord + std::hash::Hash + fmt::Debug + fmt::Display + Send + Sync + 'static {
    /// The TypeID prefix, without the underscore.
    const PREFIX: &'static str;
    /// The id that carries this UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// The UUID that the database holds.
    fn as_uuid(&self) -> Uuid;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The TypeID prefix, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// The id that carries this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID that the database holds.
            pub const fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl Id for $name {
            const PREFIX: &'static str = $prefix;

            fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            fn as_uuid(&self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                typeid::write(f, Self::PREFIX, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                typeid::parse(text, Self::PREFIX).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*

        /// The prefix of every kind of id, in the order of the declarations.
        pub const PREFIXES: &[&str] = &[$($prefix),*];
    };
}

ids! {
    /// Names an entry of what happened.
    ActivityId = "activity";
    /// Names a file on a task.
    AttachmentId = "attachment";
    /// Names a client.
    ClientId = "client";
    /// Names a comment.
    CommentId = "comment";
    /// Names the mention of a member in a comment.
    CommentMentionId = "mention";
    /// Names a content item.
    ContentItemId = "content";
    /// Names a row of any kind. It is never shown: what is shown has the prefix of the row's own kind.
    EntityId = "entity";
    /// Names an exception from the plan for one organization.
    FeatureOverrideId = "override";
    /// Names an invitation to an organization.
    InvitationId = "invitation";
    /// Names an invoice.
    InvoiceId = "invoice";
    /// Names the entry of a task in an invoice.
    InvoiceTaskId = "invoicetask";
    /// Names a request that a client may send again.
    IdempotencyKeyId = "idempotencykey";
    /// Names a label.
    LabelId = "label";
    /// Names the counter of the numbers of a kind of invoice in a period.
    NumberCounterId = "counter";
    /// Names an organization, the tenant.
    OrganizationId = "org";
    /// Names a personal task.
    PersonalTaskId = "personaltask";
    /// Names a project.
    ProjectId = "project";
    /// Names a user's grant on a project.
    ProjectMemberId = "projectmember";
    /// Names a task.
    TaskId = "task";
    /// Names the assignment of a member to a task.
    TaskAssigneeId = "assignee";
    /// Names the entry of a label on a task.
    TaskLabelId = "tasklabel";
    /// Names a transaction.
    TransactionId = "transaction";
    /// Names the announcement of a file.
    UploadId = "upload";
    /// Names the count of what an organization has used in a period.
    UsageCounterId = "usage";
    /// Names a user, who may belong to several organizations.
    UserId = "user";
    /// Names a workspace.
    WorkspaceId = "workspace";
    /// Names a user's grant on a workspace.
    WorkspaceMemberId = "workspacemember";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_another_kind_does_not_parse() {
        let client = ClientId::from_uuid(Uuid::nil());
        assert_eq!(client.to_string(), "client_00000000000000000000000000");
        assert_eq!(client.to_string().parse::<ClientId>(), Ok(client));
        assert!(matches!(client.to_string().parse::<TaskId>(), Err(IdError::WrongKind { expected: "task", .. })));
    }

    #[test]
    fn prefixes_are_distinct() {
        let mut prefixes = PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), PREFIXES.len());
    }
}
