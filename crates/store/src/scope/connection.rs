//! A connection with an open transaction. One that wrote, or that was cut off, never goes back to the shelf with it.

use std::fmt;
use std::sync::Arc;

use tenantry_domain::OrganizationId;
use tenantry_wire::{Answer, Command, Error, Parameters, Rows};
use tokio::sync::Mutex;
use tracing::Instrument as _;

use crate::error::StoreError;
use crate::read::Answers;
use crate::shelf::{BEGIN, Lease, ROLLBACK, Shelf};
use crate::sql::Sql;

/// What an open transaction keeps from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Nothing: it only reads.
    Nothing,
    /// The rows that it changed, or a lock.
    Locks,
}

/// How a transaction begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begin {
    /// It only reads, all of it in the same snapshot.
    Read,
    /// It writes, and every statement sees what was committed before it.
    Write,
}

impl Begin {
    /// What a transaction is whose `BEGIN` does not say. Said once for each connection, because saying it every time costs the
    /// server about as much again as the `BEGIN` itself.
    pub(crate) const DEFAULTS: [(&'static str, &'static str); 2] =
        [("default_transaction_isolation", "repeatable read"), ("default_transaction_read_only", "on")];

    /// What such a transaction keeps from others.
    fn keeps(self) -> Keeps {
        match self {
            Self::Read => Keeps::Nothing,
            Self::Write => Keeps::Locks,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Read => BEGIN,
            Self::Write => "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE",
        }
    }
}

/// What is sent before a transaction's first statement.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) begin: Begin,
    /// `SET LOCAL …`, each.
    pub(crate) settings: Vec<String>,
    /// What is asked in the same round trip.
    pub(crate) question: Option<Sql>,
}

/// Looks at the answer to an opening's question before anybody gets the answers to the statements that were sent with it.
pub(crate) type Check = Box<dyn Fn(&Rows) -> Result<(), StoreError> + Send + Sync>;

/// A connection inside a transaction.
///
/// Concurrent callers take turns, a round trip each.
pub struct Connection {
    shelf: Arc<Shelf>,
    held: Mutex<Held>,
    keeps: Keeps,
}

struct Held {
    /// `None` only after the transaction has ended.
    lease: Option<Lease>,
    /// What has to be sent before the first statement. There until it is sent.
    opening: Option<(Opening, Check)>,
    /// Whether the last answer has been read to its end, and was no failure.
    is_settled: bool,
    /// Why the transaction is of no use.
    refused: Option<StoreError>,
}

impl Held {
    /// Sends the statements, behind what opens the transaction if that is still to be sent. Gives the answers to those before
    /// the one that failed.
    async fn exchange(&mut self, from: &Arc<Shelf>, statements: &[Sql]) -> (Vec<Answer>, Result<(), StoreError>) {
        if statements.is_empty() && self.opening.is_none() && self.is_settled {
            return (Vec::new(), Ok(()));
        }
        if !self.is_settled {
            return (Vec::new(), Err(self.refused.clone().unwrap_or_else(ended)));
        }
        // Whoever waits for the answer may be dropped meanwhile; and after a failure the connection may be broken. Whatever goes
        // wrong in an opening, nothing else is sent: nobody would know whose transaction it is in.
        self.is_settled = false;
        let mut answers = Vec::new();
        let result = match self.opening.take() {
            Some((opening, check)) => self.open(from, &opening, &check, statements, &mut answers).await.map(drop),
            None => self.send(statements, &mut answers).await,
        };
        match &result {
            Ok(()) => self.is_settled = true,
            Err(error) => self.refused = Some(error.clone()),
        }
        (answers, result)
    }

    /// Makes sure that the transaction is still bound to its organization, as this answer tells; nothing else is sent otherwise.
    fn require(&mut self, answer: Option<Answer>) -> Result<(), StoreError> {
        let is_within = answer.and_then(|answer| answer.first()?.get(0).ok()).unwrap_or(false);
        if is_within {
            return Ok(());
        }
        let error = StoreError::Database(Error::Protocol("a statement changed the organization of its scope"));
        self.is_settled = false;
        self.refused = Some(error.clone());
        Err(error)
    }

