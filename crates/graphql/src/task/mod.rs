//! Tasks: who works on them, their labels, their board, and the mutations that move them.

mod board;
mod mutation;

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use futures_util::future::try_join_all;
use tenantry_domain::label::Label;
use tenantry_domain::noun::Wanted;
use tenantry_domain::task::{Task as Record, TaskFilter, TaskParent, TaskStatus};
use tenantry_executor::connection::Origin;
use tenantry_executor::loaders::{load, node};
use tenantry_executor::object::Object as Resolved;

use crate::loaders::{Assignees, Labels, load_members};
use crate::member::Member;
use crate::noun::{Mutations, Question, Row, Shown};

pub(crate) use board::BoardColumn;
pub(crate) use mutation::TaskMutation;

impl Shown for Record {
    type More = TaskMore;

    fn questions() -> Vec<Question<Self>> {
        vec![
            Question {
                name: "myTasks",
                doc: "The tasks that you are assigned to and that are not done, but for those of archived projects: urgent ones first, then \
                      by due date, unless ordered otherwise. With a `status` or `isArchived` in `filter`, \
                      the others can be found too.",
                order: "urgency",
                origin: |user| Origin::Parent(TaskParent::Assignee, user.as_uuid()),
                narrow: |filter| {
                    leave_out_done(filter);
                    leave_out_archived(filter);
                },
            },
            Question {
                name: "overdueTasks",
                doc: "The tasks that are past their due date and not done, as far as you see them, but for those of archived projects: \
                      the longest overdue first, unless ordered otherwise. With `isArchived` in `filter`, those of archived projects can be \
                      found too; `isOverdue` changes nothing.",
                order: "due_at",
                origin: |_| Origin::Root,
                narrow: |filter| {
                    filter.is_overdue = Wanted::Is(true);
                    leave_out_archived(filter);
                },
            },
        ]
    }

    fn mutations() -> Option<Mutations> {
        let create = "New tasks come after all others of their project.";
        Some(
            Mutations::of::<Self>(create)
                .and_many::<Self>()
                .with_update_note("`afterTaskId`, `status` and `parentTaskId` move it on its board."),
        )
    }
}

/// Leaves out what is done, unless the filter says which statuses are wanted.
fn leave_out_done(filter: &mut TaskFilter) {
    if filter.status.is_none() && filter.status_not.is_none() {
        filter.status_not = Some(vec![TaskStatus::Done]);
    }
}

/// Leaves out what is in archived projects, unless the filter asks for it.
fn leave_out_archived(filter: &mut TaskFilter) {
    if filter.is_archived == Wanted::Anything {
        filter.is_archived = Wanted::Is(false);
    }
}

/// Fields of a task beside those that are declared.
pub(crate) struct TaskMore(Arc<Record>);

impl From<Arc<Record>> for TaskMore {
    fn from(task: Arc<Record>) -> Self {
        Self(task)
    }
}

#[Object]
impl TaskMore {
    /// The assigned members; at most 50.
    async fn assignees(&self, context: &Context<'_>) -> Result<Vec<Resolved<Member>>> {
        let users = load::<Assignees>(context, self.0.id).await?.unwrap_or_default();
        load_members(context, &users).await
    }

    /// Its labels; at most 50.
    async fn labels(&self, context: &Context<'_>) -> Result<Vec<Resolved<Row<Label>>>> {
        let ids = load::<Labels>(context, self.0.id).await?.unwrap_or_default();
        let labels = try_join_all(ids.iter().map(|id| node::<Row<Label>>(context, *id))).await?;
        Ok(labels.into_iter().flatten().collect())
    }
}
