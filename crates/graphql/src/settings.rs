//! The settings of an organization's invoices: what is read of them, and their mutation.

use async_graphql::{Context, InputObject, MaybeUndefined, Object, Result, SimpleObject};
use tenantry_domain::invoice::{InvoiceKind, TaxCategory};
use tenantry_domain::numbering::{NumberFormat as Format, NumberReset, PatternError};
use tenantry_domain::party::Seller as DomainSeller;
use tenantry_domain::permission::Operation;
use tenantry_domain::settings::{Settings as Record, SettingsChanges};
use tenantry_domain::{Change, FieldError, FieldErrorCode, Violations};
use tenantry_executor::object::Ordered;
use tenantry_executor::scalar::{CurrencyCode, DecimalText, Timestamp};
use tenantry_service::noun::check_input;
use tenantry_service::settings as service;

use crate::error::UserError;
use crate::invoice::{TaxInput, read_taxes};
use crate::mutation::{nullable, payload, required, write};
use crate::noun::Choice;
use crate::party::{Seller, SellerInput};

/// The settings of the organization's invoices.
#[derive(SimpleObject)]
pub(crate) struct Settings {
    /// The currency of a new invoice that names none; null if it has to name one.
    currency: Option<CurrencyCode>,
    /// The taxes of a new invoice that names none.
    taxes: Vec<DefaultTax>,
    /// Whether the rates of a new invoice contain the taxes, if it does not say.
    prices_include_tax: bool,
    /// How many days after its date an invoice is due, if it does not say; null if it is not due then.
    payment_days: Option<i32>,
    /// The numbers of invoices.
    invoice_numbers: NumberFormat,
    /// The numbers of credit notes.
    credit_note_numbers: NumberFormat,
    /// The organization as it is on its invoices.
    seller: Seller,
    /// When the settings last changed; null if they never did.
    updated_at: Option<Timestamp>,
}

/// A tax of new invoices.
#[derive(SimpleObject)]
pub(crate) struct DefaultTax {
    /// Its name.
    name: String,
    /// The tax as a fraction: 0.18 is 18 %.
    rate: DecimalText,
    /// How it treats what it applies to.
    category: Choice<TaxCategory>,
    /// Why no tax is due; null if that is not said.
    reason: Option<String>,
}

/// How the numbers of invoices or credit notes are written, and when they begin anew.
#[derive(SimpleObject)]
pub(crate) struct NumberFormat {
    /// The pattern, such as `INV-{year}-{seq:04}`.
    pattern: String,
    /// When they begin with 1 again.
    reset: Choice<NumberReset>,
}

impl From<&Record> for Settings {
    fn from(settings: &Record) -> Self {
        let taxes = settings.taxes.iter().map(|tax| DefaultTax {
            name: tax.name.clone(),
            rate: DecimalText(tax.rate),
            category: Choice(tax.category),
            reason: tax.reason.clone(),
        });
        Self {
            currency: settings.currency.map(CurrencyCode),
            taxes: taxes.collect(),
            prices_include_tax: settings.prices_include_tax,
            payment_days: settings.payment_days,
            invoice_numbers: (&settings.invoice_numbers).into(),
            credit_note_numbers: (&settings.credit_note_numbers).into(),
            seller: settings.seller.clone().into(),
            updated_at: settings.updated_at.map(Timestamp),
        }
    }
}

impl From<Settings> for Ordered<Settings> {
    fn from(settings: Settings) -> Self {
        Self(settings)
    }
}

impl From<&Format> for NumberFormat {
    fn from(format: &Format) -> Self {
        Self { pattern: format.pattern.to_string(), reset: Choice(format.reset) }
    }
}

/// How numbers are written, and when they begin anew.
#[derive(InputObject)]
pub(crate) struct NumberFormatInput {
    /// The pattern, such as `INV-{year}-{seq:04}`; at most 40 characters. `{year}`, `{yy}` and `{month}` are those of the invoice date.
    /// `{seq}` is the number and stands in it once; `{seq:04}` fills it up with zeros to four digits, of at most twelve.
    pattern: String,
    /// When they begin with 1 again. The pattern has to tell the years, or the months, apart.
    reset: Choice<NumberReset>,
}

