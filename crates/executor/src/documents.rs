//! Documents that came before. Clients send the same few over and over, so what reading one costs is paid once.
//!
//! Only a document that has passed the guard and the validation is kept. What depends on the variables is looked at for every
//! request all the same.

use std::sync::Arc;

use apollo_compiler::ExecutableDocument;
use apollo_compiler::ast::Document as Parsed;
use apollo_compiler::validation::Valid;
use hashlink::LruCache;
use parking_lot::Mutex;

use crate::request::Lowered;

/// The most text of documents that is kept, in bytes. A document takes up to some 170 times its text: as it was parsed, as it was
/// validated, and as it is executed.
const MAX_BYTES: usize = 256 * 1024;

/// The most documents that are kept, however short.
const MAX_DOCUMENTS: usize = 10_000;

/// A valid document, and what was found out about it.
pub(crate) struct Document {
    /// As it was parsed, for the cost guard.
    pub(crate) parsed: Parsed,
    /// As it was validated.
    pub(crate) valid: Valid<ExecutableDocument>,
    /// The operation that runs and what it costs, if both depend on no variable.
    pub(crate) fixed: Option<Fixed>,
}

/// An operation without variables.
pub(crate) struct Fixed {
    /// As it is executed.
    pub(crate) lowered: Lowered,
    /// What it costs.
    pub(crate) cost: u64,
}

/// The documents that came before, by their text and the name of the operation. Those that were used least recently go first.
pub(crate) struct Documents(Mutex<Known>);

struct Known {
    /// The operation's name is a part of the key: a zero byte, which no document holds outside of a string, divides the two.
    by_text: LruCache<String, Arc<Document>>,
    bytes: usize,
}

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(Known { by_text: LruCache::new(MAX_DOCUMENTS), bytes: 0 }))
    }
}

impl Documents {
    /// The document with this text, if it came before.
    pub(crate) fn get(&self, query: &str, operation: Option<&str>) -> Option<Arc<Document>> {
        let mut known = self.0.lock();
        match operation {
            None => known.by_text.get(query),
            Some(_) => known.by_text.get(key(query, operation).as_str()),
        }
        .cloned()
    }

    /// Keeps a document.
    pub(crate) fn keep(&self, query: &str, operation: Option<&str>, document: Arc<Document>) {
        let key = key(query, operation);
        let mut known = self.0.lock();
        // Two requests may bring it at the same time.
        if known.by_text.get(key.as_str()).is_some() {
            return;
        }
        known.bytes += key.len();
        while known.bytes > MAX_BYTES || known.by_text.len() >= MAX_DOCUMENTS {
            let Some((oldest, _)) = known.by_text.remove_lru() else { break };
            known.bytes -= oldest.len();
        }
        known.by_text.insert(key, document);
    }
}

fn key(query: &str, operation: Option<&str>) -> String {
    operation.map_or_else(|| query.to_owned(), |operation| format!("{query}\0{operation}"))
}
