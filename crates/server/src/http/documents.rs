//! Documents that a request names instead of sending them: automatic persisted queries, and a manifest of documents that
//! alone may run.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use hashlink::LruCache;
use parking_lot::Mutex;
use serde::Deserialize;
use tenantry_domain::byte_order_mark::without_byte_order_mark;
use tenantry_graphql::{ErrorCode, GraphQlRequest};

use super::body::{DocumentId, SentRequest};

/// The most text that is kept for clients that name their documents, in bytes.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The most documents that are kept for them.
const MAX_DOCUMENTS: usize = 10_000;

/// Why a request's document is not known, or not to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DocumentError {
    /// The server has not seen the document, or has forgotten it. Clients recognise this text, and send the document.
    #[error("PersistedQueryNotFound")]
    NotFound,
    /// The hash is not that of the text beside it.
    #[error("The SHA-256 in extensions.persistedQuery is not that of the query.")]
    WrongHash,
    /// The manifest lacks it.
    #[error("This server runs only the documents of its manifest, and this is not one of them.")]
    NotTrusted,
}

impl DocumentError {
    /// The code in the answer.
    pub(crate) fn code(self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::PersistedQueryNotFound,
            Self::WrongHash | Self::NotTrusted => ErrorCode::BadUserInput,
        }
    }

    /// The parameter that caused it.
    pub(crate) fn parameter(self) -> &'static str {
        match self {
            Self::NotFound | Self::WrongHash => "extensions",
            Self::NotTrusted => "query",
        }
    }
}

/// The documents that alone may run, by their ids.
#[derive(Debug, Clone, Default)]
pub struct TrustedDocuments(Arc<Manifest>);

#[derive(Debug, Default)]
struct Manifest {
    by_id: HashMap<String, String>,
    /// The SHA-256 of every text, so that a client may send a text as well.
    hashes: HashMap<String, String>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("cannot read the manifest of documents {file}")]
    File {
        /// The file.
        file: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is none of the forms that we know.
    #[error(
        "the manifest of documents is neither an object of ids and texts (Relay, GraphQL Code Generator) nor Apollo's, with \
         `operations` that have `id` and `body`"
    )]
    Form(#[source] serde_json::Error),
    /// There is nothing in it, so nothing could run.
    #[error("the manifest of documents is empty")]
    Empty,
}

/// The forms that the clients' tools write.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Apollo { operations: Vec<Operation> },
    Plain(HashMap<String, String>),
}

#[derive(Deserialize)]
struct Operation {
    id: String,
    body: String,
}

impl TrustedDocuments {
    /// Reads a manifest as Apollo's, Relay's and GraphQL Code Generator's tools write it.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn read(file: &Path) -> Result<Self, ManifestError> {
        let content =
            std::fs::read(file).map_err(|source| ManifestError::File { file: file.display().to_string(), source })?;
        Self::parse(&content)
    }

    fn parse(content: &[u8]) -> Result<Self, ManifestError> {
        let by_id: HashMap<String, String> =
            match serde_json::from_slice(without_byte_order_mark(content)).map_err(ManifestError::Form)? {
                Written::Apollo { operations } => operations.into_iter().map(|found| (found.id, found.body)).collect(),
                Written::Plain(documents) => documents,
            };
        if by_id.is_empty() {
            return Err(ManifestError::Empty);
        }
        let hashes = by_id.values().map(|text| (sha256(text), text.clone())).collect();
        Ok(Self(Arc::new(Manifest { by_id, hashes })))
    }
}

/// What resolves the documents that requests name.
#[derive(Debug)]
pub(crate) enum Documents {
    /// Clients may send any document, and later its hash instead.
    Any(Mutex<Known>),
    /// Only these may run.
    Trusted(TrustedDocuments),
}

/// The documents whose hashes came with their texts. The least recently used go first. A hash proves its text, so callers
/// can share them.
#[derive(Debug)]
pub(crate) struct Known {
    by_hash: LruCache<String, Arc<str>>,
    bytes: usize,
}

impl Documents {
    /// Any document, or only those of the manifest if there is one.
    pub(crate) fn new(trusted: Option<TrustedDocuments>) -> Self {
        match trusted {
            Some(trusted) => Self::Trusted(trusted),
            None => Self::Any(Mutex::new(Known { by_hash: LruCache::new(MAX_DOCUMENTS), bytes: 0 })),
        }
    }

    /// The request with its document.
    ///
    /// # Errors
    /// [`DocumentError`].
    pub(crate) fn resolve(&self, sent: SentRequest) -> Result<GraphQlRequest, DocumentError> {
        let SentRequest { query, document_id, operation_name, variables } = sent;
        let query = match (self, document_id) {
            (Self::Trusted(trusted), id) => trusted.find(query, id.as_ref())?,
            (Self::Any(known), Some(DocumentId::Sha256(hash))) => {
                // Before the lock is taken, because it takes longest.
                if query.as_ref().is_some_and(|query| sha256(query) != hash) {
                    return Err(DocumentError::WrongHash);
                }
                known.lock().find(query, hash)?
            }
            // Without a manifest, only the text's own hash names a text.
            (Self::Any(_), Some(DocumentId::Named(_))) if query.is_none() => return Err(DocumentError::NotFound),
            (Self::Any(_), _) => query.unwrap_or_default(),
        };
        Ok(GraphQlRequest { query, operation_name, variables })
    }
}

