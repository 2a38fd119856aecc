//! What can stand around a text that was read from outside.

/// The bytes without the byte order mark of UTF-8, where some editors and tools put one before a text. A parser may skip it
/// (RFC 8259 section 8.1).
pub fn without_byte_order_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_mark_at_the_start_is_skipped_and_nothing_else() {
        assert_eq!(without_byte_order_mark("\u{feff}{}".as_bytes()), b"{}");
        for text in ["", "{}", " \u{feff}{}", "\u{feff}\u{feff}"] {
            let expected = text.strip_prefix('\u{feff}').unwrap_or(text);
            assert_eq!(without_byte_order_mark(text.as_bytes()), expected.as_bytes(), "{text:?}");
        }
        assert_eq!(without_byte_order_mark(b"\xef\xbb"), b"\xef\xbb");
    }
}
