//! The records of a journal, gone through once more by somebody who does not trust them.
//!
//! Whoever opens a report checks chains, signatures and seals, which need cryptography, and says here what came of
//! it. Everything else is checked by folding the records anew: what the device could not have written, it has not.

use std::collections::{BTreeMap, BTreeSet};

use super::{Detail, Mark, Notice, Violation};
use crate::document::{Body, Reason};
use crate::id::{Digest, RunId};
use crate::journal::{LARGEST_CORRECTION, MOST_CORRECTIONS, MOST_TAILS, PassStatus, Record, State};
use crate::license::LEEWAY;
use crate::time::{Seconds, Time};

/// The code of a refused start that a copied passbook was found by (A19).
pub const COPIED: &str = "copied-passbook";

/// The records of a journal that are still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail {
    /// The record before the first of them.
    pub before: Mark,
    /// The records in their order, checkpoints included.
    pub entries: Vec<Entry>,
    /// Records at which the chain of hashes does not hold, or that no server has signed.
    pub broken: BTreeSet<u64>,
}

/// One record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub sequence: u64,
    /// The hash over it and all before it.
    pub chain: Digest,
    /// What everybody can read; a record with details is here without them.
    pub record: Record,
    /// What only the supplier can read.
    pub detail: Detailing,
}

/// The sealed part of a record, as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detailing {
    /// There is none.
    None,
    /// It belongs to this record, and says this.
    Read(Box<Detail>),
    /// It does not belong to this record, or not at this place in its run.
    Unreadable,
}

/// The use that a trail shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Approved runs.
    pub runs: u64,
    /// Uses.
    pub uses: u64,
    /// Seconds of running that were recorded, less what was given back.
    pub seconds: u64,
    /// The same for each day, counted from 1970-01-01 (UTC).
    pub days: BTreeMap<i64, Day>,
    /// Who has used it.
    pub users: BTreeSet<String>,
    /// Machines on which it was used, as they call themselves.
    pub hosts: BTreeSet<String>,
}

/// The use on one day.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Day {
    /// Approved runs.
    pub runs: u64,
    /// Uses.
    pub uses: u64,
    /// Seconds of running.
    pub seconds: u64,
}

/// What going through a trail has brought to light.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub violations: BTreeSet<Violation>,
    pub notices: BTreeSet<Notice>,
    pub summary: Summary,
    /// What the records fold to.
    pub state: Option<State>,
    pub refused: BTreeMap<String, u64>,
}

impl Trail {
    /// The last record.
    #[must_use]
    pub fn head(&self) -> Mark {
        let last = self.entries.last();
        last.map_or(self.before, |entry| Mark { sequence: entry.sequence, chain: entry.chain })
    }

    /// The chain at a record, if it is one of these or the one before them.
    #[must_use]
    pub fn chain_at(&self, sequence: u64) -> Option<Digest> {
        if sequence == self.before.sequence {
            return Some(self.before.chain);
        }
        let at = usize::try_from(sequence.checked_sub(self.before.sequence + 1)?).ok()?;
        self.entries.get(at).filter(|entry| entry.sequence == sequence).map(|entry| entry.chain)
    }

    pub(super) fn follow(&self) -> Found {
        let mut found = Found::default();
        found
            .violations
            .extend(self.broken.iter().map(|sequence| Violation::RecordChanged { sequence: *sequence }));
        // The record before, and the one that was last when it was decided to write the next: where a segment begins,
        // its checkpoint and the word of a lost tail come between.
        let (mut last, mut decided_on) = (self.before, self.before);
        for entry in &self.entries {
            if entry.sequence != last.sequence + 1 {
                found.changed(entry);
            }
            found.look_at(entry, [last, decided_on]);
            let begins = match entry.record {
                Record::Checkpoint(_) => true,
                Record::TailDropped { .. } => decided_on != last,
                _ => false,
            };
            last = Mark { sequence: entry.sequence, chain: entry.chain };
            if !begins {
                decided_on = last;
            }
        }
        self.look_at_beginning(&mut found);
        for (code, times) in std::mem::take(&mut found.refused) {
            found.notices.insert(Notice::Refused { code, times });
        }
        found
    }

