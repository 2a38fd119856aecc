//! What hangs on a row without being a list of rows.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::{Context, Result};
use chrono::{DateTime, NaiveDate, Utc};
use futures_util::future::try_join_all;
use tenantry_domain::activity::Activity;
use tenantry_domain::invoice::Content;
use tenantry_domain::live::Cursor;
use tenantry_domain::member::Member;
use tenantry_domain::organization::Organization;
use tenantry_domain::report::{Balance, Receivable, Revenue, TaxDue};
use tenantry_domain::settings::Settings;
use tenantry_domain::task::{Task, TaskStatus};
use tenantry_domain::workspace::Workspace;
use tenantry_domain::{ActivityId, ClientId, CommentId, InvoiceId, LabelId, ProjectId, TaskId, UserId};
use tenantry_executor::dataloader::{Found, Loader};
use tenantry_executor::loaders::{load, present, selected_columns};
use tenantry_executor::object::Object;
use tenantry_store::report::Summed;
use tenantry_store::{
    ColumnSet, Read, ReadScope, board, comment, invoice, live, member, organization, report, search, settings, task,
    workspace,
};

use crate::noun::Row;

/// Members by user, each with the columns that are wanted of it.
struct MembersByUser;

impl Loader for MembersByUser {
    type Key = (UserId, ColumnSet);
    type Value = Arc<Member>;

    /// One statement reads what any of the keys wants.
    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        let columns = keys.iter().fold(ColumnSet::ID, |all, (_, columns)| all.and(*columns));
        let mut users: Vec<UserId> = keys.iter().map(|(user, _)| *user).collect();
        users.sort_unstable();
        users.dedup();
        let keys = keys.to_vec();
        member::get_by_users(scope, &users, columns)
            .map(|found| present(keys.into_iter().filter_map(|key| Some((key, Arc::clone(found.get(&key.0)?))))))
    }
}

/// Loaders of what the store reads by the same keys.
macro_rules! loaders {
    ($($(#[$doc:meta])* $name:ident: $key:ty => $value:ty = $read:path;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Loader for $name {
            type Key = $key;
            type Value = Arc<$value>;

            fn read<'s>(scope: &'s ReadScope, keys: &[$key]) -> Read<'s, Found<Self>> {
                $read(scope, keys).map(present)
            }
        }
    )+};
}

loaders! {
    /// The users assigned to tasks.
    Assignees: TaskId => Vec<UserId> = task::assignees;
    /// The labels of tasks.
    Labels: TaskId => Vec<LabelId> = task::labels;
    /// How many tasks of projects have each status.
    BoardCounts: ProjectId => HashMap<TaskStatus, u64> = board::counts;
    /// The first tasks of columns of boards.
    BoardTasks: board::Column => Vec<Arc<Task>> = board::columns;
    /// The users whom comments mention.
    Mentions: CommentId => Vec<UserId> = comment::mentions;
    /// How clients stand.
    ClientBalances: ClientId => Summed<Balance> = report::balances_of_clients;
    /// How projects stand.
    ProjectBalances: ProjectId => Summed<Balance> = report::balances_of_projects;
    /// How many finished tasks of projects no invoice bills.
    UnbilledCounts: ProjectId => u64 = report::unbilled_counts;
    /// The lines and the taxes of invoices.
    Contents: InvoiceId => Content = invoice::contents;
}

/// What searches found.
pub(crate) struct Search;

impl Loader for Search {
    type Key = search::Asked;
    type Value = Arc<Vec<Arc<search::Found>>>;

    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        let reads = keys.iter().map(|asked| search::find(scope, asked)).collect();
        let keys = keys.to_vec();
        Read::all(scope, reads).then(|results| {
            let found: Vec<_> = results?.into_iter().collect::<std::result::Result<_, _>>()?;
            Ok(present(keys.into_iter().zip(found.into_iter().map(Arc::new))))
        })
    }
}

/// The caller's organization.
pub(crate) struct OwnOrganization;

impl Loader for OwnOrganization {
    type Key = ();
    type Value = Arc<Organization>;

