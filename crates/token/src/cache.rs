//! A cache of recently verified tokens, so that a client's next request costs a hash and not a signature.

use std::collections::HashMap;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use crate::verifier::VerifiedToken;

/// Sharded, so that two requests rarely wait for the same lock. A power of two, so that a byte selects a shard.
const SHARDS: usize = 16;

/// The SHA-256 of a whole token. The cache decides who the caller is, so its key must be resistant to collisions.
pub(crate) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// The key of a token in the cache.
pub(crate) fn digest_of(token: &str) -> Digest {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    out
}

struct Entry {
    token: VerifiedToken,
    /// The generation of the key set that verified the signature. Under another generation the entry is void.
    generation: u64,
    until: DateTime<Utc>,
}

/// A bounded map from a token's digest to its verified content.
pub(crate) struct VerifiedCache {
    shards: [RwLock<HashMap<Digest, Entry>>; SHARDS],
    shard_capacity: usize,
}

impl VerifiedCache {
    /// A cache of at most `capacity` tokens (rounded down to a multiple of the shards); zero caches nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), shard_capacity: capacity / SHARDS }
    }

    /// The token's content, if it was verified under this generation of keys and not too long ago. The caller still has
    /// to compare its times with the clock.
    pub(crate) fn get(&self, digest: &Digest, generation: u64, now: DateTime<Utc>) -> Option<VerifiedToken> {
        let shard = self.shard(digest).read();
        let entry = shard.get(digest)?;
        (entry.generation == generation && now < entry.until).then_some(entry.token)
    }

    /// Caches a token until `until`.
    pub(crate) fn insert(
        &self,
        digest: Digest,
        token: VerifiedToken,
        generation: u64,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) {
        if self.shard_capacity == 0 {
            return;
        }
        let mut shard = self.shard(&digest).write();
        if shard.len() >= self.shard_capacity && !shard.contains_key(&digest) {
            shard.retain(|_, entry| entry.generation == generation && now < entry.until);
            // Emptying a shard costs its tokens one verification each. Tracking the last use would cost every request a
            // write.
            if shard.len() >= self.shard_capacity {
                shard.clear();
            }
        }
        shard.insert(digest, Entry { token, generation, until });
    }

    /// Removes everything; called when the key set changes.
    pub(crate) fn clear(&self) {
        for shard in &self.shards {
            shard.write().clear();
        }
    }

    fn shard(&self, digest: &Digest) -> &RwLock<HashMap<Digest, Entry>> {
        &self.shards[usize::from(digest[0]) % SHARDS]
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }
}
