//! Keeps one run approved for as long as it may be, and ends it then.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

use carnet_core::LARGEST_AMOUNT;
use carnet_core::app::Feature;
use carnet_core::device::{Disapproval, Input};
use carnet_core::document::{Reason, Refusal};
use carnet_core::id::RunId;
use carnet_core::journal::{PassStatus, State};
use carnet_device::ContactError;
use carnet_device::journal::JournalError;

use crate::controller::{Site, Ticking};
use crate::desk::{Desk, Failure};
use crate::disapproved::{Disapproved, Why};
use crate::live::{Listener, Live, Phase};
use crate::remaining::Remaining;

/// The longest time between two looks: what ends is noticed within this.
const LOOK: Duration = Duration::from_secs(1);
/// The last attempt at the next pass begins so long before the longest wait for it.
const SPARE: Duration = Duration::from_secs(1);

/// One run. Locks are taken in this order: desk, live.
pub(crate) struct Keeper {
    site: Arc<Site>,
    run: RunId,
    desk: Mutex<Desk>,
    live: Mutex<Live>,
    changed: Condvar,
    asking: AtomicBool,
}

/// What came of asking for the next pass.
enum Asked {
    Granted,
    Refused(Refusal),
    Failed(ContactError),
    Unusable(Disapproved),
}

/// What stands in the way of a run that goes on.
enum Trouble {
    /// It must stop at once.
    Stop(Why),
    /// What comes next is not on record.
    Unpaid(Failure),
    /// The journal cannot be read.
    Unread(JournalError),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keeper {
    /// Starts keeping a run that has just been recorded. Its first block of run time is on record when this
    /// returns.
    pub fn new(mut desk: Desk, run: RunId, state: State) -> Result<Self, Disapproved> {
        desk.keep_time(&state);
        if let Err(told) = desk.take_seat(run, &state) {
            desk.end(run);
            return Err(told);
        }
        let now = desk.now();
        let state = match desk.count_time(run, state) {
            Ok(state) => state,
            Err(failure) => {
                desk.end(run);
                return Err(failure.into());
            }
        };
        let issued = desk.genuine.as_ref().map_or(now, |genuine| genuine.issued);
        let time = desk.time.unwrap_or(crate::timekeeper::Timekeeper::reached(now, &desk.site.env));
        let asked = desk.asked(&state);
        let mut live = Live::new(state, issued, time);
        live.asked = asked;
        live.paid_until = desk.meter.paid_until();
        let (site, desk, live) = (desk.site.clone(), Mutex::new(desk), Mutex::new(live));
        Ok(Self { site, run, desk, live, changed: Condvar::new(), asking: AtomicBool::new(false) })
    }

    pub fn live(&self) -> MutexGuard<'_, Live> {
        locked(&self.live)
    }

