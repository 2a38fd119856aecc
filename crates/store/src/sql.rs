//! A statement in the making: its text and its bound parameters. Values never become part of the text.

use sqlx::postgres::{PgArguments, PgRow};
use sqlx::{Arguments, AssertSqlSafe, Encode, PgConnection, Postgres, Type};

use crate::error::StoreError;

/// A statement whose text is made of literals and whose values are bound.
pub struct Sql {
    text: String,
    arguments: PgArguments,
    bound: usize,
    failed: Option<sqlx::Error>,
}

impl Sql {
    /// Starts with this text.
    pub(crate) fn new(text: &str) -> Self {
        let mut owned = String::with_capacity(text.len() + 512);
        owned.push_str(text);
        Self { text: owned, arguments: PgArguments::default(), bound: 0, failed: None }
    }

    /// A statement that a builder made.
    pub(crate) fn from_parts(text: String, arguments: PgArguments) -> Self {
        let bound = arguments.len();
        Self { text, arguments, bound, failed: None }
    }

    /// Appends text.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and appends its placeholder.
    pub(crate) fn bind<'v, T>(&mut self, value: T) -> &mut Self
    where
        T: Encode<'v, Postgres> + Type<Postgres>,
    {
        let placeholder = self.value(value);
        self.push_placeholder(placeholder)
    }

    /// Binds a value without writing its placeholder; gives the number to write, any number of times, with
    /// [`push_placeholder`](Self::push_placeholder).
    pub(crate) fn value<'v, T>(&mut self, value: T) -> usize
    where
        T: Encode<'v, Postgres> + Type<Postgres>,
    {
        if let Err(error) = self.arguments.add(value) {
            self.failed.get_or_insert(sqlx::Error::Encode(error));
        }
        self.bound += 1;
        self.bound
    }

    /// Appends the placeholder of a value that is already bound.
    pub(crate) fn push_placeholder(&mut self, number: usize) -> &mut Self {
        use std::fmt::Write as _;
        // Writing to a String cannot fail.
        let _ = write!(self.text, "${number}");
        self
    }

    /// Appends ` AND column = ANY(…)` unless there are no values, which means any.
    pub(crate) fn narrow_to_any<T>(&mut self, column: &str, values: &[T], text: impl Fn(&T) -> &'static str) {
        match values {
            [] => {}
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

    /// Appends the conditions that keep `column` at or above `from` and below `before`.
    pub(crate) fn narrow_to_range<'v, T>(&mut self, column: &str, from: Option<T>, before: Option<T>)
    where
        T: Encode<'v, Postgres> + Type<Postgres>,
    {
        if let Some(from) = from {
            self.push(" AND ").push(column).push(" >= ").bind(from);
        }
        if let Some(before) = before {
            self.push(" AND ").push(column).push(" < ").bind(before);
        }
    }

    /// Appends ` AND column = …` if there is an id.
    pub(crate) fn narrow_to_id<I: tenantry_domain::Id>(&mut self, column: &str, id: Option<I>) {
        if let Some(id) = id {
            self.push(" AND ").push(column).push(" = ").bind(id.as_uuid());
        }
    }

    /// Runs the statement and gives its rows.
    pub(crate) async fn fetch(self, connection: &mut PgConnection) -> Result<Vec<PgRow>, StoreError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(self.text), self.arguments);
        Ok(query.fetch_all(connection).await?)
    }

    /// Runs the statement and gives the number of rows that it touched.
    pub(crate) async fn execute(self, connection: &mut PgConnection) -> Result<u64, StoreError> {
        if let Some(error) = self.failed {
            return Err(error.into());
        }
        let query = sqlx::query_with::<Postgres, _>(AssertSqlSafe(self.text), self.arguments);
        Ok(query.execute(connection).await?.rows_affected())
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
