//! Parses GraphQL requests from a JSON body or a query string. Strict: a parameter of the wrong type is refused by name.

mod read;
#[cfg(test)]
mod tests;

use async_graphql::Variables;
use serde::de::DeserializeSeed as _;
use serde_json::error::Category;
use tenantry_domain::byte_order_mark::without_byte_order_mark;
use url::form_urlencoded;

use self::read::{Extensions, PersistedQuery, Progress, Whole};

/// Why a request is malformed. The text may be shown to the caller.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// Not JSON at all.
    #[error("The request body is not valid JSON (line {line}, column {column}).")]
    NotJson {
        /// The line, from 1; 0 when the body is empty.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// An array of no requests or of too many.
    #[error("A batch has 1 to {MAX_BATCH} requests.")]
    BatchSize,
    /// A request of a batch is malformed.
    #[error("Request {} of the batch: {error}", .index + 1)]
    InBatch {
        /// Which one, from 0.
        index: usize,
        /// What is wrong with it.
        error: Box<BodyError>,
    },
    /// JSON, but not an object.
    #[error("The request body must be a JSON object, or a list of them.")]
    NotAnObject,
    /// A parameter has the wrong type, or is missing.
    #[error("The parameter \"{parameter}\" must be {expected}.")]
    WrongType {
        /// Its name.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A parameter is given more than once.
    #[error("The parameter \"{0}\" is given more than once.")]
    Repeated(&'static str),
}

impl BodyError {
    /// The parameter that caused the refusal.
    pub(crate) fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::WrongType { parameter, .. } | Self::Repeated(parameter) => Some(parameter),
            Self::InBatch { error, .. } => error.parameter(),
            _ => None,
        }
    }
}

/// The most requests in a batch.
const MAX_BATCH: usize = 20;

/// A request as it was sent.
#[derive(Debug, Default)]
pub(crate) struct SentRequest {
    /// The document's text.
    pub(crate) query: Option<String>,
    /// The document's name, instead of its text or in addition to it.
    pub(crate) document_id: Option<DocumentId>,
    /// Which of its operations to run.
    pub(crate) operation_name: Option<String>,
    /// The values of its variables.
    pub(crate) variables: Variables,
}

/// How a request names its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DocumentId {
    /// The SHA-256 of its text in lower-case hexadecimal digits: `extensions.persistedQuery` of Apollo's protocol.
    Sha256(String),
    /// The parameter `documentId` of GraphQL over HTTP.
    Named(String),
}

/// What a body contains.
#[derive(Debug)]
pub(crate) enum Sent {
    /// One request.
    One(SentRequest),
    /// A list of requests, to be answered by a list.
    Batch(Vec<SentRequest>),
}

/// The parameters of a request, and what each must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Query,
    DocumentId,
    OperationName,
    Variables,
    Extensions,
}

impl Parameter {
    fn named(name: &str) -> Option<Self> {
        match name {
            "query" => Some(Self::Query),
            "documentId" => Some(Self::DocumentId),
            "operationName" => Some(Self::OperationName),
            "variables" => Some(Self::Variables),
            "extensions" => Some(Self::Extensions),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::DocumentId => "documentId",
            Self::OperationName => "operationName",
            Self::Variables => "variables",
            Self::Extensions => "extensions",
        }
    }

    const fn wrong_type(self) -> BodyError {
        let expected = match self {
            Self::Query => "a string",
            Self::DocumentId | Self::OperationName => "a string or null",
            Self::Variables => "an object or null",
            Self::Extensions => {
                "an object or null, and its persistedQuery { version: 1, sha256Hash: \"64 hexadecimal digits\" }"
            }
        };
        BodyError::WrongType { parameter: self.name(), expected }
    }
}

/// Parses the body of a POST. A byte order mark at its start is skipped.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_json(body: &[u8]) -> Result<Sent, BodyError> {
    let progress = Progress::default();
    let body = without_byte_order_mark(body);
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Whole(&progress).deserialize(&mut json).and_then(|sent| json.end().map(|()| sent));
    read.map_err(|error| {
        if error.classify() != Category::Data {
            return BodyError::NotJson { line: error.line(), column: error.column() };
        }
        let found = match (progress.reading.get(), progress.repeated.get()) {
            (Some(parameter), true) => BodyError::Repeated(parameter.name()),
            (Some(parameter), false) => parameter.wrong_type(),
            (None, _) if progress.wrong_size.get() => return BodyError::BatchSize,
            (None, _) => BodyError::NotAnObject,
        };
        match progress.index.get() {
            Some(index) => BodyError::InBatch { index, error: Box::new(found) },
            None => found,
        }
    })
}

/// Parses the query string of a GET.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_query_string(text: &str) -> Result<SentRequest, BodyError> {
    let (mut query, mut document_id, mut operation_name) = (None, None, None);
    let (mut variables, mut extensions) = (None, None);
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let Some(parameter) = Parameter::named(&name) else { continue };
        let slot = match parameter {
            Parameter::Query => &mut query,
            Parameter::DocumentId => &mut document_id,
            Parameter::OperationName => &mut operation_name,
            Parameter::Variables => &mut variables,
            Parameter::Extensions => &mut extensions,
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(BodyError::Repeated(parameter.name()));
        }
    }
    // A parameter without a value was left empty in a form.
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let extensions = match given(extensions) {
        Some(text) => serde_json::from_str(&text).map_err(|_| Parameter::Extensions.wrong_type())?,
        None => None,
    };
    let variables = match given(variables) {
        Some(text) => serde_json::from_str(&text).map_err(|_| Parameter::Variables.wrong_type())?,
        None => Variables::default(),
    };
    let document_id = named(given(document_id), extensions);
    let query = if document_id.is_some() { given(query) } else { query };
    if query.is_none() && document_id.is_none() {
        return Err(Parameter::Query.wrong_type());
    }
    Ok(SentRequest { query, document_id, operation_name: given(operation_name), variables })
}

/// The document's name; the hash if both are given.
fn named(document_id: Option<String>, extensions: Option<Extensions>) -> Option<DocumentId> {
    let hash = extensions.and_then(|extensions| extensions.persisted_query);
    hash.map(|PersistedQuery(hash)| DocumentId::Sha256(hash)).or_else(|| document_id.map(DocumentId::Named))
}
