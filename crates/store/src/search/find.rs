//! Looks words up in the index.
//!
//! Each kind of thing is searched by itself. The word that is rarest among its rows leads: they are read in the order of their weight, and for
//! each of them the other words are looked up by the row's id. It stops when it has enough. If the second word is not much more common, all its
//! rows are read first and those without it are passed over, because a look-up costs as much as reading a dozen rows.
//!
//! *Invariant:* what the actor does not see takes no place of what it sees. Whatever is counted, completed, ranked or limited is counted,
//! completed, ranked or limited among what it sees.

use std::collections::HashMap;
use std::sync::Arc;

use tenantry_domain::attachment::Attachment;
use tenantry_domain::client::Client;
use tenantry_domain::comment::Comment;
use tenantry_domain::noun::{Field, Placement, Value};
use tenantry_domain::project::Project;
use tenantry_domain::search::{self, Query, SearchKind, Sought};
use tenantry_domain::task::Task;
use tenantry_domain::{Actor, Id as _, Role};
use tenantry_wire::Rows;
use uuid::Uuid;

use crate::column_set::ColumnSet;
use crate::error::StoreError;
use crate::read::Read;
use crate::record::{Record, columns_of, get_many};
use crate::scope::Scope;
use crate::sql::Sql;
use crate::visibility;

/// The most words that a beginning stands for: the first ones by the alphabet, of which the beginning itself is the very first.
const COMPLETIONS: u16 = 100;

/// How many rows of a kind that have the leading word are looked at, and up to how many a word is counted to find the rarest one; so many for
/// all words together that a beginning stands for.
const EXAMINED: u16 = 20_000;

/// How many rows of the second word are read for each of the first one's rather than looked up.
const CHEAPER_THAN_A_LOOK_UP: i64 = 12;

/// How many rows of a kind that have all words are ranked; fewer for each word when the leading one is a beginning.
const RANKED: i64 = 100;
const RANKED_OF_EACH: i64 = 50;

/// How many rows are read beside those that are wanted, in the place of those that are in the index and are gone.
const SPARE: i64 = 10;

/// What is asked: the words, the kinds of things, and how many at most.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// What is looked for.
    pub query: Query,
    /// Among what; nothing is found among none.
    pub kinds: Vec<SearchKind>,
    /// How many are wanted; at most 50 are found in the best order.
    pub limit: i64,
    /// Whether the texts are wanted, too.
    pub with_texts: bool,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: SearchKind,
    /// Its id.
    pub id: Uuid,
    /// The fields that are searched and that the actor sees, by the API's names, the heaviest first; none unless asked for.
    pub texts: Vec<(&'static str, String)>,
}

/// The rows that have all the words, as far as the actor sees them, the best first. First come those whose heavier fields have the words, and
/// the words as they were asked for; of equal ones the newest.
///
/// # Errors
/// Those of the database.
pub fn find<'s>(scope: &'s impl Scope, asked: &Asked) -> Read<'s, Vec<Arc<Found>>> {
    if asked.query.words().is_empty() || asked.kinds.is_empty() || asked.limit < 1 {
        return Read::ready(scope, Vec::new());
    }
    let asked = asked.clone();
    let count = Read::rows(scope, count(scope, &asked), |_, rows| counts(rows));
    count.and_then(move |counts| {
        let leaders = asked.kinds.iter().filter_map(|kind| Some((*kind, Leader::of(counts.get(kind)?)?)));
        let leaders: Vec<_> = leaders.collect();
        if leaders.is_empty() {
            return Read::ready(scope, Vec::new());
        }
        let sql = rank(scope, &asked, &leaders);
        Read::rows(scope, sql, |_, rows| ranked(rows)).and_then(move |ranked| read(scope, ranked, &asked))
    })
}

