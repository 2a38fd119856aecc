//! The peer: another GraphQL server on the same database and role. It is a folder with a program `start` that takes
//! `PEER_DATABASE_URL`, `PEER_SCHEMAS` and `PEER_PORT`. A request names the organization in the header
//! `x-organization`.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tenantry_devdb::DatabaseUrls;
use tokio::process::Command;

use crate::database::Organization;
use crate::http::post;
use crate::load::{Requests, ask};
use crate::process::{Service, Tree, free_port, tail};
use crate::query::{Query, Variables, body};

/// How long the peer may take to start; the first time it is installed.
const PATIENCE: Duration = Duration::from_mins(5);

/// The running peer.
#[derive(Debug)]
pub(crate) struct Peer {
    service: Service,
    port: u16,
}

impl Peer {
    /// Starts the peer and waits until it answers.
    ///
    /// # Errors
    /// When it does not; with the last lines of its log.
    pub(crate) async fn start(folder: &Path, urls: &DatabaseUrls, logs: &Path) -> Result<Self> {
        let port = free_port()?;
        let log = logs.join("peer.log");
        let mut command = Command::new(folder.join("start"));
        command.env("PEER_DATABASE_URL", urls.app_url()).env("PEER_SCHEMAS", "app").env("PEER_PORT", port.to_string());
        let mut peer = Self { service: Service::start(&mut command, &log)?, port };
        let deadline = Instant::now() + PATIENCE;
        let probe = post(port, &[], &body("{ __typename }", &serde_json::Value::Null));
        // Every worker has to be ready, and we cannot choose which one answers.
        let mut answers = 0;
        while answers < 20 {
            match tokio::time::timeout(Duration::from_secs(10), ask(port, &probe)).await {
                Ok(Ok(_)) => answers += 1,
                _ => tokio::time::sleep(Duration::from_millis(200)).await,
            }
            if peer.service.has_ended() || Instant::now() > deadline {
                bail!("{}", tail(&log));
            }
        }
        Ok(peer)
    }

    /// The processes.
    pub(crate) fn tree(&self) -> Tree {
        self.service.tree()
    }

    /// A query's requests; `None` if the peer has no document for it.
    pub(crate) fn requests(&self, query: &Query, asked: &[(Organization, Vec<Variables>)]) -> Option<Requests> {
        let document = query.peer.as_ref()?;
        let takes_variables = document.contains('$');
        let mut wire = Vec::new();
        for (organization, variables) in asked {
            let id = organization.id.to_string();
            for variables in variables {
                let variables =
                    if takes_variables { variables.peers(organization.id) } else { serde_json::Value::Null };
                wire.push(post(self.port, &[("x-organization", &id)], &body(document, &variables)));
            }
        }
        Some(Requests { port: self.port, wire: Arc::new(wire) })
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.service.stop().await;
    }
}
