//! An organization with a public and a private workspace on which the caller may have grants, and one of each without
//! grants, with everything that they can contain.

use std::fmt::Write as _;

use tenantry_domain::permission::{Grant, Place, Role};
use tenantry_domain::{
    ClientId, Clock, Id, InvoiceId, LabelId, PersonalTaskId, Position, ProjectId, ProjectMemberId, TaskId, UploadId,
    WorkspaceId, WorkspaceMemberId,
};
use tenantry_tests::{Org, Person, Session, TestApp};

use crate::placed::Placed;

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
pub(crate) struct Workspace {
    pub(crate) id: WorkspaceId,
    pub(crate) is_private: bool,
    /// The caller's grant on it.
    pub(crate) grant: Option<(WorkspaceMemberId, Grant)>,
    /// A colleague's grant on it.
    pub(crate) colleagues: WorkspaceMemberId,
}

impl Workspace {
    pub(crate) fn place(&self) -> Place {
        Place { is_private: self.is_private, grant: self.grant.map(|(_, grant)| grant) }
    }
}

/// A project, and everything in it.
pub(crate) struct ProjectCase {
    /// The index of its workspace.
    pub(crate) workspace: usize,
    pub(crate) project: ProjectId,
    /// The index of its client.
    pub(crate) client: usize,
    /// A task that is assigned to the worker and to the colleague, and a subtask of it.
    pub(crate) tasks: [TaskId; 2],
    /// It bills the task, and the task of the last project.
    pub(crate) invoice: InvoiceId,
    /// On the task.
    pub(crate) label: LabelId,
    /// The caller's, for the task; it has been sent.
    pub(crate) upload: UploadId,
    /// The member who owns the project and works on its task, and on nothing else.
    pub(crate) worker: Person,
    pub(crate) grant: Option<(ProjectMemberId, Grant)>,
    pub(crate) colleagues: ProjectMemberId,
}

pub(crate) struct Fixture {
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
    pub(crate) workspaces: Vec<Workspace>,
    pub(crate) cases: Vec<ProjectCase>,
    /// The last client has no project.
    pub(crate) clients: Vec<ClientId>,
    /// An invoice for the first client without a project.
    pub(crate) loose_invoice: InvoiceId,
    /// A personal task of the caller's, and one of the colleague's.
    pub(crate) my_task: PersonalTaskId,
    pub(crate) colleagues_task: PersonalTaskId,
    /// The rows of the other nouns that are placed in projects.
    pub(crate) placed: Vec<Placed>,
}

/// The workspace and the client of each project. The first client has a project in a public and one in a private
/// workspace, so that some of its rows are hidden and some are not.
const CASES: [(usize, usize); 6] = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (3, 3)];

/// The projects with a grant, if grants are on projects. Of two clients, one of two projects is granted, so a guest
/// sees the client but not all of its rows.
const GRANTED_CASES: [usize; 2] = [0, 3];

fn id<I: Id>() -> I {
    Clock::system().new_id()
}

impl Fixture {
    pub(crate) async fn build(app: &TestApp, standing: Standing) -> Self {
        let number = app.number("SELECT count(*) FROM app.organizations").await;
        let org = app.organization(&format!("fixture-{number}")).plan("enterprise").create().await;
        let me = match standing.role {
            Role::Owner => org.owner.clone(),
            role => app.person(&org, "me", role).await,
        };
        let colleague = app.person(&org, "colleague", Role::Member).await;
        let newcomer = app.person(&org, "newcomer", Role::Member).await;
        let on = |kind: On| standing.grant.filter(|(on, _)| *on == kind).map(|(_, grant)| grant);
        let workspace = |n: usize, is_private| Workspace {
            id: if n == 4 { org.workspace } else { id() },
            is_private,
            grant: on(On::Workspace).filter(|_| n < 2).map(|grant| (id(), grant)),
            colleagues: id(),
        };
        let workspaces =
            vec![workspace(0, false), workspace(1, true), workspace(2, false), workspace(3, true), workspace(4, false)];
        let mut cases = Vec::new();
        for (n, (workspace, client)) in CASES.into_iter().enumerate() {
            let grant = on(On::Project).filter(|_| GRANTED_CASES.contains(&n)).map(|grant| (id(), grant));
            let worker = app.person(&org, &format!("worker-{n}"), Role::Member).await;
            let (project, invoice, colleagues) = (id(), id(), id());
            cases.push(ProjectCase {
                workspace,
                project,
                client,
                tasks: [id(), id()],
                invoice,
                label: id(),
                upload: id(),
                worker,
                grant,
                colleagues,
            });
        }
        let fixture = Self {
            standing,
            caller: app.sign_in(&org, &me),
            me,
            colleague,
            newcomer,
            workspaces,
            cases,
            clients: (0..5).map(|_| id()).collect(),
            loose_invoice: id(),
            my_task: id(),
            colleagues_task: id(),
            placed: Placed::all(CASES.len()),
            org,
        };
        fixture.insert_rows(app).await;
        fixture
    }

