//! What no single attribute shows to be wrong.

use syn::{Error, Result};

use super::{Given, Noun, SYSTEM, Shape};

/// Refuses attributes that contradict each other.
pub(super) fn check(noun: &Noun) -> Result<()> {
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
    if let Some((name, _)) = &noun.archived
        && !noun.fields.iter().any(|field| field.name == *name && field.filter.is_some())
    {
        return Err(Error::new(
            name.span(),
            "lists can be narrowed by the field that says what is archived: say `filter` there",
        ));
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
            let message = "the API does not show this field, so no list can be narrowed or sorted by it";
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
