//! What the parser of `apollo-compiler` does not do with a text, found in one pass over its tokens:
//!
//! * It takes an argument or an object field without a value, and drops it. Such a text is refused here (2.6, 2.9.8).
//! * It does not know descriptions of operations, variables and fragments, which came with September 2025 (2.1.1), and it
//!   stumbles over a comma after `...` or before a colon (2.1.6). Neither means anything, so both are blanked out; all positions
//!   stay.
//!
//! Every other fault of the grammar is left to the parser.

use std::borrow::Cow;
use std::ops::Range;

use async_graphql::ServerError;

use super::fault;
use super::position::offset;

/// A token, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'s> {
    Name(&'s str),
    String,
    /// One character, or the first of three dots.
    Mark(u8),
    /// A number.
    Number,
}

/// What an open bracket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Selections,
    Variables,
    /// Arguments, or the fields of an object; and whether a name or a value comes next.
    Fields(Next),
    List,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Name,
    Colon,
    Value,
}

/// A text as the parser takes it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared<'s> {
    /// The text, of the same length.
    pub(super) text: Cow<'s, str>,
    /// Where the descriptions stand that it has lost.
    pub(super) descriptions: Vec<Range<usize>>,
}

/// Makes the text ready for the parser.
///
/// # Errors
/// An argument or an object field has no value.
pub(super) fn prepare(source: &str) -> Result<Prepared<'_>, ServerError> {
    let mut scan = Scan {
        source,
        at: 0,
        open: Vec::new(),
        previous: [None, None],
        string: None,
        commas: Vec::new(),
        descriptions: Vec::new(),
    };
    while let Some((start, token)) = scan.next() {
        scan.see(start, token)?;
    }
    let Scan { commas, descriptions, .. } = scan;
    if commas.is_empty() && descriptions.is_empty() {
        return Ok(Prepared { text: Cow::Borrowed(source), descriptions });
    }
    let mut text = source.as_bytes().to_vec();
    for byte in descriptions.iter().cloned().flatten().chain(commas) {
        if !matches!(text[byte], b'\n' | b'\r') {
            text[byte] = b' ';
        }
    }
    // Whole strings were blanked out, so that what is left is text. If not, the parser finds the fault.
    let text = String::from_utf8(text).map_or(Cow::Borrowed(source), Cow::Owned);
    Ok(Prepared { text, descriptions })
}

struct Scan<'s> {
    source: &'s str,
    at: usize,
    open: Vec<Inside>,
    /// The last two tokens, the last one first.
    previous: [Option<Token<'s>>; 2],
    /// The string right before the current token that can be a description.
    string: Option<Range<usize>>,
    commas: Vec<usize>,
    descriptions: Vec<Range<usize>>,
}

impl<'s> Scan<'s> {
    /// The next token and where it begins.
    fn next(&mut self) -> Option<(usize, Token<'s>)> {
        let bytes = self.source.as_bytes();
        loop {
            let rest = bytes.get(self.at..)?;
            let skipped = match rest.first()? {
                b' ' | b'\t' | b'\n' | b'\r' => 1,
                b',' => {
                    self.commas.push(self.at);
                    1
                }
                0xEF if rest.starts_with(b"\xEF\xBB\xBF") => 3,
                b'#' => rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len()),
                _ => break,
            };
            self.at += skipped;
        }
        let (start, rest) = (self.at, &bytes[self.at..]);
        let (length, token) = match rest[0] {
            b'"' => (string_length(rest).unwrap_or(rest.len()), Token::String),
            first if first.is_ascii_alphabetic() || first == b'_' => {
                let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
                let length = rest.iter().position(|byte| !is_word(byte)).unwrap_or(rest.len());
                (length, Token::Name(&self.source[start..start + length]))
            }
            first if first.is_ascii_digit() || first == b'-' => {
                let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'+' | b'-');
                (rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len()), Token::Number)
            }
            b'.' if rest.starts_with(b"...") => (3, Token::Mark(b'.')),
            mark => (1, Token::Mark(mark)),
        };
        self.at += length;
        Some((start, token))
    }

    fn see(&mut self, start: usize, token: Token<'s>) -> Result<(), ServerError> {
        self.describe(start, token);
        match token {
            Token::Mark(b'{') => {
                let inside = match self.open.last() {
                    None | Some(Inside::Selections) => Inside::Selections,
                    Some(_) => Inside::Fields(Next::Name),
                };
                self.value_begins();
                self.open.push(inside);
            }
            Token::Mark(b'[') => {
                self.value_begins();
                self.open.push(Inside::List);
            }
            Token::Mark(b'(') => {
                let inside = if self.open.is_empty() && !self.is_directive() {
                    Inside::Variables
                } else {
                    Inside::Fields(Next::Name)
                };
                self.open.push(inside);
            }
            Token::Mark(b'}' | b']' | b')') => {
                if self.open.last() == Some(&Inside::Fields(Next::Colon)) {
                    return Err(without_value(start));
                }
                self.open.pop();
            }
            token => self.within_fields(start, token)?,
        }
        self.previous = [Some(token), self.previous[0]];
        Ok(())
    }

    /// Moves on within arguments or the fields of an object.
    fn within_fields(&mut self, start: usize, token: Token<'_>) -> Result<(), ServerError> {
        let Some(Inside::Fields(next)) = self.open.last_mut() else { return Ok(()) };
        match (*next, token) {
            (Next::Name, Token::Name(_)) => *next = Next::Colon,
            (Next::Colon, Token::Mark(b':')) => *next = Next::Value,
            (Next::Colon, _) => return Err(without_value(start)),
            // Of a variable its name is the value.
            (Next::Value, Token::Mark(b'$')) | (Next::Name, _) => {}
            (Next::Value, _) => *next = Next::Name,
        }
        Ok(())
    }

    /// A list or an object stands for the value that is expected.
    fn value_begins(&mut self) {
        if let Some(Inside::Fields(next @ Next::Value)) = self.open.last_mut() {
            *next = Next::Name;
        }
    }

    /// Whether the last two tokens are the name of a directive.
    fn is_directive(&self) -> bool {
        matches!(self.previous, [Some(Token::Name(_)), Some(Token::Mark(b'@'))])
    }

    /// Notes a string that describes what the current token begins.
    fn describe(&mut self, start: usize, token: Token<'_>) {
        let described = match (self.open.last(), token) {
            (None, Token::Name("query" | "mutation" | "subscription" | "fragment"))
            | (Some(Inside::Variables), Token::Mark(b'$')) => self.string.take(),
            _ => None,
        };
        self.descriptions.extend(described);
        // The value of a default is a string as well.
        let can_describe = token == Token::String
            && matches!(self.open.last(), None | Some(Inside::Variables))
            && self.previous[0] != Some(Token::Mark(b'='));
        self.string = can_describe.then_some(start..self.at);
    }
}

