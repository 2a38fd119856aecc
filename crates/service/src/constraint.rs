//! Which field a broken constraint is about. The names of constraints follow from those of tables and columns, so the declaration
//! of a noun says it.

use tenantry_domain::noun::{ALL, FieldInfo, Given, Noun, NounInfo, OnDelete};
use tenantry_domain::{FieldError, FieldErrorCode};
use tenantry_store::{ConstraintKind, StoreError};

use crate::error::ServiceError;
use crate::noun::{noun_of, place_field};

/// Says which field of the noun a broken constraint is about. What no input can break stays a failure of the database.
pub(crate) fn name_constraint<N: Noun>(error: StoreError) -> ServiceError {
    let Some((kind, constraint)) = error.constraint() else { return error.into() };
    let table = bare(N::INFO.table);
    // A link that must be to a row in the same place has a key over both columns.
    let place = place_field::<N>().and_then(|field| field.info.own_column()).unwrap_or_default();
    for field in N::FIELDS.iter().map(|field| &field.info).filter(|field| field.given != Given::Never) {
        let Some(column) = field.own_column() else { continue };
        match (kind, field.link) {
            (ConstraintKind::ForeignKey, Some(link)) => {
                let keys = [format!("{table}_{column}_fkey"), format!("{table}_{place}_{column}_fkey")];
                if keys.iter().any(|key| constraint == key) {
                    return FieldError::not_found(field.api, noun_of(&link)).into();
                }
            }
            (ConstraintKind::Unique, _) if field.unique && constraint == format!("{table}_{column}_key") => {
                let message = format!("There is another {} with this {}.", N::INFO.singular, field.api);
                return FieldError::new(FieldErrorCode::Taken, field.api, message).into();
            }
            _ => {}
        }
    }
    match in_the_way::<N>(kind, constraint) {
        Some(noun) => {
            let archived = if noun.archived.is_some() { ", perhaps archived ones" } else { "" };
            let (list, place) = (noun.plural, N::INFO.singular);
            let message = format!("There are {list} in this {place}{archived}; move or delete them first.");
            FieldError::new(FieldErrorCode::InUse, "id", message).into()
        }
        None => error.into(),
    }
}

/// The noun whose rows keep one of this noun from being deleted, if that is what the constraint says.
fn in_the_way<N: Noun>(kind: ConstraintKind, constraint: &str) -> Option<&'static NounInfo> {
    let refuses = |field: &FieldInfo, table: &str| {
        let link = field.link.filter(|link| link.table == N::INFO.table && link.on_delete == OnDelete::Refuse);
        link.is_some() && field.own_column().is_some_and(|column| constraint == format!("{table}_{column}_fkey"))
    };
    let is_key = kind == ConstraintKind::ForeignKey;
    let found =
        ALL.iter().find(|noun| is_key && noun.fields().into_iter().any(|field| refuses(field, bare(noun.info.table))));
    found.map(|noun| noun.info)
}

fn bare(table: &str) -> &str {
    table.split_once('.').map_or(table, |(_, bare)| bare)
}
