//! Members: their mutations.

mod mutation;

use tenantry_domain::member::Member as Record;

use crate::noun::{Choice, NoMore, Row, Shown};

pub(crate) use mutation::MemberMutation;

/// A member as an object of the graph.
pub(crate) type Member = Row<Record>;

/// A member's role.
pub(crate) type Role = Choice<tenantry_domain::Role>;

impl Shown for Record {
    type More = NoMore;
}
