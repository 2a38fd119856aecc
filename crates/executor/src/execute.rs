//! Runs a request: what comes before it, then the execution, then the answer in the order of the query.

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use apollo_compiler::ast::OperationType;
use async_graphql::indexmap::IndexMap;
use async_graphql::{
    Data, EmptySubscription, Name, ObjectType, Request, Response, Schema, SchemaBuilder, ValidationMode, Value,
};
use futures_util::FutureExt as _;
use tenantry_store::Store;
use tracing::Instrument as _;

use crate::caller::Caller;
use crate::dataloader::{Reads, drive};
use crate::error::{ErrorCode, error_response, finish};
use crate::guard::{GuardError, GuardLimits};
use crate::mutation::MutationRoot;
use crate::prepare::{GraphQlRequest, Methods, Preparation, Prepared};
use crate::request::{Scalars, resolve_errors};

/// How much longer than its time a mutation may take before it is cut off. By then its parts have given up by themselves; what
/// is left is a commit without an answer, which gives up within ten seconds.
const GRACE: Duration = Duration::from_secs(15);

/// A schema with all that it needs to run requests.
pub struct Executor<Q, M> {
    schema: Schema<Q, MutationRoot<M>, EmptySubscription>,
    preparation: Preparation,
    store: Store,
}

impl<Q, M> fmt::Debug for Executor<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
}

impl<Q: ObjectType + 'static, M: ObjectType + 'static> Executor<Q, M> {
    /// A schema, whose text in the schema definition language is `sdl`, over the rows of this store.
    ///
    /// # Errors
    /// [`GuardError`] when the text is no valid schema.
    pub fn new(
        schema: SchemaBuilder<Q, MutationRoot<M>, EmptySubscription>,
        sdl: &str,
        scalars: Scalars,
        limits: GuardLimits,
        store: Store,
    ) -> Result<Self, GuardError> {
        // The request layer has validated what it hands over.
        let schema = schema.validation_mode(ValidationMode::Fast);
        let schema = if limits.introspection { schema } else { schema.disable_introspection() };
        let preparation = Preparation::new(sdl, scalars, limits)?;
        Ok(Self { schema: schema.finish(), preparation, store })
    }

    /// Runs a request; `data` is what its resolvers find beside that of the schema. Lists of leaves in the answer are already
    /// JSON; [`encode`](crate::encode) writes the whole.
    ///
    /// At the caller's deadline a query is refused with `TIMEOUT` as a whole. Of a mutation the field that is under way is given
    /// up and rolled back, those after it do not begin, and those before it keep their answers.
    pub async fn execute(&self, caller: Caller, request: GraphQlRequest, methods: Methods, data: Data) -> Response {
        let span = tracing::debug_span!("graphql.request", request_id = caller.request_id);
        self.run(caller, request, methods, data).instrument(span).await
    }

    async fn run(&self, caller: Caller, request: GraphQlRequest, methods: Methods, data: Data) -> Response {
        let prepared = tracing::debug_span!("graphql.prepare").in_scope(|| self.preparation.prepare(&request, methods));
        let Prepared { lowered, kind, cost } = match prepared {
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
        let reads = Arc::new(Reads::new(self.store.clone(), &caller, deadline));
        let mut executable = Request::new("");
        executable.data = data;
        let mut executable = executable.data(Arc::clone(&reads));
        executable.set_parsed_query(lowered.document);
        let limit = caller.deadline.map(|at| if is_mutation { at + GRACE } else { at });
        // A resolver that panics must not take along what the client is told of the fields before it.
        let execution = AssertUnwindSafe(drive(&reads, self.schema.execute(executable))).catch_unwind();
        let mut response = match within(limit, execution).await {
            Some(Ok(response)) => response,
            Some(Err(_)) => {
                tracing::error!(request_id = caller.request_id, "a resolver panicked");
                let message = "Something went wrong. Give the request id when you report it.";
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
