//! The steps of an invoice: which are allowed in which state, and what they make of it.

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::currency::Currency;
use crate::id::{ClientId, InvoiceId, OrganizationId};

const EUR: Currency = Currency::EUR;

fn euros(cents: i64) -> Money {
    Money::from_minor(cents, EUR)
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH
}

fn draft(cents: i64) -> Invoice {
    Invoice {
        id: InvoiceId::from_uuid(Uuid::nil()),
        organization_id: OrganizationId::from_uuid(Uuid::nil()),
        client_id: Some(ClientId::from_uuid(Uuid::nil())),
        project_id: None,
        kind: InvoiceKind::Invoice,
        corrects_id: None,
        number: None,
        status: InvoiceStatus::Draft,
        issue_date: day("2026-01-01"),
        due_date: Some(day("2026-01-31")),
        dated_on_issue: false,
        tax_rate: None,
        prices_include_tax: false,
        subtotal: euros(cents),
        discount_rate: None,
        discount: euros(0),
        tax_amount: euros(0),
        total: euros(cents),
        amount_paid: euros(0),
        amount_credited: euros(0),
        notes: None,
        issued_at: None,
        sent_at: None,
        paid_at: None,
        voided_at: None,
        written_off_at: None,
        created_by: None,
        created_at: now(),
        updated_at: now(),
    }
}

fn issued(cents: i64) -> Invoice {
    let draft = draft(cents);
    draft.issue("INV-1".to_owned(), draft.issue_date, draft.due_date, 1, now()).expect("a draft")
}

fn is_wrong_status<T: std::fmt::Debug>(result: &Result<T, StepRefused>) -> bool {
    matches!(result, Err(StepRefused::WrongStatus { .. }))
}

#[test]
fn an_invoice_is_issued_sent_paid_in_parts_and_reopened_by_a_refund() {
    let invoice = issued(100);
    assert_eq!((invoice.status, invoice.number.as_deref()), (InvoiceStatus::Issued, Some("INV-1")));
    let invoice = invoice.mark_sent(now()).expect("issued");
    let invoice = invoice.pay(euros(40), false, now()).expect("open");
    assert_eq!((invoice.status, invoice.balance()), (InvoiceStatus::PartlyPaid, euros(60)));
    assert_eq!(invoice.pay(euros(61), false, now()), Err(StepRefused::TooMuch(euros(60))));
    let paid = invoice.pay(euros(60), false, now()).expect("open");
    assert_eq!((paid.status, paid.paid_at), (InvoiceStatus::Paid, Some(now())));
    let more = paid.pay(euros(5), true, now()).expect("asked for");
    assert_eq!((more.status, more.balance()), (InvoiceStatus::Paid, euros(-5)));
    let reopened = paid.refund(euros(1), now()).expect("paid");
    assert_eq!((reopened.status, reopened.paid_at), (InvoiceStatus::PartlyPaid, None));
    let all = reopened.refund(euros(99), now()).expect("paid");
    assert_eq!(all.status, InvoiceStatus::Sent, "as before the payments");
    assert_eq!(all.refund(euros(1), now()), Err(StepRefused::MoreThanPaid(euros(0))));
}

#[test]
fn wrong_steps_are_refused() {
    let (draft, issued) = (draft(100), issued(100));
    let void = issued.void(now()).expect("nothing paid");
    let note = Invoice { kind: InvoiceKind::CreditNote, ..issued.clone() };
    for invoice in [&issued, &void] {
        assert!(is_wrong_status(&invoice.check_issue(invoice.issue_date, None, 1)));
    }
    for invoice in [&draft, &void] {
        assert!(is_wrong_status(&invoice.mark_sent(now())));
        assert!(is_wrong_status(&invoice.void(now())));
        assert!(is_wrong_status(&invoice.write_off(now())));
    }
    for invoice in [&draft, &void, &note] {
        assert!(is_wrong_status(&invoice.pay(euros(1), true, now())));
        assert!(is_wrong_status(&invoice.refund(euros(1), now())));
        assert!(is_wrong_status(&invoice.credit(euros(1), now())));
    }
    assert!(is_wrong_status(&note.write_off(now())), "nothing is to be paid");
    let paid = issued.pay(euros(1), false, now()).expect("open");
    assert!(is_wrong_status(&paid.void(now())), "something was paid");
    assert!(is_wrong_status(&issued.credit(euros(1), now()).expect("issued").void(now())));
    assert!(is_wrong_status(&draft.check_issue(draft.issue_date, None, 0)), "no lines");
    let nothing = Invoice { kind: InvoiceKind::CreditNote, due_date: None, total: euros(0), ..draft.clone() };
    assert!(is_wrong_status(&nothing.check_issue(draft.issue_date, None, 1)), "it takes back nothing");
    let orphan = Invoice { client_id: None, ..draft.clone() };
    assert!(is_wrong_status(&orphan.check_issue(draft.issue_date, None, 1)));
    let late = draft.check_issue(day("2026-02-01"), draft.due_date, 1);
    assert_eq!(late, Err(StepRefused::DueBeforeIssue(day("2026-02-01"))));
    for amount in [0, -1] {
        assert_eq!(issued.pay(euros(amount), true, now()), Err(StepRefused::NotPositive));
        assert_eq!(issued.refund(euros(amount), now()), Err(StepRefused::NotPositive));
    }
    let dollars = Money::from_minor(1, Currency::USD);
    assert_eq!(issued.pay(dollars, true, now()), Err(StepRefused::Currency));
    assert_eq!(issued.credit(dollars, now()), Err(StepRefused::Currency));
    assert_eq!(
        issued.pay(euros(i64::MAX), true, now()).and_then(|paid| paid.pay(euros(1), true, now())),
        Err(StepRefused::Overflow)
    );
}

