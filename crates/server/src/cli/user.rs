//! `tenantry user`: creates users, until people can sign up themselves.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tenantry_domain::Clock;
use tenantry_domain::user::NewUser;
use tenantry_service::user;

use super::say;
use crate::settings::MigrateSettings;

/// Manages users.
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Creates a user and prints the id.
    Create(Create),
}

#[derive(Debug, Args)]
struct Create {
    /// The e-mail address; no other user has it.
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// The user's name.
    #[arg(long, value_name = "NAME")]
    name: String,
    #[command(flatten)]
    settings: MigrateSettings,
}

impl User {
    pub(super) async fn run(self) -> anyhow::Result<ExitCode> {
        let Action::Create(Create { email, name, settings }) = self.action;
        let user = user::create(settings.url()?, &Clock::system(), NewUser { email, name }).await?;
        say(&user.id.to_string());
        Ok(ExitCode::SUCCESS)
    }
}
