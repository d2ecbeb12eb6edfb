//! What a device may do next: pure, over the state of one journal.
//!
//! [`next`] answers with the records to append; a thing is done only after its record is durable. Nothing
//! is asked of the server without an intent, nothing runs without its use being counted first.

use std::collections::BTreeMap;

use crate::app::{Feature, Version};
use crate::document::{Answer, Body, Operation, Reason, Request};
use crate::id::{Digest, RequestId, RunId};
use crate::journal::{ClockReading, FoldError, Held, MOST_TAILS, PassStatus, Received, Record, State};
use crate::license::LEEWAY;
use crate::offer::Counting;
use crate::time::{Seconds, Time};

/// Run time is recorded in blocks of this size, before it is run.
pub const BLOCK: Seconds = Seconds(30);

/// Folds records from the beginning.
///
/// # Errors
/// The first [`FoldError`] met.
pub fn fold<'a>(start: State, records: impl IntoIterator<Item = &'a Record>) -> Result<State, FoldError> {
    let mut state = start;
    records.into_iter().try_for_each(|record| state.apply(record))?;
    Ok(state)
}

/// What is wanted of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A program wants to start.
    Start {
        /// The run, if it is approved.
        run: RunId,
        /// The program's version, where it tells.
        version: Option<Version>,
    },
    /// A program wants to start as part of a run whose start was counted for it.
    Join {
        /// The program's own run, if it is approved.
        run: RunId,
        /// The run that it belongs to.
        of: RunId,
        /// The program's version, where it tells.
        version: Option<Version>,
    },
    /// A running program makes uses.
    Use {
        /// The run.
        run: RunId,
        /// How many.
        uses: u64,
    },
    /// A running program is about to run on.
    Meter {
        /// The run.
        run: RunId,
    },
    /// A run has ended.
    End {
        /// The run.
        run: RunId,
        /// Recorded run time that was not run.
        unused: Seconds,
    },
    /// Something is to be asked of the server.
    Ask {
        /// Fresh and random.
        id: RequestId,
        /// What.
        operation: Box<Operation>,
        /// Head of the journal's chain.
        head: Digest,
    },
    /// The server has answered. Its signature was checked before.
    Receive(Box<Received>),
    /// What the last outcome asked for has been done.
    EffectsDone,
}

/// Why a program may not run, or may not go on. Codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Disapproval {
    /// There is no pass.
    #[error("there is no pass for this app on this device")]
    NoPass,
    /// The pass is on its way to another device.
    #[error("the pass is on its way to another device")]
    Moving,
    /// The pass is no good any more.
    #[error("the pass is no longer valid{}", because(.0))]
    Invalid(Option<Reason>),
    /// The app was erased here, or is being erased (C3).
    #[error("the app was erased on this device")]
    Erased,
    /// The pass begins later.
    #[error("the pass begins at {0}")]
    NotBegun(Time),
    /// The pass has ended.
    #[error("the pass ended at {0}")]
    Expired(Time),
    /// No uses are left in the pass.
    #[error("no uses are left in the pass")]
    NoUsesLeft,
    /// No run time is left in the pass.
    #[error("no run time is left in the pass")]
    NoTimeLeft,
    /// The pass does not cover this version.
    #[error("the pass does not cover version {0}")]
    Version(Version),
    /// The clock is behind what is known to have been reached.
    #[error("the clock is set before {0}, a time that was already reached")]
    ClockBehind(Time),
    /// The journal lost its end too often.
    #[error("the end of the journal was lost more than {MOST_TAILS} times since the last contact")]
    TailsLost,
    /// The run is not known, or has ended.
    #[error("this run has ended")]
    RunEnded,
    /// An earlier request waits for its answer.
    #[error("an earlier request still waits for the server's answer")]
    IntentOpen,
    /// The answer is for another request, device, journal or server.
    #[error("the answer does not belong to the open request: {0}")]
    WrongAnswer(&'static str),
    /// The uses wanted are none, or more than can be counted.
    #[error("the number of uses must be 1 to 10^12")]
    Amount,
}

