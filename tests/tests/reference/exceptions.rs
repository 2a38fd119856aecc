//! Where our verdict may differ from the reference implementation's, and why. An entry that no case hits any more turns the test
//! red, so that this list cannot outlive its reasons.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::breaking;
use crate::compare::Request;
use crate::subject::Verdict;

/// What both sides say about a request.
pub(crate) struct Difference<'a> {
    pub(crate) request: &'a Request,
    pub(crate) ours: &'a Verdict,
    pub(crate) theirs: &'a Verdict,
    /// The whole answer of the reference implementation.
    pub(crate) answer: &'a Value,
}

impl Difference<'_> {
    fn rules(&self) -> Vec<&str> {
        self.answer["rules"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn says(&self, text: &str) -> bool {
        self.answer["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|error| error["message"].as_str().is_some_and(|message| message.contains(text)))
    }

    /// Whether we let through what the reference implementation refuses by this rule, and by no rule that we have.
    fn lax(&self, rule: &str) -> bool {
        const LAX: [&str; 5] = [
            "NoUndefinedVariables",
            "OverlappingFieldsCanBeMerged",
            "UniqueInputFieldNames",
            "ValuesOfCorrectType",
            "VariablesInAllowedPosition",
        ];
        let rules = self.rules();
        *self.theirs == Verdict::Validation
            && !matches!(self.ours, Verdict::Syntax | Verdict::Validation)
            && rules.contains(&rule)
            && rules.iter().all(|rule| LAX.contains(rule))
    }
}

/// A difference that is allowed.
pub(crate) struct Exception {
    pub(crate) name: &'static str,
    pub(crate) reason: &'static str,
    applies: fn(&Difference<'_>) -> bool,
    hits: AtomicUsize,
}

impl Exception {
    const fn new(name: &'static str, reason: &'static str, applies: fn(&Difference<'_>) -> bool) -> Self {
        Self { name, reason, applies, hits: AtomicUsize::new(0) }
    }
}

/// Where the reference implementation is not the specification.
static OF_THE_REFERENCE: [Exception; 2] = [
    Exception::new(
        "long escapes",
        "`\\u{…}` may have any number of leading zeros (2.9.4); the reference implementation reads eight digits at most",
        |it| *it.theirs == Verdict::Syntax && it.says("Invalid Unicode escape sequence: \"\\u{0000"),
    ),
    Exception::new(
        "one string, two spellings",
        "`\"a\"` and `\"\"\"a\"\"\"` are the same value, so that the fields can be merged (5.3.2); the reference implementation compares \
         how they are written",
        |it| it.rules() == ["OverlappingFieldsCanBeMerged"] && it.request.query.contains("\"\"\""),
    ),
];

/// What apollo-compiler does not do as the specification says. They go away with the subject that is only that library.
static OF_THE_LIBRARY: [Exception; 11] = [
    Exception::new(
        "commas in the way",
        "the parser refuses a comma after `...` and before the colon of an alias",
        |it| *it.ours == Verdict::Syntax && *it.theirs != Verdict::Syntax && comma_in_the_way(&it.request.query),
    ),
    Exception::new("descriptions", "the parser knows no descriptions of operations, fragments and variables", |it| {
        *it.ours == Verdict::Syntax && *it.theirs != Verdict::Syntax && described(&it.request.query)
    }),
    Exception::new(
        "arguments without a value",
        "the parser takes an argument or an input field without a value",
        |it| *it.ours != Verdict::Syntax && *it.theirs == Verdict::Syntax && it.says("Expected \":\""),
    ),
    Exception::new("input fields given twice", "there is no rule for 5.6.3", |it| it.lax("UniqueInputFieldNames")),
    Exception::new(
        "variables in lists and input objects",
        "5.8.5 is checked for whole arguments only, and a default of null counts as a default",
        |it| it.lax("VariablesInAllowedPosition"),
    ),
    Exception::new("lists of different length", "arguments are compared without the length of their lists", |it| {
        it.lax("OverlappingFieldsCanBeMerged") && it.request.query.contains('[')
    }),
    Exception::new("undefined variables in custom scalars", "objects for a custom scalar are not looked into", |it| {
        it.lax("NoUndefinedVariables")
    }),
    Exception::new("one-of input objects", "they are not known at all", |it| {
        it.says("OneOf") || (it.request.query.contains("isOneOf") && *it.ours == Verdict::Validation)
    }),
    Exception::new(
        "variables in lists for custom scalars",
        "they are refused unless their type is that scalar",
        |it| *it.ours == Verdict::Validation && *it.theirs != Verdict::Validation && it.request.query.contains("any"),
    ),
    Exception::new("root fields of subscriptions", "fields are counted instead of keys", |it| {
        *it.ours == Verdict::Validation
            && *it.theirs != Verdict::Validation
            && it.request.query.contains("subscription")
    }),
    Exception::new(
        "values of variables",
        "defaults are not coerced, and ids, whole floats and large numbers are treated otherwise",
        |it| {
            matches!(
                (it.ours, it.theirs),
                (Verdict::Ready(_) | Verdict::Variables, Verdict::Ready(_) | Verdict::Variables)
            )
        },
    ),
];

/// Whether there is a comma after some `...` or before some colon.
fn comma_in_the_way(query: &str) -> bool {
    let pieces = breaking::split(query);
    pieces.iter().any(|piece| piece.starts_with("...") && piece.contains(','))
        || pieces.windows(2).any(|pair| pair[0].contains(',') && pair[1].starts_with(':'))
}

/// Whether a string stands directly before an operation, a fragment or a variable.
fn described(query: &str) -> bool {
    breaking::split(query).windows(2).any(|pair| {
        pair[0].starts_with('"')
            && ["query", "mutation", "subscription", "fragment", "$"].iter().any(|start| pair[1].starts_with(start))
    })
}

/// Whether a difference is allowed; counts it if so.
pub(crate) fn allow(difference: &Difference<'_>) -> bool {
    let entry = OF_THE_REFERENCE.iter().chain(&OF_THE_LIBRARY).find(|exception| (exception.applies)(difference));
    if let Some(entry) = entry {
        entry.hits.fetch_add(1, Ordering::Relaxed);
    }
    entry.is_some()
}

/// The entries that have not been hit.
pub(crate) fn not_hit() -> Vec<String> {
    OF_THE_REFERENCE
        .iter()
        .chain(&OF_THE_LIBRARY)
        .filter(|exception| exception.hits.load(Ordering::Relaxed) == 0)
        .map(|exception| format!("{}: {}", exception.name, exception.reason))
        .collect()
}
