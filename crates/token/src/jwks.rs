//! JSON Web Key Set documents (RFC 7517): which of their entries are taken, and which are left.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

use crate::error::SetupError;
use crate::key::{Key, KeySet};

/// More entries than any issuer publishes.
const MAX_KEYS: usize = 100;

/// Where a document comes from decides how far it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file of the operator: mistakes in it are told, and it may hold an HS256 secret.
    File,
    /// Fetched: a secret that was published is none, and one odd entry must not stop the others.
    Fetched,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
    k: Option<String>,
    d: Option<Value>,
}

/// Reads a document. An empty fetched set is a valid answer: the issuer has withdrawn all its keys.
pub(crate) fn parse(document: &[u8], origin: Origin) -> Result<KeySet, SetupError> {
    let document: Document = serde_json::from_slice(document).map_err(SetupError::Document)?;
    if document.keys.len() > MAX_KEYS {
        return Err(SetupError::UnsupportedKey("a set of more than 100 keys"));
    }
    let mut keys = Vec::with_capacity(document.keys.len());
    for (index, entry) in document.keys.into_iter().enumerate() {
        match parse_entry(entry, origin) {
            Ok(key) => keys.push(key),
            Err(error @ SetupError::UnsupportedKey(_)) => {
                tracing::debug!(index, %error, "an entry of the key set is left out");
            }
            Err(error) if origin == Origin::Fetched => {
                tracing::warn!(index, %error, "an entry of the fetched key set is left out");
            }
            Err(error) => return Err(error),
        }
    }
    if origin == Origin::File && keys.is_empty() {
        return Err(SetupError::NoUsableKey);
    }
    KeySet::new(keys)
}

fn parse_entry(entry: Value, origin: Origin) -> Result<Key, SetupError> {
    let entry: Entry = serde_json::from_value(entry).map_err(|_| SetupError::MalformedKey("not a JSON Web Key"))?;
    if entry.usage.as_deref().is_some_and(|usage| usage != "sig") {
        return Err(SetupError::UnsupportedKey("its use is not `sig`"));
    }
    if entry.key_ops.as_ref().is_some_and(|operations| !operations.iter().any(|operation| operation == "verify")) {
        return Err(SetupError::UnsupportedKey("its operations do not include `verify`"));
    }
    if entry.d.is_some() {
        return Err(SetupError::PrivateKey);
    }
    let id = entry.kid;
    let key = match (entry.kty.as_str(), entry.crv.as_deref()) {
        ("OKP", Some("Ed25519")) => Key::ed25519(id, &bytes(entry.x.as_deref())?)?,
        ("EC", Some("P-256")) => {
            let (x, y) = (bytes(entry.x.as_deref())?, bytes(entry.y.as_deref())?);
            // RFC 7518 section 6.2.1.2: each coordinate has the field's full length.
            if x.len() != 32 || y.len() != 32 {
                return Err(SetupError::MalformedKey("not a P-256 point"));
            }
            Key::p256(id, &[&[4], x.as_slice(), y.as_slice()].concat())?
        }
        ("RSA", _) => Key::rsa(id, &bytes(entry.n.as_deref())?, &bytes(entry.e.as_deref())?)?,
        ("oct", _) if origin == Origin::File => Key::secret(id, &bytes(entry.k.as_deref())?)?,
        ("oct", _) => return Err(SetupError::WeakKey("a published secret")),
        _ => return Err(SetupError::UnsupportedKey("its type or curve")),
    };
    if entry.alg.as_deref().is_some_and(|algorithm| algorithm != key.algorithm_name()) {
        return Err(SetupError::UnsupportedKey("its algorithm"));
    }
    Ok(key)
}

fn bytes(member: Option<&str>) -> Result<Vec<u8>, SetupError> {
    let member = member.ok_or(SetupError::MalformedKey("a member is missing"))?;
    URL_SAFE_NO_PAD.decode(member).map_err(|_| SetupError::MalformedKey("a member is not base64url"))
}
