//! The size of each organization. Sizes are log-normal, like those of real organizations, with a slightly thinner tail,
//! so that the largest has two to three per cent of everything whatever the total.

use std::ops::Range;

use crate::chance::{Chance, Stream};
use crate::scale::ScaleOptions;

/// The standard deviation of the logarithm of sizes. With it the mean is about four times the median.
const SPREAD: f64 = 1.75;

/// From this many standard deviations on, the tail is thinned.
const TAIL: f64 = 2.0;

/// How much of a step beyond [`TAIL`] counts.
const THINNING: f64 = 0.55;

/// The slugs of the organizations that are easy to find.
const KNOWN: [&str; 3] = ["large", "middling", "small"];

/// One organization's share.
#[derive(Debug, Clone)]
pub(super) struct Plot {
    /// How many tasks it has.
    pub(super) tasks: u64,
    /// The users whose first organization this is. The first of them owns it.
    pub(super) users: Range<u64>,
    /// The slug, if it is one of the known ones.
    pub(super) known: Option<&'static str>,
}

/// All organizations' shares.
#[derive(Debug)]
pub(super) struct Sizes {
    plots: Vec<Plot>,
}

impl Sizes {
    pub(super) fn new(options: &ScaleOptions) -> Self {
        // At most a million, see `ScaleOptions`.
        let count = usize::try_from(options.organizations).unwrap_or(usize::MAX);
        let mut chance = Chance::new(options.rng_seed, Stream::Sizes, 0);
        let mut weights: Vec<f64> = (0..count).map(|n| weight(n, count)).collect();
        // Shuffled, so that a large organization is not also an old one, nor the first in every list.
        for n in (1..count).rev() {
            weights.swap(n, chance.below(n + 1));
        }
        let tasks = shares(options.tasks, weights.iter().copied());
        let users = users(options, &weights);
        let mut plots: Vec<Plot> =
            tasks.into_iter().zip(users).map(|(tasks, users)| Plot { tasks, users, known: None }).collect();
        name_the_known(&mut plots, options.tasks);
        Self { plots }
    }

    pub(super) fn plots(&self) -> &[Plot] {
        &self.plots
    }
}

/// The `n`-th of `count` sizes, from small to large, relative to the median.
#[expect(clippy::cast_precision_loss, reason = "a share needs no more than 52 bits")]
fn weight(n: usize, count: usize) -> f64 {
    let deviations = normal_quantile((n as f64 + 0.5) / count as f64);
    let thinned = if deviations > TAIL { TAIL + (deviations - TAIL) * THINNING } else { deviations };
    (SPREAD * thinned).exp()
}

/// Divides `total` in proportion to the weights, without remainder.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "totals are far below 2^52 and weights are positive"
)]
fn shares(total: u64, weights: impl Iterator<Item = f64> + Clone) -> Vec<u64> {
    let sum: f64 = weights.clone().sum();
    let (mut passed, mut given) = (0.0, 0);
    weights
        .map(|weight| {
            passed += weight;
            // Rounding the running sum instead of each share leaves no remainder.
            let until = ((total as f64) * (passed / sum)).round() as u64;
            let share = until.min(total).saturating_sub(given);
            given += share;
            share
        })
        .collect()
}

/// Gives each organization its users: one each, and more of the rest to larger ones.
fn users(options: &ScaleOptions, weights: &[f64]) -> Vec<Range<u64>> {
    let Some(spare) = options.users.checked_sub(options.organizations) else {
        return (0..options.organizations).map(|n| n % options.users..n % options.users + 1).collect();
    };
    // An organization with ten times the work has not quite five times the people.
    let shares = shares(spare, weights.iter().map(|weight| weight.powf(0.7)));
    let mut next = 0;
    shares
        .into_iter()
        .map(|share| {
            let first = next;
            next += share + 1;
            first..next
        })
        .collect()
}