#[test]
fn credit_notes_count_against_the_invoice_and_no_further() {
    let invoice = issued(100).credit(euros(30), now()).expect("issued");
    assert_eq!((invoice.status, invoice.balance()), (InvoiceStatus::Issued, euros(70)));
    assert_eq!(invoice.credit(euros(71), now()), Err(StepRefused::MoreThanInvoiced(euros(70))));
    let all = invoice.credit(euros(70), now()).expect("the rest");
    assert_eq!(all.status, InvoiceStatus::Paid);
    assert_eq!(all.uncredit(euros(100), now()).expect("taken back").status, InvoiceStatus::Issued);
    // What was paid before is owed to the client.
    let paid = issued(100).pay(euros(100), false, now()).expect("open").credit(euros(100), now()).expect("issued");
    assert_eq!((paid.status, paid.balance()), (InvoiceStatus::Paid, euros(-100)));
    let back = paid.refund(euros(100), now()).expect("paid");
    assert_eq!((back.status, back.balance()), (InvoiceStatus::Paid, euros(0)));
}

#[test]
fn what_is_written_off_stays_so_until_it_is_paid_in_full() {
    let invoice = issued(100).write_off(now()).expect("open");
    assert_eq!(invoice.status_on(day("2030-01-01")), InvoiceStatus::WrittenOff);
    let part = invoice.pay(euros(10), false, now()).expect("open");
    assert_eq!(part.status, InvoiceStatus::WrittenOff);
    let paid = part.pay(euros(90), false, now()).expect("open");
    assert_eq!(paid.status, InvoiceStatus::Paid);
    assert_eq!(paid.refund(euros(90), now()).expect("paid").status, InvoiceStatus::WrittenOff, "as before the payment");
}

#[test]
fn an_open_invoice_is_overdue_from_the_day_after_its_due_date() {
    let invoice = issued(100);
    assert_eq!(invoice.status_on(day("2026-01-31")), InvoiceStatus::Issued);
    assert_eq!(invoice.status_on(day("2026-02-01")), InvoiceStatus::Overdue);
    let part = invoice.pay(euros(1), false, now()).expect("open");
    assert_eq!(part.status_on(day("2026-02-01")), InvoiceStatus::Overdue);
    let credited = invoice.credit(euros(100), now()).expect("issued");
    assert_eq!(credited.status_on(day("2026-02-01")), InvoiceStatus::Paid);
    let note = Invoice { kind: InvoiceKind::CreditNote, ..draft(100) };
    assert_eq!(note.check_issue(note.issue_date, note.due_date, 1), Err(StepRefused::NeverDue));
    let marked = Invoice { status: InvoiceStatus::Overdue, ..part };
    assert_eq!(marked.status_on(day("2026-01-31")), InvoiceStatus::PartlyPaid);
    assert_eq!(draft(100).status_on(day("2030-01-01")), InvoiceStatus::Draft);
    assert_eq!(issued(0).status, InvoiceStatus::Paid, "there is nothing to pay");
}

/// A step with an amount.
#[derive(Debug, Clone, Copy)]
enum Step {
    Pay(i64),
    Refund(i64),
    Credit(i64),
    Uncredit(i64),
    Void,
    WriteOff,
    Send,
}

fn some_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_i64..120).prop_map(Step::Pay),
        (1_i64..120).prop_map(Step::Refund),
        (0_i64..120).prop_map(Step::Credit),
        (0_i64..120).prop_map(Step::Uncredit),
        Just(Step::Void),
        Just(Step::WriteOff),
        Just(Step::Send),
    ]
}

proptest! {
    #[test]
    fn no_steps_lead_to_wrong_amounts(steps in prop::collection::vec(some_step(), 0..30)) {
        let mut invoice = issued(100);
        for step in steps {
            let next = match step {
                Step::Pay(amount) => invoice.pay(euros(amount), false, now()),
                Step::Refund(amount) => invoice.refund(euros(amount), now()),
                Step::Credit(amount) => invoice.credit(euros(amount), now()),
                Step::Uncredit(amount) => invoice.uncredit(euros(amount), now()),
                Step::Void => invoice.void(now()),
                Step::WriteOff => invoice.write_off(now()),
                Step::Send => invoice.mark_sent(now()),
            };
            invoice = next.unwrap_or(invoice);
            if invoice.voided_at.is_some() {
                prop_assert_eq!(invoice.status, InvoiceStatus::Void, "what is void stays so");
            }
            let (paid, credited) = (invoice.amount_paid.minor(), invoice.amount_credited.minor());
            prop_assert!((0..=100).contains(&paid) && (0..=100).contains(&credited));
            prop_assert_eq!(invoice.balance().minor(), 100 - paid - credited);
            let is_settled = invoice.balance().minor() <= 0;
            match invoice.status {
                InvoiceStatus::Paid => prop_assert!(is_settled && invoice.paid_at.is_some()),
                InvoiceStatus::Void => prop_assert!(paid == 0 && credited == 0),
                InvoiceStatus::PartlyPaid => prop_assert!(!is_settled && paid > 0),
                InvoiceStatus::Issued | InvoiceStatus::Sent => prop_assert!(!is_settled && paid == 0),
                InvoiceStatus::WrittenOff => prop_assert!(!is_settled),
                InvoiceStatus::Draft | InvoiceStatus::Overdue => prop_assert!(false, "{:?}", invoice.status),
            }
        }
    }
}
