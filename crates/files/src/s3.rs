//! An object storage that speaks S3.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer as _};
use object_store::{ClientOptions, ObjectStore, RetryConfig};

use crate::link::Download;
use crate::{FilesError, attachment_header};

/// How long a request to the storage is repeated.
const PATIENCE: Duration = Duration::from_secs(10);
const RETRIES: usize = 3;

/// How long the storage may say nothing, and how long a connection may take.
const STALL: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);

/// Which bucket, and how to reach it.
#[derive(Clone, Default)]
pub struct S3Options {
    /// The bucket.
    pub bucket: String,
    /// What stands before every key; may be empty.
    pub prefix: String,
    /// The settings of other programs for S3, such as `AWS_REGION`, `AWS_ENDPOINT_URL`, `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    /// Those that are empty or unknown count as not given.
    pub variables: Vec<(String, String)>,
}

pub(crate) struct S3 {
    store: Arc<AmazonS3>,
    place: String,
}

impl S3 {
    pub(crate) fn new(options: &S3Options) -> Result<Self, FilesError> {
        let retries = RetryConfig { max_retries: RETRIES, retry_timeout: PATIENCE, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new().with_bucket_name(&options.bucket).with_retry(retries);
        // A large file may take long, as long as something arrives. The builder reads other options from the variables below.
        let client =
            ClientOptions::new().with_timeout_disabled().with_read_timeout(STALL).with_connect_timeout(CONNECT);
        builder = builder.with_client_options(client);
        for (name, value) in options.variables.iter().filter(|(_, value)| !value.trim().is_empty()) {
            let Ok(key) = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>() else { continue };
            // The bucket is what the setting of this program says.
            if key == AmazonS3ConfigKey::Bucket {
                continue;
            }
            if matches!(key, AmazonS3ConfigKey::Endpoint | AmazonS3ConfigKey::S3Endpoint) {
                builder = builder.with_allow_http(value.starts_with("http://"));
            }
            builder = builder.with_config(key, value);
        }
        let place = format!("s3://{}/{}", options.bucket, options.prefix);
        Ok(Self { store: Arc::new(builder.build()?), place })
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store) as Arc<dyn ObjectStore>
    }

    pub(crate) fn place(&self) -> String {
        self.place.clone()
    }

    pub(crate) async fn upload_url(&self, path: &Path, mime_type: &str, time: TimeDelta) -> Result<String, FilesError> {
        let options = SignedUrlOptions::new();
        let options = match HeaderValue::from_str(mime_type) {
            Ok(mime_type) => options.with_signed_header(CONTENT_TYPE, mime_type),
            // It is checked before it comes here.
            Err(_) => options,
        };
        self.sign(Method::PUT, path, time, &options).await
    }

    pub(crate) async fn download_url(
        &self,
        path: &Path,
        download: Download<'_>,
        time: TimeDelta,
    ) -> Result<String, FilesError> {
        let options = SignedUrlOptions::new().with_query([
            ("response-content-disposition", attachment_header(download.file_name)),
            ("response-content-type", harmless(download.mime_type).to_owned()),
            ("response-cache-control", "private, no-store".to_owned()),
        ]);
        self.sign(Method::GET, path, time, &options).await
    }

    async fn sign(
        &self,
        method: Method,
        path: &Path,
        time: TimeDelta,
        options: &SignedUrlOptions,
    ) -> Result<String, FilesError> {
        let time = time.to_std().unwrap_or_default();
        Ok(self.store.signed_url_opts(method, path, time, options).await?.into())
    }
}

/// A storage does not say `nosniff`, so what a browser could run is called something else.
fn harmless(mime_type: &str) -> &str {
    let is_active = mime_type.ends_with("xml")
        || mime_type.ends_with("html")
        || mime_type.contains("script")
        || mime_type.starts_with("multipart/");
    if is_active { "application/octet-stream" } else { mime_type }
}

const CONTENT_TYPE: HeaderName = HeaderName::from_static("content-type");
