//! Search: what is found, by whom, and that the index follows every change.

use serde_json::{Value, json};
use tenantry_domain::{Clock, Role};
use tenantry_store::doctor::Catalogue;
use tenantry_store::{Store, StoreSettings, search};
use tenantry_tests::{Org, Session, TestApp};

/// What a search finds, as `KIND name` of each result.
async fn found(session: &Session, query: &str) -> Vec<String> {
    found_among(session, query, Value::Null).await
}

async fn found_among(session: &Session, query: &str, kinds: Value) -> Vec<String> {
    let document = "query($query: String!, $kinds: [SearchKind!]) { search(query: $query, kinds: $kinds, first: 50) { kind entityId entity {
        id ... on Client { name } ... on Project { name } ... on Task { title } ... on Comment { body } } } }";
    let answer = session.query(document, json!({ "query": query, "kinds": kinds })).await;
    let results = answer.expect_data()["search"].as_array().unwrap().clone();
    results
        .iter()
        .map(|result| {
            let entity = &result["entity"];
            assert_eq!(entity["id"], result["entityId"]);
            let name = ["name", "title", "body"].iter().find_map(|field| entity[field].as_str());
            format!("{} {}", result["kind"].as_str().unwrap(), name.unwrap())
        })
        .collect()
}

async fn worker(app: &TestApp) -> Store {
    Store::connect(&StoreSettings::new(app.urls().worker_url()), Clock::system()).await.unwrap()
}

/// The index is what it would be if it were made anew.
async fn expect_exact(app: &TestApp, org: &Org) {
    let query = format!(
        "SELECT concat_ws(' ', s.kind, s.entity_id, s.term, s.project_id, s.weight, s.for_guests) FROM app.search_terms s
         WHERE s.organization_id = '{}' ORDER BY s.entity_id, s.term",
        org.uuid()
    );
    let kept = app.texts(&query).await;
    app.sql(&format!("DELETE FROM app.search_terms WHERE organization_id = '{}'", org.uuid())).await;
    search::rebuild(&worker(app).await, org.id, &mut |_| {}).await.unwrap();
    let made = app.texts(&query).await;
    assert!(!made.is_empty());
    assert_eq!(kept, made);
}

async fn comment(session: &Session, task: &Value, body: &str) -> Value {
    let input = json!({ "taskId": task, "body": body });
    session.mutate("createComment", input, "comment { id }").await.expect_done()["id"].clone()
}

#[tokio::test]
async fn what_was_written_is_found_as_people_type_it() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let project = owner.create_project("Projekt", None).await["id"].clone();
    let project = project.as_str().unwrap();
    for (title, queries) in [
        ("İSTANBUL'da IŞIK ve ısı", &["istanbul", "İstanbul", "işık ısı", "ISI", "isik"][..]),
        ("Größe der Straßenschilder ändern", &["grosse", "GRÖSSE", "straße", "strassenschilder änd", "andern"]),
        ("हिन्दी में खोज करें", &["हिन्दी", "खोज", "में खो"]),
        ("東京都の会議室を予約", &["東京", "京都", "会議室", "東", "予約 会議", "約"]),
        ("ｻｰﾊﾞｰ移行ガイド", &["サーバー", "ガイド", "移行"]),
        ("Żółta łódź Zoë", &["zolta", "łódź", "zoe\u{308}", "lodz zo"]),
        ("Обновить приёмную", &["обновить", "ПРИЕМ"]),
        ("تحديث الأنظمة", &["الانظمة", "تحد"]),
        ("ประชุมทีม", &["ประชุม", "ทีม"]),
        ("서울 회의", &["서울", "회"]),
        ("Fix the log-in (v2.1) for ada@example.com", &["log in", "v2.1", "ada@example.com", "LOG-IN fix"]),
    ] {
        owner.create_task(project, title).await;
        for query in queries {
            assert!(found(&owner, query).await.contains(&format!("TASK {title}")), "{query} finds {title}");
        }
    }
    for query in ["login", "istanbul tokyo", "の都", "xyz", "", " … ", "ista nbul", "größ"] {
        assert_eq!(found(&owner, query).await.len(), usize::from(query == "größ"), "{query}");
    }
    expect_exact(&app, &org).await;
}

