//! What follows from each change, in its transaction: an entry that tells of it, and the row's words in the index of search. Every use case
//! that changes the graph calls one of these, once for each row that it is about; what goes or changes along with that row is not told apart.

use tenantry_domain::Id as _;
use tenantry_domain::activity::{Action, Joined, NewActivity};
use tenantry_domain::invoice::InvoiceKind;
use tenantry_domain::noun::Noun;
use tenantry_domain::organization::Organization;
use tenantry_domain::search::{self, Indexed, SearchKind};
use tenantry_domain::settings::Settings;
use tenantry_store::{StoreError, WriteScope, activity as store};

/// A row was created.
pub(crate) fn created<N: Noun>(scope: &mut WriteScope, row: &N) {
    note(scope, NewActivity::of(Action::Created, row));
    index(scope, None, row);
}

/// A row changed, and what is joined with it; nothing is told if nothing did. What happened to it goes along to another project.
///
/// # Errors
/// Those of the database.
pub(crate) async fn updated<N: Noun>(
    scope: &mut WriteScope,
    before: &N,
    after: &N,
    joined: &[Joined],
) -> Result<(), StoreError> {
    index(scope, Some(before), after);
    note(scope, NewActivity::of_leaving(before, after));
    let entry = NewActivity::of_change(Action::Updated, before, after, joined);
    let project_before = NewActivity::of(Action::Updated, before).and_then(|entry| entry.project_id);
    if let Some(entry) = entry.as_ref().filter(|entry| entry.project_id != project_before) {
        store::follow(scope, entry.entity_id, project_before, entry.project_id).await?;
    }
    note(scope, entry);
    Ok(())
}

/// A task was moved. Who moves it takes along what happened to it.
pub(crate) fn moved<N: Noun>(scope: &mut WriteScope, before: &N, after: &N) {
    note(scope, NewActivity::of_leaving(before, after));
    note(scope, NewActivity::of_change(Action::Moved, before, after, &[]));
}

/// A row was deleted.
pub(crate) fn deleted<N: Noun>(scope: &mut WriteScope, row: &N) {
    note(scope, NewActivity::of(Action::Deleted, row));
    if SearchKind::of(&N::INFO).is_some() {
        scope.unindex(row.id().as_uuid());
    }
}

/// The organization was created, or changed when there was one before.
pub(crate) fn organization(scope: &mut WriteScope, before: Option<&Organization>, after: &Organization) {
    note(scope, NewActivity::of_organization(before, after));
}

/// The settings of the organization changed.
pub(crate) fn settings(scope: &mut WriteScope, organization: &Organization, before: &Settings, after: &Settings) {
    note(scope, NewActivity::of_settings(organization, before, after));
}

/// The next number of invoices or credit notes was set.
pub(crate) fn next_number(scope: &mut WriteScope, organization: &Organization, kind: InvoiceKind, number: &str) {
    note(scope, Some(NewActivity::of_next_number(organization, kind, number)));
}

/// The row as it is now is to be found.
fn index<N: Noun>(scope: &mut WriteScope, before: Option<&N>, after: &N) {
    if before.is_some_and(|before| !search::differs(before, after)) {
        return;
    }
    if let Some(indexed) = Indexed::of(after) {
        scope.index(before.and_then(Indexed::of), indexed);
    }
}

fn note(scope: &mut WriteScope, happened: Option<NewActivity>) {
    if let Some(happened) = happened {
        scope.note(happened);
    }
}
