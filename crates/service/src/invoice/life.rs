//! What happens to an invoice from its issue on.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use tenantry_domain::client::Client;
use tenantry_domain::invoice::{Invoice, InvoiceKind, IssueOptions, StepRefused};
use tenantry_domain::party::{Buyer, Parties, Seller};
use tenantry_domain::settings::Settings;
use tenantry_domain::{FieldError, FieldErrorCode, InvoiceId};
use tenantry_store::{Scope, StoreError, WriteScope, invoice as store, numbering, organization, settings};

use super::{existing, not_found};
use crate::activity;
use crate::error::{ServiceError, name_reference};

/// Issues a draft: it gets the next number of its kind, and who it is from and whom it is for are kept as they are now. A credit note
/// counts against the invoice that it corrects.
///
/// # Errors
/// [`ServiceError::Forbidden`]; [`ServiceError::Refused`] when there is no such invoice, it is no draft, has no lines or no client, is due
/// before its date, has changed since `expected`, or when its number was given to another one before.
pub async fn issue(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
    options: IssueOptions,
) -> Result<Invoice, ServiceError> {
    let (original, before) = locked(scope, id, expected).await?;
    let settings = settings::get(scope).await?.unwrap_or_default();
    let content = store::contents(scope, &[id]).await?.remove(&id).unwrap_or_default();
    let today = scope.tenant().today;
    let own_date = if before.dated_on_issue { today } else { before.issue_date };
    let date = options.issue_date.unwrap_or(own_date);
    let due = options.due_date.or(before.due_date).or_else(|| due_by_terms(&before, &settings, date));
    before.check_issue(date, due, content.line_items.len()).map_err(|error| refused(&error))?;
    let parties = parties(scope, &before, settings.seller.clone()).await?;
    let now = scope.tenant().clock.now();
    if let Some(original) = &original {
        let credited = original.credit(before.total, now).map_err(|error| match error {
            StepRefused::WrongStatus { .. } => {
                let message = "The invoice that it corrects is void.";
                FieldError::new(FieldErrorCode::WrongStatus, "id", message).into()
            }
            error => refused(&error),
        })?;
        write(scope, original, &credited).await?;
    }
    // Last, because all others of the organization wait for the number until the transaction ends.
    let format = settings.numbers(before.kind);
    let sequence = numbering::next(scope, before.kind, &format.period(date)).await?;
    let number = format.pattern.render(date, sequence);
    let issued = before.issue(number, date, due, content.line_items.len(), now).map_err(|error| refused(&error))?;
    let after = store::issue(scope, &before, &issued, &parties).await.map_err(|error| taken(error, &issued))?;
    told(scope, &before, after).await
}

/// Notes that an invoice was sent to the client.
///
/// # Errors
/// As [`issue`]; [`ServiceError::Refused`] for a draft and for what is void.
pub async fn mark_sent(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<Invoice, ServiceError> {
    step(scope, id, expected, Invoice::mark_sent).await
}

/// Gives up what is still to be paid.
///
/// # Errors
/// As [`issue`]; [`ServiceError::Refused`] when nothing is open.
pub async fn write_off(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<Invoice, ServiceError> {
    step(scope, id, expected, Invoice::write_off).await
}

/// Withdraws an invoice. Its number stays used, and the tasks that it covers can be billed again. A credit note no longer counts against the
/// invoice that it corrects.
///
/// # Errors
/// As [`issue`]; [`ServiceError::Refused`] for a draft, for what is void, and when something was paid or credited.
pub async fn void(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<Invoice, ServiceError> {
    let (original, before) = locked(scope, id, expected).await?;
    let now = scope.tenant().clock.now();
    let voided = before.void(now).map_err(|error| refused(&error))?;
    if let Some(original) = &original {
        let left = original.uncredit(before.total, now).map_err(|error| refused(&error))?;
        write(scope, original, &left).await?;
    }
    write(scope, &before, &voided).await
}

async fn step(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
    take: fn(&Invoice, DateTime<Utc>) -> Result<Invoice, StepRefused>,
) -> Result<Invoice, ServiceError> {
    let before = existing(scope, id, expected).await?;
    let after = take(&before, scope.tenant().clock.now()).map_err(|error| refused(&error))?;
    write(scope, &before, &after).await
}

/// The invoice, locked, and the one that it corrects, which is locked first: payments and other credit notes lock it, too.
async fn locked(
    scope: &mut WriteScope,
    id: InvoiceId,
    expected: Option<DateTime<Utc>>,
) -> Result<(Option<Invoice>, Invoice), ServiceError> {
    let seen: Option<Invoice> = tenantry_store::get(scope, id).await?;
    let original = match seen.and_then(|seen| seen.corrects_id) {
        Some(corrected) => Some(existing(scope, corrected, None).await?),
        None => None,
    };
    Ok((original, existing(scope, id, expected).await?))
}

/// The day on which an invoice of this date is due by the organization's settings.
fn due_by_terms(draft: &Invoice, settings: &Settings, date: NaiveDate) -> Option<NaiveDate> {
    let days = settings.payment_days.filter(|_| draft.kind == InvoiceKind::Invoice)?;
    // A year of five digits is no date of the API.
    date.checked_add_signed(TimeDelta::days(days.into())).filter(|due| due.year() <= 9_999)
}

/// Who the invoice is from and whom it is for.
async fn parties(scope: &mut WriteScope, draft: &Invoice, seller: Seller) -> Result<Parties, ServiceError> {
    let organization = organization::get_own(scope).await?.ok_or(StoreError::NotAMember)?;
    let seller = Seller { name: seller.name.or(Some(organization.name)), ..seller };
    // A credit note is for whom its invoice was for, as they were then.
    if let Some(corrected) = draft.corrects_id {
        let content = store::contents(scope, &[corrected]).await?.remove(&corrected).unwrap_or_default();
        if let Some(parties) = &content.parties {
            return Ok(Parties { seller, buyer: parties.buyer.clone() });
        }
    }
    let client: Option<Client> = match draft.client_id {
        Some(client) => tenantry_store::get(scope, client).await?,
        None => None,
    };
    let client = client.ok_or_else(|| {
        FieldError::new(FieldErrorCode::WrongStatus, "id", "It has no client; the client was deleted.")
    })?;
    Ok(Parties { seller, buyer: Buyer::from(client) })
}

/// Writes what a step made of an invoice that was read in this scope, and tells of it.
pub(crate) async fn write(scope: &mut WriteScope, before: &Invoice, after: &Invoice) -> Result<Invoice, ServiceError> {
    let written = tenantry_store::update(scope, before, after).await?;
    told(scope, before, written).await
}

async fn told(scope: &mut WriteScope, before: &Invoice, after: Option<Invoice>) -> Result<Invoice, ServiceError> {
    let after = after.ok_or_else(not_found)?;
    activity::updated(scope, before, &after, &[]).await?;
    Ok(after)
}

/// A step that is not allowed, as the caller is told.
fn refused(refused: &StepRefused) -> ServiceError {
    refused.fault("id").into()
}

/// The number was given to another invoice: the pattern, or where numbers begin, was changed so that they come again.
fn taken(error: StoreError, issued: &Invoice) -> ServiceError {
    match error.constraint() {
        Some((_, "invoices_number_key")) => {
            let number = issued.number.as_deref().unwrap_or_default();
            let message = format!(
                "The next number would be {number}, which another invoice has. Change the pattern of numbers, or the next number, in the settings."
            );
            FieldError::new(FieldErrorCode::Taken, "id", message).into()
        }
        _ => name_reference(error, &[]),
    }
}
