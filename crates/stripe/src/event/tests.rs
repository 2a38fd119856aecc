//! Events of both generations of the API, and invalid ones.

use serde_json::json;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn event(kind: &str, object: &Value) -> Event {
    let body = json!({ "id": "evt_1", "type": kind, "created": 1_000, "data": { "object": object } });
    Event::parse(body.to_string().as_bytes()).unwrap()
}

#[test]
fn a_subscriptions_period_is_read_from_either_place() {
    let older = json!({
        "id": "sub_1", "customer": "cus_1", "status": "trialing", "start_date": 900, "trial_end": 2_000,
        "current_period_start": 1_000, "current_period_end": 2_000, "cancel_at_period_end": false, "cancel_at": null,
        "metadata": { "organization_id": "org_1", "plan": "pro" },
        "items": { "data": [{ "price": { "id": "price_1", "lookup_key": null } }] },
    });
    let newer = json!({
        "id": "sub_1", "customer": { "id": "cus_1" }, "status": "trialing", "start_date": 900, "trial_end": 2_000,
        "cancel_at_period_end": false, "metadata": { "organization_id": "org_1" },
        "items": { "data": [{ "price": { "id": "price_1" }, "current_period_start": 1_000, "current_period_end": 2_000 }] },
    });
    let expected = Subscription {
        id: "sub_1".into(),
        organization: Some("org_1".into()),
        status: Status::Trialing,
        prices: vec![Price { id: "price_1".into(), lookup_key: None }],
        period: Some((at(1_000), at(2_000))),
        started_at: Some(at(900)),
        trial_ends_at: Some(at(2_000)),
        ends_with_period: false,
        ended_at: None,
    };
    for object in [older, newer] {
        let event = event("customer.subscription.created", &object);
        assert_eq!(event.content, Content::SubscriptionCreated(expected.clone()));
        assert_eq!(event.customer.as_deref(), Some("cus_1"));
        assert_eq!((event.subscription(), event.organization()), (Some("sub_1"), Some("org_1")));
    }
}

#[test]
fn an_invoices_subscription_is_read_from_either_place() {
    let older = json!({
        "id": "in_1", "customer": "cus_1", "subscription": "sub_1", "billing_reason": "subscription_cycle",
        "subscription_details": { "metadata": { "organization_id": "org_1" } },
        "lines": { "data": [
            { "period": { "start": 500, "end": 3_000 }, "proration": true },
            { "period": { "start": 1_000, "end": 2_000 }, "proration": false },
        ] },
    });
    let newer = json!({
        "id": "in_1", "customer": "cus_1", "billing_reason": "subscription_cycle",
        "parent": { "subscription_details": { "subscription": "sub_1", "metadata": { "organization_id": "org_1" } } },
        "lines": { "data": [
            { "period": { "start": 500, "end": 3_000 },
              "parent": { "subscription_item_details": { "proration": true } } },
            { "period": { "start": 1_000, "end": 2_000 }, "parent": { "subscription_item_details": {} } },
        ] },
    });
    let expected = Invoice {
        subscription: Some("sub_1".into()),
        organization: Some("org_1".into()),
        is_renewal: true,
        period: Some((at(1_000), at(2_000))),
    };
    for mut object in [older, newer] {
        assert_eq!(event("invoice.paid", &object).content, Content::InvoicePaid(expected.clone()));
        // A change of interval charges for the period that it begins. Other bills in between charge for no period.
        for (reason, period) in
            [("subscription_update", expected.period), ("subscription_threshold", None), ("manual", None)]
        {
            object["billing_reason"] = reason.into();
            let failed = event("invoice.payment_failed", &object).content;
            let Content::InvoicePaymentFailed(invoice) = failed else { panic!() };
            assert_eq!((invoice.is_renewal, invoice.period), (false, period), "{reason}");
        }
    }
}

