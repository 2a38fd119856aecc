//! The pool of connections, and the one place where a transaction begins.

use std::fmt::Write as _;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use chrono::NaiveDate;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions, PgRow};
use sqlx::{ConnectOptions, Executor, Row};
use tenantry_domain::{Actor, Clock, Identity, OrganizationId, Role, UserId};

use crate::error::StoreError;
use crate::scope::{Connection, Keeps, Tenant};
use crate::shelf::Shelf;

/// The membership of $1 = organization, $2 = user, and the organization's date at $3. Prepared once per connection and run
/// in the round trip that opens a scope.
const PREPARE_MEMBERSHIP: &str = "PREPARE tenantry_membership (uuid, uuid, timestamptz) AS \
    SELECT m.role, ($3 AT TIME ZONE o.time_zone)::date AS today \
    FROM app.organization_members m \
    JOIN app.organizations o ON o.id = m.organization_id \
    JOIN auth.users u ON u.id = m.user_id \
    WHERE m.organization_id = $1 AND m.user_id = $2 \
      AND (u.banned_at IS NULL OR u.ban_expires_at <= $3)";

/// How the pool behaves.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The address of the database, with the role that the API runs as.
    pub url: String,
    /// The most connections that are open at a time.
    pub max_connections: u32,
    /// How long a scope waits for a connection before it is [`StoreError::Unavailable`].
    pub acquire_timeout: Duration,
    /// How long one statement may take.
    pub statement_timeout: Duration,
    /// How long a transaction may wait for a lock.
    pub lock_timeout: Duration,
    /// How long a transaction may be idle before the server ends it.
    pub idle_in_transaction_timeout: Duration,
}

impl StoreSettings {
    /// The defaults, for this address: 10 connections, 0.9 s for a connection (so that the refusal goes out within a second), 5 s for a statement.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            max_connections: 10,
            acquire_timeout: Duration::from_millis(900),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(4),
            idle_in_transaction_timeout: Duration::from_secs(15),
        }
    }
}

/// The database, as a role that row-level security binds. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    shelf: Arc<Shelf>,
    clock: Clock,
}

impl Store {
    /// Connects to the database.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when it cannot be reached, [`StoreError::Database`] when the address is malformed or the
    /// server refuses the role.
    pub async fn connect(settings: &StoreSettings, clock: Clock) -> Result<Self, StoreError> {
        let milliseconds = |duration: Duration| duration.as_millis().to_string();
        let options = PgConnectOptions::from_str(&settings.url)?
            .application_name("tenantry")
            .statement_cache_capacity(500)
            .options([
                ("statement_timeout", milliseconds(settings.statement_timeout)),
                ("lock_timeout", milliseconds(settings.lock_timeout)),
                ("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout)),
                ("timezone", "UTC".to_owned()),
                // Every statement names its organization and is served by an index whatever the values, so planning it anew
                // for each execution (which took most of the server's time) finds nothing better.
                ("plan_cache_mode", "force_generic_plan".to_owned()),
                ("jit", "off".to_owned()),
            ])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            // A scope's first statement finds out whether the connection is alive; a test before would be a round trip more.
            .test_before_acquire(false)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute(sqlx::raw_sql(PREPARE_MEMBERSHIP)).await?;
                    Ok(())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { shelf: Arc::new(Shelf::new(pool)), clock })
    }

    /// Tells the time and makes ids.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// How many connections are open, and how many of them are idle.
    pub fn connections(&self) -> (u32, usize) {
        self.shelf.counts()
    }

    /// Closes every connection, waiting for those in use.
    pub async fn close(&self) {
        self.shelf.close().await;
    }

    /// Begins a transaction of `identity`, and reads the membership.
    pub(crate) async fn open_tenant(
        &self,
        keeps: Keeps,
        identity: Identity,
    ) -> Result<(Connection, Tenant), StoreError> {
        let begin = match keeps {
            Keeps::Nothing => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Keeps::Locks => "BEGIN ISOLATION LEVEL READ COMMITTED",
        };
        let now = self.clock.now();
        let (organization, user) = (identity.organization_id.as_uuid(), identity.user_id.as_uuid());
        let mut statements = String::with_capacity(420);
        // The values are a `Uuid` and a `DateTime`, whose texts hold nothing that could end a literal. Writing to a String
        // cannot fail.
        let _ = write!(
            statements,
            "{begin};\
             SET LOCAL app.current_organization_id='{organization}';\
             SET LOCAL app.current_user_id='{user}';\
             EXECUTE tenantry_membership('{organization}','{user}','{}')",
            now.to_rfc3339(),
        );
        let (connection, rows) = self.open(&statements, keeps).await?;
        let Some(row) = rows.first() else { return Err(StoreError::NotAMember) };
        let (role, today) = membership(row)?;
        let actor = Actor { user_id: identity.user_id, organization_id: identity.organization_id, role };
        Ok((connection, Tenant { actor, today, clock: self.clock.clone() }))
    }

