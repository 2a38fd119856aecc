//! Comments on tasks.

use chrono::{DateTime, Utc};

use crate::id::{CommentId, OrganizationId, TaskId, UserId};
use crate::member::Member;
use crate::noun::Noun;
use crate::task::Task;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// A comment on a task.
#[derive(Debug, Clone, PartialEq, Eq, Noun)]
#[noun(table = "app.comments", placed = in_task(task_id), read = ReadTask, write = WriteTask)]
#[noun(ascending, check)]
pub struct Comment {
    /// The comment's id.
    pub id: CommentId,
    /// The organization that owns the row.
    pub organization_id: OrganizationId,
    /// The task it is on.
    #[field(guests, once, filter)]
    #[field(link(
        Task,
        cascade,
        list = "comments",
        doc = "The comments on it; the oldest first unless ordered otherwise."
    ))]
    pub task_id: TaskId,
    /// The member who wrote it; null if the member has left.
    #[field(guests, author, link(Member, keep, key = "user_id", relation = "author"))]
    pub author_id: Option<UserId>,
    /// The text, in Markdown, exactly as it was written. A member is mentioned by `@` and the user's id, such as
    /// `@user_01h455vb4pex5vsknk084sn02q`
    #[field(prose(20_000), guests, untold, searched(2))]
    pub body: String,
    /// When the text last changed; null if it never did.
    #[field(guests, computed)]
    pub edited_at: Option<DateTime<Utc>>,
    /// When the comment was created.
    #[field(sort)]
    pub created_at: DateTime<Utc>,
    /// When the comment last changed.
    pub updated_at: DateTime<Utc>,
}

/// The most members that a comment mentions.
pub const MAX_MENTIONS: usize = 50;

impl Comment {
    fn check(&self, v: &mut Violations) {
        if mentioned(&self.body).len() > MAX_MENTIONS {
            let message = format!("At most {MAX_MENTIONS} members can be mentioned.");
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "body", message));
        }
    }
}

/// The users whom a text mentions, each once, in the order of the ids: `@` and the user's id, with no letter or digit right before or
/// behind. Whether they are members is not known here.
pub fn mentioned(text: &str) -> Vec<UserId> {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut before = None;
    let mut users = Vec::new();
    for (n, c) in text.char_indices() {
        let starts = c == '@' && !before.is_some_and(is_of_word);
        before = Some(c);
        if !starts {
            continue;
        }
        let rest = &text[n + 1..];
        let word = rest.find(|c| !is_of_word(c)).map_or(rest, |end| &rest[..end]);
        users.extend(word.parse::<UserId>());
    }
    users.sort_unstable();
    users.dedup();
    users
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_mention_is_an_id_that_stands_alone() {
        let (ada, bob) = (UserId::from_uuid(Uuid::from_u128(1)), UserId::from_uuid(Uuid::from_u128(2)));
        for (text, expected) in [
            (format!("@{ada}"), vec![ada]),
            (format!("Hello @{bob}, and (@{ada}). @{bob}!"), vec![ada, bob]),
            (format!("**@{ada}**\n> @{bob}"), vec![ada, bob]),
            (format!("é@{ada}"), vec![]),
            (format!("mail@{ada}"), vec![]),
            (format!("@{ada}x"), vec![]),
            (format!("@@{ada}"), vec![ada]),
            (format!("{ada}"), vec![]),
            ("@user_ @user_1 @client_00000000000000000000000001 @".to_owned(), vec![]),
        ] {
            assert_eq!(mentioned(&text), expected, "{text}");
        }
    }
}
