//! The memoised pass: measures each selection set from its parts, and each fragment once per operation, however often
//! it is spread. Work and memory are linear in the document.

use std::collections::HashMap;

use apollo_compiler::ast::{
    DirectiveList, Field, FragmentSpread, InlineFragment, OperationDefinition, OperationType, Selection, Value,
};
use apollo_compiler::{Name, Node};
use async_graphql::Pos;

use crate::request::position_of;

use super::{
    GuardError, GuardErrorKind as Kind, GuardLimits,
    document::Parts,
    shape::Shape,
    table::{FieldInfo, Quantity, Table, TypeId},
    values::{Bindings, Size},
};

/// How many argument values cost as much as one field: the executor parses them anew for every row.
const VALUES_PER_FIELD: u64 = 10;

/// The length that a list under `__schema` or `__type` is taken to have. With it the standard introspection query is within the
/// default limit, and one that asks for the same again and again is not.
const INTROSPECTION_LIST: u64 = 8;

/// The pass over one operation.
pub(super) struct Walk<'a> {
    pub(super) table: &'a Table,
    pub(super) limits: &'a GuardLimits,
    pub(super) parts: &'a Parts<'a>,
    pub(super) bindings: Bindings<'a>,
    /// Fragments measured (`Some`) or being measured (`None`).
    pub(super) fragments: HashMap<&'a str, Option<Shape>>,
}

impl<'a> Walk<'a> {
    /// Measures an operation.
    pub(super) fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Shape, GuardError> {
        let root = match operation.operation_type {
            OperationType::Query => self.table.query,
            OperationType::Mutation => self.table.mutation,
            OperationType::Subscription => self.table.subscription,
        };
        let mut shape = self.selection_set(root, &operation.selection_set, 1)?;
        for size in self.bindings.default_sizes() {
            shape.values = shape.values.saturating_add(size.values);
            shape.input_depth = shape.input_depth.max(size.depth);
        }
        for variable in &operation.variables {
            shape = shape.beside(self.directives(&variable.directives));
        }
        Ok(shape.beside(self.directives(&operation.directives)))
    }

    /// Measures a fragment definition, `nesting` selection sets below the root.
    pub(super) fn fragment(&mut self, name: &'a str, nesting: u64, at: Pos) -> Result<Option<Shape>, GuardError> {
        let Some(fragment) = self.parts.fragments.get(name).copied() else { return Ok(None) };
        match self.fragments.get(name) {
            Some(None) => return Err(GuardError::cycle(name, at)),
            Some(Some(shape)) => return Ok(Some(*shape)),
            None => {}
        }
        self.fragments.insert(name, None);
        let on = self.table.type_named(fragment.type_condition.as_str());
        let mut shape = self.selection_set(on, &fragment.selection_set, nesting)?;
        shape.unknown = shape.unknown.saturating_add(u64::from(on.is_none()));
        shape = shape.beside(self.directives(&fragment.directives));
        self.fragments.insert(name, Some(shape));
        Ok(Some(shape))
    }

    fn selection_set(&mut self, on: Option<TypeId>, set: &'a [Selection], nesting: u64) -> Result<Shape, GuardError> {
        // The rest of the pass sums up and checks at the end; this bound also protects the pass's own stack.
        if nesting > self.limits.max_nesting {
            return Err(GuardError::exceeded(Kind::Nesting, self.limits.max_nesting, nesting));
        }
        let mut shape = Shape::default();
        for selection in set {
            let (directives, measured) = match selection {
                Selection::Field(field) => (&field.directives, self.field(on, field, nesting)?),
                Selection::FragmentSpread(spread) => (&spread.directives, self.spread(spread, nesting)?),
                Selection::InlineFragment(inline) => (&inline.directives, self.inline(on, inline, nesting)?),
            };
            shape = shape.beside(self.directives(directives)).beside(measured);
        }
        Ok(shape.into_set())
    }

    fn spread(&mut self, spread: &'a Node<FragmentSpread>, nesting: u64) -> Result<Shape, GuardError> {
        Ok(match self.fragment(spread.fragment_name.as_str(), nesting + 1, position_of(spread))? {
            Some(shape) => shape.into_spread(),
            None => Shape { unknown: 1, ..Shape::default() }.into_spread(),
        })
    }

    fn inline(
        &mut self,
        parent: Option<TypeId>,
        inline: &'a InlineFragment,
        nesting: u64,
    ) -> Result<Shape, GuardError> {
        let condition = inline.type_condition.as_ref().map(Name::as_str);
        let on = condition.map_or(parent, |name| self.table.type_named(name));
        let mut shape = self.selection_set(on, &inline.selection_set, nesting + 1)?;
        shape.unknown = shape.unknown.saturating_add(u64::from(condition.is_some() && on.is_none()));
        Ok(shape.into_spread())
    }

    fn directives(&self, directives: &DirectiveList) -> Shape {
        let arguments = directives.iter().flat_map(|directive| &directive.arguments);
        let size = self.arguments(arguments.map(|argument| &*argument.value));
        Shape { values: size.values, input_depth: size.depth, ..Shape::default() }
    }

