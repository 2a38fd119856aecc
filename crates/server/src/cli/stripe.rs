//! `tenantry stripe`: applies stored Stripe events that have had no effect yet. Servers that receive webhooks do this
//! by themselves.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};
use tenantry_billing::stripe::{PriceTable, Replayed, Waiting, replay};

use super::say;
use crate::http::StripeWebhooks;
use crate::settings::WorkerSettings;
use crate::start;

/// How often a running server retries pending events.
const EVERY: Duration = Duration::from_hours(1);

/// Handles stored Stripe events.
#[derive(Debug, Args)]
pub(super) struct Stripe {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Applies stored events that have had no effect yet, where that is possible now.
    Replay(Replay),
}

#[derive(Debug, Args)]
struct Replay {
    #[command(flatten)]
    worker: WorkerSettings,
    /// The plan of each price, as for `tenantry serve`.
    #[arg(long, env = "TENANTRY_STRIPE_PRICES", default_value = "", value_name = "PRICES")]
    stripe_prices: PriceTable,
}

impl Stripe {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Replay(Replay { worker, stripe_prices }) = self.action;
        let store = start::open_worker(worker.required_url()?, 1).await?;
        let replayed = replay(&store, &stripe_prices, Waiting::All).await?;
        store.close().await;
        let Replayed { applied, waiting, prices, failed } = replayed;
        say(&format!("{applied} applied, {waiting} still pending"));
        for price in &prices {
            eprintln!("tenantry: the price {price} has no plan");
        }
        for (id, error) in &failed {
            eprintln!("tenantry: {id} could not be applied: {error}");
        }
        Ok(if prices.is_empty() && failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// Retries pending events immediately, because prices may just have been configured, and then again and again for as
/// long as the server runs.
pub(super) fn forever(webhooks: &StripeWebhooks) {
    let StripeWebhooks { worker, prices, .. } = webhooks.clone();
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        loop {
            ticks.tick().await;
            match replay(&worker, &prices, Waiting::Owned).await {
                Ok(Replayed { applied: 0, prices, failed, .. }) if prices.is_empty() && failed.is_empty() => {}
                Ok(replayed) => tracing::info!(
                    applied = replayed.applied,
                    failed = replayed.failed.len(),
                    prices_without_a_plan = ?replayed.prices,
                    "pending events were retried"
                ),
                Err(error) => tracing::warn!(%error, "the pending events could not be listed"),
            }
        }
    });
}
