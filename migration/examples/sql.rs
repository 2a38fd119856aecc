//! Prints the SQL of all migrations, for a reviewer or a linter: `cargo run -p tenantry-migration --example sql [down]`. With
//! `files FOLDER` it writes a file for each direction of each migration there instead.

use std::path::Path;
use std::process::ExitCode;

use tenantry_migration::Script;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut scripts = tenantry_migration::scripts();
    match arguments[..] {
        [] => print(&scripts, |script| &script.up),
        ["down"] => {
            scripts.reverse();
            print(&scripts, |script| &script.down);
        }
        ["files", folder] => {
            if let Err(error) = write(&scripts, Path::new(folder)) {
                eprintln!("sql: cannot write to {folder}: {error}");
                return ExitCode::FAILURE;
            }
        }
        _ => {
            eprintln!("usage: sql [down | files FOLDER]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn print(scripts: &[Script], direction: impl Fn(&Script) -> &str) {
    for script in scripts {
        println!("-- {}\n{}", script.name, direction(script));
    }
}

fn write(scripts: &[Script], folder: &Path) -> std::io::Result<()> {
    for script in scripts {
        std::fs::write(folder.join(format!("{}.up.sql", script.name)), &script.up)?;
        std::fs::write(folder.join(format!("{}.down.sql", script.name)), &script.down)?;
    }
    Ok(())
}
