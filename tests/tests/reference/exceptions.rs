//! Where our verdict may differ from the reference implementation's, and why. An entry that no case hits any more fails
//! the test, so that this list contains no outdated reasons.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;

use crate::compare::Request;
use crate::subject::Verdict;

/// The verdicts of both sides on a request.
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

/// Where the reference implementation deviates from the specification.
static OF_THE_REFERENCE: [Exception; 3] = [
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
    Exception::new(
        "nullable variables in one-of input objects",
        "a variable for a field of a one-of input object may not be null (5.8.5); the reference implementation looks at this only \
         where the object itself may be null and is no item of a list",
        |it| {
            let finds = it.request.query.contains("find(") || it.request.query.contains("maybeFind(");
            *it.ours == Verdict::Validation && !matches!(it.theirs, Verdict::Validation | Verdict::Syntax) && finds
        },
    ),
];

/// Where the library of the request layer differs, in features that our schema does not use.
static OF_THE_LIBRARY: [Exception; 2] = [
    Exception::new(
        "variables in lists for custom scalars",
        "they are refused unless their type is that scalar; our custom scalars are strings, so that a list is refused anyway",
        |it| *it.ours == Verdict::Validation && *it.theirs != Verdict::Validation && it.request.query.contains("any"),
    ),
    Exception::new(
        "root fields of subscriptions",
        "fields are counted instead of keys; our schema has no subscriptions",
        |it| {
            *it.ours == Verdict::Validation
                && *it.theirs != Verdict::Validation
                && it.request.query.contains("subscription")
        },
    ),
];

/// Whether a difference is allowed; counts it if so.
pub(crate) fn allow(difference: &Difference<'_>) -> bool {
    let entry = OF_THE_REFERENCE.iter().chain(&OF_THE_LIBRARY).find(|exception| (exception.applies)(difference));
    if let Some(entry) = entry {
        entry.hits.fetch_add(1, Ordering::Relaxed);
    }
    entry.is_some()
}

/// The entries that were not hit.
pub(crate) fn not_hit() -> Vec<String> {
    OF_THE_REFERENCE
        .iter()
        .chain(&OF_THE_LIBRARY)
        .filter(|exception| exception.hits.load(Ordering::Relaxed) == 0)
        .map(|exception| format!("{}: {}", exception.name, exception.reason))
        .collect()
}
