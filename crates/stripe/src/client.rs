//! The calls of Stripe's API that are needed: a page where a customer subscribes and one where it changes what it has, a new
//! customer, and the end of all that a customer has subscribed to.

use std::fmt::{self, Write as _};
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
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
    #[error("Stripe refused the call with {status} ({refusal})")]
    Refused {
        /// The status of the answer.
        status: u16,
        /// What Stripe says about it.
        refusal: Refusal,
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

/// What Stripe says about a refusal, without its message: that may quote what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The type of the error, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// Its code, such as `resource_missing`.
    pub code: Option<String>,
    /// The parameter that it is about, such as `customer` or `line_items[0][price]`.
    pub param: Option<String>,
    /// By what Stripe's log names the call.
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

/// What a call that came to nothing asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Patience: the network failed, too many calls came at a time, another one holds what this one needs, or Stripe itself failed.
    Unavailable,
    /// Another customer: this one is not known, or was deleted.
    UnknownCustomer,
    /// An operator: the key is wrong, or may not do this, or the settings cannot be used.
    NotAccepted,
    /// An operator: what was asked for is refused, such as a price that is not known or no longer sold. Asking again will not help.
    Refused,
}

impl ApiError {
    /// What the failure asks for.
    pub fn fault(&self) -> Fault {
        let (status, refusal) = match self {
            Self::Setting(_) => return Fault::NotAccepted,
            Self::Unreachable(_) | Self::TimedOut | Self::Malformed(_) => return Fault::Unavailable,
            Self::Refused { status, refusal } => (*status, refusal),
        };
        let is_missing = refusal.code.as_deref() == Some("resource_missing");
        match status {
            // A key that came back with something else is refused for good; one that is in use is free again in a moment.
            409 if refusal.kind.as_deref() == Some("idempotency_error") && refusal.code.is_none() => Fault::Refused,
            // 429 is also how a lock that another call holds is told.
            409 | 429 | 500.. => Fault::Unavailable,
            401 | 403 => Fault::NotAccepted,
            400 | 404 if is_missing && refusal.param.as_deref() == Some("customer") => Fault::UnknownCustomer,
            400..=499 => Fault::Refused,
            // Not Stripe's API, which answers with 200 and does not lead elsewhere.
            _ => Fault::NotAccepted,
        }
    }

    /// Whether what was named in the address of the call is not there, or not any more.
    fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, refusal } if refusal.code.as_deref() == Some("resource_missing"))
    }
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
        let mut parts = self.form();
        parts.push(("", occasion));
        hashed("checkout-", &parts)
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

/// A customer to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCustomer {
    /// The text that says whose it is.
    pub organization: String,
    /// The customer in whose place it is.
    pub replaces: String,
}

impl NewCustomer {
    /// The idempotency key of this customer on this occasion: all requests that find at the same time that the old one is gone get the
    /// same new one.
    pub fn idempotency_key(&self, occasion: &str) -> String {
        hashed("customer-", &[("", &self.organization), ("", &self.replaces), ("", occasion)])
    }
}

/// The answer to a call for a page.
#[derive(Deserialize)]
struct Session {
    url: Option<String>,
}

/// The answer to a call that makes something of which only the id matters.
#[derive(Deserialize)]
struct Made {
    id: String,
}

/// A page of a customer's subscriptions.
#[derive(Deserialize)]
struct Subscriptions {
    data: Vec<Made>,
}

/// How often the list of a customer's subscriptions is read. One page holds a hundred, more than any customer has.
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

    /// Makes a customer; gives its id. Stripe answers the same to a repetition with the same idempotency key.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_customer(&self, new: &NewCustomer, idempotency_key: &str) -> Result<String, ApiError> {
        let form = [("metadata[organization_id]", new.organization.as_str())];
        let made: Made = self.ask(&Call::post("v1/customers".to_owned(), &form, idempotency_key)).await?;
        Ok(made.id)
    }

    /// Ends at once whatever the customer has subscribed to and has not ended, be it active, past due, unpaid, paused, tried or not
    /// yet paid for the first time. A customer that is not known has nothing. Harmless when it was done before.
    ///
    /// # Errors
    /// [`ApiError`]; some may have ended then, and the call has to be made again.
    pub async fn end_subscriptions(&self, customer: &str) -> Result<(), ApiError> {
        // Without a status, Stripe lists those that have not been canceled.
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
                    return Err(ApiError::Malformed("the id of a subscription is none"));
                }
                match self.ask::<Made>(&Call::delete(format!("v1/subscriptions/{id}"))).await {
                    Err(error) if !error.is_gone() => return Err(error),
                    _ => {}
                }
            }
        }
        Err(ApiError::Malformed("subscriptions that were ended are listed still"))
    }

    async fn create(&self, path: &str, form: &[(&str, &str)], idempotency_key: &str) -> Result<Url, ApiError> {
        let session: Session = self.ask(&Call::post(path.to_owned(), form, idempotency_key)).await?;
        let url = session.url.ok_or(ApiError::Malformed("it has no address"))?;
        Url::parse(&url).map_err(|_| ApiError::Malformed("its address is none"))
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
    /// For what makes something. What reads or ends something can be repeated without.
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
        // The length keeps neighbours apart.
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

/// Whether a repetition within the same call may help.
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

/// As much of a word of Stripe's as it ever has.
fn shortened(word: &str) -> String {
    word.chars().take(100).collect()
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
