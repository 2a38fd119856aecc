//! Section 2: the language. The meaning of a string is visible in the default of a variable.

mod literals;
mod source;

use super::Cases;

pub(super) fn add(cases: &mut Cases) {
    source::source_text(cases);
    literals::numbers(cases);
    literals::strings(cases);
    literals::block_strings(cases);
    source::names(cases);
    source::grammar(cases);
    source::descriptions(cases);
}
