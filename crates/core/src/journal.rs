//! The record of one app on one device: what is appended, and the state that it folds to.
//!
//! A device's state has no other source than its records. [`State::apply`] is the fold; what may be
//! appended next is decided in [`crate::device`].

use std::collections::BTreeMap;

use crate::document::{Answer, Body, Brought, Effect, JournalName, Pass, PublicKey, Reason, Request, Totals};
use crate::id::{Digest, ImageId, LicenseId, MoveId, RequestId, RunId, ServerId, TransactionId};
use crate::license::LEEWAY;
use crate::provision::KeyDelivery;
use crate::time::{Length, Seconds, Time};

/// One record of a journal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Record {
    /// The whole state; starts a segment.
    Checkpoint(Box<State>),
    /// Something is about to be asked of the server. Durable before anything is sent.
    Intent(Box<Request>),
    /// The server's answer to the open intent. Closes the intent.
    Outcome(Box<Received>),
    /// What the last outcome asked to be done outside of the journal has been done.
    EffectsDone,
    /// A run was approved; so many uses were counted for it.
    RunStarted {
        /// The run.
        run: RunId,
        /// From which license.
        license: LicenseId,
        /// Uses that the start itself counts.
        uses: u64,
        /// When.
        at: Time,
    },
    /// A program joined the run of whoever started it, once: the use of that start is this program's.
    RunJoined {
        /// The program's own run.
        run: RunId,
        /// The run that it belongs to.
        of: RunId,
        /// When.
        at: Time,
    },
    /// Uses counted while running.
    Used {
        /// By which run.
        run: RunId,
        /// From which license.
        license: LicenseId,
        /// How many.
        uses: u64,
        /// When.
        at: Time,
    },
    /// Run time recorded before it is run.
    Metered {
        /// By which run.
        run: RunId,
        /// From which license.
        license: LicenseId,
        /// How much.
        seconds: Seconds,
        /// When.
        at: Time,
    },
    /// A run has ended.
    RunEnded {
        /// The run.
        run: RunId,
        /// Recorded run time that was not run after all.
        unused: Seconds,
        /// When.
        at: Time,
    },
    /// A start was refused.
    Disapproved {
        /// The stable code of the reason.
        code: String,
        /// When.
        at: Time,
    },
    /// The clock was seen behind the evidence, and this was forgiven.
    ClockCorrected {
        /// What the clock says.
        at: Time,
    },
    /// Bytes at the end of the journal were not a record and have been dropped.
    TailDropped {
        /// How many bytes.
        length: u64,
        /// Their digest.
        digest: Digest,
    },
    /// A record, with what it says to the supplier alone (C1).
    WithDetail {
        /// The record.
        of: Box<Self>,
        /// The run that has the sealing key; a refused start has one of its own.
        run: RunId,
        /// The run begins to seal here: what the supplier needs for all its records (RFC 9180 `enc`).
        begins: Option<PublicKey>,
        /// The sealed details; the record itself is bound into the seal.
        sealed: Vec<u8>,
    },
    /// Records had been kept for as long as was agreed, and are about to be dropped.
    RetentionGap {
        /// The last of them.
        upto: u64,
        /// For how long they had to be kept.
        kept: Length,
        /// The server's time by which they were old enough.
        at: Time,
    },
    /// The app is about to be erased; its pass is no good from here on (C3).
    Erasing(Erasure),
    /// What could be erased is erased.
    Erased,
}

impl Record {
    /// Whether it is about the use of the app, which a supplier may want to know more about (C1).
    #[must_use]
    pub const fn takes_detail(&self) -> bool {
        matches!(
            self,
            Self::RunStarted { .. }
                | Self::RunJoined { .. }
                | Self::Used { .. }
                | Self::Metered { .. }
                | Self::RunEnded { .. }
                | Self::Disapproved { .. }
        )
    }
}

/// An erasure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Erasure {
    /// Digest of the list of what is to be erased.
    pub list: Digest,
    /// The request that asked for it.
    pub nonce: Option<RequestId>,
    /// When it was begun.
    pub at: Time,
    /// It is done.
    pub done: bool,
}

/// An answer as it was received.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Received {
    /// What it says.
    pub answer: Answer,
    /// Digest of its payload, to be quoted by the next request.
    pub digest: Digest,
    /// The signed bytes, to be shown again.
    pub document: Vec<u8>,
}

