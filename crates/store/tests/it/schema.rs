//! The two schemas say the same: tables, columns with type and nullability, keys, unique and other indexes.

use std::collections::BTreeSet;

use carnet_testkit::postgres::Schema;
use carnet_testkit::{FakeClock, SeededRandom};

fn open(database: impl Into<carnet_store::Database>) {
    let clock = std::sync::Arc::new(FakeClock::at(0));
    let options = carnet_store::Options::new(clock, std::sync::Arc::new(SeededRandom::new(1)));
    carnet_store::Store::open(database, options).unwrap().close();
}

fn lines(text: &str) -> BTreeSet<String> {
    text.lines().map(str::to_owned).collect()
}

fn of_sqlite() -> BTreeSet<String> {
    let path =
        std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("schema-{}", std::process::id()));
    open(path.as_path());
    let connection = rusqlite::Connection::open(&path).unwrap();
    let ask = |sql: &str| -> BTreeSet<String> {
        let mut statement = connection.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    };
    // A number that is the whole key needs no second index there, and cannot be missing.
    let columns = ask("SELECT 'column ' || m.name || '.' || c.name || ' ' || \
         CASE c.type WHEN 'BLOB' THEN 'bytea' WHEN 'INTEGER' THEN 'bigint' ELSE lower(c.type) END || \
         CASE WHEN c.\"notnull\" OR c.type = 'INTEGER' THEN ' not null' ELSE '' END || \
         CASE WHEN c.pk > 0 THEN ' key ' || c.pk ELSE '' END \
         FROM sqlite_master AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'");
    let indexes = ask("SELECT 'index ' || CASE i.\"unique\" WHEN 1 THEN 'unique ' ELSE '' END || \
         CASE i.partial WHEN 1 THEN 'partial ' ELSE '' END || m.name || ' ' || \
         (SELECT group_concat(name, ',') FROM (SELECT x.name FROM pragma_index_info(i.name) AS x ORDER BY x.seqno)) \
         FROM sqlite_master AS m, pragma_index_list(m.name) AS i WHERE m.type = 'table' AND i.origin <> 'pk'");
    for suffix in ["", ".lock"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
    }
    columns.into_iter().chain(indexes).collect()
}

fn of_postgres() -> BTreeSet<String> {
    let schema = Schema::new();
    open(carnet_store::Database::Postgres(schema.url().parse().unwrap()));
    let columns = schema.sql(
        "SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || \
         CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || \
         coalesce(' key ' || array_position(i.indkey::int2[], a.attnum) + 1, '') \
         FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 \
         LEFT JOIN pg_index AS i ON i.indrelid = c.oid AND i.indisprimary \
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'",
    );
    let indexes = schema.sql(
        "SELECT 'index ' || CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || \
         CASE WHEN i.indpred IS NULL THEN '' ELSE 'partial ' END || c.relname || ' ' || \
         (SELECT string_agg(a.attname, ',' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k (at, n) \
          JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = k.at) \
         FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid \
         WHERE c.relnamespace = current_schema()::regnamespace AND NOT i.indisprimary",
    );
    lines(&columns).into_iter().chain(lines(&indexes)).collect()
}

#[test]
fn both_schemas_are_equal() {
    let (sqlite, postgres) = (of_sqlite(), of_postgres());
    assert!(sqlite.len() > 150, "{sqlite:#?}");
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| -> Vec<String> {
        one.difference(other).cloned().collect()
    };
    let differences = (only(&sqlite, &postgres), only(&postgres, &sqlite));
    assert_eq!(differences, (Vec::new(), Vec::new()), "only in SQLite, only in PostgreSQL");
    for line in &postgres {
        let is_ours = ["bigint", "text", "bytea"].iter().any(|kind| line.contains(&format!(" {kind}")));
        assert!(is_ours || line.starts_with("index"), "{line}: columns are BIGINT, TEXT and BYTEA only");
    }
}

#[test]
fn migrations_have_the_same_numbers_and_names() {
    let folder = |name: &str| -> BTreeSet<String> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(name);
        let files = std::fs::read_dir(path).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(folder("sqlite"), folder("postgres"));
    assert!(!folder("sqlite").is_empty());
}
