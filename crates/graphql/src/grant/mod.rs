//! Grants on workspaces and projects: their mutations.

mod mutation;

use tenantry_domain::grant as domain;

use crate::noun::{Choice, NoMore, Row, Shown};

pub(crate) use mutation::GrantMutation;

/// A grant on a project as an object of the graph.
pub(crate) type ProjectGrant = Row<domain::ProjectGrant>;

/// A grant on a workspace as an object of the graph.
pub(crate) type WorkspaceGrant = Row<domain::WorkspaceGrant>;

/// What a grant allows.
type Permission = Choice<tenantry_domain::Grant>;

impl Shown for domain::ProjectGrant {
    type More = NoMore;
}

impl Shown for domain::WorkspaceGrant {
    type More = NoMore;
}
