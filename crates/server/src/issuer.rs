//! Tokens for callers who switch to another of their organizations: the token crate's issuer as the engine wants it.

use std::sync::Arc;
use std::time::Duration;

use tenantry_domain::{Clock, Identity};
use tenantry_graphql::{IssueError, IssuedToken, TokenIssuer};
use tenantry_token::{Issuer, IssuerConfig};

use crate::settings::{JwtAlgorithm, JwtSettings};
use crate::start::StartError;

/// For how long a token of a switched organization is good.
const TTL: Duration = Duration::from_hours(1);

struct Switching(Issuer);

impl TokenIssuer for Switching {
    fn issue(&self, identity: Identity) -> Result<IssuedToken, IssueError> {
        let issued = self.0.issue(identity.user_id, identity.organization_id, TTL);
        let issued = issued.map_err(|error| IssueError(Box::new(error)))?;
        Ok(IssuedToken { token: issued.token, expires_at: issued.expires_at })
    }
}

/// An issuer when the server verifies with a secret, which can sign; `None` when all it has are public keys.
///
/// # Errors
/// When the secret cannot be read.
pub(crate) fn of(jwt: &JwtSettings) -> Result<Option<Arc<dyn TokenIssuer>>, StartError> {
    if jwt.jwt_algorithm != Some(JwtAlgorithm::Hs256) || jwt.jwt_key_file.is_none() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Switching(from_secret(jwt)?))))
}

/// Signs with the secret that these settings name.
///
/// # Errors
/// When a setting is missing or the secret cannot be read.
pub(crate) fn from_secret(jwt: &JwtSettings) -> Result<Issuer, StartError> {
    let config = IssuerConfig {
        issuer: jwt.issuer()?.to_owned(),
        audience: jwt.audience()?.to_owned(),
        key_id: jwt.jwt_key_id.clone(),
        clock: Clock::system(),
    };
    Issuer::from_secret_file(jwt.signing_file()?, config).map_err(StartError::Signing)
}
