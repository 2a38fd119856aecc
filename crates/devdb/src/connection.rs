//! The address of a cluster, and the URLs of its databases.

use std::{
    fmt::{self, Write as _},
    path::{Path, PathBuf},
};

/// The database roles of the product, which exist in every private cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// `tenantry_owner`: owns every table; runs migrations.
    Owner,
    /// `tenantry_app`: the API.
    App,
    /// `tenantry_auth`: sign-in.
    Auth,
    /// `tenantry_worker`: background jobs.
    Worker,
    /// `postgres`: the cluster's superuser.
    Superuser,
}

impl Role {
    /// The roles that [`Cluster::prepare_roles`](crate::Cluster::prepare_roles) creates.
    pub const CREATED: [Self; 4] = [Self::Owner, Self::App, Self::Auth, Self::Worker];

    /// The role's name in Postgres.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Owner => "tenantry_owner",
            Self::App => "tenantry_app",
            Self::Auth => "tenantry_auth",
            Self::Worker => "tenantry_worker",
            Self::Superuser => "postgres",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The address of a cluster, and the password that all its roles share.
#[derive(Clone, PartialEq, Eq)]
pub struct Connection {
    pub(crate) port: u16,
    pub(crate) password: String,
    pub(crate) socket_dir: PathBuf,
}

impl Connection {
    /// `postgres://role:password@127.0.0.1:port/database`.
    pub fn url(&self, role: &str, database: &str) -> String {
        let Self { port, password, .. } = self;
        format!("postgres://{}:{password}@127.0.0.1:{port}/{}", encoded(role), encoded(database))
    }

    /// The same database over the Unix socket, which needs no password and connects faster.
    pub fn socket_url(&self, role: &str, database: &str) -> String {
        let host = encoded(&self.socket_dir.to_string_lossy());
        format!("postgres://{}@{host}:{}/{}", encoded(role), self.port, encoded(database))
    }

    /// The URLs of one database, a method per role.
    pub fn database(&self, name: &str) -> DatabaseUrls {
        DatabaseUrls { connection: self.clone(), name: name.to_owned() }
    }

    /// The loopback port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the Unix socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }
}

/// The password must not appear in logs.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("port", &self.port)
            .field("socket_dir", &self.socket_dir)
            .finish_non_exhaustive()
    }
}

/// The URLs of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseUrls {
    connection: Connection,
    name: String,
}

impl DatabaseUrls {
    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cluster's address.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The URL for a role, over loopback TCP.
    pub fn url(&self, role: Role) -> String {
        self.connection.url(role.name(), &self.name)
    }

    /// The URL for a role, over the Unix socket.
    pub fn socket_url(&self, role: Role) -> String {
        self.connection.socket_url(role.name(), &self.name)
    }

    /// The URL of the role that owns the tables.
    pub fn owner_url(&self) -> String {
        self.url(Role::Owner)
    }

    /// The URL of the API's role.
    pub fn app_url(&self) -> String {
        self.url(Role::App)
    }

    /// The URL of the sign-in role.
    pub fn auth_url(&self) -> String {
        self.url(Role::Auth)
    }

    /// The URL of the background jobs' role.
    pub fn worker_url(&self) -> String {
        self.url(Role::Worker)
    }

    /// The URL of the cluster's superuser.
    pub fn superuser_url(&self) -> String {
        self.url(Role::Superuser)
    }
}

/// Percent-encodes every character that is not unreserved in RFC 3986.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_encoded_and_debug_hides_the_password() {
        let connection = Connection { port: 5432, password: "hidden".into(), socket_dir: "/tmp/a b".into() };
        assert_eq!(connection.url("postgres", "d/b"), "postgres://postgres:hidden@127.0.0.1:5432/d%2Fb");
        assert_eq!(connection.database("db").owner_url(), "postgres://tenantry_owner:hidden@127.0.0.1:5432/db");
        assert_eq!(connection.socket_url("postgres", "db"), "postgres://postgres@%2Ftmp%2Fa%20b:5432/db");
        assert!(!format!("{connection:?}").contains("hidden"));
    }
}
