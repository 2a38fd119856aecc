//! The few statistics that are needed.

/// The value below which the fraction `p` of the values lies; 0 if there are none. Sorts them.
pub(crate) fn percentile(values: &mut [u32], p: f64) -> f64 {
    values.sort_unstable();
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    f64::from(values[round(float(last) * p).min(last)])
}

/// The middle value, or the mean of the middle two; `None` if there are none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        values.get(middle).copied()
    } else {
        Some(f64::midpoint(*values.get(middle.checked_sub(1)?)?, *values.get(middle)?))
    }
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn float(count: usize) -> f64 {
    count as f64
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn float64(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index, not negative")]
fn round(value: f64) -> usize {
    value.round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_and_medians() {
        let mut values: Vec<u32> = (0..=100).rev().collect();
        assert!((percentile(&mut values, 0.95) - 95.0).abs() < 1e-9);
        assert!(percentile(&mut [], 0.5).abs() < 1e-9);
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([1.0, 2.0]), Some(1.5));
        assert_eq!(median([]), None);
    }
}
