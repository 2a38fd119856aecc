//! The calls of Stripe's API that are needed: create a checkout page, a billing portal page or a customer, and cancel
//! all subscriptions of a customer.

use std::fmt::{self, Write as _};
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

/// The address of Stripe's API.
pub const DEFAULT_BASE_URL: &str = "https://api.stripe.com";

/// Larger than any expected answer.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// How often a call is tried. The idempotency key makes retries harmless.
const ATTEMPTS: u32 = 3;

/// The pause before the second attempt; twice as long before the third.
const PAUSE: Duration = Duration::from_millis(200);

/// The client's settings.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The address of the API; [`DEFAULT_BASE_URL`] except in tests.
    pub base_url: Url,
    /// The timeout of a call, including retries.
    pub timeout: Duration,
}

/// Why a call failed. None of it may be shown to a caller.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The settings cannot be used.
    #[error("the client of Stripe's API cannot be used: {0}")]
    Setting(&'static str),
    /// Stripe refused the call.
    #[error("Stripe refused the call with {status} ({refusal})")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// Stripe's description of the refusal.
        refusal: Refusal,
    },
    /// Stripe is unreachable, or did not answer in time.
    #[error("Stripe cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// No answer within the timeout of the call.
    #[error("Stripe did not answer in time")]
    TimedOut,
    /// Stripe answered something unexpected.
    #[error("Stripe's answer could not be parsed: {0}")]
    Malformed(&'static str),
}

/// Stripe's description of a refusal, without its message, which may quote what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The type of the error, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// Its code, such as `resource_missing`.
    pub code: Option<String>,
    /// The parameter that caused it, such as `customer` or `line_items[0][price]`.
    pub param: Option<String>,
    /// The id of the call in Stripe's log.
    pub request_id: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = [&self.kind, &self.code].into_iter().flatten().map(String::as_str).collect();
        f.write_str(if words.is_empty() { "no reason given" } else { "" })?;
        f.write_str(&words.join(", "))?;
        for (name, value) in [("parameter", &self.param), ("request", &self.request_id)] {
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        Ok(())
    }
}

/// What has to happen after a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Try again later: the network failed, there were too many calls, another call holds a lock that this one needs,
    /// or Stripe itself failed.
    Unavailable,
    /// Use another customer: this one is unknown or was deleted.
    UnknownCustomer,
    /// An operator has to act: the key is wrong or lacks a permission, or the settings cannot be used.
    NotAccepted,
    /// An operator has to act: the request is refused, for example because the price is unknown or no longer sold. A
    /// retry will not help.
    Refused,
}

impl ApiError {
    /// What has to happen after this failure.
    pub fn fault(&self) -> Fault {
        let (status, refusal) = match self {
            Self::Setting(_) => return Fault::NotAccepted,
            Self::Unreachable(_) | Self::TimedOut | Self::Malformed(_) => return Fault::Unavailable,
            Self::Refused { status, refusal } => (*status, refusal),
        };
        let is_missing = refusal.code.as_deref() == Some("resource_missing");
        match status {
            // A key that was reused with other parameters stays refused; one that is in use is free again in a moment.
            409 if refusal.kind.as_deref() == Some("idempotency_error") && refusal.code.is_none() => Fault::Refused,
            // Stripe also answers 429 when another call holds a lock.
            409 | 429 | 500.. => Fault::Unavailable,
            401 | 403 => Fault::NotAccepted,
            400 | 404 if is_missing && refusal.param.as_deref() == Some("customer") => Fault::UnknownCustomer,
            400..=499 => Fault::Refused,
            // Not Stripe's API, which answers with 200 and does not redirect.
            _ => Fault::NotAccepted,
        }
    }

    /// Whether the object in the URL of the call does not exist, or no longer exists.
    fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, refusal } if refusal.code.as_deref() == Some("resource_missing"))
    }
}

/// The customer of a checkout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Customer {
    /// A customer that Stripe knows, by id.
    Known(String),
    /// A new customer with this e-mail address.
    New {
        /// The e-mail address that the checkout form is filled with.
        email: Option<String>,
    },
}

/// The checkout to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCheckoutSession {
    /// Its customer.
    pub customer: Customer,
    /// The price to subscribe to.
    pub price: String,
    /// A text that the events carry back, to identify the organization.
    pub organization: String,
    /// Where the browser goes afterwards.
    pub success_url: Url,
    /// Where it goes if the customer cancels.
    pub cancel_url: Url,
}

