//! Names and texts.

use serde_json::{Value, json};
use tenantry_tests::TestApp;

use super::fixture;

#[tokio::test]
async fn names_are_neither_empty_nor_too_long() {
    let f = fixture().await;
    let project = &f.full.projects[0];
    let endless = "x".repeat(10_000);
    let cases = [
        ("", "REQUIRED"),
        (" \t ", "REQUIRED"),
        (endless.as_str(), "TOO_LONG"),
        ("a\nb", "INVALID"),
        ("a\0b", "INVALID"),
    ];
    for (name, code) in cases {
        for (mutation, field, input) in [
            ("createClient", "name", json!({ "name": name })),
            ("updateClient", "name", json!({ "id": f.full.clients[0], "name": name })),
            ("createProject", "name", json!({ "name": name })),
            ("updateProject", "name", json!({ "id": project, "name": name })),
            ("createTask", "title", json!({ "projectId": project, "title": name })),
            ("updateTask", "title", json!({ "id": f.full.tasks[0], "title": name })),
        ] {
            f.owner.write(mutation, input).await.expect_refused(&[(code, field)]);
        }
    }
    // Null is not the same as "not given".
    for (mutation, id, field) in [
        ("updateClient", &f.full.clients[0], "name"),
        ("updateClient", &f.full.clients[0], "status"),
        ("updateProject", &f.full.projects[0], "name"),
        ("updateTask", &f.full.tasks[0], "title"),
        ("updateInvoice", &f.full.invoices[4], "currency"),
    ] {
        f.owner.write(mutation, json!({ "id": id, field: null })).await.expect_refused(&[("REQUIRED", field)]);
    }
    // The limit itself is allowed, counted in characters and not in bytes.
    f.owner.create_client(&"ü".repeat(200)).await;
    f.owner.write("createClient", json!({ "name": "ü".repeat(201) })).await.expect_refused(&[("TOO_LONG", "name")]);
}

#[tokio::test]
async fn all_faults_of_an_input_are_reported_together() {
    let f = fixture().await;
    let input = json!({ "name": " ", "email": "nobody", "phone": "1".repeat(51), "company": "x".repeat(201) });
    let expected = [("REQUIRED", "name"), ("INVALID", "email"), ("TOO_LONG", "phone"), ("TOO_LONG", "company")];
    f.owner.write("createClient", input).await.expect_refused(&expected);
    f.expect_nothing_written().await;
}

#[tokio::test]
async fn emoji_and_right_to_left_text_are_kept_exactly() {
    let f = fixture().await;
    for text in [
        "👩🏽‍💻 Zoë & Søns 🏳️‍🌈",
        "مرحبا بالعالم",
        "שלום \u{200f}עולם\u{200e}",
        "é is one letter",
        "Ｆｕｌｌ ｗｉｄｔｈ ﷽",
        "a\u{200b}b\u{feff}c",
        "\u{10ffff}",
        "\\\"'`${}<script>&amp;%00",
        "𐐷 ﬁ ǆ İı ß",
    ] {
        let client = f.owner.create_client(text).await;
        assert_eq!(client["name"], text);
        let document = "query($id: ID!) { client(id: $id) { name } }";
        assert_eq!(f.owner.query(document, json!({ "id": client["id"] })).await.text_at("client.name"), text);
        let stored = app_text(&f.app, client["id"].as_str().unwrap()).await;
        assert_eq!(stored, text);
    }
    // Prose keeps its line breaks and spaces.
    let notes = "  שורה\r\n\r\n\tשנייה 🙂\u{2028}  ";
    let answer = f.owner.write("createClient", json!({ "name": "A", "notes": notes })).await;
    assert_eq!(answer.expect_done()["notes"], notes);
    // Sorting and paging still work with such names.
    let data = f
        .owner
        .data("{ clients(first: 100, orderBy: { field: NAME, direction: ASC }) { nodes { name } totalCount } }")
        .await;
    assert_eq!(data["clients"]["nodes"].as_array().unwrap().len(), data["clients"]["totalCount"]);
}

