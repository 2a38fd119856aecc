//! Filters and orders of every noun: each filter finds what the same condition finds in SQL, and each order has an index.

use std::collections::BTreeSet;

use serde_json::json;
use tenantry_domain::noun::{ALL, Declared, FieldInfo, Kind, Placement, Rule, SortInfo, Test};
use tenantry_tests::{FullOrg, Session, TestApp};
use uuid::Uuid;

use super::conditions::{Case, case, has};
use super::{field, rooted};

async fn found(session: &Session, noun: &Declared, filter: &str) -> (i64, BTreeSet<String>) {
    let document =
        format!("{{ list: {}(first: 100, filter: {filter}) {{ totalCount nodes {{ id }} }} }}", noun.info.list);
    let data = session.data(&document).await;
    let nodes = data["list"]["nodes"].as_array().unwrap();
    let uuid =
        |node: &serde_json::Value| tenantry_domain::typeid::split(node["id"].as_str().unwrap()).unwrap().1.to_string();
    (data["list"]["totalCount"].as_i64().unwrap(), nodes.iter().map(uuid).collect())
}

/// The ids of a noun's rows `t` that meet a predicate.
async fn meeting(app: &TestApp, noun: &Declared, full: &FullOrg, predicate: &str) -> BTreeSet<String> {
    let (table, organization) = (noun.info.table, full.org.uuid());
    let query = format!("SELECT id::text FROM {table} t WHERE organization_id = '{organization}' AND {predicate}");
    app.texts(&query).await.into_iter().collect()
}

