//! Reads the tables of `docs/permissions.md`. The tests over HTTP read them with the same code.
#![allow(dead_code, reason = "each test that includes this file reads one of the tables")]

use tenantry_domain::permission::{Decision, Grant, Operation, Place, Role, Subject};

const DOCUMENT: &str = include_str!("../../../../docs/permissions.md");

/// A row of the matrix: an operation, and what each role may do of it.
pub(crate) struct Row {
    pub(crate) operation: Operation,
    pub(crate) subject: Subject,
    /// In the order of `Role::ALL`.
    cells: Vec<String>,
}

impl Row {
    /// What the row says of a role.
    pub(crate) fn cell(&self, role: Role) -> &str {
        let column = Role::ALL.iter().position(|other| *other == role).expect("every role has a column");
        &self.cells[column]
    }

    /// What the row says about something that lies at `place`.
    pub(crate) fn decision(&self, role: Role, place: Place) -> Decision {
        let (public, private) = match self.cell(role) {
            "yes" => return Decision::Allowed,
            "hidden" => return Decision::Hidden,
            "no" => return self.refusal(role, place),
            "by view" => (Some(Grant::View), Some(Grant::View)),
            "by edit" => (Some(Grant::Edit), Some(Grant::Edit)),
            "by admin" => (Some(Grant::Admin), Some(Grant::Admin)),
            "public; private by view" => (None, Some(Grant::View)),
            "public; private by edit" => (None, Some(Grant::Edit)),
            other => panic!("the matrix has a cell that means nothing: {other:?}"),
        };
        let needed = if place.is_private { private } else { public };
        if place.grant >= needed { Decision::Allowed } else { self.refusal(role, place) }
    }

    /// Something is refused openly where it is known to exist.
    fn refusal(&self, role: Role, place: Place) -> Decision {
        let open = match self.subject {
            Subject::Organization => true,
            Subject::Client => role != Role::Guest,
            Subject::Placed => role.sees_everything() || (role != Role::Guest && !place.is_private),
        };
        if open || place.grant.is_some() { Decision::Forbidden } else { Decision::Hidden }
    }
}

/// The matrix.
pub(crate) fn rows() -> Vec<Row> {
    let read = |cells: Vec<String>| {
        assert_eq!(cells.len(), 2 + Role::ALL.len(), "{cells:?}");
        let subject = match cells[1].as_str() {
            "organization" => Subject::Organization,
            "client" => Subject::Client,
            "placed" => Subject::Placed,
            other => panic!("{other} is nothing to do something to"),
        };
        let operation = cells[0].parse().unwrap_or_else(|_| panic!("{} is no operation", cells[0]));
        Row { operation, subject, cells: cells[2..].to_vec() }
    };
    table("matrix").into_iter().map(read).collect()
}

/// Each mutation with the operation that it asks for; none for one that anyone may call.
pub(crate) fn mutations() -> Vec<(String, Option<Operation>)> {
    let read = |cells: Vec<String>| {
        let operation = match cells[1].as_str() {
            "anyone" => None,
            name => {
                Some(name.parse().unwrap_or_else(|_| panic!("{} asks for {name}, which is no operation", cells[0])))
            }
        };
        (cells[0].clone(), operation)
    };
    table("mutations").into_iter().map(read).collect()
}

/// Each mutation with what of the plan it may use up; none for one that makes nothing that a plan limits.
pub(crate) fn limits() -> Vec<(String, Option<String>)> {
    let read = |cells: Vec<String>| (cells[0].clone(), (cells[2] != "–").then(|| cells[2].clone()));
    table("mutations").into_iter().map(read).collect()
}

/// The cells of the table behind a marker, without its head.
fn table(marker: &str) -> Vec<Vec<String>> {
    let start = DOCUMENT.find(&format!("<!-- {marker} -->")).unwrap_or_else(|| panic!("no table {marker}"));
    let end = DOCUMENT[start..].find("<!-- end -->").expect("the table ends") + start;
    let lines = DOCUMENT[start..end].lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    lines.map(cells).collect()
}
