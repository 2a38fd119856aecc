//! Every list under conditions and orders that nobody chose: paged through whole, forwards and backwards, also while rows come and go.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};
use tenantry_domain::noun::Declared;
use tenantry_tests::{FullOrg, Session, TestApp};

use super::conditions::{Case, case};
use super::lists::expressions;
use super::rooted;

const SEED: u64 = 20_261_126;

/// How many lists of each noun are tried. `TENANTRY_LIST_CASES` asks for others.
fn cases() -> usize {
    std::env::var("TENANTRY_LIST_CASES").map_or(25, |cases| cases.parse().expect("a number"))
}

/// A list that is asked for.
struct List {
    noun: &'static Declared,
    /// What follows the page's arguments.
    arguments: String,
    /// The ids of all its rows in its order, by SQL.
    query: String,
}

impl List {
    async fn any(app: &TestApp, full: &FullOrg, noun: &'static Declared, random: &mut StdRng) -> Self {
        let mut sorts = noun.sorts();
        sorts.shuffle(random);
        sorts.truncate(random.random_range(1..=3));
        let (mut asked, mut keys) = (Vec::new(), Vec::new());
        for sort in &sorts {
            let way = *["ASC", "DESC"].choose(random).unwrap();
            let direction = if way == "ASC" && random.random() { String::new() } else { format!(", direction: {way}") };
            asked.push(format!("{{ field: {}{direction} }}", sort.name.to_ascii_uppercase()));
            keys.push(expressions(noun, sort, way));
        }
        let (mut conditions, mut predicates) = (Vec::new(), vec!["true".to_owned()]);
        let all = noun.conditions();
        let amount = random.random_range(0..=2);
        for condition in all.choose_multiple(random, amount) {
            let Case { asked, predicate } = case(app, full, noun, condition, random.random_range(0..7)).await;
            conditions.push(asked);
            predicates.push(predicate);
        }
        let filter = conditions.join(", ");
        // Each key ends with the id, of which only the last counts.
        let last = keys.len() - 1;
        let cut = |(n, key): (usize, &String)| if n == last { key.clone() } else { without_id(key) };
        let keys: Vec<String> = keys.iter().enumerate().map(cut).collect();
        Self {
            noun,
            arguments: format!("filter: {{ {filter} }}, orderBy: [{}]", asked.join(", ")),
            query: format!(
                "SELECT id::text FROM {} t WHERE organization_id = '{}' AND {} ORDER BY {}",
                noun.info.table,
                full.org.uuid(),
                predicates.join(" AND "),
                keys.join(", ")
            ),
        }
    }

    /// A page, and whether there are more in its direction.
    async fn page(&self, session: &Session, end: &str, size: usize, cursor: &Value) -> (Vec<String>, Value, bool) {
        let (border, edge, more) = match end {
            "first" => ("after", "endCursor", "hasNextPage"),
            _ => ("before", "startCursor", "hasPreviousPage"),
        };
        let document = format!(
            "query ($cursor: String) {{ list: {}({end}: {size}, {border}: $cursor, {}) {{ nodes {{ id }} pageInfo {{ {edge} {more} }} }} }}",
            self.noun.info.list, self.arguments
        );
        let answer = session.query(&document, json!({ "cursor": cursor })).await;
        let page = answer.at("list");
        let uuid = |node: &Value| tenantry_domain::typeid::split(node["id"].as_str().unwrap()).unwrap().1.to_string();
        let ids = page["nodes"].as_array().unwrap().iter().map(uuid).collect();
        (ids, page["pageInfo"][edge].clone(), page["pageInfo"][more] == true)
    }
}

/// `a DESC, b DESC, id DESC` without its last part.
fn without_id(keys: &str) -> String {
    keys.rsplit_once(", ").unwrap().0.to_owned()
}

