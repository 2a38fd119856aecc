//! Members: who may add, promote, remove and leave, and that an owner always remains.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Answer, Org, Person, Session, TestApp};

const MEMBER: &str = "member { id role email updatedAt }";

async fn add(session: &Session, email: &str, role: Option<&str>) -> Answer {
    session.mutate("addMember", json!({ "email": email, "role": role }), MEMBER).await
}

async fn give_role(session: &Session, person: &Person, role: &str) -> Answer {
    session.mutate("updateMemberRole", json!({ "id": person.user_id.to_string(), "role": role }), MEMBER).await
}

async fn remove(session: &Session, person: &Person) -> Answer {
    session.mutate("removeMember", json!({ "id": person.user_id.to_string() }), "removedMemberId").await
}

async fn transfer(session: &Session, person: &Person) -> Answer {
    session.mutate("transferOwnership", json!({ "memberId": person.user_id.to_string() }), MEMBER).await
}

async fn leave(session: &Session) -> Answer {
    let document = "mutation { leaveOrganization { leftOrganizationId userErrors { code field message } } }";
    session.query(document, json!({})).await
}

async fn user(app: &TestApp, email: &str) {
    app.sql(&format!("INSERT INTO auth.users (id, email, name) VALUES (gen_random_uuid(), '{email}', 'Somebody')"))
        .await;
}

async fn owners(app: &TestApp, org: &Org) -> i64 {
    let id = org.uuid();
    app.number(&format!(
        "SELECT count(*) FROM app.organization_members WHERE organization_id = '{id}' AND role = 'owner'"
    ))
    .await
}

#[tokio::test]
async fn a_user_is_added_by_address() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let (owner, admin) = (app.as_owner(&acme), app.as_role(&acme, Role::Admin).await);
    for email in ["eve@x.test", "max@x.test", "ida@x.test"] {
        user(&app, email).await;
    }
    let added = add(&owner, " EVE@x.test ", None).await.expect_done().clone();
    assert_eq!((&added["role"], &added["email"]), (&json!("MEMBER"), &json!("eve@x.test")));
    add(&owner, "eve@x.test", Some("ADMIN")).await.expect_refused(&[("TAKEN", "email")]);
    add(&owner, "nobody@x.test", None).await.expect_refused(&[("NOT_FOUND", "email")]);
    add(&owner, "nonsense", None).await.expect_refused(&[("INVALID", "email")]);
    add(&owner, " ", None).await.expect_refused(&[("REQUIRED", "email")]);

    // An admin can add anyone up to an admin; lower roles can add nobody.
    assert_eq!(add(&admin, "max@x.test", Some("OWNER")).await.error_code(), "FORBIDDEN");
    assert_eq!(add(&admin, "max@x.test", Some("ADMIN")).await.expect_done()["role"], "ADMIN");
    for role in [Role::Member, Role::Viewer, Role::Guest] {
        let session = app.as_role(&acme, role).await;
        assert_eq!(add(&session, "ida@x.test", Some("GUEST")).await.error_code(), "FORBIDDEN", "{role}");
        // Nor do they learn whether there is such a user.
        assert_eq!(add(&session, "nobody@x.test", None).await.error_code(), "FORBIDDEN", "{role}");
    }
    assert_eq!(add(&owner, "ida@x.test", Some("OWNER")).await.expect_done()["role"], "OWNER");
}

#[tokio::test]
async fn a_similar_but_different_address_matches_nobody() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let owner = app.as_owner(&acme);
    for email in ["farid@x.test", "mark@x.test", "sam@x.test", "zo\u{eb}@x.test", "stra\u{df}e@x.test"] {
        user(&app, email).await;
    }
    for other in [
        "FAR\u{130}D@x.test",
        "farI\u{307}d@x.test",
        "far\u{131}d@x.test",
        "mar\u{212a}@x.test",
        "\u{17f}am@x.test",
        "zoe@x.test",
        "strasse@x.test",
        "farid@x.tes\u{ff54}",
    ] {
        add(&owner, other, None).await.expect_refused(&[("NOT_FOUND", "email")]);
    }
    assert_eq!(app.number("SELECT count(*) FROM app.organization_members").await, 1);
    // The same mailbox, in any spelling.
    for (written, kept) in [
        ("FARID@X.test", "farid@x.test"),
        ("ZOE\u{308}@x.test", "zo\u{eb}@x.test"),
        ("STRA\u{1e9e}E@x.test", "stra\u{df}e@x.test"),
    ] {
        assert_eq!(add(&owner, written, None).await.expect_done()["email"], kept);
    }
    // No other spelling gets into the database, whichever role writes it.
    for unfolded in ["Eve@x.test", "zoe\u{308}2@x.test", "\u{130}da@x.test", "mar\u{212a}@x.test"] {
        let insert =
            format!("INSERT INTO auth.users (id, email, name) VALUES (gen_random_uuid(), '{unfolded}', 'Eve')");
        let refused = app.test_database().psql(&insert).await.unwrap_err().to_string();
        assert!(refused.contains("users_email_folded_check"), "{refused}");
    }
}

