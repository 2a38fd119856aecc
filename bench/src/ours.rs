//! Our own server, as anyone would run it: the release build, the application's role, a development key.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tenantry_devdb::DatabaseUrls;
use tenantry_domain::{Clock, OrganizationId, UserId};
use tenantry_token::{ClaimNames, Issuer, IssuerConfig, generate_dev_key};
use tokio::process::Command;

use crate::database::Organization;
use crate::http::{Connection, get, post};
use crate::load::Requests;
use crate::process::{Service, Tree, free_port, tail};
use crate::query::{Query, Variables, body};

const ISSUER: &str = "tenantry-bench";
const AUDIENCE: &str = "tenantry";

/// A day, so that no token expires during the run.
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our running server.
#[derive(Debug)]
pub(crate) struct Ours {
    service: Service,
    issuer: Issuer,
    pub(crate) port: u16,
}

impl Ours {
    /// Starts the server over this database and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; with the last lines of its log.
    pub(crate) async fn start(program: &Path, urls: &DatabaseUrls, folder: &Path) -> Result<Self> {
        let key = folder.join("jwt.key");
        if !key.exists() {
            generate_dev_key(&key)?;
        }
        let config = IssuerConfig {
            issuer: ISSUER.to_owned(),
            audience: AUDIENCE.to_owned(),
            key_id: None,
            clock: Clock::system(),
            claims: ClaimNames::default(),
        };
        let issuer = Issuer::from_secret_file(&key, config)?;
        let port = free_port()?;
        let log = folder.join("server.log");
        let mut command = Command::new(program);
        command.arg("serve").args(["--listen", &format!("127.0.0.1:{port}")]);
        command.env("DATABASE_URL", urls.app_url()).env("WORKER_DATABASE_URL", urls.worker_url());
        command.env("TENANTRY_JWT_ISSUER", ISSUER).env("TENANTRY_JWT_AUDIENCE", AUDIENCE);
        command.env("TENANTRY_JWT_ALGORITHM", "HS256").env("TENANTRY_JWT_KEY_FILE", &key);
        command.env("TENANTRY_FILES", folder.join("files"));
        // The rate limit stays on, because it has a small cost, but is never reached.
        command.env("TENANTRY_REQUESTS_PER_SECOND", "1000000").env("TENANTRY_REQUEST_BURST", "1000000");
        let mut ours = Self { service: Service::start(&mut command, &log)?, issuer, port };
        let deadline = Instant::now() + PATIENCE;
        while !is_ready(port).await {
            if ours.service.has_ended() || Instant::now() > deadline {
                bail!("the server does not start:\n{}", tail(&log));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(ours)
    }

    /// The process.
    pub(crate) fn tree(&self) -> Tree {
        self.service.tree()
    }

    /// A token of the organization's owner.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub(crate) fn token(&self, organization: &Organization) -> Result<String> {
        let (user, organization) = (UserId::from_uuid(organization.owner), OrganizationId::from_uuid(organization.id));
        Ok(self.issuer.issue(user, organization, TOKEN_TTL)?.token)
    }

    /// A query's requests: one per organization and set of variables.
    ///
    /// # Errors
    /// When the key cannot sign.
    pub(crate) fn requests(&self, query: &Query, asked: &[(Organization, Vec<Variables>)]) -> Result<Requests> {
        let mut wire = Vec::new();
        for (organization, variables) in asked {
            let bearer = format!("Bearer {}", self.token(organization)?);
            for variables in variables {
                let body = body(&query.document, &variables.ours());
                wire.push(post(self.port, &[("authorization", &bearer)], &body));
            }
        }
        Ok(Requests { port: self.port, wire: Arc::new(wire) })
    }

    /// Stops it.
    pub(crate) async fn stop(self) {
        self.service.stop().await;
    }
}

async fn is_ready(port: u16) -> bool {
    let asked = async {
        let mut connection = Connection::open(port).await.ok()?;
        connection.exchange(&get(port, "/readyz")).await.ok().map(|answer| answer.status)
    };
    tokio::time::timeout(Duration::from_secs(2), asked).await.ok().flatten() == Some(200)
}

/// The folder for logs and keys; it is created.
///
/// # Errors
/// When it cannot be created.
pub(crate) fn work_folder(data_dir: &Path) -> Result<std::path::PathBuf> {
    let folder = data_dir.join("run");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}
