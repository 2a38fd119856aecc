//! Tokens verified a moment ago, so that a client's next request costs a hash and not a signature.

use std::collections::HashMap;

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use parking_lot::RwLock;

use crate::verifier::VerifiedToken;

/// Shards keep two requests from waiting on one lock. A power of two, so that a byte selects one.
const SHARDS: usize = 16;

/// The SHA-256 of a whole token. The cache decides who somebody is, so its key must be one that nobody can collide.
pub(crate) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// The key of a token in the cache.
pub(crate) fn digest_of(token: &str) -> Digest {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    out
}

struct Entry {
    token: VerifiedToken,
    /// The key set under which the signature was verified; under another one it means nothing.
    generation: u64,
    until: DateTime<Utc>,
}

/// A bounded map from a token's digest to what it says.
pub(crate) struct VerifiedCache {
    shards: [RwLock<HashMap<Digest, Entry>>; SHARDS],
    shard_capacity: usize,
}

impl VerifiedCache {
    /// A cache of at most `capacity` tokens (rounded down to the shards); zero remembers nothing.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { shards: std::array::from_fn(|_| RwLock::default()), shard_capacity: capacity / SHARDS }
    }

    /// What the token says, if it was verified under this generation of keys and not too long ago. The caller still
    /// compares its times with the clock.
    pub(crate) fn get(&self, digest: &Digest, generation: u64, now: DateTime<Utc>) -> Option<VerifiedToken> {
        let shard = self.shard(digest).read();
        let entry = shard.get(digest)?;
        (entry.generation == generation && now < entry.until).then_some(entry.token)
    }

    /// Remembers a token until `until`.
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
            // Emptying a shard costs its tokens one verification each; tracking which was used last would cost every
            // request a write.
            if shard.len() >= self.shard_capacity {
                shard.clear();
            }
        }
        shard.insert(digest, Entry { token, generation, until });
    }

    /// Forgets everything; called when the key set changes.
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
