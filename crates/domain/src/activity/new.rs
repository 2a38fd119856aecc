//! Making entries, from the declarations of the nouns.

use chrono::{DateTime, SecondsFormat, Utc};
use uuid::Uuid;

use super::{Action, EntityType, FieldChange, Metadata};
use crate::client::Client;
use crate::id::Id;
use crate::invoice::InvoiceKind;
use crate::noun::{Changed, FieldInfo, FieldType as _, Kind, Noun, Placement, Value};
use crate::organization::Organization;
use crate::project::Project;
use crate::settings::Settings;
use crate::task::Task;
use crate::typeid;
use crate::workspace::Workspace;

/// The longest text that an entry keeps, in characters. It is a feed and no archive.
const LONGEST: usize = 200;

/// An entry that is to be written. Who did it and when, the database is told with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewActivity {
    /// The kind of thing that changed.
    pub entity_type: EntityType,
    /// Which of them.
    pub entity_id: Uuid,
    /// What happened to it.
    pub action: Action,
    /// The workspace, if it is one or a project in it.
    pub workspace_id: Option<Uuid>,
    /// The client, as far as the row names one. What is in a project is told of the project's client.
    pub client_id: Option<Uuid>,
    /// The project, as far as the row names one. What is on a task is told of the task's project.
    pub project_id: Option<Uuid>,
    /// The task, if it is one or something on one.
    pub task_id: Option<Uuid>,
    /// Whom it is about.
    pub user_id: Option<Uuid>,
    /// The only user who may know of it.
    pub only_for: Option<Uuid>,
    /// Whether guests who see the project may know of it.
    pub for_guests: bool,
    /// Whether others than owners and admins may know of it, as far as the row itself says.
    pub for_members: bool,
    /// The name of what changed, and its fields before and after.
    pub metadata: Metadata,
}

impl NewActivity {
    /// An entry of what happened to this row; `None` if such rows are not told of.
    pub fn of<N: Noun>(action: Action, row: &N) -> Option<Self> {
        let info = &N::INFO;
        let placement = info.placement;
        let mut entry = Self::nowhere(EntityType::of(info)?, row.id().as_uuid(), action, name_of(row));
        let is_in_project =
            matches!(placement, Placement::Project { .. } | Placement::InProject { .. } | Placement::InTask { .. });
        entry.for_guests = info.guests && is_in_project;
        for field in N::FIELDS {
            let Value::Id(id) = (field.read)(row) else { continue };
            let is_of = |table: &str| field.info.link.is_some_and(|link| link.table == table);
            match placement {
                Placement::User { column } if field.info.column == column => entry.only_for = Some(id),
                Placement::InTask { column } if field.info.column == column => entry.task_id = Some(id),
                _ if field.info.name == "user_id" => entry.user_id = Some(id),
                _ if is_of(Client::INFO.table) => entry.client_id = Some(id),
                _ if is_of(Project::INFO.table) => entry.project_id = Some(id),
                _ if is_of(Workspace::INFO.table) => entry.workspace_id = Some(id),
                _ => {}
            }
        }
        let own = Some(entry.entity_id);
        let is_private =
            || N::FIELDS.iter().any(|f| f.info.name == "is_private" && (f.read)(row) == Value::Boolean(true));
        match placement {
            Placement::Workspace if action == Action::Deleted => entry.for_members = !is_private(),
            Placement::Client => entry.client_id = own,
            Placement::Workspace => entry.workspace_id = own,
            // A project that is gone has no feed. Who saw its workspace is told of it.
            Placement::Project { .. } if action != Action::Deleted => entry.project_id = own,
            _ if info.table == Task::INFO.table => entry.task_id = own,
            _ => {}
        }
        Some(entry)
    }

