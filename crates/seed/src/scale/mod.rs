//! Any number of organizations of realistic sizes: few large ones, many small ones.

mod money;
mod organization;
mod people;

mod sizes;
mod work;

use std::time::{Duration, Instant};

use tenantry_domain::Position;
use tenantry_store::bulk::{BulkLoad, BulkPhase, BulkStep};

use self::people::People;
use self::sizes::Sizes;
use crate::error::SeedError;

/// How much data to generate. The result depends only on these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScaleOptions {
    /// How many organizations; 1 to 1,000,000.
    pub organizations: u64,
    /// How many users; 1 to 100,000,000. Each organization has an owner, so with fewer users than organizations some
    /// users own several.
    pub users: u64,
    /// How many tasks in all; at most 1,000,000,000. The other numbers follow from it: about one client per 60 tasks,
    /// one project per 21, one invoice per 10.
    pub tasks: u64,
    /// The random seed.
    pub rng_seed: u64,
}

impl ScaleOptions {
    fn check(&self) -> Result<(), SeedError> {
        let bounds = [
            ("organizations", self.organizations, 1..=1_000_000, "from 1 to 1,000,000"),
            ("users", self.users, 1..=100_000_000, "from 1 to 100,000,000"),
            ("tasks", self.tasks, 0..=1_000_000_000, "at most 1,000,000,000"),
        ];
        for (option, value, allowed, expected) in bounds {
            if !allowed.contains(&value) {
                return Err(SeedError::Option { option, expected, value });
            }
        }
        Ok(())
    }
}

/// The current phase of a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Generating rows and sending them; counted in tasks.
    Rows,
    /// Building indexes; counted in indexes.
    Indexes,
    /// Collecting statistics for the planner; counted in tables.
    Statistics,
    /// Checking foreign keys; counted in keys.
    ForeignKeys,
    /// Committing, and marking the rows as visible to all; counted in tables.
    Commit,
}

impl Phase {
    /// What the phase does, for a person.
    pub fn label(self) -> &'static str {
        match self {
            Self::Rows => "loading rows",
            Self::Indexes => "building indexes",
            Self::Statistics => "gathering statistics",
            Self::ForeignKeys => "checking foreign keys",
            Self::Commit => "committing",
        }
    }
}

/// The progress of a seed.
#[derive(Debug, Clone, Copy)]
pub struct Progress<'n> {
    /// What it is doing.
    pub phase: Phase,
    /// The current item: a table, an index, a key.
    pub name: &'n str,
    /// How much of the phase is done.
    pub done: u64,
    /// How much the phase has to do.
    pub total: u64,
}

/// How long a phase took.
#[derive(Debug, Clone, Copy)]
pub struct PhaseTime {
    /// The phase.
    pub phase: Phase,
    /// How long it took.
    pub time: Duration,
}

/// The result of a seed.
#[derive(Debug, Clone)]
pub struct Summary {
    /// How many rows each table got.
    pub rows: Vec<(&'static str, u64)>,
    /// How long each phase took, in order.
    pub phases: Vec<PhaseTime>,
}

/// Fills an empty, migrated database. `url` connects with a role that is, or may become, `tenantry_owner`.
///
/// The organizations with the slugs `large`, `middling` and `small` are the largest one, the one nearest the mean and
/// the one nearest the 25th percentile, if there are enough organizations. Their owners are `owner@large.example` and
/// so on, if there are enough users.
///
/// # Errors
/// [`SeedError::Option`] for an option out of bounds, [`SeedError::NotEmpty`] when there are organizations, and
/// [`SeedError::Store`] when the database refuses. In each case nothing was loaded.
pub async fn scale(
    url: &str,
    options: &ScaleOptions,
    progress: &mut (dyn FnMut(Progress<'_>) + Send),
) -> Result<Summary, SeedError> {
    options.check()?;
    let mut times = Times::start(Phase::Rows);
    let mut load = BulkLoad::open(url).await?;
    if load.has_organizations().await? {
        load.roll_back().await?;
        return Err(SeedError::NotEmpty);
    }
    load.set_indexes_aside().await?;
    let sizes = Sizes::new(options);
    let people = People::new(options, &sizes);
    let mut positions = Positions::default();
    for index in 0..options.users {
        load.push(&people.user(index)).await?;
    }
    let mut rows = Rows { load, total: options.tasks, done: 0, reported: 0, progress: &mut *progress };
    for (index, plot) in sizes.plots().iter().enumerate() {
        organization::make(&mut rows, &people, &mut positions, options.rng_seed, index, plot).await?;
    }
    let load = rows.load;
    let rows = load
        .commit(&mut |step: BulkStep<'_>| {
            let phase = phase(step.phase);
            times.enter(phase);
            progress(Progress { phase, name: step.name, done: step.done as u64, total: step.total as u64 });
        })
        .await?;
    Ok(Summary { rows, phases: times.end() })
}

fn phase(phase: BulkPhase) -> Phase {
    match phase {
        BulkPhase::Indexes => Phase::Indexes,
        BulkPhase::Statistics => Phase::Statistics,
        BulkPhase::ForeignKeys => Phase::ForeignKeys,
        BulkPhase::Commit => Phase::Commit,
    }
}

/// The destination of rows, and the callback for progress.
struct Rows<'p> {
    load: BulkLoad,
    total: u64,
    done: u64,
    reported: u64,
    progress: &'p mut (dyn FnMut(Progress<'_>) + Send),
}

impl Rows<'_> {
    /// Counts generated tasks, and reports progress from time to time.
    fn made_tasks(&mut self, count: u64) {
        const STRIDE: u64 = 5_000;
        self.done += count;
        if self.done >= self.reported + STRIDE || self.done == self.total {
            self.reported = self.done;
            (self.progress)(Progress { phase: Phase::Rows, name: "app.tasks", done: self.done, total: self.total });
        }
    }
}

/// The positions of a list's rows; the same for every list, so computed once.
#[derive(Debug, Default)]
struct Positions(Vec<Position>);

impl Positions {
    fn nth(&mut self, index: usize) -> Result<&Position, SeedError> {
        while self.0.len() <= index {
            self.0.push(Position::after(self.0.last())?);
        }
        Ok(&self.0[index])
    }
}

/// How long each phase has taken so far.
struct Times {
    current: Phase,
    since: Instant,
    past: Vec<PhaseTime>,
}

impl Times {
    fn start(phase: Phase) -> Self {
        Self { current: phase, since: Instant::now(), past: Vec::new() }
    }

    fn enter(&mut self, phase: Phase) {
        if phase != self.current {
            self.past.push(PhaseTime { phase: self.current, time: self.since.elapsed() });
            (self.current, self.since) = (phase, Instant::now());
        }
    }

    fn end(mut self) -> Vec<PhaseTime> {
        self.past.push(PhaseTime { phase: self.current, time: self.since.elapsed() });
        self.past
    }
}
