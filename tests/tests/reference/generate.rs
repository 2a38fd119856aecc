//! Generates documents for a schema, with the values of their variables.
//!
//! Most documents are valid by construction; the reference implementation decides.

use std::collections::BTreeMap;

use apollo_compiler::{
    Schema,
    ast::{InputValueDefinition, Type},
    schema::ExtendedType,
    validation::Valid,
};
use rand::{Rng as _, seq::IndexedRandom as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::document::{
    Argument, Directive, Document, Fragment, Literal, Operation, Selection, Variable, field, token, write_arguments,
};

/// Supplies the arguments of a field, by the names of its type and of the field.
pub(crate) type Arguments<'a> = dyn Fn(&mut ChaCha8Rng, &str, &str) -> Vec<Argument> + 'a;

/// What documents are generated from.
pub(crate) struct Scope<'a> {
    pub(crate) schema: &'a Valid<Schema>,
    /// Whether a field may be selected, by the names of its type and of the field.
    pub(crate) may_select: fn(&str, &str) -> bool,
    /// Which arguments are given, with their values; without it the generator chooses them.
    pub(crate) arguments: Option<&'a Arguments<'a>>,
    /// Whether two selections may conflict now and then.
    pub(crate) contradictions: bool,
}

/// The variables that a document has used so far: their types, and valid values.
#[derive(Default)]
struct Used {
    /// By name: the type and the default.
    variables: BTreeMap<String, (String, Option<Literal>, Option<Value>)>,
    /// What each response key stands for, so that selections do not conflict.
    keys: BTreeMap<String, (String, String, String)>,
}

/// The generator of documents.
pub(crate) struct Generator<'a> {
    scope: Scope<'a>,
    rng: ChaCha8Rng,
    used: Used,
    fragments: Vec<Fragment>,
}

/// A document with the rest of its request.
pub(crate) struct Made {
    pub(crate) document: Document,
    pub(crate) operation_name: Option<String>,
    pub(crate) variables: Value,
}

impl<'a> Generator<'a> {
    pub(crate) fn new(scope: Scope<'a>, rng: ChaCha8Rng) -> Self {
        Self { scope, rng, used: Used::default(), fragments: Vec::new() }
    }

    pub(crate) fn rng(&mut self) -> &mut ChaCha8Rng {
        &mut self.rng
    }

    fn chance(&mut self, of: f64) -> bool {
        self.rng.random_bool(of)
    }

