//! A verification key with its algorithm, and the set that a token's header selects from.

use aws_lc_rs::rsa::PublicKey as RsaPublicKey;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RsaPublicKeyComponents};
use aws_lc_rs::{digest, signature};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, DecodingKey};

use crate::compact::Compact;
use crate::error::{SetupError, TokenError};
use crate::small_order;

/// Shorter HS256 secrets can be guessed offline from a single token (RFC 7518 section 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// RFC 7518 section 3.3.
const MIN_RSA_BITS: usize = 2048;
/// Longer moduli make every forged signature expensive to refuse.
const MAX_RSA_BITS: usize = 8192;

/// The DER that precedes the 32 bytes of an Ed25519 public key.
const ED25519_SPKI: &[u8] = &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// The DER that precedes the 65 bytes of an uncompressed P-256 point.
const P256_SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// A key that verifies with one algorithm and no other.
pub(crate) struct Key {
    pub(crate) id: Option<String>,
    algorithm: Algorithm,
    decoding: DecodingKey,
    /// Used to detect that a set that was read again has not changed.
    fingerprint: Vec<u8>,
}

impl Key {
    /// An HS256 key.
    pub(crate) fn secret(id: Option<String>, secret: &[u8]) -> Result<Self, SetupError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SetupError::WeakKey("an HS256 secret needs at least 32 bytes"));
        }
        // A public key is not secret. Configured as a secret, it would let anyone sign.
        if secret.trim_ascii_start().starts_with(b"-----BEGIN") || secret.trim_ascii_start().starts_with(b"{") {
            return Err(SetupError::MalformedKey("the secret is a key file of another kind"));
        }
        Ok(Self::new(id, Algorithm::HS256, DecodingKey::from_secret(secret), &[secret]))
    }

    /// An Ed25519 key from its 32 bytes.
    pub(crate) fn ed25519(id: Option<String>, point: &[u8]) -> Result<Self, SetupError> {
        ParsedPublicKey::new(&ED25519, point).map_err(|_| SetupError::MalformedKey("not an Ed25519 point"))?;
        if small_order::has_small_order(point) {
            return Err(SetupError::WeakKey("an Ed25519 point of small order"));
        }
        Ok(Self::new(id, Algorithm::EdDSA, DecodingKey::from_ed_der(point), &[point]))
    }

    /// A P-256 key from its uncompressed point, 65 bytes.
    pub(crate) fn p256(id: Option<String>, point: &[u8]) -> Result<Self, SetupError> {
        if point.len() != 65 || point[0] != 4 {
            return Err(SetupError::MalformedKey("not an uncompressed P-256 point"));
        }
        // Parsing checks that the point lies on the curve (RFC 8725 section 3.4).
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .map_err(|_| SetupError::MalformedKey("not a point of P-256"))?;
        Ok(Self::new(id, Algorithm::ES256, DecodingKey::from_ec_der(point), &[point]))
    }

    /// An RSA key from its modulus and exponent, big-endian without leading zeros.
    pub(crate) fn rsa(id: Option<String>, modulus: &[u8], exponent: &[u8]) -> Result<Self, SetupError> {
        let Some(first) = modulus.first().filter(|first| **first != 0) else {
            return Err(SetupError::MalformedKey("not an RSA modulus"));
        };
        let bits = modulus.len() * 8 - first.leading_zeros() as usize;
        if bits < MIN_RSA_BITS {
            return Err(SetupError::WeakKey("an RSA key needs at least 2048 bits"));
        }
        if bits > MAX_RSA_BITS {
            return Err(SetupError::UnsupportedKey("an RSA key of more than 8192 bits"));
        }
        let odd = exponent.last().is_some_and(|last| last % 2 == 1);
        if exponent.first() == Some(&0) || exponent == [1] || exponent.len() > 4 || !odd {
            return Err(SetupError::WeakKey("not a safe RSA exponent"));
        }
        RsaPublicKeyComponents { n: modulus, e: exponent }
            .to_parsed_public_key(&signature::RSA_PKCS1_2048_8192_SHA256)
            .map_err(|_| SetupError::MalformedKey("not an RSA key"))?;
        let decoding = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Ok(Self::new(id, Algorithm::RS256, decoding, &[modulus, exponent]))
    }

    /// The key in a PEM file with the label `PUBLIC KEY`; its kind determines the algorithm.
    pub(crate) fn pem(id: Option<String>, pem: &[u8]) -> Result<Self, SetupError> {
        let text = std::str::from_utf8(pem).map_err(|_| SetupError::MalformedKey("not a PEM file"))?.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(SetupError::PrivateKey);
        }
        let body = text
            .strip_prefix("-----BEGIN PUBLIC KEY-----")
            .and_then(|text| text.strip_suffix("-----END PUBLIC KEY-----"))
            .ok_or(SetupError::MalformedKey("expected exactly one PEM block with the label PUBLIC KEY"))?;
        let body: String = body.split_ascii_whitespace().collect();
        let der = STANDARD.decode(body).map_err(|_| SetupError::MalformedKey("not base64"))?;
        if let Some(point) = der.strip_prefix(ED25519_SPKI) {
            return Self::ed25519(id, point);
        }
        if let Some(point) = der.strip_prefix(P256_SPKI) {
            return Self::p256(id, point);
        }
        let key = RsaPublicKey::from_der(&der)
            .map_err(|_| SetupError::UnsupportedKey("expected Ed25519, P-256 (uncompressed) or RSA"))?;
        Self::rsa(id, key.modulus().big_endian_without_leading_zero(), key.exponent().big_endian_without_leading_zero())
    }

    fn new(id: Option<String>, algorithm: Algorithm, decoding: DecodingKey, material: &[&[u8]]) -> Self {
        // The lengths distinguish ("ab", "c") from ("a", "bc").
        let mut context = digest::Context::new(&digest::SHA256);
        let name = format!("{algorithm:?} {id:?}");
        for part in std::iter::once(name.as_bytes()).chain(material.iter().copied()) {
            context.update(&part.len().to_be_bytes());
            context.update(part);
        }
        let fingerprint = context.finish().as_ref().to_vec();
        Self { id, algorithm, decoding, fingerprint }
    }

    /// The algorithm's name in headers and key sets.
    pub(crate) fn algorithm_name(&self) -> &'static str {
        match self.algorithm {
            Algorithm::HS256 => "HS256",
            Algorithm::ES256 => "ES256",
            Algorithm::RS256 => "RS256",
            // The constructors make keys of four algorithms; this is the fourth.
            _ => "EdDSA",
        }
    }

    /// Whether an `alg` names this key's algorithm. The comparison is case-sensitive (RFC 7515 section 4.1.1).
    pub(crate) fn has_algorithm(&self, name: &str) -> bool {
        // RFC 9864 section 2.2 gave the algorithm a second name and deprecates the first one.
        name == self.algorithm_name() || (self.algorithm == Algorithm::EdDSA && name == "Ed25519")
    }

    /// Checks the signature with this key's own algorithm.
    fn verify(&self, token: &Compact<'_>) -> Result<(), TokenError> {
        // An error means that the signature is not canonical base64url or has the wrong length for the algorithm.
        let verified =
            jsonwebtoken::crypto::verify(token.signature, token.message.as_bytes(), &self.decoding, self.algorithm);
        if verified.unwrap_or(false) { Ok(()) } else { Err(TokenError::Signature) }
    }
}

