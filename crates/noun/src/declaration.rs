//! Reads a declaration and says what is wrong with it: `noun` reads what is said of the struct, `field` what is said of each field, and
//! `check` says what is wrong between them.

mod check;
mod field;
mod noun;

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Fields, GenericArgument, Lit, LitInt, LitStr, Meta,
    PathArguments, Result, Type,
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
    /// The field and the value of rows that lists leave out unless asked for.
    pub(crate) archived: Option<(Ident, Ident)>,
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
    /// Whether null asks for rows without a value.
    pub(crate) takes_null: bool,
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
    Color,
    Country,
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
    Integer,
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
    /// Whether an activity says what it was and what it became, and not only that it changed.
    pub(crate) told: bool,
    /// How much a word in it says about the row, if it is searched.
    pub(crate) searched: Option<LitInt>,
}

const SYSTEM: [&str; 4] = ["id", "organization_id", "created_at", "updated_at"];

/// Reads the struct and its attributes.
pub(crate) fn read(input: &DeriveInput) -> Result<Noun> {
    let Data::Struct(data) = &input.data else { return Err(Error::new(input.span(), "a noun is a struct")) };
    let Fields::Named(named) = &data.fields else {
        return Err(Error::new(input.span(), "a noun is a struct with named fields"));
    };
    let mut noun = noun::attributes(input)?;
    for field in &named.named {
        noun.fields.push(field::read(field)?);
    }
    if noun.rooted {
        noun.fields.iter_mut().for_each(find_by_what_every_row_has);
    }
    check::check(&noun)?;
    Ok(noun)
}

/// Every list can be narrowed by the id and by both times, and sorted by the time of the last change.
fn find_by_what_every_row_has(field: &mut Field) {
    let name = field.name.to_string();
    if field.given != Given::System || field.access == "Internal" {
        return;
    }
    if name == "updated_at" {
        field.sort.get_or_insert_with(|| "By the time of the last change.".to_owned());
    }
    field.filter.get_or_insert_with(|| (name.trim_end_matches("_at").to_owned(), false));
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
            told: true,
            searched: None,
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
            let doc = match name.as_str() {
                _ if !said.is_empty() => said.clone(),
                "created_at" => "By the time of creation.".to_owned(),
                _ => format!("By {}.", words(&name)),
            };
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
        "i32" => Shape::Integer,
        "Money" => Shape::Money,
        name if name.ends_with("Id") => Shape::Id,
        _ => Shape::Enum,
    }
}
