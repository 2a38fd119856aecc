//! Invoices, the organization's own subscription, and its usage.

use chrono::{DateTime, Duration, Months, Utc};
use rust_decimal::Decimal;
use tenantry_domain::feature::Feature;
use tenantry_domain::invoice::{InvoiceStatus, NewLineItem};
use tenantry_domain::subscription::SubscriptionStatus;
use tenantry_domain::{ClientId, Currency, InvoiceTaskId, ProjectId, TaskId};
use tenantry_store::bulk::{BillingRow, InvoiceTaskRow, UsageRow};

use super::Rows;
use super::organization::Home;
use crate::bill::{self, Bill, LastNumbers, Period};
use crate::chance::{Chance, EPOCH};
use crate::error::SeedError;
use crate::text;

/// Currencies and their frequencies. Those with no and with three decimal digits are included on purpose.
const CURRENCIES: &[(&str, u64)] =
    &[("USD", 45), ("EUR", 22), ("GBP", 12), ("INR", 8), ("JPY", 5), ("BRL", 4), ("BHD", 2), ("SEK", 2)];

/// Tax rates in hundred-thousandths.
const TAX_RATES: &[(i64, u64)] =
    &[(0, 25), (18_000, 15), (19_000, 15), (20_000, 20), (21_000, 10), (7_250, 8), (9_975, 7)];

/// Billable work for a client.
pub(super) struct Occasion {
    pub(super) at: DateTime<Utc>,
    pub(super) client_id: ClientId,
    pub(super) project_id: ProjectId,
    pub(super) task_id: Option<TaskId>,
}

/// The currency and the tax rate that an organization bills with.
pub(super) fn habits(chance: &mut Chance) -> (Currency, Decimal) {
    (currency(chance), Decimal::new(chance.weighted(TAX_RATES), 5).normalize())
}

fn currency(chance: &mut Chance) -> Currency {
    // All of them are currencies that `domain` knows.
    chance.weighted(CURRENCIES).parse().unwrap_or(Currency::USD)
}

/// Generates the subscription, the invoices, and the usage counters.
pub(super) async fn make(
    rows: &mut Rows<'_>,
    home: &mut Home,
    tasks: u64,
    mut occasions: Vec<Occasion>,
) -> Result<(), SeedError> {
    let billing = subscription(home, tasks);
    rows.load.push(&billing).await?;
    let periods = periods(&billing);
    let mut drafted = [0_i64; 3];
    // The numbers follow the dates. The project is a tie-breaker, so that the same seed always gives the same order.
    occasions.sort_unstable_by_key(|occasion| (occasion.at, occasion.project_id));
    let (mut issued, mut last_numbers) = (0, LastNumbers::default());
    for occasion in occasions {
        let bill = bill(home, &occasion, &mut issued);
        if bill.number.is_some() {
            last_numbers.note(bill.created_at.date_naive(), issued);
        }
        for (count, period) in drafted.iter_mut().zip(&periods) {
            *count += i64::from(period.0 <= bill.created_at && bill.created_at < period.1);
        }
        let (row, payment) = bill.into_rows()?;
        rows.load.push(&row).await?;
        if let Some(payment) = payment {
            rows.load.push(&payment).await?;
        }
        if let Some(task_id) = occasion.task_id {
            let created_at = row.invoice.created_at;
            let id: InvoiceTaskId = home.chance.id(created_at);
            let link = InvoiceTaskRow { id, organization_id: home.id, invoice_id: row.invoice.id, task_id, created_at };
            rows.load.push(&link).await?;
        }
    }
    for counter in last_numbers.into_rows(home.id, EPOCH, || home.chance.id(EPOCH)) {
        rows.load.push(&counter).await?;
    }
    for (count, period) in drafted.into_iter().zip(periods) {
        usage(rows, home, Feature::InvoicesPerMonth, period, count).await?;
        let calls = i64::try_from(home.chance.between(tasks / 2, tasks * 2 + 50)).unwrap_or(0);
        usage(rows, home, Feature::ApiCallsPerMonth, period, calls).await?;
    }
    Ok(())
}

fn bill(home: &mut Home, occasion: &Occasion, issued: &mut u64) -> Bill {
    let chance = &mut home.chance;
    let age = (EPOCH - occasion.at).num_days();
    let due_in_days = chance.pick(&[7, 14, 14, 30, 30, 30, 60]);
    let late = due_in_days < age;
    let status = if age < 45 && chance.percent(25) {
        InvoiceStatus::Draft
    } else if chance.percent(2) {
        InvoiceStatus::Void
    } else if chance.percent(if late { 88 } else { 40 }) {
        InvoiceStatus::Paid
    } else if late && chance.percent(70) {
        InvoiceStatus::Overdue
    } else {
        // Some of these are overdue and not marked as such yet, which is a state that the product must handle.
        InvoiceStatus::Sent
    };
    let number = (status != InvoiceStatus::Draft).then(|| {
        *issued += 1;
        bill::number(occasion.at.date_naive(), *issued)
    });
    // Almost always the organization's own currency, but a client abroad pays in another one.
    let currency = if chance.percent(93) { home.currency } else { currency(chance) };
    let lines =
        (0..chance.weighted(&[(1, 25), (2, 30), (3, 22), (4, 13), (6, 8), (9, 2)])).map(|_| line(chance, currency));
    Bill {
        lines: lines.collect(),
        id: chance.id(occasion.at),
        organization_id: home.id,
        client_id: Some(occasion.client_id),
        project_id: Some(occasion.project_id),
        created_by: chance.pick(&home.workers),
        number,
        status,
        currency,
        tax_rate: home.tax_rate,
        created_at: occasion.at,
        due_in_days,
        part_paid: if chance.percent(15) { 50 } else { 0 },
        settled_at: chance.soon(occasion.at, due_in_days + 10, EPOCH),
        notes: chance.maybe(12, |_| "Thank you for your business! 🙏".to_owned()),
        payment_id: chance.id(occasion.at),
    }
}

