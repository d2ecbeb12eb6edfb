//! Usage reports: made on the device, opened wherever the supplier's key is (C2, C4, C6).

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::app::{AppId, Version};
use carnet_core::document::PublicKey;
use carnet_core::id::{Digest, RequestId, RunId, UserId};
use carnet_core::journal::{Record, State};
use carnet_core::report::{Detailing, Entry, Integrity, Mark, ReportKeys, Statement, Trail, UsageReport};
use carnet_seal::cbor::{self, Limits};
use carnet_seal::detail::DetailOpener;
use carnet_seal::keys::{AgreementKey, OpensCodes};
use carnet_seal::report::{attachment, open_report};
use carnet_seal::sealed::{self, Carried, CodeError};
use carnet_seal::{KeyRing, SealError, SignerFault, Unverified, sign};
use carnet_seam::{NoRandom, random};

use crate::identity::Machine;
use crate::journal::{CHECKPOINT, FoundRecord, Head, JournalError, JournalName, read_remains};
use crate::passbook::Passbook;

/// Why there is no report or certificate. Each text says what can be done about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The app was never used here.
    #[error("{0} was never licensed on this device: there is nothing to report")]
    NothingHere(AppId),
    /// The device is not registered.
    #[error("this device is not registered: run `carnet register`")]
    NoUser,
    /// Nobody has said to whom it should be sealed.
    #[error("the contract for {0} names no key to report to: ask the supplier for a report request")]
    NoKey(AppId),
    /// No random bytes to seal with.
    #[error(transparent)]
    NoRandom(#[from] NoRandom),
    /// The key of this device cannot be reached.
    #[error(transparent)]
    Signer(SignerFault),
    /// The document cannot be made.
    #[error("the report could not be made: {0}")]
    Seal(SealError),
}

impl From<SealError> for ReportError {
    fn from(error: SealError) -> Self {
        match error {
            SealError::Signer(fault) => Self::Signer(fault),
            error => Self::Seal(error),
        }
    }
}

/// What a report is made of beyond the journal.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The version of the program, where it is known.
    pub version: Option<Version>,
    /// The installed files, held against the manifest.
    pub integrity: Integrity,
    /// The request that is answered.
    pub nonce: Option<RequestId>,
    /// The keys of that request; none: those of the contract.
    pub keys: Option<ReportKeys>,
}

/// A report with its records, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What the device says.
    pub report: UsageReport,
    /// What its journal says.
    pub trail: Trail,
}

/// Makes the usage report of an app: signed by this device, sealed to the supplier.
///
/// # Errors
/// [`ReportError`], with the remedy.
pub fn make(
    passbook: &Passbook,
    machine: &dyn Machine,
    app: &AppId,
    facts: Facts,
) -> Result<Vec<u8>, ReportError> {
    let mut book = passbook.book_begun(app)?.ok_or_else(|| ReportError::NothingHere(app.clone()))?;
    let (state, head, segments) = book.evidence()?;
    let keys = sealing_keys(&state, app, facts.keys)?;
    let user = passbook.user().ok_or(ReportError::NoUser)?;
    let says = statement(passbook, machine, &state, app, user, head, facts.nonce);
    let records = beside(&segments);
    let Facts { version, integrity, .. } = facts;
    let report = UsageReport { says, version, integrity, records: attachment(&records) };
    let signed = sign(report, passbook.signer())?;
    let seed = random::bytes(&*passbook.env().random)?;
    Ok(sealed::seal(Carried::Report, signed.bytes(), &records, keys.seal_to, seed)?)
}

/// To whom it is sealed: whoever asks now, else whom the user has agreed to.
pub(crate) fn sealing_keys(
    state: &State,
    app: &AppId,
    asked: Option<ReportKeys>,
) -> Result<ReportKeys, ReportError> {
    let agreed = || state.held.as_ref()?.pass.reporting?.keys;
    asked.or_else(agreed).ok_or_else(|| ReportError::NoKey(app.clone()))
}

pub(crate) fn statement(
    passbook: &Passbook,
    machine: &dyn Machine,
    state: &State,
    app: &AppId,
    user: UserId,
    head: Head,
    nonce: Option<RequestId>,
) -> Statement {
    let pass = state.held.as_ref().map(|held| &held.pass);
    Statement {
        server: state.server,
        device: state.name.device,
        device_key: passbook.identity().signing_public(),
        device_name: machine.host_name().unwrap_or_else(|| state.name.device.to_string()),
        user,
        app: app.clone(),
        license: pass.map(|pass| pass.license),
        pass: pass.map(|pass| pass.id),
        at: passbook.env().now(),
        nonce,
        epoch: state.epoch,
        head: mark(head),
        totals: state.totals.clone(),
        changed: passbook.changed(),
    }
}

