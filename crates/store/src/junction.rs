//! Tables that join rows of two kinds and hold nothing else: a task's assignees and labels, whom a comment mentions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::TimeDelta;
use tenantry_domain::Id;
use uuid::Uuid;

use crate::error::StoreError;
use crate::read::Read;
use crate::record::uuids;
use crate::scope::sealed::Sealed;
use crate::scope::{Scope, WriteScope};
use crate::sql::Sql;

/// A table of this kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Junction {
    /// The table, with its schema.
    pub(crate) table: &'static str,
    /// The column with the row that has the others.
    pub(crate) one: &'static str,
    /// The column with one of those that it has.
    pub(crate) other: &'static str,
}

impl Junction {
    /// Joins a row that has none yet with others, each once, in this order. `I` is what names the entries.
    ///
    /// # Errors
    /// A foreign-key violation when one of them does not exist.
    pub(crate) async fn put<I: Id>(
        &self,
        scope: &mut WriteScope,
        one: impl Id,
        others: &[impl Id],
    ) -> Result<(), StoreError> {
        let mut seen = HashSet::new();
        let others: Vec<Uuid> = others.iter().map(Id::as_uuid).filter(|other| seen.insert(*other)).collect();
        if others.is_empty() {
            return Ok(());
        }
        let clock = scope.tenant().clock.clone();
        let mut sql = Sql::new("INSERT INTO ");
        sql.push(self.table).push(" (organization_id, id, ").push(self.one).push(", ").push(self.other);
        sql.push(", created_at, updated_at) VALUES ");
        let organization = sql.value(scope.organization_id().as_uuid());
        let one = sql.value(one.as_uuid());
        // A microsecond apart, so that they are read in this order.
        let mut now = clock.now();
        for (n, other) in others.into_iter().enumerate() {
            now += TimeDelta::microseconds(1);
            let now = sql.value(now);
            sql.push(if n == 0 { "(" } else { ", (" }).push_placeholder(organization).push(", ");
            sql.bind(clock.new_id::<I>().as_uuid()).push(", ").push_placeholder(one).push(", ").bind(other);
            sql.push(", ").push_placeholder(now).push(", ").push_placeholder(now).push(")");
        }
        scope.connection().execute(sql).await.map(drop)
    }

    /// Joins a row with these, and with no others any more; gives those that it was joined with.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub(crate) async fn replace<I: Id, T: Id>(
        &self,
        scope: &mut WriteScope,
        one: impl Id,
        others: &[T],
    ) -> Result<Vec<T>, StoreError> {
        let mut sql = Sql::new("DELETE FROM ");
        sql.push(self.table).push(" WHERE organization_id = ").bind(scope.organization_id().as_uuid());
        sql.push(" AND ").push(self.one).push(" = ").bind(one.as_uuid()).push(" RETURNING ").push(self.other);
        let rows = scope.connection().fetch(sql).await?;
        self.put::<I>(scope, one, others).await?;
        rows.iter().map(|row| Ok(T::from_uuid(row.get(0)?))).collect()
    }

    /// What each of these rows is joined with, in the order in which they were given; a row without any has no entry.
    ///
    /// # Errors
    /// Those of the database.
    pub(crate) fn of<'s, O: Id, T: Id>(&self, scope: &'s impl Scope, ones: &[O]) -> Read<'s, HashMap<O, Arc<Vec<T>>>> {
        let mut sql = Sql::new("SELECT wanted.id, found.other");
        let organization = sql.value(scope.organization_id().as_uuid());
        sql.for_each(uuids(ones)).push("SELECT j.").push(self.other).push(" AS other FROM ").push(self.table);
        sql.push(" j WHERE j.organization_id = ").push_placeholder(organization).push(" AND j.").push(self.one);
        sql.push(" = wanted.id ORDER BY j.created_at, j.id) found");
        Read::rows(scope, sql, |_, rows| {
            let mut found: HashMap<O, Vec<T>> = HashMap::new();
            for row in rows.iter() {
                let (one, other): (Uuid, Uuid) = (row.get(0)?, row.get(1)?);
                found.entry(O::from_uuid(one)).or_default().push(T::from_uuid(other));
            }
            Ok(found.into_iter().map(|(one, others)| (one, Arc::new(others))).collect())
        })
    }
}
