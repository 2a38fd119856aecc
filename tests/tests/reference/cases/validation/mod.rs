//! Section 5: validation.

mod directives;
mod documents;
mod fragments;
mod merging;
mod values;
mod variables;

use super::Cases;

pub(super) fn add(cases: &mut Cases) {
    documents::documents_and_operations(cases);
    documents::fields(cases);
    merging::merging(cases);
    fragments::arguments(cases);
    fragments::fragments(cases);
    values::values(cases);
    directives::directives(cases);
    variables::variables(cases);
    directives::introspection(cases);
}
