//! Reads a body as it is parsed, so that a fault names the parameter where it is.

use std::cell::Cell;
use std::fmt;

use async_graphql::Variables;
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{MAX_BATCH, Parameter, Sent, SentRequest, named};

/// How far [`Reader`] has come, so that an error can name the parameter where it happened.
#[derive(Default)]
pub(super) struct Progress {
    pub(super) reading: Cell<Option<Parameter>>,
    pub(super) repeated: Cell<bool>,
    /// Which request of a batch is being read.
    pub(super) index: Cell<Option<usize>>,
    pub(super) wrong_size: Cell<bool>,
}

/// Parses a whole body: a request, or a list of them.
pub(super) struct Whole<'p>(pub(super) &'p Progress);

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
pub(super) struct Extensions {
    pub(super) persisted_query: Option<PersistedQuery>,
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
pub(super) struct PersistedQuery(pub(super) String);

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
