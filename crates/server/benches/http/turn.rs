//! Turns: what came of one round at one server, and how two of them compare.

use crate::Failed;
use crate::process::{Daemon, Meter};
use carnet_testkit::load::table::{Latency, line, median, target};
use carnet_testkit::load::{self, Source, Tally};
use carnet_testkit::postgres::Cluster;

/// One turn of a server: what came of it, what a request cost whom in µs of processor time, and the share of the
/// machine that others have taken meanwhile.
pub struct Turn {
    pub tally: Tally,
    server: f64,
    client: f64,
    others: f64,
}

/// PostgreSQL's own tables beside ours: two million rows to choose from.
pub fn beside(cluster: &Cluster) -> String {
    let url = cluster.database("pgbench");
    drop(Cluster::pgbench(&url, &["-i", "-q", "-s", "20"]));
    url
}

/// Transactions in a second of `pgbench -N`: one row updated by its key, one read, one appended.
pub fn pgbench(beside: &str, connections: usize, seconds: u64) -> Result<f64, Failed> {
    let (connections, seconds) = (connections.to_string(), seconds.to_string());
    let arguments = ["-n", "-N", "-M", "prepared", "-c", &connections, "-j", "2", "-T", &seconds];
    let said = Cluster::pgbench(beside, &arguments);
    let line = said.lines().find_map(|line| line.strip_prefix("tps = ")).ok_or("pgbench said no rate")?;
    Ok(line.split(' ').next().unwrap_or_default().parse()?)
}

/// Closed loop at this server.
pub fn timed<S: Source>(server: &Daemon, sources: Vec<S>, seconds: u64) -> Result<Turn, Failed> {
    let meter = Meter::start(server)?;
    let tally = load::closed(server.address, sources, seconds)?;
    let used = meter.stop()?;
    let each = |cpu: f64| cpu * 1e6 / tally.micros.len().max(1) as f64;
    Ok(Turn { server: each(used.server), client: each(used.client), others: used.others, tally })
}

/// Tells of one round.
pub fn told(round: u32, name: &str, measured: &Turn, other: &str, reference: &Turn) {
    let side = |name: &str, turn: &Turn| {
        let Turn { tally, server, client, others } = turn;
        let (rate, latency, others) = (tally.rate(), Latency::of(&tally.micros), others * 100.0);
        format!(
            "{name} {rate:.0}/s (CPU {server:.0} µs, client {client:.0} µs; {latency}; others {others:.0} %)"
        )
    };
    println!("# round {}: {}; {}", round + 1, side(name, measured), side(other, reference));
}

/// The median of the rounds' ratios, and both medians.
pub fn ratio(measured: &[Turn], reference: &[Turn]) -> (f64, f64, f64) {
    let rates = |turns: &[Turn]| turns.iter().map(|turn| turn.tally.rate()).collect::<Vec<_>>();
    let (ours, theirs) = (rates(measured), rates(reference));
    let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    (median(ratios), median(ours), median(theirs))
}

/// Tells how renewals compare with what PostgreSQL did in the same rounds.
pub fn against_pgbench(ours: &[Turn], beside: &[f64]) {
    let ratios = ours.iter().zip(beside).map(|(turn, beside)| turn.tally.rate() / beside).collect();
    let ratio = median(ratios);
    line(
        "renewals on PostgreSQL",
        format!("{ratio:.2} ×"),
        target("≥ 2 ×", ratio >= 2.0),
        format!("pgbench -N, {:.0}/s", median(beside.to_vec())),
    );
}

/// Tells of all rounds; returns the median rate.
pub fn summed_up(connections: usize, ours: &[Turn], theirs: &[Turn]) -> f64 {
    let (ratio, rate, reference) = ratio(ours, theirs);
    line(
        format!("renewals, {connections} connections"),
        format!("{ratio:.2} × ({rate:.0}/s)"),
        target("≥ 0.45 ×", ratio >= 0.45),
        format!("{reference:.0}/s"),
    );
    let latency = |turns: &[Turn]| {
        Latency::median(&turns.iter().map(|turn| Latency::of(&turn.tally.micros)).collect::<Vec<_>>())
    };
    line(format!("latency, {connections} connections"), latency(ours), "–", latency(theirs));
    let cpu = |turns: &[Turn]| {
        let middle = |pick: fn(&Turn) -> f64| median(turns.iter().map(pick).collect());
        format!("{:.0} µs, client {:.0} µs", middle(|turn| turn.server), middle(|turn| turn.client))
    };
    line("CPU per renewal", cpu(ours), "–", cpu(theirs));
    rate
}