fn because(reason: &Option<Reason>) -> String {
    reason.map(|reason| format!(": {}", reason.in_words())).unwrap_or_default()
}

impl Disapproval {
    /// Stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoPass => "no-pass",
            Self::Moving => "pass-moving",
            Self::Invalid(_) => "pass-invalid",
            Self::Erased => "erased",
            Self::NotBegun(_) => "pass-not-begun",
            Self::Expired(_) => "pass-expired",
            Self::NoUsesLeft => "no-uses-left",
            Self::NoTimeLeft => "no-time-left",
            Self::Version(_) => "version-not-covered",
            Self::ClockBehind(_) => "clock-behind",
            Self::TailsLost => "journal-end-lost",
            Self::RunEnded => "run-ended",
            Self::IntentOpen => "request-open",
            Self::WrongAnswer(_) => "wrong-answer",
            Self::Amount => "bad-amount",
        }
    }

    /// What the user can do.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::NoPass | Self::NoUsesLeft | Self::NoTimeLeft | Self::Expired(_) => {
                "connect to the license server for the next pass, or choose an offer from the menu"
            }
            Self::Invalid(Some(reason)) => reason.remedy(),
            Self::Invalid(None) => "connect to the license server",
            Self::Moving => "import it here again, or use the other device",
            Self::Erased => "agree to an offer again, or ask for the next pass with `carnet renew`",
            Self::NotBegun(_) => "wait until it begins, or choose another offer",
            Self::Version(_) => "use a version that the offer covers, or buy the upgrade",
            Self::ClockBehind(_) => "set the clock right, or connect to the license server once",
            Self::TailsLost => "connect to the license server once",
            Self::RunEnded => "start the program again",
            Self::IntentOpen => "connect to the license server so that it can be finished",
            Self::WrongAnswer(_) => "repeat the request",
            Self::Amount => "use a number from 1 to 10^12",
        }
    }

    /// Whether the server may help: the next pass, or the menu (A8).
    #[must_use]
    pub const fn server_helps(&self) -> bool {
        // Whoever has an app transferred away does not want its next start to fetch it back.
        if matches!(self, Self::Invalid(Some(Reason::Transferred))) {
            return false;
        }
        matches!(
            self,
            Self::NoPass
                | Self::Invalid(_)
                | Self::NotBegun(_)
                | Self::Expired(_)
                | Self::NoUsesLeft
                | Self::NoTimeLeft
                | Self::ClockBehind(_)
                | Self::TailsLost
                | Self::IntentOpen
                | Self::Moving
        )
    }
}

/// What a good pass approves (A11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Exactly these functions and this content.
    pub features: BTreeMap<Feature, Option<u64>>,
    /// Uses left after this, where they are counted.
    pub uses_left: Option<u64>,
    /// Run time left, where it is counted.
    pub seconds_left: Option<Seconds>,
    /// The pass ends here.
    pub ends: Option<Time>,
    /// The pass has ended and runs in grace until here: warn.
    pub grace_until: Option<Time>,
}

impl State {
    /// Judges whether the pass lets a program run that is about to make so many uses (A11).
    ///
    /// # Errors
    /// Why not.
    pub fn judge(&self, clock: Time, version: Option<Version>, uses: u64) -> Result<Approval, Disapproval> {
        let held = self.good_pass(clock)?;
        let now = self.now(clock)?;
        if let Some(version) = version.filter(|version| !held.pass.versions.covers(*version)) {
            return Err(Disapproval::Version(version));
        }
        if self.uses_left().is_some_and(|left| left < uses) {
            return Err(Disapproval::NoUsesLeft);
        }
        if self.seconds_left() == Some(Seconds(0)) {
            return Err(Disapproval::NoTimeLeft);
        }
        let (ends, grace) = self.ends();
        let over = ends.filter(|end| *end <= now);
        Ok(Approval {
            features: held.pass.features.clone(),
            uses_left: self.uses_left().map(|left| left - uses),
            seconds_left: self.seconds_left(),
            ends,
            grace_until: over.and(grace),
        })
    }