#[tokio::test]
async fn members_count_against_the_plan_under_concurrency() {
    let app = TestApp::start().await;
    let free = app.organization("free").plan("free").create().await;
    user(&app, "one@x.test").await;
    add(&app.as_owner(&free), "one@x.test", None).await.expect_refused(&[("LIMIT_REACHED", "")]);

    let solo = app.organization("solo").plan("solo").create().await;
    let owner = app.as_owner(&solo);
    for n in 0..12 {
        user(&app, &format!("user{n}@x.test")).await;
    }
    let answers = join_all((0..12).map(|n| {
        let owner = owner.clone();
        async move { add(&owner, &format!("user{n}@x.test"), Some("VIEWER")).await }
    }))
    .await;
    // Three, including the owner.
    let done = answers.iter().filter(|answer| answer.user_errors().is_empty()).count();
    assert_eq!(done, 2);
    let refused = answers.iter().flat_map(Answer::user_errors).next().unwrap().json;
    assert_eq!((&refused["limit"], &refused["used"], &refused["upgradeTo"]), (&json!(3), &json!(3), &json!("pro")));
    // An existing member is reported as such, whatever the plan.
    let id = solo.uuid();
    let in_already = app
        .texts(&format!("SELECT u.email FROM app.organization_members m JOIN auth.users u ON u.id = m.user_id WHERE m.organization_id = '{id}'"))
        .await;
    assert_eq!(in_already.len(), 3);
    add(&owner, &in_already[0], None).await.expect_refused(&[("TAKEN", "email")]);
}

#[tokio::test]
async fn nobody_can_give_a_role_above_their_own() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let (owner, admin) = (app.as_owner(&acme), app.as_role(&acme, Role::Admin).await);
    let ada = app.person(&acme, "ada", Role::Member).await;
    let peer = app.person(&acme, "peer", Role::Admin).await;

    assert_eq!(give_role(&admin, &ada, "OWNER").await.error_code(), "FORBIDDEN");
    assert_eq!(give_role(&admin, &acme.owner, "MEMBER").await.error_code(), "FORBIDDEN");
    assert_eq!(remove(&admin, &acme.owner).await.error_code(), "FORBIDDEN");
    assert_eq!(transfer(&admin, &ada).await.error_code(), "FORBIDDEN");
    assert_eq!(give_role(&admin, &ada, "ADMIN").await.expect_done()["role"], "ADMIN");
    assert_eq!(give_role(&admin, &peer, "VIEWER").await.expect_done()["role"], "VIEWER");
    let session = app.sign_in(&acme, &peer);
    for answer in [give_role(&session, &ada, "GUEST").await, remove(&session, &ada).await] {
        assert_eq!(answer.error_code(), "FORBIDDEN");
    }

    // An owner may do all of it, but what was read must still be current, and the member must exist.
    let read = give_role(&owner, &ada, "OWNER").await.expect_done().clone();
    assert_eq!(read["role"], "OWNER");
    give_role(&owner, &ada, "GUEST").await.expect_done();
    let stale = json!({ "id": ada.user_id.to_string(), "role": "VIEWER", "expectedUpdatedAt": read["updatedAt"] });
    let refused = owner.mutate("updateMemberRole", stale, MEMBER).await;
    refused.expect_refused(&[("CONFLICT", "expectedUpdatedAt")]);
    let foreign = app.organization("other").create().await.owner;
    give_role(&owner, &foreign, "GUEST").await.expect_refused(&[("NOT_FOUND", "id")]);
    remove(&owner, &foreign).await.expect_refused(&[("NOT_FOUND", "id")]);
    transfer(&owner, &foreign).await.expect_refused(&[("NOT_FOUND", "memberId")]);
}

#[tokio::test]
async fn the_last_owner_stays_until_there_is_another() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let owner = app.as_owner(&acme);
    let ada = app.person(&acme, "ada", Role::Viewer).await;
    give_role(&owner, &acme.owner, "ADMIN").await.expect_refused(&[("INVALID", "role")]);
    remove(&owner, &acme.owner).await.expect_refused(&[("INVALID", "id")]);
    leave(&owner).await.expect_refused(&[("INVALID", "")]);
    transfer(&owner, &acme.owner).await.expect_refused(&[("INVALID", "memberId")]);

    assert_eq!(transfer(&owner, &ada).await.expect_done()["role"], "OWNER");
    assert_eq!(owner.data("{ viewer { role } }").await["viewer"]["role"], "ADMIN");
    assert_eq!(owners(&app, &acme).await, 1);
    assert_eq!(transfer(&owner, &ada).await.error_code(), "FORBIDDEN");
    assert_eq!(leave(&owner).await.expect_done(), &json!(acme.id.to_string()));
    assert_eq!(owner.query("{ viewer { role } }", json!({})).await.error_code(), "FORBIDDEN");
    leave(&app.sign_in(&acme, &ada)).await.expect_refused(&[("INVALID", "")]);
}

