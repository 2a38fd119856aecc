//! The nouns that are placed in projects, beside tasks and invoices, from their declarations: a row in each project, and one in none
//! where there may be none.

use serde_json::{Map, Value, json};
use tenantry_domain::Clock;
use tenantry_domain::noun::{ALL, Declared, FieldInfo, Given, Kind, OnDelete, Placement};
use tenantry_tests::spelled;
use uuid::Uuid;

use crate::fixture::{Fixture, ProjectCase};

/// Nouns whose rows the fixture makes by hand.
const BY_HAND: [&str; 2] = ["Task", "Invoice"];

/// The rows of one noun.
pub(crate) struct Placed {
    pub(crate) noun: &'static Declared,
    /// One for each project of the fixture.
    pub(crate) in_projects: Vec<Uuid>,
    /// One in no project.
    pub(crate) in_none: Option<Uuid>,
}

impl Placed {
    /// The rows that are to be made of every noun.
    pub(crate) fn all(projects: usize) -> Vec<Self> {
        let placed = ALL.iter().filter_map(|noun| match noun.info.placement {
            Placement::InTask { .. } => Some((noun, true)),
            Placement::InProject { required, .. } if !BY_HAND.contains(&noun.info.name) => Some((noun, required)),
            _ => None,
        });
        let id = || Clock::system().new_id::<tenantry_domain::UserId>().as_uuid();
        let rows = |(noun, required): (&'static Declared, bool)| Self {
            noun,
            in_projects: (0..projects).map(|_| id()).collect(),
            in_none: (!required).then(id),
        };
        placed.map(rows).collect()
    }

    /// Whether the rows are in tasks of the projects.
    pub(crate) fn is_in_task(&self) -> bool {
        matches!(self.noun.info.placement, Placement::InTask { .. })
    }

    /// The field that names the project or the task.
    pub(crate) fn place(&self) -> &'static FieldInfo {
        let (Placement::InProject { column, .. } | Placement::InTask { column }) = self.noun.info.placement else {
            unreachable!()
        };
        self.noun.fields().into_iter().find(|field| field.column == column).unwrap()
    }

    /// The statements that make the rows.
    pub(crate) fn sql(&self, fixture: &Fixture) -> String {
        let place = self.place();
        let of_case =
            |case: &ProjectCase| if self.is_in_task() { case.tasks[1].as_uuid() } else { case.project.as_uuid() };
        let rows = self.in_projects.iter().zip(&fixture.cases).map(|(id, case)| (*id, Some(of_case(case))));
        let rows = rows.chain(self.in_none.map(|id| (id, None)));
        let insert = |(id, project): (Uuid, Option<Uuid>)| {
            let mut columns = vec!["organization_id", "id", place.own_column().unwrap()];
            let project = project.map_or("NULL".to_owned(), |project| format!("'{project}'"));
            let mut values = vec![format!("'{}'", fixture.org.uuid()), format!("'{id}'"), project];
            if let Some(currency) = self.noun.info.currency.and_then(|column| column.strip_prefix("t.")) {
                columns.push(currency);
                values.push("'USD'".to_owned());
            }
            for field in self.noun.fields() {
                if field.link.is_some_and(|link| link.on_delete == OnDelete::Keep) {
                    columns.extend(field.own_column());
                    values.push(format!("'{}'", fixture.me.user_id.as_uuid()));
                }
                let is_wanted = !field.nullable && field.default.is_none() && field.given != Given::Never;
                if is_wanted && field.name != place.name {
                    let value = match field.kind {
                        Kind::Text if field.name == "checksum" => "repeat('0', 64)".to_owned(),
                        Kind::Text => format!("'{} of {id}'", field.name),
                        Kind::Integer | Kind::Money => "1".to_owned(),
                        Kind::Date => "'2026-01-31'".to_owned(),
                        Kind::Enum(info) => format!("'{}'", info.values[0].text),
                        _ => continue,
                    };
                    columns.extend(field.own_column());
                    values.push(value);
                }
            }
            format!("INSERT INTO {} ({}) VALUES ({});", self.noun.info.table, columns.join(", "), values.join(", "))
        };
        rows.map(insert).collect::<Vec<_>>().join("\n")
    }

    /// An id as the API spells it.
    pub(crate) fn spelled(&self, id: Uuid) -> String {
        spelled(self.noun.info.prefix, id)
    }

    /// The input of a mutation of this noun, and what to select of its payload; `None` for another's mutation.
    pub(crate) fn probe(&self, mutation: &str, id: Uuid, project: &str, task: &str) -> Option<(Value, String)> {
        let info = self.noun.info;
        let verb = mutation.strip_suffix(info.name)?;
        let texts =
            self.noun.fields().into_iter().filter(|field| field.kind == Kind::Text && field.given != Given::Never);
        let mut input = Map::new();
        match verb {
            "create" => {
                input.insert(self.place().api.to_owned(), json!(if self.is_in_task() { task } else { project }));
                for field in self.noun.fields() {
                    let is_wanted = !field.optional && field.default.is_none() && field.given != Given::Never;
                    let value = match field.kind {
                        Kind::Text => json!("New"),
                        Kind::Money => json!({ "amount": "1", "currency": "USD" }),
                        Kind::Enum(info) => json!(info.values[0].text.to_ascii_uppercase()),
                        _ => continue,
                    };
                    if is_wanted {
                        input.insert(field.api.to_owned(), value);
                    }
                }
            }
            "update" => {
                input.insert("id".to_owned(), json!(self.spelled(id)));
                let texts: Vec<_> = texts.collect();
                let text = texts.iter().find(|field| !field.optional).or_else(|| texts.first())?;
                input.insert(text.api.to_owned(), json!("Changed"));
            }
            "delete" => drop(input.insert("id".to_owned(), json!(self.spelled(id)))),
            _ => return None,
        }
        let selection =
            if verb == "delete" { format!("deleted{}Id", info.name) } else { format!("{} {{ id }}", info.api) };
        Some((Value::Object(input), selection))
    }
}
