//! Encryption, and how each mode checks the server's certificate.

use std::fmt::Write as _;
use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;
use tenantry_devdb::{Cluster, ClusterOptions};
use tenantry_wire::{Command, Connection, Error};

use crate::fixture::{Fixture, ask, assert_usable, open, polled, within};

/// A certificate authority.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap() }
    }

    /// A signed certificate and its key for these names.
    fn vouch(&self, parameters: &CertificateParams) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        (parameters.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

fn named(names: &[&str]) -> CertificateParams {
    CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn expired(names: &[&str]) -> CertificateParams {
    let mut parameters = named(names);
    (parameters.not_before, parameters.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
    parameters
}

/// A cluster with encryption, and certificates in files.
struct Encrypted {
    cluster: Cluster,
    folder: TempDir,
    right: Authority,
}

impl Encrypted {
    async fn new(certificate: &CertificateParams) -> Self {
        let (right, wrong) = (Authority::new("Right"), Authority::new("Wrong"));
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("right.pem"), right.issuer.pem()).unwrap();
        std::fs::write(folder.path().join("wrong.pem"), wrong.issuer.pem()).unwrap();
        std::fs::write(folder.path().join("both.pem"), wrong.issuer.pem() + &right.issuer.pem()).unwrap();
        std::fs::write(folder.path().join("empty.pem"), "").unwrap();
        let cluster = Cluster::start(ClusterOptions::default()).await.unwrap();
        let mut encrypted = Self { cluster, folder, right };
        encrypted.write("root.crt", &encrypted.right.issuer.pem()).await;
        let settings = "ALTER SYSTEM SET ssl = on; ALTER SYSTEM SET ssl_ca_file = 'root.crt';";
        encrypted.cluster.psql("postgres", settings).await.unwrap();
        encrypted.certify(certificate).await;
        encrypted
    }

    /// Makes the server use this certificate from now on.
    async fn certify(&mut self, parameters: &CertificateParams) {
        let (certificate, key) = self.right.vouch(parameters);
        self.write("server.crt", &certificate).await;
        self.write("server.key", &key).await;
        self.cluster.restart().await.unwrap();
    }

    /// Writes a file into the data folder as the server's own user; only that user may read it.
    async fn write(&self, name: &str, text: &str) {
        let lines = format!("SELECT regexp_split_to_table('{}', '\\n')", text.trim_end());
        let copy = format!("COPY ({lines}) TO PROGRAM 'umask 077; cat > {name}'");
        self.cluster.psql("postgres", &copy).await.unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Connects in this mode, with these files.
    async fn open(&self, mode: &str, files: &[(&str, &str)]) -> Result<Connection, Error> {
        let mut url = format!("{}?sslmode={mode}", self.cluster.superuser_url("postgres"));
        for (parameter, name) in files {
            write!(url, "&{parameter}={}", self.file(name).display()).unwrap();
        }
        open(&url).await
    }

    /// Whether the connection is encrypted; `None` if the certificate was refused.
    async fn encrypts(&self, mode: &str, root: &str) -> Option<bool> {
        let files = [("sslrootcert", root)];
        match self.open(mode, if root.is_empty() { &[] } else { &files }).await {
            Ok(mut connection) => Some(is_encrypted(&mut connection).await),
            Err(Error::Tls(_)) => None,
            Err(error) => panic!("{mode}, {root}: {error:?}"),
        }
    }
}

async fn is_encrypted(connection: &mut Connection) -> bool {
    assert_usable(connection).await;
    ask(connection, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").await
}

#[tokio::test]
async fn without_server_encryption_only_modes_that_need_none_connect() {
    let Fixture { database, .. } = &Fixture::new().await;
    for mode in ["disable", "allow", "prefer"] {
        let mut connection = open(&format!("{}?sslmode={mode}", database.superuser_url())).await.unwrap();
        assert!(!is_encrypted(&mut connection).await);
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let refused = open(&format!("{}?sslmode={mode}", database.superuser_url())).await;
        assert!(matches!(refused, Err(Error::Tls(_))), "{mode}: {refused:?}");
    }
}

#[tokio::test]
async fn each_mode_checks_what_it_promises() {
    let mut server = Encrypted::new(&named(&["127.0.0.1"])).await;
    let (refused, plain, encrypted) = (None, Some(false), Some(true));
    for (mode, root, expected) in [
        ("disable", "", plain),
        ("prefer", "", encrypted),
        ("prefer", "wrong.pem", encrypted),
        ("require", "", encrypted),
        ("require", "right.pem", encrypted),
        ("require", "wrong.pem", refused),
        ("verify-ca", "right.pem", encrypted),
        ("verify-ca", "both.pem", encrypted),
        ("verify-ca", "wrong.pem", refused),
        ("verify-ca", "empty.pem", refused),
        ("verify-ca", "missing.pem", refused),
        // With the system's certificate authorities.
        ("verify-ca", "", refused),
        ("verify-full", "", refused),
        ("verify-full", "right.pem", encrypted),
        ("verify-full", "wrong.pem", refused),
    ] {
        assert_eq!(server.encrypts(mode, root).await, expected, "{mode}, {root}");
    }

    let cases = [
        ("of another name", named(&["db.example.test"]), encrypted),
        ("expired", expired(&["127.0.0.1"]), refused),
        ("expired, and of another name", expired(&["db.example.test"]), refused),
    ];
    for (what, certificate, by_authority) in cases {
        server.certify(&certificate).await;
        assert_eq!(server.encrypts("require", "").await, encrypted, "{what}");
        assert_eq!(server.encrypts("require", "right.pem").await, by_authority, "{what}");
        assert_eq!(server.encrypts("verify-ca", "right.pem").await, by_authority, "{what}");
        assert_eq!(server.encrypts("verify-ca", "wrong.pem").await, refused, "{what}");
        assert_eq!(server.encrypts("verify-full", "right.pem").await, refused, "{what}");
    }
}

#[tokio::test]
async fn the_server_may_demand_a_client_certificate() {
    let mut server = Encrypted::new(&named(&["127.0.0.1"])).await;
    server.write("pg_hba.conf", "local all all trust\nhostssl all all 127.0.0.1/32 cert").await;
    server.cluster.restart().await.unwrap();
    let wrong = Authority::new("Wrong");
    for (name, authority, subject) in
        [("ours", &server.right, "postgres"), ("other", &server.right, "somebody"), ("forged", &wrong, "postgres")]
    {
        let mut parameters = named(&[]);
        parameters.distinguished_name.push(DnType::CommonName, subject);
        let (certificate, key) = authority.vouch(&parameters);
        std::fs::write(server.file(&format!("{name}.crt")), certificate).unwrap();
        std::fs::write(server.file(&format!("{name}.key")), key).unwrap();
    }
    let ours = [("sslrootcert", "right.pem"), ("sslcert", "ours.crt"), ("sslkey", "ours.key")];
    let mut connection = server.open("verify-full", &ours).await.unwrap();
    assert!(is_encrypted(&mut connection).await);
    assert_arrives_whole(&mut connection).await;

    let none = server.open("require", &[]).await.unwrap_err();
    let other = server.open("require", &[("sslcert", "other.crt"), ("sslkey", "other.key")]).await.unwrap_err();
    assert_eq!((none.code(), other.code()), (Some("28000"), Some("28000")));
    // The server refuses it in the middle of the handshake, or when the handshake is over for the client.
    let forged = server.open("require", &[("sslcert", "forged.crt"), ("sslkey", "forged.key")]).await.unwrap_err();
    assert!(matches!(forged, Error::Io(_) | Error::Tls(_)), "{forged:?}");
    for files in
        [[("sslcert", "ours.crt"), ("sslkey", "other.key")], [("sslcert", "empty.pem"), ("sslkey", "ours.key")]]
    {
        let mixed = server.open("require", &files).await.unwrap_err();
        assert!(matches!(mixed, Error::Tls(_)), "{mixed:?}");
    }
}

/// Much data in both directions through the encryption, with and without waiting for it.
async fn assert_arrives_whole(connection: &mut Connection) {
    const SIZE: usize = 3 << 20;
    let (size, text, none) = (bind!(i32::try_from(SIZE).unwrap()), bind!("x".repeat(SIZE)), bind!());
    for patience in [1, 2, 5, 20, usize::MAX] {
        let commands = [
            Command::prepared("SELECT repeat('y', $1)", &size),
            Command::prepared("SELECT md5($1), $1", &text),
            Command::prepared("SELECT 'last'", &none),
        ];
        let exchange = polled(patience, connection.exchange(&commands));
        if let Some(answers) = within(exchange).await {
            let answers = answers.unwrap();
            assert_eq!(answers[0].first().unwrap().get::<&str>(0).unwrap(), "y".repeat(SIZE));
            assert_eq!(answers[1].first().unwrap().get::<&str>(1).unwrap(), "x".repeat(SIZE));
        }
        assert_usable(connection).await;
    }
}
