//! The sources of keys and how they are read: with limits on size and time, and without following redirects.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tenantry_domain::byte_order_mark::without_byte_order_mark;
use url::Url;

use crate::error::SetupError;
use crate::jwks::{self, Origin};
use crate::key::{Key, KeySet};

/// A hundred RSA keys fit into this.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Where the keys come from. The kind is configured and never guessed from the content, so that a public key cannot be
/// mistaken for a secret.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file whose text, without surrounding white space, is an HS256 secret of at least 32 bytes. For development.
    SecretFile {
        /// The file.
        path: PathBuf,
        /// The key's id, if tokens name one.
        key_id: Option<String>,
    },
    /// A PEM file with one Ed25519, P-256 or RSA public key.
    PublicKeyFile {
        /// The file.
        path: PathBuf,
        /// The key's id, if tokens name one.
        key_id: Option<String>,
    },
    /// A JSON Web Key Set in a file.
    JwksFile(PathBuf),
    /// A JSON Web Key Set at an `https` address (`http` is accepted for networks that are trusted by other means).
    JwksUrl(Url),
}

/// A source that is ready to be read.
pub(crate) struct Source {
    kind: KeySource,
    client: Option<reqwest::Client>,
}

impl Source {
    /// Prepares a source; `timeout` limits one whole fetch.
    pub(crate) fn new(kind: KeySource, timeout: Duration) -> Result<Self, SetupError> {
        let KeySource::JwksUrl(url) = &kind else {
            return Ok(Self { kind, client: None });
        };
        match url.scheme() {
            "https" => {}
            "http" => {
                tracing::warn!(host = url.host_str(), "the key set is fetched without encryption");
            }
            _ => return Err(SetupError::Setting("the key set's address is neither https nor http")),
        }
        let client = reqwest::Client::builder()
            // With redirects, an open redirector on the issuer's host could choose the keys.
            .redirect(reqwest::redirect::Policy::none())
            .timeout(timeout)
            .connect_timeout(timeout)
            .referer(false)
            .user_agent("tenantry")
            .build()
            .map_err(unreachable_source)?;
        Ok(Self { kind, client: Some(client) })
    }

    /// Whether reading again may return keys with other ids.
    pub(crate) fn holds_a_set(&self) -> bool {
        matches!(self.kind, KeySource::JwksFile(_) | KeySource::JwksUrl(_))
    }

    /// Reads a file source immediately; `None` for a URL.
    pub(crate) fn load_file(&self) -> Option<Result<KeySet, SetupError>> {
        read_keys(&self.kind)
    }

    /// Reads the keys.
    pub(crate) async fn load(&self) -> Result<KeySet, SetupError> {
        if let (KeySource::JwksUrl(url), Some(client)) = (&self.kind, &self.client) {
            return jwks::parse(&fetch(client, url).await?, Origin::Fetched);
        }
        let kind = self.kind.clone();
        let read = tokio::task::spawn_blocking(move || read_keys(&kind)).await;
        // The task cannot panic and is not aborted; a URL was handled above.
        read.ok().flatten().unwrap_or(Err(SetupError::NoUsableKey))
    }
}

fn read_keys(kind: &KeySource) -> Option<Result<KeySet, SetupError>> {
    let keys = match kind {
        KeySource::SecretFile { path, key_id } => read_bounded(path)
            .and_then(|content| Key::secret(key_id.clone(), content.trim_ascii()))
            .map(|key| KeySet::new(vec![key])),
        KeySource::PublicKeyFile { path, key_id } => {
            read_bounded(path).and_then(|content| Key::pem(key_id.clone(), &content)).map(|key| KeySet::new(vec![key]))
        }
        KeySource::JwksFile(path) => read_bounded(path).and_then(|content| jwks::parse(&content, Origin::File)),
        KeySource::JwksUrl(_) => return None,
    };
    Some(keys)
}

/// Reads a file with keys, without the byte order mark that some editors write.
pub(crate) fn read_bounded(path: &Path) -> Result<Vec<u8>, SetupError> {
    read_at_most(path, MAX_DOCUMENT_BYTES)
}

/// Reads a text file of at most `limit` bytes, without the byte order mark that some editors write.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> Result<Vec<u8>, SetupError> {
    let failed = |source| SetupError::File { path: path.to_owned(), source };
    let mut content = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit as u64 + 1).read_to_end(&mut content).map_err(failed)?;
    if content.len() > limit {
        return Err(SetupError::TooLarge(limit));
    }
    Ok(without_byte_order_mark(&content).to_vec())
}

/// Without the URL, because an operator may have put a password into it.
fn unreachable_source(error: reqwest::Error) -> SetupError {
    SetupError::Fetch(error.without_url())
}

async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, SetupError> {
    let mut response = client.get(url.clone()).send().await.map_err(unreachable_source)?;
    if response.status() != reqwest::StatusCode::OK {
        return Err(SetupError::Status(response.status().as_u16()));
    }
    let mut document = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable_source)? {
        if document.len() + chunk.len() > MAX_DOCUMENT_BYTES {
            return Err(SetupError::TooLarge(MAX_DOCUMENT_BYTES));
        }
        document.extend_from_slice(&chunk);
    }
    Ok(document)
}
