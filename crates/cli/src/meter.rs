//! What a person at a terminal sees of long work whose end is known: how much is done, how fast, how long still.

use std::io::Write;

use carnet_seam::{Clock, SystemClock};

use crate::output::Output;
use crate::width::{self, columns, shortened};

/// So often the line is drawn again, in microseconds.
const PAUSE: u64 = 200_000;

/// A line on stderr, gone when this is dropped. Nothing is seen where nobody looks.
#[derive(Debug)]
pub struct Meter {
    what: String,
    shows: bool,
    /// When and where the work began: what was there before says nothing about the speed.
    began: Option<(u64, u64)>,
    drawn: u64,
    columns: usize,
}

impl Meter {
    /// For this work.
    #[must_use]
    pub fn new(output: Output, what: String) -> Self {
        Self { what, shows: output.shows_progress(), began: None, drawn: 0, columns: 0 }
    }

    /// So many bytes of so many are done.
    pub fn at(&mut self, done: u64, total: u64) {
        if !self.shows {
            return;
        }
        let now = SystemClock.boot_micros();
        let (since, from) = *self.began.get_or_insert((now, done));
        if now - self.drawn < PAUSE || now - since < PAUSE {
            return;
        }
        self.drawn = now;
        let line = format!("{}: {}", self.what, state(done, total, done - from.min(done), now - since));
        self.draw(&line);
    }

    fn draw(&mut self, line: &str) {
        let line = shortened(line, width::of_stderr().unwrap_or(80).saturating_sub(1));
        let blank = " ".repeat(self.columns.saturating_sub(columns(&line)));
        let mut stderr = std::io::stderr().lock();
        // A terminal that has gone away sees no progress.
        let _ = write!(stderr, "\r{line}{blank}").and_then(|()| stderr.flush());
        self.columns = columns(&line);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if self.columns > 0 {
            self.draw("");
            let _ = write!(std::io::stderr(), "\r");
        }
    }
}

/// `41 % of 1.2 GiB, 80.0 MiB/s, 9 s left`. `moved` bytes took `micros`.
fn state(done: u64, total: u64, moved: u64, micros: u64) -> String {
    let percent = done.saturating_mul(100).checked_div(total).unwrap_or(100).min(100);
    let speed = moved.saturating_mul(1_000_000).checked_div(micros).unwrap_or(0);
    let text = format!("{percent} % of {}, {}/s", bytes_in_words(total), bytes_in_words(speed));
    match total.saturating_sub(done).checked_div(speed) {
        None => text,
        Some(left) if left < 60 => format!("{text}, {left} s left"),
        Some(left) => format!("{text}, {} min left", left.div_ceil(60)),
    }
}

/// `1.5 MiB`.
#[must_use]
pub fn bytes_in_words(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1_024 {
        return format!("{bytes} bytes");
    }
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1_024, 0);
    while tenths >= 10_240 && unit + 1 < units.len() {
        tenths /= 1_024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, units.get(unit).copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_at_a_glance() {
        let words = [0, 1_023, 1_024, 1_536, 1 << 20, 5 << 30, u64::MAX].map(bytes_in_words);
        assert_eq!(words[..6], ["0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB"]);
        assert!(words[6].ends_with("TiB"));
    }

    #[test]
    fn b5_progress_says_how_much_how_fast_and_how_long() {
        let mib = 1 << 20;
        assert_eq!(
            state(40 * mib, 100 * mib, 40 * mib, 4_000_000),
            "40 % of 100.0 MiB, 10.0 MiB/s, 6 s left"
        );
        assert_eq!(
            state(40 * mib, 4_000 * mib, 20 * mib, 2_000_000),
            "1 % of 3.9 GiB, 10.0 MiB/s, 7 min left"
        );
        assert_eq!(state(0, 0, 0, 0), "100 % of 0 bytes, 0 bytes/s");
    }
}
