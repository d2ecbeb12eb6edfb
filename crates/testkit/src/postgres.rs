//! PostgreSQL for tests: one cluster for all of them, a schema for each.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where the cluster of all tests is; set by `cargo xtask test`. Without it each test program starts its own.
pub const VARIABLE: &str = "CARNET_TEST_POSTGRES";

/// The address of the cluster's database, without a schema.
///
/// # Panics
/// When there is no PostgreSQL: no test is left out silently.
#[must_use]
pub fn cluster() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| given().unwrap_or_else(started))
}

#[expect(clippy::disallowed_methods, reason = "test programs have no main to read their environment in")]
fn given() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

/// A cluster of this process.
fn started() -> String {
    let cluster = Cluster::start(&[]);
    let address = cluster.address.clone();
    // Kept for as long as this process lives.
    std::mem::forget(cluster);
    address
}

/// What of a cluster lies apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Everything but the write-ahead log.
    Tables,
    /// The write-ahead log.
    Log,
}

/// A cluster that ends with this value, or when its standard input does: however this process ends.
#[derive(Debug)]
pub struct Cluster {
    script: Child,
    said: BufReader<ChildStdout>,
    /// Its address, by a socket.
    pub address: String,
}

impl Cluster {
    /// One that speaks TLS on this port of this machine as well, by `server.crt` and `server.key` in this folder.
    #[must_use]
    pub fn with_tls(folder: &Path, port: u16) -> Self {
        Self::start(&[folder.as_os_str(), port.to_string().as_ref()])
    }

    /// One whose commits are on the disk, in this folder, which must not exist yet and goes with it: for measurements.
    #[must_use]
    pub fn durable(folder: &Path) -> Self {
        Self::start(&["durable".as_ref(), folder.as_os_str()])
    }

    /// An empty database of this name in it.
    #[must_use]
    pub fn database(&self, name: &str) -> String {
        psql(&self.address, &format!("CREATE DATABASE {name}"));
        self.address.replace("/postgres", &format!("/{name}"))
    }

    /// Runs PostgreSQL's own benchmark in this database, and returns what it says.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    #[expect(clippy::panic, clippy::expect_used, reason = "a measurement without its reference has failed")]
    pub fn pgbench(url: &str, arguments: &[&str]) -> String {
        // Debian keeps it out of the way.
        let script =
            "for folder in /usr/lib/postgresql/*/bin; do PATH=\"$folder:$PATH\"; done; exec pgbench \"$@\"";
        let mut command = Command::new("sh");
        let output = command.args(["-c", script, "pgbench"]).args(arguments).arg(url).output();
        let output = output.expect("sh cannot be started");
        if !output.status.success() {
            panic!("pgbench: {}", String::from_utf8_lossy(&output.stderr));
        }
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// One with a second that follows it: a commit is told when both have it. The address names both, and finds the one
    /// that takes writes.
    #[must_use]
    pub fn pair() -> Self {
        Self::start(&["pair".as_ref()])
    }

    /// The first of a pair dies, and the second takes its place; returns when it has.
    ///
    /// # Panics
    /// When that fails.
    pub fn fail_over(&mut self) {
        self.told("fail", "promoted");
    }

    /// One of which a part lies in this folder, on a disk of its own perhaps.
    #[must_use]
    pub fn on(folder: &Path, part: Part) -> Self {
        let part = match part {
            Part::Tables => "tables",
            Part::Log => "log",
        };
        Self::start(&["small".as_ref(), folder.as_os_str(), part.as_ref()])
    }

    /// Starts one [on a folder](Self::on) again, where it has ended; returns when it answers.
    ///
    /// # Panics
    /// When that fails.
    pub fn start_again(&mut self) {
        self.told("start", "started");
    }

    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    fn told(&mut self, word: &str, done: &str) {
        let order = self.script.stdin.as_mut().expect("it listens as long as this value lives");
        writeln!(order, "{word}").expect("the script has ended");
        let mut line = String::new();
        self.said.read_line(&mut line).expect("the script says something");
        assert_eq!(line.trim(), done, "the cluster did not do it");
    }

    #[expect(clippy::panic, clippy::expect_used, reason = "a test without its database has failed")]
    fn start(arguments: &[&OsStr]) -> Self {
        let mut command = Command::new("sh");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/postgres.sh")).args(arguments);
        let mut script =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh cannot be started");
        let mut line = String::new();
        let mut said = BufReader::new(script.stdout.take().expect("it is a pipe"));
        if !matches!(said.read_line(&mut line), Ok(length) if length > 0) {
            panic!(
                "no PostgreSQL for the tests: `cargo xtask test` installs it and starts one for all of them"
            );
        }
        Self { script, said, address: line.trim().to_owned() }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // It has nothing to say any more.
        let _ = self.script.wait();
    }
}

/// A schema of its own, gone with the test.
#[derive(Debug)]
pub struct Schema {
    name: String,
}

impl Schema {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        psql(cluster(), &format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name}"));
        Self { name }
    }

    /// The address of a store in it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}?options=-c%20search_path%3D{}", cluster(), self.name)
    }

    /// Runs statements in it, and returns what they print: values, or what was done (`UPDATE 1`).
    ///
    /// # Panics
    /// When one fails.
    pub fn sql(&self, statements: &str) -> String {
        psql(&self.url(), statements)
    }

    /// Makes another schema with the same tables and rows. Without constraints: a test may do anything there.
    pub fn copy_to(&self, other: &Self) {
        copy(&self.name, &other.name, "CREATE TABLE %I.%I AS TABLE %I.%I");
    }

    /// Makes this schema what the other one is, as if a backup of it were put back.
    pub fn restore(&self, other: &Self) {
        copy(&other.name, &self.name, "TRUNCATE %1$I.%2$I; INSERT INTO %1$I.%2$I SELECT * FROM %3$I.%4$I");
    }
}

impl Default for Schema {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            psql(cluster(), &format!("DROP SCHEMA {} CASCADE", self.name));
        }
    }
}

fn copy(from: &str, to: &str, each: &str) {
    psql(
        cluster(),
        &format!(
            "DO $$ DECLARE t text; BEGIN FOR t IN SELECT tablename FROM pg_tables WHERE schemaname = '{from}' \
             LOOP EXECUTE format('{each}', '{to}', t, '{from}', t); END LOOP; END $$"
        ),
    );
}

/// Runs statements at any address, and returns what they print.
///
/// # Panics
/// When one fails.
#[expect(clippy::panic, clippy::expect_used, reason = "a test whose surroundings fail has failed")]
pub fn psql(url: &str, statements: &str) -> String {
    let output = Command::new("psql")
        .args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statements])
        .env("PGOPTIONS", "-c client_min_messages=warning")
        .output()
        .expect("psql cannot be started");
    if !output.status.success() {
        panic!("psql: {}\n{statements}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
