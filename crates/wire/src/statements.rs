//! The statements that a connection has prepared.

use std::sync::Arc;

use hashlink::LruCache;

use crate::rows::Column;

/// How many are kept. The API uses fewer different statements at a time; each costs the server some tens of kilobytes.
const CAPACITY: usize = 500;

/// A statement that the server knows.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The name under which the server has it.
    pub(crate) name: Arc<str>,
    /// The parameter types that it was prepared with.
    pub(crate) parameters: Box<[u32]>,
    /// The names and types of what it gives.
    pub(crate) columns: Arc<[Column]>,
}

/// The prepared statements by text. The least recently used one is evicted for a new one.
#[derive(Debug)]
pub(crate) struct Statements {
    known: LruCache<Box<str>, Statement>,
    /// Names are never reused: after a dropped exchange it is unknown what the server has prepared.
    named: u64,
    /// The names that the server can forget, including those that it may not have prepared.
    dropped: Vec<Arc<str>>,
}

impl Statements {
    pub(crate) fn new() -> Self {
        Self { known: LruCache::new(CAPACITY), named: 0, dropped: Vec::new() }
    }

    /// The statement with this text and these parameters, if the server knows it.
    pub(crate) fn get(&mut self, text: &str, parameters: &[u32]) -> Option<&Statement> {
        self.known.get(text).filter(|known| *known.parameters == *parameters)
    }

    /// A new, unused name. Until its statement is [inserted](Self::insert), the name counts as dropped: the exchange
    /// may fail or be dropped after the server has prepared it.
    pub(crate) fn name(&mut self) -> Arc<str> {
        self.named += 1;
        let name: Arc<str> = Arc::from(format!("s{}", self.named));
        self.dropped.push(Arc::clone(&name));
        name
    }

    /// Records that the server has prepared this statement.
    pub(crate) fn insert(&mut self, text: &str, statement: Statement) {
        self.dropped.retain(|name| *name != statement.name);
        if self.known.len() == self.known.capacity()
            && let Some((_, oldest)) = self.known.remove_lru()
        {
            self.dropped.push(oldest.name);
        }
        if let Some(before) = self.known.insert(text.into(), statement) {
            self.dropped.push(before.name);
        }
    }

    /// The names that the server can forget; each is returned once.
    pub(crate) fn take_dropped(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_is_evicted() {
        let mut statements = Statements::new();
        let columns: Arc<[Column]> = Arc::from([]);
        for n in 0..=CAPACITY {
            let name = statements.name();
            let statement = Statement { name, parameters: Box::from([]), columns: Arc::clone(&columns) };
            statements.insert(&format!("SELECT {n}"), statement);
            assert!(statements.get("SELECT 0", &[]).is_some(), "what is in use stays");
        }
        assert!(statements.get("SELECT 1", &[]).is_none());
        assert_eq!(statements.take_dropped(), [Arc::from("s2")]);
        assert!(statements.take_dropped().is_empty());
    }

    #[test]
    fn a_name_without_a_statement_is_dropped() {
        let mut statements = Statements::new();
        let (name, _lost) = (statements.name(), statements.name());
        statements.insert("SELECT $1", Statement { name, parameters: Box::from([23]), columns: Arc::from([]) });
        assert_eq!(statements.take_dropped(), [Arc::from("s2")]);
        assert!(statements.get("SELECT $1", &[25]).is_none(), "another type is another statement");
    }
}
