//! Labels: what tasks are sorted by that has no column of its own.

use chrono::{DateTime, Utc};

use crate::id::{LabelId, OrganizationId};
use crate::noun::Noun;

/// A label that tasks can have. Renaming it renames it everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.labels", placed = own, read = ReadLabel, write = WriteLabel)]
#[noun(order_by = name, ascending)]
pub struct Label {
    /// The label's id.
    pub id: LabelId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The label's name, unique in the organization. Upper and lower case are not told apart.
    #[field(text(100), guests, filter, sort, unique)]
    pub name: String,
    /// The color it is shown in.
    #[field(color, guests)]
    pub color: String,
    /// When the label was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the label last changed.
    pub updated_at: DateTime<Utc>,
}
