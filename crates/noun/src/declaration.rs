//! Reads a declaration and says what is wrong with it.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::meta::ParseNestedMeta;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, GenericArgument, Lit, LitInt, LitStr, Meta,
    PathArguments, Result, Token, Type, parenthesized,
};

/// A struct that is declared as a noun.
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute")]
pub(crate) struct Noun {
    pub(crate) name: Ident,
    pub(crate) doc: String,
    pub(crate) table: LitStr,
    pub(crate) from: Option<LitStr>,
    pub(crate) singular: String,
    pub(crate) plural: String,
    pub(crate) placement: TokenStream,
    pub(crate) read: Ident,
    pub(crate) write: Ident,
    pub(crate) currency: Option<LitStr>,
    pub(crate) checks: bool,
    /// Whether what a row is made from is written by hand.
    pub(crate) by_hand: bool,
    pub(crate) default_order: Ident,
    /// Whether lists run upwards when nothing else is asked for.
    pub(crate) ascending: bool,
    /// Whether a caller may choose the order.
    pub(crate) sortable: bool,
    /// Whether it has fields at the root of the API, or is reached from other nouns alone.
    pub(crate) rooted: bool,
    pub(crate) conditions: Vec<OwnCondition>,
    pub(crate) orders: Vec<OwnOrder>,
    pub(crate) parents: Vec<Parent>,
    pub(crate) inputs: Vec<OwnInput>,
    pub(crate) fields: Vec<Field>,
}

/// Something that the caller gives and that is no column: `service` knows what to do with it.
pub(crate) struct OwnInput {
    pub(crate) field: Field,
    /// Whether a new row takes it too, or an update alone.
    pub(crate) on_create: bool,
}

/// A condition that `store` knows the rule of.
pub(crate) struct OwnCondition {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
    pub(crate) doc: String,
}

/// An order over several fields.
pub(crate) struct OwnOrder {
    pub(crate) name: Ident,
    pub(crate) fields: Vec<Ident>,
    pub(crate) doc: String,
}

/// A way from another row that is no column of this table.
pub(crate) struct Parent {
    pub(crate) variant: Ident,
    pub(crate) noun: String,
    pub(crate) list: Option<String>,
    pub(crate) doc: String,
    pub(crate) column: String,
    pub(crate) key: String,
    pub(crate) join: String,
    pub(crate) order: Option<String>,
}

/// What a value must be like.
pub(crate) enum Rule {
    Any,
    Text(LitInt),
    Prose(LitInt),
    Email,
    Url,
    NotNegative,
    /// At most this many values, each once.
    Many(LitInt),
}

#[derive(PartialEq, Eq, Clone, Copy)]
pub(crate) enum Given {
    Always,
    Once,
    Never,
    /// The user who makes the row.
    Author,
    /// One of the four columns that every row has.
    System,
}

/// What type of value a field holds, as far as its spelling tells.
#[derive(PartialEq, Eq, Clone, Copy)]
pub(crate) enum Shape {
    Text,
    Boolean,
    Id,
    Time,
    Date,
    Decimal,
    Money,
    /// Anything else is taken for an enum, which the compiler then holds it to.
    Enum,
}

pub(crate) struct Link {
    pub(crate) noun: Type,
    pub(crate) on_delete: Ident,
    pub(crate) list: Option<String>,
    pub(crate) doc: String,
    pub(crate) key: String,
    /// The field that shows the linked row, when it is not the column's name without `_id`.
    pub(crate) relation: Option<String>,
    /// The order of the list when none is asked for.
    pub(crate) order: Option<String>,
}

/// A field and what is said of it.
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute")]
pub(crate) struct Field {
    pub(crate) name: Ident,
    pub(crate) doc: String,
    pub(crate) ty: Type,
    /// The type without its `Option`.
    pub(crate) inner: Type,
    pub(crate) optional: bool,
    pub(crate) nullable: bool,
    pub(crate) shape: Shape,
    pub(crate) column: Option<LitStr>,
    pub(crate) access: Ident,
    pub(crate) given: Given,
    pub(crate) default: Option<Expr>,
    pub(crate) rule: Rule,
    /// Whether lists are narrowed by it: under which name, and whether by a rule of the noun's own.
    pub(crate) filter: Option<(String, bool)>,
    /// Whether lists are sorted by it, and what that means; an empty text for what the name says.
    pub(crate) sort: Option<String>,
    pub(crate) link: Option<Link>,
    pub(crate) unique: bool,
    /// Whether the API shows the id itself and not the row that it names.
    pub(crate) as_id: bool,
    /// Whether it may be left out on creation although every row has one: the service finds it.
    pub(crate) optional_on_create: bool,
    /// Further fields that what a reader sees of it is made of.
    pub(crate) needs: Vec<Ident>,
}

