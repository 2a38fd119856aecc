//! The command line: the commands, and how a failure is reported.

mod dev;
mod doctor;
mod export;
mod maintain;
mod migrate;
mod organization;
mod plans;
mod progress;
mod purge;
mod reindex;
mod schema;
mod seed;
mod serve;
mod stripe;
mod sweep;
mod token;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::settings::LogSettings;
use tenantry_domain::causes::causes;

/// A multi-tenant GraphQL backend on PostgreSQL.
#[derive(Debug, Parser)]
#[command(name = "tenantry", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    log: LogSettings,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Starts a private database with demo data and serves it; for development.
    Dev(Box<dev::Dev>),
    /// Serves the API over an existing database.
    Serve(Box<serve::Serve>),
    /// Changes the database schema.
    Migrate(Box<migrate::Migrate>),
    /// Fills the database.
    Seed(Box<seed::Seed>),
    /// Creates users.
    User(Box<user::User>),
    /// Creates organizations.
    Organization(Box<organization::Organization>),
    /// Changes what the plans allow.
    Plans(Box<plans::Plans>),
    /// Writes all data of one organization to standard output, as JSON lines.
    Export(Box<export::Export>),
    /// Deletes the organizations whose deletion is due.
    Purge(Box<purge::Purge>),
    /// Makes the partitions of the coming months, and detaches old ones.
    Maintain(Box<maintain::Maintain>),
    /// Makes the index of search anew.
    Reindex(Box<reindex::Reindex>),
    /// Finds files without an attachment, and attachments without a file.
    Sweep(Box<sweep::Sweep>),
    /// Handles stored Stripe events.
    Stripe(Box<stripe::Stripe>),
    /// Prints a token for a member of an organization, and nothing else.
    Token(Box<token::Token>),
    /// Prints the GraphQL schema.
    Schema,
    /// Checks the database; exits with 1 if something is wrong.
    Doctor(doctor::Doctor),
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    // Asking for help is not a failure; clap prints its own errors.
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // If standard error is closed, there is nobody to tell.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(2) } else { ExitCode::SUCCESS };
        }
    };
    match execute(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("tenantry: {}", causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

fn execute(cli: Cli) -> anyhow::Result<ExitCode> {
    cli.log.install()?;
    log_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(async {
        match cli.command {
            Command::Dev(command) => command.run().await,
            Command::Serve(command) => command.run().await,
            Command::Migrate(command) => command.run().await,
            Command::Seed(command) => command.run().await,
            Command::User(command) => command.run().await,
            Command::Organization(command) => command.run().await,
            Command::Plans(command) => command.run().await,
            Command::Export(command) => command.run().await,
            Command::Purge(command) => command.run().await,
            Command::Maintain(command) => command.run().await,
            Command::Reindex(command) => command.run().await,
            Command::Sweep(command) => command.run().await,
            Command::Stripe(command) => command.run().await,
            Command::Token(command) => command.run().await,
            Command::Schema => {
                schema::run();
                Ok(ExitCode::SUCCESS)
            }
            Command::Doctor(command) => command.run().await,
        }
    });
    // Only connections of clients that do not hang up are left by now.
    runtime.shutdown_background();
    outcome
}

/// Makes a panic a normal log line, with its location and without a dump.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or_default();
        tracing::error!(place, message, "a panic");
    }));
}

/// Writes a line to standard output. If the reader has gone away, the output ends, not the program.
fn say(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_of_a_setting_is_an_environment_variable_too() {
        let cli = Cli::command();
        let serve = cli.get_subcommands().find(|command| command.get_name() == "serve").unwrap();
        for argument in
            serve.get_arguments().filter(|argument| !["help", "version"].contains(&argument.get_id().as_str()))
        {
            assert!(argument.get_env().is_some(), "{}", argument.get_id());
        }
    }

    #[test]
    fn help_shows_no_secret() {
        for command in Cli::command().get_subcommands() {
            for argument in
                command.get_arguments().filter(|argument| argument.get_id().as_str().ends_with("database_url"))
            {
                assert!(argument.is_hide_env_values_set(), "{}", argument.get_id());
            }
        }
    }
}