    /// An entry of the organization's own creation, or of its change; `None` if nothing changed.
    pub fn of_organization(before: Option<&Organization>, after: &Organization) -> Option<Self> {
        let fields = |organization: &Organization| {
            // All of them, so that the compiler asks for a new one.
            let Organization {
                id: _,
                name,
                slug,
                logo_url,
                time_zone,
                deletion_requested_at,
                deletion_due_at,
                created_at: _,
                updated_at: _,
            } = organization;
            let time = |time: &Option<DateTime<Utc>>| spelled(Kind::Time, &time.to_value());
            [
                ("name", Some(shortened(name))),
                ("slug", Some(slug.clone())),
                ("logoUrl", logo_url.as_deref().map(shortened)),
                ("timeZone", Some(time_zone.clone())),
                ("deletionRequestedAt", time(deletion_requested_at)),
                ("deletionDueAt", time(deletion_due_at)),
            ]
        };
        let changes = before.map_or_else(Vec::new, |before| differences(fields(before), fields(after)));
        if before.is_some() && changes.is_empty() {
            return None;
        }
        let action = if before.is_some() { Action::Updated } else { Action::Created };
        let (id, name) = (after.id.as_uuid(), Some(shortened(&after.name)));
        let mut entry = Self::nowhere(EntityType::Organization, id, action, name);
        entry.metadata.changes = changes;
        Some(entry)
    }

    /// The settings of the organization changed; `None` if they did not. Of the taxes and of what stands on invoices it is told that they
    /// changed, and not what they were.
    pub fn of_settings(organization: &Organization, before: &Settings, after: &Settings) -> Option<Self> {
        let fields = |settings: &Settings| {
            // All of them, so that the compiler asks for a new one.
            let Settings {
                currency,
                taxes: _,
                prices_include_tax,
                payment_days,
                invoice_numbers,
                credit_note_numbers,
                seller: _,
                updated_at: _,
            } = settings;
            [
                ("currency", currency.map(|currency| currency.to_string())),
                ("pricesIncludeTax", Some(prices_include_tax.to_string())),
                ("paymentDays", payment_days.map(|days| days.to_string())),
                ("invoiceNumbers", Some(invoice_numbers.to_string())),
                ("creditNoteNumbers", Some(credit_note_numbers.to_string())),
            ]
        };
        let mut changes = differences(fields(before), fields(after));
        for (field, is_changed) in [("taxes", before.taxes != after.taxes), ("seller", before.seller != after.seller)] {
            changes.extend(is_changed.then(|| FieldChange { field: field.into(), old: None, new: None }));
        }
        (!changes.is_empty()).then(|| Self::of_organization_changes(organization, changes))
    }

    /// The next number of invoices or credit notes was set.
    pub fn of_next_number(organization: &Organization, kind: InvoiceKind, number: &str) -> Self {
        let field = match kind {
            InvoiceKind::Invoice => "nextInvoiceNumber",
            InvoiceKind::CreditNote => "nextCreditNoteNumber",
        };
        let change = FieldChange { field: field.into(), old: None, new: Some(number.to_owned()) };
        Self::of_organization_changes(organization, vec![change])
    }

    fn of_organization_changes(organization: &Organization, changes: Vec<FieldChange>) -> Self {
        let (id, name) = (organization.id.as_uuid(), Some(shortened(&organization.name)));
        let mut entry = Self::nowhere(EntityType::Organization, id, Action::Updated, name);
        entry.metadata.changes = changes;
        entry
    }

    /// An entry that names no place, and that guests may not know of.
    fn nowhere(entity_type: EntityType, entity_id: Uuid, action: Action, name: Option<String>) -> Self {
        Self {
            entity_type,
            entity_id,
            action,
            workspace_id: None,
            client_id: None,
            project_id: None,
            task_id: None,
            user_id: None,
            only_for: None,
            for_guests: false,
            for_members: true,
            metadata: Metadata { name, ..Metadata::default() },
        }
    }

    /// The entry of what the row left by this change: its project, or its client; `None` if it left nothing.
    pub fn of_leaving<N: Noun>(before: &N, after: &N) -> Option<Self> {
        let (mut entry, after) = (Self::of(Action::Left, before)?, Self::of(Action::Left, after)?);
        let left_project = entry.project_id.is_some() && entry.project_id != after.project_id;
        let left_client = entry.client_id.is_some() && entry.client_id != after.client_id;
        if !left_project && !left_client {
            return None;
        }
        // It stays with what was left, whatever becomes of the row.
        entry.task_id = None;
        entry.workspace_id = None;
        Some(entry)
    }

