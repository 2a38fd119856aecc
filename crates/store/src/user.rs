//! Users: reads of `auth.users`, without what only sign-in may read.

use tenantry_domain::text::folded_email;
use tenantry_domain::user::User;

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
