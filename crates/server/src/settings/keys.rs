//! Which tokens are accepted, and the keys that verify them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tenantry_token::{ClaimName, ClaimNames, KeySource, VerifierConfig};
use url::Url;

use super::SettingsError;

/// The kind of key in the key file. It is configured, never guessed from the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum JwtAlgorithm {
    /// A secret of at least 32 bytes; for development.
    #[value(name = "HS256", alias = "hs256")]
    Hs256,
    /// An Ed25519 public key in PEM.
    #[value(name = "EdDSA", alias = "eddsa")]
    EdDsa,
    /// A P-256 public key in PEM.
    #[value(name = "ES256", alias = "es256")]
    Es256,
    /// An RSA public key in PEM.
    #[value(name = "RS256", alias = "rs256")]
    Rs256,
}

/// Which tokens are accepted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Tokens")]
pub struct JwtSettings {
    /// The required `iss` of tokens.
    #[arg(long, env = "TENANTRY_JWT_ISSUER", value_name = "TEXT")]
    pub jwt_issuer: Option<String>,
    /// The required `aud` of tokens.
    #[arg(long, env = "TENANTRY_JWT_AUDIENCE", value_name = "TEXT")]
    pub jwt_audience: Option<String>,
    /// The kind of key in the key file.
    #[arg(long, env = "TENANTRY_JWT_ALGORITHM", value_name = "ALGORITHM")]
    pub jwt_algorithm: Option<JwtAlgorithm>,
    /// The file with the key.
    #[arg(long, env = "TENANTRY_JWT_KEY_FILE", value_name = "FILE")]
    pub jwt_key_file: Option<PathBuf>,
    /// The key id by which tokens name the key file's key, if they do.
    #[arg(long, env = "TENANTRY_JWT_KEY_ID", value_name = "TEXT")]
    pub jwt_key_id: Option<String>,
    /// The claim that says who is asking: a name, or a JSON pointer such as `/user/id`.
    #[arg(long, env = "TENANTRY_JWT_USER_CLAIM", default_value_t = ClaimNames::default().user, value_name = "CLAIM")]
    pub jwt_user_claim: ClaimName,
    /// The claim that says in which organization: a name, or a JSON pointer such as `/o/id`.
    #[arg(long, env = "TENANTRY_JWT_ORGANIZATION_CLAIM", default_value_t = ClaimNames::default().organization, value_name = "CLAIM")]
    pub jwt_organization_claim: ClaimName,
    /// The claim that says for whom the token is meant.
    #[arg(long, env = "TENANTRY_JWT_AUDIENCE_CLAIM", default_value_t = ClaimNames::default().audience, value_name = "CLAIM")]
    pub jwt_audience_claim: ClaimName,
    /// A JSON file that maps the identity provider's ids to users and organizations; see docs/tokens.md.
    #[arg(long, env = "TENANTRY_JWT_ID_MAP", value_name = "FILE")]
    pub jwt_id_map: Option<PathBuf>,
    /// The URL of a JSON Web Key Set, instead of a key file.
    #[arg(long, env = "TENANTRY_JWKS_URL", value_name = "URL")]
    pub jwks_url: Option<String>,
    /// A file with a JSON Web Key Set, instead of a key file.
    #[arg(long, env = "TENANTRY_JWKS_FILE", value_name = "FILE")]
    pub jwks_file: Option<PathBuf>,
}

impl Default for JwtSettings {
    fn default() -> Self {
        let ClaimNames { user, organization, audience } = ClaimNames::default();
        Self {
            jwt_issuer: None,
            jwt_audience: None,
            jwt_algorithm: None,
            jwt_key_file: None,
            jwt_key_id: None,
            jwt_user_claim: user,
            jwt_organization_claim: organization,
            jwt_audience_claim: audience,
            jwt_id_map: None,
            jwks_url: None,
            jwks_file: None,
        }
    }
}

impl JwtSettings {
    /// The `iss` of tokens.
    ///
    /// # Errors
    /// When it is not set.
    pub fn issuer(&self) -> Result<&str, SettingsError> {
        given(self.jwt_issuer.as_ref()).ok_or(SettingsError::Missing {
            variable: "TENANTRY_JWT_ISSUER",
            flag: "--jwt-issuer",
            purpose: "it is the issuer whose tokens are accepted",
        })
    }

    /// The `aud` of tokens.
    ///
    /// # Errors
    /// When it is not set.
    pub fn audience(&self) -> Result<&str, SettingsError> {
        given(self.jwt_audience.as_ref()).ok_or(SettingsError::Missing {
            variable: "TENANTRY_JWT_AUDIENCE",
            flag: "--jwt-audience",
            purpose: "it is the audience that tokens must name",
        })
    }

