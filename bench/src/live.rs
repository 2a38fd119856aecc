//! The cost of idle subscribers: the server's memory for each, the CPU that the processes use meanwhile, and the delay until a change reaches them.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::arena::Arena;
use crate::http::{Connection, post};
use crate::stats::{float, float64, percentile};

/// How many subscribers connect at the same time.
const AT_A_TIME: usize = 64;

/// How long connecting may take, and how long a change may take to reach all subscribers.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the CPU of idle processes is measured.
const QUIET: Duration = Duration::from_secs(10);

/// How many changes are made, one at a time.
const CHANGES: usize = 500;

/// The results.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Live {
    /// The number of subscribers.
    pub(crate) subscribers: usize,
    /// The number of their organizations.
    pub(crate) organizations: usize,
    /// The server's memory for each subscriber, in bytes.
    pub(crate) bytes_each: Option<f64>,
    /// The share of a core that the server and PostgreSQL use while nothing changes.
    pub(crate) server_cpu: Option<f64>,
    pub(crate) postgres_cpu: Option<f64>,
    /// The number of changes, and of events that were received.
    pub(crate) changes: usize,
    pub(crate) events: usize,
    /// From the response to the mutation until the event.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// An event that a subscriber received: the organization, and when.
type Heard = (usize, Instant);

/// Connects subscribers and makes changes.
///
/// # Errors
/// When a subscriber is refused, or does not get an event.
pub(crate) async fn measure(arena: &Arena, subscribers: usize) -> Result<Live> {
    let organizations = arena.server.organizations(&arena.database, "all").await?;
    let tokens: Vec<Arc<str>> =
        organizations.iter().map(|one| Ok(arena.ours.token(one)?.into())).collect::<Result<_>>()?;
    let before = arena.ours.tree().memory();
    let (sender, mut heard) = mpsc::unbounded_channel();
    let mut followers = JoinSet::new();
    eprintln!("live: {subscribers} subscribers in {} organizations …", organizations.len());
    let mut begun = 0;
    while begun < subscribers {
        let mut beginning = JoinSet::new();
        for n in begun..(begun + AT_A_TIME).min(subscribers) {
            let token = Arc::clone(&tokens[n % tokens.len()]);
            let port = arena.ours.port;
            beginning.spawn(async move {
                let begun = tokio::time::timeout(PATIENCE, begin(port, &token)).await;
                begun.context("a subscriber could not connect in time")?.map(|socket| (n, socket))
            });
        }
        for begun in beginning.join_all().await {
            let (n, socket) = begun?;
            followers.spawn(follow(n % organizations.len(), socket, sender.clone()));
        }
        begun = (begun + AT_A_TIME).min(subscribers);
    }
    // The last subscriptions begin with the server's next poll.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = arena.ours.tree().memory();
    let cpu = || (arena.ours.tree().cpu_seconds(), arena.server.tree().cpu_seconds());
    let (server, postgres) = cpu();
    tokio::time::sleep(QUIET).await;
    let (server_later, postgres_later) = cpu();
    let share = |before: Option<f64>, after: Option<f64>| Some((after? - before?) / QUIET.as_secs_f64());

    let mut delays: Vec<u32> = Vec::new();
    let mut connection = Connection::open(arena.ours.port).await?;
    for n in 0..CHANGES {
        let place = n % tokens.len();
        let expected = (subscribers / tokens.len()) + usize::from(place < subscribers % tokens.len());
        let body = json!({ "query": format!("mutation {{ createLabel(input: {{ name: \"Live {n}\", color: \"#2266cc\" }}) {{ label {{ id }} userErrors {{ message }} }} }}") });
        let bearer = format!("Bearer {}", tokens[place]);
        let request = post(arena.ours.port, &[("authorization", &bearer)], &body.to_string());
        let answer = connection.exchange(&request).await?;
        let answered = Instant::now();
        if !String::from_utf8_lossy(answer.body).contains("label_") {
            bail!("a change was refused: {}", String::from_utf8_lossy(answer.body));
        }
        for _ in 0..expected {
            let next =
                tokio::time::timeout(PATIENCE, heard.recv()).await.context("a change did not reach all subscribers")?;
            let (who, at) = next.context("the subscribers have disconnected")?;
            if who != place {
                bail!("a subscriber of another organization got the event");
            }
            let delay = at.saturating_duration_since(answered).as_micros();
            delays.push(u32::try_from(delay).unwrap_or(u32::MAX));
        }
    }
    arena.server.psql(&arena.database, "DELETE FROM app.labels WHERE name ~ '^Live [0-9]+$'").await?;
    followers.abort_all();
    let bytes_each =
        before.zip(after).map(|(before, after)| float64(after.saturating_sub(before)) / float(subscribers.max(1)));
    Ok(Live {
        subscribers,
        organizations: organizations.len(),
        bytes_each,
        server_cpu: share(server, server_later),
        postgres_cpu: share(postgres, postgres_later),
        changes: CHANGES,
        events: delays.len(),
        p50_ms: percentile(&mut delays, 0.5) / 1_000.0,
        p99_ms: percentile(&mut delays, 0.99) / 1_000.0,
    })
}

/// Connects and subscribes.
async fn begin(port: u16, token: &str) -> Result<WebSocketStream<TcpStream>> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
    let mut request = format!("ws://127.0.0.1:{port}/graphql").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("graphql-transport-ws"));
    let config = WebSocketConfig::default().read_buffer_size(2 * 1024).write_buffer_size(0);
    let (mut socket, _) = client_async_with_config(request, stream, Some(config)).await?;
    let init = json!({ "type": "connection_init", "payload": { "Authorization": format!("Bearer {token}") } });
    socket.send(Message::text(init.to_string())).await?;
    let ack = socket.next().await.context("the server has gone")??;
    if !ack.to_text()?.contains("connection_ack") {
        bail!("a subscriber was refused: {ack}");
    }
    let query = "subscription { changes { cursor activity { entityType action entityName } } }";
    let subscribe = json!({ "id": "1", "type": "subscribe", "payload": { "query": query } });
    socket.send(Message::text(subscribe.to_string())).await?;
    Ok(socket)
}

/// Notes the events.
async fn follow(place: usize, mut socket: WebSocketStream<TcpStream>, heard: mpsc::UnboundedSender<Heard>) {
    while let Some(Ok(message)) = socket.next().await {
        let Ok(text) = message.to_text() else { continue };
        let is_next = serde_json::from_str::<Value>(text).is_ok_and(|message| message["type"] == "next");
        if is_next && heard.send((place, Instant::now())).is_err() {
            return;
        }
    }
}

impl Live {
    /// The results as text.
    pub(crate) fn text(&self) -> String {
        let each = self.bytes_each.map_or_else(|| "-".to_owned(), |bytes| format!("{:.1} KB", bytes / 1_000.0));
        let share = |cpu: Option<f64>| cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{:.1} %", cpu * 100.0));
        format!(
            "subscribers\n\n{} in {} organizations; {each} each; while nothing changes the server takes {} of a core and PostgreSQL {}\n\
             {} changes, {} events: {:.1} ms (p50) and {:.1} ms (p99) after the mutation was answered\n",
            self.subscribers,
            self.organizations,
            share(self.server_cpu),
            share(self.postgres_cpu),
            self.changes,
            self.events,
            self.p50_ms,
            self.p99_ms
        )
    }
}
