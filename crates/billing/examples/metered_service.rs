//! Another service that uses billing without GraphQL. It imports clients for an organization, asks in advance what is
//! allowed, is stopped by the limit, and counts every call it answers.
//!
//! `cargo run -p tenantry-billing --example metered_service` starts a private database for itself and removes it at the
//! end.

use std::error::Error;

use tenantry_billing::{Billing, BillingError, Burst, Decision, Meter, MeterOptions, Throttle, ThrottleOptions};
use tenantry_devdb::{Cluster, ClusterOptions};
use tenantry_domain::Violations;
use tenantry_domain::client::NewClient;
use tenantry_domain::feature::Feature;
use tenantry_domain::noun::New as _;
use tenantry_domain::subscription::{Period, SubscriptionChange};
use tenantry_domain::{Clock, Identity, OrganizationId, UserId};
use tenantry_store::{AsStoreError, ReadScope, Store, StoreError, StoreSettings, in_write_scope, insert, origin};

/// Why a client was not imported.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error("the client was refused: {0}")]
    Refused(#[from] Violations),
    #[error(transparent)]
    Billing(#[from] BillingError),
}

impl From<StoreError> for ImportError {
    fn from(error: StoreError) -> Self {
        Self::Billing(error.into())
    }
}

impl AsStoreError for ImportError {
    fn as_store_error(&self) -> Option<&StoreError> {
        match self {
            Self::Billing(error) => error.as_store_error(),
            Self::Refused(_) => None,
        }
    }
}

/// What every request of this service uses. All of it is cheap to clone.
#[derive(Clone)]
struct Importer {
    store: Store,
    billing: Billing,
    meter: Meter,
    throttle: Throttle,
}

impl Importer {
    /// Admits a call, or returns the refusal. Only looks in memory; nothing is written.
    async fn let_in(&self, organization: OrganizationId) -> Result<(), Box<dyn Error>> {
        if let Burst::Refused { retry_after } = self.throttle.check(organization) {
            return Err(format!("too fast, try again in {retry_after:?}").into());
        }
        match self.meter.admit(organization).await? {
            Decision::Allowed { remaining: Some(remaining), .. } => println!("  ({remaining} calls left this month)"),
            Decision::Allowed { remaining: None, .. } => println!("  (calls are unlimited)"),
            Decision::Refused { resets_at, .. } => return Err(format!("no calls left before {resets_at}").into()),
        }
        Ok(())
    }

    /// Imports as many of the clients as the plan allows; returns how many.
    async fn import(&self, identity: Identity, names: &[&str]) -> Result<usize, Box<dyn Error>> {
        self.let_in(identity.organization_id).await?;

        // Asking first is a courtesy to the user. It reserves nothing: someone else may add a client in the meantime.
        let scope = ReadScope::open(&self.store, identity).await?;
        let entitlement = self.billing.can_use(&scope, Feature::ActiveClients).await?;
        drop(scope);
        match entitlement.remaining() {
            Some(room) if room < i64::try_from(names.len())? => println!("  the plan has room for {room} of them"),
            _ => println!("  the plan has room for all of them"),
        }

        let mut imported = 0;
        for name in names {
            match self.add(identity, name).await {
                Ok(()) => imported += 1,
                Err(ImportError::Billing(BillingError::LimitReached(limit))) => {
                    println!("  {name} was left out: {limit}; upgrade to {:?}", limit.upgrade_to);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(imported)
    }

    /// Checks and writes in one transaction. This is where the limit holds, whoever else is writing.
    async fn add(&self, identity: Identity, name: &str) -> Result<(), ImportError> {
        in_write_scope(&self.store, identity, |scope| {
            let billing = self.billing.clone();
            let new = NewClient { name: name.to_owned(), ..NewClient::default() };
            Box::pin(async move {
                billing.check_level(scope, Feature::ActiveClients, 1).await?;
                insert(scope, &new.into_row(origin(scope))?).await?;
                Ok(())
            })
        })
        .await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::start(ClusterOptions::default()).await?;
    cluster.prepare_roles().await?;
    let database = cluster.create_database("example", None).await?;
    tenantry_migration::up(&database.owner_url()).await?;

    let store = Store::connect(&StoreSettings::new(database.app_url()), Clock::system()).await?;
    let billing = Billing::default();
    let meter = Meter::new(store.clone(), billing.clone(), MeterOptions::default());
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    // Writes the counted calls every five seconds, and the rest when it is stopped.
    let metering = tokio::spawn(meter.clone().run(async move { drop(stopped.await) }));
    let service = Importer { store, billing, meter, throttle: Throttle::new(ThrottleOptions::default()) };

    let identity = found_organization(&cluster, service.store.clock()).await?;
    println!("on the free plan:");
    let imported = service.import(identity, &["Ada", "Bob", "Cyd", "Dee", "Eve"]).await?;
    println!("  {imported} were imported");

    println!("after an upgrade:");
    upgrade(&service, identity).await?;
    let imported = service.import(identity, &["Dee", "Eve"]).await?;
    println!("  {imported} were imported");

    // The receiver is gone only if the task has already ended.
    let _ = stop.send(());
    metering.await?;
    let scope = ReadScope::open(&service.store, identity).await?;
    for entitlement in service.billing.entitlements(&scope).await? {
        println!("{}: {:?} of {:?} in use", entitlement.feature, entitlement.used, entitlement.limit);
    }
    drop(scope);
    service.store.close().await;
    cluster.stop().await?;
    Ok(())
}

/// What a payment provider's event, or an operator, would do.
async fn upgrade(service: &Importer, identity: Identity) -> Result<(), BillingError> {
    in_write_scope(&service.store, identity, |scope| {
        let billing = service.billing.clone();
        let now = service.store.clock().now();
        Box::pin(async move {
            // Thirty days from now is later than now.
            let period = Period::new(now, now + chrono::Duration::days(30)).ok_or(BillingError::NoAccount)?;
            let start = SubscriptionChange::Start { plan: "solo".to_owned(), period, trial_ends_at: None };
            billing.change_subscription(scope, start).await.map(drop)
        })
    })
    .await
}

/// An organization with its owner, as created by signing up.
async fn found_organization(cluster: &Cluster, clock: &Clock) -> Result<Identity, Box<dyn Error>> {
    let identity = Identity { user_id: clock.new_id::<UserId>(), organization_id: clock.new_id::<OrganizationId>() };
    let (user, organization) = (identity.user_id.as_uuid(), identity.organization_id.as_uuid());
    let statements = format!(
        "INSERT INTO auth.users (id, email, name) VALUES ('{user}', 'ada@example.com', 'Ada');
         INSERT INTO app.organizations (id, name, slug) VALUES ('{organization}', 'Example', 'example');
         INSERT INTO app.organization_members (organization_id, id, user_id, role)
             VALUES ('{organization}', '{user}', '{user}', 'owner');
         INSERT INTO billing.organization_billing (organization_id) VALUES ('{organization}');"
    );
    cluster.psql("example", &statements).await?;
    Ok(identity)
}