    /// Records may be missing at the beginning, if the journal says that they were kept as long as was agreed.
    fn look_at_beginning(&self, found: &mut Found) {
        let upto = self.before.sequence;
        if upto == 0 {
            return;
        }
        let begun = match self.entries.first().map(|entry| &entry.record) {
            Some(Record::Checkpoint(state)) => state.clock.reached,
            _ => Time::LATEST,
        };
        let covers = |entry: &Entry| match &entry.record {
            Record::RetentionGap { upto: dropped, kept, at } => {
                *dropped >= upto && begun.plus_length(*kept) <= *at
            }
            _ => false,
        };
        if self.entries.iter().any(covers) {
            found.notices.insert(Notice::RetentionGap { upto });
        } else {
            found.violations.insert(Violation::Gap { upto });
        }
    }
}

impl Found {
    fn changed(&mut self, entry: &Entry) {
        self.violations.insert(Violation::RecordChanged { sequence: entry.sequence });
    }

    fn look_at(&mut self, entry: &Entry, before: [Mark; 2]) {
        match (&mut self.state, &entry.record) {
            (None, Record::Checkpoint(state)) => {
                // A journal begins with nothing used, and with nothing to use.
                if before[0].sequence == 0
                    && (state.held.is_some() || !state.totals.is_empty() || state.epoch != 0)
                {
                    self.violations.insert(Violation::RecordChanged { sequence: entry.sequence });
                }
                self.state = Some((**state).clone());
                return;
            }
            (None, _) => return self.changed(entry),
            // A checkpoint says what the records before it fold to, and nothing else.
            (Some(folded), Record::Checkpoint(state)) => {
                if *folded != **state {
                    self.violations.insert(Violation::RecordChanged { sequence: entry.sequence });
                    folded.clone_from(state);
                }
                return;
            }
            _ => {}
        }
        self.look_at_detail(entry);
        self.look_at_record(entry, before);
        let applied = self.state.as_mut().map(|state| state.apply(&entry.record));
        if !matches!(applied, Some(Ok(()))) {
            self.changed(entry);
        }
        // What a server counts as used when it settles a restored disk is no use: only records of use are held against
        // the pass.
        if let Record::RunStarted { .. } | Record::Used { .. } | Record::Metered { .. } = entry.record {
            self.look_at_amounts();
        }
    }

    /// What the record says about the state before it.
    fn look_at_record(&mut self, entry: &Entry, before: [Mark; 2]) {
        match &entry.record {
            Record::RunStarted { run, uses, at, .. } => {
                if self.knows(*run) {
                    self.changed(entry);
                }
                self.summary.runs += 1;
                self.day(*at).runs += 1;
                self.used(*uses, *at);
                self.running(*at);
            }
            Record::RunJoined { at, .. } => self.running(*at),
            Record::Used { run, uses, at, .. } => {
                self.used(*uses, *at);
                self.goes_on(entry, *run, *at);
            }
            Record::Metered { run, seconds, at, .. } => {
                self.summary.seconds += seconds.0;
                self.day(*at).seconds += seconds.0;
                self.goes_on(entry, *run, *at);
            }
            Record::RunEnded { run, unused, at } => {
                self.summary.seconds = self.summary.seconds.saturating_sub(unused.0);
                let day = self.day(*at);
                day.seconds = day.seconds.saturating_sub(unused.0);
                if !self.knows(*run) {
                    self.changed(entry);
                }
            }
            // A request names the record before it, so what was acknowledged cannot be changed unseen.
            Record::Intent(request) if before.iter().all(|mark| mark.chain != request.head) => {
                self.changed(entry);
            }
            Record::Outcome(received) => {
                let in_step = received.answer.head.resume.is_none();
                let settled = matches!(&received.answer.body,
                    Body::Refusal(refusal) if refusal.reason == Reason::ForkOrRollback);
                if !in_step || settled {
                    self.notices.insert(Notice::BackInStep { at: received.answer.head.issued });
                }
            }
            Record::Disapproved { code, at } => self.refused(code, *at),
            Record::ClockCorrected { at } => self.corrected(*at),
            Record::TailDropped { length, .. } => {
                self.notices.insert(Notice::TailDropped { length: *length });
            }
            _ => {}
        }
    }

