//! Lists and deletes what is stored.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use tenantry_domain::OrganizationId;
use uuid::Uuid;

use crate::key::Area;
use crate::{Files, FilesError};

/// Where it is written which database the storage belongs to.
const OWNER: &str = "owner";

/// Something that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// When it was stored.
    pub at: DateTime<Utc>,
}

impl Files {
    /// The organizations of which something is stored.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn organizations(&self) -> Result<Vec<OrganizationId>, FilesError> {
        let mut found = Vec::new();
        for area in Area::ALL {
            let listed = self.0.store.list_with_delimiter(Some(&self.path(area.name()))).await?;
            let folders = listed.common_prefixes.iter().filter_map(Path::filename);
            found.extend(folders.filter_map(|name| Uuid::parse_str(name).ok()).map(OrganizationId::from_uuid));
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// What is stored of an organization in one part.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn stored(&self, area: Area, organization: OrganizationId) -> Result<Vec<Stored>, FilesError> {
        let folder = area.folder(organization);
        let listed = self.0.store.list(Some(&self.path(&folder)));
        let stored = listed.try_filter_map(async |object| {
            let name = object.location.filename();
            Ok(name.map(|name| Stored { key: format!("{folder}/{name}"), at: object.last_modified }))
        });
        Ok(stored.try_collect().await?)
    }

    /// Deletes everything of an organization; gives how many files that were.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn remove_organization(&self, organization: OrganizationId) -> Result<usize, FilesError> {
        let mut removed = 0;
        for area in Area::ALL {
            let stored = self.stored(area, organization).await?;
            removed += stored.len();
            self.remove(stored.into_iter().map(|stored| stored.key)).await?;
        }
        if let Some(local) = self.as_local() {
            local.remove_folders(organization);
        }
        Ok(removed)
    }

    /// What [`set_owner`](Self::set_owner) said; `None` before the first call.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn owner(&self) -> Result<Option<String>, FilesError> {
        match self.0.store.get(&self.path(OWNER)).await {
            Ok(found) => Ok(Some(String::from_utf8_lossy(&found.bytes().await?).into_owned())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Says which database the storage belongs to.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn set_owner(&self, owner: &str) -> Result<(), FilesError> {
        self.0.store.put(&self.path(OWNER), owner.to_owned().into()).await?;
        Ok(())
    }

    /// Deletes what is left of transfers that were cut off together with the server, and are older than `grace`; gives how many.
    ///
    /// # Errors
    /// Those of the storage.
    pub async fn remove_fragments(&self, grace: Duration) -> Result<usize, FilesError> {
        let Some(local) = self.as_local() else { return Ok(0) };
        let now = SystemTime::from(self.0.clock.now());
        local.remove_fragments(now.checked_sub(grace).unwrap_or(SystemTime::UNIX_EPOCH)).await
    }
}