/// Asks, for each kind and word, how many rows have it, up to a number, and which words it stands for.
fn count(scope: &impl Scope, asked: &Asked) -> Sql {
    let words = asked.query.words();
    // The organization is always $1.
    let mut sql = Sql::new("");
    sql.value(scope.organization_id().as_uuid());
    let (first, last): (Vec<&str>, Vec<String>) = words.iter().map(Sought::range).unzip();
    let (first, last) = (sql.value(first), sql.value(last));
    // A word that is alone leads, however many rows have it.
    let counted = sql.value(if words.len() > 1 { i64::from(EXAMINED) + 1 } else { 1 });
    let completions = sql.value(i64::from(COMPLETIONS));
    for (n, kind) in asked.kinds.iter().enumerate() {
        sql.push(if n > 0 { " UNION ALL " } else { "" });
        sql.push("SELECT '").push(kind.as_str()).push("'::text AS kind, w.n AS n, (SELECT count(*) FROM (SELECT FROM ");
        push_seen(scope.actor(), *kind, &mut sql);
        sql.push(" AND s.term >= w.first AND s.term <= w.last LIMIT ").push_placeholder(counted);
        sql.push(") found), CASE WHEN w.first = w.last THEN ARRAY[w.first] ELSE ARRAY(WITH RECURSIVE completion AS (");
        // From each word to the next one, so that it costs the same however many rows have them.
        sql.push("(SELECT s.term FROM ");
        push_seen(scope.actor(), *kind, &mut sql);
        sql.push(" AND s.term >= w.first AND s.term <= w.last ORDER BY s.term LIMIT 1) UNION ALL SELECT (SELECT s.term FROM ");
        push_seen(scope.actor(), *kind, &mut sql);
        sql.push(" AND s.term > c.term AND s.term <= w.last ORDER BY s.term LIMIT 1)");
        sql.push(" FROM completion c WHERE c.term IS NOT NULL) SELECT c.term FROM completion c WHERE c.term IS NOT NULL LIMIT ");
        sql.push_placeholder(completions).push(") END FROM unnest(").push_placeholder(first).push("::text[], ");
        sql.push_placeholder(last).push("::text[]) WITH ORDINALITY AS w (first, last, n)");
    }
    sql.push(" ORDER BY n");
    sql
}

/// How many rows of a kind have a word, and the words that it stands for.
type Counted = (i64, Vec<String>);

/// What was counted of each kind, in the order of the words.
fn counts(rows: &Rows) -> Result<HashMap<SearchKind, Vec<Counted>>, StoreError> {
    let mut counts: HashMap<_, Vec<Counted>> = HashMap::new();
    for row in rows.iter() {
        if let Ok(kind) = row.get::<&str>(0)?.parse() {
            counts.entry(kind).or_default().push((row.get(2)?, row.get(3)?));
        }
    }
    Ok(counts)
}

/// The rarest word among the rows of a kind.
struct Leader<'c> {
    word: usize,
    /// What it stands for.
    terms: &'c [String],
    /// The second rarest, if all its rows are to be read.
    second: Option<usize>,
}

impl<'c> Leader<'c> {
    /// `None` if no row can have all the words. A beginning of more words than are known leads only if all are such: what begins with the others
    /// would not be found.
    fn of(words: &'c [Counted]) -> Option<Self> {
        if words.iter().any(|(count, _)| *count == 0) {
            return None;
        }
        let mut order: Vec<usize> = (0..words.len()).collect();
        order.sort_by_key(|n| (words[*n].1.len() >= COMPLETIONS.into(), words[*n].0));
        let word = *order.first()?;
        let second = order.into_iter().skip(1).min_by_key(|n| words[*n].0).filter(|second| {
            let count = words[*second].0;
            count <= EXAMINED.into() && count < words[word].0 * CHEAPER_THAN_A_LOOK_UP
        });
        Some(Self { word, terms: &words[word].1, second })
    }
}

