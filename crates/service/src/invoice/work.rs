//! Checks what a draft bills: that it is the client's work, and that no task is billed twice. Both stay true under
//! concurrent writes, because the projects and the tasks are locked until the draft is written.

use std::collections::HashSet;

use tenantry_domain::task::Task;
use tenantry_domain::{ClientId, FieldError, FieldErrorCode, ProjectId, TaskId, Violations};
use tenantry_store::{ColumnSet, WriteScope, invoice, project, task};

use crate::error::ServiceError;

/// The tasks that a caller gave, without duplicates, each with its index in the list for error messages.
#[derive(Debug)]
pub(crate) struct Numbered(Vec<(usize, TaskId)>);

impl Numbered {
    pub(crate) fn new(given: &[TaskId]) -> Self {
        let mut seen = HashSet::with_capacity(given.len());
        Self(given.iter().copied().enumerate().filter(|(_, id)| seen.insert(*id)).collect())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn ids(&self) -> Vec<TaskId> {
        self.0.iter().map(|(_, id)| *id).collect()
    }

    /// One fault for each task for which `finds` returns one.
    fn check(&self, finds: impl Fn(TaskId) -> Option<FieldError>) -> Result<(), Violations> {
        let faults = self.0.iter().filter_map(|(n, id)| {
            finds(*id).map(|mut fault| {
                fault.field = vec!["taskIds".to_owned(), n.to_string()];
                fault
            })
        });
        Violations(faults.collect()).into_result()
    }
}

/// What a draft will bill, and to whom.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// The billed client; `None` if the client of the draft was deleted.
    pub(crate) client_id: Option<ClientId>,
    /// The project, if it has to be checked, and the field to report.
    pub(crate) project: Option<(ProjectId, &'static str)>,
    /// The tasks that the caller gave.
    pub(crate) tasks: &'a Numbered,
    /// The tasks that are already on the draft. Unless the client changes, they are not checked again.
    pub(crate) covered: &'a HashSet<TaskId>,
    /// The tasks that stay on the draft without having been given, and their projects.
    pub(crate) kept: &'a [(TaskId, ProjectId)],
    /// Whether the client changes.
    pub(crate) is_new_client: bool,
}

impl Work<'_> {
    /// Refuses another client's work and tasks that are already billed. Until the transaction ends none of it can
    /// change.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], naming the fields; those of the database.
    pub(crate) async fn check(&self, scope: &mut WriteScope) -> Result<(), ServiceError> {
        let ids = self.tasks.ids();
        let tasks = tenantry_store::get_many::<Task>(scope, &ids, ColumnSet::ALL).await?;
        let missing = || FieldError::not_found("taskIds", "task");
        self.tasks.check(|id| (!tasks.contains_key(&id)).then(missing))?;

        // The projects before the tasks, in the order in which moving tasks locks them.
        let named = self.project.iter().map(|(id, _)| *id);
        let mut projects: Vec<ProjectId> = named.chain(self.kept.iter().map(|(_, id)| *id)).collect();
        projects.extend(tasks.values().map(|task| task.project_id));
        projects.sort_unstable();
        projects.dedup();
        if projects.is_empty() {
            return Ok(());
        }
        let clients = project::lock_clients(scope, &projects).await?;
        // Work without a client does not belong to another client.
        let is_anothers = |id: ProjectId| {
            let owner = clients.get(&id).copied().flatten();
            matches!((owner, self.client_id), (Some(owner), Some(client)) if owner != client)
        };
        let mut faults = Violations::default();
        if let Some((id, field)) = self.project {
            if !clients.contains_key(&id) {
                return Err(FieldError::not_found("projectId", "project").into());
            }
            if is_anothers(id) {
                faults.push(FieldError::new(FieldErrorCode::Invalid, field, "The project belongs to another client."));
            }
        }
        if self.kept.iter().any(|(_, id)| is_anothers(*id)) {
            let message = "The draft bills tasks of another client.";
            faults.push(FieldError::new(FieldErrorCode::Invalid, "clientId", message));
        }
        let anothers = self.tasks.check(|id| {
            let is_looked_at = self.is_new_client || !self.covered.contains(&id);
            let project = tasks.get(&id)?.project_id;
            let message = "The task belongs to another client.";
            (is_looked_at && is_anothers(project)).then(|| FieldError::new(FieldErrorCode::Invalid, "taskIds", message))
        });
        if let Err(more) = anothers {
            faults.0.extend(more.0);
        }
        faults.into_result()?;

        // What was looked at is locked, so that it does not move meanwhile.
        let added: Vec<TaskId> = ids.iter().copied().filter(|id| !self.covered.contains(id)).collect();
        let given = if self.is_new_client { ids } else { added.clone() };
        let looked_at: Vec<TaskId> = given.into_iter().chain(self.kept.iter().map(|(id, _)| *id)).collect();
        if looked_at.is_empty() {
            return Ok(());
        }
        let locked = task::lock_for_billing(scope, &looked_at).await?;
        let was_in = |id: &TaskId| {
            let kept = self.kept.iter().find(|(kept, _)| kept == id).map(|(_, project)| *project);
            kept.or_else(|| tasks.get(id).map(|task| task.project_id))
        };
        if locked.iter().any(|(id, project)| was_in(id).is_some_and(|before| before != *project)) {
            let message = "One of these tasks has just been moved to another project; try again.";
            return Err(FieldError::new(FieldErrorCode::Conflict, "taskIds", message).into());
        }
        if added.is_empty() {
            return Ok(());
        }
        let billed = invoice::billed_tasks(scope, &added).await?;
        self.tasks.check(|id| {
            if self.covered.contains(&id) {
                None
            } else if !locked.contains_key(&id) {
                Some(missing())
            } else {
                let message = "The task is already on another invoice that is not void.";
                billed.contains(&id).then(|| FieldError::new(FieldErrorCode::Taken, "taskIds", message))
            }
        })?;
        Ok(())
    }
}