    /// Generates a document with these `kinds` of operations to choose from.
    pub(crate) fn document(&mut self, kinds: &[&'static str]) -> Made {
        self.used = Used::default();
        self.fragments.clear();
        let count = if self.chance(0.8) { 1 } else { self.rng.random_range(2..4) };
        let mut operations = Vec::new();
        for index in 0..count {
            let keyword = *kinds.choose(&mut self.rng).unwrap_or(&"query");
            let root = match keyword {
                "mutation" => "Mutation",
                "subscription" => "Subscription",
                _ => "Query",
            };
            let depth = self.rng.random_range(2..6);
            let mut selections = self.selections(root, depth);
            if keyword == "subscription" {
                // One field, and not an introspection field.
                selections
                    .retain(|selection| matches!(selection, Selection::Field { name, .. } if name != "__typename"));
                selections.truncate(1);
                if let Some(Selection::Field { directives, .. }) = selections.first_mut() {
                    directives.clear();
                }
                if selections.is_empty() {
                    selections = vec![field("mewed", vec![field("name", Vec::new())])];
                }
            }
            let name = (count > 1 || self.chance(0.4)).then(|| format!("Operation{index}"));
            operations.push(Operation { keyword, name, variables: Vec::new(), selections });
        }
        let fragments = std::mem::take(&mut self.fragments);
        let mut document = Document { operations, fragments };
        for index in 0..document.operations.len() {
            let names = document.variables_of(&document.operations[index]);
            document.operations[index].variables = names
                .into_iter()
                .filter_map(|name| {
                    let (of, default, _) = self.used.variables.get(&name)?.clone();
                    Some(Variable { name, of, default })
                })
                .collect();
        }
        let chosen = self.rng.random_range(0..document.operations.len());
        let operation_name =
            if count > 1 || self.chance(0.2) { document.operations[chosen].name.clone() } else { None };
        let mut variables = Map::new();
        for variable in &document.operations[chosen].variables {
            if let Some((_, _, Some(value))) = self.used.variables.get(&variable.name) {
                variables.insert(variable.name.clone(), value.clone());
            }
        }
        if self.chance(0.05) {
            variables.insert("undeclared".to_owned(), json!([1, {"a": null}]));
        }
        Made { document, operation_name, variables: Value::Object(variables) }
    }

    fn selections(&mut self, on: &str, depth: usize) -> Vec<Selection> {
        let schema = self.scope.schema;
        let may_select = self.scope.may_select;
        let fields: Vec<(String, Vec<apollo_compiler::Node<InputValueDefinition>>, Type)> = match schema.types.get(on) {
            Some(ExtendedType::Object(object)) => object
                .fields
                .values()
                .map(|field| (field.name.to_string(), field.arguments.clone(), field.ty.clone()))
                .collect(),
            Some(ExtendedType::Interface(interface)) => interface
                .fields
                .values()
                .map(|field| (field.name.to_string(), field.arguments.clone(), field.ty.clone()))
                .collect(),
            _ => Vec::new(),
        };
        let fields: Vec<_> = fields
            .into_iter()
            .filter(|(name, _, ty)| may_select(on, name) && (depth > 0 || self.is_leaf(ty)))
            .collect();
        let possible = self.possible_types(on);
        let mut selections = Vec::new();
        for _ in 0..self.rng.random_range(1..5) {
            match self.rng.random_range(0..20) {
                // A fragment on the type itself, on one of its possible types, or on one of its interfaces.
                0..=3 if depth > 0 => {
                    let target = self.target(on, &possible);
                    let directives = self.directives();
                    let inner = self.selections(&target, depth - 1);
                    let on = (target != on || self.chance(0.5)).then_some(target);
                    selections.push(Selection::Inline { on, directives, selections: inner });
                }
                4 | 5 if depth > 0 => {
                    let target = self.target(on, &possible);
                    let known: Vec<String> = self
                        .fragments
                        .iter()
                        .filter(|fragment| fragment.on == target)
                        .map(|fragment| fragment.name.clone())
                        .collect();
                    let name = match known.choose(&mut self.rng) {
                        Some(name) if self.rng.random_bool(0.5) => name.clone(),
                        _ => {
                            let inner = self.selections(&target, depth - 1);
                            let name = format!("Fragment{}", self.fragments.len());
                            self.fragments.push(Fragment { name: name.clone(), on: target, selections: inner });
                            name
                        }
                    };
                    let directives = self.directives();
                    selections.push(Selection::Spread { name, directives });
                }
                6 => {
                    if let Some(selection) =
                        self.keyed(on, "__typename", &[], &Type::NonNullNamed(name("String")), depth)
                    {
                        selections.push(selection);
                    }
                }
                _ => {
                    if let Some((name, arguments, ty)) = fields.choose(&mut self.rng).cloned()
                        && let Some(selection) = self.keyed(on, &name, &arguments, &ty, depth)
                    {
                        selections.push(selection);
                    }
                }
            }
        }
        if selections.is_empty() {
            selections.push(field("__typename", Vec::new()));
        }
        selections
    }

    /// A field under a key that does not conflict with another field of the document.
    fn keyed(
        &mut self,
        on: &str,
        name: &str,
        definitions: &[apollo_compiler::Node<InputValueDefinition>],
        ty: &Type,
        depth: usize,
    ) -> Option<Selection> {
        let arguments = match self.scope.arguments {
            Some(arguments) => arguments(&mut self.rng, on, name),
            None => self.arguments(definitions),
        };
        let meaning = (name.to_owned(), write_arguments(&arguments), ty.to_string());
        let mut alias = self
            .chance(0.25)
            .then(|| ["a", "b", "c", "on", "query", "total"].choose(&mut self.rng).map_or("a", |name| name).to_owned());
        let careless = self.scope.contradictions && self.chance(0.02);
        for attempt in 0..50 {
            let key = alias.clone().unwrap_or_else(|| name.to_owned());
            let known = self.used.keys.entry(key).or_insert_with(|| meaning.clone());
            if *known == meaning || careless {
                break;
            }
            alias = Some(format!("{name}{attempt}"));
        }
        let selections = if self.is_leaf(ty) {
            Vec::new()
        } else {
            self.selections(ty.inner_named_type().as_str(), depth.checked_sub(1)?)
        };
        let directives = self.directives();
        Some(Selection::Field { alias, name: name.to_owned(), arguments, directives, selections })
    }

    fn is_leaf(&self, ty: &Type) -> bool {
        matches!(
            self.scope.schema.types.get(ty.inner_named_type()),
            Some(ExtendedType::Scalar(_) | ExtendedType::Enum(_))
        )
    }

    /// The possible object types of a value of this type.
    fn possible_types(&self, of: &str) -> Vec<String> {
        match self.scope.schema.types.get(of) {
            Some(ExtendedType::Interface(_)) => self
                .scope
                .schema
                .types
                .values()
                .filter(|ty| matches!(ty, ExtendedType::Object(object) if object.implements_interfaces.contains(of)))
                .map(|ty| ty.name().to_string())
                .collect(),
            Some(ExtendedType::Union(union)) => union.members.iter().map(ToString::to_string).collect(),
            _ => vec![of.to_owned()],
        }
    }

    /// A type condition for a fragment.
    fn target(&mut self, on: &str, possible: &[String]) -> String {
        if self.chance(0.3) {
            return on.to_owned();
        }
        let Some(object) = possible.choose(&mut self.rng).cloned() else {
            return on.to_owned();
        };
        match self.scope.schema.types.get(object.as_str()) {
            Some(ExtendedType::Object(ty)) if self.rng.random_bool(0.2) && !ty.implements_interfaces.is_empty() => {
                let interfaces: Vec<_> = ty.implements_interfaces.iter().map(ToString::to_string).collect();
                interfaces.choose(&mut self.rng).cloned().unwrap_or(object)
            }
            _ => object,
        }
    }

    fn directives(&mut self) -> Vec<Directive> {
        let mut directives = Vec::new();
        for name in ["skip", "include"] {
            if self.chance(0.06) {
                let value = if self.chance(0.5) {
                    self.variable(&Type::NonNullNamed(self::name("Boolean")), false)
                } else {
                    Literal::Token(self.chance(0.5).to_string())
                };
                directives.push((name.to_owned(), vec![("if".to_owned(), value)]));
            }
        }
        directives
    }

    fn arguments(&mut self, definitions: &[apollo_compiler::Node<InputValueDefinition>]) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for definition in definitions {
            let required = definition.ty.is_non_null() && definition.default_value.is_none();
            if required || self.chance(0.2) {
                let value = self.literal(&definition.ty, definition.default_value.is_some(), 3);
                arguments.push((definition.name.to_string(), value));
            }
        }
        arguments
    }

