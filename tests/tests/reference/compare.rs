//! A request, and the comparison of the verdicts about it.

use std::fmt;

use serde_json::{Value, json};

use crate::{
    exceptions::{self, Difference},
    node,
    subject::{Ours, Subject, Verdict},
};

/// Which schema a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Against {
    /// Our own schema.
    Ours,
    /// The schema with the features that ours lacks.
    Wide,
}

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) against: Against,
    pub(crate) query: String,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Value,
}

impl Request {
    /// The line that is sent to the reference implementation.
    pub(crate) fn question(&self, id: usize) -> Value {
        let schema = match self.against {
            Against::Ours => "ours",
            Against::Wide => "wide",
        };
        json!({
            "id": id,
            "schema": schema,
            "query": self.query,
            "operationName": self.operation_name,
            "variables": self.variables,
        })
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  schema    {:?}", self.against)?;
        writeln!(
            f,
            "  query     {}",
            self.query.escape_debug().to_string().replace("\\n", "\n            ").replace("\\\"", "\"")
        )?;
        if let Some(name) = &self.operation_name {
            writeln!(f, "  operation {name:?}")?;
        }
        write!(f, "  variables {}", self.variables)
    }
}

/// The verdict in an answer of the reference implementation.
pub(crate) fn verdict(answer: &Value) -> Verdict {
    match answer["stage"].as_str() {
        Some("syntax") => Verdict::Syntax,
        Some("validation") => Verdict::Validation,
        Some("operation") => Verdict::Operation,
        Some("variables") => Verdict::Variables,
        Some("ready") => Verdict::Ready(answer["variables"].clone()),
        _ => panic!("no verdict: {answer}"),
    }
}

/// The stage at which a request ends, in a word.
pub(crate) fn stage(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Syntax => "syntax",
        Verdict::Validation => "validation",
        Verdict::Operation => "operation",
        Verdict::Variables => "variables",
        Verdict::Ready(_) => "ready",
    }
}

/// Our side, for both schemas.
pub(crate) struct Subjects {
    ours: Box<dyn Subject>,
    wide: Box<dyn Subject>,
}

impl Subjects {
    /// Reads both schemas.
    pub(crate) fn new() -> Self {
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).expect("the schema");
        Self {
            ours: Box::new(Ours::new(&read(node::our_schema()))),
            wide: Box::new(Ours::new(&read(node::wide_schema()))),
        }
    }

    /// Our verdict.
    pub(crate) fn check(&self, request: &Request) -> Verdict {
        let subject = match request.against {
            Against::Ours => &self.ours,
            Against::Wide => &self.wide,
        };
        subject.check(&request.query, request.operation_name.as_deref(), &request.variables)
    }

    /// Compares our verdict with the reference implementation's.
    ///
    /// # Errors
    ///
    /// With the description of the difference.
    pub(crate) fn compare(&self, request: &Request, answer: &Value) -> Result<(), String> {
        let (ours, theirs) = (self.check(request), verdict(answer));
        let same = match (&ours, &theirs) {
            (Verdict::Ready(ours), Verdict::Ready(theirs)) => {
                same_json(&node::with_large_integers_as_text(ours), theirs)
            }
            (ours, theirs) => ours == theirs,
        };
        let difference = Difference { request, ours: &ours, theirs: &theirs, answer };
        if same || exceptions::allow(&difference) {
            return Ok(());
        }
        let messages: Vec<_> =
            answer["errors"].as_array().into_iter().flatten().filter_map(|error| error["message"].as_str()).collect();
        Err(format!("ours {ours:?}, reference {theirs:?} {} {}\n{request}", answer["rules"], messages.join(" | ")))
    }
}

/// A number, including one that is sent as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value["$integer"].as_str()?.parse().ok())
}

/// Whether two values are the same in JSON: 1 and 1.0 are the same number, and the last bit of a float may be lost in
/// transfer.
fn same_json(left: &Value, right: &Value) -> bool {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return (left - right).abs() <= left.abs() * 4.0 * f64::EPSILON;
    }
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_json(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, value)| right.get(name).is_some_and(|other| same_json(value, other)))
        }
        (left, right) => left == right,
    }
}
