//! What an invoice goes through: issued, sent, voided, written off, corrected by a credit note.

use serde_json::{Value, json};
use tenantry_tests::{Answer, Session, TestApp};

/// What changes in the life of an invoice.
const INVOICE: &str = "invoice { id kind number status issueDate dueDate total { amount } balance { amount } \
                       amountCredited { amount } issuedAt sentAt voidedAt writtenOffAt paidAt updatedAt corrects { id } \
                       seller { name taxId } buyer { name taxId address { city } } }";

async fn act(session: &Session, mutation: &str, invoice: &Value) -> Answer {
    session.mutate(mutation, json!({ "id": invoice["id"] }), INVOICE).await
}

async fn status(session: &Session, invoice: &Value) -> String {
    let id = invoice["id"].as_str().unwrap();
    let found = session.data(&format!("{{ invoice(id: \"{id}\") {{ status }} }}")).await;
    found["invoice"]["status"].as_str().unwrap().to_owned()
}

/// An issued invoice over 100 dollars.
async fn issued(session: &Session, client: &Value) -> Value {
    let draft = session.create_invoice(client["id"].as_str().unwrap()).await;
    act(session, "issueInvoice", &draft).await.expect_done().clone()
}

#[tokio::test]
async fn an_issued_invoice_has_a_number_and_keeps_its_parties() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let seller = json!({ "paymentDays": 14, "seller": { "name": "Acme Ltd", "taxId": "DE1" } });
    owner.mutate("updateSettings", seller, "settings { paymentDays }").await.expect_done();
    let client = json!({ "name": "Zoë", "taxId": "FR1", "city": "Paris" });
    let client = owner.write("createClient", client).await.expect_done().clone();
    let invoice = issued(&owner, &client).await;
    let today = app.texts("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD')").await.remove(0);
    let due = app.texts("SELECT to_char((now() AT TIME ZONE 'UTC')::date + 14, 'YYYY-MM-DD')").await.remove(0);
    assert_eq!(
        (&invoice["status"], &invoice["number"]),
        (&json!("ISSUED"), &json!(format!("INV-{}-0001", &today[..4])))
    );
    assert_eq!((&invoice["issueDate"], &invoice["dueDate"]), (&json!(today), &json!(due)));
    assert_eq!(invoice["seller"], json!({ "name": "Acme Ltd", "taxId": "DE1" }));
    assert_eq!(invoice["buyer"], json!({ "name": "Zoë", "taxId": "FR1", "address": { "city": "Paris" } }));

    // Later changes of the client and the settings leave it, and so does the deletion of the client.
    owner.write("updateClient", json!({ "id": client["id"], "name": "Zoe & Co", "city": null })).await.expect_done();
    owner.mutate("updateSettings", json!({ "seller": {} }), "settings { paymentDays }").await.expect_done();
    let sent = act(&owner, "markInvoiceSent", &invoice).await.expect_done().clone();
    assert_eq!((&sent["seller"], &sent["buyer"]), (&invoice["seller"], &invoice["buyer"]));
    assert_eq!(sent["status"], "SENT");
    owner.write("deleteClient", json!({ "id": client["id"] })).await.expect_done();
    let id = invoice["id"].as_str().unwrap();
    let left = owner.data(&format!("{{ invoice(id: \"{id}\") {{ client {{ id }} buyer {{ name }} number }} }}")).await;
    assert_eq!(left["invoice"], json!({ "client": null, "buyer": { "name": "Zoë" }, "number": invoice["number"] }));

    // Nothing of it changes any more.
    for (mutation, input) in
        [("updateInvoice", json!({ "id": id, "notes": "x" })), ("deleteInvoice", json!({ "id": id }))]
    {
        owner.write(mutation, input).await.expect_refused(&[("ALREADY_ISSUED", "id")]);
    }
}

