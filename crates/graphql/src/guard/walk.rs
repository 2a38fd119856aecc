//! The memoised pass: measures each selection set from its parts, and each fragment once per operation, however often
//! it is spread. Work and memory are linear in the document.

use std::collections::HashMap;

use async_graphql::{
    Pos, Positioned,
    parser::types::{
        Directive, ExecutableDocument, Field, FragmentSpread, InlineFragment, OperationDefinition, OperationType,
        Selection, SelectionSet,
    },
};

use async_graphql_value::Value;

use super::{
    GuardError, GuardErrorKind as Kind, GuardLimits,
    shape::Shape,
    table::{FieldInfo, Quantity, Table, TypeId},
    values::Bindings,
};

/// How many argument values cost as much as one field: the executor parses them anew for every row.
const VALUES_PER_FIELD: u64 = 10;

/// The pass over one operation.
pub(super) struct Walk<'a> {
    pub(super) table: &'a Table,
    pub(super) limits: &'a GuardLimits,
    pub(super) document: &'a ExecutableDocument,
    pub(super) bindings: Bindings<'a>,
    /// Fragments measured (`Some`) or being measured (`None`).
    pub(super) fragments: HashMap<&'a str, Option<Shape>>,
}

impl<'a> Walk<'a> {
    /// Measures an operation.
    pub(super) fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Shape, GuardError> {
        let root = match operation.ty {
            OperationType::Query => self.table.query,
            OperationType::Mutation => self.table.mutation,
            OperationType::Subscription => self.table.subscription,
        };
        let mut shape = self.selection_set(root, &operation.selection_set.node, 1)?;
        for size in self.bindings.default_sizes() {
            shape.values = shape.values.saturating_add(size.values);
            shape.input_depth = shape.input_depth.max(size.depth);
        }
        for variable in &operation.variable_definitions {
            shape = shape.beside(self.directives(&variable.node.directives));
        }
        Ok(shape.beside(self.directives(&operation.directives)))
    }

    /// Measures a fragment definition, `nesting` selection sets below the root.
    pub(super) fn fragment(&mut self, name: &'a str, nesting: u64, at: Pos) -> Result<Option<Shape>, GuardError> {
        let Some((_, fragment)) = self.document.fragments.get_key_value(name) else { return Ok(None) };
        match self.fragments.get(name) {
            Some(None) => return Err(GuardError::cycle(name, at)),
            Some(Some(shape)) => return Ok(Some(*shape)),
            None => {}
        }
        self.fragments.insert(name, None);
        let condition = fragment.node.type_condition.node.on.node.as_str();
        let on = self.table.type_named(condition);
        let mut shape = self.selection_set(on, &fragment.node.selection_set.node, nesting)?;
        shape.unknown = shape.unknown.saturating_add(u64::from(on.is_none()));
        shape = shape.beside(self.directives(&fragment.node.directives));
        self.fragments.insert(name, Some(shape));
        Ok(Some(shape))
    }

    fn selection_set(&mut self, on: Option<TypeId>, set: &'a SelectionSet, nesting: u64) -> Result<Shape, GuardError> {
        // The rest of the pass sums up and checks at the end; this bound also protects the pass's own stack.
        if nesting > self.limits.max_nesting {
            return Err(GuardError::exceeded(Kind::Nesting, self.limits.max_nesting, nesting));
        }
        let mut shape = Shape::default();
        for selection in &set.items {
            shape = shape.beside(self.directives(selection.node.directives()));
            shape = shape.beside(match &selection.node {
                Selection::Field(field) => self.field(on, field, nesting)?,
                Selection::FragmentSpread(spread) => self.spread(spread, nesting)?,
                Selection::InlineFragment(inline) => self.inline(on, &inline.node, nesting)?,
            });
        }
        Ok(shape.into_set())
    }

    fn spread(&mut self, spread: &'a Positioned<FragmentSpread>, nesting: u64) -> Result<Shape, GuardError> {
        let name = spread.node.fragment_name.node.as_str();
        Ok(match self.fragment(name, nesting + 1, spread.pos)? {
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
        let condition = inline.type_condition.as_ref().map(|condition| condition.node.on.node.as_str());
        let on = condition.map_or(parent, |name| self.table.type_named(name));
        let mut shape = self.selection_set(on, &inline.selection_set.node, nesting + 1)?;
        shape.unknown = shape.unknown.saturating_add(u64::from(condition.is_some() && on.is_none()));
        Ok(shape.into_spread())
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Shape {
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        self.arguments(arguments.map(|(_, value)| &value.node))
    }

    fn arguments<'v>(&self, values: impl Iterator<Item = &'v Value>) -> Shape {
        let mut shape = Shape::default();
        for size in values.map(|value| self.bindings.size(value)) {
            shape.values = shape.values.saturating_add(size.values);
            shape.input_depth = shape.input_depth.max(size.depth);
        }
        shape
    }

    fn field(
        &mut self,
        parent: Option<TypeId>,
        field: &'a Positioned<Field>,
        nesting: u64,
    ) -> Result<Shape, GuardError> {
        let (at, field) = (field.pos, &field.node);
        let name = field.name.node.as_str();
        if !self.limits.introspection && matches!(name, "__schema" | "__type") {
            return Err(GuardError::introspection_off(at));
        }
        let table = self.table;
        let info = parent.and_then(|parent| table.field(parent, name));
        let children = if field.selection_set.node.items.is_empty() {
            Shape::default()
        } else {
            self.selection_set(info.and_then(|info| info.returns), &field.selection_set.node, nesting + 1)?
        };
        let arguments = self.arguments(field.arguments.iter().map(|(_, value)| &value.node));

        let mut shape = Shape {
            fields: 1,
            flattened: 1,
            depth: children.depth.saturating_add(1),
            values: children.values.saturating_add(arguments.values),
            input_depth: children.input_depth.max(arguments.input_depth),
            ..children
        };
        let is_mutation = parent.is_some() && parent == self.table.mutation;
        let base =
            if is_mutation { self.limits.mutation_cost } else { 1 }.saturating_add(arguments.values / VALUES_PER_FIELD);
        (shape.flat, shape.per_item) = self.cost(base, info, field, &children).map_err(|error| error.at(at))?;

        match info {
            Some(info) => {
                let unknown = field.arguments.iter().filter(|(name, _)| !info.arguments.contains(name.node.as_str()));
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
            Quantity::Some => self.limits.list_size,
            Quantity::OwnPage => page,
            Quantity::PerId => field.get_argument("ids").map_or(0, |ids| self.bindings.length(&ids.node)),
        };
        Ok((base.saturating_add(once.saturating_mul(times)), 0))
    }

    /// The larger of `first` and `last`, else what the schema or the settings give when both are absent.
    fn page_size(&self, info: Option<&FieldInfo>, field: &Field) -> Result<u64, GuardError> {
        let mut page = None;
        for argument in ["first", "last"].iter().filter_map(|name| field.get_argument(name)) {
            page = page.max(self.bindings.page_size(&argument.node, self.limits)?);
        }
        let default = info.and_then(|info| info.default_page).unwrap_or(self.limits.default_page_size);
        Ok(page.unwrap_or(default))
    }
}
