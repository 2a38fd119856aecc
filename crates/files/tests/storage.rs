//! A folder as a storage: what is kept, what is not, and what a wrong storage says.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tempfile::TempDir;
use tenantry_domain::{Clock, EntityId, OrganizationId};
use tenantry_files::{Area, Expected, Files, FilesError, KeepError, Kept, ReceiveError, S3Options};
use uuid::Uuid;

fn new_id() -> Uuid {
    Clock::system().new_id::<EntityId>().as_uuid()
}

struct Fixture {
    folder: TempDir,
    files: Files,
    organization: OrganizationId,
}

impl Fixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let files = Files::local(folder.path(), &"http://localhost".parse().unwrap(), Clock::system()).unwrap();
        Self { folder, files, organization: OrganizationId::from_uuid(new_id()) }
    }

    fn put(&self, upload: Uuid, bytes: &[u8]) {
        let folder = self.folder.path().join(format!("uploads/{}", self.organization.as_uuid()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(upload.to_string()), bytes).unwrap();
    }

    async fn keep(&self, upload: Uuid, byte_size: u64) -> Result<Arc<Kept>, Arc<KeepError>> {
        let expected = Expected { byte_size, mime_type: "text/plain".to_owned(), checksum: None };
        self.files.keep(self.organization, upload, expected).await
    }

    async fn kept(&self) -> usize {
        self.files.stored(Area::Files, self.organization).await.unwrap().len()
    }

    async fn until_kept(&self, expected: usize) {
        for _ in 0..500 {
            if self.kept().await == expected {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(self.kept().await, expected);
    }
}

#[tokio::test]
async fn what_gets_no_row_is_not_kept() {
    let fixture = Fixture::new();
    let upload = new_id();
    assert!(matches!(*fixture.keep(upload, 4).await.unwrap_err(), KeepError::Missing));
    fixture.put(upload, b"text");
    // Calls at once, and later ones, get the same copy.
    let (one, two) = tokio::join!(fixture.keep(upload, 4), fixture.keep(upload, 4));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.key(), two.key());
    // The SHA-256 of `text`, as other programs have it.
    assert_eq!(one.checksum(), "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1");
    drop((one, two));
    assert_eq!(fixture.keep(upload, 4).await.unwrap().key().split('/').count(), 3);
    assert_eq!(fixture.kept().await, 1);
    fixture.files.forget(upload);
    fixture.until_kept(0).await;

    fixture.put(upload, b"text");
    fixture.keep(upload, 4).await.unwrap().leave();
    fixture.files.forget(upload);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(fixture.kept().await, 1, "it has a row");
}

#[tokio::test]
async fn a_check_goes_on_after_its_caller_has_left() {
    let fixture = Fixture::new();
    let upload = new_id();
    let size = 40 * 1024 * 1024;
    fixture.put(upload, &vec![b'x'; size]);
    let size = size as u64;
    // Not long enough for anything.
    assert!(tokio::time::timeout(Duration::from_nanos(1), fixture.keep(upload, size)).await.is_err());
    let kept = fixture.keep(upload, size).await.unwrap();
    assert_eq!(fixture.kept().await, 1, "it was not begun again");
    // `head -c 41943040 /dev/zero | tr '\0' x | sha256sum`
    assert_eq!(kept.checksum(), "831ede74ceb909e3e3401d00eb17d6a2081ff776206a7007047b47859137c6f0");
}

#[tokio::test]
async fn what_is_kept_is_as_old_as_the_copy_and_not_as_what_was_sent() {
    let fixture = Fixture::new();
    let upload = new_id();
    fixture.put(upload, b"text");
    let sent = fixture.folder.path().join(format!("uploads/{}/{upload}", fixture.organization.as_uuid()));
    let day = Duration::from_hours(24);
    let file = std::fs::File::options().write(true).open(sent).unwrap();
    file.set_modified(std::time::SystemTime::from(Clock::system().now()) - day).unwrap();
    fixture.keep(upload, 4).await.unwrap().leave();
    let stored = fixture.files.stored(Area::Files, fixture.organization).await.unwrap();
    assert!(
        Clock::system().now() - stored[0].at < chrono::TimeDelta::minutes(1),
        "the sweep would take it for an old one"
    );
}

#[tokio::test]
async fn a_transfer_is_there_as_a_whole_or_not_at_all() {
    let fixture = Fixture::new();
    let local = fixture.files.as_local().unwrap();
    let key = format!("uploads/{}/{}", fixture.organization.as_uuid(), new_id());
    let pieces = |pieces: &[&'static [u8]]| {
        let pieces: Vec<Result<Bytes, &str>> = pieces.iter().map(|piece| Ok(Bytes::from_static(piece))).collect();
        stream::iter(pieces)
    };
    let stall = Duration::from_millis(50);
    let short = local.receive(&key, 5, pieces(&[b"1234"]), stall).await;
    assert!(matches!(short, Err(ReceiveError::Size)));
    let long = local.receive(&key, 5, pieces(&[b"123", b"456"]), stall).await;
    assert!(matches!(long, Err(ReceiveError::Size)));
    let broken = stream::iter([Ok(Bytes::from_static(b"1")), Err("gone")]);
    assert!(matches!(local.receive(&key, 5, broken, stall).await, Err(ReceiveError::Body("gone"))));
    let silent = stream::pending::<Result<Bytes, &str>>();
    assert!(matches!(local.receive(&key, 5, silent, stall).await, Err(ReceiveError::Stalled)));
    // Never silent for long, and never done.
    let trickle = stream::unfold((), async |()| {
        tokio::time::sleep(Duration::from_millis(900)).await;
        Some((Ok::<_, &str>(Bytes::from_static(b"x")), ()))
    });
    let slow = local.receive(&key, 1_000_000, trickle, Duration::from_secs(1)).await;
    assert!(matches!(slow, Err(ReceiveError::Stalled)));
    local.receive(&key, 5, pieces(&[b"123", b"45"]), stall).await.unwrap();
    for _ in 0..100 {
        if count(&fixture.folder.path().join("uploads")) == 1 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("something is left of what was cut off");
}

fn count(folder: &Path) -> usize {
    let each = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    each.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
}

#[tokio::test]
async fn servers_of_one_folder_take_each_others_addresses() {
    let folder = TempDir::new().unwrap();
    let url = "http://localhost".parse().unwrap();
    // All at once, in a folder without a key.
    let open = || Files::local(folder.path(), &url, Clock::system());
    let all: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().unwrap()).collect()
    });
    let upload = new_id();
    let link = all[0].upload_link(OrganizationId::from_uuid(new_id()), upload, 1, "text/plain").await.unwrap();
    let (key, query) = link.url.strip_prefix("http://localhost/files/").unwrap().split_once('?').unwrap();
    for files in &all {
        assert!(files.as_local().unwrap().admit("PUT", key, query).is_ok());
        assert!(files.as_local().unwrap().admit("GET", key, query).is_err());
    }
    assert_eq!(count(folder.path()), 1, "the key alone");
    std::fs::write(folder.path().join("signing.key"), "short").unwrap();
    assert!(matches!(open(), Err(FilesError::Key(_))));
    // Who gives out no addresses needs none.
    std::fs::remove_file(folder.path().join("signing.key")).unwrap();
    Files::local_without_addresses(folder.path(), Clock::system()).unwrap().probe().await.unwrap();
    assert_eq!(count(folder.path()), 0);
}