#[tokio::test]
async fn the_best_comes_first_and_shows_where_it_has_the_words() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let input = json!({ "name": "Northwind", "notes": "Likes harbor views.", "email": "harbor@northwind.test" });
    let client = owner.write("createClient", input).await.expect_done()["id"].clone();
    let project = owner.create_project("Harbor site", client.as_str()).await["id"].clone();
    let project = project.as_str().unwrap();
    let old = owner.create_task(project, "Harbor map").await["id"].clone();
    owner.create_task(project, "Harbors of the world").await;
    let text = format!("{} A *harbor* <b>wall</b>. {}", "Stone on stone. ".repeat(30), "And so on. ".repeat(30));
    let input = json!({ "projectId": project, "title": "Wall", "description": text });
    owner.write("createTask", input).await.expect_done();
    comment(&owner, &old, "The harbor is closed.").await;
    owner.create_task(project, "Harbor tour").await;

    // Names before texts, the word itself before a longer one, the newest before older ones.
    let all = [
        "TASK Harbor tour",
        "TASK Harbor map",
        "PROJECT Harbor site",
        "TASK Harbors of the world",
        "CLIENT Northwind",
        "COMMENT The harbor is closed.",
        "TASK Wall",
    ];
    assert_eq!(found(&owner, "harbor").await, all);
    assert_eq!(found(&owner, "harb").await.len(), 7);
    assert_eq!(found(&owner, "HARBOR wal").await, ["TASK Wall"]);
    assert_eq!(found(&owner, "wal harbor").await, [""; 0], "only the last word may be a beginning");
    assert_eq!(found_among(&owner, "harbor", json!(["PROJECT", "CLIENT"])).await, [all[2], all[4]]);
    assert_eq!(found_among(&owner, "harbor", json!([])).await, [""; 0]);
    let two = owner.data("{ search(query: \"harbor\", first: 2) { kind } }").await;
    assert_eq!(two["search"], json!([{ "kind": "TASK" }, { "kind": "TASK" }]));

    let shown = owner
        .data("{ search(query: \"harbor wall\") { highlights { field fragments { text isMatch } } } }")
        .await["search"][0]["highlights"]
        .clone();
    assert_eq!(shown[0], json!({ "field": "title", "fragments": [{ "text": "Wall", "isMatch": true }] }));
    let fragments = shown[1]["fragments"].as_array().unwrap();
    let matches: Vec<&str> =
        fragments.iter().filter(|f| f["isMatch"] == true).map(|f| f["text"].as_str().unwrap()).collect();
    assert_eq!((&shown[1]["field"], matches), (&json!("description"), vec!["harbor", "wall"]));
    let whole: String = fragments.iter().map(|f| f["text"].as_str().unwrap()).collect();
    assert!(text.contains(whole.trim_matches('…')) && whole.chars().count() <= 202, "{whole}");

    for (document, message) in [
        (
            format!("{{ search(query: \"{}\") {{ kind }} }}", "x".repeat(201)),
            "`query` may have at most 200 characters.",
        ),
        ("{ search(query: \"x\", first: 51) { kind } }".to_owned(), "`first` must be between 0 and 50."),
        ("{ search(query: \"x\", first: -1) { kind } }".to_owned(), "`first` must be between 0 and 50."),
    ] {
        let answer = owner.query(&document, json!({})).await;
        assert_eq!((answer.error_code(), answer.error_message()), ("BAD_USER_INPUT", message));
    }
}

