//! Parses GraphQL requests from a JSON body or a query string. Strict: a parameter of the wrong type is refused by name.

use std::cell::Cell;
use std::fmt;

use async_graphql::Variables;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use tenantry_domain::byte_order_mark::without_byte_order_mark;
use url::form_urlencoded;

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

/// How far [`Reader`] has come, so that an error can name the parameter where it happened.
#[derive(Default)]
struct Progress {
    reading: Cell<Option<Parameter>>,
    repeated: Cell<bool>,
    /// Which request of a batch is being read.
    index: Cell<Option<usize>>,
    wrong_size: Cell<bool>,
}

/// Parses a whole body: a request, or a list of them.
struct Whole<'p>(&'p Progress);

impl<'de> DeserializeSeed<'de> for Whole<'_> {
    type Value = Sent;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Sent, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Whole<'_> {
    type Value = Sent;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Sent, A::Error> {
        Reader(self.0).visit_map(map).map(Sent::One)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Sent, A::Error> {
        let progress = self.0;
        let mut requests = Vec::new();
        loop {
            progress.reading.set(None);
            progress.index.set(Some(requests.len()));
            if requests.len() == MAX_BATCH && items.next_element::<IgnoredAny>()?.is_some() {
                break;
            }
            match items.next_element_seed(Reader(progress))? {
                Some(request) => requests.push(request),
                None if requests.is_empty() => break,
                None => return Ok(Sent::Batch(requests)),
            }
        }
        progress.wrong_size.set(true);
        Err(A::Error::custom("size"))
    }
}

/// Parses a request in one pass, without building a tree of values first.
struct Reader<'p>(&'p Progress);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = SentRequest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SentRequest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = SentRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SentRequest, A::Error> {
        let progress = self.0;
        let mut query = None;
        let mut document_id = None;
        let mut operation_name = None;
        let mut variables = None;
        let mut extensions = None;
        while let Some(Key(parameter)) = map.next_key()? {
            progress.reading.set(parameter);
            let repeated = match parameter {
                Some(Parameter::Query) => query.replace(map.next_value::<String>()?).is_some(),
                Some(Parameter::DocumentId) => document_id.replace(map.next_value::<Option<String>>()?).is_some(),
                Some(Parameter::OperationName) => operation_name.replace(map.next_value::<Option<String>>()?).is_some(),
                Some(Parameter::Variables) => variables.replace(map.next_value::<Variables>()?).is_some(),
                Some(Parameter::Extensions) => extensions.replace(map.next_value::<Option<Extensions>>()?).is_some(),
                None => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            if repeated {
                progress.repeated.set(true);
                return Err(A::Error::custom("repeated"));
            }
        }
        let document_id = named(document_id.flatten(), extensions.flatten());
        if query.is_none() && document_id.is_none() {
            progress.reading.set(Some(Parameter::Query));
            return Err(A::Error::custom("missing"));
        }
        // Some clients send an empty name to mean none, as a form does in a query string.
        let operation_name = operation_name.flatten().filter(|name| !name.is_empty());
        Ok(SentRequest { query, document_id, operation_name, variables: variables.unwrap_or_default() })
    }
}

/// The name of a parameter; `None` for an unknown one, which is skipped.
struct Key(Option<Parameter>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Key, E> {
                Ok(Key(Parameter::named(name)))
            }
        }
        deserializer.deserialize_str(Name)
    }
}

/// The parameter `extensions`. Those that we do not know are ignored.
struct Extensions {
    persisted_query: Option<PersistedQuery>,
}

impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Content;
        // By hand, because a derived implementation takes a list for an object.
        impl<'de> Visitor<'de> for Content {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                let mut persisted_query = None;
                while let Some(name) = map.next_key::<String>()? {
                    if name == "persistedQuery" {
                        persisted_query = map.next_value()?;
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Extensions { persisted_query })
            }
        }
        deserializer.deserialize_map(Content)
    }
}

/// The hash of a document's text, in lower case.
struct PersistedQuery(String);

