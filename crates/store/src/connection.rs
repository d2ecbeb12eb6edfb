//! One connection to either database, and the statements that both take.

use crate::StoreError;
use crate::database::Database;
use crate::migrate;
use crate::postgres::{Session, Source};
use crate::row::{Columns, Row};
use crate::store::reading_connection;
use crate::value::Value;

/// A statement, and the sets of parameters for each of which it is asked.
pub(crate) type Asked<'a> = (&'static str, Vec<Vec<Value<'a>>>);

/// A connection.
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<Session>),
}

impl Connection {
    /// One that looks at a database beside running servers.
    pub(crate) fn beside(database: impl Into<Database>) -> Result<Self, StoreError> {
        match database.into() {
            Database::File(path) => Ok(Self::Sqlite(reading_connection(&path)?)),
            Database::Postgres(url) => {
                let session = Source::new(&url)?.connect()?;
                migrate::require_ours(&session)?;
                Ok(Self::Postgres(session))
            }
        }
    }

    /// Begins a transaction that sees one snapshot.
    pub(crate) fn begin_reading(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => Ok(connection.prepare_cached("BEGIN")?.execute([]).map(drop)?),
            Self::Postgres(session) => session.begin_reading(),
        }
    }

    /// Ends it.
    pub(crate) fn end_reading(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) if connection.is_autocommit() => Ok(()),
            Self::Sqlite(connection) => Ok(connection.prepare_cached("ROLLBACK")?.execute([]).map(drop)?),
            Self::Postgres(session) => session.roll_back(),
        }
    }

    pub(crate) fn execute(&self, sql: &'static str, values: &[Value<'_>]) -> Result<usize, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                Ok(connection.prepare_cached(sql)?.execute(rusqlite::params_from_iter(values))?)
            }
            Self::Postgres(session) => session.execute(sql, values),
        }
    }

    /// A write whose outcome nobody waits for; it is done, or has failed, before the next read and before the
    /// commit. `otherwise` is what it means when it has not written exactly one row.
    pub(crate) fn later(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        otherwise: Option<StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => match (self.execute(sql, values)?, otherwise) {
                (1, _) | (_, None) => Ok(()),
                (_, Some(error)) => Err(error),
            },
            Self::Postgres(session) => {
                session.later(sql, values, otherwise);
                Ok(())
            }
        }
    }

    /// Waits for the writes that nobody has waited for.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.flush(),
        }
    }

    /// At most one row.
    pub(crate) fn one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        decode: impl FnOnce(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                rows.next()?.map(|row| decode(Columns::of(sql, Row::Sqlite(row)))).transpose()
            }
            Self::Postgres(session) => {
                let rows = session.rows(sql, values)?;
                rows.first().map(|row| decode(Columns::of(sql, Row::Postgres(row)))).transpose()
            }
        }
    }

    /// At most one row, that the next batch will ask for too.
    pub(crate) fn usual_one<T>(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        decode: impl FnOnce(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        match self {
            Self::Sqlite(_) => self.one(sql, values, decode),
            Self::Postgres(session) => {
                let rows = session.usual_rows(sql, values)?;
                rows.first().map(|row| decode(Columns::of(sql, Row::Postgres(row)))).transpose()
            }
        }
    }

    /// Across a connection, asks all of these questions in one round trip; whoever asks them next has the answers.
    pub(crate) fn ask_early(&self, questions: &[Asked<'_>]) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(session) => session.ask_early(questions),
        }
    }

    /// All rows, none of which stays in memory on SQLite.
    pub(crate) fn all(
        &self,
        sql: &'static str,
        values: &[Value<'_>],
        mut visit: impl FnMut(Columns<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(connection) => {
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    visit(Columns::of(sql, Row::Sqlite(row)))?;
                }
                Ok(())
            }
            Self::Postgres(session) => {
                let rows = session.rows(sql, values)?;
                rows.iter().try_for_each(|row| visit(Columns::of(sql, Row::Postgres(row))))
            }
        }
    }

    /// The rows for each of several sets of parameters; across a connection, all are asked for at once.
    pub(crate) fn all_of_each<T>(
        &self,
        sql: &'static str,
        sets: &[Vec<Value<'_>>],
        mut decode: impl FnMut(Columns<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<Vec<T>>, StoreError> {
        let mut found = Vec::with_capacity(sets.len());
        match self {
            Self::Sqlite(_) => {
                for values in sets {
                    let mut rows = Vec::new();
                    self.all(sql, values, |row| {
                        rows.push(decode(row)?);
                        Ok(())
                    })?;
                    found.push(rows);
                }
            }
            Self::Postgres(session) => {
                for rows in session.rows_of_each(sql, sets)? {
                    let decoded = rows.iter().map(|row| decode(Columns::of(sql, Row::Postgres(row))));
                    found.push(decoded.collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(found)
    }

    /// All rows of a table that may be larger than memory, inside a transaction.
    pub(crate) fn walk(
        &self,
        sql: &'static str,
        mut visit: impl FnMut(Columns<'_>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => self.all(sql, &[], visit),
            Self::Postgres(session) => session.walk(sql, |row| visit(Columns::of(sql, Row::Postgres(row)))),
        }
    }
}