const SYSTEM: [&str; 4] = ["id", "organization_id", "created_at", "updated_at"];

/// Reads the struct and its attributes.
pub(crate) fn read(input: &DeriveInput) -> Result<Noun> {
    let Data::Struct(data) = &input.data else { return Err(Error::new(input.span(), "a noun is a struct")) };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new(input.span(), "a noun is a struct with named fields"));
    };
    let mut noun = attributes(input)?;
    for field in &named.named {
        noun.fields.push(read_field(field)?);
    }
    check(&noun)?;
    Ok(noun)
}

fn attributes(input: &DeriveInput) -> Result<Noun> {
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

/// `organization`, `client`, `workspace`, `own`, `project(column)` or `in_project(column)`.
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
        _ => {
            return Err(Error::new(
                kind.span(),
                "placed is one of organization, client, workspace, project(…), in_project(…), own",
            ));
        }
    })
}

fn own_condition(meta: &ParseNestedMeta<'_>) -> Result<OwnCondition> {
    let content;
    parenthesized!(content in meta.input);
    let name = content.parse()?;
    content.parse::<Token![:]>()?;
    let ty = content.parse()?;
    content.parse::<Token![,]>()?;
    Ok(OwnCondition { name, ty, doc: content.parse::<LitStr>()?.value() })
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

fn read_field(field: &syn::Field) -> Result<Field> {
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
        let message =
            "say how long the text may be: text(200) for one line, prose(20_000) for several, or email or url";
        return Err(Error::new(read.name.span(), message));
    }
    if read.filter.as_ref().is_some_and(|(_, own)| !own)
        && matches!(read.shape, Shape::Text | Shape::Money | Shape::Decimal)
    {
        return Err(Error::new(
            read.name.span(),
            "a list can be narrowed by an enum, an id, a truth value, a time or a day",
        ));
    }
    if read.sort.is_some() && matches!(read.shape, Shape::Boolean | Shape::Id | Shape::Money | Shape::Decimal) {
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
        "not_negative" => field.rule = Rule::NotNegative,
        "guests" => field.access = Ident::new("Guests", key.span()),
        "internal" => field.access = Ident::new("Internal", key.span()),
        "secret" => field.access = Ident::new("Secret", key.span()),
        "once" => field.given = Given::Once,
        "computed" => field.given = Given::Never,
        "author" => field.given = Given::Author,
        "required" => field.nullable = false,
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

/// What no single attribute shows.
fn check(noun: &Noun) -> Result<()> {
    for wanted in SYSTEM {
        if !noun.fields.iter().any(|field| field.name == wanted) {
            return Err(Error::new(noun.name.span(), format!("a noun has the field `{wanted}`")));
        }
    }
    if let Some(first) = noun.fields.first().filter(|first| first.name != "id") {
        return Err(Error::new(first.name.span(), "the first field of a noun is its `id`"));
    }
    if let Some(input) = noun.inputs.first().filter(|_| noun.by_hand) {
        let message = "what is written by hand says its inputs itself: leave out `input` or `by_hand`";
        return Err(Error::new(input.field.name.span(), message));
    }
    let guests_see_some = noun.guests_see_some();
    if guests_see_some && noun.placement.to_string() == "Organization" {
        let message = "guests see nothing that is placed in the organization, so no field can say `guests`";
        return Err(Error::new(noun.name.span(), message));
    }
    for field in &noun.fields {
        let hidden = field.access == "Members";
        if guests_see_some && hidden && !field.optional {
            let message = "guests do not see this field, so they find null: make it an Option, or say `guests` if they may see it";
            return Err(Error::new(field.name.span(), message));
        }
        let is_internal = field.access == "Internal" || field.access == "Secret";
        if is_internal && field.given != Given::System && (field.filter.is_some() || field.sort.is_some()) {
            let message = "nobody sees this field, so no list can be narrowed or sorted by it";
            return Err(Error::new(field.name.span(), message));
        }
        let is_raw = field.sort.is_some() || field.filter.as_ref().is_some_and(|(_, own)| !own);
        if !field.needs.is_empty() && is_raw {
            let message = "what a reader sees of this field is not what the column holds: say filter(own), and no sort";
            return Err(Error::new(field.name.span(), message));
        }
        if field.sort.is_some() && field.nullable && matches!(field.shape, Shape::Text | Shape::Enum) {
            let message = "a list can be sorted by a text or an enum only if every row has it";
            return Err(Error::new(field.name.span(), message));
        }
        if field.optional && !field.nullable && field.shape != Shape::Enum {
            return Err(Error::new(
                field.name.span(),
                "`required` is for an enum with a default, which guests do not see",
            ));
        }
        if field.shape == Shape::Money && noun.currency.is_none() {
            return Err(Error::new(field.name.span(), "say where its currency stands: #[noun(currency = \"…\")]"));
        }
        if field.shape == Shape::Id
            && field.given != Given::System
            && !is_internal
            && !field.as_id
            && field.link.is_none()
        {
            return Err(Error::new(field.name.span(), "say what it links to: #[field(link(Noun, unlink))]"));
        }
        if let (Some(link), false) = (&field.link, field.nullable)
            && link.on_delete == "Unlink"
        {
            return Err(Error::new(
                field.name.span(),
                "a link that is required cannot be unlinked: say cascade or refuse",
            ));
        }
    }
    if !noun.sorts().any(|(name, ..)| noun.default_order == name) {
        let message =
            format!("no list can be sorted by `{}`: say `sort` there, or `order_by` here", noun.default_order);
        return Err(Error::new(noun.default_order.span(), message));
    }
    Ok(())
}

impl Field {
    /// A field of which nothing is said.
    fn new(name: Ident, ty: Type, doc: String) -> Self {
        let inner = inner_of_option(&ty).cloned();
        let optional = inner.is_some();
        let inner = inner.unwrap_or_else(|| ty.clone());
        Self {
            doc,
            shape: shape(&inner),
            ty,
            inner,
            optional,
            nullable: optional,
            column: None,
            access: Ident::new("Members", name.span()),
            given: Given::Always,
            default: None,
            rule: Rule::Any,
            filter: None,
            sort: None,
            link: None,
            unique: false,
            as_id: false,
            optional_on_create: false,
            needs: Vec::new(),
            name,
        }
    }
}

impl Noun {
    /// Whether guests see more of a row than what every row has.
    pub(crate) fn guests_see_some(&self) -> bool {
        self.fields.iter().any(|field| field.access == "Guests" && field.given != Given::System)
    }

    /// The names of the orders, what each means and what it goes by; the default one first.
    pub(crate) fn sorts(&self) -> impl Iterator<Item = (String, String, Vec<String>)> + use<> {
        let fields = self.fields.iter().filter_map(|field| {
            let said = field.sort.as_ref()?;
            let name = field.name.unraw().to_string();
            let doc = if said.is_empty() { format!("By {}.", words(&name)) } else { said.clone() };
            Some((name.clone(), doc, vec![name]))
        });
        let own = self.orders.iter().map(|order| {
            let fields = order.fields.iter().map(|field| field.unraw().to_string()).collect();
            (order.name.unraw().to_string(), order.doc.clone(), fields)
        });
        let mut all: Vec<_> = fields.chain(own).collect();
        all.sort_by_key(|(name, ..)| self.default_order != *name);
        all.into_iter()
    }
}

/// The text of the doc comment, on one line.
fn doc(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ").trim().to_owned()
}

/// `ContentItem` or `content_item` as words.
pub(crate) fn words(name: &str) -> String {
    let mut words = String::new();
    for (n, c) in name.char_indices() {
        match c {
            '_' => words.push(' '),
            c if c.is_uppercase() && n > 0 => words.extend([' ', c.to_ascii_lowercase()]),
            c => words.push(c.to_ascii_lowercase()),
        }
    }
    words
}

fn inner_of_option(ty: &Type) -> Option<&Type> {
    let segment = last_segment(ty).filter(|segment| segment.ident == "Option")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    match arguments.args.first() {
        Some(GenericArgument::Type(inner)) => Some(inner),
        _ => None,
    }
}

fn last_segment(ty: &Type) -> Option<&syn::PathSegment> {
    if let Type::Path(path) = ty { path.path.segments.last() } else { None }
}

fn shape(ty: &Type) -> Shape {
    match last_segment(ty).map(|segment| segment.ident.to_string()).unwrap_or_default().as_str() {
        "String" | "Position" => Shape::Text,
        "bool" => Shape::Boolean,
        "DateTime" => Shape::Time,
        "NaiveDate" => Shape::Date,
        "Decimal" => Shape::Decimal,
        "Money" => Shape::Money,
        name if name.ends_with("Id") => Shape::Id,
        _ => Shape::Enum,
    }
}
