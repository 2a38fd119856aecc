//! Filters, orders and parents.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Type;
use syn::ext::IdentExt as _;

use super::{camel, pascal, relation};
use crate::declaration::{Noun, Shape, words};

/// A condition of the filter.
struct Condition {
    name: Ident,
    doc: String,
    /// The field that it looks at.
    field: String,
    /// What it takes, without list or option.
    inner: Type,
    takes_many: bool,
    takes_null: bool,
    test: &'static str,
}

/// The filter, the orders and the parents as types.
pub(super) fn all(noun: &Noun) -> TokenStream {
    let (name, plural) = (&noun.name, &noun.plural);
    let [filter, sort, parent] = ["Filter", "Sort", "Parent"].map(|suffix| format_ident!("{name}{suffix}"));
    let conditions = read(noun).into_iter().map(|condition| {
        let Condition { name, doc, inner, takes_many, .. } = condition;
        let ty = if takes_many { quote!(Option<Vec<#inner>>) } else { quote!(crate::noun::Wanted<#inner>) };
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let sorts = noun.sorts().enumerate().map(|(n, (name, doc, _))| {
        let variant = format_ident!("{}", pascal(&name));
        let default = (n == 0).then(|| quote!(#[default]));
        quote!(#[doc = #doc] #default #variant)
    });
    let parents = parent_variants(noun).into_iter().map(|(variant, doc)| quote!(#[doc = #doc] #variant));
    let filter_doc = format!("What a list of {plural} can be narrowed by.");
    let sort_doc = format!("What a list of {plural} can be sorted by.");
    let parent_doc = format!("Through which other rows {plural} are reached.");
    quote! {
        #[doc = #filter_doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
        pub struct #filter {
            #(#conditions,)*
            /// What is asked of the rows that link to these.
            pub has: Vec<crate::noun::Has>,
        }

        #[doc = #sort_doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub enum #sort { #(#sorts),* }

        #[doc = #parent_doc]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum #parent { #(#parents),* }
    }
}

fn read(noun: &Noun) -> Vec<Condition> {
    let plural = &noun.plural;
    let mut all = Vec::new();
    for field in &noun.fields {
        let Some((name, own)) = &field.filter else { continue };
        let mut add = |name: String, doc: String, inner: &Type, test: &'static str| {
            all.push(Condition {
                name: format_ident!("{name}"),
                doc,
                field: field.name.unraw().to_string(),
                inner: inner.clone(),
                takes_many: test == "AnyOf" || test == "NoneOf",
                takes_null: test == "Is" && field.nullable,
                test: if *own { "Own" } else { test },
            });
        };
        let (said, api) = (words(&field.name.unraw().to_string()), camel(&field.name.unraw().to_string()));
        match field.shape {
            Shape::Id if field.name == "id" => {
                let doc = format!("Only {plural} with one of these ids. An empty list finds nothing.");
                add("ids".to_owned(), doc, &field.inner, "AnyOf");
            }
            Shape::Id => {
                let what = words(&relation(field));
                let null = if field.nullable { " Null finds those without one." } else { "" };
                add(name.clone(), format!("Only {plural} of this {what}.{null}"), &field.inner, "Is");
                let these = several(&what);
                let doc = format!("Only {plural} of one of these {these}. An empty list finds nothing.");
                add(format!("{name}s"), doc, &field.inner, "AnyOf");
                let without = if field.nullable { ALSO_WITHOUT } else { "" };
                let doc = format!("Only {plural} of none of these {these}.{without} {LEAVES_NOTHING_OUT}");
                add(format!("{name}_not"), doc, &field.inner, "NoneOf");
            }
            Shape::Boolean => {
                add(name.clone(), format!("Only {plural} whose `{api}` is this."), &field.inner, "Is");
            }
            Shape::Time | Shape::Date => {
                let (from, unit) =
                    if field.shape == Shape::Time { ("at or after", "time") } else { ("on or after", "day") };
                let doc = format!("Only {plural} whose `{api}` is {from} this {unit}.");
                add(format!("{name}_from"), doc, &field.inner, "From");
                let doc = format!("Only {plural} whose `{api}` is before this {unit}.");
                add(format!("{name}_before"), doc, &field.inner, "Before");
            }
            Shape::Money => {
                let doc = |what: &str| format!("Only {plural} whose `{api}` is in this currency and {what}.");
                add(format!("{name}_at_least"), doc("at least this amount"), &field.inner, "AtLeast");
                add(format!("{name}_at_most"), doc("at most this amount"), &field.inner, "AtMost");
            }
            // Only what is sorted by has the index that finds the beginning of a text.
            Shape::Text if field.sort.is_some() => {
                let doc = format!(
                    "Only {plural} whose {said} begins with this text. Upper and lower case and the accents of Latin letters do \
                     not matter."
                );
                add(format!("{name}_starts_with"), doc, &field.inner, "StartsWith");
            }
            _ => {
                let these = several(&said);
                let doc = format!("Only {plural} with one of these {these}. An empty list finds nothing.");
                add(name.clone(), doc, &field.inner, "AnyOf");
                let without = if field.nullable { ALSO_WITHOUT } else { "" };
                let doc = format!("Only {plural} with none of these {these}.{without} {LEAVES_NOTHING_OUT}");
                add(format!("{name}_not"), doc, &field.inner, "NoneOf");
            }
        }
        if field.nullable && matches!(field.shape, Shape::Time | Shape::Date | Shape::Money) {
            let doc = format!("Only {plural} whose `{api}` is null (true) or is not (false).");
            add(format!("{name}_is_null"), doc, &syn::parse_quote!(bool), "IsNull");
        }
    }
    for own in &noun.conditions {
        all.push(Condition {
            name: own.name.clone(),
            doc: own.doc.clone(),
            field: own.name.unraw().to_string(),
            inner: own.ty.clone(),
            takes_many: false,
            takes_null: own.takes_null,
            test: "Own",
        });
    }
    all
}

const ALSO_WITHOUT: &str = " It also finds those without one.";
const LEAVES_NOTHING_OUT: &str = "An empty list leaves nothing out.";

/// Several of what a word names: `statuses`, `priorities`, `kinds`.
fn several(word: &str) -> String {
    match word.strip_suffix('y') {
        Some(start) => format!("{start}ies"),
        None if word.ends_with('s') => format!("{word}es"),
        None => format!("{word}s"),
    }
}

/// The table of conditions.
pub(super) fn conditions(noun: &Noun) -> TokenStream {
    let entries = read(noun).into_iter().map(|condition| {
        let Condition { name, doc, field, inner, takes_many, takes_null, test } = condition;
        let text = name.unraw().to_string();
        let (api, comparison) = (camel(&text), format_ident!("{test}"));
        let (read, write) = if takes_many {
            (quote!(crate::noun::asked_any(&filter.#name)), quote!(crate::noun::ask_any(&mut filter.#name, asked)))
        } else {
            (quote!(crate::noun::asked_one(&filter.#name)), quote!(crate::noun::ask_one(&mut filter.#name, asked)))
        };
        quote! {
            crate::noun::Condition {
                info: crate::noun::ConditionInfo {
                    name: #text,
                    api: #api,
                    doc: #doc,
                    field: #field,
                    kind: <#inner as crate::noun::FieldType>::KIND,
                    test: crate::noun::Test::#comparison,
                    takes_many: #takes_many,
                    takes_null: #takes_null,
                },
                read: |filter| #read,
                write: |filter, asked| #write,
            }
        }
    });
    quote!(&[#(#entries),*])
}

/// The table of orders.
pub(super) fn sorts(noun: &Noun) -> TokenStream {
    let sort = format_ident!("{}Sort", noun.name);
    let entries = noun.sorts().map(|(name, doc, fields)| {
        let variant = format_ident!("{}", pascal(&name));
        quote!((#sort::#variant, crate::noun::SortInfo { name: #name, doc: #doc, fields: &[#(#fields),*] }))
    });
    quote!(&[#(#entries),*])
}

/// The variants of the parents' enum, each with what it says.
pub(super) fn parent_variants(noun: &Noun) -> Vec<(Ident, String)> {
    let links = noun
        .fields
        .iter()
        .filter(|field| field.link.is_some())
        .map(|field| (format_ident!("{}", pascal(&relation(field))), field.doc.clone()));
    let own = noun.parents.iter().map(|parent| (parent.variant.clone(), parent.doc.clone()));
    links.chain(own).collect()
}

/// The table of parents.
pub(super) fn parents(noun: &Noun) -> TokenStream {
    let parent = format_ident!("{}Parent", noun.name);
    let links = noun.fields.iter().filter_map(|field| {
        let link = field.link.as_ref()?;
        let variant = format_ident!("{}", pascal(&relation(field)));
        let (noun, doc, key) = (&link.noun, &link.doc, &link.key);
        let (list, column) = (super::optional(link.list.as_ref()), super::column(field));
        let order = super::optional(link.order.as_ref());
        Some(quote!((#parent::#variant, crate::noun::ParentInfo {
            noun: <#noun as crate::noun::Noun>::INFO.name,
            list: #list,
            doc: #doc,
            column: #column,
            key: #key,
            join: "",
            order: #order,
        })))
    });
    let own = noun.parents.iter().map(|own| {
        let (variant, noun, doc, column, key, join) =
            (&own.variant, &own.noun, &own.doc, &own.column, &own.key, &own.join);
        let (list, order) = (super::optional(own.list.as_ref()), super::optional(own.order.as_ref()));
        quote!((#parent::#variant, crate::noun::ParentInfo {
            noun: #noun,
            list: #list,
            doc: #doc,
            column: #column,
            key: #key,
            join: #join,
            order: #order,
        }))
    });
    quote!(&[#(#links,)* #(#own),*])
}
