//! Subscriptions: what happens, as it happens.
//!
//! A subscription's resolver runs once when it is opened, and once for each event. When it is opened, it says what it is about. For an
//! event, it reads in a snapshot of its own what happened, as far as the subscriber sees it, and gives nothing if they do not.

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

/// Why a subscription's resolver runs.
pub(crate) enum Run {
    /// It is opened. It says what it is about, and after which cursor.
    Opening(Mutex<Option<(Topic, Option<Cursor>)>>),
    /// This happened.
    Event {
        /// Where the subscriber has got to with it.
        cursor: Cursor,
        /// The entry that tells of it.
        activity: ActivityId,
    },
}

/// A change and the cursor behind it.
struct Told {
    cursor: String,
    activity: Arc<Activity>,
}

impl Run {
    /// Notes what a subscription is about, or gives what it is told of this event.
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
                    // It is about the project, or hidden: perhaps all of it is now.
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

/// The cursor as a caller gets it, who is not to look into it.
fn text(cursor: &Cursor) -> String {
    URL_SAFE_NO_PAD.encode(cursor.to_string())
}

fn parse(text: &str) -> Result<Cursor> {
    let cursor = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok()?.parse().ok());
    cursor.ok_or_else(|| bad_argument("after", "`after` is not a cursor of changes."))
}

/// A change, as it happens.
pub(crate) struct Change(Told);

/// A change, as it happens.
#[Object]
impl Change {
    /// Where you have got to with this change: who subscribes `after` it is told what follows, for a day.
    async fn cursor(&self) -> &str {
        &self.0.cursor
    }

    /// What happened.
    async fn activity(&self) -> Resolved<Row<Activity>> {
        Resolved::from(Arc::clone(&self.0.activity))
    }
}

/// A change of a task on a project's board, as it happens.
pub(crate) struct TaskChange {
    told: Told,
    task: TaskId,
    project: ProjectId,
}

/// A change of a task on a project's board, as it happens.
#[Object]
impl TaskChange {
    /// Where you have got to with this change: who subscribes `after` it is told what follows, for a day.
    async fn cursor(&self) -> &str {
        &self.told.cursor
    }

    /// What happened.
    async fn activity(&self) -> Resolved<Row<Activity>> {
        Resolved::from(Arc::clone(&self.told.activity))
    }

    /// The task's id. It stays when the task is gone.
    async fn task_id(&self) -> GlobalId<TaskId> {
        GlobalId(self.task)
    }

    /// The task as it is now; null if it was deleted, if it went to another project, or if you cannot see it. The subtasks of a deleted task go with it, without
    /// a change of their own.
    async fn task(&self, context: &Context<'_>) -> Result<Option<Resolved<Row<Task>>>> {
        if matches!(self.told.activity.action, Action::Left | Action::Deleted) {
            return Ok(None);
        }
        // Since then it may have gone elsewhere.
        let task = record::<Task>(context, self.task).await?;
        Ok(task.filter(|task| task.project_id == self.project).map(Resolved::from))
    }
}

/// The subscriptions.
#[derive(Default)]
pub(crate) struct SubscriptionRoot;

/// The subscriptions. They come over a WebSocket (`graphql-transport-ws`) at the same address, or as `text/event-stream`. Everybody is told what
/// they may see when they are told it, in the order in which it was committed.
#[Subscription(name = "Subscription")]
impl SubscriptionRoot {
    /// Every change of the graph that you can see.
    async fn changes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only changes of these kinds of things; of all by default.")] kinds: Option<
            Vec<Choice<EntityType>>,
        >,
        #[graphql(
            desc = "The cursor of the last change that you know, or `changesCursor`: what happened since comes first."
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

    /// The changes of a project's tasks. It ends with an error, `NOT_FOUND`, when the project is deleted or you cannot see it any more, at the latest with
    /// the next change.
    async fn task_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The project.")] project_id: GlobalId<ProjectId>,
        #[graphql(
            desc = "The cursor of the last change that you know, or `changesCursor`: what happened since comes first."
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

/// The root field that says where the changes begin.
#[derive(Default)]
pub(crate) struct LiveQuery;

#[Object]
impl LiveQuery {
    /// Where this answer stands among the changes: who subscribes `after` it is told exactly what is not in the answer yet.
    async fn changes_cursor(&self, context: &Context<'_>) -> Result<Option<String>> {
        Ok(load::<Here>(context, ()).await?.map(|cursor| text(&cursor)))
    }
}
