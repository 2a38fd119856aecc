//! Extracts the bearer token from a request's headers, and logs those that the verifier refuses.

use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use parking_lot::Mutex;
use tenantry_token::TokenError;

/// How often a token that does not fit the settings is worth a warning.
const WARN_EVERY: Duration = Duration::from_secs(10);

/// Logs refused tokens.
#[derive(Debug, Default)]
pub(super) struct RefusedTokens {
    warned_at: Mutex<Option<Instant>>,
}

impl RefusedTokens {
    /// Logs why a token was refused. A token that is signed by the issuer and still does not fit is probably a matter of
    /// the settings, so it is a warning, but not for each of many: any user of the issuer can send such tokens.
    pub(super) fn log(&self, error: &TokenError) {
        if error.may_be_settings() && self.is_due(Instant::now()) {
            tracing::warn!(reason = error.code(), "a token with a valid signature was refused: {error}");
        } else {
            tracing::debug!(reason = error.code(), "a token was refused: {error}");
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let mut warned_at = self.warned_at.lock();
        let is_due = warned_at.is_none_or(|at| now.duration_since(at) >= WARN_EVERY);
        if is_due {
            *warned_at = Some(now);
        }
        is_due
    }
}

/// The token of the single `Authorization: Bearer` header; `None` if there is no such header.
///
/// # Errors
/// When the header is malformed: another scheme, no token, white space in it, or a second header.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>, MalformedAuthorization> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(MalformedAuthorization);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(MalformedAuthorization)?;
    // RFC 6750 section 2.1 says b64token; the verifier checks the rest.
    let token = token.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() || token.contains([' ', '\t', ',']) {
        return Err(MalformedAuthorization);
    }
    Ok(Some(token))
}

/// The header `Authorization` is not a single bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the header Authorization is not one bearer token")]
pub(crate) struct MalformedAuthorization;

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn read(values: &[&'static str]) -> Result<Option<String>, MalformedAuthorization> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        bearer(&headers).map(|token| token.map(str::to_owned))
    }

    #[test]
    fn a_warning_is_due_every_ten_seconds() {
        let (refused, start) = (RefusedTokens::default(), Instant::now());
        let due = |seconds| refused.is_due(start + Duration::from_secs(seconds));
        assert_eq!([due(0), due(1), due(9), due(10), due(19), due(20)], [true, false, false, true, false, true]);
    }

    #[test]
    fn only_a_single_bearer_token_is_accepted() {
        assert_eq!(read(&[]), Ok(None));
        for good in ["Bearer a.b.c", "bearer a.b.c", "BEARER  a.b.c"] {
            assert_eq!(read(&[good]), Ok(Some("a.b.c".to_owned())), "{good}");
        }
        for bad in ["", "Bearer", "Bearer ", "Basic a.b.c", "a.b.c", "Bearer a b", "Bearer a,b", "Bearer\ta.b.c"] {
            assert_eq!(read(&[bad]), Err(MalformedAuthorization), "{bad}");
        }
        assert_eq!(read(&["Bearer a.b.c", "Bearer a.b.c"]), Err(MalformedAuthorization));
    }
}
