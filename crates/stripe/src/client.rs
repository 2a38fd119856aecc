//! The two calls of Stripe's API that are needed: a page where a customer subscribes, and one where it changes what it has.

use std::fmt::{self, Write as _};
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::StatusCode;
use serde::Deserialize;
use url::Url;

/// Where Stripe's API is.
pub const DEFAULT_BASE_URL: &str = "https://api.stripe.com";

/// Larger than any answer that is expected here.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// How often a call is tried. The idempotency key makes a repetition harmless.
const ATTEMPTS: u32 = 3;

/// How long to wait before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(200);

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// Where the API is; [`DEFAULT_BASE_URL`] unless for a test.
    pub base_url: Url,
    /// How long a call may take, repetitions included.
    pub timeout: Duration,
}

/// Why a call came to nothing. None of it is fit to be shown to a caller.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The settings cannot be used.
    #[error("the client of Stripe's API cannot be used: {0}")]
    Setting(&'static str),
    /// Stripe has refused the call.
    #[error("Stripe refused the call with {status} ({kind})")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// The type and code of the error, as far as Stripe gave them.
        kind: String,
    },
    /// Stripe cannot be reached, or did not answer in time.
    #[error("Stripe cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer within the time that the call may take.
    #[error("Stripe did not answer in time")]
    TimedOut,
    /// Stripe has answered something else than what was asked for.
    #[error("Stripe's answer is not understood: {0}")]
    Malformed(&'static str),
}

/// Whom a checkout is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Customer {
    /// Somebody whom Stripe knows, by the customer's id.
    Known(String),
    /// Somebody new, with this address.
    New {
        /// The address that the checkout begins with.
        email: Option<String>,
    },
}

/// A checkout to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckoutSession {
    /// Whom it is for.
    pub customer: Customer,
    /// The price to subscribe to.
    pub price: String,
    /// The text that events are to bring back, to say whose they are.
    pub organization: String,
    /// Where the browser goes afterwards.
    pub success_url: Url,
    /// Where it goes when the customer turns back.
    pub cancel_url: Url,
}

impl NewCheckoutSession {
    /// The idempotency key of this checkout on this occasion. It depends on everything that is sent, since Stripe refuses a key
    /// that comes back with something else; so the same checkout on the same occasion gives the same page, and any other another.
    pub fn idempotency_key(&self, occasion: &str) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for (name, value) in self.form().iter().chain(&[("", occasion)]) {
            for part in [name, value] {
                // The length keeps neighbours apart.
                context.update(&part.len().to_be_bytes());
                context.update(part.as_bytes());
            }
        }
        context.finish().as_ref().iter().fold("checkout-".to_owned(), |mut key, byte| {
            // Writing to a String cannot fail.
            let _ = write!(key, "{byte:02x}");
            key
        })
    }

    fn form(&self) -> Vec<(&str, &str)> {
        let mut form = vec![
            ("mode", "subscription"),
            ("line_items[0][price]", &self.price),
            ("line_items[0][quantity]", "1"),
            // Every event of what comes of it says whose it is, whichever arrives first.
            ("client_reference_id", &self.organization),
            ("metadata[organization_id]", &self.organization),
            ("subscription_data[metadata][organization_id]", &self.organization),
            ("success_url", self.success_url.as_str()),
            ("cancel_url", self.cancel_url.as_str()),
        ];
        match &self.customer {
            Customer::Known(id) => form.push(("customer", id)),
            Customer::New { email: Some(email) } => form.push(("customer_email", email)),
            Customer::New { email: None } => {}
        }
        form
    }
}

/// A visit to the billing portal to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPortalSession {
    /// Whose subscription it is about.
    pub customer: String,
    /// Where the browser goes afterwards.
    pub return_url: Url,
    /// Where the visit begins, as Stripe names it (`payment_method_update`, …); `None` for the portal's first page.
    pub flow: Option<&'static str>,
}

/// The answer to both calls.
#[derive(Deserialize)]
struct Session {
    url: Option<String>,
}

/// A client of Stripe's API. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    timeout: Duration,
    secret_key: String,
}

