//! Numbered migrations, applied once each, in order.

use carnet_core::time::Time;

use crate::StoreError;
use crate::connection::Connection;
use crate::postgres::Session;
use crate::sql::statements;
use crate::value::params;

/// One step of the schema, for both databases. Never changed once released; a change is a new one (I20).
struct Migration {
    number: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! migration {
    ($number:literal, $name:literal, $file:literal) => {
        Migration {
            number: $number,
            name: $name,
            sqlite: include_str!(concat!("../migrations/sqlite/", $file)),
            postgres: include_str!(concat!("../migrations/postgres/", $file)),
        }
    };
}

const MIGRATIONS: &[Migration] = &[
    migration!(1, "initial", "0001_initial.sql"),
    migration!(2, "attempt", "0002_attempt.sql"),
    migration!(3, "image", "0003_image.sql"),
    migration!(4, "key_transaction", "0004_key_transaction.sql"),
    migration!(5, "report", "0005_report.sql"),
    migration!(6, "transfer", "0006_transfer.sql"),
    migration!(7, "device_maker", "0007_device_maker.sql"),
    migration!(8, "signing_y", "0008_signing_y.sql"),
];

const MIGRATION_TABLE: &str = "CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";

statements! {
    INSERT_MIGRATION = "INSERT INTO migration (number, name, applied) VALUES (?1, ?2, ?3)";
    NEWEST = "SELECT max(number) FROM migration";
    FIRST = "SELECT name FROM migration WHERE number = 1";
}

/// What is in the schema that a session makes its tables in: whether there is such a schema, our table of
/// migrations, and how many tables in all.
const FOUND: &str = "SELECT CAST(count(s.oid) AS BIGINT), CAST(count(m.oid) AS BIGINT), \
    (SELECT count(*) FROM pg_class AS c WHERE c.relnamespace = s.oid AND c.relkind IN ('r', 'p')) \
    FROM (SELECT 1) AS one LEFT JOIN pg_namespace AS s ON s.nspname = current_schema() \
    LEFT JOIN pg_class AS m ON m.relnamespace = s.oid AND m.relname = 'migration' GROUP BY s.oid";

/// How often two servers that start together may get in each other's way.
const ATTEMPTS: u32 = 5;

/// The newest schema this program knows.
pub(crate) fn newest_known() -> i64 {
    MIGRATIONS.last().map_or(0, |migration| migration.number)
}

/// Brings the schema up to date.
pub(crate) fn migrate(connection: &Connection, now: Time) -> Result<(), StoreError> {
    match connection {
        Connection::Sqlite(sqlite) => {
            sqlite.execute_batch(MIGRATION_TABLE)?;
            migrate_sqlite(connection, sqlite, now)
        }
        Connection::Postgres(session) => {
            for _ in 1..ATTEMPTS {
                match migrate_postgres(connection, session, now) {
                    Err(StoreError::Conflict { .. }) => {}
                    done => return done,
                }
            }
            migrate_postgres(connection, session, now)
        }
    }
}

fn migrate_sqlite(
    connection: &Connection,
    sqlite: &rusqlite::Connection,
    now: Time,
) -> Result<(), StoreError> {
    let found = version(connection)?;
    refuse_newer(found)?;
    for Migration { number, name, sqlite: text, .. } in missing(found) {
        sqlite.execute_batch("BEGIN IMMEDIATE")?;
        let applied = sqlite.execute_batch(text).map_err(StoreError::from).and_then(|()| {
            connection.execute(INSERT_MIGRATION, params![number, *name, now.0])?;
            Ok(sqlite.execute_batch("COMMIT")?)
        });
        if let Err(error) = applied {
            // The transaction is over either way; the first error is the one that tells.
            let _ = sqlite.execute_batch("ROLLBACK");
            return Err(error);
        }
        tracing::info!(number, name, "schema migrated");
    }
    Ok(())
}

/// All steps in one transaction, alone. A database that is up to date is only looked at, so that a server whose
/// role may not change tables can be started.
fn migrate_postgres(connection: &Connection, session: &Session, now: Time) -> Result<(), StoreError> {
    if is_ours(session)? {
        let found = version(connection)?;
        refuse_newer(found)?;
        if found == newest_known() {
            return Ok(());
        }
    }
    session.run("BEGIN")?;
    let applied = apply_postgres(connection, session, now);
    if applied.is_err() {
        session.roll_back()?;
    }
    applied
}

fn apply_postgres(connection: &Connection, session: &Session, now: Time) -> Result<(), StoreError> {
    session.run(MIGRATION_TABLE)?;
    session.run("LOCK TABLE migration IN ACCESS EXCLUSIVE MODE")?;
    let found = version(connection)?;
    refuse_newer(found)?;
    for Migration { number, name, postgres, .. } in missing(found) {
        session.run(postgres)?;
        connection.execute(INSERT_MIGRATION, params![number, *name, now.0])?;
        tracing::info!(number, name, "schema migrated");
    }
    session.commit()
}

fn missing(found: i64) -> impl Iterator<Item = &'static Migration> {
    MIGRATIONS.iter().filter(move |migration| migration.number > found)
}

/// Whether the database has our tables; false: it is empty.
///
/// # Errors
/// [`StoreError::Foreign`] when it has somebody else's.
pub(crate) fn is_ours(session: &Session) -> Result<bool, StoreError> {
    let rows = session.rows(FOUND, &[])?;
    let [schema, migrations, tables] =
        [0, 1, 2].map(|at| rows.first().map_or(0, |row| row.get::<_, i64>(at)));
    match (schema, migrations, tables) {
        (0, ..) => {
            Err(StoreError::Denied { why: "there is no schema to make tables in (search_path)".into() })
        }
        (_, 0, 0) => Ok(false),
        (_, 0, _) => Err(StoreError::Foreign),
        _ => {
            // Somebody else may have a table of that name as well.
            let name = match session.rows(FIRST, &[]) {
                Ok(rows) => rows.first().and_then(|row| row.try_get::<_, String>(0).ok()),
                Err(StoreError::Failed(_)) => None,
                Err(error) => return Err(error),
            };
            if name.as_deref() == Some("initial") { Ok(true) } else { Err(StoreError::Foreign) }
        }
    }
}

/// For those who only look.
///
/// # Errors
/// [`StoreError::Empty`] and [`StoreError::Foreign`].
pub(crate) fn require_ours(session: &Session) -> Result<(), StoreError> {
    if is_ours(session)? { Ok(()) } else { Err(StoreError::Empty) }
}

/// The database's schema version; 0 for an empty database.
pub(crate) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let found = connection.one(NEWEST, &[], |mut row| row.some_number("number"))?;
    Ok(found.flatten().unwrap_or(0))
}

/// A newer program may have given rows a meaning that this one would destroy.
pub(crate) fn refuse_newer(found: i64) -> Result<(), StoreError> {
    let known = newest_known();
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}
