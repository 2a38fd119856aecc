//! Ids of an identity provider, and the users and organizations that they stand for.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use tenantry_domain::{OrganizationId, UserId};

use crate::claims::{organization_id, user_id};
use crate::error::SetupError;
use crate::source::read_at_most;

/// A hundred thousand users fit into this.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// How often the file is looked at again.
const INTERVAL_MILLISECONDS: i64 = 10_000;

/// What the file contains. A kind of id that it leaves out is not translated.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct IdMap {
    pub(crate) users: Option<HashMap<String, UserId>>,
    pub(crate) organizations: Option<HashMap<String, OrganizationId>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    users: Option<Distinct>,
    organizations: Option<Distinct>,
}

/// An object of texts without duplicate names: of two, nobody could tell which one is meant.
struct Distinct(HashMap<String, String>);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;

        impl<'de> Visitor<'de> for Names {
            type Value = Distinct;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts with distinct names")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Distinct, A::Error> {
                let mut map = HashMap::new();
                while let Some((name, value)) = access.next_entry()? {
                    if map.insert(name, value).is_some() {
                        return Err(A::Error::custom("repeated name"));
                    }
                }
                Ok(Distinct(map))
            }
        }

        deserializer.deserialize_map(Names)
    }
}

impl IdMap {
    fn read(path: &Path) -> Result<Self, SetupError> {
        let Document { users, organizations } =
            serde_json::from_slice(&read_at_most(path, MAX_BYTES)?).map_err(SetupError::IdMap)?;
        Ok(Self {
            users: users.map(|Distinct(users)| translated(users, user_id)).transpose()?,
            organizations: organizations.map(|Distinct(found)| translated(found, organization_id)).transpose()?,
        })
    }
}

fn translated<I>(
    texts: HashMap<String, String>,
    parse: fn(&str) -> Option<I>,
) -> Result<HashMap<String, I>, SetupError> {
    let pairs = texts.into_iter().map(|(foreign, own)| match parse(&own) {
        Some(id) => Ok((foreign, id)),
        None => Err(SetupError::MappedId(own)),
    });
    pairs.collect()
}

/// The file with the map, read again when it is due.
#[derive(Debug)]
pub(crate) struct IdMapFile {
    path: PathBuf,
    map: ArcSwap<IdMap>,
    /// When the file was last looked at, in milliseconds since 1970.
    looked_at: AtomicI64,
}

impl IdMapFile {
    /// Reads the file.
    pub(crate) fn open(path: PathBuf, now: DateTime<Utc>) -> Result<Self, SetupError> {
        let map = ArcSwap::from_pointee(IdMap::read(&path)?);
        Ok(Self { path, map, looked_at: AtomicI64::new(now.timestamp_millis()) })
    }

    /// The map, and whether it differs from what the last call returned. If the file cannot be read any more, what it
    /// contained before stays in force, and the log says so.
    pub(crate) async fn current(&self, now: DateTime<Utc>) -> (Arc<IdMap>, bool) {
        let (before, now) = (self.looked_at.load(Ordering::Acquire), now.timestamp_millis());
        let is_due = now.saturating_sub(before) >= INTERVAL_MILLISECONDS;
        // One of those who come at the same time reads; the others go on with what there is.
        let is_mine =
            is_due && self.looked_at.compare_exchange(before, now, Ordering::AcqRel, Ordering::Acquire).is_ok();
        let mut has_changed = false;
        if is_mine {
            let path = self.path.clone();
            match tokio::task::spawn_blocking(move || IdMap::read(&path)).await {
                Ok(Ok(map)) => {
                    has_changed = **self.map.load() != map;
                    if has_changed {
                        self.map.store(Arc::new(map));
                    }
                }
                Ok(Err(error)) => tracing::error!(
                    error = tenantry_domain::causes::causes(&error),
                    "the map of ids cannot be read; the last one stays in force"
                ),
                // The task cannot panic and is not aborted.
                Err(_) => {}
            }
        }
        (self.map.load_full(), has_changed)
    }
}
