//! The numbers of invoices and credit notes: how they are written, and when they begin anew. Which number is next, the
//! database knows.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, NaiveDate};

use crate::invoice::InvoiceKind;
use crate::text::is_invisible;
use crate::text_enum::text_enum;
use crate::validate::{FieldError, FieldErrorCode, Violations};

text_enum! {
    /// When numbers begin with 1 again.
    NumberReset {
        /// With each year of the invoice date.
        Yearly = "yearly",
        /// With each month of the invoice date.
        Monthly = "monthly",
        /// Never.
        Never = "never",
    }
}

/// How numbers are written, such as `INV-{year}-{seq:04}`.
///
/// `{year}` and `{month}` are those of the invoice date, in four and in two digits, `{yy}` is the year in two. `{seq}` is the number
/// itself, once in each pattern; `{seq:04}` fills it up with zeros to four digits, which may be 1 to 12.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberPattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Year,
    ShortYear,
    Month,
    Sequence(usize),
}

/// How numbers of one kind are written, and when they begin anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFormat {
    /// How they are written.
    pub pattern: NumberPattern,
    /// When they begin anew. The pattern has to tell the years, or the months, apart.
    pub reset: NumberReset,
}

/// Why a text is no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is longer than [`MAX_PATTERN`].
    #[error("A pattern has at most {MAX_PATTERN} characters.")]
    TooLong,
    /// A brace without its counterpart, or something unknown between two.
    #[error("Between braces there can be year, yy, month, seq, and seq:01 to seq:012.")]
    Unknown,
    /// Not exactly one `{seq}`.
    #[error("A pattern must contain {{seq}} exactly once.")]
    Sequence,
    /// A character that is not to be in a number.
    #[error("Control characters and invisible ones are not allowed here.")]
    Control,
}

/// The most characters of a pattern.
pub const MAX_PATTERN: usize = 40;

/// The most digits that a number is filled up to.
const MAX_DIGITS: usize = 12;

impl NumberPattern {
    /// The number that is written with this sequence on this day.
    pub fn render(&self, date: NaiveDate, sequence: i64) -> String {
        let write = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Year => format!("{:04}", date.year()),
            Part::ShortYear => format!("{:02}", date.year().rem_euclid(100)),
            Part::Month => format!("{:02}", date.month()),
            Part::Sequence(digits) => format!("{sequence:0digits$}"),
        };
        self.0.iter().map(write).collect()
    }

    /// The pattern without the lengths of its sequence: two patterns of one shape can give the same number.
    pub fn shape(&self) -> String {
        let shape = |part: &Part| match part {
            Part::Sequence(_) => "{seq}".to_owned(),
            part => part.to_string(),
        };
        self.0.iter().map(shape).collect()
    }

    fn has(&self, wanted: &[Part]) -> bool {
        self.0.iter().any(|part| wanted.contains(part))
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Year => f.write_str("{year}"),
            Self::ShortYear => f.write_str("{yy}"),
            Self::Month => f.write_str("{month}"),
            Self::Sequence(1) => f.write_str("{seq}"),
            Self::Sequence(digits) => write!(f, "{{seq:0{digits}}}"),
        }
    }
}

impl fmt::Display for NumberPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|part| write!(f, "{part}"))
    }
}

impl FromStr for NumberPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let text = text.trim();
        if text.chars().count() > MAX_PATTERN {
            return Err(PatternError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || is_invisible(c)) {
            return Err(PatternError::Control);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (plain, behind) = rest.split_once('{').unwrap_or((rest, ""));
            if plain.contains('}') || (behind.is_empty() && plain.len() < rest.len()) {
                return Err(PatternError::Unknown);
            }
            if !plain.is_empty() {
                parts.push(Part::Text(plain.to_owned()));
            }
            if behind.is_empty() {
                break;
            }
            let (name, after) = behind.split_once('}').ok_or(PatternError::Unknown)?;
            parts.push(part(name)?);
            rest = after;
        }
        let sequences = parts.iter().filter(|part| matches!(part, Part::Sequence(_))).count();
        if sequences == 1 { Ok(Self(parts)) } else { Err(PatternError::Sequence) }
    }
}

/// What stands between two braces.
fn part(name: &str) -> Result<Part, PatternError> {
    match name {
        "year" => Ok(Part::Year),
        "yy" => Ok(Part::ShortYear),
        "month" => Ok(Part::Month),
        "seq" => Ok(Part::Sequence(1)),
        _ => {
            let digits = name.strip_prefix("seq:0").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let digits =
                digits.and_then(|digits| digits.parse().ok()).filter(|digits| (1..=MAX_DIGITS).contains(digits));
            digits.map(Part::Sequence).ok_or(PatternError::Unknown)
        }
    }
}

