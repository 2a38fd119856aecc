//! Runs a request: the guard first, then the execution, then the answer in the order of the query.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, OperationType, Selection, SelectionSet, TypeKind, TypeSystemDefinition,
};
use async_graphql::{PathSegment, Request, Response, ServerError, ValidationMode, Value, Variables};
use tenantry_service::Service;
use tenantry_service::payment::PaymentPortal;

use crate::batch::{Reads, drive};
use crate::billing::OptionalPortal;
use crate::caller::Caller;
use crate::documents::{Document, Documents, RootField, RootFields};
use crate::error::{ErrorCode, error_response, finish};
use crate::guard::{Guard, GuardError, GuardLimits};
use crate::issuer::{OptionalIssuer, TokenIssuer};
use crate::locate::name_fields;
use crate::object::{Rendering, repeats_a_relation};
use crate::organization::OwnOrganizations;
use crate::schema::{TenantrySchema, builder, sdl};

/// How the engine behaves.
#[derive(Clone, Default)]
pub struct EngineOptions {
    /// What a document may ask for.
    pub guard: GuardLimits,
    /// Makes tokens for callers who switch to another organization. Without it they are told to ask elsewhere.
    pub issuer: Option<Arc<dyn TokenIssuer>>,
    /// Leads owners to the payment provider. Without it they are told that there is none.
    pub portal: Option<Arc<dyn PaymentPortal>>,
}

impl EngineOptions {
    /// These limits, and nothing else that can be left out.
    pub fn new(guard: GuardLimits) -> Self {
        Self { guard, ..Self::default() }
    }
}

impl fmt::Debug for EngineOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &mut f.debug_struct("EngineOptions");
        options.field("guard", &self.guard).field("issuer", &self.issuer.is_some());
        options.field("portal", &self.portal.is_some()).finish()
    }
}

/// A request as it came in.
#[derive(Debug, Default)]
pub struct GraphQlRequest {
    /// The document.
    pub query: String,
    /// Which of its operations to run.
    pub operation_name: Option<String>,
    /// The values of its variables.
    pub variables: Variables,
}

/// What a request may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Methods {
    /// Only read: the request came by GET.
    QueriesOnly,
    /// Read and write.
    All,
}

