//! Why a token is refused, and why keys or settings cannot be used.

use std::path::PathBuf;

/// Why a token is refused. `Display` is for the log. It quotes a token only once its signature is verified, and then only
/// its issuer, its audience and an id without a mapping. The caller gets [`TokenError::public_message`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than [`crate::MAX_TOKEN_LENGTH`].
    #[error("the token is {0} bytes long")]
    TooLong(usize),
    /// Not three base64url parts, or one of the first two is not a JSON object with unique names.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// A header parameter has the wrong type, or is one that this service refuses.
    #[error("the header parameter `{0}` is not acceptable")]
    Header(&'static str),
    /// The header's algorithm is not that of the selected key.
    #[error("the algorithm does not match the key")]
    Algorithm,
    /// The header names a key that is not in the key set, or names none although there are several.
    #[error("the key is unknown")]
    UnknownKey,
    /// The signature was not made by the key over this header and payload.
    #[error("the signature is wrong")]
    Signature,
    /// A claim is missing, has the wrong type, or has an impossible value.
    #[error("the claim `{0}` is missing or not acceptable")]
    Claim(String),
    /// Issued by a different issuer.
    #[error("the issuer is {found}, expected is {expected:?}{}", slash(found, expected))]
    Issuer {
        /// The token's, in quotation marks.
        found: String,
        /// The one in the settings.
        expected: String,
    },
    /// Issued for a different audience.
    #[error("the audience is {found}, expected is {expected:?}")]
    Audience {
        /// The token's, in quotation marks.
        found: String,
        /// The one in the settings.
        expected: String,
    },
    /// The identity provider's id is not in the map of ids.
    #[error("the map of ids lacks {found}, the value of the claim `{claim}`")]
    Unmapped {
        /// The claim.
        claim: String,
        /// Its value, in quotation marks.
        found: String,
    },
    /// `nbf` or `iat` is in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `exp` has passed. Reported only for a token that is valid in every other respect.
    #[error("the token has expired")]
    Expired,
    /// The key set is too old to be trusted and could not be read again.
    #[error("no current key set is available")]
    KeysUnavailable,
}

impl TokenError {
    /// The message for the caller. All refusals read the same, except that a client is told to renew an expired token.
    /// That is reported after the signature was verified, so it tells a forger nothing.
    pub const fn public_message(&self) -> &'static str {
        match self {
            Self::Expired => "The token has expired.",
            _ => "The token is missing, malformed or not trusted.",
        }
    }

    /// A short, stable word for metrics and logs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLong(_) => "too_long",
            Self::Malformed(_) => "malformed",
            Self::Header(_) => "header",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Claim(_) => "claim",
            Self::Issuer { .. } => "issuer",
            Self::Audience { .. } => "audience",
            Self::Unmapped { .. } => "unmapped",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::KeysUnavailable => "keys_unavailable",
        }
    }

    /// Whether a fresh token of the same user would be accepted.
    pub const fn is_expired(&self) -> bool {
        matches!(self, Self::Expired)
    }

    /// Whether the settings may be the cause: the signature is right, and still the token does not fit them.
    pub const fn may_be_settings(&self) -> bool {
        matches!(self, Self::Claim(_) | Self::Issuer { .. } | Self::Audience { .. } | Self::Unmapped { .. })
    }

    /// Whether the cause is this service's access to its keys, and not the token.
    pub const fn is_unavailable(&self) -> bool {
        matches!(self, Self::KeysUnavailable)
    }
}

/// Points out the likeliest difference between two issuers.
fn slash(found: &str, expected: &str) -> &'static str {
    if found.trim_matches('"').trim_end_matches('/') == expected.trim_end_matches('/') {
        "; they differ only in the slash at the end"
    } else {
        ""
    }
}

/// Why keys or settings cannot be used. For operators: it may name files and settings, never a secret.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A key file cannot be read or written.
    #[error("cannot access the key file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The key set cannot be fetched.
    #[error("cannot fetch the key set")]
    Fetch(#[source] reqwest::Error),
    /// The key set's address answered with a status other than 200.
    #[error("the key set's address answered with status {0}")]
    Status(u16),
    /// The key file or the fetched document is longer than allowed.
    #[error("the key document is longer than {0} bytes")]
    TooLarge(usize),
    /// The document is not a JSON Web Key Set.
    #[error("the document is not a JSON Web Key Set")]
    Document(#[source] serde_json::Error),
    /// The key is too short to be safe.
    #[error("weak key: {0}")]
    WeakKey(&'static str),
    /// A private key was given instead of a public one.
    #[error("a private key was given where a public key is expected")]
    PrivateKey,
    /// The key cannot be parsed.
    #[error("malformed key: {0}")]
    MalformedKey(&'static str),
    /// The key has a kind, curve, algorithm or use that this service does not verify with.
    #[error("unsupported key: {0}")]
    UnsupportedKey(&'static str),
    /// No key in the document can verify a token. The reasons were logged, key by key.
    #[error("the document holds no usable key")]
    NoUsableKey,
    /// The map of ids is no such document.
    #[error("the map of ids is not a JSON object with `users` and `organizations`")]
    IdMap(#[source] serde_json::Error),
    /// The map of ids names something that is not an id of Tenantry.
    #[error("the map of ids names {0:?}, which is not an id of its kind")]
    MappedId(String),
    /// A setting is out of range.
    #[error("setting out of range: {0}")]
    Setting(&'static str),
    /// The operating system provided no randomness, or the key could not sign.
    #[error("cannot generate or use the signing key")]
    Signing,
}