#[tokio::test]
async fn a_folder_that_cannot_be_used_is_explained() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let below = folder.path().join("file/below");
    let error = Files::local(&below, &"http://localhost".parse().unwrap(), Clock::system()).unwrap_err();
    assert!(error.to_string().contains("file/below"), "{error}");
    let files = Files::local_without_addresses(folder.path(), Clock::system()).unwrap();
    std::fs::write(folder.path().join("probe"), "in the way").unwrap();
    let problem = files.probe().await.unwrap_err();
    assert!(problem.starts_with("cannot write to "), "{problem}");
}

/// Answers every request with this status and this error of S3's; gives the address.
fn refusing(status: &'static str, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 16 * 1024]);
            let body = format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>No</Message></Error>");
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    format!("http://{address}")
}

#[tokio::test]
async fn a_storage_that_refuses_is_explained() {
    for (status, code, explained) in [
        ("403 Forbidden", "RequestTimeTooSkewed", "the clock of this machine is wrong"),
        ("400 Bad Request", "AuthorizationHeaderMalformed", "the bucket is in another region"),
        ("301 Moved Permanently", "PermanentRedirect", "the bucket is in another region"),
        ("403 Forbidden", "AccessDenied", "these credentials may not do that"),
        ("403 Forbidden", "InvalidAccessKeyId", "does not know AWS_ACCESS_KEY_ID"),
        ("403 Forbidden", "SignatureDoesNotMatch", "AWS_SECRET_ACCESS_KEY is wrong"),
        ("400 Bad Request", "ExpiredToken", "the credentials have expired"),
        ("404 Not Found", "NoSuchBucket", "there is no such bucket"),
    ] {
        let endpoint = refusing(status, code);
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "key"),
            ("AWS_SECRET_ACCESS_KEY", "hidden"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let options = S3Options { bucket: "files".to_owned(), prefix: String::new(), variables };
        let problem = Files::s3(&options, Clock::system()).unwrap().probe().await.unwrap_err();
        assert!(problem.contains(explained) && problem.contains("s3://files/"), "{code}: {problem}");
        assert!(!problem.contains("hidden"), "{problem}");
    }
}
