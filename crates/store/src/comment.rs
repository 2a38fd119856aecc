//! Comments: whom they mention, in `app.comment_mentions`.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_domain::{CommentId, CommentMentionId, UserId};

use crate::error::StoreError;
use crate::junction::Junction;
use crate::read::Read;
use crate::scope::{Scope, WriteScope};

const MENTIONS: Junction = Junction { table: "app.comment_mentions", one: "comment_id", other: "user_id" };

/// Notes whom a new comment mentions.
///
/// # Errors
/// A foreign-key violation when one of them is no member of the organization.
pub async fn mention(scope: &mut WriteScope, comment: CommentId, users: &[UserId]) -> Result<(), StoreError> {
    MENTIONS.put::<CommentMentionId>(scope, comment, users).await
}

/// Notes whom a comment mentions now.
///
/// # Errors
/// As [`mention`].
pub async fn mention_anew(scope: &mut WriteScope, comment: CommentId, users: &[UserId]) -> Result<(), StoreError> {
    MENTIONS.replace::<CommentMentionId, _>(scope, comment, users).await.map(drop)
}

/// The users whom each of these comments mentions; a comment without any has no entry.
///
/// # Errors
/// Those of the database.
pub fn mentions<'s>(scope: &'s impl Scope, comments: &[CommentId]) -> Read<'s, HashMap<CommentId, Arc<Vec<UserId>>>> {
    MENTIONS.of(scope, comments)
}
