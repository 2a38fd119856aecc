//! A noun's object type.

use std::borrow::Cow;
use std::sync::Arc;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaType, MetaTypeId, Registry};
use async_graphql::{ContainerType, Context, ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use tenantry_domain::noun::{Access, Field as NounField, FieldInfo, NounInfo, Value as FieldValue};
use tenantry_executor::leaf::Leaf;
use tenantry_executor::object::{LeafField, LeafRead, ListField, Node, Object as Resolved};
use tenantry_store::{ColumnSet, columns_of};

use super::at_field;
use super::meta::{self, Fields, Inputs};
use super::registry::{self, Shown, entry};

/// A row of a noun as an object of the graph.
#[derive(Debug)]
pub(crate) struct Row<R>(pub(crate) Arc<R>);

impl<R> Clone for Row<R> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// Whether the API shows a field as a leaf.
fn is_leaf(field: &FieldInfo) -> bool {
    is_shown(field) && (field.link.is_none() || field.as_id)
}

/// Whether the API shows a field at all.
fn is_shown(field: &FieldInfo) -> bool {
    matches!(field.access, Access::Guests | Access::Members)
}

/// What a field says about itself, and when it is null.
fn doc(noun: &NounInfo, field: &FieldInfo) -> String {
    let said = field.doc.trim().trim_end_matches('.');
    if said.contains("null") {
        return format!("{said}.");
    }
    let hidden = noun.guests && field.access == Access::Members;
    let when = match (field.link.filter(|_| !field.as_id), field.nullable) {
        (Some(_), true) => "null if there is none, or none that you can see",
        (Some(_), false) => "null if you cannot see it",
        (None, true) if hidden => "null if there is none, or if you are a guest",
        (None, true) => "null if there is none",
        (None, false) if field.optional => "null if you are a guest",
        (None, false) => return format!("{said}."),
    };
    format!("{said}; {when}.")
}

/// The link that the API shows under this name.
fn link_named<R: Shown>(name: &str) -> Option<&'static NounField<R>> {
    R::FIELDS.iter().find(|field| {
        let named = field.info.link.is_some_and(|link| link.relation == name);
        named && is_shown(&field.info) && !field.info.as_id
    })
}

impl<R: Shown> Node for Row<R> {
    type Record = R;
    const NAME: &'static str = R::INFO.name;

    fn leaf(name: &str) -> Option<LeafField<R>> {
        let field = R::FIELDS.iter().find(|field| field.info.api == name).filter(|field| is_leaf(&field.info))?;
        let read = LeafRead::Declared(field.info.kind, field.read);
        Some(LeafField { columns: columns_of::<R>(field.info.name), read })
    }

    fn list(name: &str) -> Option<ListField<R>> {
        let list = entry(R::INFO.table)?.lists.iter().find(|list| list.name == name)?;
        let column = format!("t.{}", list.key);
        let field = R::FIELDS.iter().find(|field| field.info.column == column)?;
        let columns = columns_of::<R>(field.info.name);
        Some(ListField { columns, key: field.read, resolve: &*list.resolve })
    }

    fn columns(name: &str) -> ColumnSet {
        let leaf = Self::leaf(name).map(|leaf| leaf.columns);
        let list = || Self::list(name).map(|list| list.columns);
        let link = || link_named::<R>(name).map(|field| columns_of::<R>(field.info.name));
        // What is neither may look at any column.
        leaf.or_else(list).or_else(link).unwrap_or(ColumnSet::ALL)
    }

    fn new(record: Arc<R>) -> Self {
        Self(record)
    }

    fn record(&self) -> &R {
        &self.0
    }
}

impl<R: Shown> OutputType for Row<R> {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(R::INFO.name)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Object, |registry| {
            let mut fields = Fields::new();
            for field in R::FIELDS.iter().map(|field| &field.info).filter(|field| is_shown(field)) {
                match field.link.filter(|_| !field.as_id) {
                    None => {
                        let name = registry::field_type(registry, field.kind);
                        let ty = if field.optional { name } else { name + "!" };
                        meta::field(&mut fields, field.api, &doc(&R::INFO, field), ty, Inputs::new());
                    }
                    Some(link) => {
                        if let Some(target) = entry(link.table) {
                            let ty = (target.register)(registry);
                            let ty = ty.trim_end_matches('!');
                            meta::field(&mut fields, link.relation, &doc(&R::INFO, field), ty, Inputs::new());
                        }
                    }
                }
            }
            for list in entry(R::INFO.table).map(|entry| entry.lists.as_slice()).unwrap_or_default() {
                let (ty, args) = (list.register)(registry);
                meta::field(&mut fields, list.name, &list.doc, ty, args);
            }
            if let MetaType::Object { fields: more, .. } = registry.create_fake_output_type::<R::More>() {
                fields.extend(more);
            }
            meta::object::<Self>(R::INFO.name, R::INFO.doc, fields)
        })
    }

    async fn resolve(&self, context: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        Resolved(self.clone()).resolve(context, field).await
    }
}

impl<R: Shown> ContainerType for Row<R> {
    async fn resolve_field(&self, context: &Context<'_>) -> ServerResult<Option<Value>> {
        let name = context.item.node.name.node.as_str();
        if let Some(field) = link_named::<R>(name) {
            let link = field.info.link.and_then(|link| Some((entry(link.table)?, link.key)));
            return match ((field.read)(&self.0), link) {
                (FieldValue::Id(id), Some((target, key))) => {
                    (target.one)(context, key, id).await.map(Some).map_err(|error| at_field(context, error))
                }
                _ => Ok(Some(Value::Null)),
            };
        }
        if let Some(field) = R::FIELDS.iter().find(|field| field.info.api == name && is_leaf(&field.info)) {
            return Ok(Some(Leaf::of(field.info.kind, (field.read)(&self.0)).to_value()));
        }
        R::More::from(Arc::clone(&self.0)).resolve_field(context).await
    }
}

/// No fields beside those that are declared.
pub(crate) struct NoMore;

impl<R> From<Arc<R>> for NoMore {
    fn from(_: Arc<R>) -> Self {
        Self
    }
}

impl OutputType for NoMore {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed("NoMore")
    }

    fn create_type_info(registry: &mut Registry) -> String {
        let object = |_: &mut Registry| meta::object::<Self>("NoMore", "", Fields::new());
        registry.create_output_type::<Self, _>(MetaTypeId::Object, object)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        Ok(Value::Null)
    }
}

impl ContainerType for NoMore {
    async fn resolve_field(&self, _: &Context<'_>) -> ServerResult<Option<Value>> {
        Ok(None)
    }
}
