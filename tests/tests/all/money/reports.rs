//! Who owes what, what came in, and what tax is due.

use chrono::DateTime;
use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_tests::{Session, TestApp};

const NOON: &str = "2026-11-20T12:00:00Z";

/// Noon of a day, for ever.
fn still() -> Clock {
    Clock::fixed(NOON.parse::<DateTime<chrono::Utc>>().unwrap())
}

/// An issued invoice over this amount, with 20 % tax.
async fn issued(session: &Session, client: &Value, amount: &str, date: &str, due: Option<&str>) -> Value {
    let line = json!([{ "description": "Work", "quantity": "1", "rate": amount }]);
    let input = json!({ "clientId": client["id"], "currency": "USD", "taxRate": "0.2", "lineItems": line, "issueDate": date, "dueDate": due });
    let draft = session.write("createInvoice", input).await.expect_done().clone();
    session
        .mutate("issueInvoice", json!({ "id": draft["id"] }), "invoice { id total { amount } }")
        .await
        .expect_done()
        .clone()
}

async fn pay(session: &Session, invoice: &Value, amount: &str) {
    let input =
        json!({ "kind": "PAYMENT", "invoiceId": invoice["id"], "amount": { "amount": amount, "currency": "USD" } });
    session.mutate("createTransaction", input, "transaction { id }").await.expect_done();
}

#[tokio::test]
async fn receivables_are_aged_by_the_organizations_day() {
    let app = TestApp::builder().clock(still()).start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let (zoe, bob) = (owner.create_client("Zoë").await, owner.create_client("Bob").await);
    // 0, 1, 30, 31, 60, 61, 90 and 91 days ago, tomorrow, and never.
    let dues = [
        ("2026-11-20", "1"),
        ("2026-11-19", "2"),
        ("2026-10-21", "4"),
        ("2026-10-20", "8"),
        ("2026-09-21", "16"),
        ("2026-09-20", "32"),
        ("2026-08-22", "64"),
        ("2026-08-21", "128"),
        ("2026-11-21", "256"),
    ];
    for (due, amount) in dues {
        issued(&owner, &zoe, amount, "2026-08-01", Some(due)).await;
    }
    issued(&owner, &zoe, "512", "2026-08-01", None).await;
    let part = issued(&owner, &bob, "100", "2026-08-01", Some("2026-11-19")).await;
    pay(&owner, &part, "20").await;
    let paid = issued(&owner, &bob, "100", "2026-08-01", Some("2026-11-19")).await;
    pay(&owner, &paid, "120").await;
    let off = issued(&owner, &bob, "100", "2026-08-01", Some("2026-11-19")).await;
    owner.mutate("writeOffInvoice", json!({ "id": off["id"] }), "invoice { id }").await.expect_done();
    let query = "{ receivables { client { name } currency outstanding { amount } overdue { amount } notDue { amount } days0To30 { amount }
        days31To60 { amount } days61To90 { amount } over90Days { amount } } }";
    let found = owner.data(query).await["receivables"].clone();
    let amounts = |row: &Value| {
        let fields = ["outstanding", "overdue", "notDue", "days0To30", "days31To60", "days61To90", "over90Days"];
        fields.map(|field| row[field]["amount"].as_str().unwrap().to_owned()).join(" ")
    };
    // With 20 % tax.
    assert_eq!(
        (&found[0]["client"]["name"], amounts(&found[0])),
        (&json!("Zoë"), "1227.60 304.80 921.60 8.40 28.80 115.20 153.60".to_owned())
    );
    assert_eq!(
        (&found[1]["client"]["name"], amounts(&found[1])),
        (&json!("Bob"), "100.00 100.00 0.00 100.00 0.00 0.00 0.00".to_owned())
    );
    let balances = "{ organization { balances { currency invoiced { amount } paid { amount } outstanding { amount } overdue { amount } writtenOff { amount } } }
        clients { nodes { name balances { outstanding { amount } writtenOff { amount } } } } }";
    let found = owner.data(balances).await;
    let expected = json!([{ "currency": "USD", "invoiced": { "amount": "1587.60" }, "paid": { "amount": "140.00" },
        "outstanding": { "amount": "1327.60" }, "overdue": { "amount": "404.80" }, "writtenOff": { "amount": "120.00" } }]);
    assert_eq!(found["organization"]["balances"], expected);
    let bob = found["clients"]["nodes"].as_array().unwrap().iter().find(|client| client["name"] == "Bob").unwrap();
    assert_eq!(
        bob["balances"],
        json!([{ "outstanding": { "amount": "100.00" }, "writtenOff": { "amount": "120.00" } }])
    );
    assert_eq!(
        owner.query("{ receivables(first: 1001) { currency } }", json!({})).await.error_code(),
        "BAD_USER_INPUT"
    );
}

