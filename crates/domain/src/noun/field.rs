//! What a noun and each of its fields say about themselves.

use crate::noun::Noun;
use crate::noun::kind::{Kind, Value};
use crate::permission::Operation;

/// What a noun says about itself.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that a noun says about itself")]
pub struct NounInfo {
    /// Its type's name, such as `ContentItem`.
    pub name: &'static str,
    /// One of them in a sentence, such as `content item`.
    pub singular: &'static str,
    /// Several of them in a sentence, such as `content items`.
    pub plural: &'static str,
    /// The field that has one of them, such as `contentItem`.
    pub api: &'static str,
    /// The list of them, such as `contentItems`.
    pub list: &'static str,
    /// What it is, as its doc comment says.
    pub doc: &'static str,
    /// Its table, with the schema.
    pub table: &'static str,
    /// What is read: the table as `t`, and what is joined to it.
    pub from: &'static str,
    /// The prefix of its ids.
    pub prefix: &'static str,
    /// Where its rows are placed, which decides who sees them.
    pub placement: Placement,
    /// What it takes to read it.
    pub read: Operation,
    /// What it takes to create, update or delete it.
    pub write: Operation,
    /// Whether guests see any of it. They do when a field says `guests`.
    pub guests: bool,
    /// Whether guests see less than others of a row that they see.
    pub hides_from_guests: bool,
    /// The column that holds the currency of all its amounts, if it has amounts.
    pub currency: Option<&'static str>,
    /// Whether lists run upwards when nothing else is asked for.
    pub ascending: bool,
    /// Whether a caller may choose the order.
    pub sortable: bool,
    /// Whether it has fields at the root of the API, or is reached from other nouns alone.
    pub rooted: bool,
    /// Which rows lists leave out unless asked for.
    pub archived: Option<Archived>,
}

impl NounInfo {
    /// One of them in a sentence, with its article, such as `an invoice`.
    pub fn one(&self) -> String {
        let article = if self.singular.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        format!("{article} {}", self.singular)
    }
}

/// Rows that are kept and no longer in use: no list has them that is not narrowed by this field or by ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Archived {
    /// The field that says so.
    pub field: &'static str,
    /// Its column.
    pub column: &'static str,
    /// Its value in such rows.
    pub value: &'static str,
}

/// Where a noun's rows are placed: what decides who sees them and who may write them. `store` narrows statements by it, and
/// `service` asks [`decide`](crate::permission::decide) with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// In the organization: seen by everybody who is not a guest.
    Organization,
    /// The noun is the client. Guests see it when one of its projects was granted.
    Client,
    /// The noun is the workspace.
    Workspace,
    /// The noun is the project, in the workspace that this column names.
    Project {
        /// The column with the workspace's id.
        workspace: &'static str,
    },
    /// In the project that this column names. With none, if the column may be null, it is placed in the organization.
    InProject {
        /// The column with the project's id.
        column: &'static str,
        /// Whether every row has one.
        required: bool,
    },
    /// In the task that this column names: seen by those who see the task.
    InTask {
        /// The column with the task's id.
        column: &'static str,
    },
    /// Owned by the user that this column names. No one else sees it, in any role.
    User {
        /// The column with the user's id.
        column: &'static str,
    },
    /// By a rule of its own, which `store` holds.
    Own,
}

/// Who may know a field's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody who sees the row, guests included.
    Guests,
    /// Everybody who sees the row but guests, who find null.
    Members,
    /// The program alone: it is no field of the API. The export has it.
    Internal,
    /// The program alone: it is never in the API, an export, an activity or a log.
    Secret,
}

/// Who gives a field its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The caller, on creation and on every update.
    Always,
    /// The caller, on creation alone.
    Once,
    /// The program.
    Never,
}

/// What a value must be like, beyond its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Anything.
    Any,
    /// One line of at most this many characters.
    Text(usize),
    /// Lines of at most this many characters in all.
    Prose(usize),
    /// An e-mail address.
    Email,
    /// An http(s) address.
    Url,
    /// A color: `#` and six hexadecimal digits.
    Color,
    /// A country: two letters of ISO 3166-1.
    Country,
    /// An amount of zero or more.
    NotNegative,
    /// At most this many values; one that comes twice counts once.
    Many(usize),
}

/// What becomes of a row when the row that it links to is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDelete {
    /// It stays, without the link.
    Unlink,
    /// It goes as well.
    Cascade,
    /// It is in the way: the delete is refused.
    Refuse,
    /// It stays with the link, which names a user and not that row.
    Keep,
}

/// A link to a row of another noun.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    /// The table that is linked to.
    pub table: &'static str,
    /// The name of the noun that is linked to.
    pub noun: &'static str,
    /// The column of that table which the link holds.
    pub key: &'static str,
    /// The field that shows the linked row, such as `client`.
    pub relation: &'static str,
    /// What becomes of this row when the other is deleted.
    pub on_delete: OnDelete,
}

