//! What a declaration becomes, for one noun, word for word; and what is said about the mistakes that are likeliest.

use std::path::Path;

use syn::{DeriveInput, Item, parse_str};

use crate::{declaration, emit};

/// The declaration of workspaces, which is short and has most of what can be declared.
fn workspace() -> DeriveInput {
    let source = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../domain/src/workspace.rs"));
    let file = syn::parse_file(&source.unwrap()).unwrap();
    let found = file.items.into_iter().find_map(|item| match item {
        Item::Struct(item) => Some(DeriveInput::from(item)),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn the_committed_expansion_is_what_the_derive_writes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("expanded/workspace.rs");
    let code = emit::all(&declaration::read(&workspace()).unwrap());
    let head = "//! What `#[derive(Noun)]` writes for workspaces. Written by a test: TENANTRY_UPDATE_EXPANSION=1.\n\n";
    let written = head.to_owned() + &prettyplease::unparse(&syn::parse2(code).unwrap());
    if std::env::var_os("TENANTRY_UPDATE_EXPANSION").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == written, "{} is not what the derive writes now", path.display());
}

/// What is said about a noun with this attribute and these fields beside the four that every noun has.
fn said(attribute: &str, fields: &str) -> String {
    said_of(&format!(
        "{attribute} struct Note {{ id: NoteId, organization_id: OrganizationId, {fields} \
         #[field(sort)] created_at: DateTime<Utc>, updated_at: DateTime<Utc> }}"
    ))
}

fn said_of(source: &str) -> String {
    let input: DeriveInput = parse_str(source).unwrap();
    declaration::read(&input).err().map(|error| error.to_string()).unwrap_or_default()
}

const NOTE: &str = r#"#[noun(table = "app.notes", placed = organization, read = ReadClient, write = WriteClient)]"#;

const IN_PROJECT: &str =
    r#"#[noun(table = "app.notes", placed = in_project(project_id), read = ReadTask, write = WriteTask)]"#;

#[test]
fn a_declaration_without_mistakes_is_taken() {
    assert_eq!(said(NOTE, "#[field(text(200))] title: Option<String>,"), "");
}

#[test]
fn the_likeliest_mistakes_are_named() {
    let by_hand = r#"#[noun(table = "app.notes", placed = organization, read = ReadClient, write = WriteClient)]
        #[noun(by_hand, input(tag_ids: Vec<TagId>, "The tags"))]"#;
    let cases = [
        (r#"#[noun(table = "app.notes", read = ReadClient, write = WriteClient)]"#, "", "say `#[noun(placed = …)]`"),
        (by_hand, "", "what is written by hand says its inputs itself: leave out `input` or `by_hand`"),
        (
            NOTE,
            "title: String,",
            "say how long the text may be: text(200) for one line, prose(20_000) for several, or email, url, color or country",
        ),
        (
            NOTE,
            "#[field(text(9), guests)] title: String, #[field(text(9))] secret: String,",
            "guests see nothing that is placed in the organization, so no field can say `guests`",
        ),
        (
            IN_PROJECT,
            "#[field(guests, link(Project, cascade))] project_id: ProjectId, #[field(text(9))] secret: String,",
            "guests do not see this field, so they find null: make it an Option, or say `guests` if they may see it",
        ),
        (NOTE, "client_id: Option<ClientId>,", "say what it links to: #[field(link(Noun, unlink))]"),
        (
            NOTE,
            "#[field(link(Client, unlink))] client_id: ClientId,",
            "a link that is required cannot be unlinked: say cascade or refuse",
        ),
        (
            NOTE,
            "#[field(link(Client, forget))] client_id: Option<ClientId>,",
            "say what becomes of the row when that goes: unlink, cascade, refuse or keep",
        ),
        (NOTE, "price: Option<Money>,", "say where its currency stands: #[noun(currency = \"…\")]"),
        (
            NOTE,
            "#[field(filter)] rate: Decimal,",
            "a list can be narrowed by an enum, an id, a text, a truth value, a time, a day or an amount",
        ),
        (
            NOTE,
            "#[field(text(9), internal, sort)] code: String,",
            "the API does not show this field, so no list can be narrowed or sorted by it",
        ),
        (
            NOTE,
            "#[field(needs(id), filter)] state: NoteState,",
            "what a reader sees of this field is not what the column holds: say filter(own), and no sort",
        ),
        (
            NOTE,
            "#[field(text(9), sort)] title: Option<String>,",
            "a list can be sorted by a text or an enum only if every row has it",
        ),
        (NOTE, "#[field(sort)] done: bool,", "a list can be sorted by a text, a time, a day or an enum"),
        (NOTE, "#[field(text(9), guest)] title: Option<String>,", "a field has no `guest`"),
        (
            r#"#[noun(table = "app.notes", placed = organization, read = ReadClient, write = WriteClient, order_by = title)]"#,
            "#[field(text(9))] title: Option<String>,",
            "no list can be sorted by `title`: say `sort` there, or `order_by` here",
        ),
        (
            r#"#[noun(table = "app.notes", placed = somewhere, read = ReadClient, write = WriteClient)]"#,
            "",
            "placed is one of organization, client, workspace, project(…), in_project(…), in_task(…), user(…), own",
        ),
    ];
    for (attribute, fields, expected) in cases {
        assert_eq!(said(attribute, fields), expected, "{fields}");
    }
    let without =
        format!("{NOTE} struct Note {{ id: NoteId, organization_id: OrganizationId, created_at: DateTime<Utc> }}");
    assert_eq!(said_of(&without), "a noun has the field `updated_at`");
}
