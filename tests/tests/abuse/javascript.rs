//! Projects of Node that tests run, with the packages that their lock files name.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

/// The files of a project.
pub(crate) type Files = [(&'static str, &'static str)];

/// The folder of a project with its packages installed, which is kept for the next run; `None`, with a note, where it cannot be
/// installed. On CI that is a failure: a test that is passed over would go unnoticed.
pub(crate) async fn installed(name: &str, files: &Files) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    match install(&folder, files).await {
        Ok(()) => Some(folder),
        Err(reason) => {
            assert!(std::env::var_os("CI").is_none(), "{reason}");
            eprintln!("skipped: {reason}");
            None
        }
    }
}

async fn install(folder: &Path, files: &Files) -> Result<(), String> {
    let stamp = folder.join("installed");
    let wanted: String = files.iter().map(|(_, content)| *content).collect();
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(folder).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    let output = install.output().await.map_err(|error| format!("npm cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("npm could not install: {}", String::from_utf8_lossy(&output.stderr)));
    }
    std::fs::write(stamp, wanted).unwrap();
    Ok(())
}

/// What `run.mjs` of the project prints, which is JSON.
pub(crate) async fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Value {
    let mut node = Command::new("node");
    node.arg("run.mjs").args(arguments).envs(settings.iter().copied()).current_dir(folder);
    let output = node.output().await.expect("where npm is, node is");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}
