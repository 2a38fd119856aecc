//! The life of an invoice: what can be done with it in which state, and what that makes of it. Each step gives the invoice as
//! it is afterwards, or says why it is not allowed.

use chrono::{DateTime, NaiveDate, Utc};

use super::{Invoice, InvoiceKind, InvoiceStatus};
use crate::money::{Money, MoneyError};
use crate::validate::{FieldError, FieldErrorCode};

/// Why a step is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StepRefused {
    /// The invoice is in a state in which this cannot be done.
    #[error("{message}")]
    WrongStatus {
        /// The reason, for the caller.
        message: String,
    },
    /// The due date is before the invoice date.
    #[error("This must not be before {0}.")]
    DueBeforeIssue(NaiveDate),
    /// A due date of a credit note.
    #[error("A credit note is never due.")]
    NeverDue,
    /// An amount that is not more than zero.
    #[error("This must be more than 0.")]
    NotPositive,
    /// An amount in another currency than the invoice's.
    #[error("The invoice is in another currency.")]
    Currency,
    /// More than is open.
    #[error("This is more than the open balance of {0}.")]
    TooMuch(Money),
    /// More than was paid.
    #[error("This is more than the {0} that was paid.")]
    MoreThanPaid(Money),
    /// The credit notes of an invoice come to more than the invoice.
    #[error("With this, the credit notes would come to more than the invoice; {0} of it is left.")]
    MoreThanInvoiced(Money),
    /// An amount that does not fit.
    #[error("The amount is too large.")]
    Overflow,
}

impl StepRefused {
    /// The refusal as a fault: of the field that it is about, or of `field` if it is about the whole.
    pub fn fault(&self, field: &str) -> FieldError {
        let (code, field) = match self {
            Self::WrongStatus { .. } => (FieldErrorCode::WrongStatus, field),
            Self::DueBeforeIssue(_) => (FieldErrorCode::OutOfRange, "dueDate"),
            Self::NeverDue => (FieldErrorCode::Invalid, "dueDate"),
            Self::NotPositive | Self::TooMuch(_) | Self::MoreThanPaid(_) | Self::Overflow => {
                (FieldErrorCode::OutOfRange, "amount")
            }
            Self::MoreThanInvoiced(_) => (FieldErrorCode::OutOfRange, field),
            Self::Currency => (FieldErrorCode::Invalid, "amount"),
        };
        FieldError::new(code, field, self.to_string())
    }

    fn status(message: &str) -> Self {
        Self::WrongStatus { message: message.to_owned() }
    }
}

impl From<MoneyError> for StepRefused {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::CurrencyMismatch { .. } => Self::Currency,
            MoneyError::Overflow | MoneyError::TooFine { .. } => Self::Overflow,
        }
    }
}

impl Invoice {
    /// What is still to be paid: the total without payments and credit notes. Negative if the client is owed something. A credit
    /// note is never paid, so it has none.
    pub fn balance(&self) -> Money {
        let minor = match self.kind {
            InvoiceKind::Invoice => self.unsettled(),
            InvoiceKind::CreditNote => 0,
        };
        Money::from_minor(minor, self.currency())
    }

    /// The total without payments and credit notes, in minor units.
    fn unsettled(&self) -> i64 {
        self.total.minor().saturating_sub(self.amount_paid.minor()).saturating_sub(self.amount_credited.minor())
    }

    /// The status on `today` (in the organization's time zone): an issued invoice with an open balance is overdue from the
    /// day after its due date.
    pub fn status_on(&self, today: NaiveDate) -> InvoiceStatus {
        // A credit note is never due, so what kind it is does not have to be read.
        let (open, late) = (self.unsettled() > 0, self.due_date.is_some_and(|due| due < today));
        match self.status {
            InvoiceStatus::Issued | InvoiceStatus::Sent | InvoiceStatus::PartlyPaid | InvoiceStatus::Overdue
                if open && late =>
            {
                InvoiceStatus::Overdue
            }
            // It was marked so elsewhere, which is not believed.
            InvoiceStatus::Overdue if self.amount_paid.minor() > 0 => InvoiceStatus::PartlyPaid,
            InvoiceStatus::Overdue => InvoiceStatus::Sent,
            status => status,
        }
    }

    /// Whether it has been issued and is not void.
    pub fn is_in_force(&self) -> bool {
        !matches!(self.status, InvoiceStatus::Draft | InvoiceStatus::Void)
    }

