//! What the caller should see of a fixture, according to the matrix.

use std::collections::BTreeSet;

use tenantry_domain::permission::{Decision, Operation, Place, Role};

use crate::house::House;
use crate::matrix;

/// The ids that the caller should see, of each kind.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    pub(crate) clients: BTreeSet<String>,
    pub(crate) projects: BTreeSet<String>,
    pub(crate) tasks: BTreeSet<String>,
    pub(crate) invoices: BTreeSet<String>,
    pub(crate) workspaces: BTreeSet<String>,
    pub(crate) members: BTreeSet<String>,
    /// Grants of both kinds.
    pub(crate) grants: BTreeSet<String>,
}

/// The matrix's decision.
pub(crate) fn decision(role: Role, operation: Operation, place: Place) -> Decision {
    let rows = matrix::rows();
    let row = rows.iter().find(|row| row.operation == operation);
    row.unwrap_or_else(|| panic!("no row for {operation}")).decision(role, place)
}

impl Sight {
    pub(crate) fn of(house: &House) -> Self {
        let role = house.standing.role;
        let allowed = |operation, place| decision(role, operation, place) == Decision::Allowed;
        let mut sight = Self::default();
        for room in &house.rooms {
            if allowed(Operation::ReadWorkspace, room.place()) {
                sight.workspaces.insert(room.id.to_string());
            }
            sight.grants.extend(room.grant.map(|(id, _)| id.to_string()));
            if allowed(Operation::ReadGrants, room.place()) {
                sight.grants.insert(room.colleagues.to_string());
            }
        }
        for (n, client) in house.clients.iter().enumerate() {
            if allowed(Operation::ReadClient, house.client_place(n)) {
                sight.clients.insert(client.to_string());
            }
        }
        sight.members.insert(house.me.member_id.to_string());
        for spot in &house.spots {
            let place = house.place(spot);
            if allowed(Operation::ReadProject, place) {
                sight.projects.insert(spot.project.to_string());
                // A guest sees the people who work on what it sees.
                sight.members.insert(spot.hand.member_id.to_string());
                sight.members.insert(house.colleague.member_id.to_string());
            }
            if allowed(Operation::ReadTask, place) {
                sight.tasks.extend(spot.tasks.iter().map(ToString::to_string));
            }
            if allowed(Operation::ReadInvoice, place) {
                sight.invoices.insert(spot.invoice.to_string());
            }
            sight.grants.extend(spot.grant.map(|(id, _)| id.to_string()));
            if allowed(Operation::ReadGrants, place) {
                sight.grants.insert(spot.colleagues.to_string());
            }
        }
        if allowed(Operation::ReadInvoice, Place::OPEN) {
            sight.invoices.insert(house.loose_invoice.to_string());
        }
        if role != Role::Guest {
            let everybody = [&house.org.owner, &house.me, &house.colleague, &house.newcomer];
            sight.members.extend(everybody.map(|person| person.member_id.to_string()));
            sight.members.extend(house.spots.iter().map(|spot| spot.hand.member_id.to_string()));
        }
        sight
    }

    /// Whether the caller should see this id, of whatever kind.
    pub(crate) fn shows(&self, id: &str) -> bool {
        [&self.clients, &self.projects, &self.tasks, &self.invoices, &self.workspaces, &self.members, &self.grants]
            .iter()
            .any(|ids| ids.contains(id))
    }
}
