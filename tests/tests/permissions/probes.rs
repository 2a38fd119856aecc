//! For each mutation, a call that does what the mutation is for and no more, with a given target.

use serde_json::{Value, json};
use tenantry_domain::permission::Place;
use tenantry_domain::{ClientId, Clock, Id, InvoiceId, LabelId, ProjectId, TaskId, UploadId, UserId, WorkspaceId};

use uuid::Uuid;

use crate::fixture::Fixture;

/// The target of a mutation.
pub(crate) struct Target {
    pub(crate) workspace: WorkspaceId,
    pub(crate) project: ProjectId,
    pub(crate) client: ClientId,
    pub(crate) task: TaskId,
    pub(crate) invoice: InvoiceId,
    pub(crate) upload: UploadId,
    pub(crate) in_workspace: Place,
    pub(crate) in_project: Place,
    pub(crate) of_client: Place,
    /// The rows of the fixture's further nouns, in their order.
    pub(crate) placed: Vec<Uuid>,
}

impl Target {
    /// One project of the fixture.
    pub(crate) fn case(fixture: &Fixture, n: usize) -> Self {
        let case = &fixture.cases[n];
        Self {
            workspace: fixture.workspaces[case.workspace].id,
            project: case.project,
            client: fixture.clients[case.client],
            task: case.tasks[1],
            invoice: case.invoice,
            upload: case.upload,
            in_workspace: fixture.workspaces[case.workspace].place(),
            in_project: fixture.place(case),
            of_client: fixture.client_place(case.client),
            placed: fixture.placed.iter().map(|placed| placed.in_projects[n]).collect(),
        }
    }

    /// Ids that do not exist.
    pub(crate) fn unknown(fixture: &Fixture) -> Self {
        fn new<I: Id>() -> I {
            Clock::system().new_id()
        }
        Self {
            workspace: new(),
            project: new(),
            client: new(),
            task: new(),
            invoice: new(),
            upload: new(),
            in_workspace: Place::OPEN,
            in_project: Place::OPEN,
            of_client: Place::OPEN,
            placed: fixture.placed.iter().map(|_| new::<TaskId>().as_uuid()).collect(),
        }
    }
}

/// The kind of object a mutation applies to, so that it runs once for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aim {
    Organization,
    Client,
    Workspace,
    Project,
}

/// A call of a mutation.
pub(crate) struct Probe {
    pub(crate) aim: Aim,
    pub(crate) place: Place,
    pub(crate) input: Value,
    /// The selection on the payload.
    pub(crate) selection: String,
    /// The code of the refusal that may follow after the permission was granted.
    pub(crate) refusal: &'static str,
}