/// Changes to the settings. Fields that are not given stay. Null clears a field that may be empty; other fields refuse it.
#[derive(InputObject)]
pub(crate) struct UpdateSettingsInput {
    /// Refuse with `CONFLICT` unless the settings were last changed at this time.
    expected_updated_at: Option<Timestamp>,
    /// The currency of a new invoice that names none.
    currency: MaybeUndefined<CurrencyCode>,
    /// Replaces the taxes of a new invoice that names none; at most 10.
    taxes: MaybeUndefined<Vec<TaxInput>>,
    /// Whether the rates of a new invoice contain the taxes, if it does not say.
    prices_include_tax: MaybeUndefined<bool>,
    /// How many days after its date an invoice is due, if it does not say; 0 to 365.
    payment_days: MaybeUndefined<i32>,
    /// The numbers of invoices.
    invoice_numbers: MaybeUndefined<NumberFormatInput>,
    /// The numbers of credit notes.
    credit_note_numbers: MaybeUndefined<NumberFormatInput>,
    /// Replaces all that is said of the organization on its invoices.
    seller: MaybeUndefined<SellerInput>,
}

payload! {
    /// The result of changing the settings.
    UpdateSettingsPayload {
        /// The settings as they are now.
        settings: Ordered<Settings>
    }
}

/// Which number comes next.
#[derive(InputObject)]
pub(crate) struct SetNextNumberInput {
    /// Of invoices or of credit notes.
    kind: Choice<InvoiceKind>,
    /// The next number, without its pattern: more than every number that was given in this period; at most 999,999,999.
    next: i32,
}

/// The result of setting the next number.
#[derive(SimpleObject, Default)]
pub(crate) struct SetNextNumberPayload {
    /// The number as an invoice of today would have it; null if the mutation was refused.
    number: Option<String>,
    /// Why the mutation was refused; empty if it succeeded.
    user_errors: Vec<UserError>,
}

/// The root fields that write settings.
#[derive(Default)]
pub(crate) struct SettingsMutation;

#[Object]
impl SettingsMutation {
    /// Changes the settings of the organization's invoices. Invoices that are there stay as they are. Only owners and admins may do this.
    async fn update_settings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The changes to the settings.")] input: UpdateSettingsInput,
    ) -> Result<Option<Ordered<UpdateSettingsPayload>>> {
        let mut faults = Violations::default();
        let changes = SettingsChanges {
            currency: nullable(input.currency, |code| code.0),
            taxes: required(&mut faults, "taxes", input.taxes, read_taxes),
            prices_include_tax: required(&mut faults, "pricesIncludeTax", input.prices_include_tax, |is| is),
            payment_days: nullable(input.payment_days, |days| days),
            invoice_numbers: numbers(&mut faults, "invoiceNumbers", input.invoice_numbers),
            credit_note_numbers: numbers(&mut faults, "creditNoteNumbers", input.credit_note_numbers),
            seller: required(&mut faults, "seller", input.seller, DomainSeller::from),
        };
        let expected = input.expected_updated_at.map(|time| time.0);
        let updated = write(context, |scope| {
            let (changes, faults) = (changes.clone(), faults.clone());
            Box::pin(async move {
                check_input(scope, Operation::ManageSettings, faults)?;
                service::update(scope, expected, changes).await
            })
        });
        Ok(Some(updated.await?.map(|settings| Settings::from(&settings)).into()))
    }

    /// Sets the number that the next invoice or credit note of today's period gets, for organizations that have issued some elsewhere. A number
    /// that may have been given is refused. Only owners and admins may do this.
    async fn set_next_number(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which number comes next.")] input: SetNextNumberInput,
    ) -> Result<Option<Ordered<SetNextNumberPayload>>> {
        let SetNextNumberInput { kind: Choice(kind), next } = input;
        let set = write(context, |scope| Box::pin(service::set_next_number(scope, kind, next))).await?;
        Ok(Some(Ordered(match set {
            Ok(number) => SetNextNumberPayload { number: Some(number), user_errors: Vec::new() },
            Err(user_errors) => SetNextNumberPayload { number: None, user_errors },
        })))
    }
}

fn numbers(faults: &mut Violations, name: &str, given: MaybeUndefined<NumberFormatInput>) -> Change<Format> {
    let Change::Set(given) = required(faults, name, given, |given| given) else { return Change::Keep };
    match given.pattern.parse() {
        Ok(pattern) => Change::Set(Format { pattern, reset: given.reset.0 }),
        Err(error) => {
            let code = if error == PatternError::TooLong { FieldErrorCode::TooLong } else { FieldErrorCode::Invalid };
            faults.push(FieldError::new(code, "pattern", error.to_string()).within(&[name]));
            Change::Keep
        }
    }
}
