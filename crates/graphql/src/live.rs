//! The fields of `Subscription`.
//!
//! A resolver runs once when its subscription is opened, and once for each event. When it is opened, it notes the topic and the cursor. For an event,
//! it reads the entry in a snapshot of its own, with the subscriber's permissions. It returns nothing if the subscriber may not see the entry.

use std::sync::Arc;

use async_graphql::{Context, Object, Result, Subscription};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::Stream;
use futures_util::stream;
use parking_lot::Mutex;
use tenantry_domain::activity::{Action, Activity, EntityType};
use tenantry_domain::live::{Cursor, Topic};
use tenantry_domain::project::Project;
use tenantry_domain::task::Task;
use tenantry_domain::{ActivityId, ProjectId, TaskId};
use tenantry_executor::error::{ErrorCode, bad_argument, coded};
use tenantry_executor::loaders::{exists, load, record};
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::GlobalId;

use crate::loaders::{Entries, Here};
use crate::noun::{Choice, Row};

/// Why a resolver runs.
pub(crate) enum Run {
    /// The subscription is opened. The resolver puts its topic and cursor here.
    Opening(Mutex<Option<(Topic, Option<Cursor>)>>),
    /// There is an event.
    Event {
        /// The subscriber's position after it.
        cursor: Cursor,
        /// Its entry.
        activity: ActivityId,
    },
}

/// A change and the cursor after it.
struct Told {
    cursor: String,
    activity: Arc<Activity>,
}

impl Run {
    /// Notes the topic and the cursor, or returns the change of the event.
    async fn take(context: &Context<'_>, topic: Topic, after: Option<String>) -> Result<Option<Told>> {
        let run = context.data_unchecked::<Arc<Self>>();
        match &**run {
            Self::Opening(opened) => {
                if let Topic::Board(project) = &topic
                    && !exists::<Row<Project>>(context, *project).await?
                {
                    return Err(gone());
                }
                *opened.lock() = Some((topic, after.as_deref().map(parse).transpose()?));
                Ok(None)
            }
            Self::Event { cursor, activity } => {
                let told = load::<Entries>(context, (*activity, cursor.at)).await?;
                if let Topic::Board(project) = &topic
                    && (told.is_none() || told.as_ref().is_some_and(|told| told.entity_type == EntityType::Project))
                {
                    // The project itself has changed, or the entry is hidden, perhaps with the whole project.
                    return if exists::<Row<Project>>(context, *project).await? { Ok(None) } else { Err(gone()) };
                }
                Ok(told.map(|activity| Told { cursor: text(cursor), activity }))
            }
        }
    }
}

fn gone() -> async_graphql::Error {
    coded(ErrorCode::NotFound, "There is no such project.")
}

/// The cursor as clients get it. Its content is opaque to them.
fn text(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.to_string())
}

fn parse(text: &str) -> Result<Cursor> {
    let cursor = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    cursor.ok_or_else(|| bad_argument("after", "`after` is not a cursor of a subscription."))
}

/// A change.
pub(crate) struct Change(Told);

/// A change.
#[Object]
impl Change {
    /// The position after this change. For a day, you can resume from here: pass it as `after`.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// The entry that describes the change.
    async fn activity(&self) -> Resolved<Row<Activity>> {
        Resolved::from(Arc::clone(&self.0.activity))
    }
}

/// A change of a task of a project.
pub(crate) struct TaskChange {
    told: Told,
    task: TaskId,
    project: ProjectId,
}

/// A change of a task of a project.
#[Object]
impl TaskChange {
    /// The position after this change. For a day, you can resume from here: pass it as `after`.
    async fn cursor(&self) -> &str {
        &self.told.cursor
    }

    /// The entry that describes the change.
    async fn activity(&self) -> Resolved<Row<Activity>> {
        Resolved::from(Arc::clone(&self.told.activity))
    }

    /// The task's id, also if the task was deleted.
    async fn task_id(&self) -> GlobalId<TaskId> {
        GlobalId(self.task)
    }

    /// The task as it is now; null if it was deleted, is in another project now, or if you cannot see it. If a task is deleted, its subtasks are deleted with
    /// it, without changes of their own.
    async fn task(&self, context: &Context<'_>) -> Result<Option<Resolved<Row<Task>>>> {
        if matches!(self.told.activity.action, Action::Left | Action::Deleted) {
            return Ok(None);
        }
        // It may have been moved since the change.
        let task = record::<Task>(context, self.task).await?;
        Ok(task.filter(|task| task.project_id == self.project).map(Resolved::from))
    }
}

/// The subscriptions.
#[derive(Default)]
pub(crate) struct SubscriptionRoot;

/// The subscriptions. Use a WebSocket (`graphql-transport-ws`) at the same address, or `Accept: text/event-stream`. You get changes in the order of
/// their commits. Permissions are checked when a change is sent.
#[Subscription(name = "Subscription")]
impl SubscriptionRoot {
    /// All changes that you can see.
    async fn changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The kinds of things whose changes you want; all by default.")] kinds: Option<
            Vec<Choice<EntityType>>,
        >,
        #[graphql(
            desc = "Begin after this cursor: that of the last change you got, or `changesCursor`. Without it, the subscription begins now."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = Change>> {
        let mut kinds: Vec<EntityType> = match kinds {
            None => Vec::new(),
            Some(kinds) if kinds.is_empty() => return Err(bad_argument("kinds", "`kinds` names at least one kind.")),
            Some(kinds) => kinds.into_iter().map(|kind| kind.0).collect(),
        };
        kinds.sort_unstable();
        kinds.dedup();
        let told = Run::take(context, Topic::Kinds(kinds), after).await?;
        Ok(stream::iter(told.map(Change)))
    }

    /// The changes of a project's tasks. If the project is deleted or hidden from you, the subscription ends with the error `NOT_FOUND`, at the latest when
    /// something in it changes.
    async fn task_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: GlobalId<ProjectId>,
        #[graphql(
            desc = "Begin after this cursor: that of the last change you got, or `changesCursor`. Without it, the subscription begins now."
        )]
        after: Option<String>,
    ) -> Result<impl Stream<Item = TaskChange>> {
        let told = Run::take(context, Topic::Board(project_id.0), after).await?;
        let project = project_id.0;
        let change =
            |told: Told| TaskChange { task: TaskId::from_uuid(told.activity.entity_id.as_uuid()), told, project };
        let change = told.map(change);
        Ok(stream::iter(change))
    }
}

/// The root field for subscribers.
#[derive(Default)]
pub(crate) struct LiveQuery;

#[Object]
impl LiveQuery {
    /// The position of this response among the changes. Subscribe with it as `after`, and you get exactly the changes that this response does not have.
    async fn changes_cursor(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(load::<Here>(context, ()).await?.map(|cursor| text(&cursor)))
    }
}
