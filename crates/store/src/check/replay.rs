//! Replaying all events: chains, journals, balances as they must be now.

use std::collections::{BTreeMap, BTreeSet};

use carnet_core::document::JournalName;
use carnet_core::id::{Digest, LicenseId, UserId};
use carnet_core::license::{Balance, Line, Standing};
use carnet_core::server::EventKind;

use super::{Problem, Report};
use crate::StoreError;
use crate::event::{Entry, Event, GENESIS, What, Witness};
use crate::tx::Reading;

/// Every so many events of a journal, one is an anchor; must be what the engine does.
const ANCHOR_EVERY: i64 = 64;

/// What the events say must be.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) license_chains: BTreeMap<LicenseId, Chain>,
    pub(super) user_chains: BTreeMap<UserId, Chain>,
    pub(super) journals: BTreeMap<JournalName, JournalSoFar>,
    pub(super) lines: BTreeMap<LicenseId, Lines>,
    /// Users with a device from whose proof a restored server took things over: rights and moves of theirs may
    /// be in more places than one, which is counted in `at_risk`.
    pub(super) taken_over: BTreeSet<UserId>,
}

/// A chain up to its last event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    pub(super) head: Digest,
    pub(super) last: i64,
    pub(super) user: UserId,
    pub(super) standing: Standing,
}

/// A journal up to its last event.
#[derive(Debug, Clone)]
pub(super) struct JournalSoFar {
    pub(super) user: UserId,
    pub(super) events: i64,
    pub(super) last: i64,
    pub(super) anchor: i64,
    pub(super) epoch: i64,
    /// The last request that was decided in step.
    pub(super) decided: Option<Witness>,
    /// The digest of the last answer.
    pub(super) answer: Option<Digest>,
    pub(super) asides: i64,
}

/// A license's lines: rights, uses, seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lines(pub(super) [Balance; 3]);

pub(super) fn replay(tx: &Reading<'_>, report: &mut Report) -> Result<Replay, StoreError> {
    let mut replay = Replay::default();
    let mut expected = 1;
    tx.each_event(|event| {
        report.counts.events += 1;
        let Some(event) = report.readable(event)? else {
            expected += 1;
            return Ok(());
        };
        if event.seq != expected {
            let gap = format!("event {expected} should be next");
            report.find(Problem::EventMissing, format!("event {}", event.seq), gap);
        }
        expected = event.seq + 1;
        replay.take_chain(&event, report)?;
        if let Some(entry) = &event.entry {
            replay.take_entry(&event, entry, report);
        }
        replay.take_postings(&event, report);
        if matches!(event.what, What::Decided(EventKind::Reconciled(_))) {
            replay.taken_over.insert(event.user);
        }
        Ok(())
    })?;
    Ok(replay)
}

/// Whether the answer to this kind of event is kept beside the slot.
pub(super) const fn is_aside(what: &What) -> bool {
    let What::Decided(kind) = what else { return false };
    matches!(kind, EventKind::Settled(_) | EventKind::Flagged(_) | EventKind::Reconciled(_))
}

impl Replay {
    fn take_chain(&mut self, event: &Event, report: &mut Report) -> Result<(), StoreError> {
        let name = format!("event {}", event.seq);
        let declined = matches!(event.what, What::Decided(EventKind::Declined));
        let standing = if declined { Standing::Declined } else { Standing::Active };
        let start = Chain { head: GENESIS, last: 0, user: event.user, standing };
        let chain = match event.license.filter(|_| event.of_license) {
            Some(license) => self.license_chains.entry(license).or_insert(start),
            None => self.user_chains.entry(event.user).or_insert(start),
        };
        let right_place = event.chained.unwrap_or(0) == chain.last && chain.user == event.user;
        report.expect(
            right_place,
            Problem::BrokenChain,
            &name,
            format_args!("the event before it is {}", chain.last),
        );
        let hash = event.hash_after(chain.head)?;
        report.expect(
            hash == event.hash,
            Problem::BrokenChain,
            &name,
            "its hash is not of its row and chain",
        );
        (chain.head, chain.last) = (event.hash, event.seq);
        if let What::Acted(acted) = &event.what {
            let follows = chain.standing == acted.before && acted.before.after(acted.act) == Ok(acted.after);
            report.expect(follows, Problem::WrongStanding, &name, "the act does not fit the one before it");
            chain.standing = acted.after;
        }
        Ok(())
    }

    fn take_entry(&mut self, event: &Event, entry: &Entry, report: &mut Report) {
        let name = format!("event {}", event.seq);
        let so_far = self.journals.entry(entry.journal.clone()).or_insert(JournalSoFar {
            user: event.user,
            events: 0,
            last: 0,
            anchor: 0,
            epoch: 0,
            decided: None,
            answer: None,
            asides: 0,
        });
        let there = (entry.nth, entry.previous.unwrap_or(0), entry.anchor.unwrap_or(0), event.user);
        let here = (so_far.events + 1, so_far.last, so_far.anchor, so_far.user);
        report.expect(
            there == here,
            Problem::WrongPlace,
            &name,
            format_args!("{there:?}, expected {here:?}"),
        );
        let epoch = epoch_after(so_far.epoch, entry.request, &event.what);
        let fits = epoch == Some(entry.epoch);
        report.expect(fits, Problem::WrongEpoch, &name, format_args!("{}, expected {epoch:?}", entry.epoch));
        (so_far.events, so_far.last, so_far.epoch) = (entry.nth, event.seq, entry.epoch);
        if entry.nth % ANCHOR_EVERY == 0 {
            so_far.anchor = event.seq;
        }
        if let Some(request) = entry.request {
            // Who is told to wait for review is not in step, and the branch that is must stay so.
            if !matches!(event.what, What::Decided(EventKind::Flagged(_))) {
                so_far.answer = Some(request.answer);
            }
            if is_aside(&event.what) {
                so_far.asides += 1;
            } else {
                so_far.decided = Some(request);
            }
        }
    }

    fn take_postings(&mut self, event: &Event, report: &mut Report) {
        for posting in &event.postings {
            let lines = self.lines.entry(posting.license).or_default();
            let line = match posting.line {
                Line::Rights => 0,
                Line::Uses => 1,
                Line::Seconds => 2,
            };
            if let Err(overdrawn) = lines.0[line].post(posting.from, posting.to, posting.amount) {
                report.find(Problem::NotReplayed, format!("event {}", event.seq), overdrawn);
            }
        }
    }
}

/// The epoch that an event leaves behind; none when it cannot have happened at `before`.
fn epoch_after(before: i64, request: Option<Witness>, what: &What) -> Option<i64> {
    match (what, request) {
        (What::Reviewed(_), None) => Some(before),
        (What::Decided(EventKind::Flagged(_)), Some(_)) => Some(before),
        (What::Decided(EventKind::Settled(_) | EventKind::Reconciled(_)), Some(request)) => {
            Some(before.max(request.quoted) + 1)
        }
        (What::Decided(_), Some(request)) => (request.quoted == before).then_some(before + 1),
        _ => None,
    }
}
