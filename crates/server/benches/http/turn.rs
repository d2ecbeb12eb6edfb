//! Turns: what came of one round at one server, and how two of them compare.

use crate::Failed;
use crate::load::{self, Source, Tally};
use crate::process::{self, Daemon};
use crate::table::{Latency, line, median, target};

/// One turn of a server: what came of it, and what a request cost whom in µs of processor time.
pub struct Turn {
    pub tally: Tally,
    server: f64,
    client: f64,
}

/// Closed loop at this server.
pub fn timed<S: Source>(server: &Daemon, sources: Vec<S>, seconds: u64) -> Result<Turn, Failed> {
    let (theirs, own) = (server.cpu()?, process::own_cpu()?);
    let tally = load::closed(server.address, sources, seconds)?;
    let each = |cpu: f64| cpu * 1e6 / tally.micros.len().max(1) as f64;
    let (server, client) = (each(server.cpu()? - theirs), each(process::own_cpu()? - own));
    Ok(Turn { tally, server, client })
}

/// Tells of one round.
pub fn told(round: u32, name: &str, measured: &Turn, other: &str, reference: &Turn) {
    let side = |name: &str, turn: &Turn| {
        let Turn { tally, server, client } = turn;
        let latency = Latency::of(&tally.micros);
        format!("{name} {:.0}/s (CPU {server:.0} µs, client {client:.0} µs; {latency})", tally.rate())
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