#[tokio::test]
async fn wrong_steps_are_refused_and_change_nothing() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let draft = owner.create_invoice(client["id"].as_str().unwrap()).await;
    for step in ["markInvoiceSent", "voidInvoice", "writeOffInvoice"] {
        act(&owner, step, &draft).await.expect_refused(&[("WRONG_STATUS", "id")]);
    }
    let note = json!({ "invoiceId": draft["id"] });
    owner.mutate("createCreditNote", note, INVOICE).await.expect_refused(&[("WRONG_STATUS", "invoiceId")]);
    let input = json!({ "id": draft["id"], "issueDate": "2026-02-01", "dueDate": "2026-01-31" });
    owner.mutate("issueInvoice", input, INVOICE).await.expect_refused(&[("OUT_OF_RANGE", "dueDate")]);
    let input = json!({ "id": draft["id"], "expectedUpdatedAt": "2026-01-01T00:00:00Z" });
    owner.mutate("issueInvoice", input, INVOICE).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    let empty = json!({ "clientId": client["id"], "currency": "USD" });
    let empty = owner.write("createInvoice", empty).await.expect_done().clone();
    act(&owner, "issueInvoice", &empty).await.expect_refused(&[("WRONG_STATUS", "id")]);
    assert_eq!(app.texts("SELECT count(*)::text FROM app.number_counters").await, ["0"], "no number was taken");

    let invoice = act(&owner, "issueInvoice", &draft).await.expect_done().clone();
    act(&owner, "issueInvoice", &draft).await.expect_refused(&[("WRONG_STATUS", "id")]);
    let void = act(&owner, "voidInvoice", &invoice).await.expect_done().clone();
    assert_eq!((&void["status"], &void["number"]), (&json!("VOID"), &invoice["number"]));
    for step in ["issueInvoice", "markInvoiceSent", "voidInvoice", "writeOffInvoice"] {
        act(&owner, step, &invoice).await.expect_refused(&[("WRONG_STATUS", "id")]);
    }
    let other = issued(&owner, &client).await;
    assert!(other["number"].as_str().unwrap().ends_with("-0002"), "the number of a void invoice stays used");
    let off = act(&owner, "writeOffInvoice", &other).await.expect_done().clone();
    assert_eq!((&off["status"], &off["balance"]["amount"]), (&json!("WRITTEN_OFF"), &json!("100.00")));
    act(&owner, "writeOffInvoice", &other).await.expect_refused(&[("WRONG_STATUS", "id")]);
}

#[tokio::test]
async fn a_draft_without_a_date_is_dated_on_its_issue_and_one_with_a_date_keeps_it() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let line = json!([{ "description": "Work", "quantity": "1", "rate": "1" }]);
    let input = json!({ "clientId": client["id"], "currency": "USD", "lineItems": line });
    let plain = owner.write("createInvoice", input.clone()).await.expect_done().clone();
    // As if it had been written long ago.
    app.sql("UPDATE app.invoices SET issue_date = '2020-01-01'").await;
    let issued = act(&owner, "issueInvoice", &plain).await.expect_done().clone();
    assert_ne!(issued["issueDate"], "2020-01-01");
    let mut dated = input.clone();
    dated["issueDate"] = json!("2021-03-04");
    let dated = owner.write("createInvoice", dated).await.expect_done().clone();
    let issued = act(&owner, "issueInvoice", &dated).await.expect_done().clone();
    let shown = (&issued["issueDate"], &issued["number"], &issued["dueDate"]);
    assert_eq!(shown, (&json!("2021-03-04"), &json!("INV-2021-0001"), &Value::Null));
    let later = owner.write("createInvoice", input).await.expect_done().clone();
    let input = json!({ "id": later["id"], "issueDate": "2021-05-06", "dueDate": "2021-05-06" });
    let issued = owner.mutate("issueInvoice", input, INVOICE).await.expect_done().clone();
    let shown = (&issued["issueDate"], &issued["number"], &issued["status"]);
    assert_eq!(shown, (&json!("2021-05-06"), &json!("INV-2021-0002"), &json!("OVERDUE")));
}