/// What the records of a journal fold to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    /// At which server.
    pub server: ServerId,
    /// Which journal.
    pub name: JournalName,
    /// Acknowledged operations.
    pub epoch: u64,
    /// Digest of the last answer; at first, of the registration receipt.
    pub last_answer: Digest,
    /// The signed bytes of the last answer, the proof of the epoch; none before the first.
    pub proof: Vec<u8>,
    /// The signed bytes of the registration receipt; only in the device's own journal.
    pub receipt: Vec<u8>,
    /// The pass, if there ever was one.
    pub held: Option<Held>,
    /// What has been used of each license.
    pub totals: BTreeMap<LicenseId, Totals>,
    /// Totals named in a request: they can only grow from there, whatever a clean end gives back.
    pub reported: BTreeMap<LicenseId, Totals>,
    /// The open intent; resumed until it is answered.
    pub intent: Option<Request>,
    /// Portable passes that left here, until the move is known to be over.
    pub portables: BTreeMap<MoveId, Brought>,
    /// The last outcome asks for something to be done outside of the journal.
    pub effects_due: bool,
    /// Why the last request was refused, if it was.
    pub refused: Option<Reason>,
    /// The time that is known to have been reached.
    pub clock: ClockEvidence,
    /// Tails dropped since the last contact.
    pub tails_dropped: u32,
    /// Runs that have not ended; of more than [`MOST_RUNS`], the oldest are forgotten.
    pub running: BTreeMap<RunId, Running>,
    /// The longest that records of this journal must be kept; none: nobody asks for them.
    pub retention: Option<Length>,
    /// The server's time at the last contact. A clock that was set forward makes no record old.
    pub contact: Option<Time>,
    /// The app was erased, or is being erased.
    pub erasure: Option<Erasure>,
    /// The order whose key was not delivered yet.
    pub ordered: Option<Ordered>,
    /// Keys of images that were delivered to this device (B8); of more than [`MOST_KEYS`], the oldest go.
    pub keys: BTreeMap<ImageId, Delivered>,
}

/// An order of a license key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ordered {
    /// What to present for the key.
    pub transaction: TransactionId,
    /// What the key is for.
    pub image: ImageId,
}

/// Keys as they were delivered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delivered {
    /// What was delivered.
    pub delivery: KeyDelivery,
    /// The signed bytes.
    pub document: Vec<u8>,
}

/// A run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Running {
    /// Since when.
    pub since: Time,
    /// A program has joined it; no other one may.
    pub joined: bool,
}

/// A pass on this device.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Held {
    /// What it says.
    pub pass: Pass,
    /// What has become of it.
    pub status: PassStatus,
    /// The signed bytes of the answer that brought it.
    pub document: Vec<u8>,
}

/// What has become of a pass (A7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PassStatus {
    /// Good as far as it says.
    Valid,
    /// On its way to another device.
    Moving,
    /// No good any more.
    Invalid,
}

/// The time that is known to have been reached. It never goes backwards, except by the server's signed
/// time or a counted correction (I13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClockEvidence {
    /// At least this.
    pub reached: Time,
    /// Corrections since the last contact.
    pub corrections: u32,
}

/// How many corrections of the clock are forgiven between two contacts.
pub const MOST_CORRECTIONS: u32 = 3;
/// How far back a forgiven correction may go.
pub const LARGEST_CORRECTION: Seconds = Seconds(26 * 3_600);
/// How many runs of one app on one device are followed at once; a crashed one never ends.
pub const MOST_RUNS: usize = 256;
/// The keys of how many images are kept: the one that is used, the one before, and those on their way.
pub const MOST_KEYS: usize = 4;
/// How many dropped tails are forgiven between two contacts.
pub const MOST_TAILS: u32 = 3;

/// What a clock reading is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockReading {
    /// Good: this is the time.
    Now(Time),
    /// Behind the evidence, but forgivable once recorded.
    Correctable(Time),
    /// Too far behind, or too often.
    Behind,
}

