//! The statements that a connection has prepared.

use std::sync::Arc;

use hashlink::LruCache;
use postgres_types::Type;

/// How many are kept. More than the API has shapes of statements in use at a time; each costs the server some tens of kilobytes.
const CAPACITY: usize = 500;

/// A statement that the server knows.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    /// The name that the server knows it by.
    pub(crate) name: Arc<str>,
    /// The types of what is bound to it, which the server took down with the text.
    pub(crate) parameters: Box<[u32]>,
    /// The types of what it gives.
    pub(crate) columns: Arc<[Type]>,
}

/// The prepared statements by their text; the one that was used longest ago makes place for a new one.
#[derive(Debug)]
pub(crate) struct Statements {
    known: LruCache<Box<str>, Statement>,
    /// Names are never used twice: of an exchange that was given up nobody knows what the server made of it.
    named: u64,
    /// The names of those that the server may forget; those that it is not known to have prepared, too.
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

    /// A name that no statement has had. Unless its statement is [inserted](Self::insert), it is one to forget: the exchange
    /// may fail or be given up when the server has prepared it already.
    pub(crate) fn name(&mut self) -> Arc<str> {
        self.named += 1;
        let name: Arc<str> = Arc::from(format!("s{}", self.named));
        self.dropped.push(Arc::clone(&name));
        name
    }

    /// The server knows this statement from now on.
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

    /// The names of those that the server may forget; each is given once.
    pub(crate) fn take_dropped(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_place() {
        let mut statements = Statements::new();
        let columns: Arc<[Type]> = Arc::from([]);
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
    fn a_name_whose_statement_never_came_is_forgotten() {
        let mut statements = Statements::new();
        let (name, _lost) = (statements.name(), statements.name());
        statements.insert("SELECT $1", Statement { name, parameters: Box::from([23]), columns: Arc::from([]) });
        assert_eq!(statements.take_dropped(), [Arc::from("s2")]);
        assert!(statements.get("SELECT $1", &[25]).is_none(), "another type is another statement");
    }
}
