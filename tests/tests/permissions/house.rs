//! An organization with a public and a private workspace on which the caller may have grants, and one of each without
//! grants, with everything that they can contain.

use std::fmt::Write as _;

use tenantry_domain::permission::{Grant, Place, Role};
use tenantry_domain::{
    ClientId, Clock, Id, InvoiceId, Position, ProjectId, ProjectMemberId, TaskId, WorkspaceId, WorkspaceMemberId,
};
use tenantry_tests::{Org, Person, Session, TestApp};

/// The caller's role, and possibly a grant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Standing {
    pub(crate) role: Role,
    pub(crate) grant: Option<(On, Grant)>,
}

/// What a grant is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum On {
    Workspace,
    Project,
}

impl Standing {
    /// These roles, each without a grant and with each grant on a workspace and on a project.
    pub(crate) fn all(roles: &[Role]) -> Vec<Self> {
        let mut grants = vec![None];
        for on in [On::Workspace, On::Project] {
            grants.extend(Grant::ALL.iter().map(|grant| Some((on, *grant))));
        }
        roles.iter().flat_map(|role| grants.iter().map(|grant| Self { role: *role, grant: *grant })).collect()
    }
}

/// A workspace.
pub(crate) struct Room {
    pub(crate) id: WorkspaceId,
    pub(crate) is_private: bool,
    /// The caller's grant on it.
    pub(crate) grant: Option<(WorkspaceMemberId, Grant)>,
    /// A colleague's grant on it.
    pub(crate) colleagues: WorkspaceMemberId,
}

impl Room {
    pub(crate) fn place(&self) -> Place {
        Place { is_private: self.is_private, grant: self.grant.map(|(_, grant)| grant) }
    }
}

/// A project, and everything in it.
pub(crate) struct Spot {
    /// The index of its workspace.
    pub(crate) room: usize,
    pub(crate) project: ProjectId,
    /// The index of its client.
    pub(crate) client: usize,
    /// A task that is assigned to the worker and to the colleague, and a subtask of it.
    pub(crate) tasks: [TaskId; 2],
    /// It bills the task, and the task of the last project.
    pub(crate) invoice: InvoiceId,
    /// The member who owns the project and works on its task, and on nothing else.
    pub(crate) hand: Person,
    pub(crate) grant: Option<(ProjectMemberId, Grant)>,
    pub(crate) colleagues: ProjectMemberId,
}

pub(crate) struct House {
    pub(crate) standing: Standing,
    pub(crate) org: Org,
    pub(crate) me: Person,
    pub(crate) caller: Session,
    /// Assigned to every task, with a grant on everything.
    pub(crate) colleague: Person,
    /// A member without any assignments or grants.
    pub(crate) newcomer: Person,
    /// Public and private with the caller's grants, public and private without, and the default workspace, which is
    /// empty.
    pub(crate) rooms: Vec<Room>,
    pub(crate) spots: Vec<Spot>,
    /// The last client has no project.
    pub(crate) clients: Vec<ClientId>,
    /// An invoice for the first client without a project.
    pub(crate) loose_invoice: InvoiceId,
}

/// The workspace and the client of each project. The first client has a project in a public and one in a private
/// workspace, so that some of its rows are hidden and some are not.
const SPOTS: [(usize, usize); 6] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 3)];

/// The projects with a grant, if grants are on projects. Of two clients, one of two projects is granted, so a guest
/// sees the client but not all of its rows.
const GRANTED_SPOTS: [usize; 2] = [0, 3];

fn id<I: Id>() -> I {
    Clock::system().new_id()
}

impl House {
    pub(crate) async fn build(app: &TestApp, standing: Standing) -> Self {
        let number = app.number("SELECT count(*) FROM app.organizations").await;
        let org = app.organization(&format!("house-{number}")).plan("enterprise").create().await;
        let me = match standing.role {
            Role::Owner => org.owner.clone(),
            role => app.person(&org, "me", role).await,
        };
        let colleague = app.person(&org, "colleague", Role::Member).await;
        let newcomer = app.person(&org, "newcomer", Role::Member).await;
        let on = |kind: On| standing.grant.filter(|(on, _)| *on == kind).map(|(_, grant)| grant);
        let room = |n: usize, is_private| Room {
            id: if n == 4 { org.workspace } else { id() },
            is_private,
            grant: on(On::Workspace).filter(|_| n < 2).map(|grant| (id(), grant)),
            colleagues: id(),
        };
        let rooms = vec![room(0, false), room(1, true), room(2, false), room(3, true), room(4, false)];
        let mut spots = Vec::new();
        for (n, (room, client)) in SPOTS.into_iter().enumerate() {
            let grant = on(On::Project).filter(|_| GRANTED_SPOTS.contains(&n)).map(|grant| (id(), grant));
            let hand = app.person(&org, &format!("hand-{n}"), Role::Member).await;
            let (project, invoice, colleagues) = (id(), id(), id());
            spots.push(Spot { room, project, client, tasks: [id(), id()], invoice, hand, grant, colleagues });
        }
        let house = Self {
            standing,
            caller: app.sign_in(&org, &me),
            me,
            colleague,
            newcomer,
            rooms,
            spots,
            clients: (0..5).map(|_| id()).collect(),
            loose_invoice: id(),
            org,
        };
        house.furnish(app).await;
        house
    }

