//! Users: reads of `auth.users`, without what only sign-in may read, and the write of an administrator.

use tenantry_domain::text::folded_email;
use tenantry_domain::user::{NewUser, User};
use tenantry_domain::{Clock, UserId};

use crate::apart;
use crate::columns::Columns;
use crate::error::StoreError;
use crate::scope::{Connection, IdentityScope, WriteScope, sealed::Sealed};
use crate::sql::Sql;

const SELECT: &str = "SELECT u.id, u.email, u.name, u.avatar_url, u.created_at FROM auth.users u WHERE ";

/// The user with this e-mail address, whatever the case of its letters. Addresses are kept folded, and an address that is only
/// like one that is kept finds no user: see [`folded_email`].
///
/// # Errors
/// Those of the database.
pub async fn get_by_email(scope: &IdentityScope, email: &str) -> Result<Option<User>, StoreError> {
    by_email(scope.connection(), email).await
}

/// As [`get_by_email`], in the transaction that is going to make the user a member.
///
/// # Errors
/// Those of the database.
pub async fn get_by_email_for_member(scope: &mut WriteScope, email: &str) -> Result<Option<User>, StoreError> {
    by_email(scope.connection(), email).await
}

/// The scope's own user; none when there is no such user (any more), or it is banned.
///
/// # Errors
/// Those of the database.
pub async fn get_self(scope: &IdentityScope) -> Result<Option<User>, StoreError> {
    let Some(id) = scope.user_id() else { return Ok(None) };
    let mut sql = Sql::new(SELECT);
    sql.push("u.id = ").bind(id.as_uuid());
    sql.push(" AND (u.banned_at IS NULL OR u.ban_expires_at <= ").bind(scope.clock().now()).push(")");
    first(scope.connection(), sql).await
}

/// Inserts a user with values that have been validated. `url` connects with the role that owns the tables, or with one that
/// may become it: the scopes' roles may not create users.
///
/// # Errors
/// A unique violation when the address is taken.
pub async fn create(url: &str, clock: &Clock, new: NewUser) -> Result<User, StoreError> {
    let mut connection = apart::connect(url, "tenantry user").await?;
    connection.script("SET ROLE tenantry_owner").await?;
    let (id, now) = (clock.new_id::<UserId>(), clock.now());
    let mut sql = Sql::new("INSERT INTO auth.users (id, email, name, created_at, updated_at) VALUES (");
    sql.bind(id.as_uuid()).push(", ").bind(new.email.as_str()).push(", ").bind(new.name.as_str());
    sql.push(", ").bind(now).push(", ").bind(now).push(")");
    sql.run(&mut connection).await?;
    // The work is done; an error in closing the connection does not matter.
    let _ = connection.close().await;
    Ok(User { id, email: new.email, name: new.name, avatar_url: None, created_at: now })
}

async fn by_email(connection: &Connection, email: &str) -> Result<Option<User>, StoreError> {
    let mut sql = Sql::new(SELECT);
    sql.push("u.email = ").bind(folded_email(email.trim()));
    first(connection, sql).await
}

async fn first(connection: &Connection, sql: Sql) -> Result<Option<User>, StoreError> {
    let rows = connection.fetch(sql).await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let mut columns = Columns::new(row, "auth.users");
    Ok(Some(User {
        id: columns.id()?,
        email: columns.next()?,
        name: columns.next()?,
        avatar_url: columns.next()?,
        created_at: columns.time()?,
    }))
}
