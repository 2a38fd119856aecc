//! Comments: whom they mention, and who may change them.

use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::comment::{Comment, CommentChanges, NewComment, mentioned};
use tenantry_domain::{CommentId, UserId};
use tenantry_store::{ColumnSet, Scope as _, StoreError, WriteScope, comment as store, member};

use crate::error::{ServiceError, name_reference};
use crate::noun::Served;

impl Served for Comment {
    type New = NewComment;
    type Changes = CommentChanges;

    async fn after_create(scope: &mut WriteScope, _: &NewComment, row: &Self) -> Result<(), ServiceError> {
        let users = mentioned_members(scope, &row.body).await?;
        store::mention(scope, row.id, &users).await.map_err(name_member)
    }

    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        _: &CommentChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        check_author(scope, before)?;
        if after.body == before.body {
            return Ok(Vec::new());
        }
        after.edited_at = Some(scope.tenant().clock.now());
        mention_anew(scope, before.id, &after.body).await?;
        Ok(Vec::new())
    }

    async fn before_delete(scope: &mut WriteScope, row: &Self) -> Result<(), ServiceError> {
        check_author(scope, row)
    }
}

/// A comment is changed by who wrote it, and by who runs the organization.
fn check_author(scope: &WriteScope, comment: &Comment) -> Result<(), ServiceError> {
    let actor = scope.actor();
    let may = actor.role.sees_everything() || comment.author_id == Some(actor.user_id);
    if may { Ok(()) } else { Err(ServiceError::Forbidden) }
}

/// Notes whom the new text mentions. Who was mentioned before and is named still stays, also where this writer does not see that member.
async fn mention_anew(scope: &mut WriteScope, id: CommentId, body: &str) -> Result<(), ServiceError> {
    let named = mentioned(body);
    let mut users = mentioned_members(scope, body).await?;
    let before = store::mentions(scope, &[id]).await?.remove(&id).unwrap_or_default();
    users.extend(before.iter().filter(|user| named.contains(user)));
    store::mention_anew(scope, id, &users).await.map_err(name_member)
}

/// The members whom a text mentions, as far as the caller sees them. Any other mention is only text.
async fn mentioned_members(scope: &WriteScope, body: &str) -> Result<Vec<UserId>, ServiceError> {
    let users = mentioned(body);
    if users.is_empty() {
        return Ok(users);
    }
    let members = member::get_by_users(scope, &users, ColumnSet::ID).await?;
    Ok(users.into_iter().filter(|user| members.contains_key(user)).collect())
}

/// A member who was mentioned left in the meantime.
fn name_member(error: StoreError) -> ServiceError {
    name_reference(error, &[("comment_mentions_user_id_fkey", "body", "member")])
}
