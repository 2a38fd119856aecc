//! A folder, whose files the server itself gives and takes at signed addresses.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path as FilePath, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use aws_lc_rs::rand;
use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStoreExt as _, PutPayload};
use tenantry_domain::{Clock, OrganizationId};
use url::Url;
use url::form_urlencoded::{Serializer, parse};

use crate::error::{LinkError, ReceiveError};
use crate::keep::hexadecimal;
use crate::key::Area;
use crate::link::Download;
use crate::{FilesError, attachment_header};

/// The file with the key that signs addresses.
const KEY_FILE: &str = "signing.key";
const KEY_BYTES: usize = 32;

/// How many bytes are collected before they are written.
const CHUNK: usize = 256 * 1024;

/// How many bytes a second a client must send on average, once it has had some time.
const SLOWEST: u64 = 8 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// The path below the public address at which the server answers.
const BELOW: &str = "files";

/// A folder of files.
#[derive(Debug)]
pub struct Local {
    folder: PathBuf,
    store: LocalFileSystem,
    key: hmac::Key,
    base: String,
    clock: Clock,
}

/// What a signed address lets its holder do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    /// Send so many bytes of this type.
    Put {
        /// Where they go.
        key: String,
        /// How many there must be.
        byte_size: u64,
        /// The value that `Content-Type` must have.
        mime_type: String,
        /// When the address stops being good.
        expires_at: DateTime<Utc>,
    },
    /// Fetch a file.
    Get {
        /// The file; it may be gone.
        path: PathBuf,
        /// The value of `Content-Disposition`.
        disposition: String,
        /// The value of `Content-Type`.
        mime_type: String,
    },
}

impl Local {
    pub(crate) fn open(
        folder: &FilePath,
        public_url: &Url,
        clock: Clock,
    ) -> Result<(Self, LocalFileSystem), FilesError> {
        let failed = |error| FilesError::Folder { folder: folder.to_owned(), error };
        make_folder(folder).map_err(failed)?;
        let folder = folder.canonicalize().map_err(failed)?;
        let key = signing_key(&folder)?;
        let base = format!("{}/{BELOW}/", public_url.as_str().trim_end_matches('/'));
        Self::with_key(folder, key, base, clock)
    }

    pub(crate) fn open_without_addresses(
        folder: &FilePath,
        clock: Clock,
    ) -> Result<(Self, LocalFileSystem), FilesError> {
        let failed = |error| FilesError::Folder { folder: folder.to_owned(), error };
        let folder = folder.canonicalize().map_err(failed)?;
        let key = hmac::Key::new(HMAC_SHA256, &random().map_err(failed)?);
        Self::with_key(folder, key, String::new(), clock)
    }

    fn with_key(
        folder: PathBuf,
        key: hmac::Key,
        base: String,
        clock: Clock,
    ) -> Result<(Self, LocalFileSystem), FilesError> {
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok((Self { folder, store: store.clone(), key, base, clock }, store))
    }

    /// The folder.
    pub fn folder(&self) -> &FilePath {
        &self.folder
    }

    pub(crate) fn upload_url(&self, key: &str, byte_size: u64, mime_type: &str, expires_at: DateTime<Utc>) -> String {
        self.signed("PUT", key, expires_at, &[("size", &byte_size.to_string()), ("type", mime_type)])
    }

    pub(crate) fn download_url(&self, download: Download<'_>, expires_at: DateTime<Utc>) -> String {
        let given = [("name", download.file_name), ("type", download.mime_type)];
        self.signed("GET", download.key, expires_at, &given)
    }

    fn signed(&self, method: &str, key: &str, expires_at: DateTime<Utc>, given: &[(&str, &str)]) -> String {
        let mut query = Serializer::new(String::new());
        query.append_pair("expires", &expires_at.timestamp().to_string()).extend_pairs(given);
        let query = query.finish();
        let signature = hmac::sign(&self.key, signed_text(method, key, &query).as_bytes());
        format!("{}{key}?{query}&signature={}", self.base, hexadecimal(signature.as_ref()))
    }

    /// What the holder of an address may do with this method. `key` is the path behind `/files/`, and `query` what stands behind the
    /// question mark, both as they were sent.
    ///
    /// # Errors
    /// [`LinkError`].
    pub fn admit(&self, method: &str, key: &str, query: &str) -> Result<Admitted, LinkError> {
        // An address for GET is good for HEAD, too.
        let method = if method == "HEAD" { "GET" } else { method };
        let (query, signature) = query.rsplit_once("&signature=").ok_or(LinkError::Invalid)?;
        let signature = bytes_of(signature).ok_or(LinkError::Invalid)?;
        hmac::verify(&self.key, signed_text(method, key, query).as_bytes(), &signature)
            .map_err(|_| LinkError::Invalid)?;
        let value = |name| parse(query.as_bytes()).find(|(found, _)| found == name).map(|(_, value)| value);
        let expires: i64 = value("expires").and_then(|text| text.parse().ok()).ok_or(LinkError::Invalid)?;
        if self.clock.now().timestamp() >= expires {
            return Err(LinkError::Expired);
        }
        let mime_type = value("type").ok_or(LinkError::Invalid)?.into_owned();
        if method == "PUT" {
            let byte_size = value("size").and_then(|text| text.parse().ok()).ok_or(LinkError::Invalid)?;
            let expires_at = DateTime::from_timestamp(expires, 0).ok_or(LinkError::Invalid)?;
            return Ok(Admitted::Put { key: key.to_owned(), byte_size, mime_type, expires_at });
        }
        let path = self.store.path_to_filesystem(&Path::from(key)).map_err(|_| LinkError::Invalid)?;
        let disposition = attachment_header(&value("name").ok_or(LinkError::Invalid)?);
        Ok(Admitted::Get { path, disposition, mime_type })
    }

