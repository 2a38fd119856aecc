//! Writes the code of a declaration: tables, and the structs that a caller fills.

mod list;
mod write;

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt as _;

use crate::declaration::{Field, Given, Noun, Rule, Shape};

/// Everything that a noun's declaration stands for.
pub(crate) fn all(noun: &Noun) -> TokenStream {
    let noun_impl = implementation(noun);
    let lists = list::all(noun);
    let writes = if noun.by_hand { TokenStream::new() } else { write::all(noun) };
    quote!(#noun_impl #lists #writes)
}

/// `due_date` as the API spells it.
pub(crate) fn camel(name: &str) -> String {
    let mut text = String::new();
    let mut upper = false;
    for c in name.chars() {
        match c {
            '_' => upper = true,
            c if upper => {
                text.extend(c.to_uppercase());
                upper = false;
            }
            c => text.push(c),
        }
    }
    text
}

/// `due_date` as a type's name.
pub(crate) fn pascal(name: &str) -> String {
    let camel = camel(name);
    let mut chars = camel.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The place of a field in the table of fields.
pub(crate) fn place(noun: &Noun, name: &str) -> usize {
    noun.fields.iter().position(|field| field.name.unraw() == name).unwrap_or(usize::MAX)
}

fn column(field: &Field) -> String {
    match &field.column {
        Some(column) if column.value().is_empty() || column.value().contains('.') => column.value(),
        Some(column) => format!("t.{}", column.value()),
        None => format!("t.{}", field.name.unraw()),
    }
}

/// The relation that a link's column is named after: `client` of `client_id`.
pub(crate) fn relation(field: &Field) -> String {
    let name = field.name.unraw().to_string();
    let said = field.link.as_ref().and_then(|link| link.relation.clone());
    said.unwrap_or_else(|| name.strip_suffix("_id").map(str::to_owned).unwrap_or(name))
}

fn implementation(noun: &Noun) -> TokenStream {
    let name = &noun.name;
    let [filter, sort, parent] = ["Filter", "Sort", "Parent"].map(|suffix| format_ident!("{name}{suffix}"));
    let info = info(noun);
    let fields = noun.fields.iter().map(field_entry);
    let columns = columns(noun);
    let decode = decode(noun);
    let id = noun.fields.first().map(|field| &field.ty);
    let (conditions, sorts, parents) = (list::conditions(noun), list::sorts(noun), list::parents(noun));
    let sort_arms = noun.sorts().enumerate().map(|(n, (name, ..))| {
        let variant = format_ident!("{}", pascal(&name));
        quote!(#sort::#variant => &Self::SORTS[#n].1)
    });
    let parent_arms = list::parent_variants(noun)
        .into_iter()
        .enumerate()
        .map(|(n, (variant, _))| quote!(#parent::#variant => &Self::PARENTS[#n].1));
    quote! {
        // A set of columns is one number.
        const _: () = assert!(<#name as crate::noun::Noun>::COLUMNS.len() < 64, "a noun has fewer than 64 columns");

        impl crate::noun::Noun for #name {
            type Id = #id;
            type Filter = #filter;
            type Sort = #sort;
            type Parent = #parent;

            const INFO: crate::noun::NounInfo = #info;
            const FIELDS: &'static [crate::noun::Field<Self>] = &[#(#fields),*];
            const COLUMNS: &'static [&'static str] = &[#(#columns),*];
            const CONDITIONS: &'static [crate::noun::Condition<#filter>] = #conditions;
            const SORTS: &'static [(#sort, crate::noun::SortInfo)] = #sorts;
            const PARENTS: &'static [(#parent, crate::noun::ParentInfo)] = #parents;

            fn id(&self) -> #id {
                self.id
            }

            fn organization_id(&self) -> crate::id::OrganizationId {
                self.organization_id
            }

            fn created_at(&self) -> chrono::DateTime<chrono::Utc> {
                self.created_at
            }

            fn updated_at(&self) -> chrono::DateTime<chrono::Utc> {
                self.updated_at
            }

            fn set_updated_at(&mut self, at: chrono::DateTime<chrono::Utc>) {
                self.updated_at = at;
            }

            fn decode<'r, S: crate::noun::Source<'r>>(source: &mut S) -> Result<Self, S::Error> {
                #decode
            }

            fn has(filter: &#filter) -> &[crate::noun::Has] {
                &filter.has
            }

            fn has_mut(filter: &mut #filter) -> &mut Vec<crate::noun::Has> {
                &mut filter.has
            }

            fn sort_info(sort: #sort) -> &'static crate::noun::SortInfo {
                match sort { #(#sort_arms),* }
            }

            fn parent_info(parent: #parent) -> &'static crate::noun::ParentInfo {
                match parent { #(#parent_arms),* }
            }
        }
    }
}

fn info(noun: &Noun) -> TokenStream {
    let Noun { table, singular, plural, doc, read, write, ascending, sortable, rooted, .. } = noun;
    let name = noun.name.unraw().to_string();
    let (api, list) = (camel(&singular.replace(' ', "_")), camel(&plural.replace(' ', "_")));
    let from = noun.from.as_ref().map_or_else(|| format!("{} t", table.value()), syn::LitStr::value);
    let id = noun.fields.first().map(|field| &field.ty);
    let placement = &noun.placement;
    let required = noun
        .fields
        .iter()
        .any(|field| !field.optional && placement.to_string().contains(&format!("\"t.{}\"", field.name)));
    let currency = optional(noun.currency.as_ref().map(|currency| format!("t.{}", currency.value())));
    let archived = optional(noun.archived.as_ref().and_then(|(name, value)| {
        let field = noun.fields.iter().find(|field| field.name == *name)?;
        let (inner, text, column) = (&field.inner, name.to_string(), column(field));
        Some(quote!(crate::noun::Archived { field: #text, column: #column, value: <#inner>::#value.as_str() }))
    }));
    let guests = noun.guests_see_some();
    let hides = guests && noun.fields.iter().any(|field| field.access == "Members");
    quote! {{
        #[allow(dead_code, reason = "only some placements ask")]
        const REQUIRED: bool = #required;
        crate::noun::NounInfo {
            name: #name,
            singular: #singular,
            plural: #plural,
            api: #api,
            list: #list,
            doc: #doc,
            table: #table,
            from: #from,
            prefix: <#id as crate::id::Id>::PREFIX,
            placement: crate::noun::Placement::#placement,
            read: crate::permission::Operation::#read,
            write: crate::permission::Operation::#write,
            guests: #guests,
            hides_from_guests: #hides,
            currency: #currency,
            ascending: #ascending,
            sortable: #sortable,
            rooted: #rooted,
            archived: #archived,
        }
    }}
}

/// `Some(…)` or `None`.
pub(crate) fn optional(value: Option<impl quote::ToTokens>) -> TokenStream {
    value.map_or_else(|| quote!(None), |value| quote!(Some(#value)))
}

fn field_entry(field: &Field) -> TokenStream {
    let (name, info) = (&field.name, field_info(field));
    quote! {
        crate::noun::Field {
            info: #info,
            read: |row| crate::noun::FieldType::to_value(&row.#name),
            write: |row, value| crate::noun::given(&mut row.#name, value),
        }
    }
}

/// What a field says about itself.
pub(crate) fn field_info(field: &Field) -> TokenStream {
    let Field { name, ty, inner, doc, optional: is_optional, nullable, access, unique, as_id, told, .. } = field;
    let needs = field.needs.iter().map(|name| name.unraw().to_string());
    let text = name.unraw().to_string();
    let (api, column) = (camel(&text), column(field));
    let given = match field.given {
        Given::Always => quote!(Always),
        Given::Once => quote!(Once),
        Given::Never | Given::Author | Given::System => quote!(Never),
    };
    let rule = match &field.rule {
        Rule::Any => quote!(Any),
        Rule::Text(max) => quote!(Text(#max)),
        Rule::Prose(max) => quote!(Prose(#max)),
        Rule::Email => quote!(Email),
        Rule::Url => quote!(Url),
        Rule::Color => quote!(Color),
        Rule::Country => quote!(Country),
        Rule::NotNegative => quote!(NotNegative),
        Rule::Many(max) => quote!(Many(#max)),
    };
    let default = optional(field.default.as_ref().map(|default| {
        if field.shape == Shape::Enum { quote!(<#inner>::#default.as_str()) } else { quote!(stringify!(#default)) }
    }));
    let link = optional(field.link.as_ref().map(|link| {
        let (noun, on_delete, key, relation) = (&link.noun, &link.on_delete, &link.key, camel(&relation(field)));
        quote!(crate::noun::Link {
            table: <#noun as crate::noun::Noun>::INFO.table,
            noun: <#noun as crate::noun::Noun>::INFO.name,
            key: #key,
            relation: #relation,
            on_delete: crate::noun::OnDelete::#on_delete,
        })
    }));
    let searched = optional(field.searched.as_ref());
    quote! {
        crate::noun::FieldInfo {
            name: #text,
            api: #api,
            column: #column,
            doc: #doc,
            kind: <#ty as crate::noun::FieldType>::KIND,
            optional: #is_optional,
            nullable: #nullable,
            access: crate::noun::Access::#access,
            given: crate::noun::Given::#given,
            default: #default,
            rule: crate::noun::Rule::#rule,
            link: #link,
            unique: #unique,
            as_id: #as_id,
            needs: &[#(#needs),*],
            told: #told,
            searched: #searched,
        }
    }
}

/// The columns: the id, the currency of the amounts if there are any, and the others.
fn columns(noun: &Noun) -> Vec<String> {
    let mut columns: Vec<String> = noun.fields.iter().map(column).collect();
    if let Some(currency) = &noun.currency {
        columns.insert(1, format!("t.{}", currency.value()));
    }
    columns
}

fn decode(noun: &Noun) -> TokenStream {
    let mut fields = noun.fields.iter();
    let id = fields.next().map(|field| &field.name);
    let currency = noun.currency.as_ref().map(|_| quote!(let currency = crate::noun::load_currency(source)?;));
    let rest: Vec<_> = fields.clone().map(|field| &field.name).collect();
    let loads = fields.map(|field| {
        let name = &field.name;
        let load = if field.shape == Shape::Money {
            quote!(crate::noun::load_money(source, currency)?)
        } else {
            quote!(crate::noun::load(source)?)
        };
        quote!(let #name = #load;)
    });
    quote! {
        let #id = crate::noun::load(source)?;
        #currency
        #(#loads)*
        Ok(Self { #id, #(#rest),* })
    }
}
