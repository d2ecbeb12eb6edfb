//! A clock that a test sets.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use carnet_seam::Clock;

/// A clock that goes only when a test says so. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct FakeClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    wall_micros: i64,
    boot_micros: u64,
    boots: u64,
}

impl FakeClock {
    /// A machine that has just started, at this time of day (microseconds since 1970 UTC).
    #[must_use]
    pub fn at(wall_micros: i64) -> Self {
        Self(Arc::new(Mutex::new(Hands { wall_micros, boot_micros: 0, boots: 1 })))
    }

    /// Time passes: both hands move.
    pub fn pass(&self, length: Duration) {
        let mut hands = crate::held(&self.0);
        let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
        hands.boot_micros = hands.boot_micros.saturating_add(micros);
        hands.wall_micros = hands.wall_micros.saturating_add_unsigned(micros);
    }

    /// Somebody sets the time of day; no time passes.
    pub fn set_wall(&self, wall_micros: i64) {
        crate::held(&self.0).wall_micros = wall_micros;
    }

    /// The machine restarts: another boot, counted from zero.
    pub fn restart(&self) {
        let mut hands = crate::held(&self.0);
        hands.boot_micros = 0;
        hands.boots += 1;
    }
}

impl Clock for FakeClock {
    fn wall_micros(&self) -> i64 {
        crate::held(&self.0).wall_micros
    }

    fn boot_micros(&self) -> u64 {
        crate::held(&self.0).boot_micros
    }

    fn boot(&self) -> Option<String> {
        Some(format!("boot-{}", crate::held(&self.0).boots))
    }

    fn sleep(&self, length: Duration) {
        self.pass(length);
    }
}