#[tokio::test]
async fn revenue_and_taxes_are_told_by_month_and_by_tax() {
    let app = TestApp::builder().clock(still()).start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let invoice = issued(&owner, &client, "100", "2026-09-30", None).await;
    issued(&owner, &client, "10", "2026-10-01", None).await;
    let two = json!([{ "name": "GST", "rate": "0.05" }, { "name": "QST", "rate": "0.09975" }]);
    let line = json!([{ "description": "Work", "quantity": "1", "rate": "140" }]);
    let input = json!({ "clientId": client["id"], "currency": "CAD", "taxes": two, "lineItems": line, "issueDate": "2026-10-31" });
    let draft = owner.write("createInvoice", input.clone()).await.expect_done().clone();
    owner.mutate("issueInvoice", json!({ "id": draft["id"] }), "invoice { id }").await.expect_done();
    // A draft and what is void count nowhere; a credit note takes back in its own month.
    owner.write("createInvoice", input).await.expect_done();
    let void = issued(&owner, &client, "1000", "2026-10-15", None).await;
    owner.mutate("voidInvoice", json!({ "id": void["id"] }), "invoice { id }").await.expect_done();
    let line = json!([{ "description": "Back", "quantity": "1", "rate": "30" }]);
    let note = json!({ "invoiceId": invoice["id"], "lineItems": line });
    let note = owner.mutate("createCreditNote", note, "invoice { id }").await.expect_done().clone();
    owner.mutate("issueInvoice", json!({ "id": note["id"] }), "invoice { id }").await.expect_done();
    let query = "{ revenue(from: \"2026-09-01\", before: \"2026-12-01\") { month currency net { amount } tax { amount } }
        october: taxesDue(from: \"2026-10-01\", before: \"2026-11-01\") { name rate category currency base { amount } amount { amount } }
        november: taxesDue(from: \"2026-11-01\", before: \"2026-12-01\") { name base { amount } amount { amount } } }";
    let found = owner.data(query).await;
    let month = |month: &str, currency: &str, net: &str, tax: &str| json!({ "month": month, "currency": currency, "net": { "amount": net }, "tax": { "amount": tax } });
    let expected = [
        month("2026-09-01", "USD", "100.00", "20.00"),
        month("2026-10-01", "CAD", "140.00", "20.97"),
        month("2026-10-01", "USD", "10.00", "2.00"),
        month("2026-11-01", "USD", "-30.00", "-6.00"),
    ];
    assert_eq!(found["revenue"], json!(expected));
    let tax = |name: &str, rate: &str, currency: &str, base: &str, amount: &str| json!({ "name": name, "rate": rate, "category": "STANDARD", "currency": currency, "base": { "amount": base }, "amount": { "amount": amount } });
    let expected = [
        tax("GST", "0.05", "CAD", "140.00", "7.00"),
        tax("QST", "0.09975", "CAD", "140.00", "13.97"),
        tax("Tax", "0.2", "USD", "10.00", "2.00"),
    ];
    assert_eq!(found["october"], json!(expected));
    assert_eq!(
        found["november"],
        json!([{ "name": "Tax", "base": { "amount": "-30.00" }, "amount": { "amount": "-6.00" } }])
    );
    for days in ["from: \"2026-01-02\", before: \"2026-01-01\"", "from: \"2016-01-01\", before: \"2026-01-02\""] {
        let answer = owner.query(&format!("{{ revenue({days}) {{ month }} }}"), json!({})).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT");
    }
}

#[tokio::test]
async fn a_sum_that_does_not_fit_is_said_so_and_spoils_nothing_else() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let (rich, poor) = (owner.create_client("Rich").await, owner.create_client("Poor").await);
    let spend = async |client: &Value, amount: &str| {
        let input =
            json!({ "kind": "EXPENSE", "clientId": client["id"], "amount": { "amount": amount, "currency": "USD" } });
        owner.mutate("createTransaction", input, "transaction { id }").await.expect_done();
    };
    spend(&poor, "1").await;
    spend(&rich, "92233720368547758.07").await;
    spend(&rich, "0.01").await;
    let query = "{ clients(orderBy: { field: NAME }) { nodes { name balances { expenses { amount } } } } organization { slug balances { currency } } }";
    let answer = owner.query(query, json!({})).await;
    let data = &answer.json["data"];
    assert_eq!(data["clients"]["nodes"][0]["balances"], json!([{ "expenses": { "amount": "1.00" } }]));
    assert_eq!(
        (&data["clients"]["nodes"][1]["balances"], &data["organization"]["balances"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(data["organization"]["slug"], "acme");
    let errors = answer.json["errors"].as_array().unwrap();
    assert!(
        errors.len() == 2 && errors.iter().all(|error| error["extensions"]["code"] == "AMOUNT_TOO_LARGE"),
        "{}",
        answer.text
    );
    // One invoice may be paid far beyond its total; its status is found all the same.
    let invoice = issued(&owner, &poor, "1", "2026-01-01", Some("2026-01-01")).await;
    let amount = json!({ "amount": "92233720368547758.07", "currency": "USD" });
    let input = json!({ "kind": "PAYMENT", "invoiceId": invoice["id"], "amount": amount, "allowOverpayment": true });
    owner.mutate("createTransaction", input, "transaction { id }").await.expect_done();
    let note = json!({ "invoiceId": invoice["id"] });
    let note = owner.mutate("createCreditNote", note, "invoice { id }").await.expect_done().clone();
    owner.mutate("issueInvoice", json!({ "id": note["id"] }), "invoice { id }").await.expect_done();
    let found = owner.data("{ invoices(filter: { statusNot: [OVERDUE], kind: [INVOICE] }) { nodes { status } } receivables { currency } }").await;
    assert_eq!(found, json!({ "invoices": { "nodes": [{ "status": "PAID" }] }, "receivables": [] }));
}

#[tokio::test]
async fn sums_have_what_the_reader_sees_and_nothing_else() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Zoë").await;
    let room = owner
        .mutate("createWorkspace", json!({ "name": "Secret", "isPrivate": true }), "workspace { id }")
        .await
        .expect_done()
        .clone();
    let input = json!({ "name": "Secret", "clientId": client["id"], "workspaceId": room["id"] });
    let secret = owner.write("createProject", input).await.expect_done().clone();
    for (project, rate) in [(Value::Null, "10"), (secret["id"].clone(), "1000")] {
        let line = json!([{ "description": "Work", "quantity": "1", "rate": rate }]);
        let input = json!({ "clientId": client["id"], "projectId": project, "currency": "USD", "taxRate": "0.5", "lineItems": line, "dueDate": "2126-01-01" });
        let draft = owner.write("createInvoice", input).await.expect_done().clone();
        owner.mutate("issueInvoice", json!({ "id": draft["id"] }), "invoice { id }").await.expect_done();
        let input = json!({ "kind": "EXPENSE", "projectId": project, "amount": { "amount": rate, "currency": "USD" } });
        owner.mutate("createTransaction", input, "transaction { id }").await.expect_done();
    }
    let query = "{ receivables { outstanding { amount } } revenue(from: \"2020-01-01\", before: \"2030-01-01\") { net { amount } }
        taxesDue(from: \"2020-01-01\", before: \"2030-01-01\") { amount { amount } }
        organization { balances { outstanding { amount } expenses { amount } } } clients { nodes { balances { outstanding { amount } } } } }";
    let sums = async |session: &Session| {
        let found = session.data(query).await;
        let at = |value: &Value, field: &str| value[0][field]["amount"].as_str().unwrap_or("-").to_owned();
        let balances = &found["organization"]["balances"];
        [
            at(&found["receivables"], "outstanding"),
            at(&found["revenue"], "net"),
            at(&found["taxesDue"], "amount"),
            at(balances, "outstanding"),
            at(balances, "expenses"),
            at(&found["clients"]["nodes"][0]["balances"], "outstanding"),
        ]
        .join(" ")
    };
    assert_eq!(sums(&owner).await, "1515.00 1010.00 505.00 1515.00 1010.00 1515.00");
    assert_eq!(sums(&app.as_member(&org, "ada").await).await, "15.00 10.00 5.00 15.00 10.00 15.00");
    assert_eq!(sums(&app.as_role(&org, Role::Guest).await).await, "- - - - - -");
}
