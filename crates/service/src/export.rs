//! Taking an organization's rows along, as JSON, one to a line.

use std::io::{self, Write};

use tenantry_domain::Identity;
use tenantry_domain::permission::Operation;
use tenantry_store::{ReadScope, Store, StoreError, export as store};

use crate::authorize::authorize_anywhere;
use crate::error::ServiceError;

/// Why an export was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The caller may not, or the database failed.
    #[error("the organization cannot be exported")]
    Service(#[from] ServiceError),
    /// What was read cannot be written down.
    #[error("the export cannot be written")]
    Write(#[source] io::Error),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// Writes every row of the caller's organization, of one snapshot: lines such as `{"table":"app.clients","row":{…}}`, table by
/// table. Gives the number of lines.
///
/// Whoever may delete the organization may export it. Secrets that the API's role cannot read, such as hashes of tokens, are not
/// in it. Nothing is held in memory but a few hundred rows.
///
/// # Errors
/// [`ServiceError::Forbidden`], the failures of the database, and those of `out`, which leave the export incomplete.
pub async fn organization(
    store: &Store,
    identity: Identity,
    out: &mut (impl Write + Send),
) -> Result<u64, ExportError> {
    let scope = ReadScope::open(store, identity).await?;
    authorize_anywhere(&scope, Operation::DeleteOrganization)?;
    let mut written = 0;
    for table in store::tables(&scope).await? {
        let name = table.name.clone();
        written += store::rows(&scope, &table, &mut |rows| {
            // A table's name is made of letters, dots and underscores, so it can stand in JSON as it is.
            rows.iter()
                .try_for_each(|row| writeln!(out, r#"{{"table":"{name}","row":{row}}}"#))
                .map_err(ExportError::Write)
        })
        .await?;
    }
    out.flush().map_err(ExportError::Write)?;
    Ok(written)
}
