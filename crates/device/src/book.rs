//! A journal with meaning: its records are those of [`carnet_core::journal`], and what may be appended is
//! decided by [`carnet_core::device::next`] on the newest state, under the journal's lock.

use std::path::Path;
use std::sync::Arc;

use carnet_core::device::{Disapproval, Input, next};
use carnet_core::document::{Answer, Body, Operation, Pass};
use carnet_core::id::{DeviceId, Digest, RequestId};
use carnet_core::journal::{Received, Record, State};
use carnet_core::time::Time;
use carnet_seal::cbor::{self, Cbor, Limits};
use carnet_seal::{RequestMessage, SealError, Signed, SigningKey, sign};
use carnet_seam::Fs;

use crate::journal::{self, Entry, Fold, Head, Journal, JournalError, Misfit, Peek, Settings, Tail};

/// An open journal of one app, or of the device itself.
#[derive(Debug)]
pub struct Book {
    journal: Journal<Folded>,
}

/// Why something was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It may not be done now.
    #[error(transparent)]
    Disapproved(#[from] Disapproval),
    /// A document of our own cannot be made; a defect.
    #[error("a document could not be made: {0}")]
    Seal(#[from] SealError),
}

/// The state, as the layer of bytes sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Folded(State);

impl Fold for Folded {
    fn restore(&mut self, body: &[u8]) -> Result<(), Misfit> {
        let state: State = cbor::decode_within(body, Limits::JOURNAL).map_err(misfit)?;
        self.0.apply(&Record::Checkpoint(Box::new(state))).map_err(misfit)
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Result<(), Misfit> {
        let record: Record = cbor::decode_within(entry.body, Limits::JOURNAL).map_err(misfit)?;
        if kind_of(&record) != entry.kind {
            return Err(Misfit(format!("a record of kind {} says it is another", entry.kind)));
        }
        self.0.apply(&record).map_err(misfit)
    }

    fn checkpoint(&self) -> Vec<u8> {
        cbor::encode(&self.0)
    }

    fn tail_dropped(&self, tail: &Tail) -> journal::Record {
        written(&Record::TailDropped { length: tail.length, digest: Digest(tail.sha256) })
    }

    /// Reports need the records under a reporting clause, and until the next contact nobody has seen that a
    /// tail was lost. What else is in them, passes, open requests and answers too, the checkpoint has.
    fn keeps_past(&self) -> bool {
        self.0.tails_dropped > 0 || self.0.held.as_ref().is_some_and(|held| held.pass.reporting.is_some())
    }

    /// The pass of today may have no reporting clause where the one of yesterday had.
    fn keeps(&self, entry: &Entry<'_>) -> bool {
        let pass_reports = |pass: &Pass| pass.reporting.is_some();
        match entry.kind {
            journal::CHECKPOINT => decoded::<State>(entry.body)
                .is_none_or(|state| state.held.is_some_and(|held| pass_reports(&held.pass))),
            OUTCOME => decoded::<Record>(entry.body).is_none_or(|record| match record {
                Record::Outcome(received) => {
                    matches!(&received.answer.body, Body::Pass(pass) if pass_reports(pass))
                }
                _ => true,
            }),
            _ => false,
        }
    }
}

/// None for what cannot be read; that stays.
fn decoded<T: Cbor>(body: &[u8]) -> Option<T> {
    cbor::decode_within(body, Limits::JOURNAL).ok()
}

fn misfit(wrong: impl std::fmt::Display) -> Misfit {
    Misfit(wrong.to_string())
}

/// An answer of the server.
const OUTCOME: u8 = 2;

/// The kind on the frame of a record; never used again for another meaning (I20).
const fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Checkpoint(_) => journal::CHECKPOINT,
        Record::Intent(_) => 1,
        Record::Outcome(_) => OUTCOME,
        Record::EffectsDone => 3,
        Record::RunStarted { .. } => 4,
        Record::Used { .. } => 5,
        Record::Metered { .. } => 6,
        Record::RunEnded { .. } => 7,
        Record::Disapproved { .. } => 8,
        Record::ClockCorrected { .. } => 9,
        Record::TailDropped { .. } => 10,
        Record::RunJoined { .. } => 11,
    }
}

fn written(record: &Record) -> journal::Record {
    journal::Record { kind: kind_of(record), body: cbor::encode(record) }
}

