//! The engine: the schema, and what executes requests for it.

use std::fmt;
use std::sync::Arc;

use async_graphql::{Data, Response};
use tenantry_domain::typeid;
use tenantry_executor::guard::{GuardError, GuardLimits};
use tenantry_executor::scalar::scalars;
use tenantry_executor::{Caller, Executor, GraphQlRequest, Methods, ScalarRule};
use tenantry_service::Service;
use tenantry_service::live::Live;
use tenantry_service::payment::PaymentPortal;

use crate::billing::OptionalPortal;
use crate::issuer::{OptionalIssuer, TokenIssuer};
use crate::live::SubscriptionRoot;
use crate::organization::OwnOrganizations;
use crate::schema::{Mutation, Query, builder, sdl};

/// How the engine behaves.
#[derive(Clone, Default)]
pub struct EngineOptions {
    /// What a document may ask for.
    pub guard: GuardLimits,
    /// Makes tokens for callers who switch to another organization. Without it they are told to ask elsewhere.
    pub issuer: Option<Arc<dyn TokenIssuer>>,
    /// Leads owners to the payment provider. Without it they are told that there is none.
    pub portal: Option<Arc<dyn PaymentPortal>>,
    /// Sends changes to subscribers. Without it there are no subscriptions.
    pub live: Option<Live>,
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
        options.field("portal", &self.portal.is_some()).field("live", &self.live.is_some()).finish()
    }
}

/// An id, for messages.
const EXAMPLE_ID: &str = "client_01h455vb4pex5vsknk084sn02q";

/// How an id is checked: its form. Of which kind it must be, the field knows.
const ID_RULE: ScalarRule = ScalarRule {
    example: EXAMPLE_ID,
    check: |text| match typeid::split(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error}. An id looks like {EXAMPLE_ID}.")),
    },
};

/// The schema with all that it needs to run.
pub struct Engine {
    executor: Executor<Query, Mutation, SubscriptionRoot>,
    service: Service,
    live: Option<Live>,
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
        let schema = builder().data(service.clone()).data(OptionalIssuer(options.issuer));
        let schema = schema.data(OptionalPortal(options.portal));
        let store = service.store().clone();
        let executor = Executor::new(schema, &sdl(), scalars(ID_RULE), options.guard, store)?;
        Ok(Self { executor, service, live: options.live })
    }

    /// The use cases.
    pub fn service(&self) -> &Service {
        &self.service
    }

    pub(crate) fn executor(&self) -> &Executor<Query, Mutation, SubscriptionRoot> {
        &self.executor
    }

    /// Sends changes to subscribers; `None` if the server offers no subscriptions.
    pub fn live_feed(&self) -> Option<&Live> {
        self.live.as_ref()
    }

    /// Runs a request: see [`Executor::execute`].
    pub async fn execute(&self, caller: Caller, request: GraphQlRequest, methods: Methods) -> Response {
        self.executor.execute(caller, request, methods, request_data()).await
    }

    /// Whether the request is a mutation: see [`Executor::is_mutation`].
    pub fn is_mutation(&self, request: &GraphQlRequest) -> bool {
        self.executor.is_mutation(request)
    }

    /// Runs several requests of one caller: see [`Executor::execute_batch`].
    pub async fn execute_batch(
        &self,
        caller: &Caller,
        requests: Vec<(usize, GraphQlRequest)>,
        methods: Methods,
    ) -> Vec<Response> {
        self.executor.execute_batch(caller, requests, methods, request_data).await
    }
}

/// What resolvers find for one request.
pub(crate) fn request_data() -> Data {
    let mut data = Data::default();
    data.insert(OwnOrganizations::default());
    data
}