#[tokio::test]
async fn a_credit_note_has_numbers_of_its_own_and_counts_against_its_invoice() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("solo").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client).await;
    let line = json!([{ "description": "A part", "quantity": "1", "rate": "30" }]);
    let part = json!({ "invoiceId": invoice["id"], "lineItems": line, "notes": "Too much" });
    let part = owner.mutate("createCreditNote", part, INVOICE).await.expect_done().clone();
    assert_eq!(
        (&part["kind"], &part["status"], &part["corrects"]["id"]),
        (&json!("CREDIT_NOTE"), &json!("DRAFT"), &invoice["id"])
    );
    assert_eq!(
        app.texts("SELECT count::text FROM billing.usage_counters WHERE feature = 'invoices_per_month'").await,
        ["1"]
    );
    // A draft of one does not count yet, and keeps to its invoice.
    assert_eq!(status(&owner, &invoice).await, "ISSUED");
    for (change, field) in [
        (json!({ "currency": "EUR" }), "currency"),
        (json!({ "dueDate": "2126-01-01" }), "dueDate"),
        (json!({ "clientId": owner.create_client("B").await["id"] }), "clientId"),
    ] {
        let mut input = change;
        input["id"] = part["id"].clone();
        owner.write("updateInvoice", input).await.expect_refused(&[("INVALID", field)]);
    }
    let part = act(&owner, "issueInvoice", &part).await.expect_done().clone();
    assert!(part["number"].as_str().unwrap().starts_with("CN-"), "{part}");
    assert!(part["number"].as_str().unwrap().ends_with("-0001"), "{part}");
    assert_eq!(
        (&part["total"]["amount"], &part["balance"]["amount"], &part["dueDate"]),
        (&json!("30.00"), &json!("0.00"), &Value::Null)
    );
    let id = invoice["id"].as_str().unwrap();
    let query = format!(
        "{{ invoice(id: \"{id}\") {{ status balance {{ amount }} amountCredited {{ amount }} creditNotes {{ nodes {{ number }} }} }} }}"
    );
    let found = owner.data(&query).await["invoice"].clone();
    assert_eq!(found["balance"]["amount"], "70.00");
    assert_eq!(found["creditNotes"]["nodes"], json!([{ "number": part["number"] }]));
    act(&owner, "voidInvoice", &invoice).await.expect_refused(&[("WRONG_STATUS", "id")]);

    // All of it is more than is left.
    let whole = json!({ "invoiceId": invoice["id"] });
    let whole = owner.mutate("createCreditNote", whole, INVOICE).await.expect_done().clone();
    assert_eq!(whole["total"]["amount"], "100.00");
    act(&owner, "issueInvoice", &whole).await.expect_refused(&[("OUT_OF_RANGE", "id")]);
    // When the first is void, it is not.
    act(&owner, "voidInvoice", &part).await.expect_done();
    assert_eq!(owner.data(&query).await["invoice"]["balance"]["amount"], "100.00");
    let whole = act(&owner, "issueInvoice", &whole).await.expect_done().clone();
    assert!(whole["number"].as_str().unwrap().ends_with("-0002"), "{whole}");
    let settled = owner.data(&query).await["invoice"].clone();
    assert_eq!((&settled["status"], &settled["balance"]["amount"]), (&json!("PAID"), &json!("0.00")));
    for step in ["writeOffInvoice"] {
        act(&owner, step, &whole).await.expect_refused(&[("WRONG_STATUS", "id")]);
    }
    let again = json!({ "invoiceId": whole["id"] });
    owner.mutate("createCreditNote", again, INVOICE).await.expect_refused(&[("WRONG_STATUS", "invoiceId")]);
    let lists =
        owner.data("{ invoices(filter: { kind: [CREDIT_NOTE] }) { totalCount } all: invoices { totalCount } }").await;
    assert_eq!(lists, json!({ "invoices": { "totalCount": 2 }, "all": { "totalCount": 3 } }));
}

#[tokio::test]
async fn what_is_void_stays_so_and_a_credit_note_follows_its_invoice() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let note = async |invoice: &Value, rate: &str| {
        let line = json!([{ "description": "Back", "quantity": "1", "rate": rate }]);
        let input = json!({ "invoiceId": invoice["id"], "lineItems": line });
        owner.mutate("createCreditNote", input, INVOICE).await.expect_done().clone()
    };
    // One over nothing would be a way around the rule that a credit note is voided before its invoice.
    let invoice = issued(&owner, &client).await;
    let nothing = note(&invoice, "0").await;
    act(&owner, "issueInvoice", &nothing).await.expect_refused(&[("WRONG_STATUS", "id")]);
    // A draft of one outlives its invoice, and is not issued any more.
    let late = note(&invoice, "10").await;
    act(&owner, "voidInvoice", &invoice).await.expect_done();
    let refused = act(&owner, "issueInvoice", &late).await;
    refused.expect_refused(&[("WRONG_STATUS", "id")]);
    assert!(refused.text.contains("The invoice that it corrects is void."), "{}", refused.text);
    assert_eq!(status(&owner, &invoice).await, "VOID");

    // The client may be gone when a mistake is found. The note is for whom the invoice was for.
    let invoice = issued(&owner, &client).await;
    owner.write("deleteClient", json!({ "id": client["id"] })).await.expect_done();
    let note = note(&invoice, "10").await;
    let project = owner.create_project("Other", None).await;
    let input = json!({ "id": note["id"], "projectId": project["id"] });
    owner.write("updateInvoice", input).await.expect_refused(&[("INVALID", "projectId")]);
    let note = act(&owner, "issueInvoice", &note).await.expect_done().clone();
    assert_eq!((&note["status"], &note["buyer"]["name"]), (&json!("ISSUED"), &json!("Zoë")));
    act(&owner, "writeOffInvoice", &note).await.expect_refused(&[("WRONG_STATUS", "id")]);
}

#[tokio::test]
async fn a_task_on_a_void_invoice_can_be_billed_again() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let project = owner.create_project("Site", client["id"].as_str()).await;
    let task = owner.create_task(project["id"].as_str().unwrap(), "Draw").await;
    let line = json!([{ "description": "Work", "quantity": "1", "rate": "1" }]);
    let input = json!({ "clientId": client["id"], "currency": "USD", "lineItems": line, "taskIds": [task["id"]] });
    let first = owner.write("createInvoice", input.clone()).await.expect_done().clone();
    act(&owner, "issueInvoice", &first).await.expect_done();
    owner.write("createInvoice", input.clone()).await.expect_refused(&[("TAKEN", "taskIds.0")]);
    act(&owner, "voidInvoice", &first).await.expect_done();
    owner.write("createInvoice", input).await.expect_done();
}