impl ClockEvidence {
    /// Judges a reading of the device's clock.
    #[must_use]
    pub fn read(&self, clock: Time) -> ClockReading {
        if clock.plus(LEEWAY) >= self.reached {
            ClockReading::Now(clock.max(self.reached))
        } else if clock.plus(LARGEST_CORRECTION) >= self.reached && self.corrections < MOST_CORRECTIONS {
            ClockReading::Correctable(clock)
        } else {
            ClockReading::Behind
        }
    }

    fn advance(&mut self, at: Time) {
        self.reached = self.reached.max(at);
    }
}

/// A record that cannot follow the records before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first record of a segment must be a checkpoint, and only it.
    #[error("a journal of {found:?} cannot go on with the state of {expected:?}")]
    Foreign {
        /// The journal being read.
        expected: JournalName,
        /// What the record belongs to.
        found: JournalName,
    },
    /// A second intent while one is open.
    #[error("a second intent while one is open")]
    IntentOpen,
    /// An outcome that answers no open intent.
    #[error("an outcome for request {0} that answers no open intent")]
    NoSuchIntent(RequestId),
    /// A run joined that is over, or was joined before.
    #[error("a program joined run {0}, which nobody can join")]
    NotJoinable(RunId),
    /// A detail of a record that takes none.
    #[error("a detail of a record that takes none")]
    NoDetail,
    /// A use of something that is not held.
    #[error("a use of license {0}, which the pass is not for")]
    NotHeld(LicenseId),
}

impl State {
    /// The state of a journal before its first record.
    #[must_use]
    pub const fn new(server: ServerId, name: JournalName, receipt: Digest, reached: Time) -> Self {
        Self {
            server,
            name,
            epoch: 0,
            last_answer: receipt,
            proof: Vec::new(),
            receipt: Vec::new(),
            held: None,
            totals: BTreeMap::new(),
            reported: BTreeMap::new(),
            intent: None,
            portables: BTreeMap::new(),
            effects_due: false,
            refused: None,
            clock: ClockEvidence { reached, corrections: 0 },
            tails_dropped: 0,
            running: BTreeMap::new(),
            retention: None,
            contact: None,
            erasure: None,
            ordered: None,
            keys: BTreeMap::new(),
        }
    }

    /// Folds one more record.
    ///
    /// # Errors
    /// [`FoldError`] when the record cannot follow; the state is unchanged then.
    pub fn apply(&mut self, record: &Record) -> Result<(), FoldError> {
        match record {
            Record::Checkpoint(state) => self.restart(state)?,
            Record::Intent(request) => self.intend(request)?,
            Record::Outcome(received) => self.conclude(received)?,
            Record::EffectsDone => self.effects_due = false,
            Record::RunStarted { run, license, uses, at } => {
                self.count(*license, *uses, Seconds(0), *at)?;
                self.begin(*run, *at);
            }
            Record::RunJoined { run, of, at } => {
                self.join(*of)?;
                self.begin(*run, *at);
                self.clock.advance(*at);
            }
            Record::Used { license, uses, at, .. } => self.count(*license, *uses, Seconds(0), *at)?,
            Record::Metered { license, seconds, at, .. } => self.count(*license, 0, *seconds, *at)?,
            Record::RunEnded { run, unused, at } => {
                self.give_back(*unused);
                self.running.remove(run);
                self.clock.advance(*at);
            }
            Record::Disapproved { at, .. } => self.clock.advance(*at),
            Record::ClockCorrected { at } => {
                self.clock =
                    ClockEvidence { reached: *at, corrections: self.clock.corrections.saturating_add(1) };
            }
            Record::TailDropped { .. } => self.tails_dropped = self.tails_dropped.saturating_add(1),
            Record::WithDetail { of, .. } if of.takes_detail() => self.apply(of)?,
            Record::WithDetail { .. } => return Err(FoldError::NoDetail),
            Record::RetentionGap { .. } => {}
            Record::Erasing(erasure) => {
                self.clock.advance(erasure.at);
                self.mark(PassStatus::Invalid);
                self.erasure = Some(*erasure);
                // What they open is going to be erased, and they with it (C3).
                (self.ordered, self.keys) = (None, BTreeMap::new());
            }
            Record::Erased => self.erasure.iter_mut().for_each(|erasure| erasure.done = true),
        }
        Ok(())
    }

