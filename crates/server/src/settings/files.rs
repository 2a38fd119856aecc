//! Where the bytes of attachments are kept.

use std::path::{Path, PathBuf};

use clap::Args;
use tenantry_domain::Clock;
use tenantry_files::{Files, S3Options};
use tenantry_service::FileStorage;
use url::Url;

use super::SettingsError;
use super::units::bytes;

/// The folder that is used if none is named.
const FOLDER: &str = "tenantry-files";

/// The settings of the storage of files.
#[derive(Debug, Clone, Args)]
pub struct FilesSettings {
    /// Where files are kept: a folder, `tenantry-files` by default, or `s3://bucket/prefix`. For S3, the variables `AWS_REGION`,
    /// `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` are read as other programs read them.
    #[arg(long, env = "TENANTRY_FILES", value_name = "FOLDER|URL")]
    pub files: Option<String>,
    /// The largest file that can be attached.
    #[arg(long, env = "TENANTRY_MAX_FILE_SIZE", default_value = "100MiB", value_parser = file_size, value_name = "SIZE")]
    pub max_file_size: i32,
    /// The address under which clients reach this server, such as `https://api.example`. Files in a folder are sent and fetched below it;
    /// by default at the address that is listened on.
    #[arg(long, env = "TENANTRY_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
}

/// A size that a file may have: the API spells it as a whole number of 32 bits.
fn file_size(text: &str) -> Result<i32, String> {
    let size = bytes(text)?;
    i32::try_from(size).ok().filter(|size| *size > 0).ok_or_else(|| "use a size from 1 to 2047MiB".to_owned())
}

impl FilesSettings {
    /// The storage. `folder` is where files are kept if no setting says so, and `listening` where this server is reached.
    ///
    /// # Errors
    /// When a setting is malformed, or the folder cannot be used.
    pub fn storage(&self, folder: Option<&Path>, listening: &str) -> Result<FileStorage, FilesSettingsError> {
        let public_url = given(self.public_url.as_deref()).unwrap_or(listening);
        let files = match given(self.files.as_deref()) {
            Some(url) if url.contains("://") => Files::s3(&s3_options(url)?, Clock::system())?,
            named => {
                let folder = named.map(PathBuf::from).or_else(|| folder.map(Path::to_owned));
                Files::local(&folder.unwrap_or_else(|| FOLDER.into()), &web_address(public_url)?, Clock::system())?
            }
        };
        Ok(FileStorage { files, max_byte_size: self.max_file_size })
    }

    /// The storage that a server uses, for other commands: they make no folder. `None` if no setting names one, and the default folder is not
    /// there.
    ///
    /// # Errors
    /// As [`storage`](Self::storage).
    pub fn existing(&self) -> Result<Option<Files>, FilesSettingsError> {
        let named = given(self.files.as_deref());
        let folder = Path::new(named.unwrap_or(FOLDER));
        match named {
            Some(url) if url.contains("://") => Ok(Some(Files::s3(&s3_options(url)?, Clock::system())?)),
            _ if folder.is_dir() => Ok(Some(Files::local_without_addresses(folder, Clock::system())?)),
            None => Ok(None),
            Some(_) => {
                let problem = format!("there is no folder {}", folder.display());
                Err(SettingsError::Malformed { variable: "TENANTRY_FILES", problem }.into())
            }
        }
    }

    /// Whether a setting says where clients reach this server.
    pub fn has_public_url(&self) -> bool {
        given(self.public_url.as_deref()).is_some()
    }

    /// Whether a setting names the storage.
    pub fn is_named(&self) -> bool {
        given(self.files.as_deref()).is_some()
    }
}

/// The storage of files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FilesSettingsError {
    /// A setting is malformed.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The storage refuses its settings.
    #[error(transparent)]
    Files(#[from] tenantry_files::FilesError),
}

/// An environment variable that is empty counts as not set.
fn given(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

/// Reads `s3://bucket/prefix`.
fn s3_options(text: &str) -> Result<S3Options, SettingsError> {
    let malformed =
        |problem: &str| SettingsError::Malformed { variable: "TENANTRY_FILES", problem: problem.to_owned() };
    let url = Url::parse(text).map_err(|error| malformed(&error.to_string()))?;
    if url.scheme() != "s3" {
        return Err(malformed("use a folder, or an address such as s3://bucket/prefix"));
    }
    let bucket = url.host_str().filter(|bucket| !bucket.is_empty()).ok_or_else(|| malformed("it names no bucket"))?;
    if url.port().is_some() || !url.username().is_empty() || url.query().is_some() || url.fragment().is_some() {
        return Err(malformed("an address such as s3://bucket/prefix has nothing else in it"));
    }
    let prefix = url.path().trim_matches('/').to_owned();
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let variables = variables.filter(|(name, _)| name.starts_with("AWS_")).collect();
    Ok(S3Options { bucket: bucket.to_owned(), prefix, variables })
}

fn web_address(text: &str) -> Result<Url, SettingsError> {
    let malformed = |problem: String| SettingsError::Malformed { variable: "TENANTRY_PUBLIC_URL", problem };
    let url = Url::parse(text).map_err(|error| malformed(error.to_string()))?;
    if url.has_host() && matches!(url.scheme(), "https" | "http") && url.query().is_none() && url.fragment().is_none() {
        Ok(url)
    } else {
        Err(malformed("use an address such as https://api.example".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_fit_the_api() {
        assert_eq!(file_size("100MiB"), Ok(104_857_600));
        assert_eq!(file_size("2047MiB"), Ok(2_146_435_072));
        for wrong in ["0", "2048MiB", "-1", "1GB"] {
            assert!(file_size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bucket_may_have_a_prefix() {
        let options = s3_options("s3://files/tenantry/prod/").unwrap();
        assert_eq!((options.bucket.as_str(), options.prefix.as_str()), ("files", "tenantry/prod"));
        assert_eq!(s3_options("s3://files").unwrap().prefix, "");
        for wrong in
            ["s3://", "gs://files", "s3://files?x=1", "s3://key:secret@files", "s3://files:9000/x", "http://files"]
        {
            assert!(s3_options(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn clients_reach_the_server_at_a_web_address() {
        assert!(web_address("https://api.example/below").is_ok());
        for wrong in ["api.example", "ftp://api.example", "https://api.example?x=1", "https://api.example#x", ""] {
            assert!(web_address(wrong).is_err(), "{wrong}");
        }
    }
}
