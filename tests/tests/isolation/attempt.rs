//! An attempt on the database: with a role, in a context, in a transaction that is rolled back.

use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tenantry_devdb::Role;
use tenantry_tests::TestApp;
use uuid::Uuid;

/// The value of the setting that names the organization.
#[derive(Debug, Clone)]
pub(crate) struct Context {
    pub(crate) name: &'static str,
    /// `None` if nothing has ever been set in the session.
    value: Option<String>,
}

impl Context {
    pub(crate) fn of(name: &'static str, organization: Uuid) -> Self {
        Self { name, value: Some(organization.to_string()) }
    }

    /// The rows' own organization, another one, none in three ways, one that does not exist, and an invalid id.
    pub(crate) fn all(own: Uuid, other: Uuid) -> Vec<Self> {
        let text = |name, value: &str| Self { name, value: Some(value.to_owned()) };
        vec![
            Self::of("own", own),
            Self::of("other", other),
            Self { name: "unset", value: None },
            text("empty", ""),
            text("unknown", "01890000-0000-7000-8000-000000000000"),
            text("garbage", "' OR true --"),
            text("garbage", &format!("{own} {other}")),
        ]
    }

    pub(crate) fn is_garbage(&self) -> bool {
        self.name == "garbage"
    }
}

/// How a statement is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    Plainly,
    CopyingOut,
    CopyingIn,
}

/// The result of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It ran and saw or wrote this many rows.
    Rows(i64),
    /// The role has no privilege for it.
    Denied,
    /// A policy refused it.
    Policy,
    /// The setting is not an id.
    Malformed,
    /// `COPY FROM` is refused for roles that are subject to policies.
    NoCopyIn,
    /// This key refused it.
    Key(String),
    Other(String),
}

impl Outcome {
    fn of_error(error: &sqlx::Error) -> Self {
        let Some(error) = error.as_database_error() else { return Self::Other(error.to_string()) };
        let (code, message) = (error.code().unwrap_or_default(), error.message());
        match code.as_ref() {
            "42501" if message.contains("row-level security") => Self::Policy,
            "42501" if message.contains("permission denied") => Self::Denied,
            "22P02" if message.contains("type uuid") => Self::Malformed,
            "0A000" if message.contains("COPY FROM not supported with row-level security") => Self::NoCopyIn,
            "23503" => Self::Key(error.constraint().unwrap_or_default().to_owned()),
            _ => Self::Other(format!("{code} {message}")),
        }
    }
}

/// Runs attempts in two sessions: one that has had contexts before, like a pooled connection, and one that never had
/// any.
pub(crate) struct Attempts {
    url: String,
    used: PgConnection,
    fresh: PgConnection,
    pub(crate) made: usize,
}

impl Attempts {
    pub(crate) async fn start(app: &TestApp) -> Self {
        // Set up by the superuser, attempted with the role of `SET LOCAL ROLE`: policies and grants apply to that role.
        let url = app.urls().socket_url(Role::Superuser);
        let (used, fresh) = (connect(&url).await, connect(&url).await);
        Self { url, used, fresh, made: 0 }
    }

    /// Attempts a statement as `role`, after the superuser has run `arrange` in the same transaction.
    pub(crate) async fn make(
        &mut self,
        context: &Context,
        role: &str,
        arrange: &str,
        statement: &str,
        sent: Sent,
    ) -> Outcome {
        self.made += 1;
        let connection = if context.value.is_none() { &mut self.fresh } else { &mut self.used };
        let enter = context.value.as_ref().map_or_else(String::new, |value| {
            format!("SET LOCAL app.current_organization_id = '{}';", value.replace('\'', "''"))
        });
        let begin = format!("BEGIN; {arrange}; {enter} SET LOCAL ROLE {role}");
        execute(connection, &begin).await.unwrap_or_else(|error| panic!("{error}: {begin}"));
        let done = match sent {
            Sent::Plainly => execute(connection, statement).await,
            Sent::CopyingOut => copy_out(connection, statement).await,
            Sent::CopyingIn => copy_in(connection, statement).await,
        };
        match done {
            // An error leaves the end of a `COPY` unread.
            Err(_) if sent == Sent::CopyingOut => *connection = connect(&self.url).await,
            _ => drop(execute(connection, "ROLLBACK").await.unwrap()),
        }
        done.unwrap_or_else(|error| Outcome::of_error(&error))
    }

    /// Asserts that nothing was ever set in the session without contexts.
    pub(crate) async fn expect_unset(&mut self) {
        let query = "SELECT current_setting('app.current_organization_id', true) IS NULL";
        let unset: bool = sqlx::query_scalar(query).fetch_one(&mut self.fresh).await.unwrap();
        assert!(unset, "the session for the context `unset` has held one");
    }
}

async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.unwrap()
}

async fn execute(connection: &mut PgConnection, statements: &str) -> Result<Outcome, sqlx::Error> {
    let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(statements))).await?;
    Ok(Outcome::Rows(i64::try_from(done.rows_affected()).unwrap()))
}

async fn copy_out(connection: &mut PgConnection, statement: &str) -> Result<Outcome, sqlx::Error> {
    let mut stream = connection.copy_out_raw(statement).await?;
    let mut rows = 0;
    while let Some(bytes) = stream.try_next().await? {
        // A line break within a value is escaped.
        rows += bytes.split(|byte| *byte == b'\n').count() - 1;
    }
    Ok(Outcome::Rows(i64::try_from(rows).unwrap()))
}

async fn copy_in(connection: &mut PgConnection, statement: &str) -> Result<Outcome, sqlx::Error> {
    let copy = connection.copy_in_raw(statement).await?;
    Ok(Outcome::Rows(i64::try_from(copy.finish().await?).unwrap()))
}

/// Prints one line that summarises the attempts.
pub(crate) fn report(what: &str, took: Duration) {
    println!("isolation | {what} | {:.1} s", took.as_secs_f64());
}
