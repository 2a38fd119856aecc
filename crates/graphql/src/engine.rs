//! Runs a request: the request layer and the guard first, then the execution, then the answer in the order of the query.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ast::OperationType;
use async_graphql::indexmap::IndexMap;
use async_graphql::{Name, Request, Response, ServerError, ValidationMode, Value, Variables};
use futures_util::FutureExt as _;
use tenantry_service::Service;
use tenantry_service::payment::PaymentPortal;

use crate::batch::{Reads, drive};
use crate::billing::OptionalPortal;
use crate::caller::Caller;
use crate::documents::{Document, Documents, Fixed};
use crate::error::{ErrorCode, error_response, finish};
use crate::guard::{Guard, GuardError, GuardLimits};
use crate::issuer::{OptionalIssuer, TokenIssuer};
use crate::organization::OwnOrganizations;
use crate::request::{Lowered, Operation, RequestSchema, resolve_errors};
use crate::scalar::scalars;
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

impl Methods {
    /// Refuses what the request may not do.
    fn allow(self, kind: OperationType) -> Result<(), Vec<ServerError>> {
        if self == Self::All || kind == OperationType::Query {
            return Ok(());
        }
        let mut error = ServerError::new("A GET request can only run a query.", None);
        error.extensions.get_or_insert_default().set("code", ErrorCode::MethodNotAllowed.as_str());
        Err(vec![error])
    }
}

/// How much longer than its time a mutation may take before it is cut off. By then its parts have given up by themselves; what
/// is left is a commit without an answer, which gives up within ten seconds.
const GRACE: Duration = Duration::from_secs(15);

