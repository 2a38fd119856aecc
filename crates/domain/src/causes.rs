//! Errors as one line for a person or a log.

use std::error::Error;

/// The error and what caused it, each cause once, in one line.
pub fn causes(error: &dyn Error) -> String {
    let mut text = one_line(&error.to_string());
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = one_line(&cause.to_string());
        // Some libraries repeat the cause in their own text.
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot\n  start")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("port taken")]
    struct Inner;

    #[test]
    fn causes_follow_in_one_line() {
        assert_eq!(causes(&Outer(Inner)), "cannot start: port taken");
    }
}
