//! Clients: the active ones are limited by the plan.

use tenantry_billing::Billing;
use tenantry_domain::activity::Joined;
use tenantry_domain::client::{Client, ClientChanges, ClientStatus, NewClient};
use tenantry_domain::feature::Feature;
use tenantry_store::WriteScope;

use crate::error::ServiceError;
use crate::noun::Served;

const ACTIVE: Option<ClientStatus> = Some(ClientStatus::Active);

impl Served for Client {
    type New = NewClient;
    type Changes = ClientChanges;

    async fn before_create(
        scope: &mut WriteScope,
        billing: &Billing,
        _: &NewClient,
        new: &mut Self,
    ) -> Result<(), ServiceError> {
        if new.status == ACTIVE {
            billing.check_level(scope, Feature::ActiveClients, 1).await?;
        }
        Ok(())
    }

    async fn before_update(
        scope: &mut WriteScope,
        billing: &Billing,
        _: &ClientChanges,
        before: &Self,
        after: &mut Self,
    ) -> Result<Vec<Joined>, ServiceError> {
        if after.status == ACTIVE && before.status != ACTIVE {
            billing.check_level(scope, Feature::ActiveClients, 1).await?;
        }
        Ok(Vec::new())
    }
}
