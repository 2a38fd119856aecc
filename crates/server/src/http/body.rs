//! Parses a GraphQL request from a JSON body or a query string. Strict: a parameter of the wrong type is refused by
//! name.

use std::cell::Cell;
use std::fmt;

use async_graphql::Variables;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use tenantry_domain::byte_order_mark::without_byte_order_mark;
use tenantry_graphql::GraphQlRequest;
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
    /// An array of requests.
    #[error("The request body is a list: requests cannot be batched, send them one by one.")]
    Batch,
    /// JSON, but not an object.
    #[error("The request body must be a JSON object.")]
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
            _ => None,
        }
    }
}

/// The parameters of a request, and what each must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Parameter {
    Query,
    OperationName,
    Variables,
    Extensions,
}

impl Parameter {
    fn named(name: &str) -> Option<Self> {
        match name {
            "query" => Some(Self::Query),
            "operationName" => Some(Self::OperationName),
            "variables" => Some(Self::Variables),
            "extensions" => Some(Self::Extensions),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::OperationName => "operationName",
            Self::Variables => "variables",
            Self::Extensions => "extensions",
        }
    }

    const fn wrong_type(self) -> BodyError {
        let expected = match self {
            Self::Query => "a string",
            Self::OperationName => "a string or null",
            Self::Variables | Self::Extensions => "an object or null",
        };
        BodyError::WrongType { parameter: self.name(), expected }
    }
}

/// Parses the body of a POST. A byte order mark at its start is skipped.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_json(body: &[u8]) -> Result<GraphQlRequest, BodyError> {
    let progress = Progress::default();
    let body = without_byte_order_mark(body);
    let mut json = serde_json::Deserializer::from_slice(body);
    let read = Reader(&progress).deserialize(&mut json).and_then(|request| json.end().map(|()| request));
    read.map_err(|error| match (error.classify(), progress.reading.get(), progress.repeated.get()) {
        (Category::Data, Some(parameter), true) => BodyError::Repeated(parameter.name()),
        (Category::Data, Some(parameter), false) => parameter.wrong_type(),
        (Category::Data, None, _) if body.trim_ascii_start().first() == Some(&b'[') => BodyError::Batch,
        (Category::Data, None, _) => BodyError::NotAnObject,
        _ => BodyError::NotJson { line: error.line(), column: error.column() },
    })
}

/// Parses the query string of a GET.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn from_query_string(text: &str) -> Result<GraphQlRequest, BodyError> {
    let (mut query, mut operation_name, mut variables, mut extensions) = (None, None, None, None);
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let Some(parameter) = Parameter::named(&name) else { continue };
        let slot = match parameter {
            Parameter::Query => &mut query,
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
    if let Some(text) = given(extensions) {
        serde_json::from_str::<Option<AnyObject>>(&text).map_err(|_| Parameter::Extensions.wrong_type())?;
    }
    let variables = match given(variables) {
        Some(text) => serde_json::from_str(&text).map_err(|_| Parameter::Variables.wrong_type())?,
        None => Variables::default(),
    };
    let query = query.ok_or_else(|| Parameter::Query.wrong_type())?;
    Ok(GraphQlRequest { query, operation_name: given(operation_name), variables })
}

/// How far [`Reader`] has come, so that an error can name the parameter where it happened.
#[derive(Default)]
struct Progress {
    reading: Cell<Option<Parameter>>,
    repeated: Cell<bool>,
}

