//! Lines of the output, and the numbers in them.

use std::fmt::Display;

use hdrhistogram::Histogram;

/// One line.
#[expect(clippy::print_stdout, reason = "it is what a measurement has to say")]
pub fn line(name: impl Display, measured: impl Display, target: impl Display, reference: impl Display) {
    println!("{name} | {measured} | {target} | {reference}");
}

/// What should have been reached, and whether it was.
#[must_use]
pub fn target(text: impl Display, reached: bool) -> String {
    if reached { text.to_string() } else { format!("{text} MISSED") }
}

/// The middle one; of an even number, the mean of the two.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    values.get(low).zip(values.get(high)).map_or(0.0, |(low, high)| (low + high) / 2.0)
}

/// Latencies of one round, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    /// Half of them were at most so long.
    pub p50: f64,
    /// 99 of 100 were.
    pub p99: f64,
    /// All were.
    pub worst: f64,
}

impl Latency {
    /// Of these.
    #[must_use]
    pub fn of(micros: &Histogram<u64>) -> Self {
        let milliseconds = |micros: u64| micros as f64 / 1_000.0;
        Self {
            p50: milliseconds(micros.value_at_quantile(0.5)),
            p99: milliseconds(micros.value_at_quantile(0.99)),
            worst: milliseconds(micros.max()),
        }
    }

    /// The medians of the rounds, and the worst of all.
    #[must_use]
    pub fn median(rounds: &[Self]) -> Self {
        let middle = |pick: fn(&Self) -> f64| median(rounds.iter().map(pick).collect());
        let worst = rounds.iter().map(|round| round.worst).fold(0.0, f64::max);
        Self { p50: middle(|round| round.p50), p99: middle(|round| round.p99), worst }
    }
}

impl Display for Latency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "p50 {:.2} ms, p99 {:.2} ms, worst {:.1} ms", self.p50, self.p99, self.worst)
    }
}
