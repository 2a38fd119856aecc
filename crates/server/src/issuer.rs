//! Tokens for callers who switch to another of their organizations: adapts the token crate's issuer to the engine.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tenantry_domain::{Clock, Identity};
use tenantry_graphql::{IssueError, IssuedToken, TokenIssuer};
use tenantry_token::{Issuer, IssuerConfig};

use crate::settings::{JwtAlgorithm, JwtSettings};
use crate::start::StartError;

/// How long a token from `switchOrganization` is valid, unless the one it replaces expires sooner.
const TTL: Duration = Duration::from_hours(1);

struct Switching(Issuer);

impl TokenIssuer for Switching {
    fn issue(&self, identity: Identity, not_after: Option<DateTime<Utc>>) -> Result<IssuedToken, IssueError> {
        let (user, organization) = (identity.user_id, identity.organization_id);
        let issued = match not_after {
            Some(not_after) => self.0.issue_until(user, organization, TTL, not_after),
            None => self.0.issue(user, organization, TTL),
        };
        let issued = issued.map_err(|error| IssueError(Box::new(error)))?;
        Ok(IssuedToken { token: issued.token, expires_at: issued.expires_at })
    }
}

/// An issuer if the server verifies with a secret, which can also sign; `None` if it has only public keys, or if tokens
/// carry the ids of an identity provider.
///
/// # Errors
/// When the secret cannot be read.
pub(crate) fn of(jwt: &JwtSettings) -> Result<Option<Arc<dyn TokenIssuer>>, StartError> {
    if jwt.jwt_algorithm != Some(JwtAlgorithm::Hs256) || jwt.jwt_key_file.is_none() || jwt.jwt_id_map.is_some() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Switching(from_secret(jwt)?))))
}

/// Signs with the secret from these settings.
///
/// # Errors
/// When a setting is missing or the secret cannot be read.
pub(crate) fn from_secret(jwt: &JwtSettings) -> Result<Issuer, StartError> {
    let config = IssuerConfig {
        issuer: jwt.issuer()?.to_owned(),
        audience: jwt.audience()?.to_owned(),
        key_id: jwt.jwt_key_id.clone(),
        claims: jwt.claim_names(),
        clock: Clock::system(),
    };
    Issuer::from_secret_file(jwt.signing_file()?, config).map_err(StartError::Signing)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use tenantry_domain::{OrganizationId, UserId};
    use tenantry_token::ClaimNames;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_token_expires_no_later_than_the_one_it_replaces() {
        let clock = Clock::system();
        let config = IssuerConfig {
            issuer: "i".into(),
            audience: "a".into(),
            key_id: None,
            claims: ClaimNames::default(),
            clock: clock.clone(),
        };
        let switching = Switching(Issuer::from_secret(&[7; 32], config).unwrap());
        let id = Uuid::from_u128(1);
        let identity = Identity { user_id: UserId::from_uuid(id), organization_id: OrganizationId::from_uuid(id) };
        let ends = |not_after| switching.issue(identity, not_after).unwrap().expires_at;
        let now = clock.now();
        let whole = |time: DateTime<Utc>| time.timestamp();
        for left in [TimeDelta::minutes(10), TimeDelta::seconds(1), TimeDelta::seconds(-20)] {
            assert_eq!(whole(ends(Some(now + left))), whole(now + left), "{left}");
        }
        for far in [Some(now + TimeDelta::days(30)), None] {
            assert!((whole(now) + 3600..=whole(now) + 3602).contains(&whole(ends(far))), "{far:?}");
        }
    }
}
