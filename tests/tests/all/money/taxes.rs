//! Taxes and discounts of drafts.

use serde_json::{Value, json};
use tenantry_tests::{Session, TestApp};

/// Everything that is shown of an invoice's amounts.
const AMOUNTS: &str = "invoice { id taxRate pricesIncludeTax discountRate discount { amount } subtotal { amount } \
                       taxAmount { amount } totalExcludingTax { amount } total { amount } \
                       taxes { name rate category reason base { amount } amount { amount } } \
                       lineItems { discountRate discountAmount { amount } taxes amount { amount } } }";

async fn draft(session: &Session, mut input: Value) -> Value {
    let client = session.create_client("Zoë").await;
    input["clientId"] = client["id"].clone();
    input["currency"] = json!("CAD");
    session.mutate("createInvoice", input, AMOUNTS).await.expect_done().clone()
}

fn line(rate: &str) -> Value {
    json!({ "description": "Work", "quantity": "1", "rate": rate })
}

#[tokio::test]
async fn two_taxes_give_one_total_everywhere() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let taxes = json!([{ "name": "GST", "rate": "0.05" }, { "name": "QST", "rate": "0.09975" }]);
    let made = draft(&ada, json!({ "taxes": taxes, "lineItems": [line("140")] })).await;
    let amounts: Vec<_> = made["taxes"].as_array().unwrap().iter().map(|tax| &tax["amount"]["amount"]).collect();
    assert_eq!(amounts, ["7.00", "13.97"]);
    assert_eq!((&made["total"]["amount"], &made["totalExcludingTax"]["amount"]), (&json!("160.97"), &json!("140.00")));
    assert_eq!(made["taxRate"], Value::Null, "one rate does not say it");
    // In a list, by itself, and in the export.
    let id = made["id"].as_str().unwrap();
    let found = ada
        .data(&format!(
            "{{ invoices {{ nodes {{ total {{ amount }} taxes {{ name }} }} }} invoice(id: \"{id}\") {{ total {{ amount }} taxAmount {{ amount }} }} }}"
        ))
        .await;
    assert_eq!(
        found["invoices"]["nodes"][0],
        json!({ "total": { "amount": "160.97" }, "taxes": [{ "name": "GST" }, { "name": "QST" }] })
    );
    assert_eq!(found["invoice"], json!({ "total": { "amount": "160.97" }, "taxAmount": { "amount": "20.97" } }));
    assert_eq!(app.texts("SELECT concat_ws(' ', tax_amount, total, tax_rate) FROM app.invoices").await, ["2097 16097"]);
    // A change of something else leaves the taxes.
    let changed =
        ada.mutate("updateInvoice", json!({ "id": id, "notes": "Merci" }), AMOUNTS).await.expect_done().clone();
    assert_eq!(changed["taxes"], made["taxes"]);
    // And the short form replaces all of them.
    let input = json!({ "id": id, "taxRate": "0.18" });
    let changed = ada.mutate("updateInvoice", input, AMOUNTS).await.expect_done().clone();
    let tax = json!({ "name": "Tax", "rate": "0.18", "category": "STANDARD", "reason": null, "base": { "amount": "140.00" },
                      "amount": { "amount": "25.20" } });
    assert_eq!((&changed["taxes"], &changed["taxRate"]), (&json!([tax]), &json!("0.18")));
    let input = json!({ "id": id, "taxes": [] });
    let changed = ada.mutate("updateInvoice", input, AMOUNTS).await.expect_done().clone();
    assert_eq!(
        (&changed["taxes"], &changed["taxRate"], &changed["total"]["amount"]),
        (&json!([]), &json!("0"), &json!("140.00"))
    );
}

#[tokio::test]
async fn lines_name_their_taxes_and_prices_may_contain_them() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let taxes = json!([
        { "name": "Full", "rate": "0.19" },
        { "name": "None", "rate": "0", "category": "REVERSE_CHARGE", "reason": "The buyer owes the tax." },
    ]);
    let only = |name: &str, rate: &str| {
        let mut line = line(rate);
        line["taxes"] = json!([name]);
        line
    };
    let lines = json!([only("Full", "119"), only("None", "50")]);
    let made = draft(&ada, json!({ "taxes": taxes, "pricesIncludeTax": true, "lineItems": lines })).await;
    let found: Vec<_> = made["taxes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tax| (&tax["base"]["amount"], &tax["amount"]["amount"]))
        .collect();
    assert_eq!(found, [(&json!("100.00"), &json!("19.00")), (&json!("50.00"), &json!("0.00"))]);
    assert_eq!(made["taxes"][1]["reason"], "The buyer owes the tax.");
    let totals = (&made["subtotal"]["amount"], &made["totalExcludingTax"]["amount"], &made["total"]["amount"]);
    assert_eq!(totals, (&json!("169.00"), &json!("150.00"), &json!("169.00")));
    // A name may be spelled in another normal form, and a rate of zero has a name to show.
    let taxes = json!([{ "name": "Ta\u{308}x", "rate": "0.1" }, { "name": "Tax", "rate": "0" }]);
    let mut own = line("10");
    own["taxes"] = json!(["T\u{e4}x"]);
    let spelled = draft(&ada, json!({ "taxes": taxes, "lineItems": [own] })).await;
    assert_eq!(spelled["taxAmount"]["amount"], "1.00");
    let zero = draft(&ada, json!({ "taxes": [{ "name": "Tax", "rate": "0" }], "lineItems": [line("10")] })).await;
    assert_eq!((&zero["taxes"][0]["name"], &zero["taxRate"]), (&json!("Tax"), &json!("0")));
    // The same prices without the tax.
    let input = json!({ "id": made["id"], "pricesIncludeTax": false });
    let changed = ada.mutate("updateInvoice", input, AMOUNTS).await.expect_done().clone();
    assert_eq!((&changed["subtotal"]["amount"], &changed["total"]["amount"]), (&json!("169.00"), &json!("191.61")));
}