const fn mark(head: Head) -> Mark {
    Mark { sequence: head.sequence, chain: Digest(head.chain) }
}

/// Segments one after the other, each behind its length.
fn beside(segments: &[Vec<u8>]) -> Vec<u8> {
    let mut all = Vec::with_capacity(segments.iter().map(|segment| 4 + segment.len()).sum());
    for segment in segments {
        all.extend_from_slice(&u32::try_from(segment.len()).unwrap_or(u32::MAX).to_le_bytes());
        all.extend_from_slice(segment);
    }
    all
}

fn segments(mut all: &[u8]) -> Option<Vec<&[u8]>> {
    let mut segments = Vec::new();
    while let Some((length, rest)) = all.split_first_chunk::<4>() {
        let (segment, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        segments.push(segment);
        all = rest;
    }
    all.is_empty().then_some(segments)
}

/// Opens a report with the supplier's keys, and its records with it. With the server's keys the answers in the
/// records are checked too.
///
/// # Errors
/// [`CodeError`]. What is wrong with the records is no error: the [`Trail`] has it.
pub fn open<K: OpensCodes>(code: &[u8], keys: &[K], ring: Option<&KeyRing>) -> Result<Opened, CodeError> {
    let (signed, records) = open_report(code, keys)?;
    let report = signed.into_parts().0;
    let segments = segments(&records).ok_or(CodeError::OtherAttachment)?;
    let says = &report.says;
    let name = JournalName { server: says.server, device: says.device, app: Some(says.app.clone()) };
    let keys: Vec<_> = keys.iter().map(OpensCodes::opening_key).collect();
    let trail = read_trail(&name, &segments, &keys, ring);
    Ok(Opened { report, trail })
}

/// Reads the records of a journal with the supplier's keys.
#[must_use]
pub fn read_trail(
    name: &JournalName,
    segments: &[&[u8]],
    keys: &[&AgreementKey],
    ring: Option<&KeyRing>,
) -> Trail {
    let mut reader = Reader {
        keys,
        ring,
        runs: BTreeMap::new(),
        begun: BTreeSet::new(),
        entries: Vec::new(),
        unreadable: Vec::new(),
    };
    let remains = read_remains(name, segments, |found| reader.take(found));
    let mut broken = remains.broken;
    broken.extend(reader.unreadable);
    Trail { before: mark(remains.before), entries: reader.entries, broken }
}

struct Reader<'a> {
    keys: &'a [&'a AgreementKey],
    ring: Option<&'a KeyRing>,
    runs: BTreeMap<RunId, DetailOpener>,
    /// What runs have begun with: the beginning of a run that stands twice opens twice.
    begun: BTreeSet<PublicKey>,
    entries: Vec<Entry>,
    unreadable: Vec<u64>,
}

impl Reader<'_> {
    fn take(&mut self, found: &FoundRecord<'_>) {
        let Head { sequence, chain } = found.head;
        let read = if found.kind == CHECKPOINT {
            cbor::decode_within(found.body, Limits::JOURNAL).map(|state| Record::Checkpoint(Box::new(state)))
        } else {
            cbor::decode_within(found.body, Limits::JOURNAL)
        };
        let Ok(record) = read else { return self.unreadable.push(sequence) };
        if !self.is_genuine(&record) {
            self.unreadable.push(sequence);
        }
        let (record, detail) = self.opened(record);
        self.entries.push(Entry { sequence, chain: Digest(chain), record, detail });
    }

    /// Whatever a server is said to have answered, it has signed.
    fn is_genuine(&self, record: &Record) -> bool {
        let (Record::Outcome(received), Some(ring)) = (record, self.ring) else { return true };
        let document = Unverified::parse(&received.document);
        document.is_ok_and(|document: Unverified<carnet_core::document::Answer>| {
            // A key that was revoked since is nobody's fault here: the chain and the device's word still hold.
            matches!(document.verify_held(ring), Ok(_) | Err(SealError::RevokedKey(_)))
        })
    }

    fn opened(&mut self, record: Record) -> (Record, Detailing) {
        let Record::WithDetail { of, run, begins, sealed } = record else { return (record, Detailing::None) };
        let ends = matches!(*of, Record::RunEnded { .. } | Record::Disapproved { .. });
        let detail = match begins {
            None => self.runs.get_mut(&run).and_then(|opener| opener.open(&of, &sealed).ok()),
            Some(begins) if !self.begun.insert(begins) => None,
            Some(begins) => self.keys.iter().find_map(|key| {
                let mut opener = DetailOpener::begin(key, run, begins).ok()?;
                let detail = opener.open(&of, &sealed).ok()?;
                self.runs.insert(run, opener);
                Some(detail)
            }),
        };
        if ends {
            self.runs.remove(&run);
        }
        (*of, detail.map_or(Detailing::Unreadable, |detail| Detailing::Read(Box::new(detail))))
    }
}