#[tokio::test]
async fn a_text_without_visible_characters_is_blank() {
    let f = fixture().await;
    let (client, project) = (&f.full.clients[0], &f.full.projects[0]);
    for invisible in
        ["\u{200b}", "\u{200d}\u{feff}", "\u{ad}", "\u{3164}", "\u{202e}\u{2066}", "\u{e0041}", " \u{2800} "]
    {
        for (mutation, field, input) in [
            ("createClient", "name", json!({ "name": invisible })),
            ("updateClient", "name", json!({ "id": client, "name": invisible })),
            ("createProject", "name", json!({ "name": invisible })),
            ("updateProject", "name", json!({ "id": project, "name": invisible })),
            ("createTask", "title", json!({ "projectId": project, "title": invisible })),
            ("updateTask", "title", json!({ "id": f.full.tasks[0], "title": invisible })),
            ("createWorkspace", "name", json!({ "name": invisible })),
            ("updateWorkspace", "name", json!({ "id": f.full.workspaces[0], "name": invisible })),
            ("createOrganization", "name", json!({ "name": invisible, "slug": "unseen" })),
            ("updateOrganization", "name", json!({ "name": invisible })),
            (
                "createInvoice",
                "lineItems.0.description",
                json!({ "clientId": client, "currency": "USD",
                    "lineItems": [{ "description": invisible, "quantity": "1", "rate": "1" }] }),
            ),
        ] {
            f.owner.write(mutation, input).await.expect_refused(&[("REQUIRED", field)]);
        }
    }
    f.expect_nothing_written().await;
    // An optional field becomes absent.
    let input = json!({ "name": "A", "phone": "\u{200b}", "company": " \u{feff}" });
    let created = f.owner.mutate("createClient", input, "client { phone company }").await.expect_done().clone();
    assert_eq!((&created["phone"], &created["company"]), (&Value::Null, &Value::Null));
    f.owner
        .write("createClient", json!({ "name": "A", "email": "a\u{200b}@x.test" }))
        .await
        .expect_refused(&[("INVALID", "email")]);
}

#[tokio::test]
async fn two_spellings_of_one_name_are_one_name() {
    let f = fixture().await;
    let (apart, together) = ("Cafe\u{301} A\u{30a}", "Caf\u{e9} \u{c5}");
    let client = f.owner.create_client(apart).await;
    assert_eq!(client["name"], together);
    assert_eq!(app_text(&f.app, client["id"].as_str().unwrap()).await, together);
    let lines = json!([{ "description": apart, "quantity": "1", "rate": "1" }]);
    let input = json!({ "clientId": client["id"], "currency": "USD", "lineItems": lines });
    let invoice =
        f.owner.mutate("createInvoice", input, "invoice { lineItems { description } }").await.expect_done().clone();
    assert_eq!(invoice["lineItems"][0]["description"], together);
    // The limit applies to the stored form: 200 letters of two characters each.
    let long = "e\u{301}".repeat(200);
    assert_eq!(f.owner.create_client(&long).await["name"], "\u{e9}".repeat(200));
    // Prose is stored as written.
    let notes = json!({ "name": "A", "notes": apart });
    assert_eq!(f.owner.mutate("createClient", notes, "client { notes }").await.expect_done()["notes"], apart);

    // Uniqueness does not depend on the spelling.
    f.owner.write("createWorkspace", json!({ "name": together })).await.expect_done();
    for same in [apart, together, "CAF\u{c9} \u{e5}", "cafe\u{301} \u{212b}"] {
        f.owner.write("createWorkspace", json!({ "name": same })).await.expect_refused(&[("TAKEN", "name")]);
        let rename = json!({ "id": f.full.workspaces[2], "name": same });
        f.owner.write("updateWorkspace", rename).await.expect_refused(&[("TAKEN", "name")]);
    }
    f.owner.write("createWorkspace", json!({ "name": "I\u{307}zmir" })).await.expect_done();
    f.owner.write("createWorkspace", json!({ "name": "\u{130}ZM\u{130}R" })).await.expect_done();
    f.owner.write("createWorkspace", json!({ "name": "izmir" })).await.expect_done();
}

async fn app_text(app: &TestApp, client: &str) -> String {
    let (_, uuid) = tenantry_domain::typeid::split(client).unwrap();
    app.texts(&format!("SELECT name FROM app.clients WHERE id = '{uuid}'")).await.remove(0)
}
