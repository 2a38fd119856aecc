//! The name under which a browser saves a file.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 8187 does not let stand in a value as it is.
const NOT_ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// The value of `Content-Disposition` that makes a browser save a file under this name (RFC 6266): in ASCII for programs that know no
/// better, and in full.
pub fn attachment_header(file_name: &str) -> String {
    let plain = |c: char| if matches!(c, ' '..='~') && !matches!(c, '"' | '\\' | '%' | '/') { c } else { '_' };
    let fallback: String = file_name.chars().map(plain).collect();
    let encoded = utf8_percent_encode(file_name, NOT_ATTR_CHAR);
    format!("attachment; filename=\"{fallback}\"; filename*=UTF-8''{encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_encoded() {
        assert_eq!(
            attachment_header("Q3 report.pdf"),
            "attachment; filename=\"Q3 report.pdf\"; filename*=UTF-8''Q3%20report.pdf"
        );
        assert_eq!(
            attachment_header("Zoë \"50%\".pdf"),
            "attachment; filename=\"Zo_ _50__.pdf\"; filename*=UTF-8''Zo%C3%AB%20%2250%25%22.pdf"
        );
        assert_eq!(
            attachment_header("a\r\nb;c'd"),
            "attachment; filename=\"a__b;c'd\"; filename*=UTF-8''a%0D%0Ab%3Bc%27d"
        );
    }
}
