//! What is wrong with an input, in a form that can be shown next to the field.

use std::collections::BTreeSet;
use std::fmt;

use crate::country::is_country;
use crate::money::Money;
use crate::text;
use crate::typeid::IdError;

/// A text that is not a value of an enum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{value}\" is not a {kind}")]
pub struct UnknownValue {
    /// The enum's name.
    pub kind: &'static str,
    /// What was found instead.
    pub value: String,
}

/// The kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldErrorCode {
    /// The value is missing or blank.
    Required,
    /// The value is longer than the field may be.
    TooLong,
    /// The value is outside its bounds.
    OutOfRange,
    /// The value has the wrong format.
    Invalid,
    /// The value refers to something that does not exist, or that the caller may not see, which is treated the same.
    NotFound,
    /// Something else already has this value.
    Taken,
    /// Something else still depends on it.
    InUse,
    /// The object has changed since it was read.
    Conflict,
    /// The plan does not allow more.
    LimitReached,
    /// The server has not been configured for it.
    NotConfigured,
    /// There is a subscription already; it has to be changed in the billing portal.
    AlreadySubscribed,
    /// The invoice has been issued: it changes no more.
    AlreadyIssued,
    /// The object's status does not allow it.
    WrongStatus,
}

impl FieldErrorCode {
    /// Every code, in the order of declaration.
    pub const ALL: &'static [Self] = &[
        Self::Required,
        Self::TooLong,
        Self::OutOfRange,
        Self::Invalid,
        Self::NotFound,
        Self::Taken,
        Self::InUse,
        Self::Conflict,
        Self::LimitReached,
        Self::NotConfigured,
        Self::AlreadySubscribed,
        Self::AlreadyIssued,
        Self::WrongStatus,
    ];
}

/// One fault of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The kind of fault.
    pub code: FieldErrorCode,
    /// The path of the field from the input's root, e.g. `["lineItems", "0", "quantity"]`.
    pub field: Vec<String>,
    /// A human-readable message.
    pub message: String,
}

impl FieldError {
    /// A fault of the field with this name.
    pub fn new(code: FieldErrorCode, field: &str, message: impl Into<String>) -> Self {
        Self { code, field: vec![field.to_owned()], message: message.into() }
    }

    /// A reference to something that does not exist.
    pub fn not_found(field: &str, what: &str) -> Self {
        Self::new(FieldErrorCode::NotFound, field, format!("There is no such {what}."))
    }

    /// An id that cannot be parsed.
    pub fn malformed_id(field: &str, error: &IdError) -> Self {
        Self::new(FieldErrorCode::Invalid, field, format!("{error}."))
    }

    /// The same fault of another field.
    #[must_use]
    pub fn of(self, field: &str) -> Self {
        Self { field: vec![field.to_owned()], ..self }
    }

    /// The same fault with the path of the field's parent in front.
    #[must_use]
    pub fn within(mut self, parents: &[&str]) -> Self {
        self.field.splice(0..0, parents.iter().map(|&p| p.to_owned()));
        self
    }
}

/// All faults of one input. Never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations(pub Vec<FieldError>);

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", error.field.join("."), error.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

impl From<FieldError> for Violations {
    fn from(error: FieldError) -> Self {
        Self(vec![error])
    }
}

impl Violations {
    /// Adds a fault.
    pub fn push(&mut self, error: FieldError) {
        self.0.push(error);
    }

    /// `Ok` if there are no faults.
    ///
    /// # Errors
    /// The faults, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// A required text: trimmed at both ends, with at least one visible character, at most `max` characters, without
    /// control characters. It is stored in normal form C, so that a name has one spelling. Everything else is kept
    /// unchanged, including emoji and right-to-left text.
    pub fn required_text(&mut self, field: &str, value: &str, max: usize) -> String {
        let text = text::normalized(value.trim());
        if text.chars().any(char::is_control) {
            self.push(FieldError::new(FieldErrorCode::Invalid, field, "Control characters are not allowed here."));
        } else if text::is_blank(&text) {
            self.push(FieldError::new(FieldErrorCode::Required, field, "This must not be blank."));
        }
        self.bounded(field, &text, max);
        text.into_owned()
    }

    /// An optional one-line text: as [`required_text`](Self::required_text), but a blank text counts as absent.
    pub fn optional_text(&mut self, field: &str, value: Option<&str>, max: usize) -> Option<String> {
        let text = value?;
        // Control characters are refused, not ignored.
        let is_absent = text::is_blank(text) && !text.trim().chars().any(char::is_control);
        if is_absent { None } else { Some(self.required_text(field, text, max)) }
    }

