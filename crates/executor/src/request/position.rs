//! Places in a document. Until an error is told they are byte offsets, which cost nothing to carry along.

use apollo_compiler::Node;
use apollo_compiler::parser::SourceSpan;
use async_graphql::{Pos, ServerError};

/// No line has this number: it marks a position whose column is a byte offset.
const OFFSET: usize = 0;

/// Where a part of a document begins.
pub(crate) fn position_of<T: ?Sized>(node: &Node<T>) -> Pos {
    start_of(node.location())
}

/// The position of this byte.
pub(crate) fn offset(at: usize) -> Pos {
    Pos { line: OFFSET, column: at }
}

/// Where a span begins.
pub(super) fn start_of(span: Option<SourceSpan>) -> Pos {
    offset(span.map_or(0, |span| span.offset()))
}

/// Turns the offset of a position into line and column, both from 1, in characters. Other positions stay as they are.
pub(crate) fn resolve(position: &mut Pos, source: &str) {
    if position.line != OFFSET {
        return;
    }
    let before = source.as_bytes().get(..position.column).unwrap_or(source.as_bytes());
    let mut line = 1;
    let mut start = 0;
    let mut bytes = before.iter().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let ends = match byte {
            b'\n' => true,
            // A carriage return and a line feed are one line terminator.
            b'\r' => bytes.peek().is_none_or(|(_, next)| **next != b'\n'),
            _ => false,
        };
        if ends {
            line += 1;
            start = at + 1;
        }
    }
    // Every byte that does not continue a character begins one.
    let column = before[start..].iter().filter(|byte| (**byte & 0xC0) != 0x80).count() + 1;
    *position = Pos { line, column };
}

/// Does so for every position of these errors.
pub(crate) fn resolve_errors(errors: &mut [ServerError], source: &str) {
    errors.iter_mut().flat_map(|error| &mut error.locations).for_each(|position| resolve(position, source));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(source: &str, offset: usize) -> (usize, usize) {
        let mut position = Pos { line: OFFSET, column: offset };
        resolve(&mut position, source);
        (position.line, position.column)
    }

    #[test]
    fn offsets_become_lines_and_columns() {
        assert_eq!(at("abc", 0), (1, 1));
        assert_eq!(at("abc", 3), (1, 4));
        assert_eq!(at("a\nb", 2), (2, 1));
        assert_eq!(at("a\r\nb", 3), (2, 1));
        assert_eq!(at("a\rb", 2), (2, 1));
        assert_eq!(at("é\u{1F3C3}x", 6), (1, 3));
        assert_eq!(at("short", 99), (1, 6));
    }

    #[test]
    fn lines_and_columns_stay() {
        let mut position = Pos { line: 3, column: 7 };
        resolve(&mut position, "x");
        assert_eq!((position.line, position.column), (3, 7));
    }
}
