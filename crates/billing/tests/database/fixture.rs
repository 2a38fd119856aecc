//! A migrated database, organizations in it, and shared helpers.

use std::time::Duration;

use sqlx::postgres::{PgPool, PgPoolOptions};
use tenantry_billing::{Billing, BillingError, BillingOptions};
use tenantry_devdb::shared::{Template, TestDatabase};
use tenantry_domain::client::NewClient;
use tenantry_domain::feature::{Feature, LimitReached};
use tenantry_domain::noun::New as _;
use tenantry_domain::project::NewProject;
use tenantry_domain::{Clock, Identity, OrganizationId, UserId, WorkspaceId};
use tenantry_store::{ReadScope, Store, StoreSettings, WriteScope, in_write_scope, insert, origin};
use uuid::Uuid;

/// The database of one test.
pub(crate) struct Fixture {
    pub(crate) database: TestDatabase,
    /// The superuser, with which the tests arrange and check things directly.
    pub(crate) admin: PgPool,
    pub(crate) store: Store,
    pub(crate) billing: Billing,
}

/// An organization with one owner and one workspace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tenant {
    pub(crate) identity: Identity,
    pub(crate) workspace: WorkspaceId,
}

impl Tenant {
    pub(crate) fn id(&self) -> Uuid {
        self.identity.organization_id.as_uuid()
    }

    /// All ids of the fixture are derived from one, so that another process needs only that one.
    pub(crate) fn from_id(id: Uuid) -> Self {
        Self {
            identity: Identity { user_id: UserId::from_uuid(id), organization_id: OrganizationId::from_uuid(id) },
            workspace: WorkspaceId::from_uuid(id),
        }
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        Self::with_clock(Clock::system()).await
    }

    pub(crate) async fn with_clock(clock: Clock) -> Self {
        let key = format!("billing {}", tenantry_migration::template_key());
        let migrate =
            async |empty: tenantry_devdb::DatabaseUrls| tenantry_migration::up(&empty.owner_url()).await.map(drop);
        let template = Template::prepare(&key, migrate).await.unwrap();
        let database = TestDatabase::create(&template).await.unwrap();
        let admin = PgPoolOptions::new().max_connections(2).connect(&database.superuser_url()).await.unwrap();
        let store = connect(&database.app_url(), clock).await;
        Self { database, admin, store, billing: Billing::default() }
    }

    /// A new organization on this plan.
    pub(crate) async fn tenant(&self, plan: &str) -> Tenant {
        let id = Clock::system().new_id::<OrganizationId>().as_uuid();
        let tenant = Tenant::from_id(id);
        let script = format!(
            "INSERT INTO auth.users (id, email, name) VALUES ('{id}', '{id}@example.test', 'Ada');
             INSERT INTO app.organizations (id, name, slug) VALUES ('{id}', 'One', 'o-{id}');
             INSERT INTO app.organization_members (organization_id, id, user_id, role)
                 VALUES ('{id}', '{id}', '{id}', 'owner');
             INSERT INTO app.workspaces (organization_id, id, name, is_default) VALUES ('{id}', '{id}', 'Main', true);
             INSERT INTO billing.organization_billing (organization_id, plan) VALUES ('{id}', '{plan}');"
        );
        self.run(&script).await;
        tenant
    }

    /// Runs statements as the superuser.
    pub(crate) async fn run(&self, script: &str) {
        sqlx::raw_sql(sqlx::AssertSqlSafe(script)).execute(&self.admin).await.unwrap();
    }

    /// Takes a lock as the superuser, until the result is dropped.
    pub(crate) async fn hold(&self, lock: &'static str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut transaction = self.admin.begin().await.unwrap();
        sqlx::Executor::execute(&mut *transaction, sqlx::raw_sql(lock)).await.unwrap();
        transaction
    }

    /// One number, as the superuser sees it.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(sqlx::AssertSqlSafe(query)).fetch_one(&self.admin).await.unwrap()
    }

    pub(crate) async fn set_limit(&self, tenant: Tenant, feature: Feature, limit: Option<i64>) {
        let limit = limit.map_or_else(|| "NULL".to_owned(), |limit| limit.to_string());
        self.run(&format!(
            "INSERT INTO billing.feature_overrides (organization_id, feature, limit_value)
                 VALUES ('{}', '{feature}', {limit})
                 ON CONFLICT (organization_id, feature) DO UPDATE SET limit_value = excluded.limit_value",
            tenant.id()
        ))
        .await;
    }

    pub(crate) async fn read(&self, tenant: Tenant) -> ReadScope {
        ReadScope::open(&self.store, tenant.identity).await.unwrap()
    }

    pub(crate) async fn write(&self, tenant: Tenant) -> WriteScope {
        WriteScope::open(&self.store, tenant.identity).await.unwrap()
    }

    pub(crate) async fn create_client(&self, tenant: Tenant) -> Result<(), BillingError> {
        create(&self.store, &self.billing, tenant, Feature::ActiveClients).await
    }
}

pub(crate) async fn connect(url: &str, clock: Clock) -> Store {
    let mut settings = StoreSettings::new(url);
    // Hundreds of attempts wait for ten connections here.
    settings.acquire_timeout = Duration::from_mins(1);
    Store::connect(&settings, clock).await.unwrap()
}

/// Adds one unit of the feature as a service would: check, write, commit.
pub(crate) async fn create(
    store: &Store,
    billing: &Billing,
    tenant: Tenant,
    feature: Feature,
) -> Result<(), BillingError> {
    in_write_scope(store, tenant.identity, |scope| {
        let billing = billing.clone();
        Box::pin(async move {
            match feature {
                Feature::ActiveClients => {
                    billing.check_level(scope, feature, 1).await?;
                    let new = NewClient { name: "Somebody".into(), ..NewClient::default() };
                    insert(scope, &new.into_row(origin(scope)).unwrap()).await?;
                }
                Feature::Projects => {
                    billing.check_level(scope, feature, 1).await?;
                    let new = NewProject {
                        name: "Something".into(),
                        workspace_id: Some(tenant.workspace),
                        ..NewProject::default()
                    };
                    insert(scope, &new.into_row(origin(scope)).unwrap()).await?;
                }
                Feature::InvoicesPerMonth | Feature::ApiCallsPerMonth => billing.use_monthly(scope, feature, 1).await?,
                Feature::TeamMembers | Feature::VaultItems => panic!("{feature} cannot be added here"),
            }
            Ok(())
        })
    })
    .await
}

/// The refusal in a result that must be one.
#[track_caller]
pub(crate) fn refusal<T: std::fmt::Debug>(result: Result<T, BillingError>) -> LimitReached {
    match result {
        Err(BillingError::LimitReached(limit)) => limit,
        other => panic!("expected a refusal, found {other:?}"),
    }
}

pub(crate) fn options(plans_cached_for: Duration) -> BillingOptions {
    BillingOptions { plans_cached_for, ..BillingOptions::default() }
}
