//! An organization's settings for its invoices. An organization that has not changed any has the default ones.

use chrono::{DateTime, Utc};

use crate::change::Change;
use crate::currency::Currency;
use crate::invoice::{InvoiceKind, Tax, checked_taxes};
use crate::numbering::NumberFormat;
use crate::party::Seller;
use crate::validate::{FieldError, FieldErrorCode, Violations};

/// An organization's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The currency of a new invoice that names none.
    pub currency: Option<Currency>,
    /// The taxes of a new invoice that names none.
    pub taxes: Vec<Tax>,
    /// Whether the rates of a new invoice contain the taxes, if it does not say.
    pub prices_include_tax: bool,
    /// How many days after its date an invoice is due, if it does not say.
    pub payment_days: Option<i32>,
    /// The numbers of invoices.
    pub invoice_numbers: NumberFormat,
    /// The numbers of credit notes.
    pub credit_note_numbers: NumberFormat,
    /// The organization as it is on its invoices.
    pub seller: Seller,
    /// When the settings last changed; `None` if they never did.
    pub updated_at: Option<DateTime<Utc>>,
}

/// The changes of an update to the settings.
#[derive(Debug, Clone, Default)]
pub struct SettingsChanges {
    /// See [`Settings::currency`].
    pub currency: Change<Option<Currency>>,
    /// Replaces all of them. At most 10, of which no two have one name.
    pub taxes: Change<Vec<Tax>>,
    /// See [`Settings::prices_include_tax`].
    pub prices_include_tax: Change<bool>,
    /// 0 to [`MAX_PAYMENT_DAYS`].
    pub payment_days: Change<Option<i32>>,
    /// See [`NumberFormat`].
    pub invoice_numbers: Change<NumberFormat>,
    /// See [`NumberFormat`].
    pub credit_note_numbers: Change<NumberFormat>,
    /// Replaces all of it.
    pub seller: Change<Seller>,
}

/// The longest time for payment, in days.
pub const MAX_PAYMENT_DAYS: i32 = 365;

impl Default for Settings {
    fn default() -> Self {
        Self {
            currency: None,
            taxes: Vec::new(),
            prices_include_tax: false,
            payment_days: None,
            invoice_numbers: NumberFormat::default_of(InvoiceKind::Invoice),
            credit_note_numbers: NumberFormat::default_of(InvoiceKind::CreditNote),
            seller: Seller::default(),
            updated_at: None,
        }
    }
}

impl Settings {
    /// The numbers of this kind.
    pub fn numbers(&self, kind: InvoiceKind) -> &NumberFormat {
        match kind {
            InvoiceKind::Invoice => &self.invoice_numbers,
            InvoiceKind::CreditNote => &self.credit_note_numbers,
        }
    }
}

impl SettingsChanges {
    /// The settings after the changes.
    ///
    /// # Errors
    /// All fields that are out of bounds; number patterns that would give a number twice.
    pub fn apply(self, before: &Settings) -> Result<Settings, Violations> {
        let mut v = Violations::default();
        let days = self.payment_days.apply(before.payment_days);
        if days.is_some_and(|days| !(0..=MAX_PAYMENT_DAYS).contains(&days)) {
            let message = format!("This must be between 0 and {MAX_PAYMENT_DAYS}.");
            v.push(FieldError::new(FieldErrorCode::OutOfRange, "paymentDays", message));
        }
        let mut of_seller = Violations::default();
        let seller = self.seller.map(|seller| seller.checked(&mut of_seller)).apply(before.seller.clone());
        v.0.extend(of_seller.0.into_iter().map(|fault| fault.within(&["seller"])));
        let after = Settings {
            currency: self.currency.apply(before.currency),
            taxes: self.taxes.map(|taxes| checked_taxes(&mut v, "taxes", taxes)).apply(before.taxes.clone()),
            prices_include_tax: self.prices_include_tax.apply(before.prices_include_tax),
            payment_days: days,
            invoice_numbers: self.invoice_numbers.apply(before.invoice_numbers.clone()),
            credit_note_numbers: self.credit_note_numbers.apply(before.credit_note_numbers.clone()),
            seller,
            updated_at: before.updated_at,
        };
        after.invoice_numbers.check(&mut v, "invoiceNumbers");
        after.credit_note_numbers.check(&mut v, "creditNoteNumbers");
        if after.invoice_numbers.pattern.shape() == after.credit_note_numbers.pattern.shape() {
            let message = "Credit notes would get the numbers of invoices; use another pattern for one of them.";
            let fault = FieldError::new(FieldErrorCode::Taken, "creditNoteNumbers", message);
            v.push(FieldError { field: vec!["creditNoteNumbers".to_owned(), "pattern".to_owned()], ..fault });
        }
        v.into_result().map(|()| after)
    }
}
