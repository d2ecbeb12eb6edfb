//! The time of day and the time since boot.

use std::fmt;
use std::time::Duration;

/// A clock that somebody hands over.
///
/// Wall time says what a calendar term means and may be set by anybody; time since boot cannot be set,
/// counts on while the machine sleeps, and starts over at each boot. Clock evidence (I13) needs both.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Microseconds since 1970-01-01T00:00:00Z, as the machine's clock says.
    fn wall_micros(&self) -> i64;

    /// Microseconds since the machine started, sleep included. Only differences within one
    /// [`boot`](Clock::boot) mean anything.
    fn boot_micros(&self) -> u64;

    /// The name of this boot: another text after each start of the machine. `None` where the system does
    /// not tell; nothing then survives the process as "the same boot".
    fn boot(&self) -> Option<String>;

    /// Waits. A test's clock returns at once and is later by that much.
    fn sleep(&self, length: Duration);
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that asks the machine for the time")]
    fn wall_micros(&self) -> i64 {
        match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            // A clock before 1970 is a clock that lost its battery; the sign keeps the order.
            Err(before) => i64::try_from(before.duration().as_micros()).map_or(i64::MIN, |micros| -micros),
        }
    }

    fn boot_micros(&self) -> u64 {
        let time = rustix::time::clock_gettime(BOOT_CLOCK);
        let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
        let micros = u64::try_from(time.tv_nsec).unwrap_or(0) / 1_000;
        seconds.saturating_mul(1_000_000).saturating_add(micros)
    }

    fn boot(&self) -> Option<String> {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let id = text.trim();
        (!id.is_empty()).then(|| id.to_owned())
    }

    fn sleep(&self, length: Duration) {
        std::thread::sleep(length);
    }
}

/// Linux has a clock that counts on while the machine sleeps; elsewhere the nearest is used.
#[cfg(target_os = "linux")]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Boottime;
#[cfg(not(target_os = "linux"))]
const BOOT_CLOCK: rustix::time::ClockId = rustix::time::ClockId::Monotonic;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_goes_forward_and_is_not_in_1970() {
        let (wall, boot) = (SystemClock.wall_micros(), SystemClock.boot_micros());
        SystemClock.sleep(Duration::from_millis(2));
        assert!(SystemClock.boot_micros() >= boot + 1_000);
        assert!(wall > 1_700_000_000_000_000);
        assert_eq!(SystemClock.boot(), SystemClock.boot());
    }
}
