//! Finding the Postgres server programs, and saying what to install when there are none.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::DevDbError;

/// The oldest Postgres major version that the product runs on.
pub const MINIMUM_MAJOR: u32 = 15;

/// The variable that overrides the search with one folder of programs.
const OVERRIDE: &str = "TENANTRY_PG_BIN";

/// The programs that a private cluster needs. A folder that lacks one is skipped.
const PROGRAMS: [&str; 4] = ["postgres", "initdb", "pg_ctl", "psql"];

/// A folder with the server programs of one Postgres version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    major: u32,
}

impl Binaries {
    /// Finds the newest Postgres that the product supports: in the folder named by `TENANTRY_PG_BIN`, else on `PATH`,
    /// with `pg_config`, and in the folders of the usual packages.
    ///
    /// # Errors
    /// [`DevDbError::BinariesMissing`] when there is none; its text names the package to install.
    pub fn find() -> Result<Self, DevDbError> {
        if let Some(folder) = env::var_os(OVERRIDE).filter(|folder| !folder.is_empty()) {
            let folder = PathBuf::from(folder);
            return Self::find_in([folder.clone()]).map_err(|error| match error {
                DevDbError::BinariesMissing { found: None } => {
                    DevDbError::BinariesMissing { found: Some(format!("{OVERRIDE} is {}", folder.display())) }
                }
                other => other,
            });
        }
        Self::find_in(candidates())
    }

    /// Finds the newest supported version in the given folders; of equal versions, the first.
    ///
    /// # Errors
    /// [`DevDbError::BinariesMissing`] when no folder contains one.
    pub fn find_in(folders: impl IntoIterator<Item = PathBuf>) -> Result<Self, DevDbError> {
        let mut best: Option<Self> = None;
        for folder in folders {
            if let Some(found) = Self::look_at(folder)
                && best.as_ref().is_none_or(|best| found.major > best.major)
            {
                best = Some(found);
            }
        }
        match best {
            Some(best) if best.major >= MINIMUM_MAJOR => Ok(best),
            Some(old) => Err(DevDbError::BinariesMissing {
                found: Some(format!("only {} in {}", old.major, old.folder.display())),
            }),
            None => Err(DevDbError::BinariesMissing { found: None }),
        }
    }

    /// Finds the programs of exactly this major version, which an existing data folder requires.
    pub(crate) fn find_major(data_dir: &Path, major: u32) -> Result<Self, DevDbError> {
        let newest = Self::find()?;
        if newest.major == major {
            return Ok(newest);
        }
        candidates()
            .into_iter()
            .filter_map(Self::look_at)
            .find(|found| found.major == major)
            .ok_or_else(|| DevDbError::DataVersion { data_dir: data_dir.to_owned(), data_major: major })
    }

    /// The folder that holds the programs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The Postgres major version, such as 17.
    pub fn major(&self) -> u32 {
        self.major
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Records which programs these are, for [`Binaries::recall`].
    pub(crate) fn note(&self, file: &Path) -> Result<(), DevDbError> {
        fs::write(file, format!("{}\n{}\n", self.major, self.folder.display())).map_err(DevDbError::io("write", file))
    }

    /// The programs that another process recorded; `None` when it recorded none or they are gone.
    pub(crate) fn recall(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (major, folder) = text.trim_end().split_once('\n')?;
        let found = Self { folder: PathBuf::from(folder), major: major.parse().ok()? };
        found.program("psql").is_file().then_some(found)
    }

    /// Whether this installation has a loadable module, so that preloading it cannot prevent the server from starting.
    pub(crate) fn has_module(&self, name: &str) -> bool {
        let lib = |path: &str| self.folder.join(path);
        [lib("../lib"), lib("../lib/postgresql"), lib("../lib64/pgsql"), PathBuf::from("/usr/lib64/pgsql")]
            .iter()
            .any(|folder| ["so", "dylib"].iter().any(|end| folder.join(format!("{name}.{end}")).is_file()))
    }

    fn look_at(folder: PathBuf) -> Option<Self> {
        if !PROGRAMS.iter().all(|program| folder.join(program).is_file()) {
            return None;
        }
        let output = Command::new(folder.join("postgres")).arg("--version").output().ok()?;
        let major = parse_major(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { folder, major })
    }
}

/// `postgres (Postgres) 15.14 (Debian 15.14-0+deb12u1)`, `… 18beta1` -> the major version.
fn parse_major(version: &str) -> Option<u32> {
    let number = version.split_once("(PostgreSQL)")?.1.trim_start();
    let digits = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..digits)?.parse().ok()
}

