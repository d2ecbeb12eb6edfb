//! The engine: batches of ledger operations, decided in order, committed once.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use carnet_core::app::AppId;
use carnet_core::document::JournalName;
use carnet_core::id::{ChargeId, LicenseId, MoveId, PassId, SupplierId, TransactionId};
use carnet_core::server::{AppView, Decision, Fresh, Outcome, decide};
use carnet_core::time::Time;
use carnet_seam::Random;

use super::ahead::Touched;
use super::load::Surroundings;
use super::working::Working;
use super::{How, LedgerError, Op, Reply, Settled, Submission, Terms, Work};
use crate::StoreError;
use crate::connection::Connection;
use crate::tx::{Reading, Writing};
use crate::writer::{Desk, Durable, Failure};

/// How often a batch is loaded and decided again when somebody else has changed a row meanwhile.
const ATTEMPTS: u32 = 3;

type Outcomes = Vec<Result<Settled, LedgerError>>;

impl Desk {
    /// Settles all and replies to all.
    pub(crate) fn settle_batch(&mut self, ops: Vec<Op>) {
        if ops.is_empty() {
            return;
        }
        match self.settle_together(&ops) {
            Ok(outcomes) => {
                let replies: Vec<_> = ops.into_iter().map(|op| op.reply).zip(outcomes).collect();
                self.told(Box::new(move |durable| {
                    for (reply, outcome) in replies {
                        tell(reply, if durable { outcome } else { Err(LedgerError::Unknown) });
                    }
                }));
            }
            Err(Failure::Unknown) => {
                self.anything_done();
                ops.into_iter().for_each(|op| tell(op.reply, Err(LedgerError::Unknown)));
            }
            Err(Failure::NotBegun(error)) => refuse(ops, &error),
            Err(Failure::RolledBack(error)) if ops.len() == 1 => refuse(ops, &error),
            // One of them is poisoned: alone, it fails alone.
            Err(Failure::RolledBack(_)) => {
                self.counters.alone();
                ops.into_iter().for_each(|op| self.settle_batch(vec![op]));
            }
        }
    }

    fn settle_together(&mut self, ops: &[Op]) -> Result<Outcomes, Failure> {
        for _ in 1..ATTEMPTS {
            match self.attempt(ops) {
                Err(Failure::RolledBack(StoreError::Conflict { .. })) => self.counters.again(),
                done => return done,
            }
        }
        self.attempt(ops)
    }

    fn attempt(&mut self, ops: &[Op]) -> Result<Outcomes, Failure> {
        let now = Time(self.options.clock.wall_micros());
        let ahead = self.ahead.take();
        let (outcomes, last, touched) = self.transaction(Durable::Promised, |desk| {
            let before = desk.last_event;
            let ahead = ahead.zip(desk.done.as_ref()).filter(|_| desk.undisturbed);
            let ahead = ahead.and_then(|(ahead, done)| done.still_good(ahead)).unwrap_or_default();
            let tx = Writing::over(&desk.connection, &desk.shared);
            let shared = matches!(desk.connection, Connection::Postgres(_));
            if let Some(first) = ops.first().filter(|_| shared) {
                first.terms.prepare.refresh(&tx)?;
            }
            let (menus, random) = (&mut desk.menus, desk.options.random.as_ref());
            let mut working = Working { before, ..ahead };
            if shared {
                let journals: Vec<&JournalName> = ops.iter().filter_map(Op::journal).collect();
                working.preload(&tx, &journals)?;
            }
            let mut batch = Batch { tx: &tx, menus, random, now, working };
            let outcomes = ops.iter().map(|op| batch.settle(op)).collect::<Vec<_>>();
            let last = batch.working.next_event() - 1;
            let touched = desk.done.as_ref().map(|_| Touched::by(&batch.working));
            let rows = batch.working.write(&tx)?;
            Ok(((outcomes, last, touched), rows))
        })?;
        self.last_event = last;
        if let Some(done) = &self.done {
            done.note(touched);
        }
        Ok(outcomes)
    }
}

fn refuse(ops: Vec<Op>, error: &StoreError) {
    tracing::error!(%error, "ledger operations could not be stored");
    ops.into_iter().for_each(|op| tell(op.reply, Err(error.clone().into())));
}

/// A reply belongs to the caller; that it may panic must not stop the writer.
fn tell(reply: Reply, outcome: Result<Settled, LedgerError>) {
    if catch_unwind(AssertUnwindSafe(|| reply(outcome))).is_err() {
        tracing::error!("a reply to a ledger operation ended in a panic");
    }
}

/// A batch while it is decided.
pub(super) struct Batch<'a> {
    pub(super) tx: &'a Writing<'a>,
    menus: &'a mut HashMap<AppId, Option<AppView>>,
    random: &'a dyn Random,
    pub(super) now: Time,
    pub(super) working: Working,
}