impl<'de> Deserialize<'de> for PersistedQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let content: serde_json::Map<String, serde_json::Value> = Deserialize::deserialize(deserializer)?;
        let hash = content.get("sha256Hash").and_then(serde_json::Value::as_str);
        let hash = hash.filter(|hash| hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match hash {
            Some(hash) if content.get("version").is_some_and(|version| *version == 1) => {
                Ok(Self(hash.to_ascii_lowercase()))
            }
            _ => Err(D::Error::custom("version or hash")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> BodyError {
        from_json(body.as_bytes()).expect_err(body)
    }

    fn one(body: &[u8]) -> SentRequest {
        match from_json(body).unwrap() {
            Sent::One(request) => request,
            Sent::Batch(_) => panic!("a batch"),
        }
    }

    #[test]
    fn a_whole_request_is_read() {
        let body = r#"{"query":"query Q { a }","operationName":"Q","variables":{"a":[1,{"b":null}]},
                       "extensions":{"x":[1]},"other":[{}]}"#;
        let request = one(body.as_bytes());
        assert_eq!(request.query.as_deref(), Some("query Q { a }"));
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(request.variables.to_string(), "{a: [1, {b: null}]}");
        let request = one(br#"{"variables":null,"extensions":null,"operationName":null,"query":""}"#);
        assert!(request.variables.is_empty() && request.operation_name.is_none());
    }

    #[test]
    fn text_is_kept_exactly() {
        let request = one(r##"{"query":"# 🏃\n{a}","variables":{"n":"\ud83c\udfca שלום"}}"##.as_bytes());
        assert_eq!(request.query.as_deref(), Some("# 🏃\n{a}"));
        assert_eq!(request.variables.to_string(), "{n: \"🏊 שלום\"}");
    }

    #[test]
    fn a_byte_order_mark_before_the_body_is_skipped() {
        let request = one("\u{feff}{\"query\":\"{ a }\"}\r\n".as_bytes());
        assert_eq!(request.query.as_deref(), Some("{ a }"));
        assert_eq!(refusal("\u{feff}[]"), BodyError::BatchSize);
        for body in
            ["\u{feff}\u{feff}{\"query\":\"a\"}", "{\u{feff}\"query\":\"a\"}", "{\"query\":\"a\"}\u{feff}", "\u{feff}"]
        {
            assert!(matches!(refusal(body), BodyError::NotJson { .. }), "{body:?}");
        }
        // Inside the text it is an ordinary character.
        assert_eq!(one("{\"query\":\"\u{feff}a\"}".as_bytes()).query.as_deref(), Some("\u{feff}a"));
    }

    #[test]
    fn an_empty_operation_name_counts_as_absent() {
        for body in [r#"{"query":"a","operationName":""}"#, r#"{"operationName":null,"query":"a"}"#, r#"{"query":"a"}"#]
        {
            assert_eq!(one(body.as_bytes()).operation_name, None, "{body}");
        }
        assert_eq!(from_query_string("query=a&operationName=").unwrap().operation_name, None);
        let named = one(br#"{"query":"a","operationName":" "}"#);
        assert_eq!(named.operation_name.as_deref(), Some(" "), "only what is empty");
    }

    #[test]
    fn a_wrong_type_is_refused_by_name() {
        for value in ["{}", "0", "false", "[\"a\"]", "null"] {
            assert_eq!(refusal(&format!(r#"{{"query":{value}}}"#)).parameter(), Some("query"), "{value}");
        }
        for value in ["{}", "0", "false", "[\"a\"]"] {
            let body = format!(r#"{{"query":"a","operationName":{value}}}"#);
            assert_eq!(refusal(&body).parameter(), Some("operationName"), "{value}");
        }
        for value in ["\"a\"", "0", "false", "[\"a\"]"] {
            for parameter in ["variables", "extensions"] {
                let body = format!(r#"{{"{parameter}":{value},"query":"a"}}"#);
                assert_eq!(refusal(&body).parameter(), Some(parameter), "{body}");
            }
        }
        assert_eq!(refusal("{}").parameter(), Some("query"));
        assert_eq!(refusal(r#"{"qeury":"{a}"}"#).parameter(), Some("query"));
    }

    #[test]
    fn a_repeated_parameter_is_refused() {
        assert_eq!(refusal(r#"{"query":"a","query":"b"}"#), BodyError::Repeated("query"));
        assert_eq!(refusal(r#"{"query":"a","variables":null,"variables":{}}"#), BodyError::Repeated("variables"));
        assert_eq!(from_query_string("query=a&query=b").unwrap_err(), BodyError::Repeated("query"));
    }

    #[test]
    fn anything_but_an_object_is_refused() {
        for body in ["1", "null", "\"{a}\""] {
            assert_eq!(refusal(body), BodyError::NotAnObject, "{body}");
        }
        for body in ["", "{", "{ \"not a JSON", "{\"query\":\"a\"} x", "{\"query\":\"a\",}", "{'query':'a'}"] {
            assert!(matches!(refusal(body), BodyError::NotJson { .. }), "{body}");
        }
        assert!(matches!(from_json(b"{\"query\":\"\xff\"}").unwrap_err(), BodyError::NotJson { .. }));
        let deep = format!(r#"{{"query":"a","variables":{{"a":{}"#, "[".repeat(100_000));
        assert!(matches!(refusal(&deep), BodyError::NotJson { .. }));
    }

    #[test]
    fn a_list_is_a_batch() {
        let Sent::Batch(requests) = from_json(br#" [{"query":"a"}, {"query":"b","operationName":"B"}] "#).unwrap()
        else {
            panic!("one request");
        };
        let queries: Vec<_> = requests.iter().map(|request| request.query.as_deref()).collect();
        assert_eq!(queries, [Some("a"), Some("b")]);
        let of = |n: usize| format!("[{}]", vec![r#"{"query":"a"}"#; n].join(","));
        assert!(matches!(from_json(of(20).as_bytes()), Ok(Sent::Batch(requests)) if requests.len() == 20));
        assert_eq!(refusal(&of(21)), BodyError::BatchSize);
        assert_eq!(refusal("[]"), BodyError::BatchSize);
        for (body, index, inner) in [
            (r#"[{"query":"a"},{}]"#, 1, Parameter::Query.wrong_type()),
            (r#"[{"query":"a"},{"query":"b","variables":1}]"#, 1, Parameter::Variables.wrong_type()),
            ("[1]", 0, BodyError::NotAnObject),
            (r#"[{"query":"a"},[{"query":"b"}]]"#, 1, BodyError::NotAnObject),
            (r#"[{"query":"a","query":"a"}]"#, 0, BodyError::Repeated("query")),
        ] {
            assert_eq!(refusal(body), BodyError::InBatch { index, error: Box::new(inner) }, "{body}");
        }
        assert!(matches!(refusal(r#"[{"query":"a"}"#), BodyError::NotJson { .. }));
        assert_eq!(
            refusal(r#"[{"query":"a"},{}]"#).to_string(),
            "Request 2 of the batch: The parameter \"query\" must be a string."
        );
    }

    #[test]
    fn a_document_can_be_named() {
        let hash = "ABCDEF0123456789".repeat(4);
        let sha256 = Some(DocumentId::Sha256(hash.to_lowercase()));
        let extensions = format!(r#"{{"persistedQuery":{{"version":1,"sha256Hash":"{hash}"}},"clientLibrary":{{}}}}"#);
        let request = one(format!(r#"{{"extensions":{extensions}}}"#).as_bytes());
        assert_eq!((request.query, &request.document_id), (None, &sha256));
        let request = one(format!(r#"{{"documentId":"x","extensions":{extensions},"query":"a"}}"#).as_bytes());
        assert_eq!((request.query.as_deref(), &request.document_id), (Some("a"), &sha256));
        let request = one(br#"{"documentId":"abc","extensions":null}"#);
        assert_eq!(request.document_id, Some(DocumentId::Named("abc".to_owned())));
        let query: String =
            form_urlencoded::Serializer::new(String::new()).append_pair("extensions", &extensions).finish();
        assert_eq!(from_query_string(&query).unwrap().document_id, sha256);
        assert_eq!(refusal(r#"{"documentId":1}"#).parameter(), Some("documentId"));
        assert_eq!(refusal(r#"{"documentId":null}"#).parameter(), Some("query"));
        for wrong in [
            "1",
            "[]",
            "{}",
            r#"{"version":2,"sha256Hash":"00"}"#,
            r#"{"version":1,"sha256Hash":"00"}"#,
            r#"{"version":1}"#,
        ] {
            let body = format!(r#"{{"query":"a","extensions":{{"persistedQuery":{wrong}}}}}"#);
            assert_eq!(refusal(&body).parameter(), Some("extensions"), "{body}");
        }
        assert_eq!(refusal(r#"{"query":"a","extensions":[null]}"#).parameter(), Some("extensions"));
    }

    #[test]
    fn a_query_string_is_read() {
        let request =
            from_query_string("query=%7B+a+%7D&variables=%7B%22a%22%3A1%7D&operationName=Q&extensions=%7B%7D&x=1")
                .unwrap();
        assert_eq!(request.query.as_deref(), Some("{ a }"));
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(request.variables.to_string(), "{a: 1}");
        assert!(from_query_string("query=a&variables=&operationName=&extensions=null").is_ok());
        assert_eq!(from_query_string("").unwrap_err().parameter(), Some("query"));
        assert_eq!(from_query_string("query=a&variables=1").unwrap_err().parameter(), Some("variables"));
        assert_eq!(from_query_string("query=a&extensions=[]").unwrap_err().parameter(), Some("extensions"));
    }
}
