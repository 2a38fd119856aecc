//! A member has the user's id, so that a person has one id in an organization. Nothing refers to a membership by its own id:
//! every key to this table is by user.
//!
//! A server of the version before can neither add members nor create organizations once this is applied; all else that it does
//! works on.

use crate::change::{Change, Part};

const TABLE: &str = "app.organization_members";

pub(crate) fn up() -> Change {
    let same = || Part::Unforced {
        tables: vec![TABLE.to_owned()],
        statement: format!("UPDATE {TABLE} SET id = user_id WHERE id <> user_id;"),
    };
    Change::Parts(vec![
        // Before the check, which would refuse every change of a row that does not meet it yet.
        same(),
        Part::Brief(vec![
            "-- A run that was cut off may have added it.".to_owned(),
            format!(
                "-- squawk-ignore ban-drop-constraint
ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS organization_members_id_check;"
            ),
            format!("ALTER TABLE {TABLE} ADD CONSTRAINT organization_members_id_check CHECK (id = user_id) NOT VALID;"),
        ]),
        // Those that came in between.
        same(),
        Part::Patient(vec![format!("ALTER TABLE {TABLE} VALIDATE CONSTRAINT organization_members_id_check;")]),
    ])
}

/// The ids that memberships had are gone; those that they have do as well.
pub(crate) fn down() -> Change {
    Change::Parts(vec![Part::Brief(vec![format!(
        "ALTER TABLE {TABLE} DROP CONSTRAINT IF EXISTS organization_members_id_check;"
    )])])
}
