//! A run: what a program may do, for as long as it runs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use carnet_core::app::Feature;
use carnet_core::id::RunId;

use crate::content::Content;
use crate::controller::Ticking;
use crate::disapproved::Disapproved;
use crate::gate::Gate;
use crate::keeper::Keeper;
use crate::live::Phase;
use crate::remaining::{Remaining, Warning};

/// Run approved. Keep it for as long as the program, or the job that is licensed, runs: while it lives, run
/// time is counted; when it is dropped, the end is recorded and unused time of the last block given back, and so is a
/// floating seat that no other run uses, for which the server is waited for, at most three seconds.
///
/// May be shared by threads (`Arc<Run>`), and there may be several in one process.
pub struct Run {
    keeper: Arc<Keeper>,
    ticker: Option<JoinHandle<()>>,
}

impl Run {
    pub(crate) fn new(keeper: Keeper) -> Result<Self, Disapproved> {
        let keeper = Arc::new(keeper);
        let mut run = Self { keeper: keeper.clone(), ticker: None };
        keeper.site().looks_after(&keeper);
        if keeper.site().ticking == Ticking::ByThread {
            let ticker = thread::Builder::new().name("carnet-run".into()).spawn(move || keeper.keep());
            let failed = |error| {
                let text = format!("the system gave no thread to look after the license ({error})");
                Disapproved::new("no-thread", text, "close other programs, then start again")
            };
            run.ticker = Some(ticker.map_err(failed)?);
        }
        Ok(run)
    }

    /// The run's own name, for a program that is started as part of it (see [`crate::LAUNCHED_BY`]): the use of
    /// this start is that program's, once.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.keeper.id()
    }

    /// Whether a feature may be used now. False once the run is disapproved. In a tight loop, ask a
    /// [`Run::gate`] instead.
    #[must_use]
    pub fn allows(&self, feature: &str) -> bool {
        self.keeper.live().allows(feature)
    }

    /// A check of one feature that costs next to nothing, to be kept and cloned.
    #[must_use]
    pub fn gate(&self, feature: &str) -> Gate {
        self.keeper.live().gate(feature)
    }

    /// The limit of a feature that may be used, where it has one.
    #[must_use]
    pub fn limit(&self, feature: &str) -> Option<u64> {
        self.keeper.live().limit(feature)
    }

    /// All features that may be used, with their limits.
    #[must_use]
    pub fn features(&self) -> BTreeMap<Feature, Option<u64>> {
        self.keeper.live().all_features()
    }

    /// Content of a feature that stays sealed on the disk, to be read while this run is approved: `feature` must be
    /// granted, and `path` is that in the image, as in `brushes/oil.bin`.
    ///
    /// # Errors
    /// [`Disapproved`]: the feature is not granted, the program was not installed from an image, or no key for it was
    /// delivered to this device.
    pub fn content(&self, feature: &str, path: &str) -> Result<Content, Disapproved> {
        let gate = self.gate(feature);
        let license = self.keeper.live().held().map(|held| held.pass.license);
        let license = license.filter(|_| gate.is_open()).ok_or_else(|| {
            let message = format!("the license does not grant `{feature}` now");
            Disapproved::new("not-granted", message, "choose an offer that has it from the menu")
        })?;
        Content::open(self.keeper.site(), license, (feature, gate), path)
    }

    /// Counts uses beyond the one of the start. They are durable when this returns; do the work after it.
    ///
    /// When the pass has too few left, the server is asked for the next one, for no longer than the start-up
    /// wait; with online counting it is asked before each use.
    ///
    /// # Errors
    /// [`Disapproved`]: nothing was counted, and what the run is approved for otherwise goes on.
    pub fn consume(&self, uses: u64) -> Result<Remaining, Disapproved> {
        self.keeper.consume(uses, None)
    }

    /// The same, and says to the supplier what was used, where the contract asks for it. A text that is no name of
    /// a feature says nothing.
    ///
    /// # Errors
    /// As [`Run::consume`].
    pub fn consume_for(&self, feature: &str, uses: u64) -> Result<Remaining, Disapproved> {
        self.keeper.consume(uses, feature.parse().ok())
    }

    /// What is left now.
    #[must_use]
    pub fn remaining(&self) -> Remaining {
        self.keeper.live().remaining(&self.keeper.site().env)
    }

    /// What the user should be told before it is too late.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        self.keeper.live().warnings(&self.keeper.site().env)
    }

    /// Why the run is disapproved, once it is.
    #[must_use]
    pub fn disapproved(&self) -> Option<Disapproved> {
        match &self.keeper.live().phase {
            Phase::Disapproved(told) => Some(told.clone()),
            _ => None,
        }
    }

    /// Waits until the run is disapproved; none when that has not happened in so much time.
    #[must_use]
    pub fn wait_disapproved(&self, patience: Duration) -> Option<Disapproved> {
        self.keeper.wait(patience)
    }

    /// Has somebody told, once, when the run is disapproved. Called from another thread, or at once when it is
    /// disapproved already.
    pub fn on_disapproved(&self, listener: impl Fn(&Disapproved) + Send + 'static) {
        self.keeper.listen(Box::new(listener));
    }

    /// Looks at clock, journal and server: for programs that were opened with
    /// [`Builder::without_thread`](crate::Builder::without_thread), which call this at least once a second.
    /// Where the next pass is due, this waits for the server, at most for the start-up wait.
    pub fn tick(&self) {
        let _ = self.keeper.tick();
    }

    /// Ends the run, as dropping it does.
    pub fn end(self) {
        drop(self);
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        self.keeper.finish();
        // A listener that has this run dropped is called by the very thread that would be waited for.
        if let Some(ticker) =
            self.ticker.take().filter(|ticker| ticker.thread().id() != thread::current().id())
        {
            let _ = ticker.join();
        }
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({:?})", self.keeper.live().phase)
    }
}
