//! Checks the claims of a payload. The caller has already checked the signature.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use tenantry_domain::{OrganizationId, UserId};
use uuid::Uuid;

use crate::error::TokenError;
use crate::verifier::VerifiedToken;

/// The end of the year 9999. Later times are nonsense, and adding a leeway to earlier ones cannot overflow.
const LATEST: i64 = 253_402_300_799;

/// The expected values of the claims.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) leeway: TimeDelta,
}

impl Expected {
    /// Checks every claim. Expiry comes last, so `Expired` is reported only for a token that is otherwise valid.
    pub(crate) fn check(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<VerifiedToken, TokenError> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => {}
            Some(Value::String(_)) => return Err(TokenError::Issuer),
            _ => return Err(TokenError::Claim("iss")),
        }
        self.check_audience(claims.get("aud"))?;
        let user_id = text(claims, "sub").and_then(|text| id(text, "sub", UserId::from_uuid, UserId::as_uuid))?;
        let organization_id =
            text(claims, "org").and_then(|text| id(text, "org", OrganizationId::from_uuid, OrganizationId::as_uuid))?;
        let expires_at = time(claims, "exp")?.ok_or(TokenError::Claim("exp"))?;
        let not_before = time(claims, "nbf")?;
        let issued_at = time(claims, "iat")?;
        let verified = VerifiedToken { user_id, organization_id, issued_at, not_before, expires_at };
        self.check_times(&verified, now)?;
        Ok(verified)
    }

    /// Whether the token is valid at `now`; checked again at every use of a cached token.
    pub(crate) fn check_times(&self, token: &VerifiedToken, now: DateTime<Utc>) -> Result<(), TokenError> {
        let soon = now + self.leeway;
        if token.not_before.is_some_and(|at| at > soon) || token.issued_at.is_some_and(|at| at > soon) {
            return Err(TokenError::NotYetValid);
        }
        if now >= token.expires_at + self.leeway {
            return Err(TokenError::Expired);
        }
        Ok(())
    }

    /// RFC 7519 section 4.1.3: one string, or an array of strings that contains ours.
    fn check_audience(&self, audience: Option<&Value>) -> Result<(), TokenError> {
        let ours = match audience {
            Some(Value::String(audience)) => *audience == self.audience,
            Some(Value::Array(audiences)) if !audiences.is_empty() && audiences.iter().all(Value::is_string) => {
                audiences.iter().any(|audience| audience.as_str() == Some(&self.audience))
            }
            _ => return Err(TokenError::Claim("aud")),
        };
        if ours { Ok(()) } else { Err(TokenError::Audience) }
    }
}

fn text<'a>(claims: &'a Map<String, Value>, name: &'static str) -> Result<&'a str, TokenError> {
    claims.get(name).and_then(Value::as_str).ok_or(TokenError::Claim(name))
}

/// A `NumericDate` of RFC 7519 section 2: seconds since 1970, as any JSON number, so it may have a fraction.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<DateTime<Utc>>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let time = match value.as_i64() {
        Some(seconds) => {
            Some(seconds).filter(|at| (0..=LATEST).contains(at)).and_then(|at| DateTime::from_timestamp(at, 0))
        }
        None => value.as_f64().and_then(fractional),
    };
    time.map(Some).ok_or(TokenError::Claim(name))
}

/// The time of a number of seconds that is not written as an integer: `1900000000.5`, `1.9e9`. Precise to the
/// microsecond, which is the precision of such a number for a time of this century.
fn fractional(seconds: f64) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_precision_loss, reason = "the bound is below 2^53, so it is exact")]
    let is_within = (0.0..=LATEST as f64).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "within the bound, microseconds fit in 64 bits")]
    is_within.then(|| DateTime::from_timestamp_micros((seconds * 1e6) as i64)).flatten()
}

/// An id in its own text form or as a lower-case hyphenated UUID, so that an id has only two accepted spellings.
fn id<I>(text: &str, name: &'static str, from: fn(Uuid) -> I, uuid: fn(&I) -> Uuid) -> Result<I, TokenError>
where
    I: std::str::FromStr,
{
    let parsed = text.parse::<I>().ok().or_else(|| {
        let uuid = Uuid::try_parse(text).ok()?;
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        canonical.then(|| from(uuid))
    });
    // The nil UUID is nobody's id; a token with it was created by mistake.
    parsed.filter(|id| !uuid(id).is_nil()).ok_or(TokenError::Claim(name))
}