    /// A literal of a type, possibly with variables in it.
    fn literal(&mut self, ty: &Type, has_default: bool, depth: usize) -> Literal {
        if self.chance(0.2) {
            return self.variable(ty, has_default);
        }
        self.constant_or(ty, depth, true)
    }

    fn constant_or(&mut self, ty: &Type, depth: usize, variables: bool) -> Literal {
        if !ty.is_non_null() && self.chance(0.1) {
            return token("null");
        }
        if ty.is_list() {
            let item = ty.item_type().clone();
            if self.chance(0.2)
                && !matches!(self.scope.schema.types.get(ty.inner_named_type()), Some(ExtendedType::Scalar(scalar)) if !scalar.is_built_in())
            {
                let item = item.non_null();
                return self.constant_or(&item, depth.saturating_sub(1), variables);
            }
            let count = self.rng.random_range(0..3);
            return Literal::List(
                (0..count)
                    .map(|_| {
                        if variables {
                            self.literal(&item, false, depth.saturating_sub(1))
                        } else {
                            self.constant_or(&item, depth.saturating_sub(1), false)
                        }
                    })
                    .collect(),
            );
        }
        let schema = self.scope.schema;
        let named = ty.inner_named_type();
        match schema.types.get(named) {
            Some(ExtendedType::Enum(of)) => {
                let values: Vec<_> = of.values.keys().collect();
                token(values.choose(&mut self.rng).map_or("null", |value| value.as_str()))
            }
            Some(ExtendedType::InputObject(of)) => {
                let one_of = of.directives.get("oneOf").is_some();
                let chosen = self.rng.random_range(0..of.fields.len());
                let mut fields = Vec::new();
                for (index, (name, definition)) in of.fields.iter().enumerate() {
                    let required = definition.ty.is_non_null() && definition.default_value.is_none();
                    let given = if one_of { index == chosen } else { required || (depth > 0 && self.chance(0.3)) };
                    if given {
                        let ty = if one_of {
                            definition.ty.as_ref().clone().non_null()
                        } else {
                            definition.ty.as_ref().clone()
                        };
                        let value = if variables && !one_of {
                            self.literal(&ty, definition.default_value.is_some(), depth.saturating_sub(1))
                        } else {
                            self.constant_or(&ty, depth.saturating_sub(1), false)
                        };
                        fields.push((name.to_string(), value));
                    }
                }
                if self.chance(0.3) {
                    fields.reverse();
                }
                Literal::Object(fields)
            }
            _ => self.scalar(named.as_str()),
        }
    }

    fn scalar(&mut self, of: &str) -> Literal {
        const STRINGS: [&str; 10] = [
            r#""""#,
            r#""a""#,
            r#""with \"escapes\" \n \u00e4 \u{1F600} \uD83D\uDE00""#,
            "\"\"\"block\"\"\"",
            "\"\"\"\n    block\n      of \\\"\"\"lines\\\"\"\"\n\n    and more\n  \"\"\"",
            "\"\u{1f600} \u{e4}\"",
            r#""2026-01-31""#,
            "\"# no comment\"",
            r#""{,}""#,
            "\"\"\"\r\n\ta\r\n\t\tb\r\n\"\"\"",
        ];
        const INTS: [&str; 7] = ["0", "-0", "1", "7", "-12", "2147483647", "-2147483648"];
        const FLOATS: [&str; 6] = ["0.5", "-1.25", "1e3", "1.5E-3", "3", "1e+2"];
        let token = match of {
            "Int" => INTS.choose(&mut self.rng),
            "Float" => FLOATS.choose(&mut self.rng),
            "Boolean" => ["true", "false"].choose(&mut self.rng),
            "ID" if self.chance(0.3) => ["0", "7", "-1", "12345678901234567890"].choose(&mut self.rng),
            _ => STRINGS.choose(&mut self.rng),
        };
        self::token(token.map_or("null", |token| token))
    }

