//! The statements that the server sent to the database, from the database's log.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant};

use crate::app::TestApp;

/// A position in the database's log.
#[derive(Debug, Clone, Copy)]
pub struct StatementMark(u64);

/// How long a transaction may take to end after its request was answered.
const PATIENCE: Duration = Duration::from_secs(10);

impl TestApp {
    /// The current end of the database's log, once the transactions of earlier requests have ended.
    pub async fn mark(&self) -> StatementMark {
        let begun = Instant::now();
        // A connection returns to the pool when its transaction has ended.
        while let (open, idle) = self.server().store().connections()
            && idle < usize::try_from(open).unwrap()
        {
            assert!(
                begun.elapsed() < PATIENCE,
                "{} of {open} connections stay busy",
                usize::try_from(open).unwrap() - idle
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let log = self.test_database().cluster().log_file();
        StatementMark(std::fs::metadata(log).expect("the cluster has a log").len())
    }

    /// The statements that the server sent since `mark`, in order, once all their transactions have ended. The
    /// statements that open a scope count as one: they are always the same and always sent together.
    ///
    /// Needs an app built with [`logging_statements`](crate::TestAppBuilder::logging_statements).
    pub async fn statements_since(&self, mark: StatementMark) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let statements = self.logged(mark);
            let opened = statements.iter().filter(|text| text.starts_with("BEGIN")).count();
            let closed = statements.iter().filter(|text| *text == "COMMIT" || *text == "ROLLBACK").count();
            if opened > 0 && opened == closed {
                return statements;
            }
            assert!(begun.elapsed() < PATIENCE, "{opened} transactions were opened, {closed} ended: {statements:#?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The statements since `mark`, whether or not their transactions have ended.
    fn logged(&self, mark: StatementMark) -> Vec<String> {
        let mut log = File::open(self.test_database().cluster().log_file()).expect("the cluster has a log");
        log.seek(SeekFrom::Start(mark.0)).expect("a log only grows");
        let mut bytes = Vec::new();
        log.read_to_end(&mut bytes).expect("the log is readable");
        let whose = format!(" tenantry_app@{} LOG:  ", self.urls().name());
        let text = String::from_utf8_lossy(&bytes);
        let messages = text.lines().filter_map(|line| line.split_once(whose.as_str())).map(|(_, message)| message);
        let statement = |message: &str| {
            let (kind, statement) = message.split_once(": ")?;
            (kind == "statement" || kind.starts_with("execute ")).then(|| statement.to_owned())
        };
        let mut statements: Vec<String> = Vec::new();
        // A statement that ends a transaction and begins the next one counts as both.
        let apart = |statement: String| match statement.as_str() {
            "ROLLBACK AND CHAIN" => vec!["ROLLBACK".to_owned(), "BEGIN".to_owned()],
            _ => vec![statement],
        };
        for statement in messages.filter_map(statement).flat_map(apart) {
            let opens =
                statement.starts_with("SET LOCAL app.current_") || statement.starts_with("SELECT m.role, o.time_zone ");
            match statements.last_mut().filter(|last| opens && last.starts_with("BEGIN")) {
                Some(opening) => *opening = format!("{opening};{statement}"),
                None => statements.push(statement),
            }
        }
        statements
    }
}
