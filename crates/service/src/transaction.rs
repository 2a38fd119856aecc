//! Transactions: what a payment and a refund do to their invoice. The invoice is locked first, so payments of one invoice come one after the
//! other, and the balance is that of all of them.

use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::invoice::{Invoice, StepRefused};
use tenantry_domain::project::Project;
use tenantry_domain::transaction::{NewTransaction, Transaction, TransactionChanges, TransactionKind};
use tenantry_domain::{FieldError, FieldErrorCode, Money, TransactionId, Violations};
use tenantry_store::{Scope as _, WriteScope};

use crate::error::ServiceError;
use crate::invoice;
use crate::noun::Served;

impl Served for Transaction {
    type New = NewTransaction;
    type Changes = TransactionChanges;

    /// It happened today, unless the caller says otherwise. With an invoice, it has the client and the project of the invoice.
    async fn place(scope: &mut WriteScope, new: &NewTransaction, row: &mut Self) -> Result<(), ServiceError> {
        row.occurred_on = new.occurred_on.unwrap_or(scope.tenant().today);
        let Some(id) = new.invoice_id else {
            // What is for a project is for its client.
            if let (None, Some(project)) = (row.client_id, row.project_id) {
                let project: Option<Project> = tenantry_store::get(scope, project).await?;
                row.client_id = project.and_then(|project| project.client_id);
            }
            return Ok(());
        };
        let invoice = invoice::existing(scope, id, None).await.map_err(|error| error.about("id", "invoiceId"))?;
        let mut faults = Violations::default();
        if new.client_id.is_some_and(|client| Some(client) != invoice.client_id) {
            let message = "The invoice is for another client; leave this out.";
            faults.push(FieldError::new(FieldErrorCode::Invalid, "clientId", message));
        }
        if new.project_id.is_some_and(|project| Some(project) != invoice.project_id) {
            let message = "The invoice is for another project; leave this out.";
            faults.push(FieldError::new(FieldErrorCode::Invalid, "projectId", message));
        }
        faults.into_result()?;
        row.client_id = invoice.client_id;
        row.project_id = invoice.project_id;
        Ok(())
    }

    async fn before_create(
        scope: &mut WriteScope,
        _: &Billing,
        new: &NewTransaction,
        row: &mut Self,
    ) -> Result<(), ServiceError> {
        check_client(scope, row, "projectId").await?;
        let (amount, may_exceed) = (row.amount, new.allow_overpayment.unwrap_or_default());
        match (row.kind, row.invoice_id) {
            (TransactionKind::Payment, Some(_)) => {
                settle(scope, row, of_creation, |invoice, now| invoice.pay(amount, may_exceed, now)).await
            }
            (TransactionKind::Refund, Some(_)) => {
                settle(scope, row, of_creation, |invoice, now| invoice.refund(amount, now)).await
            }
            (TransactionKind::Payment | TransactionKind::Refund, None)
                if row.client_id.is_none() && row.project_id.is_none() =>
            {
                let message = "Give the invoice, or the client or the project for a payment in advance.";
                Err(FieldError::new(FieldErrorCode::Required, "invoiceId", message).into())
            }
            _ => Ok(()),
        }
    }

    async fn before_update(
        scope: &mut WriteScope,
        _: &Billing,
        changes: &TransactionChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        let mut faults = Violations::default();
        let given = [("clientId", !changes.client_id.is_keep()), ("projectId", !changes.project_id.is_keep())];
        for (field, _) in given.into_iter().filter(|(_, given)| *given && before.invoice_id.is_some()) {
            let message = "This comes from the invoice and cannot be changed.";
            faults.push(FieldError::new(FieldErrorCode::Invalid, field, message));
        }
        faults.into_result()?;
        // The field that was given, of the two that have to fit.
        if let Some((field, _)) = given.iter().rev().find(|(_, given)| *given) {
            check_client(scope, after, field).await?;
        }
        Ok(Vec::new())
    }

    /// The invoice before the transaction, as a payment locks them.
    async fn before_delete_lock(scope: &mut WriteScope, id: TransactionId) -> Result<(), ServiceError> {
        let seen: Option<Self> = tenantry_store::get(scope, id).await?;
        if let Some(invoice) = seen.and_then(|seen| seen.invoice_id) {
            invoice::existing(scope, invoice, None).await?;
        }
        Ok(())
    }

    /// Takes back what it did to its invoice.
    async fn before_delete(scope: &mut WriteScope, before: &Self) -> Result<(), ServiceError> {
        let amount: Money = before.amount;
        match (before.kind, before.invoice_id) {
            (TransactionKind::Payment, Some(_)) => {
                settle(scope, before, of_deletion, |invoice, now| invoice.refund(amount, now)).await
            }
            // What was paid back is kept again, however much is open.
            (TransactionKind::Refund, Some(_)) => {
                settle(scope, before, of_deletion, |invoice, now| invoice.pay(amount, true, now)).await
            }
            _ => Ok(()),
        }
    }
}

/// A refusal of what a new transaction does to the invoice.
fn of_creation(refused: &StepRefused) -> FieldError {
    refused.fault("invoiceId")
}

/// A refusal of what a deletion does to the invoice, in the words of the deletion, whose input has an id alone.
fn of_deletion(refused: &StepRefused) -> FieldError {
    let message = match refused {
        StepRefused::MoreThanPaid(_) => "A part of this payment was refunded; delete that refund first.",
        StepRefused::WrongStatus { .. } => "Its invoice is void.",
        _ => return refused.fault("id").of("id"),
    };
    FieldError::new(FieldErrorCode::InUse, "id", message)
}

/// A transaction is not of one client and of a project of another one.
async fn check_client(scope: &mut WriteScope, row: &Transaction, field: &str) -> Result<(), ServiceError> {
    let (Some(client), Some(project), None) = (row.client_id, row.project_id, row.invoice_id) else { return Ok(()) };
    let project: Option<Project> = tenantry_store::get(scope, project).await?;
    if project.and_then(|project| project.client_id).is_some_and(|owner| owner != client) {
        let message = "The project belongs to another client.";
        return Err(FieldError::new(FieldErrorCode::Invalid, field, message).into());
    }
    Ok(())
}

/// Does to the transaction's invoice, which is locked, what `step` says.
async fn settle(
    scope: &mut WriteScope,
    row: &Transaction,
    tell: fn(&StepRefused) -> FieldError,
    step: impl FnOnce(&Invoice, chrono::DateTime<chrono::Utc>) -> Result<Invoice, StepRefused>,
) -> Result<(), ServiceError> {
    let Some(id) = row.invoice_id else { return Ok(()) };
    let invoice = invoice::existing(scope, id, None).await.map_err(|error| error.about("id", "invoiceId"))?;
    let after = step(&invoice, scope.tenant().clock.now()).map_err(|refused| tell(&refused))?;
    invoice::write(scope, &invoice, &after).await.map(drop)
}
