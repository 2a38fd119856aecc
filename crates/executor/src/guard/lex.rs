//! A linear scan of the document's text before the parser sees it. The parser recurses once per open bracket and is
//! slow on floods of tokens, so both are bounded here; whether the tokens make sense is left to the parser.

use async_graphql::Pos;

use super::{GuardError, GuardErrorKind as Kind, GuardLimits};
use crate::request::{offset, resolve, string_length};

/// Checks size, tokens, bracket nesting, and the length of names and numbers.
///
/// Strings and comments are told apart from punctuation exactly as the parser's grammar does it. An unterminated string
/// is refused at once, because the grammar would otherwise go back and read its contents as something else.
pub(super) fn scan(source: &str, limits: &GuardLimits) -> Result<(), GuardError> {
    let bytes = source.as_bytes();
    at_most(Kind::DocumentBytes, limits.max_document_bytes, bytes.len())?;

    let mut scan = Scan { source, at: 0, tokens: 0, brackets: 0 };
    while let Some(&byte) = bytes.get(scan.at) {
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => scan.at += 1,
            // The byte order mark, which the grammar takes for a blank; any other such byte is the parser's to refuse.
            0xEF if bytes[scan.at..].starts_with(b"\xEF\xBB\xBF") => scan.at += 3,
            b'#' => scan.at += length_until(&bytes[scan.at..], |b| b == b'\n' || b == b'\r'),
            _ => scan.token(byte, limits)?,
        }
    }
    Ok(())
}

fn at_most(kind: Kind, limit: u64, actual: usize) -> Result<(), GuardError> {
    let actual = u64::try_from(actual).unwrap_or(u64::MAX);
    if actual > limit { Err(GuardError::exceeded(kind, limit, actual)) } else { Ok(()) }
}

fn length_until(bytes: &[u8], stop: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|&byte| stop(byte)).unwrap_or(bytes.len())
}

struct Scan<'a> {
    source: &'a str,
    at: usize,
    tokens: usize,
    brackets: usize,
}

impl Scan<'_> {
    fn token(&mut self, first: u8, limits: &GuardLimits) -> Result<(), GuardError> {
        self.tokens += 1;
        at_most(Kind::Tokens, limits.max_tokens, self.tokens).map_err(|error| error.at(self.position()))?;

        let rest = &self.source.as_bytes()[self.at..];
        let length = match first {
            b'{' | b'[' | b'(' => {
                self.brackets += 1;
                at_most(Kind::Brackets, limits.max_brackets, self.brackets)
                    .map_err(|error| error.at(self.position()))?;
                1
            }
            b'}' | b']' | b')' => {
                self.brackets = self.brackets.saturating_sub(1);
                1
            }
            b'"' => string_length(rest)
                .ok_or_else(|| GuardError::syntax("unterminated string".to_owned(), vec![self.position()]))?,
            b'.' if rest.starts_with(b"...") => 3,
            _ if is_word(first) || first == b'-' => {
                // A number's dot and sign belong to it, so that one long number is one long token.
                let number = !first.is_ascii_alphabetic() && first != b'_';
                let length = 1 + length_until(&rest[1..], |byte| {
                    !(is_word(byte) || number && matches!(byte, b'.' | b'+' | b'-'))
                });
                at_most(Kind::NameBytes, limits.max_name_bytes, length).map_err(|error| error.at(self.position()))?;
                length
            }
            _ => 1,
        };
        self.at += length;
        Ok(())
    }

    /// Line and column of the scan, both from 1, as the parser counts them.
    fn position(&self) -> Pos {
        let mut position = offset(self.at);
        resolve(&mut position, self.source);
        position
    }
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(source: &str) -> Option<Kind> {
        scan(source, &GuardLimits::default()).err().map(|error| error.kind)
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count() {
        let brackets = "[".repeat(1000);
        assert_eq!(kind(&format!("{{ a(b: \"{brackets}\") }}")), None);
        assert_eq!(kind(&format!("{{ a(b: \"\\\"{brackets}\") }}")), None);
        assert_eq!(kind(&format!("{{ a(b: \"\"\"\\\"\"\" \"{brackets}\"\"\") }}")), None);
        assert_eq!(kind(&format!("# {brackets}\n{{ a }}")), None);
        assert_eq!(kind(&format!("{{ a(b: {brackets}")), Some(Kind::Brackets));
        assert_eq!(kind(&format!("# x\r{{ a(b: {brackets}")), Some(Kind::Brackets));
    }

    #[test]
    fn an_unterminated_string_hides_nothing() {
        let brackets = "[".repeat(1000);
        assert_eq!(kind(&format!("{{ a(b: [\"\"\"x\"{brackets}")), Some(Kind::Syntax));
        assert_eq!(kind(&format!("{{ a(b: \"x\n{brackets}")), Some(Kind::Syntax));
        assert_eq!(kind("{ a(b: \"\\"), Some(Kind::Syntax));
    }

    #[test]
    fn positions_are_those_of_the_parser() {
        let error = scan("{\n  é(a: \"", &GuardLimits::default()).err();
        assert_eq!(error.map(|error| error.locations), Some(vec![Pos { line: 2, column: 8 }]));
    }
}
