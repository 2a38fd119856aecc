//! `#[derive(Noun)]`: what a struct of `tenantry-domain` declares, as plain code and tables.
//!
//! `declaration` reads the attributes and refuses what cannot be meant; `emit` writes the code. There is no rule of the
//! product here: what the tables mean is said by `tenantry_domain::noun`, and the generic code of the other crates goes by it.

mod declaration;
mod emit;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Declares a noun. See `docs/nouns.md` for the attributes.
#[proc_macro_derive(Noun, attributes(noun, field))]
pub fn derive_noun(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    match declaration::read(&input) {
        Ok(noun) => emit::all(&noun).into(),
        Err(error) => error.into_compile_error().into(),
    }
}