    /// The same, of a change of these fields; `None` if there is none. `joined` is what changed beside the row's own fields.
    pub fn of_change<N: Noun>(action: Action, before: &N, after: &N, joined: &[Joined]) -> Option<Self> {
        let mut entry = Self::of(action, after)?;
        let changed = crate::noun::changes(before, after);
        let joined: Vec<&Joined> = joined.iter().filter(|joined| !joined.changes.is_empty()).collect();
        if changed.is_empty() && joined.is_empty() {
            return None;
        }
        if changed.is_empty() && joined.iter().all(|joined| joined.field == "assigneeIds") {
            entry.action = Action::Assigned;
        }
        let own = N::FIELDS.iter().map(|field| &field.info);
        let changed = changed.iter().filter_map(|changed| {
            let field = own.clone().find(|field| field.api == changed.field)?;
            Some((field, changed))
        });
        entry.for_guests &= !joined.is_empty() || changed.clone().any(|(field, _)| field.is_seen_by_guests());
        entry.metadata.changes = changed.map(|(field, changed)| told(field, changed)).collect();
        entry.metadata.changes.extend(joined.into_iter().flat_map(|joined| joined.changes.clone()));
        Some(entry)
    }
}

/// What a row is called.
fn name_of<N: Noun>(row: &N) -> Option<String> {
    let field = ["name", "title", "file_name", "number"]
        .iter()
        .find_map(|name| N::FIELDS.iter().find(|field| field.info.name == *name));
    match (field?.read)(row) {
        Value::Text(text) => Some(shortened(&text)),
        _ => None,
    }
}

/// A change as an entry keeps it.
fn told(field: &FieldInfo, changed: &Changed) -> FieldChange {
    let spell = |value: &Value<'_>| if field.told { spelled(field.kind, value) } else { None };
    FieldChange { field: changed.field.into(), old: spell(&changed.old), new: spell(&changed.new) }
}