    fn read<'s>(scope: &'s ReadScope, _: &[()]) -> Read<'s, Found<Self>> {
        organization::get_own(scope).map(|found| present(found.map(|organization| ((), Arc::new(organization)))))
    }
}

/// The settings of the caller's organization.
pub(crate) struct OwnSettings;

impl Loader for OwnSettings {
    type Key = ();
    type Value = Arc<Settings>;

    fn read<'s>(scope: &'s ReadScope, _: &[()]) -> Read<'s, Found<Self>> {
        settings::get(scope).map(|found| present(found.map(|settings| ((), Arc::new(settings)))))
    }
}

/// Loaders of what is asked of the whole organization, each with a key for what is asked.
macro_rules! questions {
    ($($(#[$doc:meta])* $name:ident($key:ident: $type:ty) => $value:ty = $read:path: $($argument:expr),*;)+) => {$(
        $(#[$doc])*
        pub(crate) struct $name;

        impl Loader for $name {
            type Key = $type;
            type Value = Arc<Summed<$value>>;

            fn read<'s>(scope: &'s ReadScope, keys: &[$type]) -> Read<'s, Found<Self>> {
                let keys = keys.to_vec();
                let reads = keys.iter().copied().map(|$key| $read(scope, $($argument),*)).collect();
                Read::all(scope, reads).then(|results| {
                    let found: Vec<_> = results?.into_iter().collect::<std::result::Result<_, _>>()?;
                    Ok(present(keys.into_iter().zip(found.into_iter().map(Arc::new))))
                })
            }
        }
    )+};
}

questions! {
    /// How the organization stands.
    Balances(_own: ()) => Balance = report::balances:;
    /// Who owes what; the key is how many are wanted.
    Receivables(limit: i64) => Receivable = report::receivables: limit;
    /// What was invoiced from one day to the day before another.
    RevenueOf(days: (NaiveDate, NaiveDate)) => Revenue = report::revenue: days.0, days.1;
    /// What taxes come to on the invoices from one day to the day before another.
    TaxesDue(days: (NaiveDate, NaiveDate)) => TaxDue = report::taxes_due: days.0, days.1;
}

/// Entries by their ids and times.
pub(crate) struct Entries;

impl Loader for Entries {
    type Key = (ActivityId, DateTime<Utc>);
    type Value = Arc<Activity>;

    fn read<'s>(scope: &'s ReadScope, keys: &[Self::Key]) -> Read<'s, Found<Self>> {
        live::entries(scope, keys).map(present)
    }
}

/// The position of the response among the changes.
pub(crate) struct Here;

impl Loader for Here {
    type Key = ();
    type Value = Arc<Cursor>;

    fn read<'s>(scope: &'s ReadScope, _: &[()]) -> Read<'s, Found<Self>> {
        live::here(scope).map(|cursor| present([((), Arc::new(cursor))]))
    }
}

/// The workspace that a project comes to when none is named.
pub(crate) struct DefaultWorkspace;

impl Loader for DefaultWorkspace {
    type Key = ();
    type Value = Arc<Workspace>;

    fn read<'s>(scope: &'s ReadScope, _: &[()]) -> Read<'s, Found<Self>> {
        workspace::get_default(scope).map(|found| present(found.map(|workspace| ((), Arc::new(workspace)))))
    }
}

/// The member who is this user, with what the field in `context` selects of a member.
///
/// # Errors
/// The read failed: as the caller is told.
pub(crate) async fn load_member(context: &Context<'_>, user: UserId) -> Result<Option<Arc<Member>>> {
    load::<MembersByUser>(context, (user, selected_columns::<Row<Member>>(context))).await
}

/// The members who are these users, as far as the caller sees them; in that order.
///
/// # Errors
/// As [`load_member`].
pub(crate) async fn load_members(context: &Context<'_>, users: &[UserId]) -> Result<Vec<Object<Row<Member>>>> {
    let members = try_join_all(users.iter().map(|user| load_member(context, *user))).await?;
    Ok(members.into_iter().flatten().map(Object::from).collect())
}
