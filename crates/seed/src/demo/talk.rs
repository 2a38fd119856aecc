//! What people of the demo say about their tasks, and what they keep for themselves.

use chrono::Duration;
use tenantry_domain::UserId;
use tenantry_domain::comment::Comment;
use tenantry_domain::label::Label;
use tenantry_domain::personal_task::{PersonalTask, PersonalTaskCategory as Category};
use tenantry_domain::task::TaskPriority;
use tenantry_store::bulk::TaskLabelRow;

use super::Maker;
use crate::chance::Chance;
use crate::error::SeedError;

/// The names and the colors of the labels.
const LABELS: [(&str, &str); 5] = [
    ("Bug", "#d73a4a"),
    ("Waiting for the client", "#fbca04"),
    ("Quick win", "#0e8a16"),
    ("Design", "#8b5cf6"),
    ("Übersetzung", "#1f6feb"),
];

/// Comments, in Markdown.
const COMMENTS: [&str; 8] = [
    "Looks good to me. Two small things:\n\n* the spacing on phones\n* the second headline",
    "The client wants to see this **before Friday**.",
    "I have put the files in the shared folder.",
    "Done, please have a look.",
    "Can we split this? The second half depends on the texts.",
    "> as we said in the call\n\nAgreed, I will change it.",
    "This takes longer than we thought; the old site has no export.",
    "`npm run build` fails on my machine. Who has seen this before?",
];

/// What people have on their own lists.
const OWN: [(&str, Category, bool, TaskPriority); 6] = [
    ("Call the accountant", Category::Finance, true, TaskPriority::High),
    ("Renew the passport", Category::Personal, false, TaskPriority::Medium),
    ("Half an hour of running", Category::Health, true, TaskPriority::Low),
    ("Read the chapter about pricing", Category::Learning, false, TaskPriority::Low),
    ("Prepare the talk for Monday", Category::Work, true, TaskPriority::Urgent),
    ("Buy a birthday present", Category::Other, false, TaskPriority::Medium),
];

impl Maker<'_> {
    /// Makes labels and comments of the tasks, and everybody's personal tasks, from random numbers of their own, so that the rest of the
    /// demo does not depend on them.
    pub(super) async fn talk(&mut self, workers: &[UserId], chance: &mut Chance) -> Result<(), SeedError> {
        let mut labels = Vec::new();
        for (name, color) in LABELS {
            let id = chance.id(self.founded);
            let (name, color) = (name.to_owned(), color.to_owned());
            let (created_at, updated_at) = (self.founded, self.founded);
            self.load.push(&Label { id, organization_id: self.id, name, color, created_at, updated_at }).await?;
            labels.push(id);
        }
        for (task_id, since) in std::mem::take(&mut self.tasks) {
            let count = chance.weighted(&[(0, 55), (1, 35), (2, 10)]);
            for label in chance.distinct(count, labels.len()) {
                let row = TaskLabelRow {
                    id: chance.id(since),
                    organization_id: self.id,
                    task_id,
                    label_id: labels[label],
                    created_at: since,
                };
                self.load.push(&row).await?;
            }
            let count = chance.weighted(&[(0, 60), (1, 20), (2, 12), (3, 8)]);
            for n in (1..).take(count) {
                let created_at = (since + Duration::hours(7 * n)).min(self.today);
                let comment = Comment {
                    id: chance.id(created_at),
                    organization_id: self.id,
                    task_id,
                    author_id: Some(chance.pick(workers)),
                    body: chance.pick(&COMMENTS).to_owned(),
                    edited_at: None,
                    created_at,
                    updated_at: created_at,
                };
                self.load.push(&comment).await?;
            }
        }
        for worker in workers {
            for own in chance.distinct(3, OWN.len()) {
                let (title, category, is_today, priority) = OWN[own];
                let created_at = chance.moment(self.today - Duration::days(20), self.today);
                let task = PersonalTask {
                    id: chance.id(created_at),
                    organization_id: self.id,
                    user_id: *worker,
                    title: title.to_owned(),
                    is_completed: chance.percent(20),
                    is_today,
                    category,
                    priority,
                    created_at,
                    updated_at: created_at,
                };
                self.load.push(&task).await?;
            }
        }
        Ok(())
    }
}
