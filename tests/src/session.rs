//! A signed-in user, and the requests they can send.

use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::server::Server;

/// Sends requests with one token. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Session {
    http: Client,
    url: String,
    token: Option<String>,
}

/// What the typed helpers select of the created object.
const CLIENT: &str = "client { id name email phone company status notes createdAt updatedAt }";
const PROJECT: &str = "project { id name kind status dueDate createdAt updatedAt client { id } workspace { id } }";
const TASK: &str = "task { id title status priority position dueAt completedAt createdAt updatedAt project { id } \
                    parent { id } assignees { id userId } }";
const INVOICE: &str = "invoice { id number status currency issueDate dueDate taxRate subtotal { amount currency } \
                       taxAmount { amount } total { amount currency } amountPaid { amount } \
                       lineItems { description quantity rate amount { amount } } client { id } project { id } \
                       createdAt updatedAt }";

impl Session {
    pub(crate) fn new(http: Client, url: String, token: Option<&str>) -> Self {
        Self { http, url, token: token.map(str::to_owned) }
    }

    /// The same session on another server.
    #[must_use]
    pub fn at(&self, server: &Server) -> Self {
        Self { url: server.url("/graphql"), ..self.clone() }
    }

    /// The token.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A POST with the token and nothing else.
    pub fn post(&self) -> RequestBuilder {
        self.authorized(self.http.post(&self.url))
    }

    /// A GET with the token and nothing else.
    pub fn get(&self) -> RequestBuilder {
        self.authorized(self.http.get(&self.url))
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.token {
            Some(token) => request.header(AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    /// Sends a request unchanged.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        Answer::read(request.send().await.expect("the server answers")).await
    }

    /// Sends a document with variables.
    pub async fn query(&self, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables });
        self.send(self.post().header(ACCEPT, "application/json").json(&body)).await
    }

    /// Opens a subscription, and gives its first event; if it is open and nothing has happened, no data and no errors.
    pub async fn subscribe(&self, document: &str, variables: Value) -> Answer {
        let body = json!({ "query": document, "variables": variables });
        let request = self.post().header(ACCEPT, "text/event-stream").json(&body);
        let mut response = request.send().await.expect("the server answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let begin = response.chunk().await.expect("an event").unwrap_or_default();
        let text = String::from_utf8_lossy(&begin).into_owned();
        let data = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or("{}");
        Answer { status, headers, json: serde_json::from_str(data).unwrap_or_default(), text: data.to_owned() }
    }

    /// The data of a document that must succeed.
    pub async fn data(&self, document: &str) -> Value {
        self.query(document, json!({})).await.expect_data().clone()
    }

    /// Sends one mutation that takes `input`; `selection` is the selection on its payload in addition to `userErrors`.
    pub async fn mutate(&self, name: &str, input: Value, selection: &str) -> Answer {
        self.send(self.mutation(name, &input, selection)).await
    }

    /// What [`mutate`](Self::mutate) sends.
    pub fn mutation(&self, name: &str, input: &Value, selection: &str) -> RequestBuilder {
        let input_type = format!("{}{}Input", name[..1].to_uppercase(), &name[1..]);
        let document = format!(
            "mutation($input: {input_type}!) {{ {name}(input: $input) {{ {selection} \
             userErrors {{ code field message feature limit used upgradeTo }} }} }}"
        );
        let body = json!({ "query": document, "variables": { "input": input } });
        self.post().header(ACCEPT, "application/json").json(&body)
    }

    /// Sends a mutation such as `createClient`, with the same selection as the typed helpers.
    pub async fn write(&self, name: &str, input: Value) -> Answer {
        let selection = match name {
            "createClient" | "updateClient" => CLIENT,
            "createProject" | "updateProject" => PROJECT,
            "createTask" | "updateTask" | "moveTask" => TASK,
            "moveTasks" => "tasks { id }",
            "createInvoice" | "updateInvoice" => INVOICE,
            "createWorkspace" | "updateWorkspace" => "workspace { id name }",
            "createOrganization" => "organization { organizationId name }",
            "updateOrganization" => "organization { id name }",
            "deleteClient" => "deletedClientId",
            "deleteProject" => "deletedProjectId",
            "deleteTask" => "deletedTaskId",
            "deleteInvoice" => "deletedInvoiceId",
            other => panic!("no selection is known for {other}"),
        };
        self.mutate(name, input, selection).await
    }

    /// Creates a client.
    pub async fn create_client(&self, name: &str) -> Value {
        self.write("createClient", json!({ "name": name })).await.expect_done().clone()
    }

    /// Creates a project, for a client if one is given.
    pub async fn create_project(&self, name: &str, client: Option<&str>) -> Value {
        let input = json!({ "name": name, "clientId": client });
        self.write("createProject", input).await.expect_done().clone()
    }

    /// Creates a task.
    pub async fn create_task(&self, project: &str, title: &str) -> Value {
        let input = json!({ "projectId": project, "title": title });
        self.write("createTask", input).await.expect_done().clone()
    }

    /// Creates a draft with one line of one hour at 100 US dollars.
    pub async fn create_invoice(&self, client: &str) -> Value {
        let lines = json!([{ "description": "One hour", "quantity": "1", "rate": "100" }]);
        let input = json!({ "clientId": client, "currency": "USD", "lineItems": lines });
        self.write("createInvoice", input).await.expect_done().clone()
    }

    /// The ids of a root list in its default order, at most 100.
    pub async fn ids(&self, list: &str) -> Vec<String> {
        let data = self.data(&format!("{{ {list}(first: 100) {{ nodes {{ id }} }} }}")).await;
        let nodes = data[list]["nodes"].as_array().expect("a list").iter();
        nodes.map(|node| node["id"].as_str().expect("an id").to_owned()).collect()
    }
}
