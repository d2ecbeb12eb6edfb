//! A journal with meaning: its records are those of [`carnet_core::journal`], and what may be appended is
//! decided by [`carnet_core::device::next`] on the newest state, under the journal's lock.

use std::path::Path;
use std::sync::Arc;

use carnet_core::device::{Disapproval, Input, next};
use carnet_core::document::{Answer, Operation};
use carnet_core::id::{DeviceId, Digest, RequestId};
use carnet_core::journal::{Erasure, Received, Record, State};
use carnet_core::time::Time;
use carnet_seal::cbor::{self, Cbor, Limits};
use carnet_seal::{RequestMessage, SealError, Signed, Signer, SignerFault, sign};
use carnet_seam::Fs;

use crate::journal::{self, Entry, Fold, Head, Journal, JournalError, Misfit, Peek, Settings, Tail};
use crate::usage::Details;

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
    /// The key of this device cannot be reached; nothing is lost, and the request stays open.
    #[error(transparent)]
    Signer(SignerFault),
    /// A document of our own cannot be made; a defect.
    #[error("a document could not be made: {0}")]
    Seal(SealError),
}

impl From<SealError> for BookError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Signer(fault) => Self::Signer(fault),
            error => Self::Seal(error),
        }
    }
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

    /// Until the next contact nobody has seen that a tail was lost.
    fn keeps_past(&self) -> bool {
        self.0.tails_dropped > 0
    }

    /// Records under a reporting clause stay as long as was agreed, also under the next license (C1). What else is in
    /// a journal, passes, open requests and answers too, the checkpoint has.
    fn keeps(&self, entry: &Entry<'_>) -> bool {
        let Some(retention) = self.0.retention else { return false };
        // A clock that was set forward makes no record old: only the server's time counts.
        let Some(contact) = self.0.contact else { return true };
        let old = |at: Time| at.plus_length(retention) <= contact;
        match entry.kind {
            journal::CHECKPOINT => false,
            _ => decoded::<Record>(entry.body).is_none_or(|record| !when(&record).is_none_or(old)),
        }
    }

    fn letting_go(&self, last: u64) -> Option<journal::Record> {
        let (kept, at) = (self.0.retention?, self.0.contact?);
        Some(written(&Record::RetentionGap { upto: last, kept, at }))
    }
}

/// When it happened; none: it says nothing that anybody asks for.
const fn when(record: &Record) -> Option<Time> {
    match record {
        Record::RunStarted { at, .. }
        | Record::RunJoined { at, .. }
        | Record::Used { at, .. }
        | Record::Metered { at, .. }
        | Record::RunEnded { at, .. }
        | Record::Disapproved { at, .. }
        | Record::ClockCorrected { at } => Some(*at),
        Record::Outcome(received) => Some(received.answer.head.issued),
        Record::Intent(request) => Some(request.at),
        Record::Erasing(erasure) => Some(erasure.at),
        Record::WithDetail { of, .. } => when(of),
        _ => None,
    }
}

/// None for what cannot be read; that stays.
fn decoded<T: Cbor>(body: &[u8]) -> Option<T> {
    cbor::decode_within(body, Limits::JOURNAL).ok()
}

fn misfit(wrong: impl std::fmt::Display) -> Misfit {
    Misfit(wrong.to_string())
}

/// The kind on the frame of a record; never used again for another meaning (I20).
const fn kind_of(record: &Record) -> u8 {
    match record {
        Record::Checkpoint(_) => journal::CHECKPOINT,
        Record::Intent(_) => 1,
        Record::Outcome(_) => 2,
        Record::EffectsDone => 3,
        Record::RunStarted { .. } => 4,
        Record::Used { .. } => 5,
        Record::Metered { .. } => 6,
        Record::RunEnded { .. } => 7,
        Record::Disapproved { .. } => 8,
        Record::ClockCorrected { .. } => 9,
        Record::TailDropped { .. } => 10,
        Record::RunJoined { .. } => 11,
        Record::WithDetail { .. } => 12,
        Record::RetentionGap { .. } => 13,
        Record::Erasing(_) => 14,
        Record::Erased => 15,
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

    /// The same, with what the supplier is told of it (C1).
    ///
    /// # Errors
    /// As [`Book::act`].
    pub fn act_with(&mut self, input: Input, now: Time, details: &mut Details) -> Result<&State, BookError> {
        self.plan_with(details, |state| next(state, input, now))
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

    /// The same, unless the newest state says otherwise, under the same lock: then nothing is written down. Whether it
    /// was.
    ///
    /// # Errors
    /// As [`Book::ask`].
    pub fn ask_unless(
        &mut self,
        id: RequestId,
        operation: Operation,
        now: Time,
        otherwise: impl FnOnce(&State) -> bool,
    ) -> Result<bool, BookError> {
        let mut written = true;
        self.plan(|state, head| {
            if otherwise(state) {
                written = false;
                return Ok(Vec::new());
            }
            let head = Digest(head.chain);
            next(state, Input::Ask { id, operation: Box::new(operation), head }, now)
        })?;
        Ok(written)
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

    /// Records under a code of one's own that a start was refused, with what the supplier is told of it.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn note(&mut self, code: &str, now: Time, details: &mut Details) -> Result<(), BookError> {
        let record = Record::Disapproved { code: code.to_owned(), at: now };
        self.plan_with(details, |_| Ok(vec![record]))?;
        Ok(())
    }

    /// Begins to erase the app, or goes on with it: from here on its pass is no good (C3).
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn begin_erasure(&mut self, erasure: Erasure) -> Result<&State, BookError> {
        self.plan(|_, _| Ok(vec![Record::Erasing(erasure)]))
    }

    /// What could be erased is erased.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn end_erasure(&mut self) -> Result<&State, BookError> {
        self.plan(|_, _| Ok(vec![Record::Erased]))
    }

    /// All that is still here, for a report: the state, the last record, and the segments.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn evidence(&mut self) -> Result<(State, Head, Vec<Vec<u8>>), JournalError> {
        let segments = self.journal.segment_bytes()?.into_iter().map(|(_, bytes)| bytes).collect();
        Ok((self.state().clone(), self.journal.head(), segments))
    }

    fn plan_with(
        &mut self,
        details: &mut Details,
        plan: impl FnOnce(&State) -> Result<Vec<Record>, Disapproval>,
    ) -> Result<&State, BookError> {
        let appended = self.journal.append_with::<BookError>(|folded, _| {
            let records = plan(&folded.0)?.into_iter();
            Ok(records.map(|record| written(&details.attach(&folded.0, record))).collect())
        });
        if let Err(error) = appended {
            details.give_up();
            return Err(error);
        }
        Ok(self.state())
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

    /// The open request as it is sent, with the proofs that travel beside it. None when nothing is open. A repeat has the
    /// same payload, by which the server knows it again; its signature may be another one.
    ///
    /// # Errors
    /// [`JournalError`] when the intent cannot be made durable before it is sent; [`BookError::Signer`] when it cannot be
    /// signed.
    pub fn message(&mut self, key: &dyn Signer, receipt: &[u8]) -> Result<Option<RequestMessage>, BookError> {
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
