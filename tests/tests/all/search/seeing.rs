//! Who finds what: what is hidden neither is found nor changes what is.

use serde_json::{Value, json};
use tenantry_domain::Role;
use tenantry_tests::{Session, TestApp};

use super::{comment, create_tasks, expect_exact, found, start};

async fn hidden_workspace(owner: &Session) -> Value {
    let input = json!({ "name": "Board", "isPrivate": true });
    owner.mutate("createWorkspace", input, "workspace { id }").await.expect_done()["id"].clone()
}

#[tokio::test]
async fn nobody_finds_what_they_cannot_see() {
    let app = TestApp::start().await;
    let (org, other) =
        (app.organization("acme").plan("enterprise").create().await, app.organization("other").create().await);
    let owner = app.as_owner(&org);
    let hidden = hidden_workspace(&owner).await;
    let input = json!({ "name": "Zebra", "notes": "Pays late: quagga", "company": "Equids" });
    let client = owner.write("createClient", input).await.expect_done()["id"].clone();
    let input = json!({ "name": "Merger zebra", "workspaceId": hidden, "clientId": client });
    let secret = owner.write("createProject", input).await.expect_done()["id"].clone();
    let secret_task = owner.create_task(secret.as_str().unwrap(), "Buy zebra").await["id"].clone();
    comment(&owner, &secret_task, "Zebra, hush").await;
    let open = owner.create_project("Open zebra", client.as_str()).await["id"].clone();
    let task = owner.create_task(open.as_str().unwrap(), "Feed zebra").await["id"].clone();
    comment(&owner, &task, "The zebra ate").await;
    let all = [
        "TASK Feed zebra",
        "PROJECT Open zebra",
        "TASK Buy zebra",
        "PROJECT Merger zebra",
        "CLIENT Zebra",
        "COMMENT The zebra ate",
        "COMMENT Zebra, hush",
    ];
    let of_everybody = [all[0], all[1], all[4], all[5]];
    assert_eq!(found(&owner, "zebra").await, all);
    assert_eq!(found(&app.as_role(&org, Role::Admin).await, "zebra").await, all);
    for role in [Role::Member, Role::Viewer] {
        let session = app.as_role(&org, role).await;
        assert_eq!(found(&session, "zebra").await, of_everybody, "{role}");
        assert_eq!(found(&session, "zebra quag").await, ["CLIENT Zebra"], "{role}");
    }
    assert_eq!(found(&app.as_owner(&other), "zebra").await, [""; 0]);

    // A guest sees what is granted, and of the client its name.
    let guest = app.person(&org, "gus", Role::Guest).await;
    let guests = app.sign_in(&org, &guest);
    assert_eq!(found(&guests, "zebra").await, [""; 0]);
    let grant = json!({ "projectId": open, "userId": guest.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    assert_eq!(found(&guests, "zebra").await, of_everybody);
    for query in ["quagga", "zebra quagga", "quagga zebra", "equids", "merger", "hush"] {
        assert_eq!(found(&guests, query).await, [""; 0], "{query}");
    }
    let shown = guests
        .data(
            "{ search(query: \"zebra\", kinds: [CLIENT]) { highlights { field } entity { ... on Client { notes } } } }",
        )
        .await;
    assert_eq!(shown["search"], json!([{ "highlights": [{ "field": "name" }], "entity": { "notes": null } }]));

    // A member with a grant on the private workspace finds what is in it; without it, not any more.
    let ada = app.person(&org, "ada", Role::Member).await;
    let adas = app.sign_in(&org, &ada);
    let grant = json!({ "workspaceId": hidden, "userId": ada.user_id, "permission": "VIEW" });
    owner.mutate("grantWorkspaceAccess", grant, "grant { id }").await.expect_done();
    assert_eq!(found(&adas, "zebra").await, all);
    let grant = json!({ "workspaceId": hidden, "userId": ada.user_id });
    owner.mutate("revokeWorkspaceAccess", grant, "revokedGrantId").await.expect_done();
    assert_eq!(found(&adas, "zebra").await, of_everybody);

    // What somebody is changes from one request to the next.
    for role in ["GUEST", "ADMIN", "MEMBER"] {
        let input = json!({ "id": ada.user_id.to_string(), "role": role });
        owner.mutate("updateMemberRole", input, "member { role }").await.expect_done();
        let expected = match role {
            "GUEST" => vec![],
            "ADMIN" => all.to_vec(),
            _ => of_everybody.to_vec(),
        };
        assert_eq!(found(&adas, "zebra").await, expected, "{role}");
    }

    // What moves is found by those who see where it went.
    owner.write("moveTask", json!({ "id": task, "projectId": secret })).await.expect_done();
    assert_eq!(found(&adas, "zebra").await, [all[1], all[4]]);
    owner.write("moveTask", json!({ "id": secret_task, "projectId": open })).await.expect_done();
    assert_eq!(
        found(&adas, "zebra").await,
        ["PROJECT Open zebra", "TASK Buy zebra", "CLIENT Zebra", "COMMENT Zebra, hush"]
    );
    owner.write("updateProject", json!({ "id": open, "workspaceId": hidden })).await.expect_done();
    assert_eq!(found(&adas, "zebra").await, ["CLIENT Zebra"]);
    expect_exact(&app, &org).await;
}

/// Nothing that is hidden takes the place of what is not: neither of a word that a beginning stands for, nor of a row that is ranked.
#[tokio::test]
async fn what_is_hidden_does_not_change_what_is_found() {
    let (app, org, owner) = start().await;
    let hidden = hidden_workspace(&owner).await;
    let input = json!({ "name": "Hidden", "workspaceId": hidden });
    let secret = owner.write("createProject", input).await.expect_done()["id"].clone();
    let open = owner.create_project("Open", None).await["id"].clone();
    create_tasks(&owner, &open, (0..100).map(|n| format!("mergera{n:02} both"))).await;
    let guest = app.person(&org, "gus", Role::Guest).await;
    let grant = json!({ "projectId": open, "userId": guest.user_id, "permission": "VIEW" });
    owner.mutate("grantProjectAccess", grant, "grant { id }").await.expect_done();
    let (guests, member) = (app.sign_in(&org, &guest), app.as_role(&org, Role::Member).await);
    let ask = async |session: &Session| {
        let mut all = Vec::new();
        for query in ["merger", "both merger", "both", "mergera99", "nothing"] {
            all.push(found(session, query).await);
        }
        all
    };
    let before = (ask(&guests).await, ask(&member).await);
    assert_eq!(before.0, before.1);
    assert_eq!(before.0[0][0], "TASK mergera99 both");
    // The word itself, others before and between, and very many rows with one word.
    let titles =
        (0..30).flat_map(|n| [format!("merger both {n}"), format!("merger{n}"), format!("mergera50x{n} both")]);
    create_tasks(&owner, &secret, titles.chain((0..600).map(|n| format!("both nothing {n}")))).await;
    assert_eq!((ask(&guests).await, ask(&member).await), before);
    assert_eq!(found(&owner, "merger both").await.len(), 30);
}