    /// A variable that is allowed where this type is expected, new or already used.
    fn variable(&mut self, ty: &Type, has_default: bool) -> Literal {
        let suffix = ty.to_string().replace('[', "L_").replace(']', "").replace('!', "N");
        let name = format!("v{}{}{suffix}", self.rng.random_range(0..2), if has_default { "D" } else { "" });
        if !self.used.variables.contains_key(&name) {
            let (of, default): (Type, Option<Literal>) = match self.rng.random_range(0..6) {
                0 if ty.is_non_null() => {
                    let nullable = ty.clone().nullable();
                    let default = self.constant_or(ty, 2, false);
                    (nullable, Some(default))
                }
                1 if ty.is_non_null() && has_default => (ty.clone().nullable(), None),
                2 => (ty.clone().non_null(), None),
                3 => {
                    let default = self.constant_or(ty, 2, false);
                    (ty.clone(), Some(default))
                }
                _ => (ty.clone(), None),
            };
            let optional = !of.is_non_null() || default.is_some();
            let value = if optional && self.chance(0.3) { None } else { Some(self.value(&of, 3)) };
            // Null where it is not allowed is an error of execution here, not of the request.
            self.used.variables.insert(name.clone(), (of.to_string(), default, value));
        }
        Literal::Variable(name)
    }

    /// A JSON value that is valid for the type most of the time.
    pub(crate) fn value(&mut self, ty: &Type, depth: usize) -> Value {
        if self.chance(0.02) {
            let odd = [
                json!(null),
                json!(1.5),
                json!("x"),
                json!([]),
                json!({}),
                json!(true),
                json!([[1]]),
                json!({"x": 1}),
                json!(2_147_483_648_i64),
            ];
            return odd.choose(&mut self.rng).cloned().unwrap_or_default();
        }
        if !ty.is_non_null() && self.chance(0.15) {
            return Value::Null;
        }
        if ty.is_list() {
            let item = ty.item_type().clone();
            if self.chance(0.2) {
                let item = item.non_null();
                return self.value(&item, depth.saturating_sub(1));
            }
            let count = self.rng.random_range(0..3);
            return (0..count).map(|_| self.value(&item, depth.saturating_sub(1))).collect();
        }
        let schema = self.scope.schema;
        let named = ty.inner_named_type();
        match schema.types.get(named) {
            Some(ExtendedType::Enum(of)) => {
                let values: Vec<_> = of.values.keys().collect();
                values.choose(&mut self.rng).map_or(Value::Null, |value| json!(value.as_str()))
            }
            Some(ExtendedType::InputObject(of)) => {
                let one_of = of.directives.get("oneOf").is_some();
                let chosen = self.rng.random_range(0..of.fields.len());
                let mut fields = Map::new();
                for (index, (name, definition)) in of.fields.iter().enumerate() {
                    let required = definition.ty.is_non_null() && definition.default_value.is_none();
                    if if one_of { index == chosen } else { required || (depth > 0 && self.chance(0.4)) } {
                        let ty = if one_of {
                            definition.ty.as_ref().clone().non_null()
                        } else {
                            definition.ty.as_ref().clone()
                        };
                        let value = self.value(&ty, depth.saturating_sub(1));
                        fields.insert(name.to_string(), value);
                    }
                }
                Value::Object(fields)
            }
            _ => {
                let choices = match named.as_str() {
                    "Int" => vec![json!(0), json!(1), json!(-7), json!(2_147_483_647), json!(10.0)],
                    "Float" => vec![json!(0), json!(1.5), json!(-2), json!(1e30), json!(9_007_199_254_740_993_i64)],
                    "Boolean" => vec![json!(true), json!(false)],
                    "ID" => vec![json!("x"), json!(""), json!(7), json!(9_007_199_254_740_993_i64), json!("\u{1f600}")],
                    _ => vec![json!("x"), json!(""), json!("a\"\\\n\u{0}"), json!("\u{2028}\u{1f600}")],
                };
                choices.choose(&mut self.rng).cloned().unwrap_or_default()
            }
        }
    }
}

fn name(text: &str) -> apollo_compiler::Name {
    apollo_compiler::Name::new(text).expect("a name")
}
