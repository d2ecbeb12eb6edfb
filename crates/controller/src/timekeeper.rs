//! What time it is while a program runs.

use carnet_core::license::LEEWAY;
use carnet_core::time::Time;
use carnet_device::Env;

/// A time that was known at one moment of this boot. From there on time only goes forward, whatever anybody
/// sets the clock to (I13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Timekeeper {
    base: Time,
    /// Microseconds since boot at that moment.
    boot: u64,
    /// The server has just said so. A clock that is far ahead of it is wrong, and must lock nobody out.
    certain: bool,
}

impl Timekeeper {
    /// From what the journal knows to have been reached.
    pub fn reached(base: Time, env: &Env) -> Self {
        Self { base, boot: env.clock.boot_micros(), certain: false }
    }

    /// From the server's signed time in an answer to a question of this moment.
    pub fn told(base: Time, env: &Env) -> Self {
        Self { certain: true, ..Self::reached(base, env) }
    }

    /// The later of the clock and the known time plus what has passed since.
    pub fn now(&self, env: &Env) -> Time {
        let passed = env.clock.boot_micros().saturating_sub(self.boot);
        let least = Time(self.base.0.saturating_add_unsigned(passed));
        let clock = env.now();
        if self.certain && clock > least.plus(LEEWAY) { least } else { clock.max(least) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use carnet_testkit::{FakeClock, MemDisk, SeededRandom};

    use super::*;

    #[test]
    fn i13_time_goes_on_by_the_clock_since_boot_when_the_wall_clock_is_set_back() {
        let clock = FakeClock::at(1_000_000_000);
        let env = Env {
            fs: Arc::new(MemDisk::new().fs()),
            clock: Arc::new(clock.clone()),
            random: Arc::new(SeededRandom::new(1)),
        };
        let (reached, told) =
            (Timekeeper::reached(env.now(), &env), Timekeeper::told(Time(1_000_000_000), &env));
        clock.pass(Duration::from_secs(60));
        clock.set_wall(0);
        assert_eq!((reached.now(&env), told.now(&env)), (Time(1_060_000_000), Time(1_060_000_000)));
        clock.set_wall(90_000_000_000);
        assert_eq!(reached.now(&env), Time(90_000_000_000), "a clock that is ahead may be right");
        assert_eq!(told.now(&env), Time(1_060_000_000), "unless the server has just said otherwise");
        clock.set_wall(1_100_000_000);
        assert_eq!(told.now(&env), Time(1_100_000_000), "within the leeway the clock counts");
    }
}
