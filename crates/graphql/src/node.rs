//! Global object identification: any object by its id.

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaType, MetaTypeId, Registry};
use async_graphql::{ContextSelectionSet, Object, OutputType, Positioned, Result, ServerResult, Value};
use tenantry_domain::activity::EntityType;
use tenantry_domain::{OrganizationId, typeid};
use tenantry_executor::error::bad_argument;
use tenantry_executor::loaders::load_in;
use tenantry_executor::object::Object as Resolved;
use tenantry_executor::scalar::AnyId;
use uuid::Uuid;

use crate::loaders::OwnOrganization;
use crate::noun::meta::{self, Fields, Inputs};
use crate::noun::{Entry, entries};
use crate::organization::Organization;

/// An object of any type, named by its id. It is resolved like other objects of its type; null if the caller may see no such object.
pub(crate) enum Node {
    /// A row of a noun.
    Row(&'static Entry, Uuid),
    /// An organization.
    Organization(Uuid),
}

const NAME: &str = "Node";

impl OutputType for Node {
    fn type_name() -> Cow<'static, str> {
        Cow::Borrowed(NAME)
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Interface, |registry| {
            let mut possible_types = async_graphql::indexmap::IndexSet::new();
            let organization = Organization::create_type_info(registry);
            let nouns: Vec<String> = entries().map(|entry| (entry.register)(registry)).collect();
            for ty in nouns.into_iter().chain([organization]) {
                let ty = ty.trim_end_matches('!');
                registry.add_implements(ty, NAME);
                possible_types.insert(ty.to_owned());
            }
            let mut fields = Fields::new();
            meta::field(&mut fields, "id", "The object's id.", "ID!", Inputs::new());
            MetaType::Interface {
                name: NAME.to_owned(),
                description: meta::description("Anything that has a global id."),
                fields,
                possible_types,
                extends: false,
                keys: None,
                visible: None,
                inaccessible: false,
                tags: Vec::new(),
                rust_typename: Some(std::any::type_name::<Self>()),
                directive_invocations: Vec::new(),
                requires_scopes: Vec::new(),
            }
        })
    }

    async fn resolve(&self, selection: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        let found = self.find(selection, field).await;
        // Where nothing below says where it failed, it was the reading of the object.
        found.map_err(|error| if error.path.is_empty() { selection.set_error_path(error) } else { error })
    }
}

impl Node {
    /// The object of this kind with this id.
    pub(crate) fn of(kind: EntityType, id: Uuid) -> Option<Self> {
        let Some(noun) = kind.noun() else { return Some(Self::Organization(id)) };
        entries().find(|entry| entry.info.table == noun.info.table).map(|entry| Self::Row(entry, id))
    }

    async fn find(&self, selection: &ContextSelectionSet<'_>, field: &Positioned<Field>) -> ServerResult<Value> {
        match self {
            Self::Row(entry, id) => (entry.selected)(selection, field, *id).await,
            Self::Organization(id) => {
                let own = load_in::<OwnOrganization, _>(selection, ()).await;
                let own = own.map_err(|error| error.into_server_error(field.pos))?;
                match own.filter(|own| own.id.as_uuid() == *id) {
                    Some(own) => Resolved(Organization(own)).resolve(selection, field).await,
                    None => Ok(Value::Null),
                }
            }
        }
    }
}

/// The most ids that `nodes` takes.
const MAX_NODES: usize = 100;

/// Root fields that take any id.
#[derive(Default)]
pub(crate) struct NodeQuery;

#[Object]
#[expect(clippy::unused_async, reason = "async-graphql takes no other resolvers")]
impl NodeQuery {
    /// The object with this id; null when there is none that you can see.
    async fn node(&self, #[graphql(desc = "The id of any object.")] id: AnyId) -> Result<Option<Node>> {
        named(&id.0, "id").map(Some)
    }

    /// The objects with these ids, in the same order; null where there is none that you can see.
    async fn nodes(
        &self,
        #[graphql(desc = "The ids of any objects, at most 100.")] ids: Vec<AnyId>,
    ) -> Result<Option<Vec<Option<Node>>>> {
        if ids.len() > MAX_NODES {
            return Err(bad_argument("ids", format!("At most {MAX_NODES} ids can be given.")));
        }
        ids.iter().map(|id| named(&id.0, "ids").map(Some)).collect::<Result<_>>().map(Some)
    }
}

/// The object with this id, if there are objects of its kind.
fn named(id: &str, argument: &str) -> Result<Node> {
    let (prefix, uuid) = typeid::split(id).map_err(|error| bad_argument(argument, format!("{error}.")))?;
    if prefix == OrganizationId::PREFIX {
        return Ok(Node::Organization(uuid));
    }
    let entry = entries().find(|entry| entry.info.prefix == prefix);
    let unknown = || bad_argument(argument, format!("There are no objects whose ids start with \"{prefix}_\"."));
    entry.map(|entry| Node::Row(entry, uuid)).ok_or_else(unknown)
}
