//! Payments, refunds, expenses and income, and what they do to invoices.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tenantry_tests::{Answer, Session, TestApp};

const TRANSACTION: &str = "transaction { id kind amount { amount currency } occurredOn client { id } project { id } \
                           invoice { status amountPaid { amount } balance { amount } paidAt } updatedAt }";

fn usd(amount: &str) -> Value {
    json!({ "amount": amount, "currency": "USD" })
}

async fn enter(session: &Session, kind: &str, invoice: &Value, amount: &str) -> Answer {
    let input = json!({ "kind": kind, "invoiceId": invoice["id"], "amount": usd(amount) });
    session.mutate("createTransaction", input, TRANSACTION).await
}

/// An issued invoice over 100 dollars.
async fn issued(session: &Session, client: &Value) -> Value {
    let draft = session.create_invoice(client["id"].as_str().unwrap()).await;
    session.mutate("issueInvoice", json!({ "id": draft["id"] }), "invoice { id status }").await.expect_done().clone()
}

fn standing(transaction: &Value) -> String {
    let invoice = &transaction["invoice"];
    let texts = [&invoice["status"], &invoice["amountPaid"]["amount"], &invoice["balance"]["amount"]];
    texts.map(|text| text.as_str().unwrap()).join(" ")
}

#[tokio::test]
async fn an_invoice_is_paid_in_parts_and_reopened_by_a_refund() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client).await;
    let part = enter(&owner, "PAYMENT", &invoice, "40").await.expect_done().clone();
    assert_eq!(standing(&part), "PARTLY_PAID 40.00 60.00");
    assert_eq!((&part["client"]["id"], &part["project"]), (&client["id"], &Value::Null), "those of the invoice");
    enter(&owner, "PAYMENT", &invoice, "60.01").await.expect_refused(&[("OUT_OF_RANGE", "amount")]);
    enter(&owner, "REFUND", &invoice, "40.01").await.expect_refused(&[("OUT_OF_RANGE", "amount")]);
    let rest = enter(&owner, "PAYMENT", &invoice, "60").await.expect_done().clone();
    assert_eq!(standing(&rest), "PAID 100.00 0.00");
    let input = json!({ "kind": "PAYMENT", "invoiceId": invoice["id"], "amount": usd("5"), "allowOverpayment": true });
    let more = owner.mutate("createTransaction", input, TRANSACTION).await.expect_done().clone();
    assert_eq!(standing(&more), "PAID 105.00 -5.00");
    let back = enter(&owner, "REFUND", &invoice, "25").await.expect_done().clone();
    assert_eq!(standing(&back), "PARTLY_PAID 80.00 20.00");
    assert_eq!(back["invoice"]["paidAt"], Value::Null);
    let void = owner.mutate("voidInvoice", json!({ "id": invoice["id"] }), "invoice { id }").await;
    void.expect_refused(&[("WRONG_STATUS", "id")]);

    // Deleting an entry takes back what it did; a payment that was refunded cannot be taken back.
    let delete = async |entry: &Value| {
        owner.mutate("deleteTransaction", json!({ "id": entry["id"] }), "deletedTransactionId").await
    };
    delete(&back).await.expect_done();
    let id = invoice["id"].as_str().unwrap();
    let query =
        format!("{{ invoice(id: \"{id}\") {{ status amountPaid {{ amount }} transactions {{ totalCount }} }} }}");
    let found = owner.data(&query).await["invoice"].clone();
    assert_eq!(
        found,
        json!({ "status": "PAID", "amountPaid": { "amount": "105.00" }, "transactions": { "totalCount": 3 } })
    );
    enter(&owner, "REFUND", &invoice, "100").await.expect_done();
    delete(&part).await.expect_refused(&[("IN_USE", "id")]);
    delete(&more).await.expect_done();
    assert_eq!(owner.data(&query).await["invoice"]["amountPaid"]["amount"], "0.00");
    let stored = "SELECT (sum(CASE kind WHEN 'payment' THEN amount ELSE -amount END) = (SELECT amount_paid FROM app.invoices))::text
                  FROM app.transactions";
    assert_eq!(app.texts(stored).await, ["true"]);
}

