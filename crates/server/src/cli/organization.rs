//! `tenantry organization`: creates organizations, for users who have none yet.

use std::process::ExitCode;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use tenantry_billing::{Billing, BillingOptions};
use tenantry_domain::Clock;
use tenantry_domain::organization::NewOrganization;
use tenantry_service::organization;
use tenantry_store::{IdentityScope, Store, StoreSettings, user};

use super::say;
use crate::settings::DatabaseSettings;
use crate::start;

/// Manages organizations.
#[derive(Debug, Args)]
pub(super) struct Organization {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Creates an organization on the free plan and prints the id.
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// The organization's name.
    #[arg(long, value_name = "NAME")]
    name: String,
    /// The name used in URLs: lower-case letters, digits and single hyphens. It must be unique.
    #[arg(long, value_name = "SLUG")]
    slug: String,
    /// The e-mail address of the user who will own it.
    #[arg(long, value_name = "EMAIL")]
    owner: String,
    #[command(flatten)]
    database: DatabaseSettings,
}

impl Organization {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Create(Create { name, slug, owner, database }) = self.action;
        let url = database.url()?;
        start::check_database(url).await?;
        let settings = StoreSettings { max_connections: 1, ..StoreSettings::new(url) };
        let store = Store::connect(&settings, Clock::system()).await?;
        let scope = IdentityScope::open(&store, None).await?;
        let owner = user::get_by_email(&scope, &owner)
            .await?
            .ok_or_else(|| anyhow!("there is no user {owner}; `tenantry user create` makes one"))?;
        // Its connection is the only one.
        drop(scope);
        let billing = Billing::new(BillingOptions::default());
        let new = NewOrganization { name, slug, logo_url: None };
        let organization = organization::create(&store, &billing, owner.id, new).await?;
        say(&organization.id.to_string());
        store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}