/// The call of this mutation with this target. A new mutation needs one.
pub(crate) fn probe(fixture: &Fixture, mutation: &str, target: &Target) -> Probe {
    let nobody: UserId = Clock::system().new_id();
    let (aim, input, selection) = match mutation {
        "createClient" => (Aim::Organization, json!({ "name": "New" }), "client { id }"),
        "updateClient" => (Aim::Client, json!({ "id": target.client, "phone": "1" }), "client { id }"),
        "deleteClient" => (Aim::Client, json!({ "id": target.client }), "deletedClientId"),
        "createProject" => {
            (Aim::Workspace, json!({ "workspaceId": target.workspace, "name": "New" }), "project { id }")
        }
        "updateProject" => (Aim::Project, json!({ "id": target.project, "notes": "x" }), "project { id }"),
        "deleteProject" => (Aim::Project, json!({ "id": target.project }), "deletedProjectId"),
        "createTask" => (Aim::Project, json!({ "projectId": target.project, "title": "New" }), "task { id }"),
        "updateTask" => (Aim::Project, json!({ "id": target.task, "description": "x" }), "task { id }"),
        "moveTask" => (Aim::Project, json!({ "id": target.task, "status": "IN_REVIEW" }), "task { id }"),
        "deleteTask" => (Aim::Project, json!({ "id": target.task }), "deletedTaskId"),
        // One of each, as for the mutation of one.
        "createClients" | "updateClients" | "deleteClients" | "createProjects" | "updateProjects"
        | "deleteProjects" | "createTasks" | "updateTasks" | "moveTasks" | "deleteTasks" => {
            let one = probe(fixture, mutation.trim_end_matches('s'), target);
            let noun = mutation.trim_start_matches(char::is_lowercase);
            let list = noun.to_lowercase();
            if mutation.starts_with("delete") {
                // What is deleted is deleted by the mutation of one; here one that is not there undoes the others. That the first was
                // found is what the refusal's field says.
                let nothing = match noun {
                    "Clients" => ClientId::PREFIX,
                    "Projects" => ProjectId::PREFIX,
                    _ => TaskId::PREFIX,
                };
                let nothing = json!({ "id": tenantry_tests::spelled(nothing, Uuid::nil()) });
                let selection = format!("deleted{}Ids", noun.trim_end_matches('s'));
                return Probe { input: json!({ list: [one.input, nothing] }), selection, refusal: "NOT_FOUND", ..one };
            }
            let selection = format!("{list} {{ id }}");
            return Probe { input: json!({ list: [one.input] }), selection, ..one };
        }
        "createUpload" => {
            let file = json!({ "taskId": target.task, "fileName": "a.txt", "byteSize": 1, "mimeType": "text/plain" });
            (Aim::Project, file, "upload { id url }")
        }
        "completeUpload" => (Aim::Project, json!({ "id": target.upload }), "attachment { id }"),
        "createLabel" => {
            let name = format!("New {}", Clock::system().new_id::<LabelId>());
            (Aim::Organization, json!({ "name": name, "color": "#1f6feb" }), "label { id }")
        }
        "updateLabel" => {
            (Aim::Organization, json!({ "id": fixture.cases[0].label, "color": "#000000" }), "label { id }")
        }
        "deleteLabel" => (Aim::Organization, json!({ "id": fixture.cases[0].label }), "deletedLabelId"),
        "createPersonalTask" => (Aim::Organization, json!({ "title": "Mine" }), "personalTask { id }"),
        "updatePersonalTask" => {
            (Aim::Organization, json!({ "id": fixture.my_task, "isToday": true }), "personalTask { id }")
        }
        "deletePersonalTask" => (Aim::Organization, json!({ "id": fixture.my_task }), "deletedPersonalTaskId"),
        "createInvoice" => {
            // The project's own client. Everyone who may write invoices at all sees every client.
            let case = fixture.cases.iter().find(|case| case.project == target.project);
            let client = fixture.clients[case.map_or(4, |case| case.client)];
            let line = json!({ "description": "An hour", "quantity": "1", "rate": "100" });
            let input =
                json!({ "clientId": client, "projectId": target.project, "currency": "USD", "lineItems": [line] });
            (Aim::Project, input, "invoice { id }")
        }
        "createInvoiceFromTasks" => {
            // One that was not there before is on no invoice; who gets this far is told that there is none.
            let input = json!({ "projectId": target.project, "rate": "1", "currency": "USD", "taskIds": [], "clientId": fixture.clients[4] });
            (Aim::Project, input, "invoice { id }")
        }
        "updateInvoice" => (Aim::Project, json!({ "id": target.invoice, "notes": "x" }), "invoice { id }"),
        "deleteInvoice" => (Aim::Project, json!({ "id": target.invoice }), "deletedInvoiceId"),
        // It has no lines, so it gets no further than the question who may do this.
        "issueInvoice" | "markInvoiceSent" | "voidInvoice" | "writeOffInvoice" => {
            (Aim::Project, json!({ "id": target.invoice }), "invoice { id }")
        }
        "createCreditNote" => (Aim::Project, json!({ "invoiceId": target.invoice }), "invoice { id }"),
        "setNextNumber" => (Aim::Organization, json!({ "kind": "INVOICE", "next": 7 }), "number"),
        "createWorkspace" => {
            let name = format!("New {}", Clock::system().new_id::<WorkspaceId>());
            (Aim::Organization, json!({ "name": name }), "workspace { id }")
        }
        "updateWorkspace" => {
            (Aim::Workspace, json!({ "id": target.workspace, "description": "x" }), "workspace { id }")
        }
        "deleteWorkspace" => (Aim::Workspace, json!({ "id": target.workspace }), "deletedWorkspaceId"),
        "grantWorkspaceAccess" => {
            let user = fixture.newcomer.user_id;
            let input = json!({ "workspaceId": target.workspace, "userId": user, "permission": "EDIT" });
            (Aim::Workspace, input, "grant { id permission member { userId } }")
        }
        "revokeWorkspaceAccess" => {
            let input = json!({ "workspaceId": target.workspace, "userId": fixture.newcomer.user_id });
            (Aim::Workspace, input, "revokedUserId")
        }
        "grantProjectAccess" => {
            let user = fixture.newcomer.user_id;
            let input = json!({ "projectId": target.project, "userId": user, "permission": "VIEW" });
            (Aim::Project, input, "grant { id permission member { userId } }")
        }
        "revokeProjectAccess" => {
            let input = json!({ "projectId": target.project, "userId": fixture.newcomer.user_id });
            (Aim::Project, input, "revokedUserId")
        }
        "updateOrganization" => {
            (Aim::Organization, json!({ "logoUrl": "https://example.test/a.png" }), "organization { id }")
        }
        "updateSettings" => (Aim::Organization, json!({ "paymentDays": 14 }), "settings { paymentDays }"),
        "deleteOrganization" | "cancelOrganizationDeletion" => (Aim::Organization, json!({}), "organization { id }"),
        // Nobody is added, promoted or removed: what matters is who passes the permission check and gets this far.
        "addMember" => (Aim::Organization, json!({ "email": "nobody@example.test" }), "member { id }"),
        "updateMemberRole" => (Aim::Organization, json!({ "id": nobody, "role": "VIEWER" }), "member { id }"),
        "removeMember" => (Aim::Organization, json!({ "id": nobody }), "removedMemberId"),
        "transferOwnership" => (Aim::Organization, json!({ "memberId": nobody }), "member { id }"),
        "createCheckoutSession" => (Aim::Organization, json!({ "plan": "enterprise" }), "url"),
        "createBillingPortalSession" => (Aim::Organization, json!({}), "url"),
        other => {
            let (project, task) = (target.project.to_string(), target.task.to_string());
            let mut placed = fixture.placed.iter().zip(&target.placed);
            let found = placed.find_map(|(placed, id)| placed.probe(other, *id, &project, &task));
            let (input, selection) = found.unwrap_or_else(|| panic!("the mutation {other} has no probe"));
            let (place, refusal) = (target.in_project, "");
            return Probe { aim: Aim::Project, place, input, selection, refusal };
        }
    };
    let refusal = match mutation {
        "addMember" | "updateMemberRole" | "removeMember" | "transferOwnership" => "NOT_FOUND",
        // No payment provider is configured here.
        "createCheckoutSession" | "createBillingPortalSession" => "NOT_CONFIGURED",
        "issueInvoice" | "markInvoiceSent" | "voidInvoice" | "writeOffInvoice" | "createCreditNote" => "WRONG_STATUS",
        "createInvoiceFromTasks" => "REQUIRED",
        // Projects that were created earlier keep their workspace.
        "deleteWorkspace" => "IN_USE",
        _ => "",
    };
    let place = match aim {
        Aim::Organization => Place::OPEN,
        Aim::Client => target.of_client,
        Aim::Workspace => target.in_workspace,
        Aim::Project => target.in_project,
    };
    Probe { aim, place, input, selection: selection.to_owned(), refusal }
}
