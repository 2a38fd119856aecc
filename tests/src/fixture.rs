//! Rows of the nouns that no fixture fills by hand, from their declarations: eight of each, with ties and nulls, of which the first
//! has everything.

use std::collections::BTreeMap;

use sqlx::AssertSqlSafe;
use tenantry_domain::noun::{ALL, Declared, FieldInfo, Given, Kind, Placement, Rule};
use tenantry_domain::typeid;
use uuid::Uuid;

use crate::app::TestApp;
use crate::organization::{Org, Person};

impl TestApp {
    /// Fills the tables of nouns that are still empty, and gives the ids of every noun's rows as the API spells them, by the noun's
    /// name and in the order of their making.
    pub(crate) async fn fill_declared(&self, org: &Org, ada: &Person) -> BTreeMap<&'static str, Vec<String>> {
        let mut ids = BTreeMap::new();
        for noun in ALL {
            if self.ids_of(org, noun).await.is_empty() {
                self.sql(&insert(noun, org, ada)).await;
            } else {
                self.sql(&fill_up(noun, org, ada)).await;
            }
            ids.insert(noun.info.name, self.ids_of(org, noun).await);
        }
        ids
    }

    async fn ids_of(&self, org: &Org, noun: &Declared) -> Vec<String> {
        let query = format!("SELECT id FROM {} WHERE organization_id = $1 ORDER BY updated_at, id", noun.info.table);
        let ids: Vec<Uuid> =
            sqlx::query_scalar(AssertSqlSafe(query)).bind(org.uuid()).fetch_all(self.admin()).await.unwrap();
        ids.into_iter().map(|id| spelled(noun.info.prefix, id)).collect()
    }
}

/// An id as the API spells it.
pub fn spelled(prefix: &str, id: Uuid) -> String {
    let mut text = String::new();
    typeid::write(&mut text, prefix, id).unwrap();
    text
}

/// A statement that makes eight rows of a noun. `updated_at` numbers them; `created_at` has ties.
fn insert(noun: &Declared, org: &Org, ada: &Person) -> String {
    let mut columns = vec!["organization_id".to_owned(), "id".to_owned()];
    let mut values = vec![format!("'{}'", org.uuid()), "gen_random_uuid()".to_owned()];
    let currency = noun.info.currency.and_then(|column| column.strip_prefix("t."));
    columns.extend(currency.map(str::to_owned));
    values.extend(currency.map(|_| "'USD'".to_owned()));
    for field in noun.fields() {
        let Some(column) = field.own_column() else { continue };
        let value = match field.name {
            "id" | "organization_id" => continue,
            // There are partitions for this month and the next ones alone.
            "created_at" if noun.info.name == "Activity" => {
                "date_trunc('month', now()) + (n / 3) * interval '1 min'".to_owned()
            }
            "created_at" => "timestamptz '2026-01-01' + (n / 3) * interval '1 day'".to_owned(),
            // What one user alone may know of is looked for by a test of its own.
            "only_for" => "NULL::uuid".to_owned(),
            "updated_at" => "timestamptz '2026-02-01' + n * interval '1 min'".to_owned(),
            _ => value(noun, field, org, ada),
        };
        columns.push(column.to_owned());
        values.push(value);
    }
    let (columns, values) = (columns.join(", "), values.join(", "));
    format!("INSERT INTO {} ({columns}) SELECT {values} FROM generate_series(1, 8) n", noun.info.table)
}

/// Statements that fill what no row by hand has.
fn fill_up(noun: &Declared, org: &Org, ada: &Person) -> String {
    let is_empty = |field: &&FieldInfo| field.nullable && field.given != Given::Never && field.link.is_none();
    let update = |field: &'static FieldInfo| {
        let (table, organization, value) = (noun.info.table, org.uuid(), value(noun, field, org, ada));
        field.own_column().map(|column| {
            format!(
                "UPDATE {table} SET {column} = filled.value FROM (SELECT {value} AS value FROM (SELECT 1 AS n) n) filled
                 WHERE organization_id = '{organization}' AND NOT EXISTS
                     (SELECT 1 FROM {table} WHERE organization_id = '{organization}' AND {column} IS NOT NULL);"
            )
        })
    };
    noun.fields().into_iter().filter(is_empty).filter_map(update).collect()
}

/// An expression over the number of the row.
fn value(noun: &Declared, field: &FieldInfo, org: &Org, ada: &Person) -> String {
    let name = field.name;
    let value = match (field.kind, field.rule, field.link) {
        (Kind::Text, Rule::Email, _) => "'somebody' || n || '@example.test'".to_owned(),
        (Kind::Text, Rule::Url, _) => "'https://example.test/' || n".to_owned(),
        (Kind::Text, Rule::Country, _) => "(ARRAY['DE', 'FR', 'IN', 'JP', 'US'])[1 + n::int % 5]".to_owned(),
        (Kind::Text, Rule::Color, _) => "'#' || to_hex(1048576 + n)".to_owned(),
        (Kind::Text, ..) if field.column.ends_with("::text") => {
            "jsonb_build_object('name', 'Name ' || n, 'changes', jsonb_build_array(jsonb_build_object('field', 'name')))".to_owned()
        }
        (Kind::Text, ..) if name == "checksum" => "encode(sha256(n::text::bytea), 'hex')".to_owned(),
        (Kind::Text, ..) if field.unique => format!("'{name} of row ' || n"),
        (Kind::Text, ..) => format!("'{name} ' || (n / 2)"),
        (Kind::Boolean, ..) => "n % 2 = 1".to_owned(),
        (Kind::Time, ..) => "timestamptz '2026-03-01' + (n / 2) * interval '1 day'".to_owned(),
        (Kind::Date, ..) => "date '2026-03-01' + n::int / 2".to_owned(),
        (Kind::Decimal, ..) => "n / 10.0".to_owned(),
        (Kind::Integer | Kind::Money, ..) => "n * 1000".to_owned(),
        (Kind::Enum(info), ..) => {
            // What is archived is in no list; a test of its own looks for it.
            let archived = noun.info.archived.filter(|archived| archived.field == name).map(|archived| archived.value);
            let values = info.values.iter().filter(|value| Some(value.text) != archived);
            let names: Vec<String> = values.map(|value| format!("'{}'", value.text)).collect();
            format!("(ARRAY[{}])[1 + n % {}]", names.join(", "), names.len())
        }
        // Most of them hang on the first row, so that there is a list to walk.
        (Kind::Id(_), _, Some(link)) if link.key == "id" => format!(
            "(SELECT l.id FROM {} l WHERE l.organization_id = '{}' ORDER BY l.updated_at, l.id \
             OFFSET CASE WHEN n <= 5 THEN 0 ELSE 1 END LIMIT 1)",
            link.table,
            org.uuid()
        ),
        (Kind::Ids(_), ..) => panic!("{name} is no column"),
        // What belongs to a user alone belongs to the owner, as whom most tests look.
        (Kind::Id(_), ..) if noun.info.placement == (Placement::User { column: field.column }) => {
            format!("'{}'::uuid", org.owner.user_id.as_uuid())
        }
        (Kind::Id(_), ..) => format!("'{}'::uuid", ada.user_id.as_uuid()),
    };
    if field.nullable && field.link.is_none_or(|link| link.table != noun.info.table) {
        format!("CASE WHEN n % 4 <> 0 THEN {value} END")
    } else if field.nullable {
        "NULL".to_owned()
    } else {
        value
    }
}