fn name_the_known(plots: &mut [Plot], total: u64) {
    let mut sizes: Vec<u64> = plots.iter().map(|plot| plot.tasks).collect();
    sizes.sort_unstable();
    let mean = total / plots.len().max(1) as u64;
    let targets = [u64::MAX, mean, sizes.get(plots.len() / 4).copied().unwrap_or(0)];
    for (slug, target) in KNOWN.into_iter().zip(targets) {
        let nearest =
            plots.iter_mut().filter(|plot| plot.known.is_none()).min_by_key(|plot| plot.tasks.abs_diff(target));
        if let Some(plot) = nearest {
            plot.known = Some(slug);
        }
    }
}

/// The number of standard deviations below which the fraction `p` of a normal distribution lies.
///
/// Source: P. J. Acklam's rational approximation; the relative error is below 1.2 × 10⁻⁹.
fn normal_quantile(p: f64) -> f64 {
    const A: [f64; 6] = [
        -3.969_683_028_665_376e1,
        2.209_460_984_245_205e2,
        -2.759_285_104_469_687e2,
        1.383_577_518_672_69e2,
        -3.066_479_806_614_716e1,
        2.506_628_277_459_239,
    ];
    const B: [f64; 6] = [
        -5.447_609_879_822_406e1,
        1.615_858_368_580_409e2,
        -1.556_989_798_598_866e2,
        6.680_131_188_771_972e1,
        -1.328_068_155_288_572e1,
        1.0,
    ];
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 5] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416, 1.0];
    const LOW: f64 = 0.024_25;
    let polynomial = |factors: &[f64], x: f64| factors.iter().fold(0.0, |sum, factor| sum * x + factor);
    if p < LOW {
        let q = (-2.0 * p.ln()).sqrt();
        polynomial(&C, q) / polynomial(&D, q)
    } else if p > 1.0 - LOW {
        -normal_quantile(1.0 - p)
    } else {
        let q = p - 0.5;
        let r = q * q;
        polynomial(&A, r) * q / polynomial(&B, r)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(organizations: u64, users: u64, tasks: u64) -> ScaleOptions {
        ScaleOptions { organizations, users, tasks, rng_seed: 42 }
    }

    #[test]
    fn quantiles_match_published_tables() {
        for (p, expected) in [(0.5, 0.0), (0.975, 1.959_964), (0.025, -1.959_964), (0.999, 3.090_232)] {
            assert!((normal_quantile(p) - expected).abs() < 1e-6, "{p}");
        }
    }

    #[test]
    fn few_are_large_and_many_are_small() {
        let sizes = Sizes::new(&options(1_247, 42_318, 3_200_000));
        let mut tasks: Vec<u64> = sizes.plots().iter().map(|plot| plot.tasks).collect();
        tasks.sort_unstable();
        assert_eq!(tasks.iter().sum::<u64>(), 3_200_000);
        let largest = tasks[1_246];
        assert!((64_000..=96_000).contains(&largest), "{largest}");
        assert!((300..=900).contains(&tasks[623]), "{}", tasks[623]);
        let users = sizes.plots().iter().map(|plot| plot.users.end - plot.users.start).sum::<u64>();
        assert_eq!(users, 42_318);
    }

    #[test]
    fn every_total_is_distributed_and_every_organization_has_an_owner() {
        for (organizations, users, tasks) in [(1, 1, 0), (1, 1, 7), (2, 1, 100), (3, 900, 1), (10, 10, 10_000)] {
            let sizes = Sizes::new(&options(organizations, users, tasks));
            assert_eq!(sizes.plots().iter().map(|plot| plot.tasks).sum::<u64>(), tasks);
            assert!(sizes.plots().iter().all(|plot| plot.users.start < users && !plot.users.is_empty()));
            let known = sizes.plots().iter().filter(|plot| plot.known.is_some()).count() as u64;
            assert_eq!(known, organizations.min(3));
        }
    }
}
