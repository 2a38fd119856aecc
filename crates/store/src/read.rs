//! Reads as values: statements that were not sent yet, and what becomes of their answers.
//!
//! Awaiting a [`Read`] sends it alone. [`Read::all`] joins several into one, and sends their statements in one round trip.

use std::fmt;
use std::future::IntoFuture;
use std::vec;

use futures_util::future::BoxFuture;
use tenantry_wire::{Answer, Error, Rows};

use crate::error::StoreError;
use crate::scope::{Connection, Scope, Tenant};
use crate::sql::Sql;

/// A read in a scope: a `T`, or an `E` that says why there is none.
///
/// It gives no value before the scope is open, even if it has no statement: until then it is unknown whether the caller belongs to the
/// organization.
#[must_use = "a read does nothing until it is awaited"]
pub struct Read<'s, T, E = StoreError> {
    connection: &'s Connection,
    statements: Vec<Sql>,
    finish: Finish<'s, T, E>,
}

/// Takes one answer for each statement of the read, also after an error, so that the next read finds its own answers.
type Finish<'s, T, E> = Box<dyn FnOnce(&mut Answers) -> Step<'s, T, E> + Send + 's>;

/// What a read comes to after a round trip.
enum Step<'s, T, E> {
    Done(Result<T, E>),
    /// It needs another one.
    Next(Read<'s, T, E>),
}

/// The answers of one round trip, in the order of its statements.
pub(crate) struct Answers {
    given: vec::IntoIter<Answer>,
    /// What the first statement without an answer failed with. Those behind it were not run.
    failed: Option<StoreError>,
}

impl Answers {
    pub(crate) fn new(given: Vec<Answer>, result: Result<(), StoreError>) -> Self {
        Self { given: given.into_iter(), failed: result.err() }
    }

    /// The answer to the next statement.
    pub(crate) fn next(&mut self) -> Result<Answer, StoreError> {
        let missing = || self.failed.clone().unwrap_or(StoreError::Database(Error::Closed));
        self.given.next().ok_or_else(missing)
    }

    /// Whether every statement was answered.
    pub(crate) fn all_given(&self) -> Result<(), StoreError> {
        self.failed.clone().map_or(Ok(()), Err)
    }
}

impl<'s, T: Send + 's> Read<'s, T> {
    /// Reads the rows of one statement.
    pub(crate) fn rows(
        scope: &'s impl Scope,
        sql: Sql,
        decode: impl FnOnce(&'s Tenant, &Rows) -> Result<T, StoreError> + Send + 's,
    ) -> Self {
        let tenant = scope.tenant();
        Self::new(scope.connection(), vec![sql], |answers| {
            Step::Done(answers.next().and_then(|answer| decode(tenant, &answer.rows)))
        })
    }

    /// A read that came to its end before a statement was made.
    pub(crate) fn settled(scope: &'s impl Scope, result: Result<T, StoreError>) -> Self {
        Self::new(scope.connection(), Vec::new(), |answers| Step::Done(answers.all_given().and(result)))
    }

    /// What is known without a statement.
    pub fn ready(scope: &'s impl Scope, value: T) -> Self {
        Self::settled(scope, Ok(value))
    }
}

impl<'s, T: Send + 's, E: Send + 's> Read<'s, T, E> {
    fn new(
        connection: &'s Connection,
        statements: Vec<Sql>,
        finish: impl FnOnce(&mut Answers) -> Step<'s, T, E> + Send + 's,
    ) -> Self {
        Self { connection, statements, finish: Box::new(finish) }
    }

    /// Does something with what was read, or with the reason why it was not.
    pub fn then<U: Send + 's, F: Send + 's>(
        self,
        go_on: impl FnOnce(Result<T, E>) -> Result<U, F> + Send + 's,
    ) -> Read<'s, U, F> {
        let finish = self.finish;
        Read::new(self.connection, self.statements, |answers| match finish(answers) {
            Step::Done(result) => Step::Done(go_on(result)),
            Step::Next(read) => Step::Next(read.then(go_on)),
        })
    }

    /// Makes something else of what was read.
    pub fn map<U: Send + 's>(self, make: impl FnOnce(T) -> U + Send + 's) -> Read<'s, U, E> {
        self.then(|result| result.map(make))
    }

    /// Goes on with another read of the same scope, in a further round trip if that has a statement.
    pub fn and_then<U: Send + 's>(self, next: impl FnOnce(T) -> Read<'s, U, E> + Send + 's) -> Read<'s, U, E> {
        let finish = self.finish;
        Read::new(self.connection, self.statements, |answers| match finish(answers) {
            Step::Done(Ok(value)) => match next(value) {
                // The scope is open, or there would be no value.
                read if read.statements.is_empty() => (read.finish)(&mut Answers::new(Vec::new(), Ok(()))),
                read => Step::Next(read),
            },
            Step::Done(Err(error)) => Step::Done(Err(error)),
            Step::Next(read) => Step::Next(read.and_then(next)),
        })
    }

    /// Several reads of one scope as one: each comes to its own result, in their order. When a statement fails, those behind it fail
    /// with the same error; when a value cannot be sent, nothing is, and all fail.
    pub fn all(scope: &'s impl Scope, reads: Vec<Self>) -> Read<'s, Vec<Result<T, E>>> {
        Self::all_of(scope.connection(), reads.into_iter().map(Step::Next).collect())
    }

    fn all_of(connection: &'s Connection, mut parts: Vec<Step<'s, T, E>>) -> Read<'s, Vec<Result<T, E>>> {
        let mut statements = Vec::with_capacity(parts.len());
        for part in &mut parts {
            if let Step::Next(read) = part {
                statements.append(&mut read.statements);
            }
        }
        Read::new(connection, statements, move |answers| {
            if parts.is_empty() {
                return Step::Done(answers.all_given().map(|()| Vec::new()));
            }
            let mut results = Vec::with_capacity(parts.len());
            let mut step = |part| match part {
                Step::Next(read) => (read.finish)(answers),
                done @ Step::Done(_) => done,
            };
            let parts: Vec<_> = parts.into_iter().map(&mut step).collect();
            if parts.iter().any(|part| matches!(part, Step::Next(_))) {
                return Step::Next(Self::all_of(connection, parts));
            }
            for part in parts {
                if let Step::Done(result) = part {
                    results.push(result);
                }
            }
            Step::Done(Ok(results))
        })
    }

    async fn run(self) -> Result<T, E> {
        let mut read = self;
        loop {
            let mut answers = read.connection.exchange(&read.statements).await;
            match (read.finish)(&mut answers) {
                Step::Done(result) => return result,
                Step::Next(next) => read = next,
            }
        }
    }
}

impl<'s, T: Send + 's, E: Send + 's> IntoFuture for Read<'s, T, E> {
    type Output = Result<T, E>;
    type IntoFuture = BoxFuture<'s, Result<T, E>>;

    /// Sends the read in a round trip of its own.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T, E> fmt::Debug for Read<'_, T, E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Read").field("statements", &self.statements.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
