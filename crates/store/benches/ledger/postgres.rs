//! A cluster to measure, and what PostgreSQL's own benchmark does on it.

use std::path::Path;
use std::process::Command;

use carnet_testkit::postgres::Cluster;

use crate::Failed;

/// A database beside ours; 2 million rows to choose from.
const BESIDE: &str = "pgbench";
const SCALE: &str = "20";

/// A cluster in this folder, with `pgbench`'s tables.
pub fn start(folder: &Path) -> Result<Cluster, Failed> {
    let cluster = Cluster::durable(&folder.join("cluster"));
    carnet_testkit::postgres::psql(&cluster.address, &format!("CREATE DATABASE {BESIDE}"));
    bench(&cluster, &["-i", "-q", "-s", SCALE])?;
    Ok(cluster)
}

/// An empty database of this name in it.
pub fn database(cluster: &Cluster, name: &str) -> String {
    carnet_testkit::postgres::psql(&cluster.address, &format!("CREATE DATABASE {name}"));
    cluster.address.replace("/postgres", &format!("/{name}"))
}

/// Transactions in a second of `pgbench -N`: one row updated by its key, one read, one appended.
pub fn pgbench(cluster: &Cluster, clients: usize, seconds: u64) -> Result<f64, Failed> {
    let (clients, seconds) = (clients.to_string(), seconds.to_string());
    let said = bench(cluster, &["-n", "-N", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds])?;
    let line = said.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or("pgbench said no rate")?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}

fn bench(cluster: &Cluster, arguments: &[&str]) -> Result<String, Failed> {
    let address = cluster.address.replace("/postgres", &format!("/{BESIDE}"));
    // Debian keeps it out of the way.
    let script =
        "for folder in /usr/lib/postgresql/*/bin; do PATH=\"$folder:$PATH\"; done; exec pgbench \"$@\"";
    let mut command = Command::new("sh");
    let output = command.args(["-c", script, "pgbench"]).args(arguments).arg(address).output()?;
    if !output.status.success() {
        return Err(format!("pgbench: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
