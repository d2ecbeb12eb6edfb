//! The store's own counts in the Prometheus text format: it counts in buckets already, which the recorder of
//! everything else cannot take over.

use std::fmt::{self, Write};

use carnet_store::{Buckets, Counts};

/// Ledger operations that shared a commit.
pub const BATCH: &str = "carnet_ledger_batch_operations";
/// Loading, deciding and writing rows, before a commit.
pub const WORK: &str = "carnet_store_work_seconds";
/// Commits.
pub const COMMIT: &str = "carnet_store_commit_seconds";
/// Checkpoints beside the writer.
pub const CHECKPOINT: &str = "carnet_store_checkpoint_seconds";
/// Checkpoints by the writer itself, while everybody waits.
pub const CHECKPOINT_REST: &str = "carnet_store_checkpoint_rest_seconds";
/// Rows written.
pub const ROWS: &str = "carnet_store_rows_written_total";
/// Transactions that were decided again.
pub const AGAIN: &str = "carnet_store_decided_again_total";
/// Batches that were run one by one.
pub const ALONE: &str = "carnet_store_batches_one_by_one_total";
/// Jobs that were refused because too much was waiting.
pub const REFUSED: &str = "carnet_store_refused_total";
/// Jobs that wait for the writer.
pub const QUEUE: &str = "carnet_store_queue_length";
/// Pages in the write-ahead log.
pub const LOG: &str = "carnet_store_log_pages";

/// All of them.
pub const NAMES: [&str; 11] =
    [BATCH, WORK, COMMIT, CHECKPOINT, CHECKPOINT_REST, ROWS, AGAIN, ALONE, REFUSED, QUEUE, LOG];

/// Adds everything the store counts to `text`.
///
/// # Errors
/// Never, as writing to a string does not fail.
pub fn render(text: &mut String, counts: &Counts) -> fmt::Result {
    let micros = |buckets, name, help| (name, help, buckets, 1e-6);
    let histograms = [
        (BATCH, "ledger operations that shared a commit", &counts.batches, 1.0),
        micros(&counts.work, WORK, "loading, deciding and writing rows before a commit, in seconds"),
        micros(&counts.commits, COMMIT, "commits, in seconds"),
        micros(&counts.rounds, CHECKPOINT, "checkpoints beside the writer, in seconds"),
        micros(&counts.rests, CHECKPOINT_REST, "checkpoints by the writer while everybody waits, in seconds"),
    ];
    for (name, help, buckets, unit) in histograms {
        histogram(text, name, help, buckets, unit)?;
    }
    for (name, kind, help, value) in [
        (ROWS, "counter", "rows written by what was committed", counts.rows),
        (AGAIN, "counter", "transactions decided again because others had changed something", counts.again),
        (ALONE, "counter", "batches run one by one because something in them failed", counts.alone),
        (REFUSED, "counter", "jobs refused because too much was waiting", counts.refused),
        (QUEUE, "gauge", "jobs that wait for the writer", counts.queue),
        (LOG, "gauge", "pages in the write-ahead log", counts.log_pages),
    ] {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")?;
    }
    Ok(())
}

fn histogram(text: &mut String, name: &str, help: &str, buckets: &Buckets, unit: f64) -> fmt::Result {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} histogram")?;
    for (bound, count) in &buckets.up_to {
        writeln!(text, "{name}_bucket{{le=\"{}\"}} {count}", scaled(*bound, unit))?;
    }
    let Buckets { count, sum, .. } = buckets;
    writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")?;
    writeln!(text, "{name}_sum {}\n{name}_count {count}\n", scaled(*sum, unit))
}

/// Rounded to the microsecond, so that 5 ms do not read 0.005000000000000001.
fn scaled(value: u64, unit: f64) -> f64 {
    (value as f64 * unit * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_reads_as_prometheus_wants_it() {
        let buckets = Buckets { up_to: vec![(200, 1), (5_000, 3)], count: 4, sum: 12_345 };
        let mut text = String::new();
        histogram(&mut text, "x_seconds", "a thing", &buckets, 1e-6).unwrap();
        assert_eq!(
            text,
            "# HELP x_seconds a thing\n# TYPE x_seconds histogram\nx_seconds_bucket{le=\"0.0002\"} 1\n\
             x_seconds_bucket{le=\"0.005\"} 3\nx_seconds_bucket{le=\"+Inf\"} 4\nx_seconds_sum 0.012345\n\
             x_seconds_count 4\n\n"
        );
    }
}
