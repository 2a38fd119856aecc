//! The users. Each can be regenerated from its number alone. Memberships refer to users all over the data, and keeping
//! all of them in memory is not possible at every size.

use chrono::{DateTime, Duration, Utc};
use tenantry_domain::UserId;
use tenantry_domain::user::User;

use super::ScaleOptions;
use super::sizes::{Plot, Sizes};
use crate::chance::{Chance, EPOCH, Stream};
use crate::text;

/// How far back the data goes.
const HISTORY: Duration = Duration::days(3 * 365);

/// Organizations with at least this many tasks have existed almost from the start.
const LARGE: u64 = 2_000;

/// All users.
pub(super) struct People<'s> {
    seed: u64,
    count: u64,
    plots: &'s [Plot],
    /// Which user owns which of the organizations with known slugs.
    known: Vec<(u64, &'static str)>,
}

impl<'s> People<'s> {
    pub(super) fn new(options: &ScaleOptions, sizes: &'s Sizes) -> Self {
        let plots = sizes.plots();
        let known = plots.iter().filter_map(|plot| Some((plot.users.start, plot.known?))).collect();
        Self { seed: options.rng_seed, count: options.users, plots, known }
    }

    /// How many there are.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The user with this number.
    pub(super) fn user(&self, index: u64) -> User {
        let (mut chance, id, created_at) = self.begin(index);
        let (name, local) = text::person(&mut chance);
        let known = self.known.iter().find(|known| known.0 == index);
        let email = match known {
            Some((_, slug)) => format!("owner@{slug}.example"),
            None => format!("{local}.{index}@{}.example", chance.pick(&["mail", "post", "inbox", "studio"])),
        };
        let avatar_url = chance.maybe(30, |_| format!("https://avatars.example/{index}.png"));
        User { id, email, name, avatar_url, created_at }
    }

    /// The id of the user with this number, and when the user was created.
    pub(super) fn id(&self, index: u64) -> (UserId, DateTime<Utc>) {
        let (_, id, created_at) = self.begin(index);
        (id, created_at)
    }

    fn begin(&self, index: u64) -> (Chance, UserId, DateTime<Utc>) {
        let mut chance = Chance::new(self.seed, Stream::User, index);
        let home = self.home(index);
        let founded = founded(self.seed, home, &self.plots[home]);
        let created_at = if self.plots[home].users.start == index {
            founded - Duration::minutes(10)
        } else {
            chance.moment(founded, EPOCH - Duration::days(1))
        };
        let id = chance.id(created_at);
        (chance, id, created_at)
    }

    /// The first organization of a user.
    fn home(&self, index: u64) -> usize {
        if self.count < self.plots.len() as u64 {
            // Owners are assigned in turn, so the first organization of an owner has the owner's number, which is below
            // the number of organizations.
            return usize::try_from(index).unwrap_or_default();
        }
        self.plots.partition_point(|plot| plot.users.end <= index)
    }
}

/// When an organization was created.
pub(super) fn founded(seed: u64, index: usize, plot: &Plot) -> DateTime<Utc> {
    let mut chance = Chance::new(seed, Stream::Founding, index as u64);
    let start = EPOCH - HISTORY;
    let last = if plot.tasks >= LARGE { start + Duration::days(300) } else { EPOCH - Duration::days(60) };
    chance.moment(start, last)
}
