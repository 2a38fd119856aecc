//! Mutations with an `Idempotency-Key`: carried out once, whatever happens to the answer.

use std::time::Duration;

use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Answer, Org, Session, TestApp};

const CREATE: &str = "mutation($n: String!) { createClient(input: { name: $n }) { client { id name createdAt } \
                      userErrors { code field message } } }";

fn request(session: &Session, key: &str, name: &str) -> RequestBuilder {
    session.post().header("idempotency-key", key).json(&json!({ "query": CREATE, "variables": { "n": name } }))
}

async fn create(session: &Session, key: &str, name: &str) -> Answer {
    session.send(request(session, key, name)).await
}

async fn clients(app: &TestApp) -> i64 {
    app.number("SELECT count(*) FROM app.clients").await
}

async fn start() -> (TestApp, Org, Session) {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    (app, org, owner)
}

#[tokio::test]
async fn a_request_that_comes_again_is_answered_alike_and_does_nothing() {
    let (app, org, owner) = start().await;
    let first = create(&owner, "k1", "A").await;
    assert_eq!(first.text_at("createClient.client.name"), "A");
    assert!(!first.headers.contains_key("idempotency-replayed"));
    for _ in 0..3 {
        let again = create(&owner, "k1", "A").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
    assert_eq!(clients(&app).await, 1);

    // A refusal is an answer, too.
    let refused = create(&owner, "k2", "").await;
    refused.expect_refused(&[("REQUIRED", "name")]);
    assert_eq!(create(&owner, "k2", "").await.text, refused.text);
    // Another process knows the key as well; quotation marks around it mean nothing.
    let other = app.another_server().await;
    assert_eq!(create(&owner.at(&other), "\"k1\"", "A").await.text, first.text);
    // Without a key, and with another one, it is another request.
    create(&owner, "k3", "A").await.expect_done();
    owner.create_client("A").await;
    assert_eq!(clients(&app).await, 3);

    // A key is its user's own, in one organization.
    let member = app.as_role(&org, Role::Member).await;
    create(&member, "k1", "M").await.expect_done();
    let elsewhere = app.organization("other").create().await;
    create(&app.as_owner(&elsewhere), "k1", "O").await.expect_done();
    assert_eq!(clients(&app).await, 5);
}

#[tokio::test]
async fn a_key_of_another_request_is_refused() {
    let (app, _, owner) = start().await;
    create(&owner, "k", "A").await.expect_done();
    let answer = create(&owner, "k", "B").await;
    assert_eq!((answer.status, answer.error_code()), (StatusCode::UNPROCESSABLE_ENTITY, "IDEMPOTENCY_KEY_REUSED"));
    let other = json!({ "query": "mutation { createClient(input: { name: \"A\" }) { client { id } } }" });
    let answer = owner.send(owner.post().header("idempotency-key", "k").json(&other)).await;
    assert_eq!(answer.error_code(), "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(clients(&app).await, 1);

    for key in ["", " ", "a b", "ä", &"k".repeat(256)] {
        let value = reqwest::header::HeaderValue::from_bytes(key.as_bytes()).unwrap();
        let request = owner.post().header("idempotency-key", value).json(&json!({ "query": CREATE }));
        let answer = owner.send(request).await;
        assert_eq!((answer.status, answer.error_code()), (StatusCode::BAD_REQUEST, "BAD_USER_INPUT"), "{key:?}");
        assert_eq!(answer.error()["extensions"]["field"], json!(["Idempotency-Key"]));
    }
    // Two are none.
    let two = request(&owner, "a", "A").header("idempotency-key", "b");
    assert_eq!(owner.send(two).await.status, StatusCode::BAD_REQUEST);
    // A query needs no key, and is read anew.
    let query = || owner.post().header("idempotency-key", "q").json(&json!({ "query": "{ clients { totalCount } }" }));
    assert_eq!(owner.send(query()).await.at("clients.totalCount"), 1);
    owner.create_client("B").await;
    assert_eq!(owner.send(query()).await.at("clients.totalCount"), 2);
}

#[tokio::test]
async fn of_many_at_once_one_is_carried_out() {
    let (app, _, owner) = start().await;
    let other = app.another_server().await;
    let sent = (0..40).map(|n| {
        let session = if n % 2 == 0 { owner.clone() } else { owner.at(&other) };
        async move { create(&session, "k", "A").await }
    });
    let answers = futures_util::future::join_all(sent).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (StatusCode::OK, &answers[0].text));
    }
    assert_eq!(clients(&app).await, 1);
}