    /// Begins a transaction bound to an organization that does not exist yet.
    pub(crate) async fn open_founding(
        &self,
        user_id: UserId,
        organization_id: OrganizationId,
    ) -> Result<(Connection, Clock), StoreError> {
        let statements = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;\
             SET LOCAL app.current_organization_id='{}';\
             SET LOCAL app.current_user_id='{}'",
            organization_id.as_uuid(),
            user_id.as_uuid(),
        );
        let (connection, _) = self.open(&statements, Keeps::Locks).await?;
        Ok((connection, self.clock.clone()))
    }

    /// Begins a transaction of the system itself in an organization, and reads the organization's date.
    pub(crate) async fn open_system(
        &self,
        organization_id: OrganizationId,
    ) -> Result<(Connection, Tenant), StoreError> {
        let now = self.clock.now();
        let organization = organization_id.as_uuid();
        // As in `open_tenant`, neither value can end a literal.
        let statements = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED;\
             SET LOCAL app.current_organization_id='{organization}';\
             SELECT ('{}'::timestamptz AT TIME ZONE o.time_zone)::date FROM app.organizations o WHERE o.id='{organization}'",
            now.to_rfc3339(),
        );
        let (connection, rows) = self.open(&statements, Keeps::Locks).await?;
        let Some(row) = rows.first() else { return Err(StoreError::NotAMember) };
        let today: NaiveDate = row.try_get(0)?;
        let actor = Actor { user_id: UserId::from_uuid(uuid::Uuid::nil()), organization_id, role: Role::Owner };
        Ok((connection, Tenant { actor, today, clock: self.clock.clone() }))
    }

    /// Begins a transaction without an organization.
    pub(crate) async fn open_identity(&self, user_id: Option<UserId>) -> Result<(Connection, Clock), StoreError> {
        let mut statements = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY".to_owned();
        if let Some(user_id) = user_id {
            // A `Uuid` holds nothing that could end a literal. Writing to a String cannot fail.
            let _ = write!(statements, ";SET LOCAL app.current_user_id='{}'", user_id.as_uuid());
        }
        let (connection, _) = self.open(&statements, Keeps::Nothing).await?;
        Ok((connection, self.clock.clone()))
    }

    /// Begins a transaction of a background job, across organizations, whose statements may take `timeout`.
    pub(crate) async fn open_worker(&self, timeout: Option<Duration>) -> Result<(Connection, Clock), StoreError> {
        let mut statements = "BEGIN ISOLATION LEVEL READ COMMITTED".to_owned();
        if let Some(timeout) = timeout {
            // Writing to a String cannot fail.
            let _ = write!(statements, ";SET LOCAL statement_timeout={}", timeout.as_millis());
        }
        let (connection, _) = self.open(&statements, Keeps::Locks).await?;
        Ok((connection, self.clock.clone()))
    }

    /// Takes a connection and sends the opening statements. After a restart of the server every idle connection is dead; each
    /// is found out in turn and replaced, which costs no round trip.
    async fn open(&self, statements: &str, keeps: Keeps) -> Result<(Connection, Vec<PgRow>), StoreError> {
        let (mut left, _) = self.connections();
        loop {
            match Connection::open(self.shelf.take().await?, statements, keeps).await {
                Err(StoreError::Unavailable(_)) if left > 0 => left -= 1,
                result => return result,
            }
        }
    }

    /// Runs `question` outside of any tenant; for the checks at start.
    pub(crate) async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.shelf.take().await?;
        connection.end().await?;
        question(&mut connection).await
    }
}

/// Reads the row of `tenantry_membership`, which comes as text because the statement was not prepared by the driver.
fn membership(row: &PgRow) -> Result<(Role, NaiveDate), StoreError> {
    let corrupt = |column| StoreError::Corrupt { table: "app.organization_members", column };
    let role: &str = row.try_get(0)?;
    let role = role.parse().map_err(|_| corrupt(0))?;
    let today: NaiveDate = row.try_get(1)?;
    Ok((role, today))
}
