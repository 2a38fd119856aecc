//! Tokens that must be refused, for the tests of this crate and of code that uses a [`crate::Verifier`] behind HTTP.
//!
//! Every forgery starts from a valid token, changes one thing, and is signed again with the right key where a forger
//! could have got that signature. So each is refused for the reason it names and for no other.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use serde_json::{Map, Value, json};
use tenantry_domain::{OrganizationId, UserId};

use crate::error::SetupError;
use crate::issuer::Issuer;

mod content;
mod shape;

/// One token that must be refused.
#[derive(Debug, Clone)]
pub struct Forgery {
    /// What is wrong with it.
    pub name: String,
    /// The token.
    pub token: String,
    /// The [`crate::TokenError::code`] of the refusal.
    pub code: &'static str,
}

impl Forgery {
    /// Whether the token can follow `Bearer ` in a header and arrive unchanged. HTTP cannot transport the others, or
    /// trims the white space that makes them invalid.
    pub fn fits_a_header(&self) -> bool {
        !self.token.is_empty() && self.token.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

/// A new Ed25519 key pair in PEM: what [`Issuer::from_ed25519_pem`] and [`crate::KeySource::PublicKeyFile`] read.
#[derive(Debug, Clone)]
pub struct Ed25519Pem {
    /// The private key, PKCS #8.
    pub private: String,
    /// The public key.
    pub public: String,
    /// The public key's `x` in a JSON Web Key.
    pub x: String,
}

impl Ed25519Pem {
    /// A random pair.
    ///
    /// # Errors
    /// When there is no randomness.
    pub fn generate() -> Result<Self, SetupError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| SetupError::Signing)?;
        let private = pair.to_pkcs8v1().map_err(|_| SetupError::Signing)?;
        let public = pair.public_key().as_der().map_err(|_| SetupError::Signing)?;
        Ok(Self {
            private: pem("PRIVATE KEY", private.as_ref()),
            public: pem("PUBLIC KEY", public.as_ref()),
            x: URL_SAFE_NO_PAD.encode(pair.public_key()),
        })
    }

    /// The public key as an entry of a JSON Web Key Set.
    pub fn jwk(&self, key_id: &str) -> Value {
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": key_id, "use": "sig", "alg": "EdDSA", "x": self.x })
    }
}

/// DER as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

/// All forgeries, for a verifier that has this issuer's key under this issuer's key id, and a leeway of at most 30
/// seconds.
///
/// `public_key` is the text of the verifier's public key file or key set; one forgery uses it as an HS256 secret.
///
/// # Errors
/// When the issuer's key cannot sign.
pub fn forgeries(
    issuer: &Issuer,
    user: UserId,
    organization: OrganizationId,
    public_key: Option<&str>,
) -> Result<Vec<Forgery>, SetupError> {
    let mut forge = Forge::new(issuer, user, organization);
    forge.shapes()?;
    forge.signatures()?;
    forge.algorithms(public_key)?;
    forge.headers()?;
    forge.claims()?;
    forge.ids(user, organization)?;
    forge.times()?;
    Ok(forge.list)
}

struct Forge<'a> {
    issuer: &'a Issuer,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    list: Vec<Forgery>,
}

impl<'a> Forge<'a> {
    fn new(issuer: &'a Issuer, user: UserId, organization: OrganizationId) -> Self {
        let config = issuer.config();
        let now = config.clock.now().timestamp();
        let mut header =
            Map::from_iter([("typ".to_owned(), json!("JWT")), ("alg".to_owned(), json!(issuer.algorithm_name()))]);
        if let Some(key_id) = &config.key_id {
            header.insert("kid".into(), json!(key_id));
        }
        let claims = Map::from_iter([
            ("iss".to_owned(), json!(config.issuer)),
            ("aud".to_owned(), json!(config.audience)),
            ("sub".to_owned(), json!(user)),
            ("org".to_owned(), json!(organization)),
            ("iat".to_owned(), json!(now)),
            ("nbf".to_owned(), json!(now)),
            ("exp".to_owned(), json!(now + 3600)),
        ]);
        Self { issuer, header, claims, list: Vec::new() }
    }

    fn valid(&self) -> Result<String, SetupError> {
        self.issuer.sign(&text(&self.header), &text(&self.claims))
    }

    fn add(&mut self, name: impl Into<String>, code: &'static str, token: String) {
        self.list.push(Forgery { name: name.into(), token, code });
    }

    /// A token with a header parameter set or removed, signed with the right key.
    fn header(&mut self, name: &str, value: Option<&Value>, code: &'static str) -> Result<(), SetupError> {
        let header = text(&changed(&self.header, name, value.cloned()));
        let token = self.issuer.sign(&header, &text(&self.claims))?;
        self.add(format!("header {name} = {value:?}"), code, token);
        Ok(())
    }

    /// A token with a claim set or removed, signed with the right key.
    fn claim(&mut self, name: &str, value: Option<&Value>, code: &'static str) -> Result<(), SetupError> {
        let claims = text(&changed(&self.claims, name, value.cloned()));
        let token = self.issuer.sign(&text(&self.header), &claims)?;
        self.add(format!("claim {name} = {value:?}"), code, token);
        Ok(())
    }

    /// A token with this exact header and payload, signed with the right key.
    fn raw(&mut self, name: &str, code: &'static str, header: &str, payload: &str) -> Result<(), SetupError> {
        let token = self.issuer.sign(header, payload)?;
        self.add(name, code, token);
        Ok(())
    }
}

fn text(object: &Map<String, Value>) -> String {
    Value::Object(object.clone()).to_string()
}

fn changed(object: &Map<String, Value>, name: &str, value: Option<Value>) -> Map<String, Value> {
    let mut object = object.clone();
    match value {
        Some(value) => object.insert(name.to_owned(), value),
        None => object.remove(name),
    };
    object
}