    async fn send(&mut self, statements: &[Sql], answers: &mut Vec<Answer>) -> Result<(), StoreError> {
        let commands = statements.iter().map(Sql::command).collect::<Result<Vec<_>, _>>()?;
        let lease = self.lease.as_mut().ok_or_else(ended)?;
        let result;
        (*answers, result) = round_trip(lease, &commands).await;
        Ok(result?)
    }

    /// Opens the transaction and runs the statements in it, in one round trip. Gives the answer to the opening's question.
    ///
    /// After a restart of the server every connection at hand is dead; each is found out in turn and replaced.
    async fn open(
        &mut self,
        from: &Arc<Shelf>,
        opening: &Opening,
        check: &Check,
        statements: &[Sql],
        answers: &mut Vec<Answer>,
    ) -> Result<Rows, StoreError> {
        let none = Parameters::default();
        let (mut left, _) = from.counts();
        loop {
            let lease = self.lease.as_mut().ok_or_else(ended)?;
            let mut commands = Vec::with_capacity(5 + statements.len());
            let begin: &[&str] = match (lease.is_open(), opening.begin) {
                (false, _) => &[opening.begin.text()],
                // What lingers only read. The next transaction is of the same kind, and begins where that one ends.
                (true, Begin::Read) => &["ROLLBACK AND CHAIN"],
                (true, Begin::Write) => &[ROLLBACK, opening.begin.text()],
            };
            commands.extend(begin.iter().map(|text| Command::prepared(text, &none)));
            commands.extend(opening.settings.iter().map(|setting| Command::once(setting)));
            let first = commands.len();
            for sql in opening.question.iter().chain(statements) {
                commands.push(sql.command()?);
            }
            let (given, result) = round_trip(lease, &commands).await;
            let result = result.map_err(StoreError::from);
            if left > 0 && matches!(result, Err(StoreError::Unavailable(_))) {
                left -= 1;
                // First let go of the one, then take another: there may be but one.
                self.lease = None;
                self.lease = Some(from.take().await?);
                continue;
            }
            let mut given = given.into_iter().skip(first);
            let asked = opening.question.as_ref().and_then(|_| given.next());
            if let Some(asked) = &asked {
                // Even if a statement behind it failed: who may not ask is not told that.
                check(&asked.rows)?;
            }
            answers.extend(given);
            return result.map(|()| asked.unwrap_or_default().rows);
        }
    }
}

impl Connection {
    /// Takes a connection. What opens the transaction is sent with the first statement, and `check` looks at the answer to its
    /// question before anybody gets the statement's.
    pub(crate) async fn prepare(shelf: &Arc<Shelf>, opening: Opening, check: Check) -> Result<Self, StoreError> {
        let mut connection = Self::take(shelf, opening.begin).await?;
        connection.held.get_mut().opening = Some((opening, check));
        Ok(connection)
    }

    async fn take(shelf: &Arc<Shelf>, begin: Begin) -> Result<Self, StoreError> {
        let lease = Some(shelf.take().await?);
        let held = Held { lease, opening: None, is_settled: true, refused: None };
        let shelf = Arc::clone(shelf);
        Ok(Self { shelf, held: held.into(), keeps: begin.keeps() })
    }

    /// Takes a connection and opens the transaction; gives the answer to the opening's question.
    pub(crate) async fn open(shelf: &Arc<Shelf>, opening: Opening) -> Result<(Self, Rows), StoreError> {
        let check: Check = Box::new(|_| Ok(()));
        // In the guard before anything is sent.
        let mut connection = Self::take(shelf, opening.begin).await?;
        let held = connection.held.get_mut();
        held.is_settled = false;
        let rows = held.open(shelf, &opening, &check, &[], &mut Vec::new()).await?;
        held.is_settled = true;
        Ok((connection, rows))
    }

    /// Sends these statements in one round trip, behind what opens the transaction if nothing has done so.
    pub(crate) async fn exchange(&self, statements: &[Sql]) -> Answers {
        let (given, result) = self.held.lock().await.exchange(&self.shelf, statements).await;
        Answers::new(given, result)
    }

    /// The connection, whose transaction keeps more from others than it did when it began.
    pub(crate) fn keeping(mut self, keeps: Keeps) -> Self {
        self.keeps = keeps;
        self
    }