/// The fields that differ; both have the same ones.
fn differences<const N: usize>(
    before: [(&'static str, Option<String>); N],
    after: [(&'static str, Option<String>); N],
) -> Vec<FieldChange> {
    let pairs = before.into_iter().zip(after).filter(|((_, old), (_, new))| old != new);
    pairs.map(|((field, old), (_, new))| FieldChange { field: field.into(), old, new }).collect()
}

/// A value as the API spells it; an amount with its currency, a long text shortened.
fn spelled(kind: Kind, value: &Value<'_>) -> Option<String> {
    Some(match value {
        Value::Null | Value::Ids(_) => return None,
        Value::Text(text) => shortened(text),
        Value::Name(name) => name.to_uppercase(),
        Value::Boolean(value) => value.to_string(),
        Value::Id(id) => {
            let Kind::Id(prefix) = kind else { return None };
            typeid::text(prefix, *id)
        }
        Value::Time(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Value::Date(date) => date.to_string(),
        Value::Decimal(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::Minor(minor) => minor.to_string(),
        Value::Money(money) => format!("{} {}", money.amount(), money.currency()),
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// What changed beside the fields of a row: what it is joined with, such as a task's assignees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The API's name of the input that gives them.
    field: &'static str,
    changes: Vec<FieldChange>,
}

impl Joined {
    /// What changed between these two sets of rows; nothing if only their order did.
    pub fn new<I: Id>(field: &'static str, old: &[I], new: &[I]) -> Self {
        let text = |id: &I| typeid::text(I::PREFIX, id.as_uuid());
        let gone = old.iter().filter(|id| !new.contains(id));
        let come = new.iter().enumerate().filter(|(n, id)| !old.contains(id) && !new[..*n].contains(id));
        let gone = gone.map(|id| FieldChange { field: field.into(), old: Some(text(id)), new: None });
        let come = come.map(|(_, id)| FieldChange { field: field.into(), old: None, new: Some(text(id)) });
        Self { field, changes: gone.chain(come).collect() }
    }

    /// Something that changed, of which an entry keeps neither what it was nor what it is.
    pub fn untold(field: &'static str) -> Self {
        Self { field, changes: vec![FieldChange { field: field.into(), old: None, new: None }] }
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::super::Activity;
    use super::*;
    use crate::change::Change;
    use crate::client::NewClient;
    use crate::id::{ActivityId, ClientId, EntityId, OrganizationId, ProjectId, UserId, WorkspaceId};
    use crate::noun::{ALL, Changes as _, New as _, Origin};
    use crate::permission::Role;
    use crate::project::{NewProject, ProjectChanges};
    use crate::task::NewTask;
    use crate::{Currency, Money};

    fn origin<I: Id>(n: u128) -> Origin<I> {
        Origin {
            id: I::from_uuid(Uuid::from_u128(n)),
            organization_id: OrganizationId::from_uuid(Uuid::from_u128(1)),
            user_id: UserId::from_uuid(Uuid::from_u128(2)),
            now: DateTime::UNIX_EPOCH,
        }
    }

    fn project() -> Project {
        let new = NewProject {
            name: "Site".into(),
            workspace_id: Some(WorkspaceId::from_uuid(Uuid::from_u128(7))),
            client_id: Some(ClientId::from_uuid(Uuid::from_u128(8))),
            ..NewProject::blank()
        };
        new.into_row(origin(10)).expect("valid")
    }

    fn task() -> Task {
        let project_id = ProjectId::from_uuid(Uuid::from_u128(10));
        NewTask { title: "Draw".into(), project_id, ..NewTask::blank() }.into_row(origin(20)).expect("valid")
    }

    #[test]
    fn every_noun_is_told_of_but_what_tells() {
        for noun in ALL {
            assert_eq!(EntityType::of(noun.info).is_none(), noun.info.name == "Activity", "{}", noun.info.name);
        }
        for kind in EntityType::ALL {
            assert_eq!(kind.noun().is_none(), *kind == EntityType::Organization, "{kind}");
        }
    }

    #[test]
    fn an_entry_is_placed_by_the_declaration() {
        let of_project = NewActivity::of(Action::Created, &project()).expect("told");
        assert_eq!(
            (of_project.workspace_id, of_project.client_id, of_project.project_id, of_project.task_id),
            (Some(Uuid::from_u128(7)), Some(Uuid::from_u128(8)), Some(Uuid::from_u128(10)), None)
        );
        assert_eq!(of_project.metadata.name.as_deref(), Some("Site"));
        assert_eq!(NewActivity::of(Action::Deleted, &project()).expect("told").project_id, None);
        let of_task = NewActivity::of(Action::Created, &task()).expect("told");
        assert_eq!(
            (of_task.project_id, of_task.task_id, of_task.for_guests),
            (Some(Uuid::from_u128(10)), Some(Uuid::from_u128(20)), true)
        );
    }

    #[test]
    fn a_change_is_told_old_and_new_as_the_api_spells_it() {
        let before = project();
        let changes = ProjectChanges {
            budget: Change::Set(Some(Money::from_minor(1250, Currency::USD))),
            client_id: Change::Set(None),
            description: Change::Set(Some("x".repeat(300))),
            ..ProjectChanges::default()
        };
        let mut after = changes.apply(&before).expect("valid");
        after.updated_at += Duration::days(1);
        let entry = NewActivity::of_change(Action::Updated, &before, &after, &[]).expect("changed");
        let told: Vec<_> = entry.metadata.changes.iter().map(|c| (&*c.field, c.old.clone(), c.new.clone())).collect();
        let client = ClientId::from_uuid(Uuid::from_u128(8)).to_string();
        let long = format!("{}…", "x".repeat(200));
        assert_eq!(
            told,
            [
                ("clientId", Some(client), None),
                ("description", None, Some(long)),
                ("budget", None, Some("12.50 USD".to_owned())),
            ]
        );
        assert!(NewActivity::of_change(Action::Updated, &before, &before.clone(), &[]).is_none());
    }

    #[test]
    fn guests_may_know_of_what_lies_in_projects_alone() {
        let client = NewClient { name: "Acme".into(), ..NewClient::default() }.into_row(origin(8)).expect("valid");
        assert!(!NewActivity::of(Action::Created, &client).expect("told").for_guests);
        assert!(NewActivity::of(Action::Created, &project()).expect("told").for_guests);
        assert!(NewActivity::of(Action::Created, &task()).expect("told").for_guests);
    }

    #[test]
    fn assignees_are_told_one_by_one() {
        let (ada, bob, eve) = (1, 2, 3);
        let user = |n| UserId::from_uuid(Uuid::from_u128(n));
        let joined = Joined::new("assigneeIds", &[user(ada), user(bob)], &[user(bob), user(eve), user(eve)]);
        let told: Vec<_> = joined.changes.iter().map(|c| (c.old.clone(), c.new.clone())).collect();
        assert_eq!(told, [(Some(user(ada).to_string()), None), (None, Some(user(eve).to_string()))]);
        let entry = NewActivity::of_change(Action::Updated, &task(), &task(), &[joined]).expect("changed");
        assert_eq!((entry.action, entry.for_guests), (Action::Assigned, true));
        let same = Joined::new("assigneeIds", &[user(ada), user(bob)], &[user(bob), user(ada)]);
        assert!(NewActivity::of_change(Action::Updated, &task(), &task(), &[same]).is_none());
    }

    fn read(entry: &NewActivity) -> Activity {
        Activity {
            id: ActivityId::from_uuid(Uuid::nil()),
            organization_id: OrganizationId::from_uuid(Uuid::nil()),
            entity_type: entry.entity_type,
            entity_id: EntityId::from_uuid(entry.entity_id),
            action: entry.action,
            actor_id: None,
            workspace_id: None,
            client_id: None,
            project_id: None,
            task_id: None,
            user_id: None,
            only_for: None,
            for_guests: true,
            for_members: true,
            metadata: entry.metadata.clone(),
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn only_fields_that_the_reader_may_know_are_shown() {
        let change = |field: &'static str| FieldChange { field: field.into(), old: None, new: Some("x".into()) };
        let shown = |entity_type, fields: &[&'static str], role| {
            let mut entry = read(&NewActivity::of(Action::Updated, &task()).expect("told"));
            entry.entity_type = entity_type;
            entry.metadata.changes = fields.iter().map(|field| change(field)).collect();
            entry.show_to(role);
            entry.metadata.changes.into_iter().map(|change| change.field.into_owned()).collect::<Vec<_>>()
        };
        let of_client = ["name", "phone", "noLonger", "taskIds"];
        assert_eq!(shown(EntityType::Client, &of_client, Role::Guest), ["name"]);
        assert_eq!(shown(EntityType::Client, &of_client, Role::Viewer), ["name", "phone", "taskIds"]);
        let of_task = ["title", "assigneeIds", "lineItems"];
        assert_eq!(shown(EntityType::Task, &of_task, Role::Guest), ["title", "assigneeIds"]);
        assert_eq!(shown(EntityType::Member, &["invitedBy", "role"], Role::Owner), ["role"], "an internal field");
    }

    #[test]
    fn what_goes_elsewhere_is_told_where_it_was() {
        let before = task();
        let mut after = before.clone();
        assert!(NewActivity::of_leaving(&before, &after).is_none());
        after.project_id = ProjectId::from_uuid(Uuid::from_u128(11));
        let left = NewActivity::of_leaving(&before, &after).expect("it left");
        assert_eq!((left.action, left.project_id, left.task_id), (Action::Left, Some(Uuid::from_u128(10)), None));
        let (before, mut after) = (project(), project());
        after.client_id = None;
        let left = NewActivity::of_leaving(&before, &after).expect("it left");
        assert_eq!((left.project_id, left.client_id), (Some(Uuid::from_u128(10)), Some(Uuid::from_u128(8))));
        assert!(NewActivity::of_leaving(&after, &before).is_none(), "it had no client");
    }
}
