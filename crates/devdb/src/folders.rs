//! The folders of a cluster: their paths, their owners, and what other processes left behind in them.
//!
//! A base folder contains `data`, `socket`, `log`, `password` and `lock`. The process with an exclusive lock on `lock`
//! owns the cluster. The kernel releases the lock however the process ends, so it needs no recovery.

use std::{
    env,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use crate::{DevDbError, account::Account};

/// The maximum length of a socket's path: 104 bytes including the closing NUL on macOS, 108 on Linux.
const SOCKET_PATH_LIMIT: usize = 103;
/// The longest file name that Postgres gives to the socket.
const LONGEST_SOCKET_NAME: &str = "/.s.PGSQL.65535.lock";
/// The prefix of the name of every temporary base folder.
const EPHEMERAL_PREFIX: &str = "tenantry-pg-";
/// A base folder newer than this may not be locked by its owner yet.
const SETTLED: Duration = Duration::from_mins(1);

/// The paths of one cluster.
#[derive(Clone, Debug)]
pub(crate) struct Folders {
    pub(crate) base: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) password: PathBuf,
}

impl Folders {
    /// Creates a base folder for a cluster that ends with this process.
    pub(crate) fn ephemeral(account: Account) -> Result<Self, DevDbError> {
        let base = temporary_root(account).join(format!("{EPHEMERAL_PREFIX}{}-{}", std::process::id(), random_hex(4)?));
        create_private(&base, account)?;
        Self::within(base, account)
    }

    /// Creates or finds the folders below a named base folder.
    ///
    /// A server that runs as another account cannot use a folder below, for example, `/root`. The cluster then goes to
    /// `/var/lib/tenantry`, under a name derived from the requested path, so that the next start finds it again.
    pub(crate) fn named(base: &Path, account: Account) -> Result<Self, DevDbError> {
        let mut base = std::path::absolute(base).map_err(DevDbError::io("find", base))?;
        let existing = base.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new("/"));
        if !account.can_reach(existing) {
            let instead = Path::new("/var/lib/tenantry").join(hash_of(&base));
            tracing::warn!(
                asked = %base.display(), used = %instead.display(),
                "the server's account cannot reach the data folder; using another"
            );
            base = instead;
        }
        if let Some(parent) = base.parent() {
            fs::create_dir_all(parent).map_err(DevDbError::io("create", parent))?;
        }
        if !base.is_dir() {
            create_private(&base, account)?;
        }
        Self::within(base, account)
    }

    /// Creates or finds the folders of a cluster that several processes share, identified by a key.
    pub(crate) fn shared(key: &str, account: Account) -> Result<Self, DevDbError> {
        let base = temporary_root(account).join(format!("tenantry-test-{}-{key}", account.own_uid));
        create_private(&base, account)?;
        Self::within(base, account)
    }

    fn within(base: PathBuf, account: Account) -> Result<Self, DevDbError> {
        let data = base.join("data");
        let mut socket = base.join("socket");
        if socket.as_os_str().len() + LONGEST_SOCKET_NAME.len() > SOCKET_PATH_LIMIT {
            socket = Path::new("/tmp").join(format!("tenantry-socket-{}-{}", account.own_uid, hash_of(&base)));
        }
        create_private(&socket, account)?;
        Ok(Self { data, socket, log: base.join("log"), password: base.join("password"), base })
    }

    /// Takes the lock that makes this process the owner of the cluster.
    pub(crate) fn lock(&self, account: Account) -> Result<File, DevDbError> {
        let path = self.base.join("lock");
        let file = open_lock(&path, account)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                let pid = PostmasterFile::read(&self.data).map(|postmaster| postmaster.pid);
                Err(DevDbError::AlreadyRunning { data_dir: self.base.clone(), pid })
            }
            Err(TryLockError::Error(source)) => Err(DevDbError::Io { action: "lock", path, source }),
        }
    }

    /// The cluster's password; created on the first call and kept in a file with mode 0600.
    pub(crate) fn read_or_make_password(&self, account: Account) -> Result<String, DevDbError> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.password)
            .map_err(DevDbError::io("open", &self.password))?;
        let mut password = String::new();
        file.read_to_string(&mut password).map_err(DevDbError::io("read", &self.password))?;
        if password.is_empty() {
            password = random_hex(24)?;
            file.write_all(password.as_bytes()).map_err(DevDbError::io("write", &self.password))?;
            account.own(&self.password)?;
        }
        Ok(password)
    }

    /// Removes the whole cluster. What cannot be removed is logged and left for the next sweep.
    pub(crate) fn remove(&self) {
        for folder in [&self.base, &self.socket] {
            if let Err(error) = fs::remove_dir_all(folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "cannot remove a cluster's folder");
            }
        }
    }

    /// The base folders of temporary clusters whose process is gone, each with the lock that makes this process its
    /// owner.
    pub(crate) fn abandoned(account: Account) -> Vec<(Self, File)> {
        let root = temporary_root(account);
        let Ok(entries) = fs::read_dir(&root) else { return Vec::new() };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(EPHEMERAL_PREFIX))
            .filter(|entry| {
                entry.metadata().is_ok_and(|meta| {
                    meta.is_dir()
                        && meta.uid() == account.uid
                        && meta.modified().is_ok_and(|at| older_than(at, SETTLED))
                })
            })
            .filter_map(|entry| {
                let folders = Self::within(entry.path(), account).ok()?;
                let lock = folders.lock(account).ok()?;
                Some((folders, lock))
            })
            .collect()
    }
}

