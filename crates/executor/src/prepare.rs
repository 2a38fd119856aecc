//! Everything that comes before a request's execution: the guard, the request layer, and the documents that came before.

use std::sync::Arc;

use apollo_compiler::ast::OperationType;
use async_graphql::parser::types::Field;
use async_graphql::{Name, ServerError, Value, Variables};

use crate::documents::{Document, Documents, Fixed};
use crate::error::ErrorCode;
use crate::guard::{Guard, GuardError, GuardLimits};
use crate::request::{Lowered, Operation, RequestSchema, Scalars, introspect};

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
    /// Only subscribe.
    SubscriptionsOnly,
    /// Read, write and subscribe. The caller handles subscriptions separately.
    Any,
}

impl Methods {
    /// Refuses what the request may not do.
    fn allow(self, kind: OperationType) -> Result<(), Vec<ServerError>> {
        let (code, message) = match (self, kind) {
            (Self::Any, _)
            | (Self::QueriesOnly | Self::All, OperationType::Query)
            | (Self::All, OperationType::Mutation)
            | (Self::SubscriptionsOnly, OperationType::Subscription) => return Ok(()),
            (Self::QueriesOnly, _) => (ErrorCode::MethodNotAllowed, "A GET request can only run a query."),
            (_, OperationType::Subscription) => {
                (ErrorCode::BadUserInput, "Subscriptions need a WebSocket, or Accept: text/event-stream.")
            }
            (Self::SubscriptionsOnly, _) => (ErrorCode::BadUserInput, "This can only be a subscription."),
        };
        let mut error = ServerError::new(message, None);
        error.extensions.get_or_insert_default().set("code", code.as_str());
        Err(vec![error])
    }
}

/// What came of reading a request: all that its execution needs.
pub(crate) struct Prepared {
    pub(crate) lowered: Lowered,
    pub(crate) kind: OperationType,
    pub(crate) cost: u64,
}

/// What requests are held against before they are executed.
pub(crate) struct Preparation {
    requests: RequestSchema,
    documents: Documents,
    guard: Guard,
}

impl Preparation {
    /// Learns the schema from its definition language.
    pub(crate) fn new(sdl: &str, scalars: Scalars, limits: GuardLimits) -> Result<Self, GuardError> {
        let guard = Guard::new(limits, sdl)?;
        let requests = RequestSchema::new(sdl, scalars).map_err(GuardError::not_parsed)?;
        // Suggestions would tell what introspection may not.
        let requests = if guard.limits().introspection { requests } else { requests.without_suggestions() };
        Ok(Self { requests, documents: Documents::default(), guard })
    }

    /// The values of the root fields that ask for the schema.
    pub(crate) fn introspect(&self, lowered: &Lowered) -> Vec<(Name, Value)> {
        let fields = lowered.introspection.iter();
        let value = |field: &Field| Some((field.response_key().node.clone(), introspect(&self.requests, field)?));
        fields.filter_map(value).collect()
    }

    /// Checks what several requests cost together.
    pub(crate) fn check_cost(&self, total: u64) -> Result<(), GuardError> {
        self.guard.check_cost(total)
    }

    /// Takes a request through everything that comes before its execution.
    pub(crate) fn prepare(&self, request: &GraphQlRequest, methods: Methods) -> Result<Prepared, Vec<ServerError>> {
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