fn named(state: &State) -> journal::JournalName {
    journal::JournalName { server: state.server, device: state.name.device, app: state.name.app.clone() }
}

impl Book {
    /// Opens the journal in `folder`; `new` is its state before the first record.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn open(fs: Arc<dyn Fs>, folder: &Path, new: State) -> Result<Self, JournalError> {
        Self::open_with(fs, folder, new, Settings::default())
    }

    /// Opens the journal in `folder`, if that is there.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn open_begun(fs: Arc<dyn Fs>, folder: &Path, new: State) -> Result<Option<Self>, JournalError> {
        let name = named(&new);
        let journal = Journal::open_begun(fs, folder, name, Folded(new), Settings::default())?;
        Ok(journal.map(|journal| Self { journal }))
    }

    /// The same with other settings than the usual ones.
    ///
    /// # Errors
    /// As [`Book::open`].
    pub fn open_with(
        fs: Arc<dyn Fs>,
        folder: &Path,
        new: State,
        settings: Settings,
    ) -> Result<Self, JournalError> {
        let name = named(&new);
        Ok(Self { journal: Journal::open(fs, folder, name, Folded(new), settings)? })
    }

    /// Looks without taking the lock and without changing anything.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn look(fs: &dyn Fs, folder: &Path, new: State) -> Result<State, JournalError> {
        let name = named(&new);
        Ok(Peek::look(fs, folder, &name, Folded(new))?.state.0)
    }

    /// What the records fold to, as of the last look at the disk.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.journal.state().0
    }

    /// Folds what other processes have added.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn refresh(&mut self) -> Result<&State, JournalError> {
        self.journal.refresh()?;
        Ok(self.state())
    }

    /// Does what the input asks, if the newest state allows it. Durable when this returns.
    ///
    /// # Errors
    /// [`BookError::Disapproved`] when it is not allowed; nothing is recorded then.
    pub fn act(&mut self, input: Input, now: Time) -> Result<&State, BookError> {
        self.plan(|state, _| next(state, input, now))
    }

    /// Writes down that something is about to be asked. Afterwards [`Book::message`] has it.
    ///
    /// # Errors
    /// [`Disapproval::IntentOpen`] when an earlier request waits for its answer.
    pub fn ask(&mut self, id: RequestId, operation: Operation, now: Time) -> Result<&State, BookError> {
        self.plan(|state, head| {
            let head = Digest(head.chain);
            next(state, Input::Ask { id, operation: Box::new(operation), head }, now)
        })
    }

    /// Takes an answer in; its signature has been checked. Closes the open intent.
    ///
    /// # Errors
    /// [`Disapproval::WrongAnswer`] when it is not the answer to the open request.
    pub fn receive(&mut self, answer: Signed<Answer>, now: Time) -> Result<&State, BookError> {
        let digest = answer.body_hash();
        let (answer, document) = answer.into_parts();
        self.act(Input::Receive(Box::new(Received { answer, digest, document })), now)
    }

    /// Records that a start was refused, so that reports can show it (C1).
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn note_disapproval(&mut self, why: &Disapproval, now: Time) -> Result<(), BookError> {
        let record = Record::Disapproved { code: why.code().to_owned(), at: now };
        self.plan(|_, _| Ok(vec![record]))?;
        Ok(())
    }

    fn plan(
        &mut self,
        plan: impl FnOnce(&State, Head) -> Result<Vec<Record>, Disapproval>,
    ) -> Result<&State, BookError> {
        self.journal.append_with::<BookError>(|folded, head| {
            Ok(plan(&folded.0, head)?.iter().map(written).collect())
        })?;
        Ok(self.state())
    }

    /// The open request as it is sent, with the proofs that travel beside it. None when nothing is open.
    ///
    /// # Errors
    /// [`JournalError`] when the intent cannot be made durable before it is sent.
    pub fn message(&mut self, key: &SigningKey, receipt: &[u8]) -> Result<Option<RequestMessage>, BookError> {
        self.journal.ensure_durable()?;
        let Some(intent) = self.state().intent.clone() else { return Ok(None) };
        let proof = |bytes: &[u8]| (!bytes.is_empty()).then(|| bytes.to_vec());
        let last_answer = proof(&self.state().proof);
        let request = sign(intent, key)?.bytes().to_vec();
        Ok(Some(RequestMessage { request, last_answer, receipt: proof(receipt), key_set: None }))
    }

    /// Whose journal it is.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.state().name.device
    }
}
