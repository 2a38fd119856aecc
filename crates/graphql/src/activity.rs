//! What happened: what it happened to, and which fields it changed.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result, SimpleObject};
use futures_util::future::try_join_all;
use tenantry_domain::activity::{Activity, FieldChange};
use tenantry_domain::typeid;
use tenantry_executor::object::Ordered;

use crate::node::Node;
use crate::noun::{Shown, entries};

impl Shown for Activity {
    type More = ActivityMore;
}

/// Fields of an entry beside those that are declared.
pub(crate) struct ActivityMore(Arc<Activity>);

impl From<Arc<Activity>> for ActivityMore {
    fn from(activity: Arc<Activity>) -> Self {
        Self(activity)
    }
}

#[Object]
impl ActivityMore {
    /// The id of what changed. It stays when that is gone.
    async fn entity_id(&self) -> ID {
        ID(self.0.entity())
    }

    /// What changed; null if it is gone, or if you cannot see it.
    async fn entity(&self) -> Option<Node> {
        Node::of(self.0.entity_type, self.0.entity_id.as_uuid())
    }

    /// What it was called right after the change, or before it was deleted; null if it has no name. At most 200 characters are kept.
    async fn entity_name(&self) -> Option<&str> {
        self.0.metadata.name.as_deref()
    }

    /// The fields that changed, as far as you see them; none for what was created or deleted.
    async fn changes(&self, context: &Context<'_>) -> Result<Vec<Ordered<ActivityChange>>> {
        let shown = try_join_all(self.0.metadata.changes.iter().map(|change| self.shown(context, change))).await?;
        Ok(shown.into_iter().flatten().map(Ordered).collect())
    }
}

impl ActivityMore {
    /// A change without the ids of what the reader cannot see. Whom or what was joined with a row is not told at all if it is hidden.
    async fn shown(&self, context: &Context<'_>, change: &FieldChange) -> Result<Option<ActivityChange>> {
        let mut shown = ActivityChange::from(change);
        if self.0.metadata.is_complete || !self.0.has_ids(change) {
            return Ok(Some(shown));
        }
        let is_joined = self.0.is_joined(change);
        for value in [&mut shown.old, &mut shown.new] {
            let Some((prefix, id)) = value.as_deref().and_then(|text| typeid::split(text).ok()) else { continue };
            let is_seen = match entries().find(|entry| entry.info.prefix == prefix) {
                Some(entry) => (entry.exists)(context, id).await?,
                None => false,
            };
            if !is_seen {
                *value = None;
            }
        }
        let is_told = !is_joined || shown.old.is_some() || shown.new.is_some();
        Ok(is_told.then_some(shown))
    }
}

/// A field before and after a change. Both values are spelled as the API spells the field; an amount is followed by its currency.
#[derive(SimpleObject)]
pub(crate) struct ActivityChange {
    /// The field, such as `status`. Where members or labels were added or removed, there is one change of `assigneeIds` or `labelIds` for
    /// each of them.
    field: String,
    /// What it was; null if it was empty, if it is not kept, or if it is the id of something that you cannot see. The texts of comments,
    /// positions and invoice lines are not kept, and of other texts at most 200 characters are. Owners and admins also see the ids of what is
    /// gone.
    old: Option<String>,
    /// What it became; null in the same cases.
    new: Option<String>,
}

impl From<&FieldChange> for ActivityChange {
    fn from(change: &FieldChange) -> Self {
        Self { field: change.field.to_string(), old: change.old.clone(), new: change.new.clone() }
    }
}
