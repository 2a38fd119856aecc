//! A database for the tests of this crate.

use tenantry_devdb::DatabaseUrls;
use tenantry_devdb::shared::{Template, TestDatabase};
use tenantry_domain::{Clock, Identity, UserId};
use uuid::Uuid;

use crate::scope::{ReadScope, WriteScope};
use crate::{Store, StoreSettings};

/// Two organizations with two clients each, the second of which has an invoice.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    pub(crate) store: Store,
    pub(crate) one: Identity,
    pub(crate) two: Identity,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let key = format!("store {}", tenantry_migration::template_key());
        let migrate = async |empty: DatabaseUrls| tenantry_migration::up(&empty.owner_url()).await.map(drop);
        let template = Template::prepare(&key, migrate).await.unwrap();
        let database = TestDatabase::create(&template).await.unwrap();
        let mut settings = StoreSettings::new(database.app_url());
        // Scopes that follow one another share it.
        settings.max_connections = 1;
        let store = Store::connect(&settings, Clock::system()).await.unwrap();
        let identity = || Identity {
            user_id: UserId::from_uuid(Clock::system().new_id::<UserId>().as_uuid()),
            organization_id: Clock::system().new_id(),
        };
        let fixture = Self { database, store, one: identity(), two: identity() };
        for identity in [fixture.one, fixture.two] {
            let (id, user) = (identity.organization_id.as_uuid(), identity.user_id.as_uuid());
            fixture
                .psql(&format!(
                    "INSERT INTO auth.users (id, email, name) VALUES ('{user}', '{user}@example.test', 'Ada');
                     INSERT INTO app.organizations (id, name, slug) VALUES ('{id}', 'One', 'o-{id}');
                     INSERT INTO app.organization_members (organization_id, id, user_id, role)
                         VALUES ('{id}', '{user}', '{user}', 'owner');
                     INSERT INTO app.clients (organization_id, id, name, email, created_at) VALUES
                         ('{id}', '{id}', 'First', NULL, '2026-01-02 03:04:05.678901Z'),
                         ('{id}', '{user}', 'Second', 'a@b.test', now());
                     INSERT INTO app.invoices (organization_id, id, client_id, currency, issue_date, tax_rate, line_items)
                         VALUES ('{id}', '{id}', '{user}', 'EUR', '2026-02-03', 0.195, '[]')"
                ))
                .await;
        }
        fixture
    }

    pub(crate) async fn psql(&self, statements: &str) -> String {
        self.database.psql(statements).await.unwrap()
    }

    pub(crate) async fn read(&self) -> ReadScope {
        ReadScope::open(&self.store, self.one).await.unwrap()
    }

    pub(crate) async fn write(&self) -> WriteScope {
        WriteScope::open(&self.store, self.one).await.unwrap()
    }

    pub(crate) fn organization(&self) -> Uuid {
        self.one.organization_id.as_uuid()
    }

    /// Everything that the other organization has.
    pub(crate) async fn others(&self) -> String {
        let id = self.two.organization_id.as_uuid();
        self.psql(&format!(
            "SELECT * FROM app.clients WHERE organization_id = '{id}' ORDER BY id;
             SELECT * FROM app.invoices WHERE organization_id = '{id}' ORDER BY id"
        ))
        .await
    }
}