    fn good_pass(&self, clock: Time) -> Result<&Held, Disapproval> {
        let held = self.held.as_ref().ok_or(Disapproval::NoPass)?;
        match self.pass_status() {
            Some(PassStatus::Valid) => {}
            _ if self.erasure.is_some() => return Err(Disapproval::Erased),
            Some(PassStatus::Moving) => return Err(Disapproval::Moving),
            Some(PassStatus::Invalid) | None => return Err(Disapproval::Invalid(self.refused)),
        }
        if self.tails_dropped > MOST_TAILS {
            return Err(Disapproval::TailsLost);
        }
        let now = self.now(clock)?;
        if now.plus(LEEWAY) < held.pass.not_before {
            return Err(Disapproval::NotBegun(held.pass.not_before));
        }
        let (ends, grace) = self.ends();
        if grace.or(ends).is_some_and(|end| end <= now) {
            return Err(Disapproval::Expired(ends.unwrap_or(now)));
        }
        Ok(held)
    }

    fn now(&self, clock: Time) -> Result<Time, Disapproval> {
        match self.clock.read(clock) {
            ClockReading::Now(now) | ClockReading::Correctable(now) => Ok(now),
            ClockReading::Behind => Err(Disapproval::ClockBehind(self.clock.reached)),
        }
    }

    /// Uses that a start itself counts: one, where uses are counted (ten uses are ten runs).
    #[must_use]
    pub fn uses_of_start(&self) -> u64 {
        u64::from(self.held.as_ref().is_some_and(|held| held.pass.uses.is_some()))
    }

    /// Whether a program may still join this run.
    #[must_use]
    pub fn can_join(&self, of: RunId) -> bool {
        self.running.get(&of).is_some_and(|running| !running.joined)
    }

    /// Whether each use must be asked of the server first.
    #[must_use]
    pub fn counts_online(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.pass.counting == Counting::Online)
    }
}

/// The records to append for what is wanted.
///
/// # Errors
/// Why it may not be done. Nothing is to be appended then, except a refusal record by the caller's choice.
pub fn next(state: &State, input: Input, clock: Time) -> Result<Vec<Record>, Disapproval> {
    match input {
        Input::Start { run, version } => start(state, run, version, clock),
        Input::Join { run, of, version } => join(state, run, of, version, clock),
        Input::Use { run, uses } => make_uses(state, run, uses, clock),
        Input::Meter { run } => meter(state, run, clock),
        Input::End { run, unused } => end(state, run, unused, clock),
        Input::Ask { id, operation, head } => ask(state, id, *operation, head, clock),
        Input::Receive(received) => receive(state, received),
        Input::EffectsDone if state.effects_due => Ok(vec![Record::EffectsDone]),
        Input::EffectsDone => Ok(Vec::new()),
    }
}

/// A forgivable clock is recorded before anything is recorded by it.
fn dated(state: &State, clock: Time, record: impl FnOnce(Time) -> Record) -> Vec<Record> {
    match state.clock.read(clock) {
        ClockReading::Correctable(at) => vec![Record::ClockCorrected { at }, record(at)],
        ClockReading::Now(_) | ClockReading::Behind => vec![record(clock)],
    }
}

fn start(
    state: &State,
    run: RunId,
    version: Option<Version>,
    clock: Time,
) -> Result<Vec<Record>, Disapproval> {
    let uses = state.uses_of_start();
    state.judge(clock, version, uses)?;
    let license = state.good_pass(clock)?.pass.license;
    Ok(dated(state, clock, |at| Record::RunStarted { run, license, uses, at }))
}

/// What a launcher's start counted is made by the program that it started, and by no second one (A10: ten uses
/// are ten runs).
fn join(
    state: &State,
    run: RunId,
    of: RunId,
    version: Option<Version>,
    clock: Time,
) -> Result<Vec<Record>, Disapproval> {
    if !state.can_join(of) {
        return Err(Disapproval::RunEnded);
    }
    state.judge(clock, version, 0)?;
    Ok(dated(state, clock, |at| Record::RunJoined { run, of, at }))
}