/// The keys that may have signed a token. Almost always one.
pub(crate) struct Candidates<'k>(Vec<&'k Key>);

impl Candidates<'_> {
    /// Checks that one of them made the signature.
    pub(crate) fn verify(&self, token: &Compact<'_>) -> Result<(), TokenError> {
        if self.0.iter().any(|key| key.verify(token).is_ok()) { Ok(()) } else { Err(TokenError::Signature) }
    }

    #[cfg(test)]
    pub(crate) fn algorithms(&self) -> Vec<&'static str> {
        self.0.iter().map(|key| key.algorithm_name()).collect()
    }
}

/// The keys that are currently trusted.
#[derive(Default)]
pub(crate) struct KeySet(Vec<Key>);

impl KeySet {
    /// A set of keys without duplicates. Different keys with the same id and algorithm are all kept: ids should be
    /// unique (RFC 7517 section 4.5), but if they are not, only the signature can tell which key signed a token.
    pub(crate) fn new(keys: Vec<Key>) -> Self {
        let mut set = Self(Vec::with_capacity(keys.len()));
        for key in keys {
            let kid = key.id.as_deref().map(shortened);
            if set.0.iter().any(|other| other.fingerprint == key.fingerprint) {
                tracing::warn!(kid, "a key appears in the key set more than once");
                continue;
            }
            if key.id.is_some() && set.0.iter().any(|other| other.id == key.id && other.algorithm == key.algorithm) {
                tracing::warn!(kid, "several keys of the key set have this id; each of them is tried");
            }
            set.0.push(key);
        }
        set
    }

    /// The keys that may have signed a token with this header: those with its algorithm and, if it names a key id, with
    /// that id (RFC 7515 section 4.1.4 and appendix D).
    pub(crate) fn select(&self, key_id: Option<&str>, algorithm: &str) -> Result<Candidates<'_>, TokenError> {
        let named = |key: &&Key| key_id.is_none_or(|key_id| key.id.as_deref() == Some(key_id));
        if !self.0.iter().any(|key| named(&key)) {
            return Err(TokenError::UnknownKey);
        }
        let found: Vec<&Key> = self.0.iter().filter(named).filter(|key| key.has_algorithm(algorithm)).collect();
        if found.is_empty() { Err(TokenError::Algorithm) } else { Ok(Candidates(found)) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether both contain the same keys under the same names, in any order.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        let sorted = |set: &Self| {
            let mut fingerprints: Vec<_> = set.0.iter().map(|key| key.fingerprint.clone()).collect();
            fingerprints.sort_unstable();
            fingerprints
        };
        sorted(self) == sorted(other)
    }
}

/// Whether any key can have this algorithm. Checked before a key is looked up, so that `none` and the like cannot
/// trigger a fetch of the key set.
pub(crate) fn is_supported(algorithm: &str) -> bool {
    matches!(algorithm, "EdDSA" | "Ed25519" | "ES256" | "RS256" | "HS256")
}

/// The part of a key id that fits a line of the log; it comes from outside and may have any length.
pub(crate) fn shortened(key_id: &str) -> &str {
    const MOST: usize = 100;
    &key_id[..key_id.floor_char_boundary(MOST)]
}
