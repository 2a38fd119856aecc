//! Stripe's settings. Without them, payments are off.

use std::time::Duration;

use clap::Args;
use tenantry_billing::stripe::PriceTable;
use tenantry_stripe::WebhookVerifier;
use tenantry_stripe::client::{Client, ClientOptions, DEFAULT_BASE_URL};
use url::Url;

use super::units::duration;
use super::{Secret, SettingsError};

/// Payments through Stripe.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Stripe")]
pub struct StripeSettings {
    /// The signing secrets of the webhook endpoint, `/webhooks/stripe`: one, or several separated by commas during
    /// rotation. Without it the endpoint does not exist.
    #[arg(long, env = "TENANTRY_STRIPE_WEBHOOK_SECRETS", hide_env_values = true, value_name = "SECRETS")]
    pub stripe_webhook_secrets: Option<Secret>,
    /// The secret key of the API. Without it nothing can be bought.
    #[arg(long, env = "TENANTRY_STRIPE_SECRET_KEY", hide_env_values = true, value_name = "KEY")]
    pub stripe_secret_key: Option<Secret>,
    /// The plan of each price, by the price's id or lookup key: `price_1=pro,price_2=solo`. New subscriptions use the
    /// first price of a plan.
    #[arg(long, env = "TENANTRY_STRIPE_PRICES", default_value = "", value_name = "PRICES")]
    pub stripe_prices: PriceTable,
    /// The URL that Stripe's pages send the browser back to.
    #[arg(long, env = "TENANTRY_STRIPE_RETURN_URL", value_name = "URL")]
    pub stripe_return_url: Option<String>,
    /// The address of the API.
    #[arg(long, env = "TENANTRY_STRIPE_API_URL", default_value = DEFAULT_BASE_URL, value_name = "URL")]
    pub stripe_api_url: String,
    /// How long a call of the API may take.
    #[arg(long, env = "TENANTRY_STRIPE_TIMEOUT", default_value = "8s", value_parser = duration, value_name = "DURATION")]
    pub stripe_timeout: Duration,
}

impl StripeSettings {
    /// Verifies webhooks; `None` if none are received.
    ///
    /// # Errors
    /// When one of several secrets is empty.
    pub fn webhook_verifier(&self) -> Result<Option<WebhookVerifier>, SettingsError> {
        let Some(secrets) = given(self.stripe_webhook_secrets.as_ref()) else { return Ok(None) };
        WebhookVerifier::new(secrets.split(',')).map(Some).map_err(|error| SettingsError::Malformed {
            variable: "TENANTRY_STRIPE_WEBHOOK_SECRETS",
            problem: error.to_string(),
        })
    }

    /// A client of the API and the return URL of its pages, if there is a key.
    ///
    /// # Errors
    /// When a setting that a key requires is missing or malformed.
    pub fn client(&self) -> Result<Option<(Client, Url)>, SettingsError> {
        let Some(client) = self.api_client()? else { return Ok(None) };
        let Some(return_url) = self.stripe_return_url.as_deref().filter(|url| !url.trim().is_empty()) else {
            return Err(SettingsError::Missing {
                variable: "TENANTRY_STRIPE_RETURN_URL",
                flag: "--stripe-return-url",
                purpose: "it is the URL that Stripe's pages return to",
            });
        };
        Ok(Some((client, address("TENANTRY_STRIPE_RETURN_URL", return_url)?)))
    }

    /// A client of the API, if there is a key.
    ///
    /// # Errors
    /// When the key or the API's address is malformed.
    pub fn api_client(&self) -> Result<Option<Client>, SettingsError> {
        let Some(key) = given(self.stripe_secret_key.as_ref()) else { return Ok(None) };
        let base_url = address("TENANTRY_STRIPE_API_URL", &self.stripe_api_url)?;
        let client = Client::new(key, ClientOptions { base_url, timeout: self.stripe_timeout });
        client.map(Some).map_err(|error| SettingsError::Malformed {
            variable: "TENANTRY_STRIPE_SECRET_KEY",
            problem: error.to_string(),
        })
    }
}

/// An environment variable that is empty counts as not set.
fn given(secret: Option<&Secret>) -> Option<&str> {
    secret.map(Secret::reveal).filter(|text| !text.trim().is_empty())
}

fn address(variable: &'static str, text: &str) -> Result<Url, SettingsError> {
    let url = Url::parse(text).map_err(|error| SettingsError::Malformed { variable, problem: error.to_string() })?;
    if url.has_host() && matches!(url.scheme(), "https" | "http") {
        Ok(url)
    } else {
        Err(SettingsError::Malformed { variable, problem: "it is neither https nor http".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        stripe: StripeSettings,
    }

    fn read(arguments: &[&str]) -> StripeSettings {
        let command = Cli::command().mut_args(|argument| argument.env(None::<&str>));
        let arguments = std::iter::once("tenantry").chain(arguments.iter().copied());
        Cli::from_arg_matches(&command.try_get_matches_from(arguments).unwrap()).unwrap().stripe
    }

    #[test]
    fn without_settings_there_is_no_stripe() {
        let settings = read(&["--stripe-webhook-secrets", " ", "--stripe-secret-key", ""]);
        assert!(settings.webhook_verifier().unwrap().is_none());
        assert!(settings.client().unwrap().is_none());
        assert!(settings.stripe_prices.is_empty());
    }

    #[test]
    fn a_key_requires_a_return_url() {
        let missing = read(&["--stripe-secret-key", "sk_test_1"]).client().unwrap_err();
        assert!(matches!(missing, SettingsError::Missing { variable: "TENANTRY_STRIPE_RETURN_URL", .. }));
        assert!(read(&["--stripe-secret-key", "sk_test_1"]).api_client().unwrap().is_some(), "what ends needs none");
        let with = |url, key| read(&["--stripe-secret-key", key, "--stripe-return-url", url]).client();
        assert!(with("https://app.example/billing", "sk_live_1").unwrap().is_some());
        assert!(with("app.example", "sk_live_1").is_err());
        assert!(with("mailto:a@b.example", "sk_live_1").is_err());
        assert!(with("https://app.example", "sk live").is_err());
        let clear = ["--stripe-api-url", "http://api.example", "--stripe-return-url", "https://app.example"];
        assert!(read(&[&clear[..], &["--stripe-secret-key", "sk_live_1"]].concat()).client().is_err());
    }

    #[test]
    fn several_secrets_are_valid_at_the_same_time_and_none_is_shown() {
        let settings = read(&["--stripe-webhook-secrets", "whsec_one, whsec_two", "--stripe-prices", "price_1=pro"]);
        assert!(settings.webhook_verifier().unwrap().is_some());
        assert!(!format!("{settings:?}").contains("whsec"));
        assert!(read(&["--stripe-webhook-secrets", "whsec_one,"]).webhook_verifier().is_err());
    }
}