#[tokio::test]
async fn nobody_finds_what_they_cannot_see() {
    let app = TestApp::start().await;
    let (org, other) =
        (app.organization("acme").plan("enterprise").create().await, app.organization("other").create().await);
    let owner = app.as_owner(&org);
    let hidden = owner
        .mutate("createWorkspace", json!({ "name": "Board", "isPrivate": true }), "workspace { id }")
        .await
        .expect_done()["id"]
        .clone();
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

#[tokio::test]
async fn the_index_follows_every_change() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let client = owner.create_client("Acme").await["id"].clone();
    let project = owner.create_project("Site", client.as_str()).await["id"].clone();
    let site = project.as_str().unwrap();
    let task = owner.create_task(site, "Draw the logo").await["id"].clone();
    let input = json!({ "projectId": project, "title": "Logo in blue", "parentTaskId": task });
    let below = owner.write("createTask", input).await.expect_done()["id"].clone();
    let note = comment(&owner, &below, "Logo, please").await;
    assert_eq!(found(&owner, "logo").await.len(), 3);

    owner
        .write("updateTask", json!({ "id": task, "title": "Draw the mark", "description": "No logo" }))
        .await
        .expect_done();
    assert_eq!(found(&owner, "logo").await, ["TASK Logo in blue", "COMMENT Logo, please", "TASK Draw the mark"]);
    let edit = json!({ "id": note, "body": "Sign, please" });
    owner.mutate("updateComment", edit, "comment { id }").await.expect_done();
    assert_eq!(found(&owner, "logo").await, ["TASK Logo in blue", "TASK Draw the mark"]);
    assert_eq!(found(&owner, "sign").await, ["COMMENT Sign, please"]);
    owner.write("updateClient", json!({ "id": client, "company": "Acme Rockets" })).await.expect_done();
    assert_eq!(found(&owner, "rocket").await, ["CLIENT Acme"]);
    owner.write("updateClient", json!({ "id": client, "company": null })).await.expect_done();
    assert_eq!(found(&owner, "rocket").await, [""; 0]);

    // Several at once; and what is refused leaves nothing.
    let many: Vec<Value> =
        (0..100).map(|n| json!({ "projectId": project, "title": format!("Batch number {n}") })).collect();
    let tasks = owner.mutate("createTasks", json!({ "tasks": many }), "tasks { id }").await;
    let tasks = tasks.expect_done().as_array().unwrap().clone();
    assert_eq!(found(&owner, "batch").await.len(), 50);
    let refused =
        json!({ "tasks": [{ "projectId": project, "title": "Nevermore" }, { "projectId": project, "title": "" }] });
    owner.mutate("createTasks", refused, "tasks { id }").await.expect_refused(&[("REQUIRED", "tasks.1.title")]);
    assert_eq!(found(&owner, "nevermore").await, [""; 0]);
    expect_exact(&app, &org).await;
    let gone: Vec<Value> = tasks.iter().map(|task| json!({ "id": task["id"] })).collect();
    owner.mutate("deleteTasks", json!({ "tasks": gone }), "deletedTaskIds").await.expect_done();
    assert_eq!(found(&owner, "batch").await, [""; 0]);

    // What goes along with another row.
    let lone = owner.create_task(site, "Lone wolf").await["id"].clone();
    comment(&owner, &lone, "A wolf, indeed").await;
    owner.write("deleteTask", json!({ "id": task })).await.expect_done();
    expect_exact(&app, &org).await;
    assert_eq!(found(&owner, "logo").await, [""; 0]);
    owner.write("deleteProject", json!({ "id": project })).await.expect_done();
    assert_eq!(found(&owner, "wolf").await, [""; 0]);
    expect_exact(&app, &org).await;
    owner.write("deleteClient", json!({ "id": client })).await.expect_done();
    let left = format!("SELECT count(*) FROM app.search_terms WHERE organization_id = '{}'", org.uuid());
    assert_eq!(app.number(&left).await, 0);
}

/// Nothing that is hidden takes the place of what is not: neither of a word that a beginning stands for, nor of a row that is ranked.
#[tokio::test]
async fn what_is_hidden_does_not_change_what_is_found() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let hidden = owner
        .mutate("createWorkspace", json!({ "name": "Board", "isPrivate": true }), "workspace { id }")
        .await
        .expect_done()["id"]
        .clone();
    let input = json!({ "name": "Hidden", "workspaceId": hidden });
    let secret = owner.write("createProject", input).await.expect_done()["id"].clone();
    let open = owner.create_project("Open", None).await["id"].clone();
    let create = async |project: &Value, titles: Vec<String>| {
        for titles in titles.chunks(100) {
            let tasks: Vec<Value> =
                titles.iter().map(|title| json!({ "projectId": project, "title": title })).collect();
            owner.mutate("createTasks", json!({ "tasks": tasks }), "tasks { id }").await.expect_done();
        }
    };
    create(&open, (0..100).map(|n| format!("mergera{n:02} both")).collect()).await;
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
    create(&secret, titles.chain((0..600).map(|n| format!("both nothing {n}"))).collect()).await;
    assert_eq!((ask(&guests).await, ask(&member).await), before);
    assert_eq!(found(&owner, "merger both").await.len(), 30);
}

