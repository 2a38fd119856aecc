//! Documents that came before. Clients send the same few over and over, so what reading one costs is paid once.
//!
//! Only a document that has passed the guard and the strict validation is kept. What depends on the variables is looked at for
//! every request all the same.

use std::collections::HashMap;
use std::sync::Arc;

use async_graphql::parser::types::{ExecutableDocument, OperationType};
use parking_lot::Mutex;

use crate::object::Rendering;

/// The most text of documents that is kept, in bytes. A parsed document takes some twenty times its text.
const MAX_BYTES: usize = 1024 * 1024;

/// A document, and what was found out about it.
pub(crate) struct Document {
    /// The document as it was parsed.
    pub(crate) parsed: ExecutableDocument,
    /// The kind of the operation that runs.
    pub(crate) operation_type: Option<OperationType>,
    /// Its root fields, in order.
    pub(crate) root: Option<RootFields>,
    /// Whether lists of leaves can be rendered at once.
    pub(crate) rendering: Rendering,
    /// What it costs when no variables are given; only if it was found right without any.
    pub(crate) plain_cost: Option<u64>,
}

/// The kind of an operation, and its root fields.
pub(crate) type RootFields = (OperationType, Vec<RootField>);

/// A root field of an operation.
pub(crate) struct RootField {
    /// The key of its answer.
    pub(crate) key: String,
    /// Its name.
    pub(crate) field: String,
    /// Whether a directive may leave it out.
    pub(crate) is_conditional: bool,
}

/// The documents that came before, by their text and the name of the operation.
#[derive(Default)]
pub(crate) struct Documents(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The operation's name is a part of the key: a zero byte, which no document holds outside of a string, divides the two.
    by_text: HashMap<String, Arc<Document>>,
    bytes: usize,
}

impl Documents {
    /// The document with this text, if it came before.
    pub(crate) fn get(&self, query: &str, operation: Option<&str>) -> Option<Arc<Document>> {
        let known = self.0.lock();
        match operation {
            None => known.by_text.get(query),
            Some(_) => known.by_text.get(key(query, operation).as_str()),
        }
        .cloned()
    }

    /// Keeps a document. When there are too many, all are forgotten: those that matter come again at once.
    pub(crate) fn keep(&self, query: &str, operation: Option<&str>, document: Arc<Document>) {
        let key = key(query, operation);
        let mut known = self.0.lock();
        if known.bytes + key.len() > MAX_BYTES {
            *known = Known::default();
        }
        let length = key.len();
        // Two requests may bring it at the same time.
        if known.by_text.insert(key, document).is_none() {
            known.bytes += length;
        }
    }
}

fn key(query: &str, operation: Option<&str>) -> String {
    operation.map_or_else(|| query.to_owned(), |operation| format!("{query}\0{operation}"))
}
