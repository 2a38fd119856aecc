//! The attributes of a field: `#[field(…)]`.

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{Error, LitInt, LitStr, Result, Token, parenthesized};

use super::{Field, Given, Link, Rule, SYSTEM, Shape, doc, last_segment};

pub(super) fn read(field: &syn::Field) -> Result<Field> {
    let name = field.ident.clone().ok_or_else(|| Error::new(field.span(), "a noun's field has a name"))?;
    let mut read = Field::new(name, field.ty.clone(), doc(&field.attrs));
    if SYSTEM.contains(&read.name.to_string().as_str()) {
        read.access = Ident::new("Guests", read.name.span());
        read.given = Given::System;
    }
    if read.name == "organization_id" {
        read.access = Ident::new("Internal", read.name.span());
    }
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("field")) {
        attribute.parse_nested_meta(|meta| read_property(&mut read, &meta))?;
    }
    let is_given = matches!(read.given, Given::Always | Given::Once);
    if read.shape == Shape::Text && is_given && matches!(read.rule, Rule::Any) {
        let message = "say how long the text may be: text(200) for one line, prose(20_000) for several, or email, url, color or country";
        return Err(Error::new(read.name.span(), message));
    }
    if read.searched.is_some() && (read.shape != Shape::Text || read.access == "Internal" || read.access == "Secret") {
        return Err(Error::new(read.name.span(), "only a text that is a field of the API can be searched"));
    }
    if read.filter.as_ref().is_some_and(|(_, own)| !own) && matches!(read.shape, Shape::Decimal | Shape::Integer) {
        return Err(Error::new(
            read.name.span(),
            "a list can be narrowed by an enum, an id, a text, a truth value, a time, a day or an amount",
        ));
    }
    if read.sort.is_some()
        && matches!(read.shape, Shape::Boolean | Shape::Id | Shape::Money | Shape::Decimal | Shape::Integer)
    {
        return Err(Error::new(read.name.span(), "a list can be sorted by a text, a time, a day or an enum"));
    }
    Ok(read)
}

fn read_property(field: &mut Field, meta: &ParseNestedMeta<'_>) -> Result<()> {
    let key = meta.path.require_ident()?;
    let number = || -> Result<LitInt> {
        let content;
        parenthesized!(content in meta.input);
        content.parse()
    };
    match key.to_string().as_str() {
        "text" => field.rule = Rule::Text(number()?),
        "prose" => field.rule = Rule::Prose(number()?),
        "email" => field.rule = Rule::Email,
        "url" => field.rule = Rule::Url,
        "color" => field.rule = Rule::Color,
        "country" => field.rule = Rule::Country,
        "not_negative" => field.rule = Rule::NotNegative,
        "guests" => field.access = Ident::new("Guests", key.span()),
        "internal" => field.access = Ident::new("Internal", key.span()),
        "secret" => field.access = Ident::new("Secret", key.span()),
        "once" => field.given = Given::Once,
        "computed" => field.given = Given::Never,
        "author" => field.given = Given::Author,
        "required" => field.nullable = false,
        "untold" => field.told = false,
        "searched" => field.searched = Some(number()?),
        "unique" => field.unique = true,
        "as_id" => field.as_id = true,
        "optional_on_create" => field.optional_on_create = true,
        "needs" => {
            let content;
            parenthesized!(content in meta.input);
            field.needs = content.parse_terminated(Ident::parse_any, Token![,])?.into_iter().collect();
        }
        "default" => field.default = Some(meta.value()?.parse()?),
        "column" => field.column = Some(meta.value()?.parse()?),
        "sort" => {
            let is_said = meta.input.peek(Token![=]);
            field.sort = Some(if is_said { meta.value()?.parse::<LitStr>()?.value() } else { String::new() });
        }
        "filter" => field.filter = Some(filter(&field.name, meta)?),
        "link" => field.link = Some(link(meta)?),
        other => return Err(meta.error(format!("a field has no `{other}`"))),
    }
    Ok(())
}

/// `filter`, `filter = "name"` or `filter(own)`.
fn filter(name: &Ident, meta: &ParseNestedMeta<'_>) -> Result<(String, bool)> {
    if meta.input.peek(Token![=]) {
        return Ok((meta.value()?.parse::<LitStr>()?.value(), false));
    }
    let text = name.unraw().to_string();
    if meta.input.peek(syn::token::Paren) {
        let content;
        parenthesized!(content in meta.input);
        let own: Ident = content.parse()?;
        return if own == "own" {
            Ok((text, true))
        } else {
            Err(Error::new(own.span(), "filter, filter = \"name\" or filter(own)"))
        };
    }
    let bare = text.strip_suffix("_at").or_else(|| text.strip_suffix("_date")).unwrap_or(&text);
    Ok((bare.to_owned(), false))
}

/// `link(Client, unlink, list = "projects", doc = "…", key = "user_id")`.
fn link(meta: &ParseNestedMeta<'_>) -> Result<Link> {
    let content;
    parenthesized!(content in meta.input);
    let noun = content.parse()?;
    content.parse::<Token![,]>()?;
    let action: Ident = content.parse()?;
    let on_delete = match action.to_string().as_str() {
        "unlink" => "Unlink",
        "cascade" => "Cascade",
        "refuse" => "Refuse",
        "keep" => "Keep",
        _ => {
            return Err(Error::new(
                action.span(),
                "say what becomes of the row when that goes: unlink, cascade, refuse or keep",
            ));
        }
    };
    let on_delete = Ident::new(on_delete, action.span());
    // A member is named by its user.
    let names_a_user = last_segment(&noun).is_some_and(|segment| segment.ident == "Member");
    let (doc, key) = (String::new(), if names_a_user { "user_id" } else { "id" }.to_owned());
    let mut link = Link { noun, on_delete, list: None, doc, key, relation: None, order: None };
    while !content.is_empty() {
        content.parse::<Token![,]>()?;
        let key: Ident = content.parse()?;
        content.parse::<Token![=]>()?;
        let text = content.parse::<LitStr>()?.value();
        match key.to_string().as_str() {
            "list" => link.list = Some(text),
            "doc" => link.doc = text,
            "key" => link.key = text,
            "relation" => link.relation = Some(text),
            "order" => link.order = Some(text),
            _ => return Err(Error::new(key.span(), "a link has list, doc, order, relation and key")),
        }
    }
    Ok(link)
}
