//! Forgeries of a token's content: its algorithm, its header parameters, its claims.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::json;
use tenantry_domain::{OrganizationId, UserId};

use super::{Ed25519Pem, Forge, changed, text};
use crate::error::SetupError;
use crate::issuer::Issuer;

impl Forge<'_> {
    /// Other algorithms than the key's.
    pub(super) fn algorithms(&mut self, public_key: Option<&str>) -> Result<(), SetupError> {
        let ours = self.issuer.algorithm_name();
        for none in ["none", "None", "NONE", "nOnE", "noNe", " none", "none ", "none\0", "nоne", "null", ""] {
            let header = text(&changed(&self.header, "alg", Some(json!(none))));
            let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(text(&self.claims)));
            self.add(format!("alg {none:?} without a signature"), "malformed", format!("{message}."));
            self.add(format!("alg {none:?} with some signature"), "algorithm", format!("{message}.AAAA"));
            self.header("alg", Some(&json!(none)), "algorithm")?;
        }
        for other in [
            "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "ES256K",
            "EdDSA", "Ed25519", "Ed448", "dir", "A128KW", "RSA-OAEP", "hs256", "eddsa", "ed25519", "HS256 ",
        ] {
            // The second name of the same algorithm.
            let is_ours = other == ours || (other == "Ed25519" && ours == "EdDSA");
            if !is_ours {
                self.header("alg", Some(&json!(other)), "algorithm")?;
            }
        }
        // What a careless verifier might use as the secret.
        let mut secrets = vec![("nothing", String::new()), ("the issuer's name", self.issuer.config().issuer.clone())];
        if let Some(public_key) = public_key {
            let body: String = public_key.lines().filter(|line| !line.starts_with("-----")).collect();
            let der = STANDARD.decode(&body).unwrap_or_default();
            secrets.extend([
                ("the public key's file", public_key.to_owned()),
                ("the public key's file without its end of line", public_key.trim().to_owned()),
                ("the public key's base64", body),
            ]);
            let raw = der.get(der.len().saturating_sub(32)..).unwrap_or_default().to_vec();
            for (name, secret) in [("the public key's DER", der), ("the public key's last 32 bytes", raw)] {
                let token = self.with_secret(&secret)?;
                self.add(format!("HS256 with {name} as secret"), self.confusion(), token);
            }
        }
        for (name, secret) in secrets {
            let token = self.with_secret(secret.as_bytes())?;
            self.add(format!("HS256 with {name} as secret"), self.confusion(), token);
        }
        Ok(())
    }

    /// How a token signed with the wrong HS256 secret is refused.
    fn confusion(&self) -> &'static str {
        if self.issuer.algorithm_name() == "HS256" { "signature" } else { "algorithm" }
    }

    fn with_secret(&self, secret: &[u8]) -> Result<String, SetupError> {
        let key = EncodingKey::from_secret(secret);
        let forger = Issuer::with_key(key, Algorithm::HS256, self.issuer.config().clone());
        forger.sign(&text(&changed(&self.header, "alg", Some(json!("HS256")))), &text(&self.claims))
    }

    /// Header parameters that are refused, wrong, or of the wrong type.
    pub(super) fn headers(&mut self) -> Result<(), SetupError> {
        for value in [None, Some(json!(null)), Some(json!(256)), Some(json!(["HS256"])), Some(json!({}))] {
            self.header("alg", value.as_ref(), "header")?;
        }
        for value in [
            json!("JWE"),
            json!("application/JWE"),
            json!("text/jwt"),
            json!("application/application/jwt"),
            json!("application/"),
            json!("jwt; charset=utf-8"),
            json!(" JWT"),
            json!("at+jwt "),
            json!("application/secevent+jwt"),
            json!("secevent+jwt"),
            json!("logout+jwt"),
            json!("dpop+jwt"),
            json!("id_token"),
            json!(""),
            json!(null),
            json!(1),
            json!(["JWT"]),
        ] {
            self.header("typ", Some(&value), "header")?;
        }
        for value in [json!("unknown"), json!(""), json!("../../etc/passwd"), json!("' OR 1=1 --")] {
            self.header("kid", Some(&value), "unknown_key")?;
        }
        for value in [json!(null), json!(0), json!(["a"]), json!({ "a": 1 })] {
            self.header("kid", Some(&value), "header")?;
        }
        if let Some(key_id) = self.issuer.config().key_id.clone() {
            self.header("kid", Some(&json!(format!("{key_id} "))), "unknown_key")?;
            self.header("kid", Some(&json!(format!("{key_id}\0"))), "unknown_key")?;
        }
        let chain = json!(["MIIB"]);
        for (name, value) in [
            ("crit", json!(["exp"])),
            ("crit", json!([])),
            ("crit", json!(null)),
            ("crit", json!(["b64"])),
            ("b64", json!(false)),
            ("b64", json!(true)),
            ("jku", json!("https://attacker.example/keys")),
            ("jku", json!(null)),
            ("x5u", json!("https://attacker.example/cert")),
            ("x5c", chain),
            ("cty", json!("JWT")),
            ("zip", json!("DEF")),
            ("enc", json!("A128GCM")),
        ] {
            self.header(name, Some(&value), "header")?;
        }
        // A token that carries its own key and is correctly signed with it.
        let pair = Ed25519Pem::generate()?;
        let forger = Issuer::from_ed25519_pem(pair.private.as_bytes(), self.issuer.config().clone())?;
        let header = changed(&self.header, "alg", Some(json!("EdDSA")));
        let with_key = text(&changed(&header, "jwk", Some(pair.jwk("mine"))));
        let token = forger.sign(&with_key, &text(&self.claims))?;
        self.add("a key of its own in the header", "header", token);
        let token = forger.sign(&text(&header), &text(&self.claims))?;
        let code = if self.issuer.algorithm_name() == "EdDSA" { "signature" } else { "algorithm" };
        self.add("another key under the right key id", code, token);
        Ok(())
    }

    /// Claims that are missing or of the wrong type, and the wrong issuer and audience.
    pub(super) fn claims(&mut self) -> Result<(), SetupError> {
        for name in ["iss", "aud", "sub", "org", "exp"] {
            self.claim(name, None, "claim")?;
        }
        for name in ["iss", "aud", "sub", "org", "exp", "nbf"] {
            for value in [json!(null), json!(true), json!({}), json!([]), json!([1])] {
                self.claim(name, Some(&value), "claim")?;
            }
        }
        for name in ["iss", "aud", "sub", "org"] {
            self.claim(name, Some(&json!(1)), "claim")?;
        }
        for name in ["iss", "sub", "org"] {
            let right = self.claims.get(name).cloned();
            self.claim(name, Some(&json!([right])), "claim")?;
        }
        let issuer = self.issuer.config().issuer.clone();
        let near = [issuer.to_uppercase() + "A", format!("{issuer}/"), format!("{issuer} "), format!("{issuer}.evil")];
        for value in near.iter().map(String::as_str).chain(["", "someone"]) {
            self.claim("iss", Some(&json!(value)), "issuer")?;
        }
        let audience = self.issuer.config().audience.clone();
        for value in [
            json!(""),
            json!("another"),
            json!(format!("{audience},another")),
            json!(format!("{audience} ")),
            json!(["another"]),
            json!([""]),
        ] {
            self.claim("aud", Some(&value), "audience")?;
        }
        self.claim("aud", Some(&json!([audience, 1])), "claim")?;
        self.claim("aud", Some(&json!([[audience]])), "claim")?;
        self.claim("aud", Some(&json!({ "aud": audience })), "claim")?;
        Ok(())
    }

    /// Subjects and organizations that are not ids.
    pub(super) fn ids(&mut self, user: UserId, organization: OrganizationId) -> Result<(), SetupError> {
        let (user_uuid, organization_uuid) = (user.as_uuid(), organization.as_uuid());
        for (name, own, other, uuid) in [
            ("sub", user.to_string(), organization.to_string(), user_uuid),
            ("org", organization.to_string(), user.to_string(), organization_uuid),
        ] {
            for value in [
                String::new(),
                "admin".into(),
                "*".into(),
                "%".into(),
                other,
                own.to_uppercase(),
                format!("{own} "),
                format!(" {own}"),
                format!("{own}\0"),
                format!("{own},{own}"),
                uuid.simple().to_string(),
                uuid.hyphenated().to_string().to_uppercase() + "0",
                uuid.braced().to_string(),
                uuid.urn().to_string(),
                format!("{uuid}\n"),
                format!("{uuid}' OR '1'='1"),
                "00000000-0000-0000-0000-000000000000".into(),
            ] {
                self.claim(name, Some(&json!(value)), "claim")?;
            }
        }
        self.claim("sub", Some(&json!("user_00000000000000000000000000")), "claim")?;
        self.claim("org", Some(&json!("org_00000000000000000000000000")), "claim")
    }

    /// Times that have passed, are in the future, or are invalid.
    pub(super) fn times(&mut self) -> Result<(), SetupError> {
        let now = self.issuer.config().clock.now().timestamp();
        for at in [json!(now - 31), json!(now - 3600), json!(1), json!(0), json!(1.5), json!(0.0), json!(1e9)] {
            self.claim("exp", Some(&at), "expired")?;
        }
        #[expect(clippy::cast_precision_loss, reason = "seconds of this century are exact")]
        let fraction = now as f64 + 90.5;
        self.claim("nbf", Some(&json!(fraction)), "not_yet_valid")?;
        self.claim("iat", Some(&json!(fraction)), "not_yet_valid")?;
        for at in [now + 90, now + 3600, 253_402_300_799] {
            self.claim("nbf", Some(&json!(at)), "not_yet_valid")?;
            self.claim("iat", Some(&json!(at)), "not_yet_valid")?;
        }
        for name in ["exp", "nbf", "iat"] {
            for value in [
                json!("soon"),
                json!((now + 3600).to_string()),
                json!(""),
                json!(-1),
                json!(-0.5),
                json!(1e300),
                json!(253_402_300_799.5),
                json!(u64::MAX),
                json!(i64::MAX),
                json!(253_402_300_800_i64),
            ] {
                self.claim(name, Some(&value), "claim")?;
            }
        }
        for value in [json!(null), json!(true), json!([now]), json!({})] {
            self.claim("iat", Some(&value), "claim")?;
        }
        // Expiry is reported only for a token that is otherwise valid.
        let expired = changed(&self.claims, "exp", Some(json!(now - 3600)));
        let token = self.issuer.sign(&text(&self.header), &text(&changed(&expired, "aud", Some(json!("another")))))?;
        self.add("expired and for another audience", "audience", token);
        let token = self.issuer.sign(&text(&self.header), &text(&expired))?;
        let (message, _) = token.rsplit_once('.').unwrap_or_default();
        self.add("expired with a wrong signature", "signature", format!("{message}.AAAA"));
        Ok(())
    }
}
