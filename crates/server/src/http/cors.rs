//! Pages of other origins: which of them a browser lets call the API (the Fetch standard, section 3.3).

use std::str::FromStr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_REQUEST_METHOD, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, Request, Response};
use axum::middleware::Next;
use tower::{Layer as _, Service as _};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use url::{Host, Url};

use super::answer::REPLAYED;
use super::{metering, request_id};

/// How long a browser may remember the answer to a preflight request. Chromium caps it at two hours.
const MAX_AGE: Duration = Duration::from_hours(2);

/// The origins whose pages may call the API. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsOrigins {
    exact: Vec<HeaderValue>,
    loopback: bool,
}

impl CorsOrigins {
    /// Also allows pages that this machine serves itself, on every port.
    #[must_use]
    pub fn and_loopback(mut self) -> Self {
        self.loopback = true;
        self
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && !self.loopback
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        self.exact.contains(origin) || (self.loopback && is_loopback(origin))
    }
}

/// Reads origins separated by commas: `https://app.example,https://admin.example:8443`.
impl FromStr for CorsOrigins {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let given = text.split(',').map(str::trim).filter(|origin| !origin.is_empty());
        Ok(Self { exact: given.map(exact).collect::<Result<_, _>>()?, loopback: false })
    }
}

/// An origin as browsers write it: scheme, host and, unless it is the scheme's own, the port.
fn exact(text: &str) -> Result<HeaderValue, String> {
    let wrong = |problem: &str| format!("{text:?} is not an origin: {problem}");
    if text.contains('*') || text == "null" {
        return Err(wrong("list each origin, as in https://app.example"));
    }
    let url = Url::parse(text).map_err(|_| wrong("write a scheme and a host, as in https://app.example"))?;
    let host = url.host_str().ok_or_else(|| wrong("write a scheme and a host, as in https://app.example"))?;
    // Apps in a web view have schemes of their own, such as `capacitor://localhost`.
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let origin = format!("{}://{host}{port}", url.scheme());
    if origin != text {
        return Err(wrong(&format!("browsers send {origin}")));
    }
    HeaderValue::from_str(text).map_err(|_| wrong("it has characters that no header can carry"))
}

fn is_loopback(origin: &HeaderValue) -> bool {
    let Some(url) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else { return false };
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The layer for these origins; `None` if there are none. It never allows credentials: tokens are sent by the page's own
/// script, and there are no cookies.
pub(super) fn layer(origins: &CorsOrigins) -> Option<CorsLayer> {
    if origins.is_empty() {
        return None;
    }
    let origins = origins.clone();
    let exposed: Vec<HeaderName> =
        metering::HEADERS.into_iter().chain([RETRY_AFTER, request_id::HEADER.clone(), REPLAYED]).collect();
    Some(
        CorsLayer::new()
            .allow_origin(AllowOrigin::predicate(move |origin, _| origins.allows(origin)))
            .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PUT])
            // Client libraries add headers of their own, such as `apollographql-client-name`.
            .allow_headers(AllowHeaders::mirror_request())
            .expose_headers(exposed)
            .max_age(MAX_AGE),
    )
}

/// Applies the layer. An OPTIONS request that is no preflight request goes to the endpoint.
pub(super) async fn apply(State(layer): State<CorsLayer>, request: Request<Body>, mut next: Next) -> Response<Body> {
    let is_preflight = request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if request.method() == Method::OPTIONS && !is_preflight {
        return next.run(request).await;
    }
    match layer.layer(&mut next).call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        let origins: CorsOrigins = " https://app.example, http://10.0.0.1:3000,capacitor://localhost,".parse().unwrap();
        for origin in ["https://app.example", "http://10.0.0.1:3000", "capacitor://localhost"] {
            assert!(origins.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "http://app.example",
            "https://app.example:8443",
            "https://a.app.example",
            "https://app.example.evil.example",
            "https://app.exampl",
            "HTTPS://APP.EXAMPLE",
            "null",
            "",
            "http://localhost:3000",
        ] {
            assert!(!origins.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
        assert!("".parse::<CorsOrigins>().unwrap().is_empty());
        for wrong in [
            "*",
            "null",
            "app.example",
            "https://*.app.example",
            "https://app.example/",
            "https://app.example/path",
            "https://App.example",
            "https://app.example:443",
            "https://user@app.example",
            "https://app.example?x",
            "mailto:a@app.example",
        ] {
            assert!(wrong.parse::<CorsOrigins>().is_err(), "{wrong}");
        }
        let error = "https://app.example/".parse::<CorsOrigins>().unwrap_err();
        assert_eq!(error, "\"https://app.example/\" is not an origin: browsers send https://app.example");
    }

    #[test]
    fn this_machine_is_allowed_on_every_port() {
        let origins = CorsOrigins::default().and_loopback();
        for origin in [
            "http://localhost:3000",
            "http://localhost",
            "https://localhost:8443",
            "http://127.0.0.1:5173",
            "http://[::1]:4200",
            "http://app.localhost:80",
        ] {
            assert!(origins.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
        for origin in [
            "http://localhost.evil.example",
            "http://127.0.0.1.evil.example",
            "http://evil-localhost",
            "https://app.example",
            "null",
            "file://",
        ] {
            assert!(!origins.allows(&HeaderValue::from_static(origin)), "{origin}");
        }
    }
}
