//! Runs a request: what comes before it, then the execution, then the answer in the order of the query.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ast::OperationType;
use async_graphql::indexmap::IndexMap;
use async_graphql::{
    Data, Name, ObjectType, Request, Response, Schema, SchemaBuilder, SubscriptionType, ValidationMode, Value,
};
use futures_util::{FutureExt as _, StreamExt as _};
use tenantry_store::Store;
use tenantry_store::idempotency::Claim;
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::caller::Caller;
use crate::dataloader::{Reads, drive};
use crate::error::{ErrorCode, TOOK_TOO_LONG, WENT_WRONG, error_response, finish};
use crate::guard::{GuardError, GuardLimits};
use crate::idempotency::{self, End, Turn};
use crate::mutation::MutationRoot;
use crate::prepare::{GraphQlRequest, Methods, Preparation, Prepared};
use crate::request::{Scalars, resolve_errors};

/// How much longer than its time a mutation may take before it is cut off. By then its parts have given up by themselves; what
/// is left is a commit without an answer, which gives up within ten seconds.
const GRACE: Duration = Duration::from_secs(15);

/// A schema with all that it needs to run requests.
pub struct Executor<Q, M, S> {
    schema: Schema<Q, MutationRoot<M>, S>,
    preparation: Preparation,
    store: Store,
    /// One permit for each request that may wait for an earlier one with its key.
    waiters: Semaphore,
}

impl<Q, M, S> fmt::Debug for Executor<Q, M, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