    fn restart(&mut self, state: &Self) -> Result<(), FoldError> {
        if state.name != self.name || state.server != self.server {
            return Err(FoldError::Foreign { expected: self.name.clone(), found: state.name.clone() });
        }
        self.clone_from(state);
        Ok(())
    }

    fn intend(&mut self, request: &Request) -> Result<(), FoldError> {
        if self.intent.is_some() {
            return Err(FoldError::IntentOpen);
        }
        self.clock.advance(request.at);
        self.reported.clone_from(&request.totals);
        self.intent = Some(request.clone());
        Ok(())
    }

    fn count(&mut self, license: LicenseId, uses: u64, seconds: Seconds, at: Time) -> Result<(), FoldError> {
        if self.held.as_ref().is_none_or(|held| held.pass.license != license) {
            return Err(FoldError::NotHeld(license));
        }
        let totals = self.totals.entry(license).or_default();
        totals.uses = totals.uses.saturating_add(uses);
        totals.seconds = totals.seconds.saturating_add(seconds.0);
        totals.first_use = totals.first_use.or(Some(at));
        self.clock.advance(at);
        Ok(())
    }

    fn begin(&mut self, run: RunId, at: Time) {
        self.running.insert(run, Running { since: at, joined: false });
        if self.running.len() > MOST_RUNS {
            let oldest = self.running.iter().min_by_key(|(_, run)| run.since).map(|(run, _)| *run);
            oldest.and_then(|run| self.running.remove(&run));
        }
    }

    fn join(&mut self, of: RunId) -> Result<(), FoldError> {
        match self.running.get_mut(&of).filter(|running| !running.joined) {
            Some(running) => {
                running.joined = true;
                Ok(())
            }
            None => Err(FoldError::NotJoinable(of)),
        }
    }

    /// A total that was reported stays: giving back below it would look like a rollback.
    fn give_back(&mut self, unused: Seconds) {
        let Some(license) = self.held.as_ref().map(|held| held.pass.license) else { return };
        let floor = self.reported.get(&license).copied().unwrap_or_default().seconds;
        if let Some(totals) = self.totals.get_mut(&license) {
            totals.seconds = totals.seconds.saturating_sub(unused.0).max(floor);
        }
    }

    /// The answer is stored, the epoch advanced and the intent closed by one record, so that no crash can
    /// come between.
    fn conclude(&mut self, received: &Received) -> Result<(), FoldError> {
        let answer = &received.answer;
        let asked = self.intent.as_ref().filter(|intent| intent.id == answer.head.request);
        if asked.is_none() {
            return Err(FoldError::NoSuchIntent(answer.head.request));
        }
        self.intent = None;
        self.epoch = answer.head.epoch;
        self.last_answer = received.digest;
        self.proof.clone_from(&received.document);
        self.clock = ClockEvidence { reached: answer.head.issued, corrections: 0 };
        self.contact = Some(answer.head.issued);
        self.tails_dropped = 0;
        self.refused = None;
        if let Some(resume) = &answer.head.resume {
            self.resume(&resume.totals);
            if resume.void {
                self.mark(PassStatus::Invalid);
            }
        }
        answer.head.over.iter().for_each(|movement| drop(self.portables.remove(movement)));
        self.take(&answer.body, &received.document);
        Ok(())
    }

    fn resume(&mut self, totals: &BTreeMap<LicenseId, Totals>) {
        for (license, acknowledged) in totals {
            let own = self.totals.entry(*license).or_default();
            own.uses = own.uses.max(acknowledged.uses);
            own.seconds = own.seconds.max(acknowledged.seconds);
            own.first_use = own.first_use.or(acknowledged.first_use);
        }
        self.reported.clone_from(&self.totals);
    }