#[tokio::test]
async fn wrong_entries_are_refused_by_their_field_and_nothing_is_written() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let (client, other) = (owner.create_client("Zoë").await, owner.create_client("Other").await);
    let invoice = issued(&owner, &client).await;
    let draft = owner.create_invoice(client["id"].as_str().unwrap()).await;
    let project = owner.create_project("Site", None).await;
    let payment = |more: Value| {
        let mut input = json!({ "kind": "PAYMENT", "invoiceId": invoice["id"], "amount": usd("1") });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    for (input, code, field) in [
        (payment(json!({ "amount": usd("0") })), "OUT_OF_RANGE", "amount"),
        (payment(json!({ "amount": usd("-1") })), "OUT_OF_RANGE", "amount"),
        (payment(json!({ "amount": usd("0.001") })), "OUT_OF_RANGE", "amount.amount"),
        (payment(json!({ "amount": { "amount": "1", "currency": "EUR" } })), "INVALID", "amount"),
        (payment(json!({ "clientId": other["id"] })), "INVALID", "clientId"),
        (payment(json!({ "projectId": project["id"] })), "INVALID", "projectId"),
        (payment(json!({ "kind": "EXPENSE" })), "INVALID", "invoiceId"),
        (payment(json!({ "invoiceId": draft["id"] })), "WRONG_STATUS", "invoiceId"),
        (payment(json!({ "invoiceId": null })), "REQUIRED", "invoiceId"),
        (payment(json!({ "invoiceId": "invoice_01h455vb4pex5vsknk084sn02q" })), "NOT_FOUND", "invoiceId"),
        (payment(json!({ "method": "x".repeat(51) })), "TOO_LONG", "method"),
    ] {
        owner.mutate("createTransaction", input, TRANSACTION).await.expect_refused(&[(code, field)]);
    }
    assert_eq!(app.texts("SELECT count(*)::text FROM app.transactions").await, ["0"]);
    assert_eq!(app.texts("SELECT sum(amount_paid)::text FROM app.invoices").await, ["0"]);
    owner.mutate("voidInvoice", json!({ "id": invoice["id"] }), "invoice { id }").await.expect_done();
    enter(&owner, "PAYMENT", &invoice, "1").await.expect_refused(&[("WRONG_STATUS", "invoiceId")]);
    let theirs = owner.create_project("Theirs", other["id"].as_str()).await;
    let input = json!({ "kind": "EXPENSE", "amount": usd("3"), "projectId": theirs["id"], "clientId": client["id"] });
    owner.mutate("createTransaction", input, TRANSACTION).await.expect_refused(&[("INVALID", "projectId")]);
    // What belongs to no invoice.
    for input in [
        json!({ "kind": "EXPENSE", "amount": usd("3"), "projectId": project["id"], "occurredOn": "2026-01-31" }),
        json!({ "kind": "INCOME", "amount": usd("4") }),
        json!({ "kind": "PAYMENT", "amount": usd("5"), "clientId": client["id"] }),
    ] {
        owner.mutate("createTransaction", input, TRANSACTION).await.expect_done();
    }
}

#[tokio::test]
async fn what_was_paid_does_not_change_and_the_rest_does() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client).await;
    let entry = enter(&owner, "PAYMENT", &invoice, "40").await.expect_done().clone();
    let update = async |more: Value| {
        let mut input = json!({ "id": entry["id"] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        owner.mutate("updateTransaction", input, TRANSACTION).await
    };
    update(json!({ "reference": "42", "occurredOn": "2026-02-03" })).await.expect_done();
    update(json!({ "clientId": null })).await.expect_refused(&[("INVALID", "clientId")]);
    for field in ["amount", "kind", "invoiceId"] {
        assert_eq!(
            update(json!({ field: null })).await.error_code(),
            "BAD_USER_INPUT",
            "{field} is no input of an update"
        );
    }
}

#[tokio::test]
async fn what_a_deletion_takes_back_is_as_it_was() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client).await;
    owner.mutate("writeOffInvoice", json!({ "id": invoice["id"] }), "invoice { id }").await.expect_done();
    let paid = enter(&owner, "PAYMENT", &invoice, "100").await.expect_done().clone();
    assert_eq!(standing(&paid), "PAID 100.00 0.00");
    owner.mutate("deleteTransaction", json!({ "id": paid["id"] }), "deletedTransactionId").await.expect_done();
    let id = invoice["id"].as_str().unwrap();
    let found = owner.data(&format!("{{ invoice(id: \"{id}\") {{ status }} }}")).await;
    assert_eq!(found["invoice"]["status"], "WRITTEN_OFF");
    // An advance for a project is one of its client.
    let project = owner.create_project("Site", client["id"].as_str()).await;
    let input = json!({ "kind": "PAYMENT", "projectId": project["id"], "amount": usd("7") });
    let advance = owner.mutate("createTransaction", input, TRANSACTION).await.expect_done().clone();
    assert_eq!(advance["client"]["id"], client["id"]);
    let other = owner.create_client("Other").await;
    let change = json!({ "id": advance["id"], "clientId": other["id"] });
    owner.mutate("updateTransaction", change, TRANSACTION).await.expect_refused(&[("INVALID", "clientId")]);
}

#[tokio::test]
async fn a_hundred_payments_at_once_pay_an_invoice_exactly() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let second = app.another_server().await;
    let other = owner.at(&second);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client).await;
    // Three dollars each: 33 of them fit.
    let all = (0..100).map(|n| {
        let session = [&owner, &other][n % 2];
        enter(session, "PAYMENT", &invoice, "3")
    });
    let answers = join_all(all).await;
    let paid = answers.iter().filter(|answer| answer.user_errors().is_empty()).count();
    assert_eq!(paid, 33);
    for answer in answers.iter().filter(|answer| !answer.user_errors().is_empty()) {
        answer.expect_refused(&[("OUT_OF_RANGE", "amount")]);
    }
    let sums = "SELECT concat_ws(' ', (SELECT count(*) FROM app.transactions), (SELECT sum(amount) FROM app.transactions), amount_paid, status)
                FROM app.invoices";
    assert_eq!(app.texts(sums).await, ["33 9900 9900 partly_paid"]);
}
