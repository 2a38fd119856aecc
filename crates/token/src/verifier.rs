//! Decides whether a bearer token is valid.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tenantry_domain::{Clock, OrganizationId, UserId};

use crate::MAX_TOKEN_LENGTH;
use crate::cache::{VerifiedCache, digest_of};
use crate::claim_name::ClaimNames;
use crate::claims::Expected;
use crate::compact::Compact;
use crate::error::{SetupError, TokenError};
use crate::id_map::{IdMap, IdMapFile};
use crate::key;
use crate::keystore::{KeyStore, Timing};
use crate::source::{KeySource, Source};

/// How long a verified signature is trusted before it is computed again, in seconds.
const REMEMBERED_SECONDS: i64 = 60;

/// The settings of [`Verifier::new`].
#[derive(Debug, Clone)]
pub struct VerifierConfig {
    /// The required `iss`.
    pub issuer: String,
    /// The `aud` that tokens must have or contain.
    pub audience: String,
    /// Where the keys are.
    pub keys: KeySource,
    /// The names of the claims.
    pub claims: ClaimNames,
    /// A file that maps the identity provider's ids to users and organizations; without it, the claims are our own ids.
    pub id_map: Option<PathBuf>,
    /// The tolerated difference between clocks; at most 30 seconds.
    pub leeway: Duration,
    /// How long keys are cached.
    pub caching: KeyCaching,
    /// How many verified tokens are cached; zero caches none.
    pub remembered_tokens: usize,
    /// The source of time.
    pub clock: Clock,
}

impl VerifierConfig {
    /// The default settings: 10 seconds of leeway, 10,000 cached tokens, the machine's clock.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>, keys: KeySource) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            keys,
            claims: ClaimNames::default(),
            id_map: None,
            leeway: Duration::from_secs(10),
            caching: KeyCaching::default(),
            remembered_tokens: 10_000,
            clock: Clock::system(),
        }
    }
}

/// How long keys are cached and how often they are fetched.
#[derive(Debug, Clone)]
pub struct KeyCaching {
    /// A key that was removed from its source stops working within this time. At least one second.
    pub time_to_live: Duration,
    /// How much longer the keys are used if their source cannot be read; after that every token is refused. At most one
    /// hour.
    pub grace: Duration,
    /// The minimum time between two readings caused by unknown key ids. At least one second.
    pub unknown_key_interval: Duration,
    /// The timeout of one fetch.
    pub fetch_timeout: Duration,
}

impl Default for KeyCaching {
    fn default() -> Self {
        Self {
            time_to_live: Duration::from_mins(5),
            grace: Duration::from_mins(5),
            unknown_key_interval: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(5),
        }
    }
}

/// The content of a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Who is asking; by default `sub`.
    pub user_id: UserId,
    /// The organization they are asking in; by default `org`. Whether they are a member of it is checked in the database.
    pub organization_id: OrganizationId,
    /// `iat`, if present.
    pub issued_at: Option<DateTime<Utc>>,
    /// `nbf`, if present.
    pub not_before: Option<DateTime<Utc>>,
    /// `exp`. The verifier accepts the token for the leeway longer.
    pub expires_at: DateTime<Utc>,
}

/// Verifies tokens. Cheap to clone; clones share keys and cached tokens.
#[derive(Clone)]
pub struct Verifier {
    expected: Arc<Expected>,
    keys: Arc<KeyStore>,
    verified: Arc<VerifiedCache>,
    ids: Option<Arc<IdMapFile>>,
    clock: Clock,
}

