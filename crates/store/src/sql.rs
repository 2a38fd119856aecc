//! A statement in the making: its text and its bound parameters. Values never become part of the text.

use tenantry_wire::{Answer, Bound, Command, Connection, Error, Parameters};
use uuid::Uuid;

use crate::error::StoreError;

/// A statement whose text is made of literals and whose values are bound.
#[derive(Debug)]
pub struct Sql {
    text: String,
    parameters: Parameters,
    failed: Option<Error>,
    /// Whether it may come again.
    is_kept: bool,
    /// Whether it looks at every row, and not at the first ones of an order.
    is_count: bool,
}

impl Sql {
    /// Starts with this text.
    pub(crate) fn new(text: &str) -> Self {
        let mut owned = String::with_capacity(text.len() + 512);
        owned.push_str(text);
        Self { text: owned, parameters: Parameters::default(), failed: None, is_kept: true, is_count: false }
    }

    /// A whole statement without values, of which nothing is read, and which is not likely to come again.
    pub(crate) fn once(text: String) -> Self {
        Self { text, parameters: Parameters::default(), failed: None, is_kept: false, is_count: false }
    }

    /// Starts a statement that counts rows.
    pub(crate) fn count(text: &str) -> Self {
        Self { is_count: true, ..Self::new(text) }
    }

    /// Whether the statement looks at every row, and not at the first ones of an order.
    pub(crate) fn is_count(&self) -> bool {
        self.is_count
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and appends its placeholder.
    pub(crate) fn bind<T: Bound>(&mut self, value: T) -> &mut Self {
        let placeholder = self.value(value);
        self.push_placeholder(placeholder)
    }

    /// Binds a value without writing its placeholder; gives the number to write, any number of times, with
    /// [`push_placeholder`](Self::push_placeholder).
    #[expect(clippy::needless_pass_by_value, reason = "most are ids and literals; a `&` before each would say nothing")]
    pub(crate) fn value<T: Bound>(&mut self, value: T) -> usize {
        if let Err(error) = self.parameters.push(&value) {
            self.failed.get_or_insert(error);
        }
        self.parameters.len()
    }

    /// Notes that a value cannot be bound, for a reason; the statement will fail without being sent.
    pub(crate) fn refuse(&mut self, reason: &str) {
        self.failed.get_or_insert_with(|| Error::encode(reason));
    }

    /// Appends the placeholder of a value that is already bound.
    pub(crate) fn push_placeholder(&mut self, number: usize) -> &mut Self {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(self.text, "${number}");
        self
    }

    /// Appends what begins a statement about many keys: a lateral part follows, which finds the rows of `wanted.id`, and then
    /// `) found`.
    ///
    /// `= ANY(…)` would be shorter. But a statement is planned once for all organizations, and in those with few rows it is
    /// quicker to read them all, which in the one with many takes a hundred times as long. What is in the lateral part must
    /// sort, group, limit or lock, or PostgreSQL turns it into a join, which it plans in the same way.
    pub(crate) fn for_each(&mut self, keys: Vec<Uuid>) -> &mut Self {
        self.push(" FROM unnest(").bind(keys).push(") AS wanted (id) CROSS JOIN LATERAL (")
    }

    /// Appends ` AND column = ANY(…)` ; no row has one of no values.
    pub(crate) fn narrow_to_any<T>(&mut self, column: &str, values: &[T], text: impl Fn(&T) -> &'static str) {
        match values {
            [] => {
                self.push(" AND false");
            }
            // One value as an equality, so that an index on (…, column, sort key) keeps its order.
            [value] => {
                self.push(" AND ").push(column).push(" = ").bind(text(value));
            }
            values => {
                let texts: Vec<&'static str> = values.iter().map(text).collect();
                self.push(" AND ").push(column).push(" = ANY(").bind(texts).push(")");
            }
        }
    }

    /// The statement, as it is sent.
    ///
    /// # Errors
    /// When one of the values could not be bound.
    pub(crate) fn command(&self) -> Result<Command<'_>, StoreError> {
        match &self.failed {
            Some(error) => Err(error.clone().into()),
            None if self.is_kept => Ok(Command::prepared(&self.text, &self.parameters)),
            None => Ok(Command::once(&self.text)),
        }
    }

    /// Runs the statement on a connection that is no scope's, and gives its answer.
    pub(crate) async fn run(&self, connection: &mut Connection) -> Result<Answer, StoreError> {
        let answers = connection.exchange(&[self.command()?]).await?;
        Ok(answers.into_iter().next().ok_or(Error::NoRow)?)
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