#[tokio::test]
async fn a_removed_member_loses_access_at_once_and_their_work_stays() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let (owner, ada) = (app.as_owner(&full.org), app.sign_in(&full.org, &full.ada));
    let input_with_owner = json!({ "name": "Ada's", "ownerId": full.ada.user_id.to_string() });
    let project =
        owner.mutate("createProject", input_with_owner, "project { id owner { id } }").await.expect_done().clone();
    assert_eq!(project["owner"]["id"], full.ada.user_id.to_string());
    ada.data("{ clients { nodes { id } } }").await;
    let (org, user) = (full.org.uuid(), full.ada.user_id.as_uuid());
    let left = async |table: &str| {
        app.number(&format!("SELECT count(*) FROM app.{table} WHERE organization_id = '{org}' AND user_id = '{user}'"))
            .await
    };
    for table in ["task_assignees", "workspace_members", "project_members"] {
        assert!(left(table).await > 0, "{table}");
    }

    assert_eq!(remove(&owner, &full.ada).await.expect_done(), &json!(full.ada.user_id.to_string()));
    for document in ["{ clients { nodes { id } } }", "{ organization { id } }", "{ viewer { role } }"] {
        assert_eq!(ada.query(document, json!({})).await.error_code(), "FORBIDDEN", "{document}");
    }
    let refused = ada.mutate("createClient", json!({ "name": "Late" }), "client { id }").await;
    assert_eq!(refused.error_code(), "FORBIDDEN");
    assert_eq!(leave(&ada).await.error_code(), "FORBIDDEN");
    for table in ["task_assignees", "workspace_members", "project_members", "organization_members"] {
        assert_eq!(left(table).await, 0, "{table}");
    }
    let document = "query($id: ID!) { project(id: $id) { name owner { id } } }";
    let found = owner.query(document, json!({ "id": project["id"] })).await;
    assert_eq!(found.at("project"), &json!({ "name": "Ada's", "owner": Value::Null }));
    remove(&owner, &full.ada).await.expect_refused(&[("NOT_FOUND", "id")]);
}

#[tokio::test]
async fn two_owners_removing_each_other_leave_one() {
    let app = TestApp::start().await;
    for round in 0..20 {
        let acme = app.organization(&format!("acme-{round}")).create().await;
        let other = app.person(&acme, "other", Role::Owner).await;
        let (one, two) = (app.as_owner(&acme), app.sign_in(&acme, &other));
        // Demotions, removals, departures and transfers, concurrently.
        let (first, second) = match round % 4 {
            0 => join(give_role(&one, &other, "MEMBER"), give_role(&two, &acme.owner, "MEMBER")).await,
            1 => join(remove(&one, &other), remove(&two, &acme.owner)).await,
            2 => join(leave(&one), leave(&two)).await,
            _ => join(give_role(&one, &acme.owner, "GUEST"), leave(&two)).await,
        };
        assert_eq!(owners(&app, &acme).await, 1, "round {round}: {} {}", first.text, second.text);
        for answer in [first, second] {
            if answer.json.get("errors").is_some() {
                assert_eq!(answer.error_code(), "FORBIDDEN", "{}", answer.text);
            } else if let [refused] = &answer.user_errors()[..] {
                assert_eq!(refused.code, "INVALID", "{}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn an_owner_always_remains_under_concurrency() {
    let app = TestApp::start().await;
    let acme = app.organization("acme").create().await;
    let mut people = vec![acme.owner.clone()];
    for n in 0..5 {
        people.push(app.person(&acme, &format!("owner{n}"), Role::Owner).await);
    }
    let sessions: Vec<Session> = people.iter().map(|person| app.sign_in(&acme, person)).collect();
    let attempts = people.iter().enumerate().flat_map(|(n, _)| {
        let (session, next) = (&sessions[n], &people[(n + 1) % people.len()]);
        [
            Box::pin(async move { leave(session).await }) as std::pin::Pin<Box<dyn Future<Output = Answer>>>,
            Box::pin(async move { give_role(session, next, "VIEWER").await }),
        ]
    });
    let answers = join_all(attempts).await;
    for answer in &answers {
        let code = answer.json.pointer("/errors/0/extensions/code");
        assert!(code.is_none_or(|code| code == "FORBIDDEN"), "{}", answer.text);
    }
    assert_eq!(owners(&app, &acme).await, 1);
}
