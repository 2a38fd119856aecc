//! The nouns that are read by nothing but their declarations, each with its table as SeaORM knows it. What else is asked of some
//! of them is in modules of their own.

use tenantry_domain::attachment::Attachment;
use tenantry_domain::client::Client;
use tenantry_domain::comment::Comment;
use tenantry_domain::content_item::ContentItem;
use tenantry_domain::personal_task::PersonalTask;
use tenantry_domain::project::Project;
use tenantry_domain::transaction::Transaction;
use tenantry_domain::workspace::Workspace;

use crate::entity;
use crate::record::Record;

macro_rules! plain {
    ($($noun:ty = $entity:ident;)+) => {$(
        impl Record for $noun {
            type Entity = entity::$entity::Entity;
        }
    )+};
}

plain! {
    Attachment = attachment;
    Client = client;
    Comment = comment;
    ContentItem = content_item;
    PersonalTask = personal_task;
    Project = project;
    Transaction = transaction;
    Workspace = workspace;
}

#[cfg(test)]
mod tests {
    use sea_orm::{EntityTrait, IdenStatic, Iterable};

    use super::*;

    /// The columns that a noun's entity and its declaration do not share.
    fn difference<R: Record>() -> Vec<String> {
        let columns = <R::Entity as EntityTrait>::Column::iter();
        let entity: Vec<String> = columns.map(|column| column.as_str().to_owned()).collect();
        let declared = R::FIELDS.iter().filter_map(|field| field.info.own_column());
        let currency = R::INFO.currency.and_then(|column| column.strip_prefix("t."));
        let declared: Vec<String> = declared.chain(currency).map(str::to_owned).collect();
        let only = |these: &[String], others: &[String]| {
            these.iter().filter(|column| !others.contains(column)).cloned().collect::<Vec<_>>()
        };
        let mut found = only(&declared, &entity);
        found.extend(only(&entity, &declared));
        found.into_iter().map(|column| format!("{}.{column}", R::INFO.table)).collect()
    }

    #[test]
    fn an_entity_has_the_columns_that_are_declared() {
        let mut found: Vec<String> = Vec::new();
        macro_rules! each {
            ($($module:ident::$noun:ident,)+) => { $(found.extend(difference::<tenantry_domain::$module::$noun>());)+ };
        }
        tenantry_domain::nouns!(each);
        // They are read apart from their invoices.
        assert_eq!(found, ["app.invoices.parties", "app.invoices.line_items", "app.invoices.taxes"]);
    }
}
