//! What is found, in which order, and at what price.

use serde_json::json;
use tenantry_store::search;
use tenantry_tests::TestApp;

use super::{comment, create_tasks, expect_exact, found, found_among, start, worker};

#[tokio::test]
async fn what_was_written_is_found_as_people_type_it() {
    let (app, org, owner) = start().await;
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
    let (_app, _, owner) = start().await;
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

/// The rarest word leads, and it is told from a common one also where both are in very many rows.
#[tokio::test]
async fn two_common_words_are_found_together() {
    let (app, org, owner) = start().await;
    let project = owner.create_project("Site", None).await["id"].clone();
    create_tasks(&owner, &project, (0..60).map(|n| format!("common zebra {n}"))).await;
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
    let (_app, _, owner) = start().await;
    let project = owner.create_project("Site", None).await["id"].clone();
    let titles = (0..100).map(|n| format!("rea{n:03}")).chain((0..150).map(|n| format!("acme {n}")));
    create_tasks(&owner, &project, titles.chain(["acme review".to_owned()])).await;
    assert_eq!(found(&owner, "acme re").await, ["TASK acme review"]);
    assert_eq!(found(&owner, "re").await.len(), 50);
    assert_eq!(found(&owner, "rev").await, ["TASK acme review"]);
}

/// What a search sends depends on what it asks for, and not on how much it finds.
#[tokio::test]
async fn a_search_costs_as_many_statements_for_one_row_as_for_many() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").plan("enterprise").create().await;
    let owner = app.as_owner(&org);
    let project = owner.create_project("Site", None).await["id"].clone();
    create_tasks(&owner, &project, (0..100).map(|n| format!("many {}", if n == 0 { "one" } else { "more" }))).await;
    let mut sent = Vec::new();
    for query in ["many one", "many more", "many mo"] {
        let document = format!(
            "{{ search(query: \"{query}\", first: 50) {{ entity {{ ... on Task {{ title project {{ name }} }} }} highlights {{ field }} }} }}"
        );
        owner.data(&document).await;
        let mark = app.mark().await;
        let found = owner.data(&document).await["search"].as_array().unwrap().len();
        assert_eq!(found, if query == "many one" { 1 } else { 50 });
        sent.push(app.statements_since(mark).await.len());
    }
    assert!(sent[0] > 3 && sent.iter().all(|count| *count == sent[0]), "{sent:?}");
}