/// The rarest word leads, and it is told from a common one also where both are in very many rows.
#[tokio::test]
async fn two_common_words_are_found_together() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let project = owner.create_project("Site", None).await["id"].clone();
    let tasks =
        (0..60).map(|n| json!({ "projectId": project, "title": format!("common zebra {n}") })).collect::<Vec<_>>();
    owner.mutate("createTasks", json!({ "tasks": tasks }), "tasks { id }").await.expect_done();
    // Words of newer rows, and of clients.
    let uuid = tenantry_domain::typeid::split(project.as_str().unwrap()).unwrap().1;
    app.sql(&format!(
        "INSERT INTO app.search_terms (organization_id, entity_id, term, kind, project_id, weight, for_guests)
         SELECT '{0}', ('ffffffff-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'common', 'task', '{uuid}', 8, true
         FROM generate_series(1, 25000) n;
         INSERT INTO app.search_terms (organization_id, entity_id, term, kind, project_id, weight, for_guests)
         SELECT '{0}', ('ffffffff-0000-7000-8001-' || lpad(to_hex(n), 12, '0'))::uuid, 'zebra', 'client', NULL, 8, true
         FROM generate_series(1, 25000) n;
         ANALYZE app.search_terms",
        org.uuid()
    ))
    .await;
    assert_eq!(found(&owner, "common zebra").await.len(), 50);
    assert_eq!(found(&owner, "zebra common").await.len(), 50);
    assert_eq!(found_among(&owner, "common zeb", json!(["TASK", "COMMENT"])).await.len(), 50);
    // What is in the index and gone is swept out.
    search::rebuild(&worker(&app).await, org.id, &mut |_| {}).await.unwrap();
    expect_exact(&app, &org).await;
}

/// A beginning of very many words does not lead if another word can.
#[tokio::test]
async fn a_beginning_of_many_words_is_found_beside_a_whole_word() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let project = owner.create_project("Site", None).await["id"].clone();
    let titles = (0..100).map(|n| format!("rea{n:03}")).chain((0..150).map(|n| format!("acme {n}")));
    let titles: Vec<String> = titles.chain(["acme review".to_owned()]).collect();
    for titles in titles.chunks(100) {
        let tasks: Vec<Value> = titles.iter().map(|title| json!({ "projectId": project, "title": title })).collect();
        owner.mutate("createTasks", json!({ "tasks": tasks }), "tasks { id }").await.expect_done();
    }
    assert_eq!(found(&owner, "acme re").await, ["TASK acme review"]);
    assert_eq!(found(&owner, "re").await.len(), 50);
    assert_eq!(found(&owner, "rev").await, ["TASK acme review"]);
}

/// A row is written together with its words, or not at all.
#[tokio::test]
async fn a_word_that_cannot_be_written_undoes_the_change() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    app.sql("ALTER TABLE app.search_terms ADD CONSTRAINT no_badgers CHECK (term <> 'badger')").await;
    let answer = owner.mutate("createClient", json!({ "name": "Badger" }), "client { id }").await;
    assert_eq!(answer.error_code(), "INTERNAL");
    assert_eq!(app.number("SELECT count(*) FROM app.clients WHERE name = 'Badger'").await, 0);
    assert_eq!(app.number("SELECT count(*) FROM app.activities WHERE entity_type = 'client'").await, 0);
    owner.create_client("Otter").await;
}