impl<Q: ObjectType + 'static, M: ObjectType + 'static, S: SubscriptionType + 'static> Executor<Q, M, S> {
    /// A schema, whose text in the schema definition language is `sdl`, over the rows of this store.
    ///
    /// # Errors
    /// [`GuardError`] when the text is no valid schema.
    pub fn new(
        schema: SchemaBuilder<Q, MutationRoot<M>, S>,
        sdl: &str,
        scalars: Scalars,
        limits: GuardLimits,
        store: Store,
    ) -> Result<Self, GuardError> {
        // The request layer has validated what it hands over.
        let schema = schema.validation_mode(ValidationMode::Fast);
        // The request layer answers what asks for the schema.
        let schema = schema.disable_introspection();
        let preparation = Preparation::new(sdl, scalars, limits)?;
        Ok(Self { schema: schema.finish(), preparation, store, waiters: Semaphore::new(idempotency::WAITERS) })
    }

    /// Runs a request; `data` is what its resolvers find beside that of the schema. Lists of leaves in the answer are already
    /// JSON; [`encode`](crate::encode) writes the whole.
    ///
    /// At the caller's deadline a query is refused with `TIMEOUT` as a whole. Of a mutation the field that is under way is given
    /// up and rolled back, those after it do not begin, and those before it keep their answers.
    pub async fn execute(&self, caller: Caller, request: GraphQlRequest, methods: Methods, data: Data) -> Response {
        let span = tracing::debug_span!("graphql.request", request_id = caller.request_id);
        async {
            match self.prepare(&caller, &request, methods) {
                Ok(prepared) => self.run_once(&caller, &request, None, prepared, data).await,
                Err(refused) => *refused,
            }
        }
        .instrument(span)
        .await
    }

    /// Runs several requests of one caller, each with its place in the batch, one after the other, in their order; gives their answers
    /// in the same order. They share the caller's deadline, and together they may cost what one request may. `data` makes what
    /// [`execute`](Self::execute) takes, for each of them.
    pub async fn execute_batch(
        &self,
        caller: &Caller,
        requests: Vec<(usize, GraphQlRequest)>,
        methods: Methods,
        data: impl Fn() -> Data,
    ) -> Vec<Response> {
        let span = tracing::debug_span!("graphql.batch", request_id = caller.request_id, requests = requests.len());
        async {
            let prepared: Vec<_> = requests.iter().map(|(_, request)| self.prepare(caller, request, methods)).collect();
            let total = prepared.iter().flatten().fold(0_u64, |total, prepared| total.saturating_add(prepared.cost));
            if let Err(refusal) = self.preparation.check_cost(total) {
                let mut errors = vec![refusal.into_server_error()];
                finish(&mut errors, &caller.request_id, &[]);
                return requests.iter().map(|_| Response::from_errors(errors.clone())).collect();
            }
            let mut responses = Vec::with_capacity(requests.len());
            for ((place, request), prepared) in requests.iter().zip(prepared) {
                responses.push(match prepared {
                    Ok(prepared) => self.run_once(caller, request, Some(*place), prepared, data()).await,
                    Err(refused) => *refused,
                });
            }
            responses
        }
        .instrument(span)
        .await
    }

    /// Whether the request is a mutation that may be executed.
    pub fn is_mutation(&self, request: &GraphQlRequest) -> bool {
        let prepared = self.preparation.prepare(request, Methods::All);
        prepared.is_ok_and(|prepared| prepared.kind == OperationType::Mutation)
    }

    /// Whether the request is a subscription that may be executed.
    pub fn is_subscription(&self, request: &GraphQlRequest) -> bool {
        self.preparation.prepare(request, Methods::SubscriptionsOnly).is_ok()
    }

    /// Runs a subscription for one event, in a snapshot of its own. Returns the first response of the root field's stream; `None` if the stream is
    /// empty. `data` tells the resolver which event it is.
    pub async fn execute_event(&self, caller: &Caller, request: &GraphQlRequest, data: Data) -> Option<Response> {
        let span = tracing::debug_span!("graphql.event", request_id = caller.request_id);
        async {
            match self.prepare(caller, request, Methods::SubscriptionsOnly) {
                Ok(prepared) => self.run_event(caller, &request.query, prepared, data).await,
                Err(refused) => Some(*refused),
            }
        }
        .instrument(span)
        .await
    }

    async fn run_event(&self, caller: &Caller, query: &str, prepared: Prepared, data: Data) -> Option<Response> {
        if !prepared.lowered.has_fields {
            let message = "A subscription must select one field, without @skip and @include.";
            return Some(error_response(ErrorCode::BadUserInput, message, &caller.request_id));
        }
        let reads = Arc::new(Reads::new(self.store.clone(), caller, None, None));
        let mut executable = Request::new("");
        executable.data = data;
        let mut executable = executable.data(Arc::clone(&reads));
        executable.set_parsed_query(prepared.lowered.document);
        let mut events = self.schema.execute_stream(executable);
        let execution = AssertUnwindSafe(Box::pin(drive(&reads, events.next()))).catch_unwind();
        let mut response = match within(caller.deadline, execution).await {
            Some(Ok(response)) => response?,
            Some(Err(_)) => return Some(panicked(&reads, &caller.request_id).0),
            None => return Some(too_late(&reads, &caller.request_id).0),
        };
        resolve_errors(&mut response.errors, query);
        finish(&mut response.errors, &caller.request_id, &[]);
        Some(response)
    }

    /// Takes a request through everything that comes before its execution; else the answer to it.
    fn prepare(&self, caller: &Caller, request: &GraphQlRequest, methods: Methods) -> Result<Prepared, Box<Response>> {
        let span = tracing::debug_span!("graphql.prepare");
        span.in_scope(|| self.preparation.prepare(request, methods)).map_err(|mut errors| {
            resolve_errors(&mut errors, &request.query);
            finish(&mut errors, &caller.request_id, &[]);
            Box::new(Response::from_errors(errors))
        })
    }

    /// Runs a request, but not for the second time if it is a mutation with a key. `part` is its place in a batch.
    async fn run_once(
        &self,
        caller: &Caller,
        request: &GraphQlRequest,
        part: Option<usize>,
        prepared: Prepared,
        data: Data,
    ) -> Response {
        let key = caller.idempotency_key.as_ref().filter(|_| prepared.kind == OperationType::Mutation);
        let Some(key) = key else {
            return self.run(caller, &request.query, prepared, data, None).await.0;
        };
        // On the heap, because few requests have a key.
        Box::pin(self.run_keyed(key, caller, request, part, prepared, data)).await
    }

    async fn run_keyed(
        &self,
        key: &str,
        caller: &Caller,
        request: &GraphQlRequest,
        part: Option<usize>,
        prepared: Prepared,
        data: Data,
    ) -> Response {
        let keyed = idempotency::keyed(key, part, request);
        match idempotency::begin(&self.store, &self.waiters, caller, &keyed, &prepared.lowered.roots).await {
            Turn::Answered(response) => *response,
            Turn::WithoutKey => self.run(caller, &request.query, prepared, data, None).await.0,
            Turn::Ours(claim) => {
                let (response, end) = self.run(caller, &request.query, prepared, data, Some(claim)).await;
                idempotency::settle(&self.store, caller, claim, &response, end).await;
                response
            }
        }
    }

    /// Runs a request; gives the answer, and how it ended.
    async fn run(
        &self,
        caller: &Caller,
        query: &str,
        prepared: Prepared,
        data: Data,
        claim: Option<Claim>,
    ) -> (Response, End) {
        let Prepared { lowered, kind, cost } = prepared;
        let introspected = self.preparation.introspect(&lowered);
        if !lowered.has_fields {
            let mut response = Response::new(Value::Object(introspected.into_iter().collect()));
            response.extensions.insert("cost".to_owned(), Value::Number(cost.into()));
            return (response, End::default());
        }
        let is_mutation = kind == OperationType::Mutation;
        // A query is cut off as a whole, so that its reads need no timers of their own.
        let deadline = caller.deadline.filter(|_| is_mutation);
        let reads = Arc::new(Reads::new(self.store.clone(), caller, deadline, claim));
        let mut executable = Request::new("");
        executable.data = data;
        let mut executable = executable.data(Arc::clone(&reads));
        executable.set_parsed_query(lowered.document);
        let limit = caller.deadline.map(|at| if is_mutation { at + GRACE } else { at });
        // A resolver that panics must not take along what the client is told of the fields before it.
        // On the heap: it is large, and would be moved with each of the futures around it.
        let execution = Box::pin(drive(&reads, self.schema.execute(executable)));
        let execution = AssertUnwindSafe(execution).catch_unwind();
        let mut response = match within(limit, execution).await {
            Some(Ok(response)) => response,
            Some(Err(_)) => return panicked(&reads, &caller.request_id),
            None => return too_late(&reads, &caller.request_id),
        };
        if let Value::Object(data) = &mut response.data {
            data.extend(introspected);
        }
        put_in_order(&mut response, &lowered.roots);
        resolve_errors(&mut response.errors, query);
        let committed = reads.take_committed();
        let end = End { has_committed: !committed.is_empty(), has_secret: reads.has_secret() };
        finish(&mut response.errors, &caller.request_id, &committed);
        response.extensions.insert("cost".to_owned(), Value::Number(cost.into()));
        (response, end)
    }
}

