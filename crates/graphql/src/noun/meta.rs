//! Parts of the schema, in few words.

use async_graphql::indexmap::IndexMap;
use async_graphql::registry::{CacheControl, Deprecation, MetaEnumValue, MetaField, MetaInputValue, MetaType};

/// Fields by their names, in their order.
pub(crate) type Fields = IndexMap<String, MetaField>;

/// Arguments, or fields of an input, by their names.
pub(crate) type Inputs = IndexMap<String, MetaInputValue>;

/// A description; none where nothing is said.
pub(crate) fn description(doc: &str) -> Option<String> {
    let doc = doc.trim();
    (!doc.is_empty()).then(|| doc.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// An argument or a field of an input.
pub(crate) fn input(inputs: &mut Inputs, name: &str, doc: &str, ty: impl Into<String>) {
    let value = MetaInputValue {
        name: name.to_owned(),
        description: description(doc),
        ty: ty.into(),
        deprecation: Deprecation::NoDeprecated,
        default_value: None,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        is_secret: false,
        directive_invocations: Vec::new(),
    };
    inputs.insert(name.to_owned(), value);
}

/// A field of an object.
pub(crate) fn field(fields: &mut Fields, name: &str, doc: &str, ty: impl Into<String>, args: Inputs) {
    let field = MetaField {
        name: name.to_owned(),
        description: description(doc),
        args,
        ty: ty.into(),
        deprecation: Deprecation::NoDeprecated,
        cache_control: CacheControl::default(),
        external: false,
        requires: None,
        provides: None,
        visible: None,
        shareable: false,
        inaccessible: false,
        tags: Vec::new(),
        override_from: None,
        compute_complexity: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    };
    fields.insert(name.to_owned(), field);
}

/// An object type.
pub(crate) fn object<T>(name: &str, doc: &str, fields: Fields) -> MetaType {
    MetaType::Object {
        name: name.to_owned(),
        description: description(doc),
        fields,
        cache_control: CacheControl::default(),
        extends: false,
        shareable: false,
        resolvable: true,
        keys: None,
        visible: None,
        inaccessible: false,
        interface_object: false,
        tags: Vec::new(),
        is_subscription: false,
        rust_typename: Some(std::any::type_name::<T>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// An input type.
pub(crate) fn input_object<T>(name: &str, doc: &str, input_fields: Inputs) -> MetaType {
    MetaType::InputObject {
        name: name.to_owned(),
        description: description(doc),
        input_fields,
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        rust_typename: Some(std::any::type_name::<T>()),
        oneof: false,
        directive_invocations: Vec::new(),
    }
}

/// An enum of these values, each with what it says.
pub(crate) fn enumeration<'v>(name: &str, doc: &str, values: impl IntoIterator<Item = (&'v str, &'v str)>) -> MetaType {
    let value = |(name, doc): (&str, &str)| {
        let name = name.to_ascii_uppercase();
        let value = MetaEnumValue {
            name: name.clone(),
            description: description(doc),
            deprecation: Deprecation::NoDeprecated,
            visible: None,
            inaccessible: false,
            tags: Vec::new(),
            directive_invocations: Vec::new(),
        };
        (name, value)
    };
    MetaType::Enum {
        name: name.to_owned(),
        description: description(doc),
        enum_values: values.into_iter().map(value).collect(),
        visible: None,
        inaccessible: false,
        tags: Vec::new(),
        // Every enum is made here, so two of one name are the same.
        rust_typename: None,
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}