impl Client {
    /// A client with this secret key.
    ///
    /// # Errors
    /// [`ApiError::Setting`] when the key is no header's value, or the address would send it over a network in the clear.
    pub fn new(secret_key: &str, options: ClientOptions) -> Result<Self, ApiError> {
        let secret_key = secret_key.trim();
        if secret_key.is_empty() || !secret_key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ApiError::Setting("the secret key is malformed"));
        }
        let base_url = options.base_url;
        let is_local = is_loopback(&base_url);
        match base_url.scheme() {
            "https" => {}
            "http" if is_local || secret_key.contains("_test_") => {}
            "http" => return Err(ApiError::Setting("a live secret key is only sent over https")),
            _ => return Err(ApiError::Setting("the address is neither https nor http")),
        }
        let mut builder = reqwest::Client::builder()
            // A redirect would take the secret key along.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.timeout)
            .referer(false)
            .user_agent("tenantry");
        if is_local {
            // A proxy that the environment names is not on the way to this machine.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(unreachable_api)?;
        Ok(Self { http, base_url, timeout: options.timeout, secret_key: secret_key.to_owned() })
    }

    /// Makes a page where the customer subscribes; gives its address. `idempotency_key` names the wish: Stripe answers the same
    /// to a repetition.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_checkout_session(
        &self,
        new: &NewCheckoutSession,
        idempotency_key: &str,
    ) -> Result<Url, ApiError> {
        self.create("v1/checkout/sessions", &new.form(), idempotency_key).await
    }

    /// Makes a page where the customer changes or ends what it has subscribed to; gives its address.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_billing_portal_session(
        &self,
        new: &NewPortalSession,
        idempotency_key: &str,
    ) -> Result<Url, ApiError> {
        let mut form = vec![("customer", new.customer.as_str()), ("return_url", new.return_url.as_str())];
        if let Some(flow) = new.flow {
            form.push(("flow_data[type]", flow));
        }
        self.create("v1/billing_portal/sessions", &form, idempotency_key).await
    }

    async fn create(&self, path: &str, form: &[(&str, &str)], idempotency_key: &str) -> Result<Url, ApiError> {
        let calls = self.call_repeatedly(path, form, idempotency_key);
        let answer = tokio::time::timeout(self.timeout, calls).await.map_err(|_| ApiError::TimedOut)??;
        let session: Session =
            serde_json::from_slice(&answer).map_err(|_| ApiError::Malformed("it is not the object asked for"))?;
        let url = session.url.ok_or(ApiError::Malformed("it has no address"))?;
        Url::parse(&url).map_err(|_| ApiError::Malformed("its address is none"))
    }

    async fn call_repeatedly(&self, path: &str, form: &[(&str, &str)], key: &str) -> Result<Vec<u8>, ApiError> {
        let mut attempt = 1;
        loop {
            match self.call(path, form, key).await {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tracing::debug!(%error, attempt, "a call of Stripe's API is tried again");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn call(&self, path: &str, form: &[(&str, &str)], key: &str) -> Result<Vec<u8>, ApiError> {
        let address = self.base_url.join(path).map_err(|_| ApiError::Setting("the address is malformed"))?;
        let request = self.http.post(address).bearer_auth(&self.secret_key).header("Idempotency-Key", key).form(form);
        let mut response = request.send().await.map_err(unreachable_api)?;
        let status = response.status();
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable_api)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ApiError::Malformed("it is too long"));
            }
            answer.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK { Ok(answer) } else { Err(refusal(status, &answer)) }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.base_url.host_str()).finish_non_exhaustive()
    }
}

/// Whether a repetition may help: the network failed, another call with the key is under way, too many came at a time, or Stripe
/// itself has failed.
fn may_pass(error: &ApiError) -> bool {
    match error {
        ApiError::Unreachable(_) => true,
        ApiError::Refused { status, .. } => matches!(status, 409 | 429) || *status >= 500,
        _ => false,
    }
}

/// What Stripe says about a refusal, without its message: that may quote what was sent.
fn refusal(status: StatusCode, answer: &[u8]) -> ApiError {
    #[derive(Deserialize)]
    struct Answer {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(rename = "type")]
        kind: Option<String>,
        code: Option<String>,
    }
    let reason = serde_json::from_slice::<Answer>(answer).ok().map(|answer| answer.error);
    let words = reason.into_iter().flat_map(|reason| [reason.kind, reason.code]).flatten();
    let kind: String = words.collect::<Vec<_>>().join(", ").chars().take(200).collect();
    let kind = if kind.is_empty() { "no reason given".to_owned() } else { kind };
    ApiError::Refused { status: status.as_u16(), kind }
}

/// Without the address, which an operator may have given with a password in it.
fn unreachable_api(error: reqwest::Error) -> ApiError {
    ApiError::Unreachable(error.without_url())
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests;
