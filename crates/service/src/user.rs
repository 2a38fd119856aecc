//! Users: created by an administrator, until people can sign up themselves.

use tenantry_domain::Clock;
use tenantry_domain::user::{NewUser, User};
use tenantry_store::user as store;

use crate::error::{ServiceError, name_reference};

/// What must be unique in the whole database.
const REFERENCES: &[(&str, &str, &str)] = &[("users_email_key", "email", "user")];

/// Creates a user. It is no member of any organization. `url` connects as the database's owner, so no permission is asked.
///
/// # Errors
/// [`ServiceError::Refused`] for a field out of bounds or an address that is taken.
pub async fn create(url: &str, clock: &Clock, new: NewUser) -> Result<User, ServiceError> {
    let new = new.validated()?;
    store::create(url, clock, new).await.map_err(|error| name_reference(error, REFERENCES))
}