impl fmt::Display for NumberFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.pattern, self.reset)
    }
}

impl NumberFormat {
    /// How numbers of this kind are written unless the organization says otherwise: `INV-{year}-{seq:04}` and
    /// `CN-{year}-{seq:04}`, beginning anew with each year.
    pub fn default_of(kind: InvoiceKind) -> Self {
        let prefix = match kind {
            InvoiceKind::Invoice => "INV-",
            InvoiceKind::CreditNote => "CN-",
        };
        let dash = || Part::Text("-".to_owned());
        let parts = vec![Part::Text(prefix.to_owned()), Part::Year, dash(), Part::Sequence(4)];
        Self { pattern: NumberPattern(parts), reset: NumberReset::Yearly }
    }

    /// The period that a number of this day is counted in: a year, a month, or nothing if numbers never begin anew.
    pub fn period(&self, date: NaiveDate) -> String {
        match self.reset {
            NumberReset::Never => String::new(),
            NumberReset::Yearly => format!("{:04}", date.year()),
            NumberReset::Monthly => format!("{:04}-{:02}", date.year(), date.month()),
        }
    }

    /// Adds a fault to `v` if numbers would come twice.
    pub(crate) fn check(&self, v: &mut Violations, field: &str) {
        let has_year = self.pattern.has(&[Part::Year, Part::ShortYear]);
        let lacks = match self.reset {
            NumberReset::Never => None,
            NumberReset::Yearly => (!has_year).then_some("{year}"),
            NumberReset::Monthly => (!has_year || !self.pattern.has(&[Part::Month])).then_some("{year} and {month}"),
        };
        if let Some(lacks) = lacks {
            let message = format!("With this reset, numbers would repeat unless the pattern contains {lacks}.");
            let fault = FieldError::new(FieldErrorCode::Invalid, field, message);
            v.push(FieldError { field: vec![field.to_owned(), "pattern".to_owned()], ..fault });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a day")
    }

    #[test]
    fn patterns_are_written_as_they_were_read() {
        for (pattern, number) in [
            ("INV-{year}-{seq:04}", "INV-2026-0007"),
            ("{seq}", "7"),
            ("{yy}{month}{seq:06}", "2601000007"),
            ("Rechnung {seq:012}/ü", "Rechnung 000000000007/ü"),
        ] {
            let read: NumberPattern = pattern.parse().expect(pattern);
            assert_eq!((read.to_string().as_str(), read.render(day("2026-01-31"), 7).as_str()), (pattern, number));
        }
        let pattern: NumberPattern = "{seq:02}".parse().expect("a pattern");
        assert_eq!(pattern.render(day("2026-01-31"), 12_345), "12345", "more digits than were asked for");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (pattern, error) in [
            ("", PatternError::Sequence),
            ("INV", PatternError::Sequence),
            ("{seq}{seq}", PatternError::Sequence),
            ("{seq", PatternError::Unknown),
            ("seq}", PatternError::Unknown),
            ("{seq}{", PatternError::Unknown),
            ("{}{seq}", PatternError::Unknown),
            ("{day}{seq}", PatternError::Unknown),
            ("{seq:4}", PatternError::Unknown),
            ("{seq:00}", PatternError::Unknown),
            ("{seq:013}", PatternError::Unknown),
            ("{seq:0+4}", PatternError::Unknown),
            ("{seq}\u{7}x", PatternError::Control),
            ("\u{202e}{seq}", PatternError::Control),
            (&"x".repeat(41), PatternError::TooLong),
        ] {
            assert_eq!(pattern.parse::<NumberPattern>(), Err(error), "{pattern}");
        }
    }

    #[test]
    fn numbers_that_begin_anew_tell_their_periods_apart() {
        let faults = |pattern: &str, reset| {
            let mut v = Violations::default();
            NumberFormat { pattern: pattern.parse().expect(pattern), reset }.check(&mut v, "numbers");
            v.0.len()
        };
        assert_eq!(faults("{seq}", NumberReset::Never), 0);
        assert_eq!((faults("{seq}", NumberReset::Yearly), faults("{yy}{seq}", NumberReset::Yearly)), (1, 0));
        assert_eq!((faults("{month}{seq}", NumberReset::Monthly), faults("{year}{seq}", NumberReset::Monthly)), (1, 1));
        assert_eq!(faults("{year}{month}{seq}", NumberReset::Monthly), 0);
        let format = NumberFormat::default_of(InvoiceKind::Invoice);
        assert_eq!(
            (format.period(day("2026-12-31")), format.period(day("2027-01-01"))),
            ("2026".into(), "2027".into())
        );
        assert_eq!(format.pattern.render(day("2027-01-01"), 1), "INV-2027-0001");
    }
}