/// The outcome of `work`; `None` if it is not there in time.
async fn within<T>(limit: Option<tokio::time::Instant>, work: impl Future<Output = T>) -> Option<T> {
    match limit {
        None => Some(work.await),
        Some(limit) => tokio::time::timeout_at(limit, work).await.ok(),
    }
}

/// The answer to a request in which a resolver panicked.
fn panicked(reads: &Reads, request_id: &str) -> (Response, End) {
    tracing::error!(request_id, "a resolver panicked");
    cut_short(ErrorCode::Internal, WENT_WRONG, reads, request_id)
}

/// The answer to a request whose time is up.
fn too_late(reads: &Reads, request_id: &str) -> (Response, End) {
    cut_short(ErrorCode::Timeout, TOOK_TOO_LONG, reads, request_id)
}

/// The answer to a request that ends as a whole. What was under way is dropped, which rolls it back.
fn cut_short(code: ErrorCode, message: &str, reads: &Reads, request_id: &str) -> (Response, End) {
    let committed = reads.take_committed();
    let end = End { has_committed: !committed.is_empty(), has_secret: reads.has_secret() };
    let mut response = error_response(code, message, request_id);
    if let (false, [error, ..]) = (committed.is_empty(), response.errors.as_mut_slice()) {
        error.message = format!("{message} These fields were carried out: {}.", committed.join(", "));
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("committed", Value::List(committed.into_iter().map(Value::String).collect()));
    }
    (response, end)
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
