//! Durations and sizes as people write them on a command line.

use std::time::Duration;

/// `500ms`, `10s`, `5m`, `1h`, `7d`; a bare number is seconds.
///
/// # Errors
/// A sentence for the person at the terminal.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let milliseconds_per_unit: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err("use a number with ms, s, m, h or d, as in 10s".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "use a whole number with ms, s, m, h or d, as in 10s".to_owned())?;
    number
        .checked_mul(milliseconds_per_unit)
        .filter(|milliseconds| *milliseconds > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| "the duration is zero or too long".to_owned())
}

/// `262144`, `256KiB`, `1MiB`; a bare number is bytes.
///
/// # Errors
/// A sentence for the person at the terminal.
pub fn bytes(text: &str) -> Result<usize, String> {
    let (number, unit) = split(text);
    let bytes_per_unit: usize = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err("use a number with KiB or MiB, as in 256KiB".to_owned()),
    };
    let number: usize = number.parse().map_err(|_| "use a whole number with KiB or MiB, as in 256KiB".to_owned())?;
    number.checked_mul(bytes_per_unit).ok_or_else(|| "the size is too large".to_owned())
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1 h"), Ok(Duration::from_hours(1)));
        for wrong in ["", "s", "-1s", "1.5s", "1w", "0s", "99999999999999999999s", "18446744073709551615d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_read_as_written() {
        assert_eq!(bytes("256KiB"), Ok(262_144));
        assert_eq!(bytes("17"), Ok(17));
        for wrong in ["", "KB", "1GB", "-1", "99999999999999999MiB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
