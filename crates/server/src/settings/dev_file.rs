//! The settings of the development database, which `tenantry dev` writes so that other commands find it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file of `NAME=value` lines that a shell can read as well.
#[derive(Debug, Clone)]
pub struct DevFile {
    path: PathBuf,
}

impl DevFile {
    /// The file in this data folder.
    pub fn of(data_dir: &Path) -> Self {
        Self { path: data_dir.join("env") }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the settings, readable only by this user: they contain a password.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, settings: &[(&str, &str)]) -> io::Result<()> {
        let mut text = String::new();
        for (name, value) in settings {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name}='{}'", value.replace('\'', "'\\''"));
        }
        // Always a new file, so that its mode is ours even if an older one was more permissive.
        match std::fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.path)?.write_all(text.as_bytes())
    }

    /// The settings; empty if there is no such file.
    ///
    /// # Errors
    /// When the file exists and cannot be read.
    pub fn read(&self) -> io::Result<HashMap<String, String>> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(HashMap::new()),
            Err(error) => return Err(error),
        };
        // Someone may have saved it with an editor that adds a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Ok(pairs.map(|(name, value)| (name.to_owned(), unquoted(value))).collect())
    }
}

fn unquoted(value: &str) -> String {
    let inner = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\'')).unwrap_or(value);
    inner.replace("'\\''", "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = std::env::temp_dir().join(format!("tenantry-dev-file-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = DevFile::of(&folder);
        assert!(file.read().unwrap().is_empty());
        file.write(&[("DATABASE_URL", "postgres://a:b'c@h/d?x=y"), ("OTHER", "")]).unwrap();
        let settings = file.read().unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        std::fs::write(file.path(), format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
        assert_eq!(file.read().unwrap(), settings, "with a byte order mark and other ends of lines");
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(settings["DATABASE_URL"], "postgres://a:b'c@h/d?x=y");
        assert_eq!(settings["OTHER"], "");
    }
}
