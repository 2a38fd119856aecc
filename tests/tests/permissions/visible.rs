//! What the caller should see of a fixture, according to the matrix.

use std::collections::{BTreeMap, BTreeSet};

use tenantry_domain::permission::{Decision, Operation, Place, Role};

use crate::fixture::Fixture;
use crate::matrix;

/// The ids that the caller should see, of each kind.
#[derive(Debug, Default)]
pub(crate) struct Visible {
    pub(crate) clients: BTreeSet<String>,
    pub(crate) projects: BTreeSet<String>,
    pub(crate) tasks: BTreeSet<String>,
    pub(crate) invoices: BTreeSet<String>,
    pub(crate) workspaces: BTreeSet<String>,
    pub(crate) members: BTreeSet<String>,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) personal_tasks: BTreeSet<String>,
    /// Grants of both kinds.
    pub(crate) grants: BTreeSet<String>,
    /// The other nouns that are placed in projects, by the names of their lists.
    pub(crate) placed: BTreeMap<&'static str, BTreeSet<String>>,
}

/// The matrix's decision.
pub(crate) fn decision(role: Role, operation: Operation, place: Place) -> Decision {
    let rows = matrix::rows();
    let row = rows.iter().find(|row| row.operation == operation);
    row.unwrap_or_else(|| panic!("no row for {operation}")).decision(role, place)
}

impl Visible {
    pub(crate) fn of(fixture: &Fixture) -> Self {
        let role = fixture.standing.role;
        let allowed = |operation, place| decision(role, operation, place) == Decision::Allowed;
        let mut visible = Self::default();
        for workspace in &fixture.workspaces {
            if allowed(Operation::ReadWorkspace, workspace.place()) {
                visible.workspaces.insert(workspace.id.to_string());
            }
            visible.grants.extend(workspace.grant.map(|(id, _)| id.to_string()));
            if allowed(Operation::ReadGrants, workspace.place()) {
                visible.grants.insert(workspace.colleagues.to_string());
            }
        }
        for (n, client) in fixture.clients.iter().enumerate() {
            if allowed(Operation::ReadClient, fixture.client_place(n)) {
                visible.clients.insert(client.to_string());
            }
        }
        visible.members.insert(fixture.me.user_id.to_string());
        for case in &fixture.cases {
            let place = fixture.place(case);
            if allowed(Operation::ReadProject, place) {
                visible.projects.insert(case.project.to_string());
                // A guest sees the people who work on what it sees.
                visible.members.insert(case.worker.user_id.to_string());
                visible.members.insert(fixture.colleague.user_id.to_string());
            }
            if allowed(Operation::ReadTask, place) {
                visible.tasks.extend(case.tasks.iter().map(ToString::to_string));
                visible.labels.insert(case.label.to_string());
            }
            if allowed(Operation::ReadInvoice, place) {
                visible.invoices.insert(case.invoice.to_string());
            }
            visible.grants.extend(case.grant.map(|(id, _)| id.to_string()));
            if allowed(Operation::ReadGrants, place) {
                visible.grants.insert(case.colleagues.to_string());
            }
        }
        if allowed(Operation::ReadInvoice, Place::OPEN) {
            visible.invoices.insert(fixture.loose_invoice.to_string());
        }
        for placed in &fixture.placed {
            let info = placed.noun.info;
            let sees = |place| (info.guests || role != Role::Guest) && allowed(info.read, place);
            let rows = placed.in_projects.iter().zip(&fixture.cases).map(|(id, case)| (*id, fixture.place(case)));
            let rows = rows.chain(placed.in_none.map(|id| (id, Place::OPEN)));
            let found = rows.filter(|(_, place)| sees(*place)).map(|(id, _)| placed.spelled(id)).collect();
            visible.placed.insert(info.list, found);
        }
        visible.personal_tasks.insert(fixture.my_task.to_string());
        if role != Role::Guest {
            visible.labels.extend(fixture.cases.iter().map(|case| case.label.to_string()));
            let everybody = [&fixture.org.owner, &fixture.me, &fixture.colleague, &fixture.newcomer];
            visible.members.extend(everybody.map(|person| person.user_id.to_string()));
            visible.members.extend(fixture.cases.iter().map(|case| case.worker.user_id.to_string()));
        }
        visible
    }

    /// Whether the caller should see this id, of whatever kind.
    pub(crate) fn shows(&self, id: &str) -> bool {
        let fixed = [&self.clients, &self.projects, &self.tasks, &self.invoices, &self.workspaces, &self.members];
        fixed
            .into_iter()
            .chain([&self.grants, &self.labels, &self.personal_tasks])
            .chain(self.placed.values())
            .any(|ids| ids.contains(id))
    }
}
