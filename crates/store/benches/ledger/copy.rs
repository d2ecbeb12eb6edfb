//! Many licenses from one: its rows copied inside the database, each with its own ids.

use std::path::Path;

use carnet_store::Database;
use carnet_testkit::postgres::psql;

use crate::Failed;

/// Copies the first device, its license and its journal so many times; `url` is where a cluster is.
pub fn copy(place: &Database, url: Option<&str>, licenses: u64) -> Result<(), Failed> {
    match (place, url) {
        (Database::File(path), _) => copy_file(path, licenses),
        (Database::Postgres(_), Some(url)) => {
            psql(url, &statements(&Dialect::Postgres(url), licenses)?);
            psql(url, "VACUUM ANALYZE");
            psql(url, "CHECKPOINT");
            Ok(())
        }
        (Database::Postgres(_), None) => Err("a cluster without an address".into()),
    }
}

/// How large the database is.
pub fn size(place: &Database, url: Option<&str>) -> Result<String, Failed> {
    Ok(match (place, url) {
        (Database::File(path), _) => format!("{} MiB", std::fs::metadata(path)?.len() >> 20),
        (_, url) => {
            psql(url.unwrap_or_default(), "SELECT pg_size_pretty(pg_database_size(current_database()))")
        }
    })
}

fn copy_file(path: &Path, licenses: u64) -> Result<(), Failed> {
    let connection = rusqlite::Connection::open(path)?;
    let text = statements(&Dialect::Sqlite(&connection), licenses)?;
    connection.execute_batch(&format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; BEGIN; {text} COMMIT; \
         PRAGMA wal_checkpoint(TRUNCATE);"
    ))?;
    drop(connection);
    // Or the first round would wait for all of it.
    Ok(std::fs::File::open(path)?.sync_all()?)
}

enum Dialect<'a> {
    Sqlite(&'a rusqlite::Connection),
    Postgres(&'a str),
}

impl Dialect<'_> {
    fn columns(&self, table: &str) -> Result<Vec<String>, Failed> {
        match self {
            Self::Sqlite(connection) => {
                let mut columns =
                    connection.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid")?;
                let names = columns.query_map([table], |row| row.get(0))?;
                Ok(names.collect::<Result<_, _>>()?)
            }
            Self::Postgres(url) => {
                let text = format!(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' \
                     AND table_schema = current_schema() ORDER BY ordinal_position"
                );
                Ok(psql(url, &text).lines().map(str::to_owned).collect())
            }
        }
    }

    /// The id of number `n`, as `id` in `main.rs` makes it.
    fn id(&self, kind: u8) -> String {
        let tail = format!("{kind:02x}").repeat(8);
        match self {
            Self::Sqlite(_) => format!("unhex(printf('%08x%08x{tail}', (n * 2654435761) & 4294967295, n))"),
            Self::Postgres(_) => format!(
                "decode(lpad(to_hex((n::bigint * 2654435761) & 4294967295), 8, '0') || lpad(to_hex(n), 8, '0') \
                 || '{tail}', 'hex')"
            ),
        }
    }

    /// The same bytes with others in their place.
    fn with(&self, column: &str, before: u32, id: &str) -> String {
        let glued = format!("substr({column}, 1, {before}) || {id} || substr({column}, {})", before + 17);
        match self {
            Self::Sqlite(_) => format!("CAST({glued} AS BLOB)"),
            Self::Postgres(_) => glued,
        }
    }
}

fn statements(dialect: &Dialect<'_>, licenses: u64) -> Result<String, Failed> {
    let (user, device, license) = (dialect.id(1), dialect.id(2), dialect.id(3));
    let mut text = String::new();
    for (table, only) in [("device", ""), ("license", ""), ("journal", "WHERE app_id <> ''")] {
        let columns = dialect.columns(table)?;
        let chosen = columns.iter().map(|column| match column.as_str() {
            "user_id" => user.clone(),
            "device_id" | "agreed_on" => device.clone(),
            "license_id" => license.clone(),
            "rights" => dialect.with(column, 3, &device),
            "accounts" => dialect.with(column, 1, &license),
            "active" => dialect.with(column, 2, &license),
            other => other.to_owned(),
        });
        let chosen: Vec<String> = chosen.collect();
        text.push_str(&format!(
            "INSERT INTO {table} WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < {}) SELECT {} FROM numbers, (SELECT * FROM {table} {only} LIMIT 1) AS one; ",
            licenses - 1,
            chosen.join(", ")
        ));
    }
    Ok(text)
}
