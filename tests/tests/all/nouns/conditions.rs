//! What each condition of a filter means, said anew in SQL.

use tenantry_domain::noun::{ALL, ConditionInfo, Declared, FieldInfo, Kind, ParentInfo, Test};
use tenantry_tests::{FullOrg, TestApp, spelled};
use uuid::Uuid;

use super::field;

/// A condition with a value that some row has.
pub(super) struct Case {
    /// The condition as a filter has it: `status: [ACTIVE]`.
    pub(super) asked: String,
    /// The same of a row of the table `t`.
    pub(super) predicate: String,
}

/// Conditions that the declaration leaves to `store`, by noun and name, with what they mean of their value.
const OWN: &[(&str, &str, &str)] = &[
    ("Task", "assigneeId", "EXISTS (SELECT FROM app.task_assignees a WHERE a.task_id = t.id AND a.user_id = '{}')"),
    ("Task", "labelId", "EXISTS (SELECT FROM app.task_labels l WHERE l.task_id = t.id AND l.label_id = '{}')"),
    ("Task", "clientId", "(SELECT p.client_id FROM app.projects p WHERE p.id = t.project_id) = '{}'"),
    ("Task", "workspaceId", "(SELECT p.workspace_id FROM app.projects p WHERE p.id = t.project_id) = '{}'"),
    ("Task", "isOverdue", "(t.status <> 'done' AND coalesce(t.due_at < now(), false)) = {}"),
    ("Task", "isArchived", "((SELECT p.status FROM app.projects p WHERE p.id = t.project_id) = 'archived') = {}"),
    (
        "Task",
        "isUnbilled",
        "(t.status = 'done' AND NOT EXISTS (SELECT FROM app.invoice_tasks i JOIN app.invoices v ON v.id = i.invoice_id
            WHERE i.task_id = t.id AND v.status <> 'void')) = {}",
    ),
    ("Task", "isSubtask", "(t.parent_task_id IS NOT NULL) = {}"),
];

/// A case of this condition. `nth` tells which value, counted from the greatest.
pub(super) async fn case(
    app: &TestApp,
    full: &FullOrg,
    noun: &Declared,
    condition: &ConditionInfo,
    nth: usize,
) -> Case {
    let api = condition.api;
    if condition.test == Test::Own {
        return own(full, noun, condition);
    }
    let about = field(noun, condition.field);
    let column = format!("t.{}", about.own_column().unwrap());
    if condition.test == Test::IsNull {
        let is_null = nth.is_multiple_of(2);
        return Case { asked: format!("{api}: {is_null}"), predicate: format!("({column} IS NULL) = {is_null}") };
    }
    let value = value(app, noun, about, full, nth).await;
    let asked = spelled_value(about, &value, app, noun).await;
    let (asked, predicate) = match condition.test {
        Test::AnyOf => (format!("[{asked}]"), format!("{column} = '{value}'")),
        Test::NoneOf => (format!("[{asked}]"), format!("{column} IS DISTINCT FROM '{value}'")),
        Test::Is => (asked, format!("{column} = '{value}'")),
        Test::From => (asked, format!("{column} >= '{value}'")),
        Test::Before => (asked, format!("{column} < '{value}'")),
        Test::AtLeast | Test::AtMost => {
            let comparison = if condition.test == Test::AtLeast { ">=" } else { "<=" };
            let currency = asked.split('"').nth(3).unwrap();
            (asked.clone(), format!("({column} {comparison} {value} AND t.currency = '{currency}')"))
        }
        Test::StartsWith => {
            let start: String = value.chars().take(if nth == 0 { 100 } else { 2 }).collect();
            let predicate = format!("normalize({column}, NFC) ILIKE '{start}%'");
            (format!("\"{}\"", start.to_uppercase()), predicate)
        }
        Test::IsNull | Test::Own => unreachable!(),
    };
    Case { asked: format!("{api}: {asked}"), predicate }
}

fn own(full: &FullOrg, noun: &Declared, condition: &ConditionInfo) -> Case {
    if noun.info.name == "Invoice" && condition.field == "status" {
        // What was issued and is late is overdue, whatever the column says.
        let overdue = "t.status IN ('issued', 'sent', 'partly_paid', 'overdue')
            AND coalesce(t.due_date < current_date AND t.amount_paid + t.amount_credited < t.total, false)";
        let predicate = if condition.api == "status" { format!("({overdue})") } else { format!("NOT ({overdue})") };
        return Case { asked: format!("{}: [OVERDUE]", condition.api), predicate };
    }
    let meaning = OWN.iter().find(|(name, api, _)| (*name, *api) == (noun.info.name, condition.api));
    let (.., meaning) = meaning.unwrap_or_else(|| panic!("say what {} means for {}", condition.api, noun.info.name));
    let (asked, value) = match condition.kind {
        Kind::Boolean => ("true".to_owned(), "true".to_owned()),
        Kind::Id(prefix) => {
            let target = ALL.iter().find(|noun| noun.info.prefix == prefix);
            let id = target.map_or(full.ada.user_id.to_string(), |noun| full.sample(noun.info.name).unwrap());
            (format!("\"{id}\""), tenantry_domain::typeid::split(&id).unwrap().1.to_string())
        }
        kind => panic!("say how a {kind:?} is looked for"),
    };
    Case { asked: format!("{}: {asked}", condition.api), predicate: meaning.replace("{}", &value) }
}

/// A value that some row has, as SQL writes it.
async fn value(app: &TestApp, noun: &Declared, about: &FieldInfo, full: &FullOrg, nth: usize) -> String {
    let (table, column) = (noun.info.table, about.own_column().unwrap());
    // Not the least: a condition that keeps everything shows nothing.
    let query = format!(
        "SELECT {column}::text FROM {table} WHERE organization_id = '{}' AND {column} IS NOT NULL ORDER BY {column} DESC LIMIT 7",
        full.org.uuid()
    );
    let found = app.texts(&query).await;
    assert!(!found.is_empty(), "no row of {table} has a {column}");
    found[nth % found.len()].clone()
}

/// The value as the API writes it.
async fn spelled_value(about: &FieldInfo, value: &str, app: &TestApp, noun: &Declared) -> String {
    match about.kind {
        Kind::Enum(_) => value.to_ascii_uppercase(),
        Kind::Id(prefix) => format!("\"{}\"", spelled(prefix, value.parse::<Uuid>().unwrap())),
        Kind::Boolean => value.to_owned(),
        Kind::Time => format!("\"{}\"", value.replace(' ', "T").replace("+00", "Z")),
        Kind::Money => {
            let (table, column) = (noun.info.table, about.own_column().unwrap());
            let query = format!("SELECT currency::text FROM {table} WHERE {column} = {value} LIMIT 1");
            let currency = app.texts(&query).await.remove(0);
            assert!(["EUR", "USD"].contains(&currency.as_str()), "{currency} may have no cents");
            let minor: i64 = value.parse().unwrap();
            format!("{{ amount: \"{}.{:02}\", currency: \"{currency}\" }}", minor / 100, minor % 100)
        }
        _ => format!("\"{value}\""),
    }
}

/// That a row `t` has rows in a list below it that meet the predicate, of a row `t` there.
pub(super) fn has(below: &Declared, parent: &ParentInfo, predicate: &str) -> String {
    format!(
        "EXISTS (SELECT FROM (SELECT {} AS key FROM {}{} WHERE {predicate}) h WHERE h.key = t.{})",
        parent.column, below.info.from, parent.join, parent.key
    )
}
