//! Hand-written requests: several for each rule of section 5 of the September 2025 edition, accepted and refused, and
//! for the lexical rules and the coercion of variables. The expected result of each is also checked against the
//! reference implementation, so that no case becomes pointless unnoticed.

mod coercion;
mod lexical;
mod validation;

use serde_json::{Value, json};

use crate::compare::{Against, Request, verdict};
use crate::subject::Verdict;

/// The expected result of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    /// The text is not a document.
    Syntax,
    /// This rule of the reference implementation refuses the document.
    Rule(&'static str),
    /// The operation cannot be chosen.
    Operation,
    /// The variables are invalid.
    Variables,
    /// It can be executed.
    Ready,
}

/// A request, and its expected result.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// The section of the specification.
    pub(crate) section: &'static str,
    pub(crate) request: Request,
    expected: Expected,
    /// The coerced values, if the case specifies them.
    values: Option<Value>,
}

impl Case {
    /// Checks that the case tests what it is meant to.
    ///
    /// # Errors
    ///
    /// When the reference implementation decides otherwise.
    pub(crate) fn expected(&self, answer: &Value) -> Result<(), String> {
        let as_expected = match (self.expected, verdict(answer)) {
            (Expected::Rule(rule), Verdict::Validation) => {
                answer["rules"].as_array().into_iter().flatten().any(|refusing| refusing == rule)
            }
            (Expected::Ready, Verdict::Ready(values)) => {
                self.values.as_ref().is_none_or(|expected| *expected == values)
            }
            (Expected::Syntax, Verdict::Syntax)
            | (Expected::Operation, Verdict::Operation)
            | (Expected::Variables, Verdict::Variables) => true,
            _ => false,
        };
        if as_expected { Ok(()) } else { Err(format!("[{}] expected {:?}, not {answer}", self.section, self.expected)) }
    }
}

/// The cases of one section against one schema.
struct Section<'a> {
    cases: &'a mut Vec<Case>,
    name: &'static str,
    against: Against,
}

impl Section<'_> {
    fn push(&mut self, expected: Expected, query: &str, operation_name: Option<&str>, variables: Value) {
        let request = Request {
            against: self.against,
            query: query.to_owned(),
            operation_name: operation_name.map(str::to_owned),
            variables,
        };
        self.cases.push(Case { section: self.name, request, expected, values: None });
    }

    /// Documents that can be executed without variables.
    fn ready<const N: usize>(&mut self, queries: [&str; N]) -> &mut Self {
        for query in queries {
            self.push(Expected::Ready, query, None, json!({}));
        }
        self
    }

    /// Documents that the rule refuses.
    fn refused<const N: usize>(&mut self, rule: &'static str, queries: [&str; N]) -> &mut Self {
        for query in queries {
            self.push(Expected::Rule(rule), query, None, json!({}));
        }
        self
    }

    /// Texts that are not documents.
    fn syntax<const N: usize>(&mut self, queries: [&str; N]) -> &mut Self {
        for query in queries {
            self.push(Expected::Syntax, query, None, json!({}));
        }
        self
    }

    /// A document whose variables have these default values.
    fn means(&mut self, query: &str, values: Value) -> &mut Self {
        self.push(Expected::Ready, query, None, json!({}));
        if let Some(case) = self.cases.last_mut() {
            case.values = Some(values);
        }
        self
    }

    /// A document with valid values of its variables.
    fn fit<const N: usize>(&mut self, query: &str, variables: [Value; N]) -> &mut Self {
        for variables in variables {
            self.push(Expected::Ready, query, None, variables);
        }
        self
    }

    /// A document with invalid values of its variables.
    fn unfit<const N: usize>(&mut self, query: &str, variables: [Value; N]) -> &mut Self {
        for variables in variables {
            self.push(Expected::Variables, query, None, variables);
        }
        self
    }

    /// A document with several operations: which names can be chosen, and which not.
    fn choice(&mut self, expected: Expected, query: &str, operation_name: Option<&str>) -> &mut Self {
        self.push(expected, query, operation_name, json!({}));
        self
    }
}

/// Collects the cases.
struct Cases(Vec<Case>);

impl Cases {
    fn ours(&mut self, section: &'static str) -> Section<'_> {
        Section { cases: &mut self.0, name: section, against: Against::Ours }
    }

    fn wide(&mut self, section: &'static str) -> Section<'_> {
        Section { cases: &mut self.0, name: section, against: Against::Wide }
    }
}

/// All cases.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Cases(Vec::new());
    lexical::add(&mut cases);
    validation::add(&mut cases);
    coercion::add(&mut cases);
    cases.0
}
