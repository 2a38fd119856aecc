//! The queries to measure. Each is a folder with our document and, optionally, the peer's document, the floor's
//! statement, the statement that generates variables, and the statement that cleans up.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::{Map, Value, json};
use tenantry_domain::typeid;
use uuid::Uuid;

/// A query, read from its folder.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    pub(crate) name: String,
    /// Our document.
    pub(crate) document: String,
    /// The peer's document for the same answer.
    pub(crate) peer: Option<String>,
    /// The statement for the same answer, as a script for pgbench.
    pub(crate) floor: Option<String>,
    /// A statement that returns one JSON object per row: the variables of one request. `:organization` is the
    /// organization.
    pub(crate) variables: Option<String>,
    /// The statement that removes what the query wrote.
    pub(crate) clean: Option<String>,
}

impl Query {
    fn read(folder: &Path, name: &str) -> Result<Self> {
        let file = |file: &str| fs::read_to_string(folder.join(name).join(file)).ok();
        let document = file("query.graphql");
        Ok(Self {
            name: name.to_owned(),
            document: document.with_context(|| format!("there is no {name}/query.graphql in {}", folder.display()))?,
            peer: file("peer.graphql"),
            floor: file("floor.sql"),
            variables: file("variables.sql"),
            clean: file("clean.sql"),
        })
    }

    /// Whether it only reads.
    pub(crate) fn is_read(&self) -> bool {
        !self.document.trim_start().starts_with("mutation")
    }
}

/// The requested queries, or all: the usual ones first, reads before writes.
///
/// # Errors
/// When one does not exist.
pub(crate) fn read_all(folder: &Path, names: &[String]) -> Result<Vec<Query>> {
    if !names.is_empty() {
        return names.iter().map(|name| Query::read(folder, name)).collect();
    }
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut queries = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            queries.push(Query::read(folder, &entry.file_name().to_string_lossy())?);
        }
    }
    if queries.is_empty() {
        bail!("there are no queries in {}", folder.display());
    }
    let rank = |query: &Query| ["list", "dashboard"].iter().position(|name| *name == query.name).unwrap_or(2);
    queries.sort_by_key(|query| (!query.is_read(), rank(query), query.name.clone()));
    Ok(queries)
}

/// The variables of one request. An id is written `kind:uuid` there, and each contestant gets it in its own format.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables(Map<String, Value>);

impl Variables {
    /// Parses a row of the statement.
    ///
    /// # Errors
    /// When it is not a JSON object.
    pub(crate) fn read(row: &str) -> Result<Self> {
        match serde_json::from_str(row).with_context(|| format!("not JSON: {row}"))? {
            Value::Object(variables) => Ok(Self(variables)),
            _ => bail!("not an object: {row}"),
        }
    }

    /// For our server: ids are `TypeID`s.
    pub(crate) fn ours(&self) -> Value {
        self.spelled(|kind, uuid| {
            let mut text = String::new();
            // Writing to a String cannot fail.
            let _ = typeid::write(&mut text, kind, uuid);
            text
        })
    }

    /// For the peer: ids are UUIDs, and the organization is named.
    pub(crate) fn peers(&self, organization: Uuid) -> Value {
        let mut variables = self.spelled(|_, uuid| uuid.to_string());
        variables["organization"] = json!(organization);
        variables
    }

    /// For pgbench: text by name.
    pub(crate) fn texts(&self) -> Vec<(String, String)> {
        let Value::Object(variables) = self.spelled(|_, uuid| uuid.to_string()) else { return Vec::new() };
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        variables.into_iter().map(|(name, value)| (name, text(value))).collect()
    }

    fn spelled(&self, spell: impl Fn(&str, Uuid) -> String) -> Value {
        let respell = |value: &Value| {
            let id = value.as_str().and_then(|text| text.split_once(':'));
            let id = id.and_then(|(kind, uuid)| Some((kind, uuid.parse::<Uuid>().ok()?)));
            id.map_or_else(|| value.clone(), |(kind, uuid)| Value::String(spell(kind, uuid)))
        };
        Value::Object(self.0.iter().map(|(name, value)| (name.clone(), respell(value))).collect())
    }
}

/// The body of a request.
pub(crate) fn body(document: &str, variables: &Value) -> String {
    // White space means nothing in these documents; every contestant gets the same reduced form.
    let document = document.split_whitespace().collect::<Vec<_>>().join(" ");
    if variables.as_object().is_none_or(Map::is_empty) {
        json!({ "query": document }).to_string()
    } else {
        json!({ "query": document, "variables": variables }).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_formatted_for_each_contestant() {
        let row = r#"{"id":"task:01890a5d-ac96-774b-bcce-b302099a8057","title":"a: b","n":3}"#;
        let variables = Variables::read(row).unwrap();
        assert_eq!(variables.ours()["id"], "task_01h455vb4pex5vsknk084sn02q");
        assert_eq!(variables.ours()["title"], "a: b");
        assert_eq!(variables.peers(Uuid::nil())["organization"], Uuid::nil().to_string());
        assert!(variables.texts().contains(&("n".to_owned(), "3".to_owned())));
    }
}
