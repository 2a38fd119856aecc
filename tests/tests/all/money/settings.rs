//! The settings of an organization's invoices.

use serde_json::{Value, json};
use tenantry_tests::TestApp;

const SETTINGS: &str = "settings { currency taxes { name rate category reason } pricesIncludeTax paymentDays updatedAt \
                        invoiceNumbers { pattern reset } creditNoteNumbers { pattern reset } \
                        seller { name taxId email accountNumber footer address { line1 city country } } }";

#[tokio::test]
async fn settings_have_defaults_and_change_field_by_field() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let read =
        async || owner.data(&format!("{{ organization {{ {SETTINGS} }} }}")).await["organization"]["settings"].clone();
    let first = read().await;
    let defaults = json!({ "currency": null, "taxes": [], "pricesIncludeTax": false, "paymentDays": null, "updatedAt": null,
        "invoiceNumbers": { "pattern": "INV-{year}-{seq:04}", "reset": "YEARLY" },
        "creditNoteNumbers": { "pattern": "CN-{year}-{seq:04}", "reset": "YEARLY" },
        "seller": { "name": null, "taxId": null, "email": null, "accountNumber": null, "footer": null,
                    "address": { "line1": null, "city": null, "country": null } } });
    assert_eq!(first, defaults);

    let input = json!({ "currency": "EUR", "taxes": [{ "name": "VAT", "rate": "0.19" }], "paymentDays": 14,
        "invoiceNumbers": { "pattern": "R{yy}{month}-{seq:03}", "reset": "MONTHLY" },
        "seller": { "name": "Acme Ltd", "taxId": "DE123", "email": "billing@acme.example", "footer": "Thank you.\nBye.",
                    "address": { "line1": "1 Street", "city": "Berlin", "country": "de" } } });
    let changed = owner.mutate("updateSettings", input, SETTINGS).await.expect_done().clone();
    assert_eq!(changed["seller"]["email"], "billing@acme.example");
    assert_eq!(changed["seller"]["address"], json!({ "line1": "1 Street", "city": "Berlin", "country": "DE" }));
    assert_eq!(changed["taxes"], json!([{ "name": "VAT", "rate": "0.19", "category": "STANDARD", "reason": null }]));
    assert_eq!(read().await, changed);

    // What is not given stays; what was read before may not be overwritten.
    let input = json!({ "paymentDays": null, "expectedUpdatedAt": changed["updatedAt"] });
    let again = owner.mutate("updateSettings", input.clone(), SETTINGS).await.expect_done().clone();
    assert_eq!((&again["paymentDays"], &again["seller"]), (&Value::Null, &changed["seller"]));
    owner.mutate("updateSettings", input, SETTINGS).await.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    let told = owner
        .data(
            "{ activities(first: 2, filter: { entityType: [ORGANIZATION] }) { nodes { changes { field old new } } } }",
        )
        .await;
    assert_eq!(
        told["activities"]["nodes"][0]["changes"],
        json!([{ "field": "paymentDays", "old": "14", "new": null }])
    );
    let fields: Vec<_> =
        told["activities"]["nodes"][1]["changes"].as_array().unwrap().iter().map(|change| &change["field"]).collect();
    assert_eq!(fields, ["currency", "paymentDays", "invoiceNumbers", "taxes", "seller"]);
}

#[tokio::test]
async fn faults_of_settings_name_their_field() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let numbers = |pattern: &str, reset: &str| json!({ "invoiceNumbers": { "pattern": pattern, "reset": reset } });
    for (input, code, field) in [
        (json!({ "paymentDays": 366 }), "OUT_OF_RANGE", "paymentDays"),
        (json!({ "paymentDays": -1 }), "OUT_OF_RANGE", "paymentDays"),
        (json!({ "taxes": [{ "name": "VAT", "rate": "2" }] }), "OUT_OF_RANGE", "taxes.0.rate"),
        (json!({ "taxes": null }), "REQUIRED", "taxes"),
        (json!({ "seller": { "email": "x" } }), "INVALID", "seller.email"),
        (json!({ "seller": { "address": { "country": "XX" } } }), "INVALID", "seller.address.country"),
        (json!({ "seller": { "footer": "x".repeat(2_001) } }), "TOO_LONG", "seller.footer"),
        (numbers("INV", "NEVER"), "INVALID", "invoiceNumbers.pattern"),
        (numbers("{seq}{day}", "NEVER"), "INVALID", "invoiceNumbers.pattern"),
        (numbers("\u{202e}{seq}", "NEVER"), "INVALID", "invoiceNumbers.pattern"),
        (numbers("{seq}", "YEARLY"), "INVALID", "invoiceNumbers.pattern"),
        (numbers("{year}{seq}", "MONTHLY"), "INVALID", "invoiceNumbers.pattern"),
        (numbers(&format!("{{seq}}{}", "x".repeat(36)), "NEVER"), "TOO_LONG", "invoiceNumbers.pattern"),
        (numbers("CN-{year}-{seq:03}", "YEARLY"), "TAKEN", "creditNoteNumbers.pattern"),
        (json!({ "expectedUpdatedAt": "2026-01-01T00:00:00Z" }), "CONFLICT", "expectedUpdatedAt"),
    ] {
        owner.mutate("updateSettings", input, SETTINGS).await.expect_refused(&[(code, field)]);
    }
    assert_eq!(app.texts("SELECT count(*)::text FROM app.settings").await, ["0"]);
}

#[tokio::test]
async fn a_new_invoice_takes_what_it_does_not_say_from_the_settings() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let line = json!([{ "description": "Work", "quantity": "1", "rate": "119" }]);
    let input = json!({ "clientId": client["id"], "lineItems": line });
    owner.write("createInvoice", input.clone()).await.expect_refused(&[("REQUIRED", "currency")]);
    let settings = json!({ "currency": "EUR", "taxes": [{ "name": "VAT", "rate": "0.19" }], "pricesIncludeTax": true });
    owner.mutate("updateSettings", settings, SETTINGS).await.expect_done();
    let selection = "invoice { currency pricesIncludeTax taxes { name } taxAmount { amount } total { amount } }";
    let made = owner.mutate("createInvoice", input, selection).await.expect_done().clone();
    let expected = json!({ "currency": "EUR", "pricesIncludeTax": true, "taxes": [{ "name": "VAT" }],
        "taxAmount": { "amount": "19.00" }, "total": { "amount": "119.00" } });
    assert_eq!(made, expected);
    let own = json!({ "clientId": client["id"], "lineItems": line, "currency": "USD", "taxRate": "0", "pricesIncludeTax": false });
    let made = owner.mutate("createInvoice", own, selection).await.expect_done().clone();
    assert_eq!(
        (&made["currency"], &made["taxes"], &made["total"]["amount"]),
        (&json!("USD"), &json!([]), &json!("119.00"))
    );
}

#[tokio::test]
async fn settings_are_read_by_all_but_guests_and_changed_by_admins() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let query = "{ organization { settings { seller { name } } } }";
    let guest = app.sign_in(&full.org, &full.guest);
    assert_eq!(guest.data(query).await["organization"]["settings"], Value::Null);
    let ada = app.sign_in(&full.org, &full.ada);
    assert_eq!(ada.data(query).await["organization"]["settings"]["seller"]["name"], "The seller acme");
    assert_eq!(ada.mutate("updateSettings", json!({ "paymentDays": 1 }), SETTINGS).await.error_code(), "FORBIDDEN");
}