    /// The file with the development secret, which can sign.
    ///
    /// # Errors
    /// When there is none, or the configured keys can only verify.
    pub fn signing_file(&self) -> Result<&PathBuf, SettingsError> {
        if self.jwt_algorithm.is_some_and(|algorithm| algorithm != JwtAlgorithm::Hs256) {
            return Err(SettingsError::Contradiction(
                "only an HS256 secret can sign; in production the identity provider issues the tokens",
            ));
        }
        if self.jwt_id_map.is_some() {
            return Err(SettingsError::Contradiction(
                "with TENANTRY_JWT_ID_MAP, tokens carry ids of the identity provider, which issues them",
            ));
        }
        self.jwt_key_file.as_ref().ok_or(SettingsError::Missing {
            variable: "TENANTRY_JWT_KEY_FILE",
            flag: "--jwt-key-file",
            purpose: "it names the file with the secret that signs",
        })
    }

    /// The source of the keys.
    ///
    /// # Errors
    /// When it is not set, or set more than once.
    pub fn key_source(&self) -> Result<KeySource, SettingsError> {
        let url = given(self.jwks_url.as_ref());
        match (&self.jwt_key_file, url, &self.jwks_file) {
            (Some(path), None, None) => {
                let (path, key_id) = (path.clone(), self.jwt_key_id.clone());
                match self.jwt_algorithm {
                    None => Err(SettingsError::Missing {
                        variable: "TENANTRY_JWT_ALGORITHM",
                        flag: "--jwt-algorithm",
                        purpose: "it is the kind of key in the key file",
                    }),
                    Some(JwtAlgorithm::Hs256) => Ok(KeySource::SecretFile { path, key_id }),
                    Some(_) => Ok(KeySource::PublicKeyFile { path, key_id }),
                }
            }
            (None, Some(url), None) => Url::parse(url).map(KeySource::JwksUrl).map_err(|error| {
                SettingsError::Malformed { variable: "TENANTRY_JWKS_URL", problem: error.to_string() }
            }),
            (None, None, Some(path)) => Ok(KeySource::JwksFile(path.clone())),
            (None, None, None) => Err(SettingsError::Missing {
                variable: "TENANTRY_JWT_KEY_FILE",
                flag: "--jwt-key-file, TENANTRY_JWKS_URL, TENANTRY_JWKS_FILE",
                purpose: "it is the key that verifies tokens",
            }),
            _ => Err(SettingsError::Contradiction(
                "set one of TENANTRY_JWT_KEY_FILE, TENANTRY_JWKS_URL and TENANTRY_JWKS_FILE, not several",
            )),
        }
    }

    /// The verifier's settings.
    ///
    /// # Errors
    /// When something is missing or contradictory.
    pub fn verifier_config(&self) -> Result<VerifierConfig, SettingsError> {
        Ok(VerifierConfig {
            claims: self.claim_names(),
            id_map: self.jwt_id_map.clone(),
            ..VerifierConfig::new(self.issuer()?, self.audience()?, self.key_source()?)
        })
    }

    /// The names of the claims.
    pub fn claim_names(&self) -> ClaimNames {
        ClaimNames {
            user: self.jwt_user_claim.clone(),
            organization: self.jwt_organization_claim.clone(),
            audience: self.jwt_audience_claim.clone(),
        }
    }
}

fn given(text: Option<&String>) -> Option<&str> {
    text.map(String::as_str).filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_file(algorithm: Option<JwtAlgorithm>) -> JwtSettings {
        JwtSettings { jwt_algorithm: algorithm, jwt_key_file: Some("key".into()), ..JwtSettings::default() }
    }

    #[test]
    fn the_kind_of_a_key_file_is_never_guessed() {
        assert!(matches!(with_file(None).key_source(), Err(SettingsError::Missing { .. })));
        assert!(matches!(with_file(Some(JwtAlgorithm::Hs256)).key_source(), Ok(KeySource::SecretFile { .. })));
        assert!(matches!(with_file(Some(JwtAlgorithm::Es256)).key_source(), Ok(KeySource::PublicKeyFile { .. })));
    }

    #[test]
    fn two_sources_of_keys_are_refused() {
        let settings = JwtSettings { jwks_url: Some("https://a".into()), ..with_file(Some(JwtAlgorithm::Hs256)) };
        assert!(matches!(settings.key_source(), Err(SettingsError::Contradiction(_))));
        assert!(matches!(JwtSettings::default().key_source(), Err(SettingsError::Missing { .. })));
    }

    #[test]
    fn a_public_key_cannot_sign() {
        assert!(with_file(Some(JwtAlgorithm::Rs256)).signing_file().is_err());
        assert!(with_file(Some(JwtAlgorithm::Hs256)).signing_file().is_ok());
    }
}
