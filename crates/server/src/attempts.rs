//! Wrong set-up codes: a few are a mistake, many are somebody trying.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use carnet_core::time::{Seconds, Time};

/// So many wrong codes in [`WINDOW`] are answered; after them everybody waits. A code has 128 bits, so this
/// keeps the log readable rather than the code secret.
const MOST: usize = 10;
const WINDOW: Seconds = Seconds(60);

/// When wrong codes came.
#[derive(Debug, Default)]
pub struct Attempts(Mutex<VecDeque<Time>>);

impl Attempts {
    /// How many seconds to wait before the next attempt; none: go on.
    #[must_use]
    pub fn wait(&self, now: Time) -> Option<u32> {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock set back must not close the door for longer than the window.
        times.retain(|time| *time <= now && now < time.plus(WINDOW));
        let first = times.front().filter(|_| times.len() >= MOST)?;
        u32::try_from(first.plus(WINDOW).since(now).0 + 1).ok()
    }

    /// A wrong code came.
    pub fn note(&self, now: Time) {
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        times.push_back(now);
        if times.len() > MOST {
            times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_ten_wrong_codes_in_a_minute_everybody_waits() {
        let attempts = Attempts::default();
        let at = |seconds| Time::EPOCH.plus(Seconds(seconds));
        for second in 0..10 {
            assert_eq!(attempts.wait(at(second)), None);
            attempts.note(at(second));
        }
        assert_eq!(attempts.wait(at(10)), Some(51));
        assert_eq!(attempts.wait(at(60)), None);
    }
}