    /// An optional text of several lines, at most `max` characters, without NUL. It is stored exactly as given,
    /// including its normal form: nothing compares it, and it may contain quotations that must stay byte for byte.
    pub fn optional_prose(&mut self, field: &str, value: Option<&str>, max: usize) -> Option<String> {
        let value = value?;
        // PostgreSQL cannot store U+0000 in a text.
        if value.contains('\0') {
            self.push(FieldError::new(FieldErrorCode::Invalid, field, "The character U+0000 is not allowed."));
        }
        self.bounded(field, value, max);
        if value.is_empty() { None } else { Some(value.to_owned()) }
    }

    /// An optional e-mail address: one `@` with something on both sides, no spaces and no invisible characters, at most
    /// 254 characters (RFC 5321). It is stored as [`normalized_email`](text::normalized_email) returns it.
    pub fn optional_email(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        self.optional_text(field, value, 254)?;
        let email = text::normalized_email(value?.trim());
        let plausible = email.split_once('@').is_some_and(|(local, host)| {
            let strange = |c: char| c.is_whitespace() || text::is_invisible(c);
            !local.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(strange)
        });
        if !plausible {
            self.push(FieldError::new(FieldErrorCode::Invalid, field, "This is not an e-mail address."));
        }
        Some(email)
    }

    /// An optional URL: `http` or `https`, without spaces, at most 2,048 characters.
    pub fn optional_url(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        let url = self.optional_text(field, value, 2048)?;
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|rest| rest.is_empty() || rest.contains(char::is_whitespace)) {
            self.push(FieldError::new(FieldErrorCode::Invalid, field, "This is not an http(s) address."));
        }
        Some(url)
    }

    /// An optional color: `#` and six hexadecimal digits. It is stored in lower case.
    pub fn optional_color(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        let color = value?.trim().to_ascii_lowercase();
        let digits = color.strip_prefix('#').unwrap_or_default();
        if digits.len() != 6 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            let message = "This is not a color: give # and six hexadecimal digits, such as #1f6feb.";
            self.push(FieldError::new(FieldErrorCode::Invalid, field, message));
        }
        Some(color)
    }

    /// A required color: see [`optional_color`](Self::optional_color).
    pub fn required_color(&mut self, field: &str, value: &str) -> String {
        self.required(field, |v| v.optional_color(field, Some(value)))
    }

    /// An optional country: the two letters of ISO 3166-1. They are stored as capitals.
    pub fn optional_country(&mut self, field: &str, value: Option<&str>) -> Option<String> {
        let code = self.optional_text(field, value, 2)?.to_ascii_uppercase();
        if !is_country(&code) {
            let message = "This is not a country: give its two letters of ISO 3166-1, such as DE.";
            self.push(FieldError::new(FieldErrorCode::Invalid, field, message));
        }
        Some(code)
    }

    /// A required country: see [`optional_country`](Self::optional_country).
    pub fn required_country(&mut self, field: &str, value: &str) -> String {
        self.required(field, |v| v.optional_country(field, Some(value)))
    }

    /// A required text of several lines: as [`optional_prose`](Self::optional_prose), with at least one visible character.
    pub fn required_prose(&mut self, field: &str, value: &str, max: usize) -> String {
        self.required(field, |v| v.optional_prose(field, Some(value).filter(|text| !text::is_blank(text)), max))
    }

    /// A required e-mail address: see [`optional_email`](Self::optional_email).
    pub fn required_email(&mut self, field: &str, value: &str) -> String {
        self.required(field, |v| v.optional_email(field, Some(value)))
    }

    /// A required web address: see [`optional_url`](Self::optional_url).
    pub fn required_url(&mut self, field: &str, value: &str) -> String {
        self.required(field, |v| v.optional_url(field, Some(value)))
    }

    /// Notes a fault when there are more than `max` values, each counted once.
    pub fn at_most<T: Ord>(&mut self, field: &str, values: &[T], max: usize) {
        let distinct: BTreeSet<&T> = values.iter().collect();
        if distinct.len() > max {
            self.push(FieldError::new(FieldErrorCode::OutOfRange, field, format!("At most {max} can be given.")));
        }
    }

    /// An amount of zero or more, if there is one.
    pub fn not_negative(&mut self, field: &str, value: Option<Money>) {
        if value.is_some_and(|money| money.minor() < 0) {
            self.push(FieldError::new(FieldErrorCode::OutOfRange, field, "This must not be negative."));
        }
    }

    fn required(&mut self, field: &str, value: impl FnOnce(&mut Self) -> Option<String>) -> String {
        value(self).unwrap_or_else(|| {
            self.push(FieldError::new(FieldErrorCode::Required, field, "This must not be blank."));
            String::new()
        })
    }

    fn bounded(&mut self, field: &str, value: &str, max: usize) {
        let length = value.chars().count();
        if length > max {
            let message = format!("This has {length} characters; at most {max} are allowed.");
            self.push(FieldError::new(FieldErrorCode::TooLong, field, message));
        }
    }
}