#[tokio::test]
async fn rows_that_were_loaded_or_were_there_before_are_found() {
    let app = TestApp::start().await;
    tenantry_seed::demo(&app.urls().owner_url()).await.unwrap();
    let worker = worker(&app).await;
    let organizations = search::organizations(&worker).await.unwrap();
    assert_eq!(organizations.len(), 2);
    let all =
        "SELECT concat_ws(' ', s.organization_id, s.kind, s.entity_id, s.term, s.project_id, s.weight, s.for_guests)
        FROM app.search_terms s ORDER BY s.organization_id, s.entity_id, s.term";
    let loaded = app.texts(all).await;
    app.sql("DELETE FROM app.search_terms").await;
    for organization in organizations {
        search::rebuild(&worker, organization, &mut |_| {}).await.unwrap();
    }
    let rebuilt = app.texts(all).await;
    // What is there of rows that are gone goes, what is wrong becomes right.
    app.sql("INSERT INTO app.search_terms (organization_id, entity_id, term, kind, project_id, weight, for_guests)
        SELECT DISTINCT ON (organization_id, kind) organization_id, gen_random_uuid(), 'ghost', kind, NULL::uuid, 1, true FROM app.search_terms;
        INSERT INTO app.search_terms (organization_id, entity_id, term, kind, weight, for_guests)
        SELECT DISTINCT ON (entity_id) organization_id, entity_id, 'ghost', kind, 1, true FROM app.search_terms WHERE term <> 'ghost'").await;
    assert_ne!(app.texts(all).await, rebuilt);
    for organization in search::organizations(&worker).await.unwrap() {
        search::rebuild(&worker, organization, &mut |_| {}).await.unwrap();
    }
    assert_eq!(app.texts(all).await, rebuilt);
    assert!(loaded.iter().any(|row| row.contains(" comment ")), "there are comments");
    assert_eq!(loaded, rebuilt);
}

/// Whoever changes a row while the index is made anew finds it as it is after the change: with its new words, in its new project, or not at
/// all.
#[tokio::test]
async fn the_index_is_exact_whoever_writes_at_the_same_time() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let projects =
        [owner.create_project("One", None).await["id"].clone(), owner.create_project("Two", None).await["id"].clone()];
    let mut tasks = Vec::new();
    for n in 0..12 {
        let task = owner.create_task(projects[0].as_str().unwrap(), &format!("Task {n}")).await["id"].clone();
        comment(&owner, &task, &format!("Comment on {n}")).await;
        tasks.push(task);
    }
    let store = worker(&app).await;
    let rebuilding = async {
        for _ in 0..30 {
            search::rebuild(&store, org.id, &mut |_| {}).await.unwrap();
        }
    };
    let renaming = async {
        for round in 0..4 {
            for task in &tasks {
                owner.write("updateTask", json!({ "id": task, "title": format!("Round {round}") })).await;
            }
        }
    };
    let moving = async {
        for round in 0..4 {
            for task in &tasks {
                owner.write("moveTask", json!({ "id": task, "projectId": projects[(round + 1) % 2] })).await;
            }
        }
    };
    // The last four tasks are deleted while others still write comments on them.
    let deleting = async {
        for task in &tasks[8..] {
            tokio::join!(
                owner.write("deleteTask", json!({ "id": task })),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
                owner.mutate("createComment", json!({ "taskId": task, "body": "Too late" }), "comment { id }"),
            );
        }
    };
    tokio::join!(rebuilding, renaming, moving, deleting);
    assert_eq!(found(&owner, "late").await, [""; 0]);
    expect_exact(&app, &org).await;
    assert_eq!(app.number("SELECT count(*) FROM app.search_terms s WHERE kind = 'task' AND term = 'round'").await, 8);
}

#[tokio::test]
async fn the_doctor_tells_when_words_are_missing() {
    let app = TestApp::start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    for name in ["Alpha", "Beta", "Gamma"] {
        owner.create_client(name).await;
    }
    let faults = async || {
        app.sql("ANALYZE app.clients, app.search_terms").await;
        let mut catalogue = Catalogue::connect(&app.urls().app_url()).await.unwrap();
        let findings = catalogue.findings().await.unwrap();
        catalogue.close().await.unwrap();
        findings.iter().filter(|finding| format!("{finding:?}").contains("tenantry reindex")).count()
    };
    assert_eq!(faults().await, 0);
    app.sql("DELETE FROM app.search_terms WHERE term <> 'alpha'").await;
    assert_eq!(faults().await, 1);
}
