//! Which operating-system account the server runs as: our own, or an unprivileged one when we are root, because
//! `initdb` and `postgres` refuse root.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::Command,
    sync::OnceLock,
};

use crate::DevDbError;

/// The accounts to fall back to as root, best first.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The account that owns the data folder and runs the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// The user that the server runs as.
    pub(crate) uid: u32,
    gid: u32,
    /// The user that this process runs as.
    pub(crate) own_uid: u32,
}

impl Account {
    /// The account for this process; determined once.
    pub(crate) fn for_server() -> Result<Self, DevDbError> {
        static ACCOUNT: OnceLock<Option<Account>> = OnceLock::new();
        ACCOUNT.get_or_init(Self::look_up).ok_or(DevDbError::NoUnprivilegedAccount)
    }

    fn look_up() -> Option<Self> {
        let own_uid = id(&["-u"])?;
        if own_uid != 0 {
            return Some(Self { uid: own_uid, gid: id(&["-g"])?, own_uid });
        }
        UNPRIVILEGED
            .iter()
            .find_map(|name| Some(Self { uid: id(&["-u", name])?, gid: id(&["-g", name])?, own_uid }))
            .filter(|account| account.uid != 0)
    }

    /// Whether the server runs as a different user than this process.
    pub(crate) fn is_other(self) -> bool {
        self.uid != self.own_uid
    }

    /// A command that runs as this account, in `/`, without environment variables that affect Postgres or the language.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir("/").env("LC_ALL", "C");
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("PG")) {
                command.env_remove(name);
            }
        }
        if self.is_other() {
            // The standard library also drops root's supplementary groups here.
            command.uid(self.uid).gid(self.gid).env("HOME", "/");
        }
        command
    }

    /// Gives a file or folder that root created to the account.
    pub(crate) fn own(self, path: &Path) -> Result<(), DevDbError> {
        if self.is_other() {
            chown(path, Some(self.uid), Some(self.gid)).map_err(DevDbError::io("change the owner of", path))?;
        }
        Ok(())
    }

    /// Whether the account may enter this folder and every one above it.
    pub(crate) fn can_reach(self, folder: &Path) -> bool {
        !self.is_other()
            || folder.ancestors().filter(|ancestor| !ancestor.as_os_str().is_empty()).all(|ancestor| {
                fs::metadata(ancestor).is_ok_and(|meta| {
                    let bit = if meta.uid() == self.uid {
                        0o100
                    } else if meta.gid() == self.gid {
                        0o010
                    } else {
                        0o001
                    };
                    meta.mode() & bit != 0
                })
            })
    }
}

fn id(args: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(args).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_server_never_runs_as_root() {
        let account = Account::for_server().unwrap();
        assert_ne!(account.uid, 0);
        let output = account.command(Path::new("id")).arg("-u").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), account.uid.to_string());
    }

    #[test]
    fn an_inaccessible_parent_folder_is_detected() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let account = Account::for_server().unwrap();
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(account.can_reach(&inner), !account.is_other());
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert!(account.can_reach(&inner));
    }
}
