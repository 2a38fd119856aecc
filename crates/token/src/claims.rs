//! Checks the claims of a payload. The caller has already checked the signature.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};
use tenantry_domain::{OrganizationId, UserId};
use uuid::Uuid;

use crate::claim_name::{ClaimName, ClaimNames};
use crate::error::TokenError;
use crate::id_map::IdMap;
use crate::verifier::VerifiedToken;

/// The end of the year 9999. Later times are nonsense, and adding a leeway to earlier ones cannot overflow.
const LATEST: i64 = 253_402_300_799;

/// The expected values of the claims, and where they are.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) names: ClaimNames,
    pub(crate) leeway: TimeDelta,
}

impl Expected {
    /// Checks every claim. Expiry comes last, so `Expired` is reported only for a token that is otherwise valid.
    pub(crate) fn check(
        &self,
        claims: &Map<String, Value>,
        ids: &IdMap,
        now: DateTime<Utc>,
    ) -> Result<VerifiedToken, TokenError> {
        match claims.get("iss") {
            Some(Value::String(issuer)) if *issuer == self.issuer => {}
            Some(Value::String(issuer)) => {
                return Err(TokenError::Issuer { found: quoted(issuer), expected: self.issuer.clone() });
            }
            _ => return Err(claim("iss")),
        }
        self.check_audience(claims)?;
        let user_id = id(claims, &self.names.user, ids.users.as_ref(), user_id)?;
        let organization_id = id(claims, &self.names.organization, ids.organizations.as_ref(), organization_id)?;
        let expires_at = time(claims, "exp")?.ok_or_else(|| claim("exp"))?;
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
    fn check_audience(&self, claims: &Map<String, Value>) -> Result<(), TokenError> {
        let name = &self.names.audience;
        let found: Vec<&str> = match name.find(claims) {
            Some(Value::String(audience)) => vec![audience],
            Some(Value::Array(audiences)) => {
                audiences.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default()
            }
            _ => Vec::new(),
        };
        if found.is_empty() {
            return Err(claim(name.as_str()));
        }
        if found.contains(&self.audience.as_str()) {
            return Ok(());
        }
        Err(TokenError::Audience { found: quoted(&found.join(", ")), expected: self.audience.clone() })
    }
}

fn claim(name: &str) -> TokenError {
    TokenError::Claim(name.to_owned())
}

/// A text of a token for the log: bounded, on one line, in quotation marks.
fn quoted(text: &str) -> String {
    const LONGEST: usize = 200;
    let shown: String = text.chars().take(LONGEST).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

/// The id in a claim: translated if there is a map, else as it is.
fn id<I: Copy>(
    claims: &Map<String, Value>,
    name: &ClaimName,
    map: Option<&HashMap<String, I>>,
    parse: fn(&str) -> Option<I>,
) -> Result<I, TokenError> {
    let text = name.find(claims).and_then(Value::as_str).ok_or_else(|| claim(name.as_str()))?;
    match map {
        Some(map) => map
            .get(text)
            .copied()
            .ok_or_else(|| TokenError::Unmapped { claim: name.as_str().to_owned(), found: quoted(text) }),
        None => parse(text).ok_or_else(|| claim(name.as_str())),
    }
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
    time.map(Some).ok_or_else(|| claim(name))
}

/// The time of a number of seconds that is not written as an integer: `1900000000.5`, `1.9e9`. Precise to the
/// microsecond, which is the precision of such a number for a time of this century.
fn fractional(seconds: f64) -> Option<DateTime<Utc>> {
    #[expect(clippy::cast_precision_loss, reason = "the bound is below 2^53, so it is exact")]
    let is_within = (0.0..=LATEST as f64).contains(&seconds);
    #[expect(clippy::cast_possible_truncation, reason = "within the bound, microseconds fit in 64 bits")]
    is_within.then(|| DateTime::from_timestamp_micros((seconds * 1e6) as i64)).flatten()
}

/// A user's id; see [`own_id`].
pub(crate) fn user_id(text: &str) -> Option<UserId> {
    own_id(text, UserId::from_uuid, UserId::as_uuid)
}

/// An organization's id; see [`own_id`].
pub(crate) fn organization_id(text: &str) -> Option<OrganizationId> {
    own_id(text, OrganizationId::from_uuid, OrganizationId::as_uuid)
}

/// An id in its own text form or as a lower-case hyphenated UUID, so that an id has only two accepted spellings.
fn own_id<I: std::str::FromStr>(text: &str, from: fn(Uuid) -> I, uuid: fn(&I) -> Uuid) -> Option<I> {
    let parsed = text.parse::<I>().ok().or_else(|| {
        let uuid = Uuid::try_parse(text).ok()?;
        let canonical = uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == text;
        canonical.then(|| from(uuid))
    });
    // The nil UUID belongs to no row; a token with it was created by mistake.
    parsed.filter(|id| !uuid(id).is_nil())
}