fn make_uses(state: &State, run: RunId, uses: u64, clock: Time) -> Result<Vec<Record>, Disapproval> {
    if uses == 0 || uses > crate::LARGEST_AMOUNT {
        return Err(Disapproval::Amount);
    }
    known(state, run)?;
    state.judge(clock, None, uses)?;
    let license = state.good_pass(clock)?.pass.license;
    Ok(dated(state, clock, |at| Record::Used { run, license, uses, at }))
}

fn meter(state: &State, run: RunId, clock: Time) -> Result<Vec<Record>, Disapproval> {
    known(state, run)?;
    let license = state.good_pass(clock)?.pass.license;
    let block = match state.seconds_left() {
        None => BLOCK,
        Some(Seconds(0)) => return Err(Disapproval::NoTimeLeft),
        Some(left) => left.min(BLOCK),
    };
    Ok(dated(state, clock, |at| Record::Metered { run, license, seconds: block, at }))
}

fn end(state: &State, run: RunId, unused: Seconds, clock: Time) -> Result<Vec<Record>, Disapproval> {
    known(state, run)?;
    let unused = unused.min(BLOCK);
    Ok(dated(state, clock, |at| Record::RunEnded { run, unused, at }))
}

fn known(state: &State, run: RunId) -> Result<(), Disapproval> {
    if state.running.contains_key(&run) { Ok(()) } else { Err(Disapproval::RunEnded) }
}

fn ask(
    state: &State,
    id: RequestId,
    operation: Operation,
    head: Digest,
    clock: Time,
) -> Result<Vec<Record>, Disapproval> {
    if state.intent.is_some() {
        return Err(Disapproval::IntentOpen);
    }
    if matches!(operation, Operation::Renew { uses } if uses > crate::LARGEST_AMOUNT) {
        return Err(Disapproval::Amount);
    }
    let valid = state.pass_status() == Some(PassStatus::Valid);
    // That it knows of a transfer, a device shows by giving back what it has, be it nothing.
    let transferred = operation == Operation::Return && state.refused == Some(Reason::Transferred);
    if operation.leaves() && !valid && !transferred {
        return Err(state.pass_status().map_or(Disapproval::NoPass, |_| Disapproval::Invalid(None)));
    }
    let request = Request {
        server: state.server,
        journal: state.name.clone(),
        id,
        epoch: state.epoch,
        last_answer: state.last_answer,
        head,
        at: clock,
        totals: state.totals.clone(),
        portables: state.portables.keys().copied().collect(),
        operation,
    };
    Ok(vec![Record::Intent(Box::new(request))])
}

/// Checks that the answer is the one to the open intent (protocol, device step 3).
fn receive(state: &State, received: Box<Received>) -> Result<Vec<Record>, Disapproval> {
    let answer = &received.answer;
    let wrong = |what| Err(Disapproval::WrongAnswer(what));
    let Some(intent) = &state.intent else { return wrong("no request is open") };
    let head = &answer.head;
    if head.request != intent.id {
        return wrong("another request");
    }
    if head.server != state.server || head.journal != state.name {
        return wrong("another journal");
    }
    let in_step = if head.resume.is_some() {
        matches!(&answer.body, Body::Refusal(refusal) if resumes(refusal.reason))
    } else {
        head.epoch == head.quoted + 1 || keeps_epoch(answer)
    };
    if head.quoted != intent.epoch || !in_step {
        return wrong("another epoch");
    }
    Ok(vec![Record::Outcome(received)])
}

const fn resumes(reason: Reason) -> bool {
    matches!(reason, Reason::ForkOrRollback | Reason::Reconcile | Reason::Superseded)
}

/// A journal that waits for review keeps its epoch, so that the review finds it where it was; a device that could
/// not join has no epoch yet.
fn keeps_epoch(answer: &Answer) -> bool {
    let unchanged = |reason: Reason| reason == Reason::UnderReview || reason.keeps_out();
    let keeps = matches!(&answer.body, Body::Refusal(refusal) if unchanged(refusal.reason));
    keeps && answer.head.epoch == answer.head.quoted
}