/// Asks for the rows that have the words, the best first; for each kind, the leading word and what it stands for.
fn rank(scope: &impl Scope, asked: &Asked, leaders: &[(SearchKind, Leader<'_>)]) -> Sql {
    let actor = scope.actor();
    let mut sql = Sql::new("SELECT f.kind, f.entity_id FROM (");
    // The organization is always $1.
    sql.value(scope.organization_id().as_uuid());
    for (n, (kind, Leader { word: leader, terms, second })) in leaders.iter().enumerate() {
        let words = asked.query.words();
        let leading = sql.value(words[*leader].term.clone());
        let others = words.iter().enumerate().filter(|(n, _)| n != leader).map(|(_, word)| {
            let (first, last) = word.range();
            (sql.value(first.to_owned()), sql.value(last))
        });
        let others: Vec<(usize, usize)> = others.collect();
        sql.push(if n > 0 { " UNION ALL " } else { "" }).push("SELECT m.* FROM unnest(").bind(terms.to_vec());
        sql.push("::text[]) AS w (term) CROSS JOIN LATERAL (SELECT s.kind, s.entity_id, ");
        push_score(&mut sql, "s", leading);
        for n in 0..others.len() {
            sql.push(&format!(" + o{n}.score"));
        }
        sql.push(" AS score FROM (SELECT s.kind, s.entity_id, s.term, s.weight FROM ");
        push_seen(actor, *kind, &mut sql);
        let share = u16::try_from(terms.len()).unwrap_or(COMPLETIONS).max(1);
        sql.push(" AND s.term = w.term ORDER BY s.weight DESC, s.entity_id DESC LIMIT ")
            .bind(i64::from(EXAMINED / share));
        sql.push(") s");
        for (n, (first, last)) in others.iter().enumerate() {
            sql.push(" CROSS JOIN LATERAL (SELECT max(");
            push_score(&mut sql, "o", *first);
            sql.push(") AS score FROM app.search_terms o WHERE o.organization_id = $1 AND o.entity_id = s.entity_id");
            sql.push(" AND o.term >= ").push_placeholder(*first).push(" AND o.term <= ").push_placeholder(*last);
            narrow_to_known(actor, &mut sql, "o");
            sql.push(&format!(") o{n}"));
        }
        sql.push(if others.is_empty() { "" } else { " WHERE true" });
        if let Some(second) = second {
            // The leading word is not among the others.
            let (first, last) = others[second - usize::from(second > leader)];
            sql.push(" AND (s.entity_id IN (SELECT o.entity_id FROM app.search_terms o WHERE o.organization_id = $1 AND o.kind = '");
            sql.push(kind.as_str()).push("' AND o.term >= ").push_placeholder(first).push(" AND o.term <= ");
            sql.push_placeholder(last).push(")) IS TRUE");
        }
        for n in 0..others.len() {
            sql.push(&format!(" AND o{n}.score IS NOT NULL"));
        }
        sql.push(" ORDER BY s.weight DESC, s.entity_id DESC LIMIT ");
        sql.bind(if terms.len() > 1 { RANKED_OF_EACH } else { RANKED }).push(") m");
    }
    sql.push(") f GROUP BY f.kind, f.entity_id ORDER BY max(f.score) DESC, f.entity_id DESC LIMIT ");
    sql.bind(asked.limit + SPARE);
    sql
}

/// Appends what a term counts for. Of two equal weights the word as it was asked for comes before a longer one.
fn push_score(sql: &mut Sql, table: &str, word: usize) {
    sql.push(table).push(".weight * 2 + (").push(table).push(".term = ").push_placeholder(word).push(")::integer");
}

/// Narrows to what the actor sees of a row that it sees.
fn narrow_to_known(actor: &Actor, sql: &mut Sql, table: &str) {
    if actor.role == Role::Guest {
        sql.push(" AND ").push(table).push(".for_guests");
    }
}

/// Appends the words, `s`, of the rows of one kind that the actor sees, by what the index knows of their place.
///
/// The projects that the actor sees are read once, and not looked up for each word: where very much is hidden, that would take seconds.
fn push_seen(actor: &Actor, kind: SearchKind, sql: &mut Sql) {
    sql.push("app.search_terms s WHERE s.organization_id = $1 AND s.kind = '").push(kind.as_str()).push("'");
    narrow_to_known(actor, sql, "s");
    if actor.role.sees_everything() {
        return;
    }
    match kind.noun().map(|noun| noun.info.placement) {
        Some(Placement::Client) if actor.role == Role::Guest => {
            sql.push(" AND (s.entity_id IN (SELECT p.client_id FROM app.projects p WHERE p.organization_id = $1");
            sql.push(" AND p.client_id IS NOT NULL");
        }
        Some(Placement::Client) => return,
        _ => {
            sql.push(" AND (s.project_id IN (SELECT p.id FROM app.projects p WHERE p.organization_id = $1");
        }
    }
    visibility::projects(actor, sql, "p.workspace_id", "p.id");
    // IS TRUE keeps PostgreSQL from a join, for which it would read all the words and sort them.
    sql.push(")) IS TRUE");
}

fn ranked(rows: &Rows) -> Result<Vec<(SearchKind, Uuid)>, StoreError> {
    let mut ranked = Vec::with_capacity(rows.len());
    for row in rows.iter() {
        // A kind that a newer version of this program knows is passed over.
        if let Ok(kind) = row.get::<&str>(0)?.parse() {
            ranked.push((kind, row.get(1)?));
        }
    }
    Ok(ranked)
}

/// Reads what was found, and its texts if they are wanted. What the actor does not see after all is left out.
fn read<'s>(scope: &'s impl Scope, ranked: Vec<(SearchKind, Uuid)>, asked: &Asked) -> Read<'s, Vec<Arc<Found>>> {
    let with_texts = asked.with_texts;
    let limit = usize::try_from(asked.limit).unwrap_or_default();
    let ids =
        |kind: SearchKind| ranked.iter().filter(move |(of, _)| *of == kind).map(|(_, id)| *id).collect::<Vec<_>>();
    let kinds = SearchKind::ALL.iter().filter(|kind| ranked.iter().any(|(of, _)| of == *kind));
    let reads = kinds.map(|kind| match kind {
        SearchKind::Client => texts::<Client>(scope, &ids(*kind), with_texts),
        SearchKind::Project => texts::<Project>(scope, &ids(*kind), with_texts),
        SearchKind::Task => texts::<Task>(scope, &ids(*kind), with_texts),
        SearchKind::Comment => texts::<Comment>(scope, &ids(*kind), with_texts),
        SearchKind::Attachment => texts::<Attachment>(scope, &ids(*kind), with_texts),
    });
    Read::all(scope, reads.collect()).then(move |results| {
        let mut found: HashMap<Uuid, Texts> = HashMap::new();
        for texts in results? {
            found.extend(texts?);
        }
        let with = |(kind, id)| found.remove(&id).map(|texts| Arc::new(Found { kind, id, texts }));
        Ok(ranked.into_iter().filter_map(with).take(limit).collect())
    })
}

type Texts = Vec<(&'static str, String)>;

/// Those of these rows that the actor sees, with the fields that are searched if they are wanted.
fn texts<'s, R: Record>(scope: &'s impl Scope, ids: &[Uuid], wanted: bool) -> Read<'s, HashMap<Uuid, Texts>> {
    let ids: Vec<R::Id> = ids.iter().map(|id| R::Id::from_uuid(*id)).collect();
    let fields = if wanted { search::fields::<R>() } else { Vec::new() };
    let columns = fields.iter().fold(ColumnSet::ID, |set, field| set.and(columns_of::<R>(field.info.name)));
    get_many::<R>(scope, &ids, columns).map(move |rows| {
        let texts = |row: &R| {
            let text = |field: &&'static Field<R>| match (field.read)(row) {
                Value::Text(text) => Some((field.info.api, text.into_owned())),
                _ => None,
            };
            fields.iter().filter_map(text).collect()
        };
        rows.iter().map(|(id, row)| (id.as_uuid(), texts(row))).collect()
    })
}
