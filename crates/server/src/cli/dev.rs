//! `tenantry dev`: everything on one machine, without any setup. A private database, demo data, the server, and a first
//! query to paste.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tenantry_devdb::{Cluster, ClusterOptions, DatabaseUrls};
use tenantry_domain::Identity;
use tenantry_seed::Outcome;
use tenantry_store::Store;
use tenantry_token::{Issuer, generate_dev_key};
use tokio::sync::oneshot;

use super::stripe::forever as replay_forever;
use super::{purge, say, sweep, token};
use crate::http::{Explorer, ExplorerExample, ExplorerPerson, serve};
use crate::settings::{
    DevFile, FilesSettings, GuardSettings, HttpSettings, JwtAlgorithm, JwtSettings, PoolSettings, StripeSettings,
};
use crate::start::{reachable, url_of};
use crate::{issuer, shutdown, start};

/// The database's name in the private cluster.
const DATABASE: &str = "tenantry";

const ISSUER: &str = "tenantry-dev";
const AUDIENCE: &str = "tenantry";

/// The organization of the printed token.
const ORGANIZATION: &str = "northwind";
const EMAIL: &str = "ada@northwind.example";

/// The first query: the graph from the organization down to tasks and invoices.
const QUERY: &str = "{ organization { name } clients(first: 2, filter: { status: [ACTIVE] }) { nodes { name \
                     projects(first: 2) { nodes { name status tasks(first: 2) { nodes { title status } } } } \
                     invoices(first: 2) { nodes { number status total { amount currency } } } } } }";

