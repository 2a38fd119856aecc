//! Comments: whom they mention.

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use tenantry_domain::comment::Comment as Record;
use tenantry_executor::loaders::load;
use tenantry_executor::object::Object as Resolved;

use crate::loaders::{Mentions, load_members};
use crate::member::Member;
use crate::noun::{Mutations, Shown};

impl Shown for Record {
    type More = CommentMore;

    fn mutations() -> Option<Mutations> {
        Some(
            Mutations::of::<Self>("")
                .with_update_note("Only its author, owners and admins may change it.")
                .with_delete_note("Only its author, owners and admins may delete it."),
        )
    }
}

/// Fields of a comment beside those that are declared.
pub(crate) struct CommentMore(Arc<Record>);

impl From<Arc<Record>> for CommentMore {
    fn from(comment: Arc<Record>) -> Self {
        Self(comment)
    }
}

#[Object]
impl CommentMore {
    /// The members whom the text mentions, as far as you see them; at most 50. A mention of anybody else is only text.
    async fn mentions(&self, context: &Context<'_>) -> Result<Vec<Resolved<Member>>> {
        let users = load::<Mentions>(context, self.0.id).await?.unwrap_or_default();
        load_members(context, &users).await
    }
}
