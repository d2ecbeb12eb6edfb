//! Units of work: a snapshot to read, a transaction to write.

use std::cell::Cell;
use std::ops::Deref;

use crate::StoreError;
use crate::connection::{Asked, Connection};
use crate::row::Columns;
use crate::store::Shared;
use crate::value::Value;

/// One consistent view of the database. What it offers is spread over the modules named by noun.
pub struct Reading<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) shared: &'a Shared,
}

/// One transaction, committed when the closure returns `Ok`, rolled back otherwise. Reads its own writes.
pub struct Writing<'a> {
    reading: Reading<'a>,
    /// Whether the writer's menu cache is out of date once this is committed.
    pub(crate) menus_changed: Cell<bool>,
}

impl<'a> Writing<'a> {
    pub(crate) const fn over(connection: &'a Connection, shared: &'a Shared) -> Self {
        Self { reading: Reading { connection, shared }, menus_changed: Cell::new(false) }
    }

    pub(crate) fn execute(&self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        self.connection.execute(sql, values)
    }

    /// A write that must hit one row (its guard is a version in the WHERE clause), sent together with others.
    pub(crate) fn guarded(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        otherwise: StoreError,
    ) -> Result<(), StoreError> {
        self.connection.later(sql, values, Some(otherwise))
    }

    /// A write that may find its row there already, sent together with others.
    pub(crate) fn unguarded(&self, sql: &'static str, values: &[Value<'_>]) -> Result<(), StoreError> {
        self.connection.later(sql, values, None)
    }
}

impl<'a> Deref for Writing<'a> {
    type Target = Reading<'a>;

    fn deref(&self) -> &Self::Target {
        &self.reading
    }
}

impl Reading<'_> {
    /// At most one row.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        decode: impl FnOnce(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.connection.one(sql, values, decode)
    }

    /// At most one row, of a question that every batch asks.
    pub(crate) fn usual_one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        decode: impl FnOnce(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.connection.usual_one(sql, values, decode)
    }

    /// All rows.
    pub(crate) fn all<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        mut decode: impl FnMut(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut found = Vec::new();
        self.connection.all(sql, values, |row| {
            found.push(decode(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// All rows for each of several sets of parameters.
    pub(crate) fn all_of_each<T>(
        &self,
        (sql, sets): &Asked<'_>,
        decode: impl FnMut(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        self.connection.all_of_each(sql, sets, decode)
    }

    /// Every row of a table, without holding them all.
    pub(crate) fn each(
        &self,
        sql: &'static str,
        visit: impl FnMut(Columns<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.connection.walk(sql, visit)
    }
}