/// What the explorer begins with.
const EXAMPLES: [&str; 4] = [
    "# Press Ctrl-Enter to run it. On the left is the documentation.
query Overview {
  organization { name }
  clients(first: 3, filter: { status: [ACTIVE] }) {
    nodes {
      name
      projects(first: 2) {
        nodes { name status tasks(first: 3) { nodes { title status assignees { name } } } }
      }
      invoices(first: 2) { nodes { number status total { amount currency } } }
    }
  }
}
",
    "# The answer depends on the role. Choose another person above.
query WhoAmI {
  viewer { role member { name } }
  tasks(filter: { assigneeId: null }, orderBy: { field: DUE_AT, direction: ASC }) {
    nodes { title dueAt project { name } }
  }
}
",
    "# A change, and its result. With an empty name it is refused, and says why.
mutation NewClient {
  createClient(input: { name: \"Zoë & Söhne\", email: \"zoe@example.com\" }) {
    client { id name status }
    userErrors { code field message }
  }
}
",
    "# A subscription. Run it, then change something in another window.
subscription News {
  changes {
    activity { actor { name } action entityType entityName changes { field old new } }
  }
}
",
];

/// A day's work with one token.
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// Starts a private database with demo data and serves it.
#[derive(Debug, Args)]
pub(super) struct Dev {
    /// The folder that keeps the database and the signing key between starts.
    #[arg(long, env = "TENANTRY_DATA_DIR", default_value = ".tenantry", value_name = "DIR")]
    data_dir: PathBuf,
    /// Deletes what is in the database, and loads the demo data anew.
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    pool: PoolSettings,
    #[command(flatten)]
    http: HttpSettings,
    #[command(flatten)]
    guard: GuardSettings,
    #[command(flatten)]
    stripe: StripeSettings,
    #[command(flatten)]
    files: FilesSettings,
}

impl Dev {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        // The port first, because everything else takes longer.
        let listener = start::listen(self.http.listen).await?;
        let data_dir = prepare(&self.data_dir)?;
        let jwt = signing_key(&data_dir)?;

        note("starting a private PostgreSQL …");
        let options = ClusterOptions { data_dir: Some(data_dir.join("postgres")), durable: true, ..Default::default() };
        let cluster = Cluster::start(options).await?;
        // Ctrl-C before the server handles it ends the process; the cluster's watchdog then stops the cluster.
        let result = self.serve(&cluster, listener, &data_dir, jwt).await;
        let stopped = cluster.stop().await;
        result?;
        stopped?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(
        &self,
        cluster: &Cluster,
        listener: tokio::net::TcpListener,
        data_dir: &Path,
        jwt: JwtSettings,
    ) -> anyhow::Result<()> {
        let urls = database(cluster, self.reset).await?;
        let address = reachable(listener.local_addr()?);
        let folder = data_dir.join("files");
        if self.reset && folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
        }
        let files = self.files.storage(Some(&folder), &url_of(address))?;
        let place = files.files.place();
        let file = DevFile::of(data_dir);
        let key_file = jwt.signing_file()?.display().to_string();
        file.write(&[
            ("DATABASE_URL", &urls.app_url()),
            ("MIGRATE_DATABASE_URL", &urls.owner_url()),
            ("WORKER_DATABASE_URL", &urls.worker_url()),
            ("TENANTRY_FILES", &place),
            ("TENANTRY_JWT_ISSUER", ISSUER),
            ("TENANTRY_JWT_AUDIENCE", AUDIENCE),
            ("TENANTRY_JWT_ALGORITHM", "HS256"),
            ("TENANTRY_JWT_KEY_FILE", &key_file),
        ])
        .with_context(|| format!("cannot write {}", file.path().display()))?;

        let verifier = start::verifier(&jwt).await?;
        let store = start::open_store(&urls.app_url(), &self.pool).await?;
        let token = token::issue(&store, &issuer::from_secret(&jwt)?, ORGANIZATION, EMAIL, TOKEN_TTL).await?.token;
        let worker_url = urls.worker_url();
        let stripe = start::stripe(&self.stripe, Ok(worker_url.as_str()), &self.pool).await?;
        if let Some(webhooks) = stripe.webhooks() {
            replay_forever(webhooks);
        }
        purge::forever(&worker_url, &self.stripe, files.files.clone()).await?;
        sweep::forever(&worker_url, files.files.clone()).await?;
        let cors_origins = self.http.cors_origins.clone().and_loopback();
        let http = HttpSettings { cors_origins, log_requests: true, ..self.http.clone() };
        // Another machine must not get the tokens, so there are none to choose from if one can reach the port.
        let people = if listener.local_addr()?.ip().is_loopback() { people(&store).await? } else { Vec::new() };
        let explorer = Some(explorer(people, issuer::from_secret(&jwt)?));
        let live = Some(start::live(&worker_url, &store, &self.pool).await?);
        let state =
            start::state(store.clone(), verifier, &jwt, &http, &self.guard, &self.pool, stripe, explorer, files, live)?;

        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(serve(listener, state, async {
            tokio::select! {
                () = shutdown::signal() => {}
                // A dropped sender means that the first query failed.
                _ = stopped => {}
            }
        }));
        // With a manifest, the first query would be refused.
        let runs_any = self.http.trusted_documents.is_none();
        match introduce(address, &token, file.path(), runs_any).await {
            Ok(()) => {
                serving.await?;
                drop(stop);
            }
            Err(error) => {
                drop(stop);
                serving.await?;
                return Err(error);
            }
        }
        store.close().await;
        Ok(())
    }
}

/// Creates the data folder and returns its full path. The database does not share the process's working folder.
fn prepare(data_dir: &Path) -> anyhow::Result<PathBuf> {
    let failed = || format!("cannot use the data folder {}", data_dir.display());
    std::fs::create_dir_all(data_dir).with_context(failed)?;
    let data_dir = data_dir.canonicalize().with_context(failed)?;
    // The folder contains a key and a database; neither belongs in a repository.
    let ignore = data_dir.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").with_context(failed)?;
    }
    Ok(data_dir)
}

/// The key that signs and verifies, created at the first start.
fn signing_key(data_dir: &Path) -> anyhow::Result<JwtSettings> {
    let path = data_dir.join("jwt.key");
    if !path.exists() {
        generate_dev_key(&path)?;
    }
    Ok(JwtSettings {
        jwt_issuer: Some(ISSUER.to_owned()),
        jwt_audience: Some(AUDIENCE.to_owned()),
        jwt_algorithm: Some(JwtAlgorithm::Hs256),
        jwt_key_file: Some(path),
        ..JwtSettings::default()
    })
}

