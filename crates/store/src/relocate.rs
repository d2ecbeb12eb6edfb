//! From a file to PostgreSQL: everything that an embedded server keeps, copied, compared, and then given up there.
//!
//! The copy is one transaction, so the target has all or nothing of it, whatever happens on the way. Only when every
//! row was read back and is the same does the file learn where its content has gone ([`StoreError::Relocated`]):
//! from then on no server takes it up again, because two with the same keys would each go their own way.

use std::path::Path;

use carnet_core::time::Time;

use crate::StoreError;
use crate::connection::Connection;
use crate::database::PostgresUrl;
use crate::migrate;
use crate::place;
use crate::postgres::{Commit, Session, Source};
use crate::row::Row;
use crate::store::{Options, Shared, writing_connection};
use crate::tx::{Reading, Writing};
use crate::value::{Value, params};

/// Where the content of this file has gone.
const GONE_TO: &str = "relocated-to";

// Of the file alone.
const TABLES: &str =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'migration' ORDER BY name";
const COLUMNS: &str = "SELECT name, pk FROM pragma_table_info(?1) ORDER BY cid";

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relocated {
    /// Tables, each with its rows.
    pub tables: Vec<(String, u64)>,
    /// Whether the rows were there already, from an earlier run that was cut short at its very end.
    pub already: bool,
}

/// A table as both databases have it.
struct Table {
    name: String,
    columns: String,
    select: String,
}

/// Copies the database in this file, which no server may have open, into an empty PostgreSQL database.
///
/// # Errors
/// [`StoreError::InUse`], [`StoreError::NotEmpty`] when the target holds anything else, and what either database
/// reports. The file stays as it is then, and the target stays empty.
pub fn relocate(from: &Path, to: &PostgresUrl, options: &Options) -> Result<Relocated, StoreError> {
    let _lock = place::lock(from)?;
    let source = Connection::Sqlite(writing_connection(from, options)?);
    let now = Time(options.clock.wall_micros());
    migrate::migrate(&source, now)?;
    refuse_relocated(&source)?;
    let target = Connection::Postgres(Source::new(to)?.connect()?);
    migrate::migrate(&target, now)?;
    let (Connection::Sqlite(sqlite), Connection::Postgres(session)) = (&source, &target) else {
        return Err(StoreError::Defect);
    };
    let tables = tables(&source)?;
    // The seat of whoever writes: a server on the target waits, and then finds it full.
    session.begin_writing(Commit::Waits, false)?;
    let done = fill_or_compare(&tables, sqlite, session);
    match done {
        Ok(_) => session.commit()?,
        Err(_) => session.roll_back()?,
    }
    let done = done?;
    // Else the database would do it by itself while the first devices come.
    session.run("VACUUM (ANALYZE)")?;
    let shared = Shared::new();
    Writing::over(&source, &shared).put_setting(GONE_TO, to.to_string().as_bytes())?;
    Ok(done)
}

/// A file whose content has gone elsewhere is nobody's database any more.
pub(crate) fn refuse_relocated(file: &Connection) -> Result<(), StoreError> {
    let shared = Shared::new();
    let file = Reading { connection: file, shared: &shared };
    match file.setting(GONE_TO)? {
        None => Ok(()),
        Some(to) => Err(StoreError::Relocated { to: String::from_utf8_lossy(&to).into_owned() }),
    }
}

fn fill_or_compare(
    tables: &[Table],
    sqlite: &rusqlite::Connection,
    session: &Session,
) -> Result<Relocated, StoreError> {
    let already = !is_empty(tables, session)?;
    if !already {
        for table in tables {
            fill(table, sqlite, session)?;
        }
    }
    let mut counted = Vec::new();
    for table in tables {
        let rows = compare(table, sqlite, session).map_err(|error| match error {
            // Of an earlier copy; anything else in the target is somebody's.
            StoreError::Conflict { .. } if already => StoreError::NotEmpty,
            error => error,
        })?;
        counted.push((table.name.clone(), rows));
    }
    Ok(Relocated { tables: counted, already })
}

fn tables(source: &Connection) -> Result<Vec<Table>, StoreError> {
    let mut names = Vec::new();
    source.all(TABLES, &[], |mut row| {
        names.push(row.text("name")?.to_owned());
        Ok(())
    })?;
    names.into_iter().map(|name| table(source, name)).collect()
}

fn table(source: &Connection, name: String) -> Result<Table, StoreError> {
    let (mut columns, mut keys) = (Vec::new(), Vec::new());
    source.all(COLUMNS, params![name], |mut row| {
        let (column, place) = (format!("\"{}\"", row.text("name")?), row.number("pk")?);
        if place > 0 {
            keys.push((place, column.clone()));
        }
        columns.push(column);
        Ok(())
    })?;
    keys.sort();
    let keys: Vec<String> = keys.into_iter().map(|(_, column)| column).collect();
    let columns = columns.join(", ");
    let select = format!("SELECT {columns} FROM {name} ORDER BY {}", keys.join(", "));
    Ok(Table { name, columns, select })
}

fn is_empty(tables: &[Table], session: &Session) -> Result<bool, StoreError> {
    for table in tables {
        let found = session.rows_once(&format!("SELECT 1 FROM {} LIMIT 1", table.name))?;
        if !found.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fill(table: &Table, sqlite: &rusqlite::Connection, session: &Session) -> Result<(), StoreError> {
    let Table { name, columns, select } = table;
    let mut statement = sqlite.prepare(select)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let mut copy = session.copy_in(
        &format!("COPY {name} ({columns}) FROM STDIN BINARY"),
        &format!("SELECT {columns} FROM {name} LIMIT 0"),
    )?;
    while let Some(row) = rows.next()? {
        copy.write(&values(Row::Sqlite(row), width, name)?)?;
    }
    copy.finish()
}

/// Reads all rows of both, in the order of their keys, side by side; returns how many there are.
fn compare(table: &Table, sqlite: &rusqlite::Connection, session: &Session) -> Result<u64, StoreError> {
    let Table { name, select, .. } = table;
    let mut statement = sqlite.prepare(select)?;
    let width = statement.column_count();
    let mut rows = statement.query([])?;
    let differs = || StoreError::Conflict { what: "the copy" };
    let mut count = 0;
    session.walk(select, |there| {
        let here = rows.next()?.ok_or_else(differs)?;
        count += 1;
        let same = values(Row::Sqlite(here), width, name)? == values(Row::Postgres(there), width, name)?;
        if same { Ok(()) } else { Err(differs()) }
    })?;
    if rows.next()?.is_some() { Err(differs()) } else { Ok(count) }
}

fn values<'r>(row: Row<'r>, width: usize, table: &str) -> Result<Vec<Value<'r>>, StoreError> {
    let value = |at| {
        row.value(at).ok_or_else(|| StoreError::Failed(format!("a value in {table} has no type of ours")))
    };
    (0..width).map(value).collect()
}
