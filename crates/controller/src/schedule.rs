//! When to ask for the next pass in the background.

/// The first pause after an attempt that brought nothing; each next one is twice as long.
const FIRST_PAUSE: u64 = 10_000_000;
/// The longest pause.
const LONGEST_PAUSE: u64 = 900_000_000;
/// The pause after a pass that ends no later than the one before: the license itself ends then.
const NOTHING_MORE: u64 = 3_600_000_000;

/// Attempts so far. Times are microseconds since boot.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    not_before: u64,
    pause: u64,
    last_chance_taken: bool,
}

impl Schedule {
    pub fn is_due(&self, boot: u64) -> bool {
        boot >= self.not_before
    }

    /// True once for each pass.
    pub fn last_chance(&mut self) -> bool {
        !std::mem::replace(&mut self.last_chance_taken, true)
    }

    /// Another pass is here.
    pub fn next_pass(&mut self) {
        (self.pause, self.last_chance_taken) = (0, false);
    }

    /// An attempt brought nothing. `jitter` spreads the attempts of many devices over the pause.
    pub fn failed(&mut self, boot: u64, jitter: u8) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LONGEST_PAUSE);
        let half = self.pause / 2;
        self.not_before = boot.saturating_add(half + half * u64::from(jitter) / 255);
    }

    /// An attempt brought a pass.
    pub fn succeeded(&mut self, boot: u64) {
        self.not_before = boot.saturating_add(NOTHING_MORE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_quarter_of_an_hour_and_start_over_with_the_next_pass() {
        let mut schedule = Schedule::default();
        assert!(schedule.is_due(0) && schedule.last_chance() && !schedule.last_chance());
        schedule.failed(0, 255);
        assert!(!schedule.is_due(9_999_999) && schedule.is_due(10_000_000));
        schedule.failed(0, 0);
        assert!(!schedule.is_due(9_999_999) && schedule.is_due(10_000_000), "half of twenty");
        (0..20).for_each(|_| schedule.failed(0, 255));
        assert!(!schedule.is_due(899_999_999) && schedule.is_due(900_000_000));
        schedule.next_pass();
        assert!(schedule.last_chance());
        schedule.failed(0, 255);
        assert!(schedule.is_due(10_000_000));
    }
}