    fn look_at_detail(&mut self, entry: &Entry) {
        let concerns = matches!(
            entry.record,
            Record::RunStarted { .. }
                | Record::RunJoined { .. }
                | Record::Used { .. }
                | Record::Metered { .. }
                | Record::RunEnded { .. }
        );
        match &entry.detail {
            Detailing::Unreadable => self.changed(entry),
            Detailing::None if concerns && self.wants_details() => {
                self.violations.insert(Violation::DetailMissing { sequence: entry.sequence });
            }
            Detailing::None => {}
            Detailing::Read(detail) => self.look_at_facts(entry, detail),
        }
    }

    fn look_at_facts(&mut self, entry: &Entry, detail: &Detail) {
        match (&entry.record, detail) {
            (Record::RunStarted { .. } | Record::RunJoined { .. }, Detail::Started(surroundings)) => {
                self.summary.users.extend(surroundings.who.clone());
                self.summary.hosts.extend(surroundings.host.clone());
                let covered = self.state.as_ref().and_then(|state| state.held.as_ref());
                let outside = surroundings
                    .version
                    .filter(|version| covered.is_some_and(|held| !held.pass.versions.covers(*version)));
                self.violations.extend(outside.map(Violation::VersionNotCovered));
            }
            (Record::Disapproved { at, .. }, Detail::Refused { copied, .. }) => {
                self.violations.extend(copied.then_some(Violation::CopyTried { at: *at }));
            }
            (Record::Used { .. } | Record::Metered { .. }, Detail::Used { .. })
            | (Record::RunEnded { .. }, Detail::Ended { .. }) => {}
            _ => self.changed(entry),
        }
    }

    fn wants_details(&self) -> bool {
        let held = self.state.as_ref().and_then(|state| state.held.as_ref());
        held.and_then(|held| held.pass.reporting).is_some_and(|clause| clause.keys.is_some())
    }

    fn knows(&self, run: RunId) -> bool {
        self.state.as_ref().is_some_and(|state| state.running.contains_key(&run))
    }

    fn goes_on(&mut self, entry: &Entry, run: RunId, at: Time) {
        if !self.knows(run) {
            self.changed(entry);
        }
        self.running(at);
    }

    /// What was true when the device let a program run, the device must have seen.
    fn running(&mut self, at: Time) {
        let Some(state) = &self.state else { return };
        if state.pass_status() != Some(PassStatus::Valid) {
            self.violations.insert(Violation::RunWithoutPass { at });
        }
        let (ends, grace) = state.ends();
        if let Some(end) = grace.or(ends).filter(|end| *end <= at) {
            self.violations.insert(Violation::RunAfterEnd { end, at });
        }
        if at.plus(LEEWAY) < state.clock.reached {
            self.violations.insert(Violation::ClockTurnedBack { at });
        }
        if state.tails_dropped > MOST_TAILS {
            self.violations.insert(Violation::TailsLost);
        }
    }

    fn corrected(&mut self, at: Time) {
        let Some(state) = &self.state else { return };
        let too_far = at.plus(LARGEST_CORRECTION) < state.clock.reached;
        if too_far || state.clock.corrections >= MOST_CORRECTIONS {
            self.violations.insert(Violation::ClockTurnedBack { at });
        } else {
            self.notices.insert(Notice::ClockCorrected { at });
        }
    }

    fn refused(&mut self, code: &str, at: Time) {
        if code == COPIED {
            self.violations.insert(Violation::CopyTried { at });
        }
        *self.refused.entry(code.to_owned()).or_default() += 1;
    }

    /// No pass allows more than it says, whatever the license still has.
    fn look_at_amounts(&mut self) {
        let Some(state) = &self.state else { return };
        let Some(held) = &state.held else { return };
        let used = state.used();
        let lines = [("uses", used.uses, held.pass.uses), ("seconds", used.seconds, held.pass.seconds)];
        for (line, used, ceiling) in lines {
            if let Some(ceiling) = ceiling.filter(|ceiling| used > ceiling.upto) {
                let (license, licensed) = (held.pass.license, ceiling.upto);
                self.violations.insert(Violation::MoreUsed { license, line, used, licensed });
            }
        }
    }

    fn used(&mut self, uses: u64, at: Time) {
        self.summary.uses += uses;
        self.day(at).uses += uses;
    }

    fn day(&mut self, at: Time) -> &mut Day {
        const MICROS: i64 = 86_400_000_000;
        self.summary.days.entry(at.0.div_euclid(MICROS)).or_default()
    }
}

impl Summary {
    /// How long it ran.
    #[must_use]
    pub const fn duration(&self) -> Seconds {
        Seconds(self.seconds)
    }
}