#[tokio::test]
async fn what_failed_before_anything_was_done_may_be_tried_again() {
    let (app, org, _) = start().await;
    let viewer = app.as_role(&org, Role::Viewer).await;
    let refused = create(&viewer, "k", "A").await;
    assert_eq!((refused.status, refused.error_code()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    app.sql("UPDATE app.organization_members SET role = 'member' WHERE role = 'viewer'").await;
    create(&viewer, "k", "A").await.expect_done();
    // A caller who is no member has no key to use.
    let other = app.organization("other").create().await;
    let stranger = app.sign_in(&org, &other.owner);
    assert_eq!(create(&stranger, "k", "A").await.status, StatusCode::FORBIDDEN);
    assert_eq!(clients(&app).await, 1);
}

#[tokio::test]
async fn each_field_of_a_request_is_carried_out_once() {
    let (app, _, owner) = start().await;
    let document = "mutation { a: createClient(input: { name: \"A\" }) { client { id } } \
                    b: createClient(input: { name: \"\" }) { userErrors { code } } \
                    c: updateClient(input: { id: \"client_01h455vb4pex5vsknk084sn02q\", name: \"C\" }) { userErrors { code } } \
                    d: createWorkspace(input: { name: \"D\" }) { workspace { name } } }";
    let send = || owner.send(owner.post().header("idempotency-key", "k").json(&json!({ "query": document })));
    let first = send().await;
    assert_eq!(first.text_at("d.workspace.name"), "D");
    assert_eq!(send().await.text, first.text);
    // In a batch each request is one of its own.
    let batch = json!([{ "query": CREATE, "variables": { "n": "E" } }, { "query": CREATE, "variables": { "n": "E" } }]);
    let send = || owner.send(owner.post().header("idempotency-key", "batch").json(&batch));
    let first = send().await;
    assert_eq!(send().await.text, first.text);
    assert_eq!(clients(&app).await, 3);
}

#[tokio::test]
async fn each_request_of_a_batch_keeps_its_place() {
    let (app, _, owner) = start().await;
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"{ viewer { role } }");
    let digits = hash.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    let hash: String = digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect();
    let by_hash = json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } });
    let mut with_text = by_hash.clone();
    with_text["query"] = json!("{ viewer { role } }");
    let change = json!({ "query": CREATE, "variables": { "n": "A" } });
    // The document is not known the first time, and is known the second time.
    for (first, found) in [(&by_hash, "errors"), (&with_text, "data"), (&by_hash, "data")] {
        let batch = json!([first, change]);
        let answer = owner.send(owner.post().header("idempotency-key", "k").json(&batch)).await;
        assert!(answer.json[0].get(found).is_some(), "{}", answer.text);
        assert_eq!(answer.json[1]["data"]["createClient"]["client"]["name"], "A");
        assert_eq!(clients(&app).await, 1);
    }
}

#[tokio::test]
async fn who_leaves_takes_the_key_along_and_may_still_go_elsewhere() {
    let (app, org, _) = start().await;
    let member = app.as_role(&org, Role::Member).await;
    let send =
        |document: &str| member.send(member.post().header("idempotency-key", "k").json(&json!({ "query": document })));
    let leave = "mutation { leaveOrganization { leftOrganizationId userErrors { message } } }";
    assert_eq!(send(leave).await.text_at("leaveOrganization.leftOrganizationId"), org.id.to_string());
    assert_eq!(send(leave).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.number("SELECT count(*) FROM app.idempotency_keys").await, 0);
    // A former member's key is no hindrance to what a former member may do.
    let found = "mutation { createOrganization(input: { name: \"Own\", slug: \"own\" }) \
                 { organization { slug } userErrors { code } } }";
    assert_eq!(send(found).await.text_at("createOrganization.organization.slug"), "own");
}

