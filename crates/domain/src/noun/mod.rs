//! What a noun is: a table of the product, declared once on its struct by `#[derive(Noun)]`.
//!
//! The derive writes plain code and a table of fields ([`Noun::FIELDS`]). Ordinary generic code in the other crates does the
//! rest with that table: statements, inputs, filters, orders, object types, tests. `docs/nouns.md` says what can be declared.

mod field;
mod kind;
mod list;
mod registry;
mod write;

pub use field::{
    Access, Archived, Changed, Field, FieldInfo, Given, Link, NounInfo, OnDelete, Placement, Rule, changes,
};
pub use kind::{EnumInfo, EnumValue, FieldType, Kind, Source, Value, load, load_currency, load_money};
pub use list::{
    Asked, Condition, ConditionInfo, Has, ParentInfo, SortInfo, Test, Wanted, ask_any, ask_one, asked_any, asked_one,
};
pub use registry::{ALL, Declared};
pub use tenantry_noun::Noun;
pub use write::{Changes, Input, New, Origin, given, given_back};

use std::fmt::Debug;
use std::hash::Hash;

use chrono::{DateTime, Utc};

use crate::id::{Id, OrganizationId};

/// A table of the product, as its struct declares it. Implemented by `#[derive(Noun)]` alone.
pub trait Noun: Clone + Debug + PartialEq + Send + Sync + Sized + 'static {
    /// The table's id.
    type Id: Id;
    /// What a list of it can be narrowed by. The default narrows nothing.
    type Filter: Clone + Default + Debug + Eq + Hash + Send + Sync + 'static;
    /// What a list of it can be sorted by.
    type Sort: Copy + Default + Debug + Eq + Hash + Send + Sync + 'static;
    /// Through which other rows it is reached.
    type Parent: Copy + Debug + Eq + Hash + Send + Sync + 'static;

    /// What the noun says about itself.
    const INFO: NounInfo;
    /// Its fields, in the order of the struct. The id is the first.
    const FIELDS: &'static [Field<Self>];
    /// The columns that [`decode`](Self::decode) reads, in its order, each with its table's one letter.
    const COLUMNS: &'static [&'static str];
    /// The conditions of [`Filter`](Self::Filter).
    const CONDITIONS: &'static [Condition<Self::Filter>];
    /// Every order, each with what it means.
    const SORTS: &'static [(Self::Sort, SortInfo)];
    /// Every way from another row to its rows.
    const PARENTS: &'static [(Self::Parent, ParentInfo)];

    /// The row's id.
    fn id(&self) -> Self::Id;
    /// The organization that owns the row.
    fn organization_id(&self) -> OrganizationId;
    /// When the row was made.
    fn created_at(&self) -> DateTime<Utc>;
    /// When the row last changed.
    fn updated_at(&self) -> DateTime<Utc>;
    /// Notes when the row last changed.
    fn set_updated_at(&mut self, at: DateTime<Utc>);

    /// Reads a row whose columns come in the order of [`COLUMNS`](Self::COLUMNS).
    ///
    /// # Errors
    /// The source's, and [`Source::corrupt`] for a value that its field cannot hold.
    fn decode<'r, S: Source<'r>>(source: &mut S) -> Result<Self, S::Error>;

    /// What a filter asks of the rows that link to this noun's.
    fn has(filter: &Self::Filter) -> &[Has];
    /// The same, to be added to.
    fn has_mut(filter: &mut Self::Filter) -> &mut Vec<Has>;
    /// What this order means.
    fn sort_info(sort: Self::Sort) -> &'static SortInfo;
    /// How rows are reached from this parent.
    fn parent_info(parent: Self::Parent) -> &'static ParentInfo;
}