    /// The place of a project.
    pub(crate) fn place(&self, case: &ProjectCase) -> Place {
        let workspace = self.workspaces[case.workspace].place();
        Place { grant: workspace.grant.max(case.grant.map(|(_, grant)| grant)), ..workspace }
    }

    /// A client is in no workspace; the grants on its projects decide.
    pub(crate) fn client_place(&self, client: usize) -> Place {
        let cases = self.cases.iter().filter(|case| case.client == client);
        Place { is_private: false, grant: cases.filter_map(|case| self.place(case).grant).max() }
    }

    async fn insert_rows(&self, app: &TestApp) {
        let mut sql = String::new();
        let org = self.org.uuid();
        let owner = self.org.owner.user_id.as_uuid();
        let mut add = |table: &str, columns: &str, values: &str| {
            writeln!(sql, "INSERT INTO app.{table} (organization_id, {columns}) VALUES ('{org}', {values});").unwrap();
        };
        let me = self.me.user_id.as_uuid();
        let colleague = self.colleague.user_id.as_uuid();
        for (n, workspace) in self.workspaces.iter().enumerate() {
            let id = workspace.id.as_uuid();
            if id != self.org.workspace.as_uuid() {
                add(
                    "workspaces",
                    "id, name, is_private",
                    &format!("'{id}', 'Workspace {n}', {}", workspace.is_private),
                );
            }
            let columns = "id, workspace_id, user_id, permission";
            let grant = workspace.colleagues.as_uuid();
            add("workspace_members", columns, &format!("'{grant}', '{id}', '{colleague}', 'view'"));
            if let Some((grant, permission)) = workspace.grant {
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
        for (n, case) in self.cases.iter().enumerate() {
            let (project, client) = (case.project.as_uuid(), self.clients[case.client].as_uuid());
            let (workspace, worker) = (self.workspaces[case.workspace].id.as_uuid(), case.worker.user_id.as_uuid());
            let values = format!("'{project}', '{workspace}', '{client}', 'Project {n}', '{worker}'");
            add("projects", "id, workspace_id, client_id, name, owner_id", &values);
            let [task, subtask] = case.tasks.map(|task| task.as_uuid());
            let columns = "id, project_id, parent_task_id, title, position, created_by";
            add("tasks", columns, &format!("'{task}', '{project}', NULL, 'Task {n}', '{first}', '{owner}'"));
            add("tasks", columns, &format!("'{subtask}', '{project}', '{task}', 'Subtask {n}', '{second}', '{owner}'"));
            for user in [worker, colleague] {
                let assignment: tenantry_domain::TaskAssigneeId = id();
                let values = format!("'{}', '{task}', '{user}'", assignment.as_uuid());
                add("task_assignees", "id, task_id, user_id", &values);
            }
            let label = case.label.as_uuid();
            add("labels", "id, name, color", &format!("'{label}', 'Label {n}', '#1f6feb'"));
            add("task_labels", "task_id, label_id", &format!("'{task}', '{label}'"));
            let (upload, me) = (case.upload.as_uuid(), self.me.user_id.as_uuid());
            let columns = "id, user_id, task_id, file_name, byte_size, mime_type, expires_at";
            add("uploads", columns, &format!("'{upload}', '{me}', '{task}', 'new.txt', 4, 'text/plain', '2126-01-01'"));
            let columns = "id, project_id, user_id, permission";
            let grant = case.colleagues.as_uuid();
            add("project_members", columns, &format!("'{grant}', '{project}', '{colleague}', 'view'"));
            if let Some((grant, permission)) = case.grant {
                let grant = grant.as_uuid();
                add("project_members", columns, &format!("'{grant}', '{project}', '{me}', '{permission}'"));
            }
        }
        for (task, user) in [(self.my_task, me), (self.colleagues_task, colleague)] {
            add("personal_tasks", "id, user_id, title", &format!("'{}', '{user}', 'Own'", task.as_uuid()));
        }
        let last = self.cases.last().unwrap().tasks[0].as_uuid();
        let columns = "id, client_id, project_id, currency, issue_date, created_by";
        for case in &self.cases {
            let (client, project) = (self.clients[case.client].as_uuid(), case.project.as_uuid());
            let invoice = case.invoice.as_uuid();
            add("invoices", columns, &format!("'{invoice}', '{client}', '{project}', 'USD', '2026-01-31', '{owner}'"));
            let mut covered = vec![case.tasks[0].as_uuid(), last];
            covered.dedup();
            for task in covered {
                add("invoice_tasks", "invoice_id, task_id", &format!("'{invoice}', '{task}'"));
            }
        }
        let (invoice, client) = (self.loose_invoice.as_uuid(), self.clients[0].as_uuid());
        add("invoices", columns, &format!("'{invoice}', '{client}', NULL, 'USD', '2026-01-31', '{owner}'"));
        for placed in &self.placed {
            sql.push_str(&placed.sql(self));
        }
        app.sql(&sql).await;
        for case in &self.cases {
            app.put_upload(&self.org, case.upload, b"text").await;
        }
    }
}
