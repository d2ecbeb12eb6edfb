//! A cluster to measure, and what PostgreSQL's own benchmark does on it.

use std::path::Path;

use carnet_testkit::postgres::Cluster;

use crate::Failed;

/// Two million rows to choose from.
const SCALE: &str = "20";

/// A cluster in this folder, and a database in it with the tables of `pgbench`.
pub fn start(folder: &Path) -> (Cluster, String) {
    let cluster = Cluster::durable(&folder.join("cluster"));
    let beside = cluster.database("pgbench");
    drop(Cluster::pgbench(&beside, &["-i", "-q", "-s", SCALE]));
    (cluster, beside)
}

/// Transactions in a second of `pgbench -N`: one row updated by its key, one read, one appended.
pub fn pgbench(beside: &str, clients: usize, seconds: u64) -> Result<f64, Failed> {
    let (clients, seconds) = (clients.to_string(), seconds.to_string());
    let arguments = ["-n", "-N", "-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds];
    let said = Cluster::pgbench(beside, &arguments);
    let line = said.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or("pgbench said no rate")?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}
