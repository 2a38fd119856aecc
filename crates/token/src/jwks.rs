//! JSON Web Key Set documents (RFC 7517): which entries are used and which are skipped.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;
use tenantry_domain::byte_order_mark::without_byte_order_mark;

use crate::error::SetupError;
use crate::key::{Key, KeySet, shortened};

/// More entries than any issuer publishes.
const MAX_KEYS: usize = 100;

/// Where a document comes from; this determines how far it is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file of the operator: it may contain an HS256 secret.
    File,
    /// Fetched: a published secret is not secret, so it is not accepted.
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

/// Reads a document. A key that cannot be used is skipped and logged with its id and the reason; it does not affect the
/// others (RFC 7517 section 5). An empty fetched set is valid: the issuer has withdrawn all its keys. A set with
/// nothing but faulty keys is an error.
pub(crate) fn parse(document: &[u8], origin: Origin) -> Result<KeySet, SetupError> {
    let document = without_byte_order_mark(document);
    let document: Document = serde_json::from_slice(document).map_err(SetupError::Document)?;
    if document.keys.len() > MAX_KEYS {
        return Err(SetupError::UnsupportedKey("a set of more than 100 keys"));
    }
    let mut keys = Vec::with_capacity(document.keys.len());
    let is_withdrawn = origin == Origin::Fetched && document.keys.is_empty();
    for (index, entry) in document.keys.into_iter().enumerate() {
        let kid = entry.get("kid").and_then(Value::as_str).map(|kid| shortened(kid).to_owned());
        match parse_entry(entry, origin) {
            Ok(key) => keys.push(key),
            // Many sets contain keys for other purposes and of other kinds.
            Err(error @ SetupError::UnsupportedKey(_)) => {
                tracing::debug!(index, kid, %error, "a key of the key set is not for verifying tokens and is skipped");
            }
            Err(error) => tracing::warn!(index, kid, %error, "a key of the key set cannot be used and is skipped"),
        }
    }
    if keys.is_empty() && !is_withdrawn {
        return Err(SetupError::NoUsableKey);
    }
    Ok(KeySet::new(keys))
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
            // RFC 7518 section 6.2.1.2: each coordinate has the full length of the field.
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
    if entry.alg.as_deref().is_some_and(|algorithm| !key.has_algorithm(algorithm)) {
        return Err(SetupError::UnsupportedKey("its algorithm"));
    }
    Ok(key)
}

fn bytes(member: Option<&str>) -> Result<Vec<u8>, SetupError> {
    let member = member.ok_or(SetupError::MalformedKey("a member is missing"))?;
    URL_SAFE_NO_PAD.decode(member).map_err(|_| SetupError::MalformedKey("a member is not base64url"))
}
