//! The PostgreSQL cluster of the tests: started before them, gone after them, also when they fail.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::workspace::{Failure, Workspace};

/// Where the tests find it; they would start one for each test program otherwise.
pub const VARIABLE: &str = "CARNET_TEST_POSTGRES";

/// A cluster that ends when this does: its script waits for the end of its standard input.
pub struct Cluster {
    script: Child,
    /// Its address.
    pub address: String,
}

impl Cluster {
    pub fn start(workspace: &Workspace) -> Result<Self, Failure> {
        let mut command = workspace.program("sh");
        command.arg("crates/testkit/postgres.sh").stdin(Stdio::piped()).stdout(Stdio::piped());
        let failed =
            |error: std::io::Error| Failure::new(format!("PostgreSQL could not be started: {error}"));
        let mut script = command.spawn().map_err(failed)?;
        let mut address = String::new();
        if let Some(out) = script.stdout.take() {
            BufReader::new(out).read_line(&mut address).map_err(failed)?;
        }
        let address = address.trim().to_owned();
        if address.is_empty() {
            return Err(Failure::new("PostgreSQL for the tests did not start: see above"));
        }
        Ok(Self { script, address })
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.script.stdin.take());
        if let Err(error) = self.script.wait() {
            eprintln!("the PostgreSQL of the tests may still run: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_cluster_is_gone_when_it_is_dropped() {
        let cluster = Cluster::start(&Workspace::for_tests()).unwrap();
        let host = cluster.address.split(['@', '/', ':']).find(|part| part.contains("%2F")).unwrap();
        let folder = host.replace("%2F", "/");
        assert!(Path::new(&folder).join("data").is_dir(), "{}", cluster.address);
        drop(cluster);
        assert!(!Path::new(&folder).exists());
    }
}