impl Verifier {
    /// Reads a key file. Keys behind a URL are fetched when the first token needs them, or by [`Verifier::prime`].
    ///
    /// # Errors
    /// When a setting is out of range, or a key file cannot be read, parsed or trusted.
    pub fn new(config: VerifierConfig) -> Result<Self, SetupError> {
        let caching = &config.caching;
        config.claims.check()?;
        let expected = Arc::new(Expected {
            issuer: non_empty(config.issuer, "the issuer is empty")?,
            audience: non_empty(config.audience, "the audience is empty")?,
            names: config.claims,
            leeway: within(config.leeway, 0, 30, "the leeway is more than 30 seconds")?,
        });
        let timing = Timing {
            ttl: within(caching.time_to_live, 1, 86_400, "the keys' cache time is not between a second and a day")?,
            grace: within(caching.grace, 0, 3600, "the keys' grace is more than an hour")?,
            interval: within(
                caching.unknown_key_interval,
                1,
                86_400,
                "the interval for unknown keys is not between a second and a day",
            )?,
        };
        within(caching.fetch_timeout, 0, 60, "the keys' fetch timeout is more than a minute")?;
        let source = Source::new(config.keys, caching.fetch_timeout)?;
        let verified = Arc::new(VerifiedCache::new(config.remembered_tokens));
        let keys = Arc::new(KeyStore::new(source, timing, config.clock.clone(), Arc::clone(&verified))?);
        let now = config.clock.now();
        let ids = config.id_map.map(|path| IdMapFile::open(path, now)).transpose()?.map(Arc::new);
        Ok(Self { expected, keys, verified, ids, clock: config.clock })
    }

    /// Reads the keys behind a URL for the first time, so that a wrong URL or a document without a usable key is
    /// reported when the server starts. Keys in a file were read by [`Verifier::new`].
    ///
    /// # Errors
    /// When the keys cannot be fetched, or none of them can verify a token.
    pub async fn load(&self) -> Result<(), SetupError> {
        self.keys.load_first().await
    }

    /// Makes sure that keys are loaded; for readiness checks, and so that the first request need not wait.
    ///
    /// # Errors
    /// [`TokenError::KeysUnavailable`].
    pub async fn prime(&self) -> Result<(), TokenError> {
        self.keys.current().await.map(drop)
    }

    /// The token's content, if it is valid now. Waits only while keys are being read: for the first time, after an
    /// outage, or because the token names an unknown key.
    ///
    /// # Errors
    /// The reason for the refusal; see [`TokenError::public_message`] for what a caller may be told.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(TokenError::TooLong(token.len()));
        }
        let mut snapshot = self.keys.current().await?;
        let now = self.clock.now();
        let digest = digest_of(token);
        if let Some(remembered) = self.verified.get(&digest, snapshot.generation, now) {
            self.expected.check_times(&remembered, now)?;
            return Ok(remembered);
        }

        let compact = Compact::parse(token)?;
        if !key::is_supported(&compact.algorithm) {
            return Err(TokenError::Algorithm);
        }
        let key_id = compact.key_id.as_deref();
        // Twice, because the first wait may be for a reading that began before the key was published.
        for _ in 0..2 {
            let selected = snapshot.keys.select(key_id, &compact.algorithm);
            if key_id.is_none() || !matches!(selected, Err(TokenError::UnknownKey)) {
                break;
            }
            snapshot = self.keys.newer_than(snapshot).await;
        }
        snapshot.keys.select(key_id, &compact.algorithm)?.verify(&compact)?;

        // Waiting for keys may have taken a while.
        let now = self.clock.now();
        let ids = self.ids(now).await;
        let verified = self.expected.check(&compact.claims()?, &ids, now)?;
        let until = (verified.expires_at + self.expected.leeway).min(now + TimeDelta::seconds(REMEMBERED_SECONDS));
        self.verified.insert(digest, verified, snapshot.generation, now, until);
        Ok(verified)
    }

    /// The map of ids. When it has changed, tokens that were verified with the old one are forgotten.
    async fn ids(&self, now: DateTime<Utc>) -> Arc<IdMap> {
        let Some(file) = &self.ids else { return Arc::default() };
        let (map, has_changed) = file.current(now).await;
        if has_changed {
            self.verified.clear();
        }
        map
    }

    #[cfg(test)]
    pub(crate) fn remembered(&self) -> usize {
        self.verified.len()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

fn non_empty(value: String, problem: &'static str) -> Result<String, SetupError> {
    if value.is_empty() { Err(SetupError::Setting(problem)) } else { Ok(value) }
}

/// Converts a setting whose limits are in seconds.
fn within(value: Duration, least: u64, most: u64, problem: &'static str) -> Result<TimeDelta, SetupError> {
    if value < Duration::from_secs(least) || value > Duration::from_secs(most) {
        return Err(SetupError::Setting(problem));
    }
    TimeDelta::from_std(value).map_err(|_| SetupError::Setting(problem))
}
