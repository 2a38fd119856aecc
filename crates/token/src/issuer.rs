//! Creates tokens for development, the command line and tests. In production an identity provider creates them.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Map, Value, json};
use tenantry_domain::{Clock, OrganizationId, UserId};

use crate::claim_name::ClaimNames;
use crate::error::SetupError;
use crate::key::Key;
use crate::source::read_bounded;

/// The content of every token of an [`Issuer`].
#[derive(Debug, Clone)]
pub struct IssuerConfig {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
    /// `kid`, if the verifier's key has one.
    pub key_id: Option<String>,
    /// The names of the claims.
    pub claims: ClaimNames,
    /// The source of time.
    pub clock: Clock,
}

/// Signs tokens with one key.
#[derive(Debug, Clone)]
pub struct Issuer {
    config: IssuerConfig,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// A new token.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The token, as it follows `Bearer `.
    pub token: String,
    /// Its `iat` and `nbf`.
    pub issued_at: DateTime<Utc>,
    /// Its `exp`.
    pub expires_at: DateTime<Utc>,
}

impl Issuer {
    /// Signs with HS256 and the secret in a file, such as [`generate_dev_key`] writes.
    ///
    /// # Errors
    /// When the file cannot be read, or its text, without surrounding white space, is shorter than 32 bytes.
    pub fn from_secret_file(path: &Path, config: IssuerConfig) -> Result<Self, SetupError> {
        Self::from_secret(read_bounded(path)?.trim_ascii(), config)
    }

    /// Signs with HS256.
    ///
    /// # Errors
    /// When the secret is shorter than 32 bytes.
    pub fn from_secret(secret: &[u8], config: IssuerConfig) -> Result<Self, SetupError> {
        // Uses the verifier's rules, so that no token is created that nobody accepts.
        Key::secret(None, secret)?;
        Ok(Self::with_key(EncodingKey::from_secret(secret), Algorithm::HS256, config))
    }

    /// Signs with `EdDSA` and an Ed25519 private key, PKCS #8 in PEM.
    ///
    /// # Errors
    /// When the text is not such a key.
    pub fn from_ed25519_pem(pem: &[u8], config: IssuerConfig) -> Result<Self, SetupError> {
        let key = EncodingKey::from_ed_pem(pem).map_err(|_| SetupError::MalformedKey("not an Ed25519 private key"))?;
        let issuer = Self::with_key(key, Algorithm::EdDSA, config);
        // The key is parsed only when it signs.
        issuer.sign("{}", "{}").map_err(|_| SetupError::MalformedKey("not an Ed25519 private key"))?;
        Ok(issuer)
    }

    /// Signs with any key; the caller makes sure that it fits the algorithm.
    pub(crate) fn with_key(key: EncodingKey, algorithm: Algorithm, config: IssuerConfig) -> Self {
        Self { config, algorithm, key }
    }

    /// A token for one user in one organization, valid from now for `ttl` (whole seconds; at least one).
    ///
    /// # Errors
    /// When `ttl` is out of range, or the key cannot sign.
    pub fn issue(&self, user: UserId, organization: OrganizationId, ttl: Duration) -> Result<Issued, SetupError> {
        let out_of_range = SetupError::Setting("the token's time to live is not between a second and ten years");
        if ttl < Duration::from_secs(1) || ttl > Duration::from_hours(24 * 3653) {
            return Err(out_of_range);
        }
        // Rounded down, so that a verifier on the same clock never sees a token from the future.
        let issued_at = self.config.clock.now().trunc_subsecs(0);
        let ttl = TimeDelta::from_std(ttl).map_err(|_| out_of_range)?;
        self.issue_at(user, organization, issued_at, issued_at + ttl)
    }

    /// As [`issue`](Self::issue), for a token that replaces another one: valid for `ttl`, but not beyond `not_after`.
    /// If `not_after` has passed and a verifier still accepts the old token within the leeway, the new one is valid
    /// just as long.
    ///
    /// # Errors
    /// As [`issue`](Self::issue).
    pub fn issue_until(
        &self,
        user: UserId,
        organization: OrganizationId,
        ttl: Duration,
        not_after: DateTime<Utc>,
    ) -> Result<Issued, SetupError> {
        let issued_at = self.config.clock.now().trunc_subsecs(0);
        match (not_after - issued_at).to_std() {
            Ok(left) if left >= ttl => self.issue(user, organization, ttl),
            _ => self.issue_at(user, organization, issued_at, not_after),
        }
    }

    fn issue_at(
        &self,
        user: UserId,
        organization: OrganizationId,
        issued_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Issued, SetupError> {
        let expires_at = expires_at.trunc_subsecs(0);
        let mut header = json!({ "typ": "JWT", "alg": self.algorithm_name() });
        if let Some(key_id) = &self.config.key_id {
            header["kid"] = json!(key_id);
        }
        let mut claims = Map::new();
        let IssuerConfig { issuer, audience, claims: names, .. } = &self.config;
        claims.insert("iss".to_owned(), json!(issuer));
        names.audience.insert(&mut claims, json!(audience));
        names.user.insert(&mut claims, json!(user));
        names.organization.insert(&mut claims, json!(organization));
        for (name, time) in [("iat", issued_at), ("nbf", issued_at), ("exp", expires_at)] {
            claims.insert(name.to_owned(), json!(time.timestamp()));
        }
        let token = self.sign(&header.to_string(), &Value::Object(claims).to_string())?;
        Ok(Issued { token, issued_at, expires_at })
    }

    /// The content of every token.
    pub const fn config(&self) -> &IssuerConfig {
        &self.config
    }

    pub(crate) fn algorithm_name(&self) -> String {
        format!("{:?}", self.algorithm)
    }

    /// Signs this header and this payload unchanged.
    pub(crate) fn sign(&self, header: &str, payload: &str) -> Result<String, SetupError> {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.key, self.algorithm)
            .map_err(|_| SetupError::Signing)?;
        Ok(format!("{message}.{signature}"))
    }
}

/// Writes a new random HS256 secret to a file that only its owner may read. The file must not exist yet, because tokens
/// signed with an overwritten secret would silently become invalid.
///
/// # Errors
/// When there is no randomness, or the file exists or cannot be written.
pub fn generate_dev_key(path: &Path) -> Result<(), SetupError> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| SetupError::Signing)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |source| SetupError::File { path: path.to_owned(), source };
    let mut file = options.open(path).map_err(failed)?;
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(secret)).map_err(failed)?;
    file.sync_all().map_err(failed)
}
