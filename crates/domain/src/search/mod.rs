//! Search: the words of rows, as the index holds them, and what is looked for in it.
//!
//! A noun's field says `searched` with a weight. Its words are the noun's terms; `store` keeps a row for each and finds them.

mod excerpt;
mod query;
mod words;

use std::collections::BTreeMap;

use uuid::Uuid;

pub use excerpt::Fragment;
pub use query::{MAX_QUERY, Query, Sought};

use self::words::words;
use crate::id::Id as _;
use crate::noun::{Declared, Field, Noun, NounInfo, Placement, Value};
use crate::project::Project;
use crate::text_enum::text_enum;
use crate::typeid;

text_enum! {
    /// A kind of thing that can be searched.
    SearchKind {
        /// Clients: their names, companies, e-mail addresses, phone numbers, web sites and notes.
        Client = "client",
        /// Projects: their names, descriptions and notes.
        Project = "project",
        /// Tasks: their titles and descriptions.
        Task = "task",
        /// Comments: their texts.
        Comment = "comment",
        /// Attachments: their names.
        Attachment = "attachment",
    }
}

impl SearchKind {
    /// The kind of a noun's rows; `None` if they are not searched.
    pub fn of(noun: &NounInfo) -> Option<Self> {
        noun.singular.parse().ok()
    }

    /// The noun of this kind.
    pub fn noun(self) -> Option<&'static Declared> {
        crate::noun::ALL.iter().find(|noun| Self::of(noun.info) == Some(self))
    }

    /// The id of such a row, as the API spells it.
    pub fn text_of(self, id: Uuid) -> String {
        typeid::text(self.noun().map_or("", |noun| noun.info.prefix), id)
    }
}

/// The most terms of a row. The words of its heavier fields come first.
const MAX_TERMS: usize = 1_000;

/// What the index knows of a term in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Posting {
    /// How much the term says about the row: the weight of the heaviest field that has it.
    pub weight: i16,
    /// Whether a guest who sees the row sees the term in it.
    pub for_guests: bool,
}

/// The terms of a row.
pub type Terms = BTreeMap<String, Posting>;

/// A row in the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// What it is.
    pub kind: SearchKind,
    /// Its id.
    pub id: Uuid,
    /// The project that it is or is in, as far as the row names it.
    pub project_id: Option<Uuid>,
    /// The task whose project it is in.
    pub task_id: Option<Uuid>,
    /// Its terms.
    pub terms: Terms,
}

impl Indexed {
    /// The row as the index is to have it; `None` if such rows are not searched.
    pub fn of<N: Noun>(row: &N) -> Option<Self> {
        let kind = SearchKind::of(&N::INFO)?;
        let mut indexed = Self { kind, id: row.id().as_uuid(), project_id: None, task_id: None, terms: terms(row) };
        let place = |column: &str| match N::FIELDS.iter().find(|field| field.info.column == column) {
            Some(field) => match (field.read)(row) {
                Value::Id(id) => Some(id),
                _ => None,
            },
            None => None,
        };
        match N::INFO.placement {
            Placement::InProject { column, .. } => indexed.project_id = place(column),
            Placement::InTask { column } => indexed.task_id = place(column),
            _ if N::INFO.table == Project::INFO.table => indexed.project_id = Some(indexed.id),
            _ => {}
        }
        Some(indexed)
    }
}

/// The fields of a noun that are searched, the heaviest first.
pub fn fields<N: Noun>() -> Vec<&'static Field<N>> {
    let mut fields: Vec<_> = N::FIELDS.iter().filter(|field| field.info.searched.is_some()).collect();
    fields.sort_by_key(|field| std::cmp::Reverse(field.info.searched));
    fields
}

/// Whether a change of a row changes its terms.
pub fn differs<N: Noun>(before: &N, after: &N) -> bool {
    let searched = N::FIELDS.iter().filter(|field| field.info.searched.is_some());
    searched.into_iter().any(|field| (field.read)(before) != (field.read)(after))
}

fn terms<N: Noun>(row: &N) -> Terms {
    let mut terms = Terms::new();
    for field in fields::<N>() {
        let Value::Text(text) = (field.read)(row) else { continue };
        let (weight, for_guests) = (field.info.searched.unwrap_or_default(), field.info.is_seen_by_guests());
        for word in words(&text) {
            // Of a term that is there already, the heavier field says all there is to say.
            terms.entry(word.term).or_insert(Posting { weight, for_guests });
            if terms.len() >= MAX_TERMS {
                return terms;
            }
        }
    }
    terms
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::client::NewClient;
    use crate::id::{ClientId, OrganizationId, UserId};
    use crate::noun::{New as _, Origin};

    fn client(new: NewClient) -> Indexed {
        let origin = Origin {
            id: ClientId::from_uuid(Uuid::nil()),
            organization_id: OrganizationId::from_uuid(Uuid::nil()),
            user_id: UserId::from_uuid(Uuid::nil()),
            now: DateTime::UNIX_EPOCH,
        };
        Indexed::of(&new.into_row(origin).expect("valid")).expect("clients are searched")
    }

    #[test]
    fn a_term_has_the_weight_of_the_heaviest_field_that_has_it() {
        let new = NewClient {
            name: "Acme".into(),
            company: Some("Acme Holding".into()),
            notes: Some("Holding, since 1999".into()),
            ..NewClient::default()
        };
        let indexed = client(new);
        let told: Vec<_> = indexed.terms.iter().map(|(term, p)| (term.as_str(), p.weight, p.for_guests)).collect();
        let expected = [("1999", 1, false), ("acme", 8, true), ("holding", 4, false), ("since", 1, false)];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_long_text_does_not_push_out_the_name() {
        let notes = (0..4_000).map(|n| format!("{n:x}")).collect::<Vec<_>>().join(" ");
        let indexed = client(NewClient { name: "Zebra".into(), notes: Some(notes), ..NewClient::default() });
        assert_eq!(indexed.terms.len(), MAX_TERMS);
        assert!(indexed.terms.contains_key("zebra"));
    }

    #[test]
    fn every_kind_is_a_noun_with_a_field_that_is_searched() {
        for kind in SearchKind::ALL {
            let noun = kind.noun().expect("a noun");
            assert!(noun.fields().iter().any(|field| field.searched.is_some()), "{kind}");
        }
        for noun in crate::noun::ALL {
            let has_fields = noun.fields().iter().any(|field| field.searched.is_some());
            assert_eq!(has_fields, SearchKind::of(noun.info).is_some(), "{}", noun.info.name);
        }
    }

    /// What a guest does not see must not tell by its weight that it is there.
    #[test]
    fn what_guests_see_weighs_more_than_what_they_do_not() {
        for noun in crate::noun::ALL {
            let weights = |guests: bool| {
                let fields = noun.fields().into_iter().filter(move |field| field.is_seen_by_guests() == guests);
                fields.filter_map(|field| field.searched)
            };
            let (lightest, heaviest) = (weights(true).min(), weights(false).max());
            assert!(lightest > heaviest || heaviest.is_none(), "{}", noun.info.name);
        }
    }
}