    pub fn id(&self) -> RunId {
        self.run
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Looks at clock, journal and meter, and does what is due. Returns when to look again; none: never.
    pub fn tick(self: &Arc<Self>) -> Option<Duration> {
        self.look_at_calendar();
        self.look_at_journal();
        self.look_ahead();
        self.next_look()
    }

    /// Ticks until the run is over.
    pub fn keep(self: &Arc<Self>) {
        while let Some(pause) = self.tick() {
            let live = self.live();
            if !live.is_over() {
                drop(self.changed.wait_timeout(live, pause).unwrap_or_else(PoisonError::into_inner));
            }
        }
    }

    fn look_at_calendar(self: &Arc<Self>) {
        let ended = {
            let live = self.live();
            (live.phase == Phase::Approved).then(|| live.ended(&self.site.env)).flatten()
        };
        if let Some(why) = ended {
            self.time_is_up(why);
        }
    }

    /// Nothing is allowed from now on, until the server has given more.
    fn time_is_up(self: &Arc<Self>, why: Why) {
        {
            let mut live = self.live();
            if live.phase != Phase::Approved {
                return;
            }
            live.enter(Phase::Waiting(why));
        }
        self.ask_server();
    }

    /// Folds what others have recorded, and counts run time. Skipped while somebody else is at the desk.
    fn look_at_journal(self: &Arc<Self>) {
        if self.live().phase != Phase::Approved {
            return;
        }
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let watched = self.watch(&mut desk);
        self.share(&desk, watched.as_ref().ok());
        let (boot, counts_time) = (self.site.env.clock.boot_micros(), self.live().counts_time());
        let unpaid = counts_time && !desk.meter.is_paid(boot);
        drop(desk);
        match watched {
            Ok(_) => {}
            Err(Trouble::Stop(why)) => self.disapprove(why.into()),
            Err(Trouble::Unpaid(Failure::Why(why))) if unpaid => self.time_is_up(why),
            Err(Trouble::Unpaid(Failure::Journal(error)) | Trouble::Unread(error))
                if unpaid || !may_pass(&error) =>
            {
                self.disapprove(error.into());
            }
            Err(_) => {}
        }
    }

    fn watch(&self, desk: &mut Desk) -> Result<State, Trouble> {
        let state = desk.look().map_err(|failure| match failure {
            Failure::Why(why) => Trouble::Stop(why),
            Failure::Journal(error) => Trouble::Unread(error),
        })?;
        if let Some(why) = given_away(&state) {
            return Err(Trouble::Stop(Why::Pass(why)));
        }
        // The pass may have become a seat since the start. Without a mark it is only given back early.
        let _ = desk.take_seat(self.run, &state);
        let known = self.live().held().map(|held| held.document.clone());
        let is_new = state.held.as_ref().map(|held| &held.document) != known.as_ref();
        match if is_new { desk.judge(&state) } else { Ok(()) } {
            // It was not given away: another instance has used it up, and what was approved goes on.
            Err(Failure::Why(Why::Pass(Disapproval::Invalid(_)))) => {}
            Err(Failure::Why(why)) => return Err(Trouble::Stop(why)),
            _ => {}
        }
        desk.count_time(self.run, state).map_err(Trouble::Unpaid)
    }

    /// Lets everybody see what the desk knows.
    fn share(&self, desk: &Desk, state: Option<&State>) {
        let mut live = self.live();
        if let Some(state) = state {
            live.take(state.clone(), desk.genuine.as_ref().map(|genuine| genuine.issued), desk.time);
        }
        live.paid_until = desk.meter.paid_until();
    }

    fn look_ahead(self: &Arc<Self>) {
        let wanted = {
            let mut live = self.live();
            match live.phase {
                Phase::Waiting(_) => true,
                Phase::Approved if !self.asking.load(Ordering::Acquire) => {
                    live.wants_next(&self.site.env, self.site.start_wait.saturating_add(SPARE))
                }
                _ => false,
            }
        };
        if wanted {
            self.ask_server();
        }
    }

    fn next_look(&self) -> Option<Duration> {
        let live = self.live();
        if live.is_over() {
            return None;
        }
        let paid = live.paid_until.map(|until| until.saturating_sub(self.site.env.clock.boot_micros()));
        let ends = live.left(&self.site.env).into_iter().chain(paid).min();
        let ends = ends.filter(|left| *left > 0).map_or(LOOK, Duration::from_micros);
        Some(ends.min(LOOK))
    }

    /// Asks for the next pass beside everything else; who has no second thread waits.
    fn ask_server(self: &Arc<Self>) {
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let keeper = self.clone();
        let beside = self.site.ticking == Ticking::ByThread
            && thread::Builder::new().name("carnet-contact".into()).spawn(move || keeper.contact()).is_ok();
        if !beside {
            self.contact();
        }
    }

    fn contact(self: &Arc<Self>) {
        let (asked, other) = match Desk::open(&self.site) {
            Err(told) => (Asked::Unusable(told), None),
            Ok(mut desk) => match desk.ask(0, &desk.way()) {
                Ok(None) => (Asked::Granted, Some(desk)),
                Ok(Some(refusal)) => (Asked::Refused(refusal), Some(desk)),
                Err(error) => (Asked::Failed(error), None),
            },
        };
        self.plan(&asked);
        self.take_in(asked, other);
        self.asking.store(false, Ordering::Release);
    }

    fn plan(&self, asked: &Asked) {
        let (boot, mut jitter) = (self.site.env.clock.boot_micros(), [0; 1]);
        // Without random bytes the attempts are only less spread.
        let _ = self.site.env.random.fill(&mut jitter);
        let mut live = self.live();
        match asked {
            Asked::Granted => live.schedule.succeeded(boot),
            _ => live.schedule.failed(boot, jitter[0]),
        }
    }

    fn take_in(self: &Arc<Self>, asked: Asked, other: Option<Desk>) {
        let mut desk = locked(&self.desk);
        if let Some(other) = other {
            desk.adopt(other);
        }
        let phase = self.live().phase.clone();
        let Phase::Waiting(why) = phase else {
            drop(desk);
            self.look_at_journal();
            return;
        };
        match self.go_on(&mut desk) {
            Ok(state) => {
                self.share(&desk, Some(&state));
                self.live().resume();
                self.changed.notify_all();
            }
            Err(failure) => {
                drop(desk);
                self.disapprove(match asked {
                    Asked::Granted => failure.into(),
                    Asked::Refused(refusal) => Disapproved::refused(&refusal),
                    Asked::Failed(error) => Disapproved::without_help(why, error),
                    Asked::Unusable(told) => told,
                });
            }
        }
    }

    /// Whether the run may go on after its time was up.
    fn go_on(&self, desk: &mut Desk) -> Result<State, Failure> {
        let state = desk.look()?;
        let state = desk.count_time(self.run, state)?;
        desk.judge(&state)?;
        Ok(state)
    }

    /// Counts uses, durably, before this returns.
    pub fn consume(&self, uses: u64, of: Option<Feature>) -> Result<Remaining, Disapproved> {
        if uses == 0 || uses > LARGEST_AMOUNT {
            return Err(Why::Pass(Disapproval::Amount).into());
        }
        let mut desk = locked(&self.desk);
        match &self.live().phase {
            Phase::Approved => {}
            Phase::Waiting(why) => return Err((*why).into()),
            Phase::Disapproved(told) => return Err(told.clone()),
            Phase::Ended => return Err(Why::Pass(Disapproval::RunEnded).into()),
        }
        desk.details.iter_mut().for_each(|details| details.using(of.clone()));
        let settled = desk.settle(&Input::Use { run: self.run, uses }, uses);
        self.share(&desk, settled.as_ref().ok());
        settled.map_err(|refused| refused.told)?;
        Ok(self.live().remaining(&self.site.env))
    }

    /// Run disapproved: nothing is allowed any more, the run ends on record, and whoever wants to know is told.
    fn disapprove(&self, told: Disapproved) {
        let listeners = {
            let mut live = self.live();
            if live.is_over() {
                return;
            }
            live.enter(Phase::Disapproved(told.clone()));
            std::mem::take(&mut live.listeners)
        };
        locked(&self.desk).end(self.run);
        self.changed.notify_all();
        listeners.iter().for_each(|listener| tell(listener, &told));
    }

    pub fn listen(&self, listener: Listener) {
        let told = {
            let mut live = self.live();
            match &live.phase {
                Phase::Disapproved(told) => told.clone(),
                _ => return live.listeners.push(listener),
            }
        };
        tell(&listener, &told);
    }

    pub fn wait(&self, patience: Duration) -> Option<Disapproved> {
        let waited = self.changed.wait_timeout_while(self.live(), patience, |live| !live.is_over());
        match &waited.unwrap_or_else(PoisonError::into_inner).0.phase {
            Phase::Disapproved(told) => Some(told.clone()),
            _ => None,
        }
    }

    /// The program ends the run.
    pub fn finish(&self) {
        let was_over = {
            let mut live = self.live();
            let was_over = live.is_over();
            if !was_over {
                live.enter(Phase::Ended);
            }
            was_over
        };
        self.changed.notify_all();
        let mut desk = locked(&self.desk);
        if !was_over {
            desk.end(self.run);
        }
        desk.leave_seat();
    }
}

/// A listener that panics must not take the keeper with it.
fn tell(listener: &Listener, told: &Disapproved) {
    let _ = catch_unwind(AssertUnwindSafe(|| listener(told)));
}

/// Why a run must stop although nothing of what it was approved for is used up: the pass went to another
/// device, was given back or revoked (I2, A15, B10). A license that is only suspended, not paid or used up
/// lets what was approved go on to its end.
fn given_away(state: &State) -> Option<Disapproval> {
    match state.pass_status() {
        Some(PassStatus::Valid) => None,
        Some(PassStatus::Moving) => Some(Disapproval::Moving),
        Some(PassStatus::Invalid) => match state.refused {
            Some(Reason::Suspended | Reason::ChargeFailed | Reason::Exhausted | Reason::Expired) => None,
            refused => Some(Disapproval::Invalid(refused)),
        },
        None => Some(Disapproval::NoPass),
    }
}

/// Whether a failure may go by itself: a full disk, somebody else's lock. A journal that was changed does not.
fn may_pass(error: &JournalError) -> bool {
    matches!(error, JournalError::Storage(_) | JournalError::Poisoned(_))
}