/// What a field says about itself.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is something that a field says about itself")]
pub struct FieldInfo {
    /// The struct's field, such as `due_date`.
    pub name: &'static str,
    /// The API's name for it, such as `dueDate`.
    pub api: &'static str,
    /// The column, with its table's letter: `t.due_date`. Empty for an input that is no column.
    pub column: &'static str,
    /// What it is, as its doc comment says.
    pub doc: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether a reader may find null.
    pub optional: bool,
    /// Whether the column may be null.
    pub nullable: bool,
    /// Who may know it.
    pub access: Access,
    /// Who gives it.
    pub given: Given,
    /// What it is when it is not given on creation.
    pub default: Option<&'static str>,
    /// What a value must be like.
    pub rule: Rule,
    /// What it links to.
    pub link: Option<Link>,
    /// Whether no two rows of an organization agree in it.
    pub unique: bool,
    /// Whether the API shows the id itself and not the row that it names.
    pub as_id: bool,
    /// The names of further fields that what a reader sees of it is made of.
    pub needs: &'static [&'static str],
    /// Whether an activity says what it was and what it became, and not only that it changed.
    pub told: bool,
    /// How much a word in it says about the row, if it is searched.
    pub searched: Option<i16>,
}

impl FieldInfo {
    /// The column's bare name, without the type that it is read as; `None` for a column of a joined table, which is never written.
    pub fn own_column(&self) -> Option<&'static str> {
        self.column.strip_prefix("t.")?.split("::").next()
    }

    /// Whether a guest who sees the row sees the field.
    pub fn is_seen_by_guests(&self) -> bool {
        self.access == Access::Guests
    }
}

/// A field of a noun, and how it is read and written.
#[derive(Debug)]
pub struct Field<N> {
    /// What it says about itself.
    pub info: FieldInfo,
    /// Its value in a row.
    pub read: for<'n> fn(&'n N) -> Value<'n>,
    /// Puts a value into a row; `false` when the value is of another type.
    pub write: fn(&mut N, Value<'_>) -> bool,
}

/// A field that differs between two states of a row. What is secret is never in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The API's name of the field.
    pub field: &'static str,
    /// What it was.
    pub old: Value<'static>,
    /// What it is now.
    pub new: Value<'static>,
}

/// What changed between two states of a row, in the order of the fields. The time of the change is not among it.
pub fn changes<N: Noun>(before: &N, after: &N) -> Vec<Changed> {
    let fields =
        N::FIELDS.iter().filter(|field| field.info.access != Access::Secret && field.info.name != "updated_at");
    let changed = fields.filter_map(|field| {
        let (old, new) = ((field.read)(before), (field.read)(after));
        (old != new).then(|| Changed { field: field.info.api, old: old.into_owned(), new: new.into_owned() })
    });
    changed.collect()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Duration};
    use uuid::Uuid;

    use super::*;
    use crate::change::Change;
    use crate::client::{Client, ClientChanges, ClientStatus, NewClient};
    use crate::id::{ClientId, OrganizationId, UserId};
    use crate::noun::{Changes as _, New as _, Origin};

    fn client() -> Client {
        let origin = Origin {
            id: ClientId::from_uuid(Uuid::nil()),
            organization_id: OrganizationId::from_uuid(Uuid::nil()),
            user_id: UserId::from_uuid(Uuid::nil()),
            now: DateTime::UNIX_EPOCH,
        };
        let new = NewClient { name: " Acme ".into(), phone: Some(" ".into()), ..NewClient::default() };
        new.into_row(origin).expect("valid")
    }

    #[test]
    fn a_new_row_has_its_defaults_and_what_was_given_in_its_normal_form() {
        let client = client();
        assert_eq!((client.name.as_str(), client.phone, client.status), ("Acme", None, Some(ClientStatus::Active)));
    }

    #[test]
    fn what_changed_is_told_old_and_new_and_nothing_else() {
        let before = client();
        let update = ClientChanges {
            name: Change::Set("Acme".into()),
            email: Change::Set(Some("a@example.test".into())),
            status: Change::Set(ClientStatus::Lead),
            ..ClientChanges::default()
        };
        let mut after = update.apply(&before).expect("valid");
        after.updated_at += Duration::days(1);
        let expected = [
            Changed { field: "email", old: Value::Null, new: Value::Text("a@example.test".into()) },
            Changed { field: "status", old: Value::Name("active"), new: Value::Name("lead") },
        ];
        assert_eq!(changes(&before, &after), expected);
    }

    #[test]
    fn every_fault_of_an_input_is_told_at_once() {
        let new = NewClient { name: String::new(), email: Some("x".into()), ..NewClient::default() };
        let origin = Origin {
            id: client().id,
            organization_id: client().organization_id,
            user_id: UserId::from_uuid(Uuid::nil()),
            now: DateTime::UNIX_EPOCH,
        };
        let faults = new.into_row(origin).expect_err("two faults");
        let fields: Vec<_> = faults.0.iter().map(|fault| fault.field.join(".")).collect();
        assert_eq!(fields, ["name", "email"]);
    }
}