    fn arguments<'v>(&self, values: impl Iterator<Item = &'v Value>) -> Size {
        values.map(|value| self.bindings.size(value)).fold(Size::default(), Size::beside)
    }

    fn field(&mut self, parent: Option<TypeId>, field: &'a Node<Field>, nesting: u64) -> Result<Shape, GuardError> {
        let at = position_of(field);
        let name = field.name.as_str();
        if !self.limits.introspection && matches!(name, "__schema" | "__type") {
            return Err(GuardError::introspection_off(at));
        }
        let table = self.table;
        let info = parent.and_then(|parent| table.field(parent, name));
        let children = if field.selection_set.is_empty() {
            Shape::default()
        } else {
            self.selection_set(info.and_then(|info| info.returns), &field.selection_set, nesting + 1)?
        };
        let arguments = self.arguments(field.arguments.iter().map(|argument| &*argument.value));
        let is_wrapper = name == "ofType" && parent.is_some() && parent == table.type_named("__Type");

        let mut shape = Shape {
            fields: 1,
            flattened: 1,
            // The wrappers of a type are no levels of an answer: tools ask for more of them than any type has.
            depth: children.depth.saturating_add(u64::from(!is_wrapper)),
            values: children.values.saturating_add(arguments.values),
            input_depth: children.input_depth.max(arguments.depth),
            ..children
        };
        let is_mutation = parent.is_some() && parent == self.table.mutation;
        // Each element is written as if it came alone.
        let elements = info.and_then(|info| self.elements(info, field)).unwrap_or(1);
        let base = if is_mutation { self.limits.mutation_cost.saturating_mul(elements) } else { 1 };
        let base = base.saturating_add(arguments.values / VALUES_PER_FIELD).saturating_add(arguments.filters);
        (shape.flat, shape.per_item) = self.cost(base, info, field, &children).map_err(|error| error.at(at))?;

        match info {
            Some(info) => {
                let arguments = field.arguments.iter();
                let unknown = arguments.filter(|argument| !info.arguments.contains(argument.name.as_str()));
                shape.unknown = shape.unknown.saturating_add(unknown.count() as u64);
                let list = u64::from(info.introspection_list);
                shape.introspection_lists = shape.introspection_lists.saturating_add(list);
                shape.introspection_depth = shape.introspection_depth.saturating_add(list);
                shape.type_lists = shape.type_lists.saturating_add(u64::from(info.leads_to_types));
            }
            // Below an unknown field nothing is known, and the validator says nothing more.
            None => shape.unknown = shape.unknown.saturating_add(u64::from(parent.is_some() && name != "__typename")),
        }
        Ok(shape)
    }

    /// The cost of a field: what is paid once, and what is paid for each item of the parent's page.
    fn cost(
        &self,
        base: u64,
        info: Option<&FieldInfo>,
        field: &Field,
        children: &Shape,
    ) -> Result<(u64, u64), GuardError> {
        let page = self.page_size(info, field)?;
        // `nodes` and `edges` of a connection are priced by the page of the field that returned it.
        let once = children.flat.saturating_add(children.per_item.saturating_mul(page));
        let times = match info.map_or(Quantity::One, |info| info.quantity) {
            Quantity::PageOfParent => return Ok((0, base.saturating_add(once))),
            Quantity::One => 1,
            Quantity::OfIntrospection => INTROSPECTION_LIST,
            Quantity::Some => self.limits.list_size,
            Quantity::OwnPage => page,
            Quantity::PerId => argument(field, "ids").map_or(0, |ids| self.bindings.length(ids)),
        };
        Ok((base.saturating_add(once.saturating_mul(times)), 0))
    }

    /// How many rows a mutation is to write; `None` if it takes one.
    fn elements(&self, info: &FieldInfo, field: &Field) -> Option<u64> {
        let list = info.elements.as_deref()?;
        Some(argument(field, "input").map_or(1, |input| self.bindings.length_of_field(input, list)).max(1))
    }

    /// The larger of `first` and `last`, else what the schema or the settings give when both are absent.
    fn page_size(&self, info: Option<&FieldInfo>, field: &Field) -> Result<u64, GuardError> {
        if let Some(elements) = info.and_then(|info| self.elements(info, field)) {
            return Ok(elements);
        }
        let mut page = None;
        for size in ["first", "last"].iter().filter_map(|name| argument(field, name)) {
            page = page.max(self.bindings.page_size(size, self.limits)?);
        }
        let default = info.and_then(|info| info.default_page).unwrap_or(self.limits.default_page_size);
        Ok(page.unwrap_or(default))
    }
}

/// The value of this argument of a field; the first where it is given twice, which validation refuses.
fn argument<'f>(field: &'f Field, name: &str) -> Option<&'f Value> {
    field.arguments.iter().find(|argument| argument.name == name).map(|argument| &*argument.value)
}
