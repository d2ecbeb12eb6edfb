//! A pooler (pgbouncer) in front of a PostgreSQL cluster, for tests.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::postgres::cluster;

/// What whoever connects to it gets of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A session, for as long as the connection lasts.
    Sessions,
    /// A session for each transaction: the one that became free last.
    Transactions,
    /// A session for each transaction: one after the other.
    TransactionsInTurn,
    /// A session for each statement.
    Statements,
}

/// A pooler in front of the cluster of all tests, gone with this value, however this process ends.
#[derive(Debug)]
pub struct Pooler {
    script: Child,
    said: BufReader<ChildStdout>,
    host: String,
}

impl Pooler {
    /// One that keeps at most so many sessions of each database, and runs.
    ///
    /// # Panics
    /// When there is no pgbouncer: no test is left out silently.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    pub fn start(mode: Mode, sessions: u32) -> Self {
        let (_, at) = cluster().split_once('@').expect("an address with a user");
        let (host, _) = at.split_once('/').expect("an address with a database");
        let (folder, port) = host.split_once(':').expect("an address with a port");
        let mut command = Command::new("sh");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/pgbouncer.sh"));
        command.args([&folder.replace("%2F", "/"), port, &sessions.to_string()]);
        let script = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut script = script.expect("sh cannot be started");
        let said = BufReader::new(script.stdout.take().expect("it is a pipe"));
        let mut pooler = Self { script, said, host: String::new() };
        pooler.host = pooler.line();
        assert!(!pooler.host.is_empty(), "no pgbouncer for the tests: `cargo xtask test` installs it");
        pooler.begin(mode);
        pooler
    }

    /// The address of a database behind it.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://carnet@{}/{database}", self.host)
    }

    /// Begins again, after it [has ended](Self::end); returns when it answers.
    pub fn begin(&mut self, mode: Mode) {
        let (mode, round) = match mode {
            Mode::Sessions => ("session", 0),
            Mode::Transactions => ("transaction", 0),
            Mode::TransactionsInTurn => ("transaction", 1),
            Mode::Statements => ("statement", 0),
        };
        self.told(&format!("start {mode} {round}"), "started");
    }

    /// Ends by this signal, as in `KILL`; returns when it has.
    pub fn end(&mut self, signal: &str) {
        self.told(&format!("end {signal}"), "ended");
    }

    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    fn told(&mut self, order: &str, done: &str) {
        let orders = self.script.stdin.as_mut().expect("it listens as long as this value lives");
        writeln!(orders, "{order}").expect("the script has ended");
        assert_eq!(self.line(), done, "the pooler did not do it: {order}");
    }

    #[expect(clippy::expect_used, reason = "a test whose surroundings fail has failed")]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("the script says something");
        line.trim().to_owned()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        // It has nothing to say any more.
        let _ = self.script.wait();
    }
}
