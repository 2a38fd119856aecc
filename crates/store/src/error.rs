//! What can go wrong between the process and the database. Nothing here is fit to be shown to a caller.

use tenantry_wire::Error;

/// A failed read or write.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The user does not belong to the organization (any more), or is banned.
    #[error("the user is not a member of the organization")]
    NotAMember,
    /// The cursor was not made by this list and this order.
    #[error("the cursor `{argument}` does not belong to this list")]
    InvalidCursor {
        /// Which of the two cursors: `after` or `before`.
        argument: &'static str,
    },
    /// A constraint of the database refused the write.
    #[error("the constraint {constraint} refused the write")]
    Constraint {
        /// What kind of constraint.
        kind: ConstraintKind,
        /// Its name in the catalogue.
        constraint: String,
    },
    /// A concurrent transaction won, or there was a deadlock. Doing it again may work.
    #[error("the transaction conflicted with a concurrent one")]
    Conflict(#[source] Error),
    /// The statement took longer than it may.
    #[error("the statement was cancelled because it took too long")]
    Timeout(#[source] Error),
    /// The time of the whole request was over.
    #[error("the request took too long")]
    OutOfTime,
    /// There is no connection to be had at the moment.
    #[error("the database cannot be reached")]
    Unavailable(#[source] Error),
    /// The commit was sent and there was no answer: the change may have happened or not.
    #[error("it is not known whether the transaction was committed")]
    OutcomeUnknown(#[source] Error),
    /// A row holds what the domain does not know.
    #[error("the column {column} of {table} has an invalid value")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column's position in the statement.
        column: usize,
    },
    /// What the store remembered of the membership is not true any more. Opening the scope anew, it reads what is.
    #[error("the membership has changed")]
    MembershipChanged,
    /// Another attempt at the same request has taken over. Nothing was written.
    #[error("another attempt at this request has taken over")]
    Superseded,
    /// The address cannot be understood, or it does not lead to a connection.
    #[error("cannot connect to the database")]
    Address(#[source] Error),
    /// Anything else.
    #[error("the database refused the statement")]
    Database(#[source] Error),
}

/// The kinds of constraint that a write can break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConstraintKind {
    /// Something else already has this value.
    Unique,
    /// What is referred to is not there.
    ForeignKey,
    /// A value is outside its bounds.
    Check,
    /// A required value is missing.
    NotNull,
}

impl StoreError {
    /// Whether a repetition of the whole transaction may succeed.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }

    /// The name of the constraint that refused the write, if one did.
    pub fn constraint(&self) -> Option<(ConstraintKind, &str)> {
        match self {
            Self::Constraint { kind, constraint } => Some((*kind, constraint)),
            _ => None,
        }
    }
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let Error::Server(refused) = &error else {
            return match error {
                Error::Io(_) | Error::Protocol(_) | Error::TimedOut | Error::Closed => Self::Unavailable(error),
                Error::Address(_) | Error::Tls(_) | Error::Authentication(_) => Self::Address(error),
                _ => Self::Database(error),
            };
        };
        // The codes are those of appendix A of PostgreSQL's manual.
        let kind = match refused.code.as_str() {
            "23505" => Some(ConstraintKind::Unique),
            "23503" => Some(ConstraintKind::ForeignKey),
            "23514" => Some(ConstraintKind::Check),
            "23502" => Some(ConstraintKind::NotNull),
            _ => None,
        };
        if let Some(kind) = kind {
            return Self::Constraint { kind, constraint: refused.constraint.clone().unwrap_or_default() };
        }
        match refused.code.as_str() {
            "40001" | "40P01" => Self::Conflict(error),
            "57014" | "55P03" => Self::Timeout(error),
            // Class 08: connection failures; 57P01..57P03: shutting down, crashed, starting up; 53300: too many connections;
            // 25P03: too long idle in a transaction.
            code if code.starts_with("08") || code.starts_with("57P0") || code == "53300" || code == "25P03" => {
                Self::Unavailable(error)
            }
            _ => Self::Database(error),
        }
    }
}
