//! `tenantry token`: a token for development.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use tenantry_domain::user::User;
use tenantry_domain::{Clock, Identity, UserId};
use tenantry_store::{IdentityScope, Store, StoreSettings, organization, user};
use tenantry_token::{Issued, Issuer};

use super::say;
use crate::settings::{DatabaseSettings, DevFile, FilesSettings, JwtSettings, Secret, duration};
use crate::{issuer, start};

/// Prints a token for a member of an organization.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The organization's slug.
    #[arg(long, value_name = "SLUG")]
    organization: String,
    /// The member's e-mail address.
    #[arg(long, value_name = "EMAIL")]
    email: String,
    /// How long the token is valid.
    #[arg(long, default_value = "1h", value_parser = duration, value_name = "DURATION")]
    ttl: Duration,
    /// The folder of `tenantry dev`'s database. Settings that are not given are read from there.
    #[arg(long, env = "TENANTRY_DATA_DIR", default_value = ".tenantry", value_name = "DIR")]
    data_dir: PathBuf,
    #[command(flatten)]
    database: DatabaseSettings,
    #[command(flatten)]
    jwt: JwtSettings,
}

impl Token {
    pub(super) async fn run(mut self) -> anyhow::Result<ExitCode> {
        adopt_development(&self.data_dir, &mut self.database, Some(&mut self.jwt), None)?;
        let url = self.database.url()?;
        // The signing key first, because checking it needs no database.
        let issuer = issuer::from_secret(&self.jwt)?;
        start::check_database(url).await?;
        let settings = StoreSettings { max_connections: 1, ..StoreSettings::new(url) };
        let store = Store::connect(&settings, Clock::system()).await?;
        let new = issue(&store, &issuer, &self.organization, &self.email, self.ttl).await?;
        say(&new.token);
        Ok(ExitCode::SUCCESS)
    }
}

/// Fills in missing settings from the files of `tenantry dev`. The development key is used only with the development
/// database.
pub(super) fn adopt_development(
    data_dir: &std::path::Path,
    database: &mut DatabaseSettings,
    jwt: Option<&mut JwtSettings>,
    files: Option<&mut FilesSettings>,
) -> anyhow::Result<()> {
    if database.url().is_ok() {
        return Ok(());
    }
    let file = DevFile::of(data_dir);
    let mut left = file.read().with_context(|| format!("cannot read {}", file.path().display()))?;
    database.database_url = left.remove("DATABASE_URL").map(Secret::from);
    if let Some(files) = files.filter(|files| !files.is_named()) {
        files.files = left.remove("TENANTRY_FILES");
    }
    if let Some(jwt) = jwt
        && database.database_url.is_some()
    {
        jwt.jwt_issuer = left.remove("TENANTRY_JWT_ISSUER");
        jwt.jwt_audience = left.remove("TENANTRY_JWT_AUDIENCE");
        jwt.jwt_key_file = left.remove("TENANTRY_JWT_KEY_FILE").map(PathBuf::from);
        jwt.jwt_algorithm = None;
    }
    Ok(())
}

/// Looks up the user and the organization, and signs.
pub(super) async fn issue(
    store: &Store,
    issuer: &Issuer,
    slug: &str,
    email: &str,
    ttl: Duration,
) -> anyhow::Result<Issued> {
    let identity = find(store, slug, email).await?;
    Ok(issuer.issue(identity.user_id, identity.organization_id, ttl)?)
}

/// The user with this address, in the organization with this slug.
pub(super) async fn find(store: &Store, slug: &str, email: &str) -> anyhow::Result<Identity> {
    let user = user_with(store, email)
        .await?
        .ok_or_else(|| anyhow!("there is no user {email}; `tenantry user create` makes one"))?;
    let identity = member_of(store, slug, user.id).await?;
    identity.ok_or_else(|| anyhow!("{email} is not a member of the organization {slug}"))
}

/// As [`find`]; `None` when there is no such user, or the user is no member.
pub(super) async fn look_up(store: &Store, slug: &str, email: &str) -> anyhow::Result<Option<Identity>> {
    match user_with(store, email).await? {
        Some(user) => member_of(store, slug, user.id).await,
        None => Ok(None),
    }
}

async fn user_with(store: &Store, email: &str) -> anyhow::Result<Option<User>> {
    let scope = IdentityScope::open(store, None).await?;
    Ok(user::get_by_email(&scope, email).await?)
}

async fn member_of(store: &Store, slug: &str, user_id: UserId) -> anyhow::Result<Option<Identity>> {
    let scope = IdentityScope::open(store, Some(user_id)).await?;
    let organizations = organization::list_of_user(&scope).await?;
    let found = organizations.into_iter().find(|(organization, _)| organization.slug == slug);
    Ok(found.map(|(organization, _)| Identity { user_id, organization_id: organization.id }))
}