/// Makes the key's request look as if the server had died before it could keep the answer.
async fn die(app: &TestApp, committed: &str) {
    app.sql(&format!(
        "UPDATE app.idempotency_keys SET answer = NULL, committed = '{{{committed}}}', leased_until = now() - interval '1 second'"
    ))
    .await;
}

#[tokio::test]
async fn a_server_that_died_in_between_leaves_no_second_change() {
    let (app, _, owner) = start().await;
    create(&owner, "k", "A").await.expect_done();
    let committed = app.texts("SELECT array_to_string(committed, ',') FROM app.idempotency_keys").await;
    assert_eq!(committed, ["createClient"], "the change and its note are one transaction");
    die(&app, "createClient").await;
    let answer = create(&owner, "k", "A").await;
    assert_eq!((answer.status, answer.error_code()), (StatusCode::OK, "ANSWER_LOST"));
    assert_eq!(answer.error()["extensions"]["outcome"], "COMMITTED");
    assert_eq!(answer.json["data"], json!({ "createClient": null }));
    assert_eq!(clients(&app).await, 1);
    // Of several fields, those that may not have been carried out are told apart.
    let two = "mutation { a: createClient(input: { name: \"B\" }) { client { id } } \
               b: createClient(input: { name: \"C\" }) { client { id } } }";
    let send = || owner.send(owner.post().header("idempotency-key", "two").json(&json!({ "query": two })));
    send().await.expect_data();
    die(&app, "a").await;
    let answer = send().await;
    assert_eq!(answer.json["data"], json!({ "a": null, "b": null }));
    let errors = answer.json["errors"].as_array().unwrap();
    let told: Vec<_> = errors.iter().map(|error| (&error["path"][0], &error["extensions"]["outcome"])).collect();
    assert_eq!(told, [(&json!("a"), &json!("COMMITTED")), (&json!("b"), &json!("UNKNOWN"))]);
    assert_eq!(clients(&app).await, 3);
    app.sql("DELETE FROM app.idempotency_keys WHERE key = 'two'").await;
    // If nothing was carried out, it is carried out now.
    die(&app, "").await;
    create(&owner, "k", "A").await.expect_done();
    assert_eq!(clients(&app).await, 4);
}

/// Holds what a new client waits for, runs `work`, and lets go.
async fn while_blocked(app: &TestApp, work: impl Future<Output = ()>) {
    let mut blocker = app.admin().begin().await.unwrap();
    sqlx::query("LOCK TABLE app.clients IN SHARE MODE").execute(&mut *blocker).await.unwrap();
    work.await;
    assert_eq!(clients(app).await, 0, "it waits");
    blocker.commit().await.unwrap();
}