#[test]
fn only_whole_periods_of_the_subscription_count() {
    let whole = json!({ "period": { "start": 1_000, "end": 2_000 }, "type": "subscription" });
    // Usage of the previous month is on the same bill, with an earlier period.
    let usage = json!({ "period": { "start": 1, "end": 1_000 }, "type": "subscription" });
    let later = json!({ "start": 1_500, "end": 9_000 });
    let extra = json!({ "period": later, "type": "invoiceitem" });
    let newer_extra = json!({ "period": later, "parent": { "invoice_item_details": { "invoice_item": "ii_1" } } });
    let rest = json!({ "period": later, "type": "invoiceitem", "proration": true });
    let period = |lines: &[&serde_json::Value]| {
        let object = json!({ "billing_reason": "subscription_update", "lines": { "data": lines } });
        let Content::InvoicePaid(invoice) = event("invoice.paid", &object).content else { panic!() };
        invoice.period
    };
    assert_eq!(period(&[&usage, &whole, &extra, &newer_extra, &rest]), Some((at(1_000), at(2_000))));
    assert_eq!(period(&[&extra, &newer_extra, &rest]), None);
}

#[test]
fn a_checkout_identifies_the_organization_in_either_field() {
    for object in [
        json!({ "customer": "cus_1", "subscription": "sub_1", "client_reference_id": "org_1", "metadata": {} }),
        json!({ "customer": "cus_1", "subscription": { "id": "sub_1" }, "metadata": { "organization_id": "org_1" } }),
    ] {
        let event = event("checkout.session.completed", &object);
        assert_eq!((event.subscription(), event.organization()), (Some("sub_1"), Some("org_1")));
    }
}

#[test]
fn an_event_with_an_unknown_object_is_still_an_event() {
    assert_eq!(event("charge.succeeded", &json!({ "customer": "cus_1" })).content, Content::Other);
    assert_eq!(event("charge.succeeded", &json!({ "customer": "cus_1" })).customer.as_deref(), Some("cus_1"));
    assert_eq!(event("customer.created", &json!({ "id": "cus_2" })).customer.as_deref(), Some("cus_2"));
    for object in [json!({}), json!(null), json!({ "id": 1, "status": [] })] {
        assert_eq!(event("customer.subscription.updated", &object).content, Content::NotUnderstood);
    }
    let odd = json!({ "id": "sub_1", "status": "hibernating", "current_period_start": 9, "current_period_end": 3 });
    let event = event("customer.subscription.updated", &odd);
    let snapshot = event.snapshot().unwrap();
    assert_eq!((snapshot.status, snapshot.period, &snapshot.prices[..]), (Status::Unknown, None, &[][..]));
}

#[test]
fn an_end_time_counts_if_it_is_the_end_of_the_period() {
    for (cancel_at, expected) in [(1_500, true), (2_000, true), (2_001, false)] {
        let object = json!({
            "id": "sub_1", "status": "active", "cancel_at": cancel_at,
            "current_period_start": 1_000, "current_period_end": 2_000,
        });
        let event = event("customer.subscription.updated", &object);
        assert_eq!(event.snapshot().unwrap().ends_with_period, expected, "{cancel_at}");
    }
}

#[test]
fn invalid_events_are_refused() {
    let long = format!("\"{}\"", "e".repeat(256));
    for (id, created) in [("1", "1"), ("\"\"", "1"), (&*long, "1"), ("\"evt\"", "-1"), ("\"evt\"", "999999999999999")] {
        let body = format!(r#"{{"id":{id},"type":"t","created":{created},"data":{{"object":{{}}}}}}"#);
        assert!(Event::parse(body.as_bytes()).is_err(), "{body}");
    }
    for body in
        ["", "[]", "{}", "null", "{\"id\":\"evt_1\"}", "\u{feff}{}", "{\"id\":\"e\",\"type\":\"t\",\"created\":1}"]
    {
        assert!(Event::parse(body.as_bytes()).is_err(), "{body}");
    }
}
