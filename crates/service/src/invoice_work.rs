//! What a draft bills: that it is the client's work, and that no task is billed twice. Both hold while others write,
//! because the projects and the tasks are locked until the draft is there.

use std::collections::HashSet;

use tenantry_domain::task::Task;
use tenantry_domain::{ClientId, FieldError, FieldErrorCode, ProjectId, TaskId, Violations};
use tenantry_store::{WriteScope, invoice, project, task};

use crate::error::ServiceError;

/// The tasks that a caller gave, each once, with its place in the list, which an error names.
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

    /// A fault for each task that `finds` one of.
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

/// What a draft is to bill, and to whom.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    /// Who is billed; none when the client of the draft is gone.
    pub(crate) client_id: Option<ClientId>,
    /// The project, if it has to be looked at, and the field to blame.
    pub(crate) project: Option<(ProjectId, &'static str)>,
    /// The tasks that the caller gave.
    pub(crate) tasks: &'a Numbered,
    /// The tasks that are on the draft already. Unless the client changes, nothing new is done to them.
    pub(crate) covered: &'a HashSet<TaskId>,
    /// The projects of the tasks that stay on the draft without having been given.
    pub(crate) kept: &'a [ProjectId],
    /// Whether the client is another one than before.
    pub(crate) is_new_client: bool,
}

impl Work<'_> {
    /// Refuses another client's work and tasks that are billed already. Until the transaction ends nothing of it changes.
    ///
    /// # Errors
    /// [`ServiceError::Refused`], naming the fields; those of the database.
    pub(crate) async fn check(&self, scope: &mut WriteScope) -> Result<(), ServiceError> {
        let ids = self.tasks.ids();
        let tasks = tenantry_store::get_many::<Task>(scope, &ids).await?;
        let missing = || FieldError::not_found("taskIds", "task");
        self.tasks.check(|id| (!tasks.contains_key(&id)).then(missing))?;

        // The projects before the tasks, in the order in which moving tasks locks them. A task never goes to another project.
        let named = self.project.iter().map(|(id, _)| *id);
        let mut projects: Vec<ProjectId> = named.chain(self.kept.iter().copied()).collect();
        projects.extend(tasks.values().map(|task| task.project_id));
        projects.sort_unstable();
        projects.dedup();
        if projects.is_empty() {
            return Ok(());
        }
        let clients = project::lock_clients(scope, &projects).await?;
        // Work for no client is nobody else's.
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
                faults.push(FieldError::new(FieldErrorCode::Invalid, field, "The project is another client's."));
            }
        }
        if self.kept.iter().any(|id| is_anothers(*id)) {
            let message = "The draft covers tasks that are another client's.";
            faults.push(FieldError::new(FieldErrorCode::Invalid, "clientId", message));
        }
        let anothers = self.tasks.check(|id| {
            let is_looked_at = self.is_new_client || !self.covered.contains(&id);
            let project = tasks.get(&id)?.project_id;
            let message = "The task is another client's.";
            (is_looked_at && is_anothers(project)).then(|| FieldError::new(FieldErrorCode::Invalid, "taskIds", message))
        });
        if let Err(more) = anothers {
            faults.0.extend(more.0);
        }
        faults.into_result()?;

        let added: Vec<TaskId> = ids.into_iter().filter(|id| !self.covered.contains(id)).collect();
        if added.is_empty() {
            return Ok(());
        }
        let locked = task::lock_for_billing(scope, &added).await?;
        let billed = invoice::billed_tasks(scope, &added).await?;
        self.tasks.check(|id| {
            if self.covered.contains(&id) {
                None
            } else if !locked.contains(&id) {
                Some(missing())
            } else {
                let message = "The task is on another invoice, which is not void.";
                billed.contains(&id).then(|| FieldError::new(FieldErrorCode::Taken, "taskIds", message))
            }
        })?;
        Ok(())
    }
}