    async fn answer(&self, sql: Sql) -> Result<Answer, StoreError> {
        self.exchange(&[sql]).await.next()
    }

    /// Runs a statement and gives its rows.
    pub(crate) async fn fetch(&self, sql: Sql) -> Result<Rows, StoreError> {
        Ok(self.answer(sql).await?.rows)
    }

    /// Runs a statement that gives one number.
    pub(crate) async fn fetch_count(&self, sql: Sql) -> Result<i64, StoreError> {
        let rows = self.fetch(sql).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.get(0))?)
    }

    /// Runs a statement and gives the number of rows that it touched.
    pub(crate) async fn execute(&self, sql: Sql) -> Result<u64, StoreError> {
        Ok(self.answer(sql).await?.affected)
    }

    /// Runs a statement that a caller of this crate wrote. Gives its answer only if the transaction is still bound to the
    /// organization afterwards; if it is not, the transaction is over.
    pub(crate) async fn answer_within(&self, sql: Sql, organization: OrganizationId) -> Result<Answer, StoreError> {
        let mut held = self.held.lock().await;
        let (answers, result) = held.exchange(&self.shelf, &[sql, is_within(organization)]).await;
        result?;
        let mut answers = answers.into_iter();
        let answer = answers.next();
        held.require(answers.next())?;
        answer.ok_or_else(ended)
    }

    /// Changes a setting until the transaction ends.
    pub(crate) async fn set(&self, statement: String) -> Result<(), StoreError> {
        self.answer(Sql::once(statement)).await.map(drop)
    }

    /// Commits and gives the connection back.
    pub(crate) async fn commit(&self) -> Result<(), StoreError> {
        self.commit_with(Vec::new()).await.map_err(|(error, _)| error)
    }

    /// As [`commit`](Self::commit), with statements before it in the same round trip. When one fails, the server passes over the commit.
    /// The error comes with whether the commit was reached, as far as the answers tell.
    pub(crate) async fn commit_with(&self, last: Vec<Sql>) -> Result<(), (StoreError, bool)> {
        let statements: Vec<Sql> = last.into_iter().chain([Sql::new("COMMIT")]).collect();
        let mut held = self.held.lock().await;
        // Refused after a failed statement, where the server would answer with a rollback.
        let (answers, result) = held.exchange(&self.shelf, &statements).await;
        result.map_err(|error| (error, answers.len() + 1 >= statements.len()))?;
        // Only now: a commit that was cut off leaves the connection to the guard.
        if let Some(lease) = held.lease.take() {
            lease.put_back();
        }
        Ok(())
    }
}

/// Sends these statements in one round trip. Gives the answers to those before the one that failed.
async fn round_trip(lease: &mut Lease, commands: &[Command<'_>]) -> (Vec<Answer>, Result<(), Error>) {
    // Without their texts: what a statement narrows by may be anybody's data.
    let span = tracing::debug_span!("db.round_trip", statements = commands.len());
    lease.try_exchange(commands).instrument(span).await
}

/// Whether the transaction is bound to the organization.
fn is_within(organization: OrganizationId) -> Sql {
    let mut sql = Sql::new("SELECT coalesce(current_setting('app.current_organization_id', true) = ");
    sql.bind(organization.as_uuid().to_string()).push(", false)");
    sql
}

/// A scope is used after its end, or after a statement in it was given up. The types make the first impossible; the error is
/// there so that nothing has to panic.
fn ended() -> StoreError {
    StoreError::Database(Error::Closed)
}

/// Ends the transaction, if it has not ended: at once when others may wait for its locks, otherwise when the connection is
/// used next.
impl Drop for Connection {
    fn drop(&mut self) {
        let held = self.held.get_mut();
        let Some(lease) = held.lease.take() else { return };
        if !lease.is_open() {
            // Nothing was sent, or it has ended by itself.
            return lease.put_back();
        }
        // What lingers began as a transaction that reads, or the next one could not begin as it ends.
        if self.keeps == Keeps::Nothing && held.is_settled {
            return lease.linger();
        }
        // Without a runtime nothing can be sent. The process is ending, and the server rolls back when the socket closes.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(runtime.spawn(lease.roll_back()));
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Connection").field("keeps", &self.keeps).finish_non_exhaustive()
    }
}
