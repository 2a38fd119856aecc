//! The outer form of a token: three base64url parts and the header. Knows nothing about key material or claims.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::error::TokenError;

/// Header parameters that make a token something other than a plain signed one, or that carry or point at a key. RFC
/// 8725 sections 3.1 and 3.10: none of them is followed, and a token with one is refused.
const REFUSED: &[&str] =
    &["crit", "jku", "jwk", "x5u", "x5c", "cty", "zip", "enc", "b64", "epk", "apu", "apv", "iv", "tag", "p2s", "p2c"];

/// A token split into its parts. The payload is still encoded, because it must not be read before the signature is
/// verified.
pub(crate) struct Compact<'a> {
    /// What is signed: the encoded header, a dot, the encoded payload.
    pub(crate) message: &'a str,
    /// The encoded payload.
    payload: &'a str,
    /// The encoded signature.
    pub(crate) signature: &'a str,
    /// The algorithm that the header names.
    pub(crate) algorithm: String,
    /// The key id that the header names.
    pub(crate) key_id: Option<String>,
}

impl<'a> Compact<'a> {
    /// Splits a token and reads its header.
    pub(crate) fn parse(token: &'a str) -> Result<Self, TokenError> {
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        if payload.contains('.') {
            return Err(TokenError::Malformed("not three parts"));
        }
        if header.is_empty() || payload.is_empty() || signature.is_empty() {
            return Err(TokenError::Malformed("an empty part"));
        }
        let mut header = object(header)?;
        // The name comes from the constant and not from the token, because nothing of the token may reach the log.
        if let Some(name) = REFUSED.iter().find(|name| header.contains_key(**name)) {
            return Err(TokenError::Header(name));
        }
        let Some(Value::String(algorithm)) = header.remove("alg") else {
            return Err(TokenError::Header("alg"));
        };
        // Explicit typing (RFC 8725 section 3.11) prevents logout tokens, events and the like from passing as access
        // tokens.
        match header.get("typ") {
            None => {}
            Some(Value::String(typ)) if is_access_token(typ) => {}
            Some(_) => return Err(TokenError::Header("typ")),
        }
        let key_id = match header.remove("kid") {
            None => None,
            Some(Value::String(key_id)) => Some(key_id),
            Some(_) => return Err(TokenError::Header("kid")),
        };
        Ok(Self { message, payload, signature, algorithm, key_id })
    }

    /// Decodes the payload; call this only after the signature was verified.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, TokenError> {
        object(self.payload)
    }
}

/// Whether `typ` is that of a plain token (RFC 7519 section 5.1) or of an access token (RFC 9068 section 4). It is a
/// media type, so it is not case-sensitive, and the prefix `application/` is optional (RFC 7515 section 4.1.9).
fn is_access_token(typ: &str) -> bool {
    const TREE: &str = "application/";
    let has_tree = typ.get(..TREE.len()).is_some_and(|start| start.eq_ignore_ascii_case(TREE));
    let subtype = if has_tree { &typ[TREE.len()..] } else { typ };
    subtype.eq_ignore_ascii_case("JWT") || subtype.eq_ignore_ascii_case("at+jwt")
}

/// Decodes one part into a JSON object. The decoder accepts only the canonical form: no padding, no stray bits, no
/// white space.
fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("not base64url"))?;
    let object: StrictObject =
        serde_json::from_slice(&json).map_err(|_| TokenError::Malformed("not a JSON object with distinct names"))?;
    Ok(object.0)
}

/// A JSON object without duplicate names. Parsers differ on which of two values wins, so a token with both could mean
/// one thing to a gateway and another to this service.
struct StrictObject(Map<String, Value>);

impl<'de> Deserialize<'de> for StrictObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = StrictObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with distinct names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<StrictObject, A::Error> {
                let mut map = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("repeated name"));
                    }
                }
                Ok(StrictObject(map))
            }
        }

        deserializer.deserialize_map(Names)
    }
}