fn without_value(at: usize) -> ServerError {
    let message = "syntax error: expected a colon and a value after the name of an argument or an object field";
    fault::of_document(message, vec![offset(at)])
}

/// The length of the string that `rest` starts with, quotes included; `None` if it does not end.
pub(crate) fn string_length(rest: &[u8]) -> Option<usize> {
    if rest.starts_with(b"\"\"\"") {
        let mut at = 3;
        while at < rest.len() {
            if rest[at..].starts_with(b"\\\"\"\"") {
                at += 4;
            } else if rest[at..].starts_with(b"\"\"\"") {
                return Some(at + 3);
            } else {
                at += 1;
            }
        }
        return None;
    }
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\n' | b'\r' => return None,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prepare(source: &str) -> Result<String, ServerError> {
        super::prepare(source).map(|prepared| prepared.text.into_owned())
    }

    #[test]
    fn a_name_without_a_value_is_refused() {
        for source in [
            "{ f(x) }",
            "{ f(x: 1, y) }",
            "{ f(x y: 1) }",
            "{ f(x: {a}) }",
            "{ f(x: {a: 1 b}) }",
            "{ f(x: [{a}]) }",
            "{ f @d(x) }",
            "query @d(x) { f }",
            "query($v: I = {a}) { f }",
            "query($v: I @d(x)) { f }",
        ] {
            assert!(prepare(source).is_err(), "{source}");
        }
    }

    #[test]
    fn values_of_every_kind_are_taken() {
        for source in [
            "{ f(a: 1, b: -2.5e+3, c: \"x\", d: \"\"\"y\"\"\", e: E, f: true, g: null, h: $v, i: [1 $v {a: 1}], j: {a: {b: []}}) { g } }",
            "query Q($v: [I!]! = [{a: 1}] @d(x: $y), $w: Int) @d(x: 1) { f }",
            "{ a: f { b: g(x: 1) @skip(if: $v) ...F ... on T { h } } } fragment F on T { query mutation fragment }",
            "{ f(query: 1, fragment: {on: true}) }",
        ] {
            assert_eq!(prepare(source).unwrap(), source.replace(',', " "));
        }
        assert_eq!(prepare("{ ...,F a,: f(a: \",\", #,\n b: 1) }").unwrap(), "{ ... F a : f(a: \",\"  #,\n b: 1) }");
    }

    #[test]
    fn descriptions_are_blanked_out() {
        assert_eq!(prepare("\"x\" query { f }").unwrap(), "    query { f }");
        assert_eq!(prepare("\"\"\"é\n\"\"\" fragment F on T { f }").unwrap(), "     \n    fragment F on T { f }");
        assert_eq!(prepare("query(\"d\" $v: Int) { f }").unwrap(), "query(    $v: Int) { f }");
        let with_default = "query($v: S = \"x\" \"d\" $w: S) { f }";
        assert_eq!(prepare(with_default).unwrap(), "query($v: S = \"x\"     $w: S) { f }");
        for source in [
            "\"x\" { f }",
            "\"x\" type T { f: Int }",
            "query($v: S = \"x\" $w: S) { f }",
            "query($v: [S] = [\"x\"] $w: S) { f }",
            "{ f(a: \"x\" b: $v) }",
        ] {
            assert_eq!(prepare(source).unwrap(), source);
        }
        // Of two only the second describes; the parser refuses the first.
        assert_eq!(prepare("\"x\" \"y\" query { f }").unwrap(), "\"x\"     query { f }");
    }

    #[test]
    fn what_does_not_end_does_not_matter() {
        for source in ["{ f(x: \"", "{ f(x: \"\"\"", "\"", "{ f(", "}}}", ")", "\u{FEFF}{ f }", "é", "-"] {
            let _ = prepare(source);
        }
    }
}