#[tokio::test]
async fn every_filter_finds_what_it_says() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    // With other amounts and another currency than the others, and in another workspace.
    let budget = json!({ "amount": "5.00", "currency": "EUR" });
    let input = json!({ "name": "Small", "budget": budget, "workspaceId": full.workspaces[2] });
    let project = owner.mutate("createProject", input, "project { id }").await.expect_done()["id"].clone();
    owner.write("createTask", json!({ "projectId": project, "title": "One" })).await.expect_done();
    let line = json!({ "description": "An hour", "quantity": "1", "rate": "7" });
    let input = json!({ "clientId": full.clients[0], "currency": "EUR", "lineItems": [line] });
    owner.mutate("createInvoice", input, "invoice { id }").await.expect_done();
    let mut tried = 0;
    for noun in rooted() {
        let all = meeting(&app, noun, &full, "true").await;
        for condition in noun.conditions() {
            let mut narrows = false;
            for nth in 0..3 {
                let Case { asked, predicate } = case(&app, &full, noun, condition, nth).await;
                let expected = meeting(&app, noun, &full, &predicate).await;
                let what = format!("{} by {asked}", noun.info.list);
                let count = i64::try_from(expected.len()).unwrap();
                narrows |= expected.len() < all.len();
                assert_eq!(found(&owner, noun, &format!("{{ {asked} }}")).await, (count, expected), "{what}");
                tried += 1;
            }
            // All rows may be of one parent.
            let links = noun.fields().iter().any(|field| field.name == condition.field && field.link.is_some());
            assert!(
                narrows || links,
                "{} by {} keeps everything: the test shows nothing",
                noun.info.list,
                condition.api
            );
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn a_row_is_found_by_what_links_to_it() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let (mut tried, mut kept) = (0, 0);
    for below in ALL {
        for parent in below.parents() {
            let Some(list) = parent.list.filter(|_| !below.conditions().is_empty()) else { continue };
            let noun = ALL.iter().find(|noun| noun.info.name == parent.noun).unwrap();
            let name = format!("{}{}", list[..1].to_ascii_uppercase(), &list[1..]);
            let all = meeting(&app, noun, &full, "true").await;
            let mut cases = vec![Case { asked: String::new(), predicate: "true".to_owned() }];
            for condition in below.conditions() {
                cases.push(case(&app, &full, below, condition, 1).await);
            }
            for Case { asked, predicate } in cases {
                let with = meeting(&app, noun, &full, &has(below, parent, &predicate)).await;
                let without: BTreeSet<String> = all.difference(&with).cloned().collect();
                for (verb, expected) in [("has", with), ("hasNo", without)] {
                    let filter = format!("{{ {verb}{name}: {{ {asked} }} }}");
                    let count = i64::try_from(expected.len()).unwrap();
                    kept += usize::from(count > 0 && expected.len() < all.len());
                    let what = format!("{} by {filter}", noun.info.list);
                    assert_eq!(found(&owner, noun, &filter).await, (count, expected), "{what}");
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 100 && kept > 50, "{tried} {kept}");

    // Two deep, and no deeper.
    let deep = "{ hasProjects: { hasNoTasks: { status: [DONE] } } }";
    let clients = rooted().find(|noun| noun.info.list == "clients").unwrap();
    let predicate = "EXISTS (SELECT FROM app.projects p WHERE p.client_id = t.id
        AND NOT EXISTS (SELECT FROM app.tasks k WHERE k.project_id = p.id AND k.status = 'done'))";
    assert_eq!(found(&owner, clients, deep).await.1, meeting(&app, clients, &full, predicate).await);
    for (filter, path) in [
        (
            "{ hasProjects: { hasTasks: { hasSubtasks: {} } } }",
            json!(["filter", "hasProjects", "hasTasks", "hasSubtasks"]),
        ),
        ("{ hasProjects: null }", json!(["filter", "hasProjects"])),
        ("{ hasProjects: { status: null } }", json!(["filter", "hasProjects", "status"])),
        (
            "{ hasProjects: { budgetAtLeast: { amount: \"0.001\", currency: \"EUR\" } } }",
            json!(["filter", "hasProjects", "budgetAtLeast", "amount"]),
        ),
    ] {
        let answer = owner.query(&format!("{{ clients(filter: {filter}) {{ totalCount }} }}"), json!({})).await;
        assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{}", answer.text);
        assert_eq!(answer.error()["extensions"]["field"], path, "{}", answer.text);
    }
}

/// A caller finds a row by the rows that it sees in the row's lists, and by no others.
#[tokio::test]
async fn what_is_hidden_finds_nothing() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let mut differs = 0;
    for person in [&full.ada, &full.guest] {
        let (session, owner) = (app.sign_in(&full.org, person), app.as_owner(&full.org));
        for below in ALL {
            for parent in below.parents() {
                let Some(list) = parent.list.filter(|_| !below.conditions().is_empty()) else { continue };
                let noun = ALL.iter().find(|noun| noun.info.name == parent.noun).unwrap();
                let document =
                    format!("{{ rows: {}(first: 100) {{ nodes {{ id {list} {{ totalCount }} }} }} }}", noun.info.list);
                let rows = session.data(&document).await;
                let rows = rows["rows"]["nodes"].as_array().unwrap();
                let with = rows.iter().filter(|row| row[list]["totalCount"] != 0).map(|row| row["id"].clone());
                let with: Vec<serde_json::Value> = with.collect();
                let name = format!("{}{}", list[..1].to_ascii_uppercase(), &list[1..]);
                for (verb, wanted) in [("has", true), ("hasNo", false)] {
                    let filter = format!("{{ {verb}{name}: {{}} }}");
                    let document =
                        format!("{{ rows: {}(first: 100, filter: {filter}) {{ nodes {{ id }} }} }}", noun.info.list);
                    let expected: Vec<_> =
                        rows.iter().map(|row| &row["id"]).filter(|id| with.contains(id) == wanted).collect();
                    let found = session.data(&document).await;
                    let found: Vec<_> =
                        found["rows"]["nodes"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
                    assert_eq!(found, expected, "{} by {filter}", noun.info.list);
                    let of_owner = owner.data(&document).await;
                    differs += usize::from(of_owner["rows"]["nodes"].as_array().unwrap().len() != found.len());
                }
            }
        }
    }
    assert!(differs > 5, "{differs}");
}

#[tokio::test]
async fn the_total_is_how_many_rows_the_list_has_in_every_order_for_everybody() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let (mut hidden, mut looked_at) = (0, 0);
    for session in [app.as_owner(&full.org), app.sign_in(&full.org, &full.ada), app.sign_in(&full.org, &full.guest)] {
        for noun in rooted().filter(|noun| noun.info.sortable) {
            let plain = format!("{{ list: {}(first: 100) {{ totalCount }} }}", noun.info.list);
            let all = session.data(&plain).await["list"]["totalCount"].clone();
            for order in noun.sorts() {
                let field = order.name.to_ascii_uppercase();
                let document = format!(
                    "{{ list: {}(first: 100, orderBy: [{{ field: {field} }}]) {{ totalCount nodes {{ id }} pageInfo {{ hasNextPage }} }} }}",
                    noun.info.list
                );
                let list = session.data(&document).await["list"].clone();
                assert_eq!(list["pageInfo"]["hasNextPage"], false, "{document}");
                assert_eq!(list["totalCount"], list["nodes"].as_array().unwrap().len(), "{document}");
                looked_at += 1;
                hidden += usize::from(list["totalCount"] != all);
            }
        }
    }
    assert!(looked_at > 50 && hidden > 0, "{looked_at} lists, {hidden} in an order that the caller may not know");
}

#[tokio::test]
async fn a_condition_takes_at_most_a_hundred_values() {
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    let document = "query ($ids: [ID!], $no: [ID!]) { tasks(filter: { ids: $ids, hasNoSubtasks: { projectIdNot: $no } }) { totalCount } }";
    let ids = |kind: &str, count: usize| vec![format!("{kind}_01h455vb4pex5vsknk084sn02q"); count];
    owner.query(document, json!({ "ids": ids("task", 100), "no": ids("project", 100) })).await.expect_data();
    for (tasks, projects, place) in
        [(101, 1, &["filter", "ids"][..]), (1, 101, &["filter", "hasNoSubtasks", "projectIdNot"])]
    {
        let answer = owner.query(document, json!({ "ids": ids("task", tasks), "no": ids("project", projects) })).await;
        assert_eq!(answer.error()["extensions"]["field"], json!(place), "{}", answer.text);
        assert!(answer.error_message().contains("At most 100"), "{}", answer.text);
    }
}

#[tokio::test]
async fn names_are_found_by_their_beginning_in_any_case_and_with_or_without_accents() {
    const NAMES: [&str; 21] = [
        "Ähnlich",
        "ahoi",
        "AHA",
        "Aha 100%",
        "Ah_ne",
        "b",
        "Éclair",
        "eclat",
        "İstanbul",
        "Straße",
        "東京",
        "हिन्दी",
        "Lodz",
        "Łódź",
        "Ore",
        "Ærø",
        "aerosol",
        "ﬁnal",
        "Zo\u{200D}e",
        "zoë",
        "стол",
    ];
    let app = TestApp::start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    for name in NAMES {
        owner.create_client(name).await;
    }
    let find = async |start: &str| {
        let document = "query ($s: String) { clients(first: 100, filter: { nameStartsWith: $s }, orderBy: { field: NAME }) { nodes { name } } }";
        let answer = owner.query(document, json!({ "s": start })).await;
        let nodes = answer.at("clients.nodes").as_array().unwrap();
        nodes.iter().map(|node| node["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for (start, expected) in [
        ("ah", &["Ah_ne", "AHA", "Aha 100%", "Ähnlich", "ahoi"][..]),
        ("ÄH", &["Ah_ne", "AHA", "Aha 100%", "Ähnlich", "ahoi"]),
        ("A\u{308}hn", &["Ähnlich"]),
        ("Aha 1", &["Aha 100%"]),
        ("aha", &["AHA", "Aha 100%"]),
        ("%", &[]),
        ("ah%", &[]),
        ("Ah_", &["Ah_ne"]),
        ("ecla", &["Éclair", "eclat"]),
        ("istan", &["İstanbul"]),
        ("I", &["İstanbul"]),
        ("STRASSE", &["Straße"]),
        ("straß", &["Straße"]),
        ("lód", &["Lodz", "Łódź"]),
        ("ŁÓDŹ", &["Lodz", "Łódź"]),
        ("ør", &["Ore"]),
        ("Ærø", &["Ærø", "aerosol"]),
        ("fin", &["ﬁnal"]),
        ("ﬁ", &["ﬁnal"]),
        ("zo\u{200D}e", &["Zo\u{200D}e", "zoë"]),
        ("Zoe", &["Zo\u{200D}e", "zoë"]),
        ("СТ", &["стол"]),
        ("東", &["東京"]),
        ("हि", &["हिन्दी"]),
        ("b", &["b"]),
        ("bb", &[]),
        ("\0", &[]),
        ("'; DROP TABLE app.clients; --", &[]),
    ] {
        assert_eq!(find(start).await, expected, "{start:?}");
    }
    assert_eq!(find("").await.len(), NAMES.len());
}

#[tokio::test]
async fn an_empty_list_finds_nothing_and_null_what_has_no_value() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let (mut empty, mut absent, mut refused) = (0, 0, 0);
    for noun in rooted() {
        for condition in noun.conditions() {
            let what = format!("{} by {}", noun.info.list, condition.api);
            if condition.takes_many {
                let (count, rows) = found(&owner, noun, &format!("{{ {}: [] }}", condition.api)).await;
                let none = if condition.test == Test::NoneOf || condition.api == "statusNot" {
                    meeting(&app, noun, &full, "true").await
                } else {
                    BTreeSet::new()
                };
                assert_eq!((count, rows), (i64::try_from(none.len()).unwrap(), none), "{what}");
                empty += 1;
            }
            let null = format!("{{ {}: null }}", condition.api);
            if !condition.takes_null {
                let document = format!("{{ {}(filter: {null}) {{ totalCount }} }}", noun.info.list);
                let answer = owner.query(&document, serde_json::json!({})).await;
                assert_eq!(answer.error_code(), "BAD_USER_INPUT", "{what}");
                let field = &answer.error()["extensions"]["field"];
                assert_eq!(field, &serde_json::json!(["filter", condition.api]), "{what}: {}", answer.text);
                refused += 1;
            } else if condition.test == Test::Is {
                let column = field(noun, condition.field).own_column().unwrap();
                let query = format!(
                    "SELECT id::text FROM {} WHERE organization_id = '{}' AND {column} IS NULL",
                    noun.info.table,
                    full.org.uuid()
                );
                let expected: BTreeSet<String> = app.texts(&query).await.into_iter().collect();
                let count = i64::try_from(expected.len()).unwrap();
                assert_eq!(found(&owner, noun, &null).await, (count, expected), "{what}");
                absent += 1;
            }
        }
    }
    assert!(empty >= 5 && absent >= 4 && refused >= 10, "{empty} {absent} {refused}");

    let unassigned: BTreeSet<String> = app
        .texts(&format!(
            "SELECT id::text FROM app.tasks t WHERE organization_id = '{}'
             AND NOT EXISTS (SELECT FROM app.task_assignees a WHERE a.task_id = t.id)",
            full.org.uuid()
        ))
        .await
        .into_iter()
        .collect();
    let tasks = rooted().find(|noun| noun.info.list == "tasks").unwrap();
    assert!(!unassigned.is_empty());
    assert_eq!(found(&owner, tasks, "{ assigneeId: null }").await.1, unassigned);
}

/// What an order goes by, in SQL, said anew: a row without a value comes last, whichever way the list runs.
fn expression(field: &FieldInfo, way: &str) -> String {
    let column = field.own_column().unwrap();
    let last = if way == "DESC" { "-infinity" } else { "infinity" };
    match field.kind {
        Kind::Time if field.nullable => format!("coalesce({column}, '{last}'::timestamptz)"),
        Kind::Date if field.nullable => format!("coalesce({column}, '{last}'::date)"),
        Kind::Text if matches!(field.rule, Rule::Text(_)) => format!("{column} COLLATE \"und-x-icu\""),
        Kind::Enum(info) => {
            let others = info.values.iter().skip(1).rev().enumerate();
            let whens: Vec<String> = others.map(|(n, value)| format!("WHEN '{}' THEN {n}", value.text)).collect();
            format!("(CASE {column} {} ELSE {} END)", whens.join(" "), whens.len())
        }
        _ => column.to_owned(),
    }
}

pub(super) fn expressions(noun: &Declared, sort: &SortInfo, way: &str) -> String {
    let by = sort.fields.iter().map(|name| expression(field(noun, name), way)).chain(["id".to_owned()]);
    by.map(|by| format!("{by} {way}")).collect::<Vec<_>>().join(", ")
}

/// What an order of a root list goes by, as the API names both: the table, and expressions over it.
pub(crate) fn meaning(list: &str, order: &str, way: &str) -> (&'static str, Vec<String>) {
    let noun = rooted().find(|noun| noun.info.list == list).unwrap_or_else(|| panic!("{list} is no list of a noun"));
    let sort = noun.sorts().into_iter().find(|sort| sort.name.eq_ignore_ascii_case(order)).unwrap();
    (noun.info.table, sort.fields.iter().map(|name| expression(field(noun, name), way)).collect())
}

/// The plan of a statement when rows may not be sorted and tables may not be read whole; for a list of one parent's rows, whose column
/// is given, with the indexes of that column alone. An index that has only the order would be read through for the parent's rows.
async fn plan(app: &TestApp, table: &str, parent: Option<&str>, statement: &str) -> String {
    let mut transaction = app.admin().begin().await.unwrap();
    for setting in ["enable_sort", "enable_seqscan", "enable_bitmapscan", "enable_incremental_sort"] {
        let set = format!("SET LOCAL {setting} = off");
        sqlx::query(sqlx::AssertSqlSafe(set)).execute(&mut *transaction).await.unwrap();
    }
    if let Some(column) = parent {
        let others = format!(
            "SELECT i.indexrelid::regclass::text FROM pg_index i WHERE i.indrelid = '{table}'::regclass
             AND pg_get_indexdef(i.indexrelid, 2, true) <> '{column}'
             AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
        );
        let others: Vec<String> =
            sqlx::query_scalar(sqlx::AssertSqlSafe(others)).fetch_all(&mut *transaction).await.unwrap();
        for other in others {
            let drop = format!("DROP INDEX {other}");
            sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut *transaction).await.unwrap();
        }
    }
    let explain = format!("EXPLAIN (COSTS off) {statement}");
    let lines: Vec<String> =
        sqlx::query_scalar(sqlx::AssertSqlSafe(explain)).fetch_all(&mut *transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    lines.join("\n")
}

/// Lists that are sorted after they are read, and why.
const SORTED: &[(&str, &str)] = &[
    (
        "projectGrants of a Project",
        "a project has as many as members who were granted something; the index is by member",
    ),
    ("workspaceGrants of a Workspace", "the same"),
    (
        "tasks by position",
        "a board is one project's; an index over all of an organization's would be paid by every move",
    ),
];

#[tokio::test]
async fn a_range_is_read_by_the_index_of_the_order_in_both_directions() {
    let app = TestApp::builder().logging_statements().start().await;
    let org = app.organization("acme").create().await;
    let owner = app.as_owner(&org);
    for (direction, last) in [("ASC", "'infinity'"), ("DESC", "'-infinity'")] {
        let mark = app.mark().await;
        let range = "dueFrom: \"2026-01-01T00:00:00Z\", dueBefore: \"2026-02-01T00:00:00Z\"";
        let order = format!("{{ field: DUE_AT, direction: {direction} }}");
        owner.data(&format!("{{ tasks(filter: {{ {range} }}, orderBy: {order}) {{ nodes {{ id }} }} }}")).await;
        let statements = app.statements_since(mark).await;
        let list = statements.iter().find(|text| text.contains("ORDER BY coalesce(t.due_at")).expect("the list");
        let keys = list.matches("coalesce(t.due_at").count();
        assert_eq!((keys, list.matches(last).count()), (3, 3), "{direction}: {list}");
        assert_eq!(list.matches("t.due_at IS NOT NULL").count(), 1, "{direction}: {list}");
    }
}

#[tokio::test]
async fn every_order_of_every_list_reads_an_index() {
    let app = TestApp::start().await;
    let nil = Uuid::nil();
    let mut faults = Vec::new();
    let mut looked_at = 0;
    for noun in ALL {
        let table = noun.info.table;
        let mut check = async |what: String, parent: Option<&str>, order: String| {
            let condition = parent.map(|column| format!(" AND {column} = '{nil}'")).unwrap_or_default();
            let statement =
                format!("SELECT id FROM {table} WHERE organization_id = '{nil}'{condition} ORDER BY {order} LIMIT 20");
            let plan = plan(&app, table, parent, &statement).await;
            let is_sorted = plan.contains("Sort") || plan.contains("Seq Scan");
            if is_sorted != SORTED.iter().any(|(known, _)| *known == what) {
                faults.push(format!("{what}: {statement}\n{plan}"));
            }
        };
        if noun.info.rooted {
            // What belongs to a user alone is always asked for by the user.
            let user = match noun.info.placement {
                Placement::User { column } => column.strip_prefix("t."),
                _ => None,
            };
            for sort in noun.sorts() {
                for way in ["ASC", "DESC"] {
                    check(format!("{} by {}", noun.info.list, sort.name), user, expressions(noun, sort, way)).await;
                    looked_at += 1;
                }
            }
        }
        for parent in noun.parents().into_iter().filter(|parent| parent.list.is_some() && parent.join.is_empty()) {
            let sorts = noun.sorts();
            let sort = parent.order.and_then(|order| sorts.iter().find(|sort| sort.name == order)).unwrap_or(&sorts[0]);
            let column = parent.column.strip_prefix("t.").unwrap();
            check(format!("{} of a {}", noun.info.list, parent.noun), Some(column), expressions(noun, sort, "ASC"))
                .await;
            looked_at += 1;
        }
    }
    assert!(faults.is_empty(), "no index for\n{}", faults.join("\n\n"));
    assert!(looked_at > 15, "{looked_at}");
}