    /// The place of a project.
    pub(crate) fn place(&self, spot: &Spot) -> Place {
        let room = self.rooms[spot.room].place();
        Place { grant: room.grant.max(spot.grant.map(|(_, grant)| grant)), ..room }
    }

    /// A client is in no workspace; the grants on its projects decide.
    pub(crate) fn client_place(&self, client: usize) -> Place {
        let spots = self.spots.iter().filter(|spot| spot.client == client);
        Place { is_private: false, grant: spots.filter_map(|spot| self.place(spot).grant).max() }
    }

    async fn furnish(&self, app: &TestApp) {
        let mut sql = String::new();
        let org = self.org.uuid();
        let owner = self.org.owner.user_id.as_uuid();
        let mut add = |table: &str, columns: &str, values: &str| {
            writeln!(sql, "INSERT INTO app.{table} (organization_id, {columns}) VALUES ('{org}', {values});").unwrap();
        };
        let me = self.me.user_id.as_uuid();
        let colleague = self.colleague.user_id.as_uuid();
        for (n, room) in self.rooms.iter().enumerate() {
            let id = room.id.as_uuid();
            if id != self.org.workspace.as_uuid() {
                add("workspaces", "id, name, is_private", &format!("'{id}', 'Room {n}', {}", room.is_private));
            }
            let columns = "id, workspace_id, user_id, permission";
            let grant = room.colleagues.as_uuid();
            add("workspace_members", columns, &format!("'{grant}', '{id}', '{colleague}', 'view'"));
            if let Some((grant, permission)) = room.grant {
                let grant = grant.as_uuid();
                add("workspace_members", columns, &format!("'{grant}', '{id}', '{me}', '{permission}'"));
            }
        }
        for (n, client) in self.clients.iter().enumerate() {
            let values = format!("'{}', 'Client {n}', 'c{n}@example.test', 'secret'", client.as_uuid());
            add("clients", "id, name, email, notes", &values);
        }
        let first = Position::between(None, None).unwrap();
        let second = Position::between(Some(&first), None).unwrap();
        for (n, spot) in self.spots.iter().enumerate() {
            let (project, client) = (spot.project.as_uuid(), self.clients[spot.client].as_uuid());
            let (room, hand) = (self.rooms[spot.room].id.as_uuid(), spot.hand.user_id.as_uuid());
            let values = format!("'{project}', '{room}', '{client}', 'Project {n}', '{hand}'");
            add("projects", "id, workspace_id, client_id, name, owner_id", &values);
            let [task, subtask] = spot.tasks.map(|task| task.as_uuid());
            let columns = "id, project_id, parent_task_id, title, position, created_by";
            add("tasks", columns, &format!("'{task}', '{project}', NULL, 'Task {n}', '{first}', '{owner}'"));
            add("tasks", columns, &format!("'{subtask}', '{project}', '{task}', 'Subtask {n}', '{second}', '{owner}'"));
            for user in [hand, colleague] {
                let assignment: tenantry_domain::TaskAssigneeId = id();
                let values = format!("'{}', '{task}', '{user}'", assignment.as_uuid());
                add("task_assignees", "id, task_id, user_id", &values);
            }
            let columns = "id, project_id, user_id, permission";
            let grant = spot.colleagues.as_uuid();
            add("project_members", columns, &format!("'{grant}', '{project}', '{colleague}', 'view'"));
            if let Some((grant, permission)) = spot.grant {
                let grant = grant.as_uuid();
                add("project_members", columns, &format!("'{grant}', '{project}', '{me}', '{permission}'"));
            }
        }
        let last = self.spots.last().unwrap().tasks[0].as_uuid();
        let columns = "id, client_id, project_id, currency, issue_date, created_by";
        for spot in &self.spots {
            let (client, project) = (self.clients[spot.client].as_uuid(), spot.project.as_uuid());
            let invoice = spot.invoice.as_uuid();
            add("invoices", columns, &format!("'{invoice}', '{client}', '{project}', 'USD', '2026-01-31', '{owner}'"));
            let mut covered = vec![spot.tasks[0].as_uuid(), last];
            covered.dedup();
            for task in covered {
                add("invoice_tasks", "invoice_id, task_id", &format!("'{invoice}', '{task}'"));
            }
        }
        let (invoice, client) = (self.loose_invoice.as_uuid(), self.clients[0].as_uuid());
        add("invoices", columns, &format!("'{invoice}', '{client}', NULL, 'USD', '2026-01-31', '{owner}'"));
        app.sql(&sql).await;
    }
}
