//! The program itself, as its own process, on a test's database.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;
use tenantry_tests::TestApp;
use tokio::process::{Child, Command};

/// A running `tenantry serve`. It is killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    address: SocketAddr,
    _folder: TempDir,
}

/// The program, next to this test's own binary, where cargo puts both. Built if it does not exist yet.
fn path() -> &'static PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let own = std::env::current_exe().unwrap();
        let path = own.ancestors().nth(2).unwrap().join(format!("tenantry{}", std::env::consts::EXE_SUFFIX));
        if !path.exists() {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let mut build = std::process::Command::new(cargo);
            build.args(["build", "--package", "tenantry-server", "--bin", "tenantry"]);
            build.args(if cfg!(debug_assertions) { &[][..] } else { &["--release"] });
            let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
            assert!(status.unwrap().success(), "the program does not build");
        }
        path
    })
}

impl Program {
    /// Serves the app's database to holders of the app's tokens, with these additional settings.
    pub(crate) async fn serve(app: &TestApp, settings: &[(&str, &str)]) -> Self {
        // The port was free a moment ago. On a busy machine another process may have taken it since.
        for _ in 0..4 {
            if let Some(program) = Self::try_serve(app, settings).await {
                return program;
            }
        }
        panic!("the program ended every time");
    }

    /// As [`serve`](Self::serve); `None` if the program ended before it was ready.
    async fn try_serve(app: &TestApp, settings: &[(&str, &str)]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("public.pem");
        std::fs::write(&key, &app.keys().public).unwrap();
        let tokens = app.issuer().config();
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let mut command = Command::new(path());
        command.arg("serve").env_clear().kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null());
        for kept in ["PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.env("DATABASE_URL", app.urls().app_url()).env("TENANTRY_LISTEN", address.to_string());
        command.env("TENANTRY_JWT_ISSUER", &tokens.issuer).env("TENANTRY_JWT_AUDIENCE", &tokens.audience);
        command.env("TENANTRY_JWT_ALGORITHM", "EdDSA").env("TENANTRY_JWT_KEY_FILE", &key);
        command.env("TENANTRY_FILES", folder.path().join("files"));
        command.envs(settings.iter().copied());
        let mut program = Self { child: command.spawn().unwrap(), address, _folder: folder };
        program.becomes_ready().await.then_some(program)
    }

    /// Waits until it is ready; `false` if it ended.
    async fn becomes_ready(&mut self) -> bool {
        let http = super::custom_server::client();
        let url = format!("http://{}/readyz", self.address);
        let ready = async {
            while !http.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                if self.child.try_wait().unwrap().is_some() {
                    return false;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            true
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("it becomes ready")
    }

    /// Its address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The endpoint.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/graphql", self.address)
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    /// Waits for its end.
    pub(crate) async fn wait(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    /// Its resident memory, in KiB; `None` where the system does not report it.
    pub(crate) fn resident(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse().ok()
    }
}
