//! Addresses for a short time, at which a client without any other right sends or fetches the bytes of one key.

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use tenantry_domain::OrganizationId;
use uuid::Uuid;

use crate::key::Area;
use crate::{Files, FilesError, Place};

/// How long an address for sending is good for.
pub(crate) const SEND_FOR: TimeDelta = TimeDelta::hours(1);

/// How long an address for fetching is good for.
pub(crate) const FETCH_FOR: TimeDelta = TimeDelta::minutes(5);

/// An address for a short time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The address.
    pub url: String,
    /// The headers to send with the request, exactly as they stand here.
    pub headers: Vec<(&'static str, String)>,
    /// When the address stops being good.
    pub expires_at: DateTime<Utc>,
}

/// Something to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Download<'d> {
    /// Its key, as [`Files::keep`] gave it.
    pub key: &'d str,
    /// The name under which a browser saves it.
    pub file_name: &'d str,
    /// Its media type.
    pub mime_type: &'d str,
}

impl Files {
    /// Addresses hold whole seconds.
    fn expiry(&self, after: TimeDelta) -> DateTime<Utc> {
        (self.0.clock.now() + after).trunc_subsecs(0)
    }

    /// The address to send an upload to, by PUT: so many bytes, of this type. It is good for an hour. A storage that speaks S3 takes any
    /// number of bytes there; [`keep`](Self::keep) counts them.
    ///
    /// # Errors
    /// When the storage's credentials cannot be had.
    pub async fn upload_link(
        &self,
        organization: OrganizationId,
        upload: Uuid,
        byte_size: u64,
        mime_type: &str,
    ) -> Result<Link, FilesError> {
        let key = Area::Uploads.key(organization, upload);
        let expires_at = self.expiry(SEND_FOR);
        let url = match &self.0.place {
            Place::Local(local) => local.upload_url(&key, byte_size, mime_type, expires_at),
            Place::S3(s3) => s3.upload_url(&self.path(&key), mime_type, SEND_FOR).await?,
        };
        Ok(Link { url, headers: vec![("Content-Type", mime_type.to_owned())], expires_at })
    }

    /// The address to fetch something from, by GET. It is good for five minutes. A browser saves what it gets, and does not show it.
    ///
    /// # Errors
    /// As [`upload_link`](Self::upload_link).
    pub async fn download_link(&self, download: Download<'_>) -> Result<Link, FilesError> {
        let expires_at = self.expiry(FETCH_FOR);
        let url = match &self.0.place {
            Place::Local(local) => local.download_url(download, expires_at),
            Place::S3(s3) => s3.download_url(&self.path(download.key), download, FETCH_FOR).await?,
        };
        Ok(Link { url, headers: Vec::new(), expires_at })
    }
}
