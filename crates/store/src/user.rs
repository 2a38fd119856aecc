//! Users: reads of `auth.users`, without what only sign-in may read.

use tenantry_domain::user::User;

use crate::columns::Columns;
use crate::error::StoreError;
use crate::scope::IdentityScope;
use crate::sql::Sql;

/// The user with this e-mail address, whatever the case of its letters.
///
/// # Errors
/// Those of the database.
pub async fn get_by_email(scope: &IdentityScope, email: &str) -> Result<Option<User>, StoreError> {
    let mut sql = Sql::new(
        "SELECT u.id, u.email, u.name, u.avatar_url, u.created_at FROM auth.users u WHERE lower(u.email) = lower(",
    );
    sql.bind(email.to_owned()).push(")");
    let rows = scope.connection().fetch(sql).await?;
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