impl NewCheckoutSession {
    /// The idempotency key of this checkout on this occasion. It depends on everything that is sent, because Stripe
    /// refuses a key that is reused with other parameters. So the same checkout on the same occasion returns the same
    /// page, and any other returns a new one.
    pub fn idempotency_key(&self, occasion: &str) -> String {
        let mut parts = self.form();
        parts.push(("", occasion));
        hashed("checkout-", &parts)
    }

    fn form(&self) -> Vec<(&str, &str)> {
        let mut form = vec![
            ("mode", "subscription"),
            ("line_items[0][price]", &self.price),
            ("line_items[0][quantity]", "1"),
            // Every later event then identifies the organization, whichever arrives first.
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

/// The billing portal visit to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPortalSession {
    /// The customer whose subscription it shows.
    pub customer: String,
    /// Where the browser goes afterwards.
    pub return_url: Url,
    /// The portal page to start with, in Stripe's names (`payment_method_update`, …); `None` for the first page.
    pub flow: Option<&'static str>,
}

/// The customer to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    /// A text that identifies the organization.
    pub organization: String,
    /// The customer that it replaces.
    pub replaces: String,
}

impl NewCustomer {
    /// The idempotency key of this customer on this occasion. All requests that find at the same time that the old one
    /// is gone get the same new one.
    pub fn idempotency_key(&self, occasion: &str) -> String {
        hashed("customer-", &[("", &self.organization), ("", &self.replaces), ("", occasion)])
    }
}

/// The answer to a call that creates a page.
#[derive(Deserialize)]
struct Session {
    url: Option<String>,
}

/// The answer to a call that creates something. Only the id matters.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// A page of a customer's subscriptions.
#[derive(Deserialize)]
struct Subscriptions {
    data: Vec<Made>,
}

/// How often the list of a customer's subscriptions is read. One page contains a hundred, more than any customer has.
const ROUNDS: u32 = 10;

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
    /// [`ApiError::Setting`] when the key is not a valid header value, or the URL would send it unencrypted over a
    /// network.
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
            // A redirect would forward the secret key.
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.timeout)
            .referer(false)
            .user_agent("tenantry");
        if is_local {
            // A proxy from the environment must not be used for this machine itself.
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(unreachable_api)?;
        Ok(Self { http, base_url, timeout: options.timeout, secret_key: secret_key.to_owned() })
    }

    /// Creates a page where the customer subscribes; returns its URL. For the same `idempotency_key` Stripe returns the
    /// same answer.
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

    /// Creates a page where the customer changes or cancels its subscription; returns its URL.
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

    /// Creates a customer; returns its id. For the same idempotency key Stripe returns the same answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_customer(&self, new: &NewCustomer, idempotency_key: &str) -> Result<String, ApiError> {
        let form = [("metadata[organization_id]", new.organization.as_str())];
        let made: Made = self.ask(&Call::post("v1/customers".to_owned(), &form, idempotency_key)).await?;
        Ok(made.id)
    }

    /// Immediately cancels all subscriptions of the customer that have not ended: active, past due, unpaid, paused, in
    /// trial or not yet paid for the first time. An unknown customer has none. Calling it again is harmless.
    ///
    /// # Errors
    /// [`ApiError`]; some may have been cancelled by then, and the call has to be repeated.
    pub async fn end_subscriptions(&self, customer: &str) -> Result<(), ApiError> {
        // Without a status, Stripe lists the subscriptions that have not been canceled.
        let query = [("customer", customer), ("limit", "100")];
        for _ in 0..ROUNDS {
            let listed: Subscriptions = match self.ask(&Call::get("v1/subscriptions".to_owned(), &query)).await {
                Err(error) if error.fault() == Fault::UnknownCustomer || error.is_gone() => return Ok(()),
                listed => listed?,
            };
            if listed.data.is_empty() {
                return Ok(());
            }
            for subscription in listed.data {
                let id = subscription.id;
                if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                    return Err(ApiError::Malformed("a subscription has no valid id"));
                }
                match self.ask::<Made>(&Call::delete(format!("v1/subscriptions/{id}"))).await {
                    Err(error) if !error.is_gone() => return Err(error),
                    _ => {}
                }
            }
        }
        Err(ApiError::Malformed("cancelled subscriptions are still listed"))
    }

    async fn create(&self, path: &str, form: &[(&str, &str)], idempotency_key: &str) -> Result<Url, ApiError> {
        let session: Session = self.ask(&Call::post(path.to_owned(), form, idempotency_key)).await?;
        let url = session.url.ok_or(ApiError::Malformed("it has no URL"))?;
        Url::parse(&url).map_err(|_| ApiError::Malformed("its URL is invalid"))
    }

    async fn ask<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, ApiError> {
        let calls = self.call_repeatedly(call);
        let answer = tokio::time::timeout(self.timeout, calls).await.map_err(|_| ApiError::TimedOut)??;
        serde_json::from_slice(&answer).map_err(|_| ApiError::Malformed("it is not the object asked for"))
    }

    async fn call_repeatedly(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let mut attempt = 1;
        loop {
            match self.call(call).await {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tracing::debug!(%error, attempt, "a call of Stripe's API is tried again");
                    tokio::time::sleep(PAUSE * attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    async fn call(&self, call: &Call<'_>) -> Result<Vec<u8>, ApiError> {
        let address = self.base_url.join(&call.path).map_err(|_| ApiError::Setting("the address is malformed"))?;
        let mut request = self.http.request(call.method.clone(), address).bearer_auth(&self.secret_key);
        request = match call.idempotency_key {
            Some(key) => request.header("Idempotency-Key", key).form(call.parameters),
            None => request.query(call.parameters),
        };
        let mut response = request.send().await.map_err(unreachable_api)?;
        let status = response.status();
        let request_id = response.headers().get("request-id").and_then(|id| id.to_str().ok()).map(shortened);
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable_api)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ApiError::Malformed("it is too long"));
            }
            answer.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK { Ok(answer) } else { Err(refusal(status, &answer, request_id)) }
    }
}