/// Parses the body in one pass, without building a tree of values first.
struct Reader<'p>(&'p Progress);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = GraphQlRequest;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<GraphQlRequest, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = GraphQlRequest;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GraphQlRequest, A::Error> {
        let progress = self.0;
        let mut query = None;
        let mut operation_name = None;
        let mut variables = None;
        let mut extensions = None;
        while let Some(Key(parameter)) = map.next_key()? {
            progress.reading.set(parameter);
            let repeated = match parameter {
                Some(Parameter::Query) => query.replace(map.next_value::<String>()?).is_some(),
                Some(Parameter::OperationName) => operation_name.replace(map.next_value::<Option<String>>()?).is_some(),
                Some(Parameter::Variables) => variables.replace(map.next_value::<Variables>()?).is_some(),
                Some(Parameter::Extensions) => extensions.replace(map.next_value::<Option<AnyObject>>()?).is_some(),
                None => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            if repeated {
                progress.repeated.set(true);
                return Err(A::Error::custom("repeated"));
            }
        }
        progress.reading.set(Some(Parameter::Query));
        let query = query.ok_or_else(|| A::Error::custom("missing"))?;
        // Some clients send an empty name to mean none, as a form does in a query string.
        let operation_name = operation_name.flatten().filter(|name| !name.is_empty());
        Ok(GraphQlRequest { query, operation_name, variables: variables.unwrap_or_default() })
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

/// An object whose content does not matter.
struct AnyObject;

impl<'de> Deserialize<'de> for AnyObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Content;
        impl<'de> Visitor<'de> for Content {
            type Value = AnyObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<AnyObject, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(AnyObject)
            }
        }
        deserializer.deserialize_map(Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> BodyError {
        from_json(body.as_bytes()).expect_err(body)
    }

    #[test]
    fn a_whole_request_is_read() {
        let body = r#"{"query":"query Q { a }","operationName":"Q","variables":{"a":[1,{"b":null}]},
                       "extensions":{"x":[1]},"other":[{}]}"#;
        let request = from_json(body.as_bytes()).unwrap();
        assert_eq!(request.query, "query Q { a }");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(request.variables.to_string(), "{a: [1, {b: null}]}");
        let request = from_json(br#"{"variables":null,"extensions":null,"operationName":null,"query":""}"#).unwrap();
        assert!(request.variables.is_empty() && request.operation_name.is_none());
    }

    #[test]
    fn text_is_kept_exactly() {
        let request = from_json(r##"{"query":"# 🏃\n{a}","variables":{"n":"\ud83c\udfca שלום"}}"##.as_bytes()).unwrap();
        assert_eq!(request.query, "# 🏃\n{a}");
        assert_eq!(request.variables.to_string(), "{n: \"🏊 שלום\"}");
    }

    #[test]
    fn a_byte_order_mark_before_the_body_is_skipped() {
        let request = from_json("\u{feff}{\"query\":\"{ a }\"}\r\n".as_bytes()).unwrap();
        assert_eq!(request.query, "{ a }");
        assert_eq!(refusal("\u{feff}[]"), BodyError::Batch);
        for body in
            ["\u{feff}\u{feff}{\"query\":\"a\"}", "{\u{feff}\"query\":\"a\"}", "{\"query\":\"a\"}\u{feff}", "\u{feff}"]
        {
            assert!(matches!(refusal(body), BodyError::NotJson { .. }), "{body:?}");
        }
        // Inside the text it is an ordinary character.
        assert_eq!(from_json("{\"query\":\"\u{feff}a\"}".as_bytes()).unwrap().query, "\u{feff}a");
    }

    #[test]
    fn an_empty_operation_name_counts_as_absent() {
        for body in [r#"{"query":"a","operationName":""}"#, r#"{"operationName":null,"query":"a"}"#, r#"{"query":"a"}"#]
        {
            assert_eq!(from_json(body.as_bytes()).unwrap().operation_name, None, "{body}");
        }
        assert_eq!(from_query_string("query=a&operationName=").unwrap().operation_name, None);
        let named = from_json(br#"{"query":"a","operationName":" "}"#).unwrap();
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
        assert_eq!(refusal(r#" [{"query":"a"}]"#), BodyError::Batch);
        assert_eq!(refusal("[]"), BodyError::Batch);
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
    fn a_query_string_is_read() {
        let request =
            from_query_string("query=%7B+a+%7D&variables=%7B%22a%22%3A1%7D&operationName=Q&extensions=%7B%7D&x=1")
                .unwrap();
        assert_eq!(request.query, "{ a }");
        assert_eq!(request.operation_name.as_deref(), Some("Q"));
        assert_eq!(request.variables.to_string(), "{a: 1}");
        assert!(from_query_string("query=a&variables=&operationName=&extensions=null").is_ok());
        assert_eq!(from_query_string("").unwrap_err().parameter(), Some("query"));
        assert_eq!(from_query_string("query=a&variables=1").unwrap_err().parameter(), Some("variables"));
        assert_eq!(from_query_string("query=a&extensions=[]").unwrap_err().parameter(), Some("extensions"));
    }
}