/// The content of a running postmaster's `postmaster.pid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PostmasterFile {
    pub(crate) pid: u32,
    pub(crate) port: Option<u16>,
    /// It accepts connections.
    pub(crate) ready: bool,
}

impl PostmasterFile {
    pub(crate) fn path(data: &Path) -> PathBuf {
        data.join("postmaster.pid")
    }

    /// Reads the file; `None` when it does not exist or is still being written.
    pub(crate) fn read(data: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(Self::path(data)).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        // Next come the data folder, the start time, the port, socket folder, address, shared memory, and the state.
        let port = lines.nth(2).and_then(|line| line.trim().parse().ok());
        let ready = lines.nth(3).is_some_and(|line| line.trim() == "ready");
        Some(Self { pid, port, ready })
    }
}

/// Creates a folder that only the server's account (and root) may enter, or checks that an existing one is such a
/// folder.
pub(crate) fn create_private(path: &Path, account: Account) -> Result<(), DevDbError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => account.own(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            // The name may be guessable and the parent writable for everyone, so an existing folder may be a trap.
            let meta = fs::symlink_metadata(path).map_err(DevDbError::io("look at", path))?;
            if !meta.is_dir() || (meta.uid() != account.uid && meta.uid() != account.own_uid) {
                return Err(DevDbError::ForeignFolder { path: path.to_owned() });
            }
            account.own(path)
        }
        Err(source) => Err(DevDbError::Io { action: "create", path: path.to_owned(), source }),
    }
}

/// Opens a file that is only used for locking. The server's account may open it too, because the watchdog runs as that
/// account.
pub(crate) fn open_lock(path: &Path, account: Account) -> Result<File, DevDbError> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(DevDbError::io("open", path))?;
    account.own(path)?;
    Ok(file)
}

/// The parent of temporary clusters: the usual folder, unless the server cannot reach it or its sockets' paths would be
/// too long.
fn temporary_root(account: Account) -> PathBuf {
    // Room for the longest base folder and `socket` in it.
    const ROOM: usize = 48;
    let usual = env::temp_dir();
    if account.can_reach(&usual) && usual.as_os_str().len() + ROOM + LONGEST_SOCKET_NAME.len() <= SOCKET_PATH_LIMIT {
        usual
    } else {
        PathBuf::from("/tmp")
    }
}

pub(crate) fn older_than(at: SystemTime, age: Duration) -> bool {
    SystemTime::now().duration_since(at).is_ok_and(|passed| passed > age)
}

/// A short name derived from a value, the same in every process of one build.
pub(crate) fn hash_of(value: impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// This many random bytes as hexadecimal digits.
pub(crate) fn random_hex(bytes: usize) -> Result<String, DevDbError> {
    let mut buffer = vec![0_u8; bytes];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut buffer))
        .map_err(DevDbError::io("read", "/dev/urandom"))?;
    Ok(buffer.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_postmaster_file_is_read_at_every_stage() {
        let full = "4711\n/data\n1700000000\n5433\n/socket\n127.0.0.1\n  123 456\nready   \n";
        assert_eq!(PostmasterFile::parse(full), Some(PostmasterFile { pid: 4711, port: Some(5433), ready: true }));
        let starting = full.replace("ready", "starting");
        assert!(!PostmasterFile::parse(&starting).unwrap().ready);
        assert_eq!(PostmasterFile::parse("4711\n"), Some(PostmasterFile { pid: 4711, port: None, ready: false }));
        assert_eq!(PostmasterFile::parse(""), None);
    }

    #[test]
    fn a_long_path_gets_a_short_socket_folder() {
        let account = Account::for_server().unwrap();
        let root = tempfile::tempdir_in(temporary_root(account)).unwrap();
        let folders = Folders::within(root.path().join("x".repeat(120)), account).unwrap();
        let longest = folders.socket.as_os_str().len() + LONGEST_SOCKET_NAME.len();
        assert!(longest <= SOCKET_PATH_LIMIT, "{}", folders.socket.display());
        fs::remove_dir(&folders.socket).unwrap();
    }

    #[test]
    fn one_process_at_a_time_owns_a_cluster() {
        let account = Account::for_server().unwrap();
        let folders = Folders::ephemeral(account).unwrap();
        let lock = folders.lock(account).unwrap();
        assert!(matches!(folders.lock(account), Err(DevDbError::AlreadyRunning { .. })));
        drop(lock);
        folders.lock(account).unwrap();
        folders.remove();
        assert!(!folders.base.exists());
    }

    #[test]
    fn the_password_is_private_and_does_not_change() {
        let account = Account::for_server().unwrap();
        let folders = Folders::ephemeral(account).unwrap();
        let password = folders.read_or_make_password(account).unwrap();
        assert_eq!(password.len(), 48);
        assert_eq!(folders.read_or_make_password(account).unwrap(), password);
        assert_eq!(fs::metadata(&folders.password).unwrap().mode() & 0o777, 0o600);
        folders.remove();
    }
}