    /// Takes the bytes that a client sends, piece by piece. All of them are there at the end, or none.
    ///
    /// # Errors
    /// [`ReceiveError`]; `stall` is how long a client may send nothing. One that sends less than 8 KiB a second on
    /// average is stalled, too.
    pub async fn receive<E>(
        &self,
        key: &str,
        byte_size: u64,
        body: impl Stream<Item = Result<Bytes, E>>,
        stall: Duration,
    ) -> Result<(), ReceiveError<E>> {
        let mut body = std::pin::pin!(body);
        let mut upload = self.store.put_multipart(&Path::from(key)).await.map_err(FilesError::from)?;
        let began = Instant::now();
        let mut left = byte_size;
        let mut chunk = BytesMut::new();
        // What is dropped before its end leaves nothing behind.
        while let Some(bytes) = tokio::time::timeout(stall, body.next()).await.map_err(|_| ReceiveError::Stalled)? {
            let bytes = bytes.map_err(ReceiveError::Body)?;
            left = left.checked_sub(bytes.len() as u64).ok_or(ReceiveError::Size)?;
            let took = began.elapsed();
            if took > PATIENCE && (byte_size - left) < SLOWEST * took.as_secs() {
                return Err(ReceiveError::Stalled);
            }
            chunk.extend_from_slice(&bytes);
            if chunk.len() >= CHUNK {
                let full = PutPayload::from_bytes(chunk.split().freeze());
                upload.put_part(full).await.map_err(FilesError::from)?;
            }
        }
        if left > 0 {
            return Err(ReceiveError::Size);
        }
        upload.put_part(PutPayload::from_bytes(chunk.freeze())).await.map_err(FilesError::from)?;
        upload.complete().await.map_err(FilesError::from)?;
        Ok(())
    }

    /// Gives a file the present time.
    pub(crate) async fn touch(&self, key: &str) -> Result<(), FilesError> {
        let path = self.store.path_to_filesystem(&Path::from(key))?;
        let now = SystemTime::from(self.clock.now());
        let touch = move || fs::File::options().write(true).open(path)?.set_modified(now);
        let touched = tokio::task::spawn_blocking(touch).await.unwrap_or_else(|error| Err(io::Error::other(error)));
        match touched {
            // The copy that follows reports it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            touched => touched.map_err(|error| FilesError::Folder { folder: self.folder.clone(), error }),
        }
    }

    /// Removes the empty folders of an organization that is gone.
    pub(crate) fn remove_folders(&self, organization: OrganizationId) {
        for area in Area::ALL {
            // It may be missing, or a file may be arriving in it.
            let _ = fs::remove_dir(self.folder.join(area.folder(organization)));
        }
    }

    /// Removes what is left of transfers that began before this time; gives how many.
    pub(crate) async fn remove_fragments(&self, before: SystemTime) -> Result<usize, FilesError> {
        let folder = self.folder.clone();
        let walk = tokio::task::spawn_blocking(move || {
            let mut removed = 0;
            for area in Area::ALL {
                removed += remove_fragments(&folder.join(area.name()), before)?;
            }
            Ok(removed)
        });
        let walked = walk.await.unwrap_or_else(|error| Err(io::Error::other(error)));
        walked.map_err(|error| FilesError::Folder { folder: self.folder.clone(), error })
    }
}

/// Files whose name ends in `#` and a number are written by `object_store`, which gives them their own name at the end.
fn remove_fragments(folder: &FilePath, before: SystemTime) -> io::Result<usize> {
    let mut removed = 0;
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            removed += remove_fragments(&entry.path(), before)?;
            continue;
        }
        let name = entry.file_name();
        let ending = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, ending)| ending);
        let is_fragment = ending.is_some_and(|ending| ending.bytes().all(|digit| digit.is_ascii_digit()));
        // It may have got its own name by now.
        let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) else { continue };
        if is_fragment && modified < before && fs::remove_file(entry.path()).is_ok() {
            removed += 1;
        }
    }
    Ok(removed)
}

/// Makes a folder that only this user can read, unless it is there.
fn make_folder(folder: &FilePath) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn signed_text(method: &str, key: &str, query: &str) -> String {
    format!("{method}\n{key}\n{query}")
}

/// Reads hexadecimal digits.
fn bytes_of(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.is_ascii() {
        return None;
    }
    (0..text.len()).step_by(2).map(|n| u8::from_str_radix(&text[n..n + 2], 16).ok()).collect()
}

/// The key that signs addresses, in the folder, so that every server of the folder takes the addresses of the others.
fn signing_key(folder: &FilePath) -> Result<hmac::Key, FilesError> {
    let path = folder.join(KEY_FILE);
    let failed = |error| FilesError::Folder { folder: folder.to_owned(), error };
    make_key(folder, &path).map_err(failed)?;
    let mut bytes = Vec::new();
    fs::File::open(&path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() != KEY_BYTES {
        return Err(FilesError::Key(path));
    }
    Ok(hmac::Key::new(HMAC_SHA256, &bytes))
}

/// Makes the file if it is not there; whole, also if two servers start at once.
fn make_key(folder: &FilePath, path: &FilePath) -> io::Result<()> {
    if path.exists() {
        return Ok(());
    }
    let bytes = random()?;
    // A random name: another machine may use the folder.
    let new = folder.join(format!("{KEY_FILE}.{}", hexadecimal(&random()?[..8])));
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&new)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    }
}

fn random() -> io::Result<[u8; KEY_BYTES]> {
    let mut bytes = [0; KEY_BYTES];
    rand::fill(&mut bytes).map_err(|_| io::Error::other("no random bytes"))?;
    Ok(bytes)
}
