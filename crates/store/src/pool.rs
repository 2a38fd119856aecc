//! The store: the settings of its pool, and the only place where a transaction begins.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::organization::local_date;
use tenantry_domain::{Actor, Clock, Identity, OrganizationId, Role, UserId};
use tenantry_wire::{Address, Rows};

use crate::error::StoreError;
use crate::membership::{Membership, Memberships, Presumed};
use crate::scope::{Begin, Connection, Opening, Tenant};
use crate::shelf::{CLIENT_CHECK, Shelf};
use crate::sql::Sql;

/// The minimum timeout of the first connection. No request is waiting yet.
const FIRST_CONNECTION: Duration = Duration::from_secs(5);

/// The settings of the pool.
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
    /// The defaults, for this address: 10 connections, 0.9 s for a connection (so that the refusal is sent within a
    /// second), 5 s for a statement.
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

/// The database, with a role that is subject to row-level security. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    shelf: Arc<Shelf>,
    memberships: Arc<Memberships>,
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
        let address = Begin::DEFAULTS
            .into_iter()
            .fold(Address::from_str(&settings.url)?, |address, (name, value)| address.setting(name, value));
        let address = address
            .named("tenantry")
            .setting("statement_timeout", milliseconds(settings.statement_timeout))
            .setting("lock_timeout", milliseconds(settings.lock_timeout))
            .setting("idle_in_transaction_session_timeout", milliseconds(settings.idle_in_transaction_timeout))
            // When a connection is closed, what was asked for on it ends as well.
            .setting("client_connection_check_interval", milliseconds(CLIENT_CHECK))
            .setting("timezone", "UTC")
            // Every statement names its organization and uses an index whatever the values are. Planning it again for
            // each execution took most of the server's time and found no better plan.
            .setting("plan_cache_mode", "force_generic_plan")
            // Such a plan is made for an organization of average size. Going through all that an index has of it is quick
            // there, and takes very long in a large one, so an entry counts as a page. Reading a whole table, with the rows
            // of all organizations, is never right.
            .setting("cpu_index_tuple_cost", "1")
            .setting("enable_seqscan", "off")
            .setting("jit", "off");
        let shelf = Arc::new(Shelf::new(address, settings.max_connections, settings.acquire_timeout));
        // The first connection shows whether the address is right.
        shelf.take_within(settings.acquire_timeout.max(FIRST_CONNECTION)).await?.put_back();
        Ok(Self { shelf, memberships: Arc::default(), clock })
    }

    /// The source of times and ids.
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
        begin: Begin,
        identity: Identity,
    ) -> Result<(Connection, Tenant), StoreError> {
        let now = self.clock.now();
        let (connection, rows) = Connection::open(&self.shelf, Self::opening(begin, identity, now)).await?;
        let found = Membership::read(&rows, now)?;
        self.memberships.set(identity, found);
        let membership = found.ok_or(StoreError::NotAMember)?;
        Ok((connection, self.tenant(identity, membership)))
    }

    /// As [`open_tenant`](Self::open_tenant), for reads of a user whose membership is cached. The transaction begins in
    /// the round trip of its first statement, which is built from the cached membership. The membership is read in the
    /// same round trip. If it differs, the statement's result is discarded and the caller gets
    /// [`StoreError::MembershipChanged`].
    ///
    /// `notice` is told whether the user is a member: first according to the cache, then according to the database.
    pub(crate) async fn prepare_tenant(
        &self,
        identity: Identity,
        notice: Box<dyn Fn(bool) + Send + Sync>,
    ) -> Result<(Connection, Tenant), StoreError> {
        let Some(remembered) = self.memberships.get(identity) else {
            let opened = self.open_tenant(Begin::Read, identity).await?;
            notice(true);
            return Ok(opened);
        };
        notice(true);
        let presumed = Presumed::new(&self.memberships, identity);
        let now = self.clock.now();
        let check = move |rows: &Rows| {
            let found = Membership::read(rows, now)?;
            presumed.found(found);
            notice(found.is_some());
            match found {
                Some(found) if found == remembered => Ok(()),
                Some(_) => Err(StoreError::MembershipChanged),
                None => Err(StoreError::NotAMember),
            }
        };
        let opening = Self::opening(Begin::Read, identity, now);
        let connection = Connection::prepare(&self.shelf, opening, Box::new(check)).await?;
        Ok((connection, self.tenant(identity, remembered)))
    }

    /// The statements that begin a transaction of `identity` and read the membership.
    fn opening(begin: Begin, identity: Identity, now: DateTime<Utc>) -> Opening {
        let mut settings = vec![set_organization(identity.organization_id)];
        // The only policy that uses the user is for users without an organization. So reads do not set the user: it
        // would cost a list three per cent of its time.
        if begin == Begin::Write {
            settings.push(set_user(identity.user_id));
        }
        Opening { begin, settings, question: Some(Membership::question(identity, now)) }
    }

    fn tenant(&self, identity: Identity, membership: Membership) -> Tenant {
        let Membership { role, today } = membership;
        let actor = Actor { user_id: identity.user_id, organization_id: identity.organization_id, role };
        Tenant { actor, today, clock: self.clock.clone() }
    }

    /// Begins a transaction bound to an organization that does not exist yet.
    pub(crate) async fn open_founding(
        &self,
        user_id: UserId,
        organization_id: OrganizationId,
    ) -> Result<(Connection, Clock), StoreError> {
        self.open_writing(vec![set_organization(organization_id), set_user(user_id)]).await
    }

    /// Begins a transaction of the system itself in an organization, and reads the organization's time zone.
    pub(crate) async fn open_system(
        &self,
        organization_id: OrganizationId,
    ) -> Result<(Connection, Tenant), StoreError> {
        let mut question = Sql::new("SELECT o.time_zone FROM app.organizations o WHERE o.id = ");
        question.bind(organization_id.as_uuid());
        let settings = vec![set_organization(organization_id)];
        let opening = Opening { begin: Begin::Write, settings, question: Some(question) };
        let (connection, rows) = Connection::open(&self.shelf, opening).await?;
        let Some(row) = rows.first() else { return Err(StoreError::NotAMember) };
        let actor = Actor { user_id: UserId::from_uuid(uuid::Uuid::nil()), organization_id, role: Role::Owner };
        let today = local_date(row.get(0)?, self.clock.now());
        Ok((connection, Tenant { actor, today, clock: self.clock.clone() }))
    }

    /// Begins a transaction without an organization.
    pub(crate) async fn open_identity(&self, user_id: Option<UserId>) -> Result<(Connection, Clock), StoreError> {
        let settings = user_id.map(set_user).into_iter().collect();
        let opening = Opening { begin: Begin::Read, settings, question: None };
        let (connection, _) = Connection::open(&self.shelf, opening).await?;
        Ok((connection, self.clock.clone()))
    }

    /// Begins a transaction of a background job, across organizations, whose statements may take `timeout`.
    pub(crate) async fn open_worker(&self, timeout: Option<Duration>) -> Result<(Connection, Clock), StoreError> {
        let set_timeout = |timeout: Duration| format!("SET LOCAL statement_timeout={}", timeout.as_millis());
        self.open_writing(timeout.map(set_timeout).into_iter().collect()).await
    }

    async fn open_writing(&self, settings: Vec<String>) -> Result<(Connection, Clock), StoreError> {
        let opening = Opening { begin: Begin::Write, settings, question: None };
        let (connection, _) = Connection::open(&self.shelf, opening).await?;
        Ok((connection, self.clock.clone()))
    }

    /// Checks that the database answers, outside any tenant.
    pub(crate) async fn ping(&self) -> Result<(), StoreError> {
        let mut lease = self.shelf.take().await?;
        lease.end().await?;
        Sql::new("SELECT 1").run(&mut lease).await?;
        lease.put_back();
        Ok(())
    }
}

/// Binds the transaction to an organization. `SET` takes no parameters; the text of a UUID contains nothing that could
/// end the literal.
fn set_organization(id: OrganizationId) -> String {
    format!("SET LOCAL app.current_organization_id='{}'", id.as_uuid())
}

/// Binds the transaction to a user, as [`set_organization`] binds it to an organization.
fn set_user(id: UserId) -> String {
    format!("SET LOCAL app.current_user_id='{}'", id.as_uuid())
}
