//! The attributes of the struct: `#[noun(…)]`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{DeriveInput, Error, LitStr, Result, Token, parenthesized};

use super::{Field, Noun, OwnCondition, OwnInput, OwnOrder, Parent, Rule, doc, words};

pub(super) fn attributes(input: &DeriveInput) -> Result<Noun> {
    let name = input.ident.clone();
    let singular = words(&name.unraw().to_string());
    let mut noun = Noun {
        doc: doc(&input.attrs),
        table: LitStr::new("", name.span()),
        from: None,
        plural: format!("{singular}s"),
        singular,
        placement: TokenStream::new(),
        read: name.clone(),
        write: name.clone(),
        currency: None,
        checks: false,
        by_hand: false,
        default_order: Ident::new("created_at", name.span()),
        ascending: false,
        sortable: true,
        rooted: true,
        archived: None,
        conditions: Vec::new(),
        orders: Vec::new(),
        parents: Vec::new(),
        inputs: Vec::new(),
        fields: Vec::new(),
        name,
    };
    let mut missing = vec!["table", "placed", "read", "write"];
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("noun")) {
        attribute.parse_nested_meta(|meta| {
            let key = meta.path.require_ident()?.to_string();
            missing.retain(|wanted| *wanted != key);
            match key.as_str() {
                "table" => noun.table = meta.value()?.parse()?,
                "from" => noun.from = Some(meta.value()?.parse()?),
                "plural" => noun.plural = meta.value()?.parse::<LitStr>()?.value(),
                "placed" => noun.placement = placement(&meta)?,
                "read" => noun.read = meta.value()?.parse()?,
                "write" => noun.write = meta.value()?.parse()?,
                "currency" => noun.currency = Some(meta.value()?.parse()?),
                "order_by" => noun.default_order = meta.value()?.parse()?,
                "ascending" => noun.ascending = true,
                "unsortable" => noun.sortable = false,
                "nested" => noun.rooted = false,
                "check" => noun.checks = true,
                "by_hand" => noun.by_hand = true,
                "archived" => noun.archived = Some(archived(&meta)?),
                "condition" => noun.conditions.push(own_condition(&meta)?),
                "order" => noun.orders.push(own_order(&meta)?),
                "parent" => noun.parents.push(parent(&meta)?),
                "input" => noun.inputs.push(own_input(&meta)?),
                other => return Err(meta.error(format!("a noun has no `{other}`"))),
            }
            Ok(())
        })?;
    }
    match missing.first() {
        None => Ok(noun),
        Some(missing) => Err(Error::new(noun.name.span(), format!("say `#[noun({missing} = …)]`"))),
    }
}

/// `organization`, `client`, `workspace`, `own`, `project(column)`, `in_project(column)`, `in_task(column)` or `user(column)`.
fn placement(meta: &ParseNestedMeta<'_>) -> Result<TokenStream> {
    let value = meta.value()?;
    let kind: Ident = value.parse()?;
    let column = |value: syn::parse::ParseStream<'_>| -> Result<Ident> {
        let content;
        parenthesized!(content in value);
        content.parse()
    };
    Ok(match kind.to_string().as_str() {
        "organization" => quote!(Organization),
        "client" => quote!(Client),
        "workspace" => quote!(Workspace),
        "own" => quote!(Own),
        "project" => {
            let column = format!("t.{}", column(value)?);
            quote!(Project { workspace: #column })
        }
        "in_project" => {
            let column = column(value)?;
            let text = format!("t.{column}");
            // Whether it is required is what the field's type says; `emit` puts it there.
            quote!(InProject { column: #text, required: REQUIRED })
        }
        "in_task" => {
            let column = format!("t.{}", column(value)?);
            quote!(InTask { column: #column })
        }
        "user" => {
            let column = format!("t.{}", column(value)?);
            quote!(User { column: #column })
        }
        _ => {
            return Err(Error::new(
                kind.span(),
                "placed is one of organization, client, workspace, project(…), in_project(…), in_task(…), user(…), own",
            ));
        }
    })
}

/// `archived(status = Archived)`.
fn archived(meta: &ParseNestedMeta<'_>) -> Result<(Ident, Ident)> {
    let content;
    parenthesized!(content in meta.input);
    let field = content.parse()?;
    content.parse::<Token![=]>()?;
    Ok((field, content.parse()?))
}

fn own_condition(meta: &ParseNestedMeta<'_>) -> Result<OwnCondition> {
    let content;
    parenthesized!(content in meta.input);
    let name = content.parse()?;
    content.parse::<Token![:]>()?;
    let ty = content.parse()?;
    content.parse::<Token![,]>()?;
    let takes_null = content.peek(syn::Ident);
    if takes_null {
        let word: Ident = content.parse()?;
        if word != "nullable" {
            return Err(Error::new(word.span(), "only `nullable` may stand here"));
        }
        content.parse::<Token![,]>()?;
    }
    Ok(OwnCondition { name, ty, takes_null, doc: content.parse::<LitStr>()?.value() })
}

/// `input(assignee_ids: Vec<UserId>, many(50), "…")` or `input(after_task_id: Option<TaskId>, update, "…")`.
fn own_input(meta: &ParseNestedMeta<'_>) -> Result<OwnInput> {
    let content;
    parenthesized!(content in meta.input);
    let name = content.parse()?;
    content.parse::<Token![:]>()?;
    let mut field = Field::new(name, content.parse()?, String::new());
    field.column = Some(LitStr::new("", field.name.span()));
    let mut on_create = true;
    loop {
        content.parse::<Token![,]>()?;
        if content.peek(LitStr) {
            field.doc = content.parse::<LitStr>()?.value();
            return Ok(OwnInput { field, on_create });
        }
        let key: Ident = content.parse()?;
        match key.to_string().as_str() {
            "update" => on_create = false,
            "many" => {
                let number;
                parenthesized!(number in content);
                field.rule = Rule::Many(number.parse()?);
            }
            _ => return Err(Error::new(key.span(), "an input has update, many(…) and, at last, what it means")),
        }
    }
}

fn own_order(meta: &ParseNestedMeta<'_>) -> Result<OwnOrder> {
    let content;
    parenthesized!(content in meta.input);
    let name = content.parse()?;
    let fields;
    parenthesized!(fields in content);
    let fields = fields.parse_terminated(Ident::parse_any, Token![,])?.into_iter().collect();
    content.parse::<Token![,]>()?;
    Ok(OwnOrder { name, fields, doc: content.parse::<LitStr>()?.value() })
}

fn parent(meta: &ParseNestedMeta<'_>) -> Result<Parent> {
    let mut parent = Parent {
        variant: Ident::new("Parent", meta.path.span()),
        noun: String::new(),
        list: None,
        doc: String::new(),
        column: String::new(),
        key: "id".to_owned(),
        join: String::new(),
        order: None,
    };
    meta.parse_nested_meta(|meta| {
        let text = |meta: &ParseNestedMeta<'_>| Ok::<_, Error>(meta.value()?.parse::<LitStr>()?.value());
        match meta.path.require_ident()?.to_string().as_str() {
            "noun" => parent.noun = text(&meta)?,
            "list" => parent.list = Some(text(&meta)?),
            "doc" => parent.doc = text(&meta)?,
            "column" => parent.column = text(&meta)?,
            "key" => parent.key = text(&meta)?,
            "order" => parent.order = Some(text(&meta)?),
            "join" => parent.join = format!(" {}", text(&meta)?),
            _ => parent.variant = meta.path.require_ident()?.clone(),
        }
        Ok(())
    })?;
    Ok(parent)
}
