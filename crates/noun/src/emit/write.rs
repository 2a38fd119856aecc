//! What a new row and a change are made from, and how they are checked.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;

use super::{camel, field_info, place};
use crate::declaration::{Field, Given, Noun, Rule, Shape};

pub(super) fn all(noun: &Noun) -> TokenStream {
    let (new, changes) = (new(noun), changes(noun));
    quote!(#new #changes)
}

/// What is wrong with a value, and the value as it is kept.
fn checked(field: &Field, value: &TokenStream) -> TokenStream {
    let api = camel(&field.name.unraw().to_string());
    match (&field.rule, field.optional) {
        (Rule::Text(max), false) => quote!(v.required_text(#api, &#value, #max)),
        (Rule::Text(max), true) => quote!(v.optional_text(#api, #value.as_deref(), #max)),
        (Rule::Prose(max), false) => quote!(v.required_prose(#api, &#value, #max)),
        (Rule::Prose(max), true) => quote!(v.optional_prose(#api, #value.as_deref(), #max)),
        (Rule::Email, false) => quote!(v.required_email(#api, &#value)),
        (Rule::Email, true) => quote!(v.optional_email(#api, #value.as_deref())),
        (Rule::Url, false) => quote!(v.required_url(#api, &#value)),
        (Rule::Url, true) => quote!(v.optional_url(#api, #value.as_deref())),
        (Rule::Color, false) => quote!(v.required_color(#api, &#value)),
        (Rule::Country, false) => quote!(v.required_country(#api, &#value)),
        (Rule::Country, true) => quote!(v.optional_country(#api, #value.as_deref())),
        (Rule::Color, true) => quote!(v.optional_color(#api, #value.as_deref())),
        (Rule::NotNegative, false) => quote!({ v.not_negative(#api, Some(#value)); #value }),
        (Rule::NotNegative, true) => quote!({ v.not_negative(#api, #value); #value }),
        // Only what is no column has several values, and that is not changed by the check: see `check_own`.
        (Rule::Any | Rule::Many(_), _) => value.clone(),
    }
}

/// Checks an input that is no column.
fn check_own(field: &Field, value: &TokenStream) -> TokenStream {
    let api = camel(&field.name.unraw().to_string());
    match &field.rule {
        Rule::Many(max) => quote!(v.at_most(#api, #value, #max);),
        _ => TokenStream::new(),
    }
}

/// What the field of an input says about itself: the column's field, or what is said of an input that is none.
fn info_of(noun: &Noun, field: &Field) -> TokenStream {
    let name = &noun.name;
    match place(noun, &field.name.unraw().to_string()) {
        usize::MAX => {
            let info = field_info(field);
            quote!(&#info)
        }
        n => quote!(&<#name as crate::noun::Noun>::FIELDS[#n].info),
    }
}

/// What a field of a new row says about itself.
fn doc(field: &Field) -> String {
    let bounds = match &field.rule {
        Rule::Text(max) if field.optional => format!(" At most {max} characters."),
        Rule::Text(max) => format!(" 1 to {max} characters."),
        Rule::Prose(max) => format!(" At most {max} characters."),
        Rule::Email => " An e-mail address.".to_owned(),
        Rule::Url => " An http(s) address.".to_owned(),
        Rule::Country => " Two letters of ISO 3166-1.".to_owned(),
        Rule::Color => " `#` and six hexadecimal digits.".to_owned(),
        Rule::NotNegative => " Not negative.".to_owned(),
        Rule::Many(max) => format!(" At most {max}."),
        Rule::Any => String::new(),
    };
    let default = field.default.as_ref().map(|default| format!(" `{}` when not given.", quote!(#default)));
    format!("{}{}{}", field.doc, bounds, default.unwrap_or_default())
}

fn new(noun: &Noun) -> TokenStream {
    let (name, new) = (&noun.name, format_ident!("New{}", noun.name));
    let own = noun.inputs.iter().filter(|input| input.on_create).map(|input| &input.field);
    let given: Vec<&Field> = noun
        .fields
        .iter()
        .filter(|field| matches!(field.given, Given::Always | Given::Once))
        .chain(own.clone())
        .collect();
    let members = given.iter().map(|field| {
        let (name, ty, inner, doc) = (&field.name, &field.ty, &field.inner, doc(field));
        let ty = if field.default.is_some() || field.optional_on_create { quote!(Option<#inner>) } else { quote!(#ty) };
        quote!(#[doc = #doc] pub #name: #ty)
    });
    let blanks = given.iter().map(|field| {
        let name = &field.name;
        quote!(#name: crate::noun::FieldType::blank())
    });
    let inputs = given.iter().map(|field| {
        let (member, info) = (&field.name, info_of(noun, field));
        let may_be_left_out = field.optional || field.optional_on_create || matches!(field.rule, Rule::Many(_));
        let required = field.default.is_none() && !may_be_left_out;
        quote! {
            crate::noun::Input {
                field: #info,
                required: #required,
                is_given: |_| true,
                write: |input, value| crate::noun::given(&mut input.#member, value),
            }
        }
    });
    let values = noun.fields.iter().map(|field| {
        let name = &field.name;
        let value = match field.given {
            Given::Author if field.optional => quote!(Some(origin.user_id)),
            Given::Author => quote!(origin.user_id),
            Given::Never => quote!(crate::noun::FieldType::blank()),
            Given::System => match name.to_string().as_str() {
                "id" => quote!(origin.id),
                "organization_id" => quote!(origin.organization_id),
                _ => quote!(origin.now),
            },
            Given::Always | Given::Once => {
                let value = match &field.default {
                    None if field.optional_on_create => {
                        quote!(self.#name.unwrap_or_else(crate::noun::FieldType::blank))
                    }
                    None => quote!(self.#name),
                    Some(default) => {
                        let inner = &field.inner;
                        let default =
                            if field.shape == Shape::Enum { quote!(<#inner>::#default) } else { quote!(#default) };
                        let value = quote!(self.#name.unwrap_or(#default));
                        if field.optional { quote!(Some(#value)) } else { value }
                    }
                };
                checked(field, &value)
            }
        };
        quote!(#name: #value)
    });
    let checks = own.map(|field| {
        let member = &field.name;
        check_own(field, &quote!(&self.#member))
    });
    let check = noun.checks.then(|| quote!(row.check(&mut v);));
    let doc = format!("What a new {} is made from.", noun.singular);
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone)]
        pub struct #new { #(#members),* }

        impl Default for #new {
            fn default() -> Self {
                <Self as crate::noun::New>::blank()
            }
        }

        impl crate::noun::New for #new {
            type Noun = #name;

            const INPUTS: &'static [crate::noun::Input<Self>] = &[#(#inputs),*];

            fn blank() -> Self {
                Self { #(#blanks),* }
            }

            fn into_row(self, origin: crate::noun::Origin<<#name as crate::noun::Noun>::Id>) -> Result<#name, crate::validate::Violations> {
                let mut v = crate::validate::Violations::default();
                #(#checks)*
                let row = #name { #(#values),* };
                #check
                v.into_result().map(|()| row)
            }
        }
    }
}

fn changes(noun: &Noun) -> TokenStream {
    let (name, changes) = (&noun.name, format_ident!("{}Changes", noun.name));
    let own = noun.inputs.iter().map(|input| &input.field);
    let columns = noun.fields.iter().filter(|field| field.given == Given::Always);
    let given: Vec<&Field> = columns.clone().chain(own.clone()).collect();
    let members = given.iter().map(|field| {
        let (name, ty, inner, doc) = (&field.name, &field.ty, &field.inner, &field.doc);
        let ty = if field.nullable { ty } else { inner };
        quote!(#[doc = #doc] pub #name: crate::change::Change<#ty>)
    });
    let inputs = given.iter().map(|field| {
        let (member, info) = (&field.name, info_of(noun, field));
        quote! {
            crate::noun::Input {
                field: #info,
                required: false,
                is_given: |input| !input.#member.is_keep(),
                write: |input, value| crate::noun::given_back(&mut input.#member, value),
            }
        }
    });
    let checks = own.map(|field| {
        let (member, check) = (&field.name, check_own(field, &quote!(value)));
        if check.is_empty() {
            return check;
        }
        quote!(if let crate::change::Change::Set(value) = &self.#member { #check })
    });
    let sets = columns.map(|field| {
        let name = &field.name;
        // A column that is never null, which guests find null.
        let value = if field.optional && !field.nullable { quote!(Some(value)) } else { quote!(value) };
        let value = checked(field, &value);
        quote!(if let crate::change::Change::Set(value) = self.#name { row.#name = #value; })
    });
    let check = noun.checks.then(|| quote!(row.check(&mut v);));
    let doc = format!("What an update does to a {}.", noun.singular);
    quote! {
        #[doc = #doc]
        #[derive(Debug, Clone, Default)]
        pub struct #changes { #(#members),* }

        impl crate::noun::Changes for #changes {
            type Noun = #name;

            const INPUTS: &'static [crate::noun::Input<Self>] = &[#(#inputs),*];

            fn apply(self, before: &#name) -> Result<#name, crate::validate::Violations> {
                let mut v = crate::validate::Violations::default();
                let mut row = before.clone();
                #(#checks)*
                #(#sets)*
                #check
                v.into_result().map(|()| row)
            }
        }
    }
}