    /// Issues a draft, with `number`. From here on its content stays as it is. An invoice over nothing is paid at once.
    ///
    /// # Errors
    /// [`StepRefused`] when it is no draft, has no lines (`lines` is their number) or no client, or is due before its date.
    pub fn issue(
        &self,
        number: String,
        issue_date: NaiveDate,
        due_date: Option<NaiveDate>,
        lines: usize,
        now: DateTime<Utc>,
    ) -> Result<Self, StepRefused> {
        self.check_issue(issue_date, due_date, lines)?;
        let issued = Self {
            number: Some(number),
            status: InvoiceStatus::Issued,
            issue_date,
            due_date,
            dated_on_issue: false,
            issued_at: Some(now),
            ..self.clone()
        };
        let is_paid = issued.kind == InvoiceKind::Invoice && issued.total.minor() == 0;
        Ok(if is_paid { Self { status: InvoiceStatus::Paid, paid_at: Some(now), ..issued } } else { issued })
    }

    /// Whether a draft can be issued, before a number is given away for it.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    pub fn check_issue(
        &self,
        issue_date: NaiveDate,
        due_date: Option<NaiveDate>,
        lines: usize,
    ) -> Result<(), StepRefused> {
        if self.status != InvoiceStatus::Draft {
            return Err(StepRefused::status("It has been issued already."));
        }
        if lines == 0 {
            return Err(StepRefused::status("It has no lines."));
        }
        match self.kind {
            InvoiceKind::Invoice if self.client_id.is_none() => {
                return Err(StepRefused::status("It has no client; the client was deleted."));
            }
            InvoiceKind::CreditNote if self.total.minor() == 0 => {
                return Err(StepRefused::status("It takes back nothing."));
            }
            _ => {}
        }
        if self.kind == InvoiceKind::CreditNote && due_date.is_some() {
            return Err(StepRefused::NeverDue);
        }
        if due_date.is_some_and(|due| due < issue_date) {
            return Err(StepRefused::DueBeforeIssue(issue_date));
        }
        Ok(())
    }

    /// Notes that it was sent to the client. Sent again, it keeps its status.
    ///
    /// # Errors
    /// [`StepRefused`] for a draft, and for what is void.
    pub fn mark_sent(&self, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.status {
            InvoiceStatus::Draft => Err(StepRefused::status("It is a draft; issue it first.")),
            InvoiceStatus::Void => Err(StepRefused::status("It is void.")),
            InvoiceStatus::Issued => Ok(Self { status: InvoiceStatus::Sent, sent_at: Some(now), ..self.clone() }),
            _ => Ok(Self { sent_at: Some(now), ..self.clone() }),
        }
    }

    /// Withdraws it. Its number stays used.
    ///
    /// # Errors
    /// [`StepRefused`] for a draft, for what is void already, and when something was paid or credited.
    pub fn void(&self, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.status {
            InvoiceStatus::Draft => Err(StepRefused::status("It is a draft; delete it instead.")),
            InvoiceStatus::Void => Err(StepRefused::status("It is void already.")),
            _ if self.amount_paid.minor() != 0 => {
                Err(StepRefused::status("Something was paid; refund it first, or issue a credit note."))
            }
            _ if self.amount_credited.minor() != 0 => {
                Err(StepRefused::status("There is a credit note for it; void that first."))
            }
            _ => Ok(Self { status: InvoiceStatus::Void, voided_at: Some(now), paid_at: None, ..self.clone() }),
        }
    }

    /// Gives up what is still to be paid.
    ///
    /// # Errors
    /// [`StepRefused`] for a draft, a credit note, and what is void, paid or written off already.
    pub fn write_off(&self, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        match self.status {
            InvoiceStatus::Issued | InvoiceStatus::Sent | InvoiceStatus::PartlyPaid | InvoiceStatus::Overdue
                if self.balance().minor() > 0 =>
            {
                Ok(Self { status: InvoiceStatus::WrittenOff, written_off_at: Some(now), ..self.clone() })
            }
            InvoiceStatus::Draft => Err(StepRefused::status("It is a draft; delete it instead.")),
            _ if self.kind == InvoiceKind::CreditNote => {
                Err(StepRefused::status("It is a credit note; nothing is to be paid of it."))
            }
            InvoiceStatus::WrittenOff => Err(StepRefused::status("It is written off already.")),
            InvoiceStatus::Void => Err(StepRefused::status("It is void.")),
            _ => Err(StepRefused::status("There is nothing left to pay.")),
        }
    }

    /// Takes a payment. It is more than the open balance only if `may_exceed`. What was written off stays so until it is paid in
    /// full.
    ///
    /// # Errors
    /// [`StepRefused`] for a draft, a credit note, and what is void; for another currency, an amount that is not positive, and one
    /// that is more than the open balance.
    pub fn pay(&self, amount: Money, may_exceed: bool, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        self.check_payable()?;
        self.check_amount(amount)?;
        if amount.minor() > self.balance().minor() && !may_exceed {
            return Err(StepRefused::TooMuch(Money::from_minor(self.balance().minor().max(0), self.currency())));
        }
        let amount_paid = self.amount_paid.checked_add(amount)?;
        Ok(Self { amount_paid, ..self.clone() }.settled(now))
    }

    /// Pays back a part of what was paid, or takes back a payment. What is open again afterwards is no longer paid.
    ///
    /// # Errors
    /// As [`pay`](Self::pay); [`StepRefused::MoreThanPaid`].
    pub fn refund(&self, amount: Money, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        self.check_payable()?;
        self.check_amount(amount)?;
        if amount.minor() > self.amount_paid.minor() {
            return Err(StepRefused::MoreThanPaid(self.amount_paid));
        }
        let amount_paid = self.amount_paid.checked_sub(amount)?;
        Ok(Self { amount_paid, ..self.clone() }.settled(now))
    }

    /// Counts a credit note over `amount` against it.
    ///
    /// # Errors
    /// [`StepRefused`] for a draft, a credit note, and what is void; for another currency, and when its credit notes would come to
    /// more than its total.
    pub fn credit(&self, amount: Money, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        self.check_payable()?;
        let left = self.total.checked_sub(self.amount_credited)?;
        let amount_credited = self.amount_credited.checked_add(amount)?;
        if amount_credited.minor() > self.total.minor() {
            return Err(StepRefused::MoreThanInvoiced(left));
        }
        Ok(Self { amount_credited, ..self.clone() }.settled(now))
    }

    /// Takes back a credit note that was counted against it.
    ///
    /// # Errors
    /// [`StepRefused`] for another currency, and for more than was credited.
    pub fn uncredit(&self, amount: Money, now: DateTime<Utc>) -> Result<Self, StepRefused> {
        let amount_credited = self.amount_credited.checked_sub(amount)?;
        if amount_credited.minor() < 0 {
            return Err(StepRefused::Overflow);
        }
        let left = Self { amount_credited, ..self.clone() };
        // What is void stays so.
        Ok(if self.status == InvoiceStatus::Void { left } else { left.settled(now) })
    }

    fn check_payable(&self) -> Result<(), StepRefused> {
        match (self.kind, self.status) {
            (InvoiceKind::CreditNote, _) => Err(StepRefused::status(
                "It is a credit note; payments and refunds belong to the invoice that it corrects.",
            )),
            (_, InvoiceStatus::Draft) => Err(StepRefused::status("It is a draft; issue it first.")),
            (_, InvoiceStatus::Void) => Err(StepRefused::status("It is void.")),
            _ => Ok(()),
        }
    }

    fn check_amount(&self, amount: Money) -> Result<(), StepRefused> {
        if amount.currency() != self.currency() {
            return Err(StepRefused::Currency);
        }
        if amount.minor() <= 0 { Err(StepRefused::NotPositive) } else { Ok(()) }
    }

    /// The invoice with the status that follows from what is paid and credited.
    fn settled(self, now: DateTime<Utc>) -> Self {
        if self.balance().minor() <= 0 {
            let paid_at = self.paid_at.or(Some(now));
            return Self { status: InvoiceStatus::Paid, paid_at, ..self };
        }
        let status = if self.written_off_at.is_some() { InvoiceStatus::WrittenOff } else { self.unsettled_status() };
        Self { status, paid_at: None, ..self }
    }

    /// The status of an issued invoice with an open balance, whatever the day.
    fn unsettled_status(&self) -> InvoiceStatus {
        if self.amount_paid.minor() > 0 {
            InvoiceStatus::PartlyPaid
        } else if self.sent_at.is_some() {
            InvoiceStatus::Sent
        } else {
            InvoiceStatus::Issued
        }
    }
}

#[cfg(test)]
mod tests;