fn line(chance: &mut Chance, currency: Currency) -> NewLineItem {
    // Hours in quarters; a rate in quarters of the major unit, or in hundreds if there is no minor unit.
    let quarters = |number: u64| Decimal::new(i64::try_from(number * 25).unwrap_or(25), 2);
    let quantity = quarters(chance.between(1, 320)).normalize();
    let rate = if currency.digits() == 0 {
        Decimal::from(chance.between(20, 300) * 100)
    } else {
        quarters(chance.between(80, 800)).normalize()
    };
    NewLineItem::new(text::line(chance), quantity, rate)
}

/// The subscription of an organization of this size. Larger ones usually have larger plans. Some have outgrown their
/// plan and some have just been downgraded, so that limits are reached and exceeded.
fn subscription(home: &mut Home, tasks: u64) -> BillingRow {
    let chance = &mut home.chance;
    let (plan, status) = match home.known {
        Some("large") => ("enterprise", SubscriptionStatus::Active),
        Some("middling") => ("pro", SubscriptionStatus::Active),
        Some(_) => ("free", SubscriptionStatus::Active),
        None => {
            let plans: &[(&str, u64)] = match tasks {
                0..100 => &[("free", 88), ("solo", 10), ("pro", 2)],
                100..400 => &[("free", 40), ("solo", 52), ("pro", 8)],
                400..1_500 => &[("free", 12), ("solo", 58), ("pro", 30)],
                1_500..8_000 => &[("free", 4), ("solo", 26), ("pro", 70)],
                _ => &[("pro", 60), ("enterprise", 40)],
            };
            let statuses = [
                (SubscriptionStatus::Active, 86),
                (SubscriptionStatus::Trialing, 5),
                (SubscriptionStatus::PastDue, 4),
                (SubscriptionStatus::Canceled, 4),
                (SubscriptionStatus::Incomplete, 1),
            ];
            let plan = chance.weighted(plans);
            (plan, if plan == "free" { SubscriptionStatus::Active } else { chance.weighted(&statuses) })
        }
    };
    let paying = plan != "free";
    let day = u32::try_from(chance.between(1, 28)).unwrap_or(1);
    let period = paying.then(|| {
        let (start, end) = bill::month_from(day, EPOCH);
        // A cancelled subscription ended with an earlier period.
        let back = if status == SubscriptionStatus::Canceled { Months::new(2) } else { Months::new(0) };
        (start - back, end - back)
    });
    let number = home.id.as_uuid().simple().to_string();
    let reference = |prefix: &str| paying.then(|| format!("{prefix}_{number}"));
    BillingRow {
        organization_id: home.id,
        plan,
        status,
        stripe_customer_id: reference("cus"),
        stripe_subscription_id: reference("sub"),
        period,
        trial_ends_at: period.filter(|_| status == SubscriptionStatus::Trialing).map(|period| period.1),
        cancel_at_period_end: paying && status == SubscriptionStatus::Active && chance.percent(4),
        past_due_since: period.filter(|_| status == SubscriptionStatus::PastDue).map(|period| period.0),
        canceled_at: period.filter(|_| status == SubscriptionStatus::Canceled).map(|period| period.1),
        created_at: home.founded,
    }
}

/// The current period, and the two before it: billing periods if there is a subscription, else calendar months.
fn periods(billing: &BillingRow) -> [Period; 3] {
    let running = billing.period.filter(|period| period.1 > EPOCH);
    let current = running.unwrap_or_else(|| bill::calendar_month(EPOCH));
    [0, 1, 2].map(|back| (current.0 - Months::new(back), current.1 - Months::new(back)))
}

async fn usage(
    rows: &mut Rows<'_>,
    home: &mut Home,
    feature: Feature,
    period: Period,
    count: i64,
) -> Result<(), SeedError> {
    if count == 0 || period.1 <= home.founded + Duration::days(1) {
        return Ok(());
    }
    // Nothing refers to a counter, so its id has no type of its own; any id type can be used to generate one.
    let id = home.chance.id::<InvoiceTaskId>(period.0).as_uuid();
    rows.load.push(&UsageRow { id, organization_id: home.id, feature, period, count }).await?;
    Ok(())
}