#[tokio::test]
async fn discounts_are_on_lines_and_on_the_whole() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let mut tenth = line("99.99");
    tenth["discountRate"] = json!("0.1");
    let mut half = line("5");
    half["discountAmount"] = json!("2.50");
    let input = json!({ "taxRate": "0.2", "discountRate": "0.05", "lineItems": [tenth, half] });
    let made = draft(&ada, input).await;
    assert_eq!(made["lineItems"][0]["amount"]["amount"], "89.99");
    assert_eq!(made["lineItems"][1]["discountAmount"]["amount"], "2.50");
    let totals = |of: &Value| {
        let amounts = ["subtotal", "discount", "taxAmount", "total"]
            .map(|field| of[field]["amount"].as_str().unwrap().to_owned());
        amounts.join(" ")
    };
    // 92.49 - 4.62 = 87.87, and 20 % of it.
    assert_eq!(totals(&made), "92.49 4.62 17.57 105.44");
    for (change, expected) in [
        (json!({ "discountAmount": "2.49" }), "92.49 2.49 18.00 108.00"),
        (json!({ "notes": "The discount stays." }), "92.49 2.49 18.00 108.00"),
        (json!({ "discountRate": null }), "92.49 0.00 18.50 110.99"),
    ] {
        let mut input = change;
        input["id"] = made["id"].clone();
        let changed = ada.mutate("updateInvoice", input, AMOUNTS).await.expect_done().clone();
        assert_eq!(totals(&changed), expected);
    }
}

#[tokio::test]
async fn faults_of_taxes_and_discounts_name_their_field() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let ada = app.as_member(&org, "ada").await;
    let client = ada.create_client("Zoë").await;
    let with = |more: Value| {
        let mut input = json!({ "clientId": client["id"], "currency": "USD", "lineItems": [line("10")] });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let of_line = |field: &str, value: Value| {
        let mut line = line("10");
        line[field] = value;
        json!({ "lineItems": [line] })
    };
    let tax = |rate: &str| json!({ "name": "VAT", "rate": rate });
    let eleven: Vec<Value> = (0..11).map(|n| json!({ "name": format!("{n}"), "rate": "0.1" })).collect();
    let mut both = line("10");
    both["discountRate"] = json!("0.1");
    both["discountAmount"] = json!("1");
    for (more, code, field) in [
        (json!({ "taxRate": "0.1", "taxes": [tax("0.1")] }), "INVALID", "taxes"),
        (json!({ "taxes": [tax("1.1")] }), "OUT_OF_RANGE", "taxes.0.rate"),
        (json!({ "taxes": [tax("0.1"), tax("0.2")] }), "TAKEN", "taxes.1.name"),
        (json!({ "taxes": [{ "name": "", "rate": "0" }] }), "REQUIRED", "taxes.0.name"),
        (json!({ "taxes": [{ "name": "E", "rate": "0.1", "category": "EXEMPT" }] }), "OUT_OF_RANGE", "taxes.0.rate"),
        (json!({ "taxes": eleven }), "OUT_OF_RANGE", "taxes"),
        (of_line("taxes", json!(["VAT"])), "NOT_FOUND", "lineItems.0.taxes.0"),
        (of_line("discountRate", json!("1.5")), "OUT_OF_RANGE", "lineItems.0.discountRate"),
        (of_line("discountAmount", json!("10.01")), "OUT_OF_RANGE", "lineItems.0.discountAmount"),
        (of_line("discountAmount", json!("0.001")), "INVALID", "lineItems.0.discountAmount"),
        (json!({ "lineItems": [both] }), "INVALID", "lineItems.0.discountAmount"),
        (json!({ "discountRate": "0.1", "discountAmount": "1" }), "INVALID", "discountAmount"),
        (json!({ "discountRate": "-0.1" }), "OUT_OF_RANGE", "discountRate"),
        (json!({ "discountAmount": "10.01" }), "OUT_OF_RANGE", "discountAmount"),
    ] {
        ada.write("createInvoice", with(more)).await.expect_refused(&[(code, field)]);
    }
    assert_eq!(app.texts("SELECT count(*)::text FROM app.invoices").await, ["0"]);
    let draft = ada.create_invoice(client["id"].as_str().unwrap()).await;
    for (field, code) in [("taxes", "REQUIRED"), ("taxRate", "REQUIRED"), ("pricesIncludeTax", "REQUIRED")] {
        let input = json!({ "id": draft["id"], field: null });
        ada.write("updateInvoice", input).await.expect_refused(&[(code, field)]);
    }
    let input = json!({ "id": draft["id"], "taxes": [tax("0.1")], "taxRate": "0.2" });
    ada.write("updateInvoice", input).await.expect_refused(&[("INVALID", "taxes")]);
}
