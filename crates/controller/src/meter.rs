//! Counting run time: in blocks, recorded before they are run, once per device however many instances run.

use std::time::Duration;

use carnet_core::device::{BLOCK, Input};
use carnet_core::id::{LicenseId, RunId};
use carnet_core::journal::State;
use carnet_core::license::LEEWAY;
use carnet_core::time::Seconds;
use carnet_seam::{File, FsFault};

use crate::desk::{Desk, Failure};

/// A look that comes later than this after the end of a block finds that nothing was run in between: the
/// machine slept, or the program was stopped.
const LATE: u64 = 2_000_000;

/// What this run knows of the counting. Times are microseconds since boot.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Locked by the one instance that counts.
    file: Option<Box<dyn File>>,
    counts: Counts,
    /// Up to here run time is on record.
    paid_until: u64,
    /// Then the next record is due.
    due: u64,
    license: Option<LicenseId>,
}

/// Who counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Counts {
    #[default]
    Nobody,
    Here,
    Elsewhere,
}

/// How often run time is recorded; none where nobody asks for it. Where only the calendar matters, now and
/// then is enough: a clock that is set back before each start is found out by what was run (I13).
fn pace(state: &State) -> Option<Seconds> {
    let pass = &state.held.as_ref()?.pass;
    if pass.seconds.is_some() || pass.reporting.is_some() {
        Some(BLOCK)
    } else if state.ends().0.is_some() {
        Some(LEEWAY)
    } else {
        None
    }
}

const fn micros(seconds: Seconds) -> u64 {
    seconds.0.saturating_mul(1_000_000)
}

impl Meter {
    /// Run time that is on record and not run yet, here.
    pub fn paid_until(&self) -> Option<u64> {
        (self.counts == Counts::Here).then_some(self.paid_until)
    }

    /// Whether what is run now is on record, by whoever counts.
    pub fn is_paid(&self, boot: u64) -> bool {
        match self.counts {
            Counts::Nobody => false,
            Counts::Here => boot < self.paid_until,
            Counts::Elsewhere => true,
        }
    }

    /// Whole seconds that were recorded and will not be run.
    pub fn unused(&self, license: Option<LicenseId>, boot: u64) -> Seconds {
        let ours = self.counts == Counts::Here && self.license.is_some() && self.license == license;
        Seconds(if ours { self.paid_until.saturating_sub(boot) / 1_000_000 } else { 0 })
    }

    /// Lets another instance count.
    pub fn release(&mut self) {
        // Closing the file lets go too, unless a child process still has it open.
        let _ = self.file.take().map(|file| file.unlock());
        self.counts = Counts::Nobody;
    }

    fn pay(&mut self, boot: u64, block: Seconds, pace: Seconds, license: Option<LicenseId>) {
        let from = if boot.saturating_sub(self.paid_until) <= LATE { self.paid_until } else { boot };
        self.paid_until = from.saturating_add(micros(block));
        self.due = if pace == BLOCK { self.paid_until } else { boot.saturating_add(micros(pace)) };
        self.license = license;
    }
}

impl Desk {
    /// Sees to it that the time that is about to be run is on record.
    ///
    /// Where run time is not what limits the pass, a record that is refused is no reason to stop: a run that
    /// was approved goes on to its end.
    pub fn count_time(&mut self, run: RunId, state: State) -> Result<State, Failure> {
        let Some(pace) = pace(&state) else {
            self.meter.release();
            return Ok(state);
        };
        let boot = self.site.env.clock.boot_micros();
        if !self.take_meter(boot, pace)? || boot < self.meter.due {
            return Ok(state);
        }
        let block = state.seconds_left().map_or(BLOCK, |left| left.min(BLOCK));
        match self.act(Input::Meter { run }) {
            Ok(after) => {
                let license = after.held.as_ref().map(|held| held.pass.license);
                self.meter.pay(boot, block, pace, license);
                Ok(after)
            }
            Err(Failure::Why(_)) if state.seconds_left().is_none() => {
                self.meter.pay(boot, Seconds(0), pace, None);
                Ok(state)
            }
            Err(failure) => Err(failure),
        }
    }

    /// True when this instance counts.
    fn take_meter(&mut self, boot: u64, pace: Seconds) -> Result<bool, Failure> {
        if self.meter.counts == Counts::Here {
            return Ok(true);
        }
        let file = match self.meter.file.take() {
            Some(file) => file,
            None => {
                self.passbook.meter(&self.site.product.app).map_err(|error| Failure::Journal(error.into()))?
            }
        };
        let locked = file.lock(Duration::ZERO);
        self.meter.file = Some(file);
        match locked {
            Ok(()) => {
                let due = if pace == BLOCK { boot } else { boot.saturating_add(micros(pace)) };
                (self.meter.counts, self.meter.paid_until, self.meter.due) = (Counts::Here, boot, due);
                Ok(true)
            }
            Err(error) if error.fault == FsFault::Locked => {
                self.meter.counts = Counts::Elsewhere;
                Ok(false)
            }
            Err(error) => Err(Failure::Journal(error.into())),
        }
    }
}