/// One call.
struct Call<'c> {
    method: Method,
    path: String,
    parameters: &'c [(&'c str, &'c str)],
    /// For calls that create something. Calls that read or cancel something can be repeated without it.
    idempotency_key: Option<&'c str>,
}

impl<'c> Call<'c> {
    fn post(path: String, form: &'c [(&'c str, &'c str)], idempotency_key: &'c str) -> Self {
        Self { method: Method::POST, path, parameters: form, idempotency_key: Some(idempotency_key) }
    }

    fn get(path: String, parameters: &'c [(&'c str, &'c str)]) -> Self {
        Self { method: Method::GET, path, parameters, idempotency_key: None }
    }

    fn delete(path: String) -> Self {
        Self { method: Method::DELETE, path, parameters: &[], idempotency_key: None }
    }
}

/// A key that depends on all the parts.
fn hashed(prefix: &str, parts: &[(&str, &str)]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts.iter().flat_map(|(name, value)| [name, value]) {
        // The length separates adjacent parts.
        context.update(&part.len().to_be_bytes());
        context.update(part.as_bytes());
    }
    context.finish().as_ref().iter().fold(prefix.to_owned(), |mut key, byte| {
        // Writing to a String cannot fail.
        let _ = write!(key, "{byte:02x}");
        key
    })
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("host", &self.base_url.host_str()).finish_non_exhaustive()
    }
}

/// Whether a retry within the same call may help.
fn may_pass(error: &ApiError) -> bool {
    matches!(error, ApiError::Unreachable(_) | ApiError::Refused { .. }) && error.fault() == Fault::Unavailable
}

fn refusal(status: StatusCode, answer: &[u8], request_id: Option<String>) -> ApiError {
    #[derive(Deserialize)]
    struct Answer {
        error: Reason,
    }
    #[derive(Deserialize)]
    struct Reason {
        #[serde(rename = "type")]
        kind: Option<String>,
        code: Option<String>,
        param: Option<String>,
    }
    let mut refusal = Refusal { request_id, ..Refusal::default() };
    if let Ok(Answer { error }) = serde_json::from_slice::<Answer>(answer) {
        let word = |word: Option<String>| word.as_deref().map(shortened);
        (refusal.kind, refusal.code, refusal.param) = (word(error.kind), word(error.code), word(error.param));
    }
    ApiError::Refused { status: status.as_u16(), refusal }
}

/// The longest text that Stripe uses for such a word.
fn shortened(word: &str) -> String {
    word.chars().take(100).collect()
}

/// Without the URL, because an operator may have put a password into it.
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
