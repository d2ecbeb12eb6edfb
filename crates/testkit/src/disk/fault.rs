//! Operations that fail, counted.

use carnet_seam::FsFault;

/// The nth operation goes wrong.
///
/// A sweep is a loop: `for n in 1.. { disk.set_fault(Some(Fault::at(n, effect))); …; if !disk.fault_struck()
/// { break } }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    at: u64,
    effect: Effect,
    forever: bool,
    reads_too: bool,
}

/// What happens instead of success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The operation fails and has done nothing; but of a write half is done, and after a sync the bytes
    /// are never made durable any more although they can still be read.
    Error(FsFault),
    /// The operation fails and has done nothing at all.
    Refusal(FsFault),
    /// All processes on the disk die: a write is half done, anything else is not.
    Death,
}

impl Fault {
    /// The `n`th (from 1) operation that changes the disk – write, truncate, sync, create, rename, remove –
    /// goes wrong once.
    #[must_use]
    pub fn at(n: u64, effect: Effect) -> Self {
        Self { at: n, effect, forever: false, reads_too: false }
    }

    /// And so do all later ones.
    #[must_use]
    pub fn forever(self) -> Self {
        Self { forever: true, ..self }
    }

    /// Operations that only look count and fail as well.
    #[must_use]
    pub fn reads_too(self) -> Self {
        Self { reads_too: true, ..self }
    }
}

/// A fault and how far it has come.
#[derive(Debug, Default)]
pub(super) struct Strike {
    fault: Option<Fault>,
    count: u64,
    pub struck: bool,
}

impl Strike {
    pub fn new(fault: Option<Fault>) -> Self {
        Self { fault, count: 0, struck: false }
    }

    /// Counts an operation; tells what happens to it.
    pub fn next(&mut self, changes: bool) -> Option<Effect> {
        let fault = self.fault.as_ref().filter(|fault| changes || fault.reads_too)?;
        self.count += 1;
        let strikes = self.count == fault.at || (fault.forever && self.count > fault.at);
        self.struck |= strikes;
        strikes.then(|| fault.effect.clone())
    }
}
