//! Numbered migrations, applied once each, in order.

use carnet_core::time::Time;
use rusqlite::{Connection, OptionalExtension};

use crate::StoreError;
use crate::sql::statements;

/// Number, name and text. Never changed once released; a change is a new one (I20).
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "initial", include_str!("../migrations/sqlite/0001_initial.sql")),
    (2, "attempt", include_str!("../migrations/sqlite/0002_attempt.sql")),
    (13, "image", include_str!("../migrations/sqlite/0013_image.sql")),
];

statements! {
    MIGRATION_TABLE = "CREATE TABLE IF NOT EXISTS migration (number BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)";
    INSERT_MIGRATION = "INSERT INTO migration (number, name, applied) VALUES (?1, ?2, ?3)";
    NEWEST = "SELECT max(number) FROM migration";
}

/// The newest schema this program knows.
pub(crate) fn newest_known() -> i64 {
    MIGRATIONS.last().map_or(0, |(number, _, _)| *number)
}

/// Brings the schema up to date.
pub(crate) fn migrate(connection: &Connection, now: Time) -> Result<(), StoreError> {
    connection.execute_batch(MIGRATION_TABLE)?;
    let found = version(connection)?;
    refuse_newer(found)?;
    for (number, name, text) in MIGRATIONS.iter().filter(|(number, _, _)| *number > found) {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let applied = connection.execute_batch(text).and_then(|()| {
            connection.execute(INSERT_MIGRATION, (number, name, now.0))?;
            connection.execute_batch("COMMIT")
        });
        if let Err(error) = applied {
            // The transaction is over either way; the first error is the one that tells.
            let _ = connection.execute_batch("ROLLBACK");
            return Err(error.into());
        }
        tracing::info!(number, name, "schema migrated");
    }
    Ok(())
}

/// The database's schema version; 0 for an empty database.
pub(crate) fn version(connection: &Connection) -> Result<i64, StoreError> {
    let found: Option<Option<i64>> = connection.query_row(NEWEST, [], |row| row.get(0)).optional()?;
    Ok(found.flatten().unwrap_or(0))
}

/// A newer program may have given rows a meaning that this one would destroy.
pub(crate) fn refuse_newer(found: i64) -> Result<(), StoreError> {
    let known = newest_known();
    if found > known { Err(StoreError::NewerSchema { found, known }) } else { Ok(()) }
}