#[tokio::test]
async fn any_list_is_paged_through_whole_in_both_directions() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let mut random = StdRng::seed_from_u64(SEED);
    let (mut long, mut mixed) = (0, 0);
    for noun in rooted().filter(|noun| noun.info.sortable) {
        for _ in 0..cases() {
            let list = List::any(&app, &full, noun, &mut random).await;
            let expected = app.texts(&list.query).await;
            long += usize::from(expected.len() > 3);
            mixed += usize::from(list.query.contains(" ASC") && list.query.contains(" DESC") && expected.len() > 3);
            for end in ["first", "last"] {
                let size = random.random_range(1..=4);
                let (mut found, mut cursor, mut more) = (Vec::new(), Value::Null, true);
                while more {
                    let (mut ids, next, has_more) = list.page(&owner, end, size, &cursor).await;
                    if end == "last" {
                        ids.reverse();
                    }
                    found.extend(ids);
                    (cursor, more) = (next, has_more);
                    assert!(found.len() <= expected.len(), "{} {} is without end", noun.info.list, list.arguments);
                }
                if end == "last" {
                    found.reverse();
                }
                assert_eq!(found, expected, "{}({}), {end} {size}", noun.info.list, list.arguments);
            }
        }
    }
    assert!(long > 50 && mixed > 20, "{long} {mixed}");
}

/// Rows are deleted and others added between the pages: those that are there all the time come once each, in their order.
#[tokio::test]
async fn rows_that_stay_are_found_once_while_others_come_and_go() {
    let app = TestApp::start().await;
    let full = app.full_organization("acme").await;
    let owner = app.as_owner(&full.org);
    let mut random = StdRng::seed_from_u64(SEED);
    let mut seen = 0;
    for name in ["Client", "Project", "Task", "ContentItem"] {
        let noun = rooted().find(|noun| noun.info.name == name).unwrap();
        for end in ["first", "last"].repeat(cases().div_ceil(5)) {
            let mut passing = create(&owner, &full, name, &mut random).await;
            let list = List::any(&app, &full, noun, &mut random).await;
            let before: BTreeSet<String> = app.texts(&list.query).await.into_iter().collect();
            let (mut found, mut cursor, mut more) = (Vec::new(), Value::Null, true);
            while more {
                let (mut ids, next, has_more) = list.page(&owner, end, 2, &cursor).await;
                if end == "last" {
                    ids.reverse();
                }
                found.extend(ids);
                (cursor, more) = (next, has_more);
                assert!(found.len() < 200, "{} {} is without end", noun.info.list, list.arguments);
                let delete = format!("deleted{name}Id");
                owner.mutate(&format!("delete{name}"), json!({ "id": passing }), &delete).await.expect_done();
                passing = create(&owner, &full, name, &mut random).await;
            }
            if end == "last" {
                found.reverse();
            }
            let after = app.texts(&list.query).await;
            let stayed: Vec<&String> = after.iter().filter(|id| before.contains(*id)).collect();
            let kept: Vec<&String> = found.iter().filter(|id| stayed.contains(id)).collect();
            assert_eq!(kept, stayed, "{}({}), {end}", noun.info.list, list.arguments);
            let distinct: BTreeSet<&String> = found.iter().collect();
            assert_eq!(distinct.len(), found.len(), "{}({}): a row came twice", noun.info.list, list.arguments);
            seen += stayed.len();
            owner
                .mutate(&format!("delete{name}"), json!({ "id": passing }), &format!("deleted{name}Id"))
                .await
                .expect_done();
        }
    }
    assert!(seen > 50, "{seen}");
}

/// A row whose values lie between those of the others.
async fn create(owner: &Session, full: &FullOrg, name: &str, random: &mut StdRng) -> Value {
    let text = format!("{} {}", ["Ada", "M", "zoo"].choose(random).unwrap(), random.random_range(0..3));
    let input = match name {
        "Client" => json!({ "name": text }),
        "Project" => {
            let due = *["2026-06-01", "2026-05-01"].choose(random).unwrap();
            json!({ "name": text, "dueDate": due })
        }
        "Task" => json!({ "projectId": full.projects[0], "title": text, "priority": "HIGH" }),
        _ => json!({ "title": text, "projectId": full.projects[0] }),
    };
    let api = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    let answer = owner.mutate(&format!("create{name}"), input, &format!("{api} {{ id }}")).await;
    answer.expect_done()["id"].clone()
}