    fn take(&mut self, body: &Body, document: &[u8]) {
        let document = document.to_vec();
        match body {
            Body::Pass(pass) => {
                self.keep_records(pass);
                self.erasure = None;
                self.held = Some(Held { pass: (**pass).clone(), status: PassStatus::Valid, document })
            }
            Body::Portable(portable) => {
                self.mark(PassStatus::Moving);
                let portable = (**portable).clone();
                self.portables.insert(portable.movement, Brought { portable, document });
                self.effects_due = true;
            }
            Body::Refusal(refusal) => {
                self.refused = Some(refusal.reason);
                let of_held =
                    self.held.as_ref().is_some_and(|held| refusal.license == Some(held.pass.license));
                let of_all = refusal.reason.is_about_device() || refusal.reason.is_about_app();
                if (of_held || of_all) && refusal.reason.ends_pass() {
                    self.mark(PassStatus::Invalid);
                }
                if refusal.reason == Reason::Transferred {
                    self.lose_keys();
                }
            }
            Body::Keys(delivery) => self.keep_keys(delivery, document),
            Body::Receipt(receipt) => match &receipt.effect {
                Effect::Registered { .. } => self.receipt = document,
                Effect::Declined(_) | Effect::Returned(_) => self.mark(PassStatus::Invalid),
                Effect::MoveCancelled(movement) => {
                    self.portables.remove(movement);
                }
                Effect::KeyOrdered { transaction, image } => {
                    self.ordered = Some(Ordered { transaction: *transaction, image: *image });
                }
                Effect::Invited(_)
                | Effect::Withdrawn(_)
                | Effect::DeviceGone(_)
                | Effect::Transferred(_)
                | Effect::Renamed(_) => {}
            },
        }
    }

    /// The app has gone to another device: keys and what is beside them are erased here, and what they have opened is
    /// still to be removed (B10).
    fn lose_keys(&mut self) {
        (self.ordered, self.keys) = (None, BTreeMap::new());
        self.effects_due = true;
    }

    fn keep_keys(&mut self, delivery: &KeyDelivery, document: Vec<u8>) {
        self.ordered = self.ordered.filter(|ordered| ordered.transaction != delivery.transaction);
        self.keys.insert(delivery.image, Delivered { delivery: delivery.clone(), document });
        while self.keys.len() > MOST_KEYS {
            let others = self.keys.iter().filter(|(image, _)| **image != delivery.image);
            let oldest = others.min_by_key(|(image, keys)| (keys.delivery.version, **image));
            let Some(oldest) = oldest.map(|(image, _)| *image) else { return };
            self.keys.remove(&oldest);
        }
    }

    /// What a contract asks to be kept is kept also under the next one.
    fn keep_records(&mut self, pass: &Pass) {
        let asked = pass.reporting.map(|clause| clause.record_retention);
        let span = |length: &Length| Time::EPOCH.plus_length(*length);
        self.retention = self.retention.into_iter().chain(asked).max_by_key(span);
    }

    fn mark(&mut self, status: PassStatus) {
        if let Some(held) = &mut self.held {
            held.status = status;
        }
    }

    /// What has become of the pass, with an open intent that gives it away counted as gone (I7).
    #[must_use]
    pub fn pass_status(&self) -> Option<PassStatus> {
        let held = self.held.as_ref()?;
        let leaving = self.intent.as_ref().is_some_and(|intent| intent.operation.leaves());
        Some(if leaving && held.status == PassStatus::Valid { PassStatus::Moving } else { held.status })
    }

    /// What has been used of the pass's license.
    #[must_use]
    pub fn used(&self) -> Totals {
        self.held.as_ref().and_then(|held| self.totals.get(&held.pass.license)).copied().unwrap_or_default()
    }

    /// Uses left in the pass; none where they are not counted.
    #[must_use]
    pub fn uses_left(&self) -> Option<u64> {
        let ceiling = self.held.as_ref()?.pass.uses?;
        Some(ceiling.upto.saturating_sub(self.used().uses))
    }

    /// Run time left in the pass; none where it is not counted.
    #[must_use]
    pub fn seconds_left(&self) -> Option<Seconds> {
        let ceiling = self.held.as_ref()?.pass.seconds?;
        Some(Seconds(ceiling.upto.saturating_sub(self.used().seconds)))
    }

    /// When the pass ends, and when the grace after it does.
    #[must_use]
    pub fn ends(&self) -> (Option<Time>, Option<Time>) {
        let Some(held) = &self.held else { return (None, None) };
        let pass = &held.pass;
        let own = match (pass.from_first_use, self.used().first_use) {
            (Some(length), Some(start)) => Some(start.plus_length(length)),
            _ => None,
        };
        match (pass.expires, own) {
            (Some(end), Some(own)) if own < end => (Some(own), Some(own)),
            (Some(end), _) => (Some(end), pass.grace_until.or(Some(end))),
            (None, own) => (own, own),
        }
    }
}