/// Every folder that may contain the programs, most specific first, without duplicates.
fn candidates() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output()
        && output.status.success()
    {
        folders.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    // Debian and Ubuntu; PostgreSQL's own RPMs; Homebrew on both architectures and on Linux; Postgres.app.
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
        ("/home/linuxbrew/.linuxbrew/opt", "postgresql"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ] {
        let Ok(entries) = fs::read_dir(parent) else { continue };
        let mut found: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
            .collect();
        found.sort();
        folders.append(&mut found);
    }
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| !folder.as_os_str().is_empty() && seen.insert(folder.clone()));
    folders
}

/// What to install on this machine, for the error message about a missing server.
pub(crate) fn install_hint() -> String {
    hint_for(env::consts::OS, &fs::read_to_string("/etc/os-release").unwrap_or_default())
}

fn hint_for(os: &str, os_release: &str) -> String {
    let families: Vec<&str> = os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches(['"', '\'']).split_whitespace())
        .collect();
    let is = |names: &[&str]| families.iter().any(|family| names.contains(family));
    let install = if os == "macos" {
        "`brew install postgresql@17`"
    } else if is(&["debian", "ubuntu"]) {
        "`sudo apt-get install postgresql`"
    } else if is(&["fedora", "rhel", "centos"]) {
        "`sudo dnf install postgresql-server`"
    } else if is(&["arch"]) {
        "`sudo pacman -S postgresql`"
    } else if is(&["alpine"]) {
        "`sudo apk add postgresql`"
    } else if is(&["suse", "opensuse"]) {
        "`sudo zypper install postgresql-server`"
    } else {
        "your system's package of the PostgreSQL server"
    };
    format!("install {install} or run scripts/bootstrap, or name a folder of server programs in {OVERRIDE}")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn fake_installation(root: &Path, name: &str, version: &str) -> PathBuf {
        let folder = root.join(name);
        fs::create_dir(&folder).unwrap();
        for program in PROGRAMS {
            let path = folder.join(program);
            fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        folder
    }

    #[test]
    fn the_newest_supported_version_wins() {
        let root = tempfile::tempdir().unwrap();
        let old = fake_installation(root.path(), "a", "14.9");
        let newest = fake_installation(root.path(), "b", "17.2 (Homebrew)");
        let middle = fake_installation(root.path(), "c", "15.14 (Debian 15.14-0+deb12u1)");
        let found = Binaries::find_in([old, newest.clone(), middle, root.path().join("absent")]).unwrap();
        assert_eq!((found.folder(), found.major()), (newest.as_path(), 17));
    }

    #[test]
    fn an_old_or_missing_version_names_what_to_install() {
        let root = tempfile::tempdir().unwrap();
        let old = fake_installation(root.path(), "a", "14.9");
        let text = Binaries::find_in([old]).unwrap_err().to_string();
        assert!(text.starts_with("no PostgreSQL 15 or newer found (only 14 in "), "{text}");
        let text = Binaries::find_in([root.path().to_owned()]).unwrap_err().to_string();
        assert!(text.starts_with("no PostgreSQL 15 or newer found; install "), "{text}");
        assert!(text.contains("scripts/bootstrap"), "{text}");
    }

    #[test]
    fn the_hint_names_the_platforms_package() {
        assert!(hint_for("macos", "").contains("brew install postgresql@17"));
        assert!(hint_for("linux", "ID=debian\n").contains("apt-get install postgresql`"));
        assert!(hint_for("linux", "ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n").contains("apt-get"));
        assert!(
            hint_for("linux", "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n")
                .contains("dnf install postgresql-server")
        );
        assert!(hint_for("linux", "").contains("your system's package"));
    }

    #[test]
    fn versions_are_parsed_with_any_suffix() {
        assert_eq!(parse_major("postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n"), Some(15));
        assert_eq!(parse_major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 16"), Some(16));
        assert_eq!(parse_major("something else"), None);
    }
}
