//! Every noun, once. What stands here is in the API, in every walk over all nouns and in the tests that look at each of them.

use super::{ConditionInfo, FieldInfo, Noun, NounInfo, ParentInfo, SortInfo};

/// Hands every noun to a macro of yours: its module in this crate, and its type.
#[macro_export]
macro_rules! nouns {
    ($with:ident) => {
        $with! {
            activity::Activity,
            attachment::Attachment,
            client::Client,
            comment::Comment,
            content_item::ContentItem,
            grant::ProjectGrant,
            grant::WorkspaceGrant,
            invoice::Invoice,
            label::Label,
            member::Member,
            personal_task::PersonalTask,
            project::Project,
            task::Task,
            transaction::Transaction,
            workspace::Workspace,
        }
    };
}

/// A noun without its type: what walks over all nouns look at.
#[derive(Debug, Clone, Copy)]
pub struct Declared {
    /// What the noun says about itself.
    pub info: &'static NounInfo,
    fields: fn() -> Vec<&'static FieldInfo>,
    conditions: fn() -> Vec<&'static ConditionInfo>,
    sorts: fn() -> Vec<&'static SortInfo>,
    parents: fn() -> Vec<&'static ParentInfo>,
}

impl Declared {
    const fn of<N: Noun>() -> Self {
        Self {
            info: &N::INFO,
            fields: || N::FIELDS.iter().map(|field| &field.info).collect(),
            conditions: || N::CONDITIONS.iter().map(|condition| &condition.info).collect(),
            sorts: || N::SORTS.iter().map(|(_, sort)| sort).collect(),
            parents: || N::PARENTS.iter().map(|(_, parent)| parent).collect(),
        }
    }

    /// Its fields, in the order of the struct.
    pub fn fields(&self) -> Vec<&'static FieldInfo> {
        (self.fields)()
    }

    /// The conditions of its lists' filter.
    pub fn conditions(&self) -> Vec<&'static ConditionInfo> {
        (self.conditions)()
    }

    /// Its orders, the default one first.
    pub fn sorts(&self) -> Vec<&'static SortInfo> {
        (self.sorts)()
    }

    /// The ways from other rows to its rows.
    pub fn parents(&self) -> Vec<&'static ParentInfo> {
        (self.parents)()
    }
}

macro_rules! declared {
    ($($module:ident::$noun:ident,)+) => {
        /// Every noun, in alphabetical order.
        pub const ALL: &[Declared] = &[$(Declared::of::<$crate::$module::$noun>()),+];
    };
}

nouns!(declared);