impl Batch<'_> {
    /// Nothing of an operation that fails is left in the working copy: errors come before the first change.
    fn settle(&mut self, op: &Op) -> Result<Settled, LedgerError> {
        match &op.work {
            Work::Request(submission) => Ok(self.request(&op.terms, submission)?),
            Work::Act { supplier, license, act, by, reason } => {
                self.act(*supplier, *license, *act, (by, reason.as_deref()))
            }
            Work::Charge { supplier, charge, act, by, note } => {
                self.charge(*supplier, *charge, *act, (by, note))
            }
            Work::Review { supplier, journal, by } => self.review(*supplier, journal, by),
            Work::FreeDevice { supplier, device, by } => self.free_device(*supplier, *device, by),
            Work::Report { supplier, license, reported } => {
                self.report(*supplier, *license, reported.clone())
            }
            Work::Sell(sale) => self.sell(sale),
        }
    }

    fn request(&mut self, terms: &Terms, submission: &Submission) -> Result<Settled, StoreError> {
        let request = &submission.request;
        let app = request.journal.app.as_ref().map(|app| self.app(app)).transpose()?.flatten();
        let supplier = app.as_ref().map(|app| app.supplier);
        let around = Surroundings { server: terms.server, app };
        let tx: &Reading<'_> = self.tx;
        let (view, aside) = self.working.view(tx, submission, around)?;
        let fresh = fresh(self.random, self.now)?;
        let answered = |payload, how| Ok(Settled::Answered { payload, how });
        match decide(&view, request, self.now, &fresh) {
            Decision::Decided(outcome) => self.take(terms, submission, *outcome, How::Decided, supplier),
            Decision::Aside(outcome) => self.take(terms, submission, *outcome, How::Aside, supplier),
            Decision::Repeat => answered(self.slot_bytes(&request.journal)?, How::Repeat),
            Decision::RepeatAside => {
                let lost = || StoreError::NotFound { what: "answer" };
                answered(aside.ok_or_else(lost)?.answer, How::RepeatAside)
            }
            Decision::Superseded(answer) => {
                answered(terms.prepare.prepare(&answer, supplier).bytes, How::Superseded)
            }
            Decision::Unrecorded(answer) => {
                answered(terms.prepare.prepare(&answer, supplier).bytes, How::Unrecorded)
            }
            Decision::CheckProof => Ok(Settled::CheckProof),
            Decision::WantsKeys(transaction) => Ok(Settled::WantsKeys(transaction)),
            Decision::Rejected(rejection) => Ok(Settled::Rejected(rejection)),
        }
    }

    fn take(
        &mut self,
        terms: &Terms,
        submission: &Submission,
        outcome: Outcome,
        how: How,
        supplier: Option<SupplierId>,
    ) -> Result<Settled, StoreError> {
        let prepared = terms.prepare.prepare(&outcome.answer, supplier);
        self.working.apply(self.tx, submission, outcome, &prepared, how, supplier)?;
        Ok(Settled::Answered { payload: prepared.bytes, how })
    }

    fn slot_bytes(&self, journal: &JournalName) -> Result<Vec<u8>, StoreError> {
        let kept = self.working.journals.get(journal).and_then(Option::as_ref);
        let bytes = kept.and_then(|kept| kept.row.slot_answer.clone());
        bytes.ok_or(StoreError::NotFound { what: "answer" })
    }

    pub(super) fn app(&mut self, app: &AppId) -> Result<Option<AppView>, StoreError> {
        if let Some(known) = self.menus.get(app) {
            return Ok(known.clone());
        }
        let found = self.tx.menu(app)?;
        // What does not exist is not kept: anybody can ask for anything.
        if found.is_some() {
            self.menus.insert(app.clone(), found.clone());
        }
        Ok(found)
    }
}

/// New ids: the time first, so that lists in id order are in the order of making, then randomness (UUIDv7,
/// RFC 9562).
fn fresh(random: &dyn Random, now: Time) -> Result<Fresh, StoreError> {
    let mut bytes = [0; 80];
    random.fill(&mut bytes).map_err(StoreError::failed)?;
    let millis = (now.0 / 1_000).max(0).to_be_bytes();
    let id = |at: usize| {
        let mut id = [0; 16];
        id.copy_from_slice(&bytes[at..at + 16]);
        id[..6].copy_from_slice(&millis[2..]);
        id[6] = id[6] & 0x0f | 0x70;
        id[8] = id[8] & 0x3f | 0x80;
        id
    };
    // Nobody sorts these, and nobody may guess them.
    let mut transaction = [0; 16];
    transaction.copy_from_slice(&bytes[64..]);
    Ok(Fresh {
        license: LicenseId(id(0)),
        pass: PassId(id(16)),
        movement: MoveId(id(32)),
        charge: ChargeId(id(48)),
        transaction: TransactionId(transaction),
    })
}
