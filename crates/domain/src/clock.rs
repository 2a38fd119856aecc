//! The only source of time and of new ids, so that tests can hold both still.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, SubsecRound, Utc};
use uuid::{NoContext, Timestamp, Uuid};

use crate::id::Id;

/// Tells the time and makes ids from it. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock that tells what `now` returns; for tests and simulations.
    pub fn from_fn(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Self(Arc::new(move || at))
    }

    /// The present, in whole microseconds: what PostgreSQL can hold, so a value read back equals the one written.
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(6)
    }

    /// Today's date in UTC.
    pub fn today(&self) -> NaiveDate {
        self.now().date_naive()
    }

    /// A new UUID version 7, which sorts by the time it was made.
    pub fn new_id<I: Id>(&self) -> I {
        let now = self.now();
        // Before 1970 there is no UUID version 7; a clock that tells so gets ids of the epoch.
        let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
        let timestamp = Timestamp::from_unix(NoContext, seconds, now.timestamp_subsec_nanos());
        #[expect(clippy::disallowed_methods, reason = "the clock is where ids come from")]
        I::from_uuid(Uuid::new_v7(timestamp))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Clock").field(&self.now()).finish()
    }
}