/// The database, migrated and filled; a new one if it is to be reset.
async fn database(cluster: &Cluster, reset: bool) -> anyhow::Result<DatabaseUrls> {
    cluster.prepare_roles().await?;
    if reset && cluster.has_database(DATABASE).await? {
        cluster.drop_database(DATABASE).await?;
        note("deleted the database");
    }
    let urls = if cluster.has_database(DATABASE).await? {
        cluster.database(DATABASE)
    } else {
        cluster.create_database(DATABASE, None).await?
    };
    let applied = tenantry_migration::up(&urls.owner_url()).await?;
    if !applied.is_empty() {
        note(&format!("applied {} migrations", applied.len()));
    }
    if let Outcome::Created(_) = tenantry_seed::demo(&urls.owner_url()).await? {
        note("loaded the demo data");
    }
    Ok(urls)
}

/// The people of the demo. Those who are no members any more are left out.
async fn people(store: &Store) -> anyhow::Result<Vec<(String, Identity)>> {
    let mut people = Vec::new();
    for member in tenantry_seed::demo_members() {
        if let Some(identity) = token::look_up(store, ORGANIZATION, member.email).await? {
            people.push((format!("{} ({})", member.name, member.role), identity));
        }
    }
    Ok(people)
}

/// The explorer, with these people to ask as.
fn explorer(people: Vec<(String, Identity)>, issuer: Issuer) -> Explorer {
    let examples = EXAMPLES.iter().map(|query| ExplorerExample { query: (*query).to_owned(), variables: None });
    let explorer = Explorer::new(examples.collect());
    if people.is_empty() {
        return explorer;
    }
    explorer.with_people(move || {
        let person = |(name, identity): &(String, Identity)| {
            let new = issuer.issue(identity.user_id, identity.organization_id, TOKEN_TTL).ok()?;
            Some(ExplorerPerson { name: name.clone(), token: new.token })
        };
        people.iter().filter_map(person).collect()
    })
}

/// Prints the server's address, a token, a query to paste, and the server's answer to it.
async fn introduce(address: SocketAddr, token: &str, settings: &Path, runs_any: bool) -> anyhow::Result<()> {
    let url = format!("http://{address}/graphql");
    let body = serde_json::json!({ "query": QUERY });
    say(&format!("Explorer at http://{address}/ (open it in a browser)"));
    say(&format!("GraphQL at {url} (Ctrl-C stops it)"));
    say(&format!("Settings for other commands: set -a; . '{}'; set +a", settings.display()));
    say(&format!("A token for {EMAIL} of {ORGANIZATION}, good for a day:\n\n{token}\n"));
    if !runs_any {
        return Ok(());
    }
    say("A query:\n");
    say(&format!(
        "curl -s '{url}' \\\n  -H 'content-type: application/json' \\\n  -H 'authorization: Bearer {token}' \\\n  \
         --data '{body}'\n"
    ));
    // A proxy from the environment must not be used for this machine itself.
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let response = client
        .post(&url)
        .header("content-type", "application/json")
        .bearer_auth(token)
        .body(body.to_string())
        .send()
        .await
        .context("the server does not answer")?;
    let (status, answer) = (response.status(), response.text().await?);
    if !status.is_success() {
        bail!("the server answers its first query with {status}: {answer}");
    }
    // GraphQL's own value type keeps the order of the query.
    let answer: async_graphql::Value = serde_json::from_str(&answer).context("the server's answer is not JSON")?;
    say(&format!("Its answer:\n\n{}\n", serde_json::to_string_pretty(&answer)?));
    if matches!(&answer, async_graphql::Value::Object(answer) if answer.contains_key("errors")) {
        bail!("the first query failed");
    }
    Ok(())
}

/// Prints a progress note to standard error.
fn note(text: &str) {
    eprintln!("tenantry: {text}");
}