/// The schema with all that it needs to run.
pub struct Engine {
    schema: TenantrySchema,
    requests: RequestSchema,
    documents: Documents,
    guard: Guard,
    service: Service,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

/// What came of reading a request: all that its execution needs.
struct Prepared {
    lowered: Lowered,
    kind: OperationType,
    cost: u64,
}

impl Engine {
    /// The schema over these use cases.
    ///
    /// # Errors
    /// [`GuardError`] when the guard cannot read the schema, which a test rules out.
    pub fn new(service: Service, options: EngineOptions) -> Result<Self, GuardError> {
        let schema = builder().data(service.clone()).data(OptionalIssuer(options.issuer.clone()));
        // The request layer has validated what it hands over.
        let schema = schema.data(OptionalPortal(options.portal.clone())).validation_mode(ValidationMode::Fast);
        let hidden = !options.guard.introspection;
        let schema = if hidden { schema.disable_introspection().finish() } else { schema.finish() };
        let sdl = sdl();
        let guard = Guard::new(options.guard, &sdl)?;
        let requests = RequestSchema::new(&sdl, scalars()).map_err(GuardError::not_parsed)?;
        // Suggestions would tell what introspection may not.
        let requests = if hidden { requests.without_suggestions() } else { requests };
        Ok(Self { schema, requests, documents: Documents::default(), guard, service })
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Runs a request. Lists of leaves in the answer are already JSON; [`encode`](crate::encode) writes the whole.
    ///
    /// At the caller's deadline a query is refused with `TIMEOUT` as a whole. Of a mutation the field that is under way is given
    /// up and rolled back, those after it do not begin, and those before it keep their answers.
    pub async fn execute(&self, caller: Caller, request: GraphQlRequest, methods: Methods) -> Response {
        let Prepared { lowered, kind, cost } = match self.prepare(&request, methods) {
            Ok(prepared) => prepared,
            Err(mut errors) => {
                resolve_errors(&mut errors, &request.query);
                finish(&mut errors, &caller.request_id, &[]);
                return Response::from_errors(errors);
            }
        };
        let is_mutation = kind == OperationType::Mutation;
        // A query is cut off as a whole, so that its reads need no timers of their own.
        let deadline = caller.deadline.filter(|_| is_mutation);
        let reads = Arc::new(Reads::new(self.service.store().clone(), &caller, deadline));
        let mut executable = Request::new("").data(Arc::clone(&reads)).data(OwnOrganizations::default());
        executable.set_parsed_query(lowered.document);
        let limit = caller.deadline.map(|at| if is_mutation { at + GRACE } else { at });
        // A resolver that panics must not take along what the client is told of the fields before it.
        let execution = AssertUnwindSafe(drive(&reads, self.schema.execute(executable))).catch_unwind();
        let mut response = match within(limit, execution).await {
            Some(Ok(response)) => response,
            Some(Err(_)) => {
                tracing::error!(request_id = caller.request_id, "a resolver panicked");
                let message = "Something went wrong; the request id helps to find out what.";
                return cut_short(ErrorCode::Internal, message, &reads, &caller.request_id);
            }
            None => return cut_short(ErrorCode::Timeout, "The request took too long.", &reads, &caller.request_id),
        };
        put_in_order(&mut response, &lowered.roots);
        resolve_errors(&mut response.errors, &request.query);
        let committed = reads.take_committed();
        finish(&mut response.errors, &caller.request_id, &committed);
        response.extensions.insert("cost".to_owned(), Value::Number(cost.into()));
        response
    }

    /// Takes a request through everything that comes before its execution.
    fn prepare(&self, request: &GraphQlRequest, methods: Methods) -> Result<Prepared, Vec<ServerError>> {
        let GraphQlRequest { query, operation_name, variables } = request;
        let name = operation_name.as_deref();
        let (document, mut cost) = match self.documents.get(query, name) {
            Some(document) => (document, None),
            None => self.read(query, name, variables, methods).map(|(document, cost)| (document, Some(cost)))?,
        };
        let operation = Operation::choose(&document.valid, name).map_err(|error| vec![error])?;
        methods.allow(operation.kind())?;
        if let Some(fixed) = &document.fixed
            && variables.is_empty()
        {
            return Ok(Prepared { lowered: fixed.lowered.clone(), kind: operation.kind(), cost: fixed.cost });
        }
        if cost.is_none() {
            let checked = self.guard.check(&document.parsed, name, variables);
            cost = Some(checked.map_err(|refusal| vec![refusal.into_server_error()])?.cost);
        }
        let lowered = match &document.fixed {
            // Variables that the operation does not declare change nothing.
            Some(fixed) => fixed.lowered.clone(),
            None => self.requests.lower(operation, variables)?,
        };
        Ok(Prepared { lowered, kind: operation.kind(), cost: cost.unwrap_or_default() })
    }

    /// Reads a document that was not seen before, and keeps it if it is valid; gives its cost with these variables.
    fn read(
        &self,
        query: &str,
        name: Option<&str>,
        variables: &Variables,
        methods: Methods,
    ) -> Result<(Arc<Document>, u64), Vec<ServerError>> {
        let admitted = self.guard.admit(query, name, variables).map_err(|refusal| vec![refusal.into_server_error()])?;
        if let Some(kind) = admitted.operation_type {
            methods.allow(kind)?;
        }
        let valid = self.requests.validate(&admitted.document)?;
        let operation = Operation::choose(&valid, name).map_err(|error| vec![error])?;
        let fixed = if operation.has_variables() {
            None
        } else {
            let lowered = self.requests.lower(operation, &Variables::default())?;
            Some(Fixed { lowered, cost: admitted.cost })
        };
        let document = Arc::new(Document { parsed: admitted.document, valid, fixed });
        self.documents.keep(query, name, Arc::clone(&document));
        Ok((document, admitted.cost))
    }
}

/// The outcome of `work`; `None` if it is not there in time.
async fn within<T>(limit: Option<tokio::time::Instant>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(work.await),
        Some(limit) => tokio::time::timeout_at(limit, work).await.ok(),
    }
}

/// The answer to a request that ends as a whole. What was under way is dropped, which rolls it back.
fn cut_short(code: ErrorCode, message: &str, reads: &Reads, request_id: &str) -> Response {
    let committed = reads.take_committed();
    let mut response = error_response(code, message, request_id);
    if let (false, [error, ..]) = (committed.is_empty(), response.errors.as_mut_slice()) {
        error.message = format!("{message} These fields were carried out: {}.", committed.join(", "));
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("committed", Value::List(committed.into_iter().map(Value::String).collect()));
    }
    response
}

/// Puts the root fields in the order of the query. One that is missing failed, and is null: all root fields may be.
fn put_in_order(response: &mut Response, roots: &[Name]) {
    // An error without a path is of the request as a whole: nothing was executed.
    if response.errors.iter().any(|error| error.path.is_empty()) {
        response.data = Value::Null;
        return;
    }
    let mut data = match std::mem::take(&mut response.data) {
        Value::Object(data) => data,
        _ => IndexMap::new(),
    };
    let ordered = roots.iter().map(|key| (key.clone(), data.swap_remove(key).unwrap_or_default()));
    response.data = Value::Object(ordered.collect());
}
