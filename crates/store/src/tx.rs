//! Units of work: a snapshot to read, a transaction to write.

use std::cell::Cell;
use std::ops::Deref;

use rusqlite::{Connection, OptionalExtension, Params};

use crate::StoreError;
use crate::row::Columns;
use crate::store::Shared;

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

    pub(crate) fn execute(&self, sql: &str, values: impl Params) -> Result<usize, StoreError> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
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
    pub(crate) fn one<T, D>(
        &self,
        sql: &'static str,
        values: impl Params,
        decode: D,
    ) -> Result<Option<T>, StoreError>
    where
        D: FnOnce(Columns<'_>) -> Result<T, StoreError>,
    {
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_row(values, |row| Ok(decode(Columns::of(sql, row)))).optional()?;
        found.transpose()
    }

    /// All rows.
    pub(crate) fn all<T, D>(
        &self,
        sql: &'static str,
        values: impl Params,
        decode: D,
    ) -> Result<Vec<T>, StoreError>
    where
        D: FnMut(Columns<'_>) -> Result<T, StoreError>,
    {
        let mut found = Vec::new();
        let mut decode = decode;
        self.each(sql, values, |row| {
            found.push(decode(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Row by row, without holding them all.
    pub(crate) fn each<D>(
        &self,
        sql: &'static str,
        values: impl Params,
        mut visit: D,
    ) -> Result<(), StoreError>
    where
        D: FnMut(Columns<'_>) -> Result<(), StoreError>,
    {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            visit(Columns::of(sql, row))?;
        }
        Ok(())
    }
}