/// The schema with all that it needs to run.
pub struct Engine {
    /// Validates in full.
    strict: TenantrySchema,
    /// Leaves out what was found right before.
    lenient: TenantrySchema,
    documents: Documents,
    guard: Guard,
    service: Service,
    /// The root fields that may be null: the name of the root type, and that of the field.
    nullable: HashSet<(&'static str, String)>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    /// The schema over these use cases.
    ///
    /// # Errors
    /// [`GuardError`] when the guard cannot read the schema, which a test rules out.
    pub fn new(service: Service, options: EngineOptions) -> Result<Self, GuardError> {
        let schema = |mode| {
            let schema = builder().data(service.clone()).data(OptionalIssuer(options.issuer.clone()));
            let schema = schema.data(OptionalPortal(options.portal.clone())).validation_mode(mode);
            // Suggestions would tell what introspection may not.
            let hidden = !options.guard.introspection;
            if hidden { schema.disable_introspection().disable_suggestions().finish() } else { schema.finish() }
        };
        let (strict, lenient) = (schema(ValidationMode::Strict), schema(ValidationMode::Fast));
        let sdl = sdl();
        let nullable = nullable_root_fields(&sdl);
        let guard = Guard::new(options.guard, &sdl)?;
        Ok(Self { strict, lenient, documents: Documents::default(), guard, service, nullable })
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Runs a request. Lists of leaves in the answer are already JSON; [`encode`](crate::encode) writes the whole.
    pub async fn execute(&self, caller: Caller, request: GraphQlRequest, methods: Methods) -> Response {
        let operation = request.operation_name.as_deref();
        let known = self.documents.get(&request.query, operation);
        // A document that was right before is right again, as long as no variables are given that may not fit.
        let was_right = request.variables.is_empty() && known.as_ref().is_some_and(|known| known.plain_cost.is_some());
        // One that was right with variables is read once more when it comes without any.
        let known = known.filter(|known| !request.variables.is_empty() || known.plain_cost.is_some());
        let is_new = known.is_none();
        let read = match known {
            Some(known) => self.cost_of(&known, operation, &request.variables).map(|cost| (known, cost)),
            None => self.read(&request.query, operation, &request.variables),
        };
        let (document, cost) = match read {
            Ok(read) => read,
            Err(refusal) => {
                let mut errors = vec![refusal.into_server_error()];
                finish(&mut errors, &caller.request_id);
                return Response::from_errors(errors);
            }
        };
        if methods == Methods::QueriesOnly && document.operation_type != Some(OperationType::Query) {
            let message = "A GET request can only run a query.";
            return error_response(ErrorCode::MethodNotAllowed, message, &caller.request_id);
        }
        let reads = Arc::new(Reads::new(self.service.store().clone(), &caller));
        // Kept for the case that an input is refused; most requests bring few variables.
        let variables = request.variables.clone();
        let schema = if was_right { &self.lenient } else { &self.strict };
        let mut prepared = Request::new("").variables(request.variables).data(Arc::clone(&reads));
        prepared = prepared.data(document.rendering).data(OwnOrganizations::default());
        prepared.operation_name.clone_from(&request.operation_name);
        prepared.set_parsed_query(document.parsed.clone());
        let mut response = drive(&reads, schema.execute(prepared)).await;
        // An error without a path is of the document.
        if is_new && response.errors.iter().all(|error| !error.path.is_empty()) {
            self.documents.keep(&request.query, operation, Arc::clone(&document));
        }
        self.put_in_order(&mut response, document.root.as_ref());
        name_fields(&mut response.errors, &request.query, &variables);
        finish(&mut response.errors, &caller.request_id);
        response.extensions.insert("cost".to_owned(), Value::Number(cost.into()));
        response
    }

    /// Reads a document that was not seen before; gives its cost with these variables.
    fn read(
        &self,
        query: &str,
        operation: Option<&str>,
        variables: &Variables,
    ) -> Result<(Arc<Document>, u64), GuardError> {
        let admitted = self.guard.admit(query, operation, variables)?;
        let rendering = if repeats_a_relation(&admitted.document) { Rendering::Values } else { Rendering::Bytes };
        let root = root_fields(&admitted.document, operation);
        let document = Document {
            operation_type: admitted.operation_type,
            root,
            rendering,
            plain_cost: variables.is_empty().then_some(admitted.cost),
            parsed: admitted.document,
        };
        Ok((Arc::new(document), admitted.cost))
    }

    /// What a known document costs with these variables.
    fn cost_of(&self, known: &Document, operation: Option<&str>, variables: &Variables) -> Result<u64, GuardError> {
        if let Some(cost) = known.plain_cost.filter(|_| variables.is_empty()) {
            return Ok(cost);
        }
        self.guard.check(&known.parsed, operation, variables).map(|found| found.cost)
    }

    /// Puts the root fields in the order of the query. One that is missing failed: it is null, or, when it may not be null,
    /// there is no data at all.
    fn put_in_order(&self, response: &mut Response, order: Option<&RootFields>) {
        let (Some((kind, order)), Value::Object(data)) = (order, &mut response.data) else { return };
        let failed = |key: &str| {
            let at =
                |error: &ServerError| matches!(error.path.first(), Some(PathSegment::Field(field)) if field == key);
            response.errors.iter().any(at)
        };
        let type_name = if *kind == OperationType::Mutation { "Mutation" } else { "Query" };
        let mut ordered = IndexMap::with_capacity(data.len());
        for RootField { key, field, is_conditional } in order {
            if let Some((key, value)) = data.swap_remove_entry(key.as_str()) {
                ordered.insert(key, value);
            } else if ordered.contains_key(key.as_str()) || (*is_conditional && !failed(key)) {
                // Selected twice and merged already, or left out by a directive.
            } else if self.nullable.contains(&(type_name, field.clone())) {
                ordered.insert(async_graphql::Name::new(key), Value::Null);
            } else {
                response.data = Value::Null;
                return;
            }
        }
        ordered.append(data);
        *data = ordered;
    }
}

/// The root fields that the schema lets be null.
fn nullable_root_fields(sdl: &str) -> HashSet<(&'static str, String)> {
    // The text is the schema's own; if it did not parse, the guard would say so.
    let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_default();
    let mut nullable = HashSet::new();
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let root = match definition.node.name.node.as_str() {
            "Query" => "Query",
            "Mutation" => "Mutation",
            _ => continue,
        };
        if let TypeKind::Object(object) = definition.node.kind {
            let fields = object.fields.into_iter().filter(|field| field.node.ty.node.nullable);
            nullable.extend(fields.map(|field| (root, field.node.name.node.to_string())));
        }
    }
    nullable
}

/// An operation's root fields, in order; `None` when the document does not say which operation
/// runs.
fn root_fields(document: &ExecutableDocument, operation: Option<&str>) -> Option<RootFields> {
    let mut operations = document.operations.iter();
    let chosen: &OperationDefinition = match operation {
        Some(name) => &operations.find(|(found, _)| found.is_some_and(|found| found == name))?.1.node,
        None => &operations.next()?.1.node,
    };
    let mut fields = Vec::new();
    collect(document, &chosen.selection_set.node, false, &mut fields);
    Some((chosen.ty, fields))
}

fn collect(document: &ExecutableDocument, selection: &SelectionSet, conditional: bool, fields: &mut Vec<RootField>) {
    // The guard bounds the selections and refuses circles.
    for item in &selection.items {
        let conditional = conditional || !item.node.directives().is_empty();
        match &item.node {
            Selection::Field(field) => fields.push(RootField {
                key: field.node.response_key().node.to_string(),
                field: field.node.name.node.to_string(),
                is_conditional: conditional,
            }),
            Selection::InlineFragment(fragment) => {
                collect(document, &fragment.node.selection_set.node, conditional, fields);
            }
            Selection::FragmentSpread(spread) => {
                if let Some(fragment) = document.fragments.get(&spread.node.fragment_name.node) {
                    collect(document, &fragment.node.selection_set.node, conditional, fields);
                }
            }
        }
    }
}