impl TrustedDocuments {
    fn find(&self, query: Option<String>, id: Option<&DocumentId>) -> Result<String, DocumentError> {
        let Manifest { by_id, hashes } = &*self.0;
        if let Some(query) = query {
            return if hashes.contains_key(&sha256(&query)) { Ok(query) } else { Err(DocumentError::NotTrusted) };
        }
        let found = match id {
            Some(DocumentId::Sha256(hash)) => by_id.get(hash).or_else(|| hashes.get(hash)),
            Some(DocumentId::Named(name)) => by_id.get(name).or_else(|| hashes.get(name)),
            None => None,
        };
        found.cloned().ok_or(DocumentError::NotFound)
    }
}

impl Known {
    /// The text of this hash; `query` is that text, if it was sent.
    fn find(&mut self, query: Option<String>, hash: String) -> Result<String, DocumentError> {
        let Some(query) = query else {
            return self.by_hash.get(&hash).map(ToString::to_string).ok_or(DocumentError::NotFound);
        };
        if self.by_hash.get(&hash).is_none() {
            self.bytes += query.len();
            while self.bytes > MAX_BYTES || self.by_hash.len() >= MAX_DOCUMENTS {
                let Some((_, oldest)) = self.by_hash.remove_lru() else { break };
                self.bytes -= oldest.len();
            }
            self.by_hash.insert(hash, query.as_str().into());
        }
        Ok(query)
    }
}

/// The SHA-256 of a text in lower-case hexadecimal digits.
fn sha256(text: &str) -> String {
    let mut out = String::with_capacity(64);
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        for digit in [byte >> 4, byte & 0xF] {
            out.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(query: Option<&str>, document_id: Option<DocumentId>) -> SentRequest {
        SentRequest { query: query.map(str::to_owned), document_id, ..SentRequest::default() }
    }

    fn hash(text: &str) -> DocumentId {
        DocumentId::Sha256(sha256(text))
    }

    fn named(name: &str) -> DocumentId {
        DocumentId::Named(name.to_owned())
    }

    fn run(
        documents: &Documents,
        query: Option<&str>,
        id: impl Into<Option<DocumentId>>,
    ) -> Result<String, DocumentError> {
        documents.resolve(sent(query, id.into())).map(|request| request.query)
    }

    #[test]
    fn a_hash_is_that_of_the_text() {
        assert_eq!(sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_document_is_known_by_its_hash_once_it_was_sent() {
        let documents = Documents::new(None);
        assert_eq!(run(&documents, None, hash("{a}")), Err(DocumentError::NotFound));
        assert_eq!(run(&documents, Some("{b}"), hash("{a}")), Err(DocumentError::WrongHash));
        assert_eq!(run(&documents, None, hash("{a}")), Err(DocumentError::NotFound), "a wrong hash keeps nothing");
        assert_eq!(run(&documents, Some("{a}"), hash("{a}")), Ok("{a}".to_owned()));
        assert_eq!(run(&documents, None, hash("{a}")), Ok("{a}".to_owned()));
        assert_eq!(run(&documents, Some("{b}"), None), Ok("{b}".to_owned()));
        assert_eq!(run(&documents, None, hash("{b}")), Err(DocumentError::NotFound), "only with its hash");
        assert_eq!(run(&documents, None, named("x")), Err(DocumentError::NotFound));
    }

    #[test]
    fn the_least_used_are_forgotten() {
        let documents = Documents::new(None);
        let text = |n: usize| format!("{{a}}#{n}{}", "x".repeat(MAX_BYTES / 10));
        for n in 0..20 {
            let text = text(n);
            assert!(run(&documents, Some(&text), hash(&text)).is_ok());
        }
        let known = (0..20).filter(|n| run(&documents, None, hash(&text(*n))).is_ok()).count();
        assert!((8..=10).contains(&known), "{known}");
        assert!(run(&documents, None, hash(&text(19))).is_ok());
    }

    #[test]
    fn with_a_manifest_nothing_else_runs() {
        let relay = br#"{"1f0a":"query A {a}"}"#;
        let apollo = br#"{"format":"apollo-persisted-query-manifest","version":1,
                          "operations":[{"id":"1f0a","name":"A","type":"query","body":"query A {a}"}]}"#;
        for manifest in [&relay[..], &apollo[..]] {
            let documents = Documents::new(Some(TrustedDocuments::parse(manifest).unwrap()));
            let a = Ok("query A {a}".to_owned());
            assert_eq!(run(&documents, None, named("1f0a")), a);
            assert_eq!(run(&documents, None, hash("query A {a}")), a);
            assert_eq!(run(&documents, Some("query A {a}"), None), a);
            assert_eq!(run(&documents, Some("query A {a} "), None), Err(DocumentError::NotTrusted));
            assert_eq!(run(&documents, Some("{b}"), hash("{b}")), Err(DocumentError::NotTrusted));
            assert_eq!(run(&documents, None, hash("{b}")), Err(DocumentError::NotFound));
            assert_eq!(
                run(&documents, Some("{b}"), named("1f0a")),
                Err(DocumentError::NotTrusted),
                "an id excuses no text"
            );
        }
        for wrong in ["", "[]", "{}", r#"{"a":1}"#, r#"{"operations":[]}"#, r#"{"operations":[{"id":"a"}]}"#] {
            assert!(TrustedDocuments::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