async fn is_claimed(app: &TestApp) {
    while app.number("SELECT count(*) FROM app.idempotency_keys").await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn a_client_that_hangs_up_finds_the_answer_later() {
    let (app, _, owner) = start().await;
    while_blocked(&app, async {
        let sent = tokio::spawn(request(&owner, "k", "A").send());
        is_claimed(&app).await;
        sent.abort();
        let _ = sent.await;
    })
    .await;
    create(&owner, "k", "A").await.expect_done();
    assert_eq!(clients(&app).await, 1);
    assert_eq!(app.number("SELECT attempt::bigint FROM app.idempotency_keys").await, 1);
}

#[tokio::test]
async fn an_attempt_that_was_superseded_changes_nothing_more() {
    let (app, _, owner) = start().await;
    // Another attempt takes over while the first field is being carried out.
    app.sql(
        "CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
         BEGIN UPDATE app.idempotency_keys SET attempt = 2; RETURN NULL; END $$;
         CREATE TRIGGER take_over AFTER INSERT ON app.clients EXECUTE FUNCTION take_over();",
    )
    .await;
    let document = "mutation { a: createClient(input: { name: \"A\" }) { client { name } } \
                    b: createWorkspace(input: { name: \"B\" }) { workspace { name } } }";
    let answer = owner.send(owner.post().header("idempotency-key", "k").json(&json!({ "query": document }))).await;
    assert_eq!(answer.json["data"], json!({ "a": { "client": { "name": "A" } }, "b": null }));
    assert_eq!(answer.error_code(), "IDEMPOTENCY_KEY_IN_USE");
    assert_eq!(app.number("SELECT count(*) FROM app.workspaces WHERE name = 'B'").await, 0);
}

#[tokio::test]
async fn an_answer_with_a_token_is_not_kept() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let document = format!(
        "mutation {{ switchOrganization(input: {{ organizationId: \"{}\" }}) {{ token userErrors {{ message }} }} }}",
        org.id
    );
    for _ in 0..2 {
        let answer = owner.send(owner.post().header("idempotency-key", "k").json(&json!({ "query": document }))).await;
        assert!(answer.text_at("switchOrganization.token").contains('.'), "{}", answer.text);
        assert!(!answer.headers.contains_key("idempotency-replayed"));
    }
    assert_eq!(app.number("SELECT count(*) FROM app.idempotency_keys WHERE answer IS NOT NULL").await, 0);
}

#[tokio::test]
async fn a_key_is_kept_for_a_day() {
    let (app, _, owner) = start().await;
    create(&owner, "k", "A").await.expect_done();
    app.sql("UPDATE app.idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'").await;
    create(&owner, "k", "A").await.expect_done();
    assert_eq!(clients(&app).await, 1);
    app.sql("UPDATE app.idempotency_keys SET created_at = now() - interval '24 hours 1 minute'").await;
    // It means a new request then, whatever it asks for.
    create(&owner, "k", "B").await.expect_done();
    assert_eq!(clients(&app).await, 2);
    app.sql("UPDATE app.idempotency_keys SET created_at = now() - interval '25 hours'").await;
    create(&owner, "another", "C").await.expect_done();
    assert_eq!(app.texts("SELECT key FROM app.idempotency_keys").await, ["another"], "those that expired are removed");
}

#[tokio::test]
async fn keys_leave_with_their_member_and_are_in_no_export() {
    let (app, org, owner) = start().await;
    let member = app.as_role(&org, Role::Member).await;
    create(&member, "k", "A").await.expect_done();
    let export = app.http().get(app.server().url("/export")).bearer_auth(owner.token().unwrap());
    let export = owner.send(export).await;
    assert!(export.text.contains("app.clients") && !export.text.contains("idempotency"), "{}", export.text);
    let data = owner.data("{ members(filter: { role: [MEMBER] }) { nodes { id } } }").await;
    let id: &Value = &data["members"]["nodes"][0]["id"];
    owner.mutate("removeMember", json!({ "id": id }), "removedMemberId").await.expect_done();
    assert_eq!(app.number("SELECT count(*) FROM app.idempotency_keys").await, 0);
}

/// A few databases were migrated when the number of the attempt had 64 bits.
#[tokio::test]
async fn a_wider_column_for_the_attempt_does_as_well() {
    let (app, _, owner) = start().await;
    app.sql("ALTER TABLE app.idempotency_keys ALTER COLUMN attempt TYPE bigint").await;
    let first = create(&owner, "k", "A").await;
    assert_eq!(create(&owner, "k", "A").await.text, first.text);
    // A request that was cut off before it did anything is taken over.
    app.sql(
        "UPDATE app.idempotency_keys SET answer = NULL, committed = '{}', leased_until = now() - interval '1 hour'",
    )
    .await;
    create(&owner, "k", "A").await.expect_done();
    assert_eq!((clients(&app).await, app.number("SELECT attempt FROM app.idempotency_keys").await), (2, 2));
}
