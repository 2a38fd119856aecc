//! Taking an organization's rows along, as JSON, one to a line.

use std::io::{self, Write};

use tenantry_domain::Identity;
use tenantry_domain::permission::Operation;
use tenantry_store::export::ExportTable;
use tenantry_store::{ReadScope, Store, StoreError, export as store};

use crate::authorize::authorize_anywhere;
use crate::error::ServiceError;

/// Why an export was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The caller may not, or the database failed.
    #[error("the organization cannot be exported")]
    Service(#[from] ServiceError),
    /// Another export of the organization is under way.
    #[error("the organization is being exported already")]
    Running,
    /// What was read cannot be written down.
    #[error("the export cannot be written")]
    Write(#[source] io::Error),
}

impl From<StoreError> for ExportError {
    fn from(error: StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// An export under way: every row of the caller's organization but others' personal tasks, of one snapshot, as lines such as
/// `{"table":"app.clients","row":{…}}`, table by table. Ids are the API's, and numbers are strings of their exact digits. Secrets that the API's role cannot read, such as hashes of tokens, are not
/// among them. It holds one connection, and at most 200 rows in memory; dropping it gives the connection back.
#[derive(Debug)]
pub struct Export {
    /// `None` once everything has been read.
    scope: Option<ReadScope>,
    tables: std::vec::IntoIter<ExportTable>,
    /// The table that is being read.
    current: Option<ExportTable>,
}

impl Export {
    /// Begins an export. Whoever may delete the organization may export it; one export of an organization runs at a time.
    ///
    /// # Errors
    /// [`ServiceError::Forbidden`], [`ExportError::Running`], and the failures of the database.
    pub async fn begin(store: &Store, identity: Identity) -> Result<Self, ExportError> {
        let scope = ReadScope::open_holding(store, identity).await?;
        authorize_anywhere(&scope, Operation::DeleteOrganization)?;
        if !store::lock(&scope).await? {
            return Err(ExportError::Running);
        }
        let tables = store::tables(&scope).await?.into_iter();
        Ok(Self { scope: Some(scope), tables, current: None })
    }

    /// The next lines, each with its end, and how many they are; `None` when that was all, and the next export may begin.
    ///
    /// # Errors
    /// Those of the database, after which the export is incomplete.
    pub async fn next(&mut self) -> Result<Option<(String, u64)>, ExportError> {
        loop {
            let Some(scope) = &self.scope else { return Ok(None) };
            let Some(table) = &self.current else {
                let Some(table) = self.tables.next() else {
                    if let Some(scope) = self.scope.take() {
                        scope.end().await?;
                    }
                    return Ok(None);
                };
                store::open(scope, &table).await?;
                self.current = Some(table);
                continue;
            };
            let rows = store::fetch(scope, table).await?;
            if rows.is_empty() {
                self.current = None;
                continue;
            }
            let name = &table.name;
            let mut lines = String::with_capacity(rows.iter().map(|row| row.len() + name.len() + 24).sum());
            for row in &rows {
                // A table's name is made of letters, dots and underscores, so it can stand in JSON as it is.
                lines.extend([r#"{"table":""#, name, r#"","row":"#, row, "}\n"]);
            }
            return Ok(Some((lines, rows.len() as u64)));
        }
    }
}

/// Writes an [`Export`] of the caller's organization whole; gives the number of lines.
///
/// # Errors
/// As [`Export::begin`] and [`Export::next`], and those of `out`, which leave the export incomplete.
pub async fn organization(
    store: &Store,
    identity: Identity,
    out: &mut (impl Write + Send),
) -> Result<u64, ExportError> {
    let mut export = Export::begin(store, identity).await?;
    let mut written = 0;
    while let Some((lines, count)) = export.next().await? {
        out.write_all(lines.as_bytes()).map_err(ExportError::Write)?;
        written += count;
    }
    out.flush().map_err(ExportError::Write)?;
    Ok(written)
}
