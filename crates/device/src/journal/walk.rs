//! Going through the records of a segment, and telling its end from damage.
//!
//! The first bytes that do not fit end the good part. Whether they are a **torn tail** (a write that a
//! crash or a power loss cut short, which nobody has relied on) or **corruption** is decided by evidence:
//! every record says up to which one everything was durable when it was written. A good record after the
//! bad bytes that says so of the record missing there proves that it had been safe once: corruption. No
//! such record: a tail. So a power loss that keeps the second page of a write and not its first is never
//! taken for damage (I8, I10), and damage before acknowledged records is never taken for a power loss (I11).

use std::ops::RangeInclusive;

use super::frame::{self, Frame};
use super::{CHECKPOINT, Head, JournalError, LARGEST_BODY, LARGEST_CHECKPOINT, Tail};

/// Where a walk through a segment stands; always between two writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Walk {
    pub head: Head,
    /// The first byte after the last good record.
    pub good: u64,
    /// Everything up to this record is known to be durable …
    pub durable: u64,
    /// … which ends at this byte.
    pub durable_end: u64,
    /// The first byte after the checkpoint; `None` before it.
    pub checkpoint_end: Option<u64>,
    /// Whether somebody has added to the segment since it was made.
    pub added: bool,
    /// The records not known to be durable: sequence and end.
    pending: Vec<(u64, u64)>,
}

/// What follows the last good record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Clean,
    /// Bytes that nobody has relied on.
    Torn,
    /// Bytes that were good once.
    Damaged,
}

impl Walk {
    /// A walk that begins behind a header of so many bytes.
    pub fn new(head: Head, start: u64) -> Self {
        let (durable, durable_end, pending) = (head.sequence, start, Vec::new());
        Self { head, good: start, durable, durable_end, checkpoint_end: None, added: false, pending }
    }

    /// Goes through `bytes`, which begin at [`Walk::good`], as far as whole good writes go.
    pub fn go(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(&Frame<'_>) -> Result<(), JournalError>,
    ) -> Result<End, JournalError> {
        let mut at = 0;
        while let Some(write) = self.next_write(&bytes[at..]) {
            for frame in &write {
                sink(frame)?;
                at += frame.size();
                self.pass(frame);
            }
        }
        Ok(match &bytes[at..] {
            [] => End::Clean,
            rest if was_durable(rest, self.head.sequence + 1) => End::Damaged,
            _ => End::Torn,
        })
    }

    /// Whether a whole good write comes next.
    pub fn goes_on(&self, bytes: &[u8]) -> bool {
        self.next_write(bytes).is_some()
    }

    /// The records of the next write, when all of them are there and fit.
    fn next_write<'a>(&self, bytes: &'a [u8]) -> Option<Vec<Frame<'a>>> {
        let (mut frames, mut at, mut head) = (Vec::new(), 0, self.head);
        loop {
            let first = self.checkpoint_end.is_none() && frames.is_empty();
            let largest = if first { LARGEST_CHECKPOINT } else { LARGEST_BODY };
            let frame = Frame::read(&bytes[at..], largest)?;
            if !frame.follows(&head) || (frame.kind == CHECKPOINT) != first {
                return None;
            }
            (at, head) = (at + frame.size(), frame.head());
            frames.push(frame);
            if frame.flags & frame::MORE == 0 {
                return Some(frames);
            }
        }
    }

    fn pass(&mut self, frame: &Frame<'_>) {
        self.head = frame.head();
        self.good += frame.size() as u64;
        if frame.kind == CHECKPOINT {
            self.checkpoint_end = Some(self.good);
        }
        let born = frame.flags & frame::BORN != 0;
        self.added |= !born;
        self.pending.push((frame.sequence, self.good));
        self.known_durable(if born { frame.sequence } else { frame.durable });
    }

    /// Somebody knew that everything up to `sequence` is durable.
    pub fn known_durable(&mut self, sequence: u64) {
        let count = self.pending.iter().take_while(|(pending, _)| *pending <= sequence).count();
        if let Some((last, end)) = self.pending.drain(..count).next_back() {
            (self.durable, self.durable_end) = (last, end);
        }
    }

    /// Records were added that end at `good` with `head`, and all is durable.
    pub fn added(&mut self, head: Head, good: u64) {
        (self.head, self.good, self.added) = (head, good, true);
        self.all_durable();
    }

    /// Everything is durable.
    pub fn all_durable(&mut self) {
        self.pending.clear();
        (self.durable, self.durable_end) = (self.head.sequence, self.good);
    }
}

/// Whether `bytes` hold a good record that proves that record `missing` was durable.
fn was_durable(bytes: &[u8], missing: u64) -> bool {
    let latest = missing.saturating_add((bytes.len() / frame::OVERHEAD) as u64 + 1);
    any_record(bytes, missing..=latest, |frame| {
        frame.durable >= missing || (frame.flags & frame::BORN != 0 && frame.sequence > missing)
    })
}

/// Whether `bytes` hold any good record at all, whatever its number.
pub(super) fn holds_a_record(bytes: &[u8]) -> bool {
    any_record(bytes, 1..=u64::MAX, |_| true)
}

/// Looks for a good record at every byte. Bytes made to look like a thousand long records are not worth
/// the time it takes to check them all: they are no torn write.
fn any_record(bytes: &[u8], sequences: RangeInclusive<u64>, fits: impl Fn(&Frame<'_>) -> bool) -> bool {
    let mut budget: usize = 64 << 20;
    for at in 0..bytes.len() {
        let rest = &bytes[at..];
        if !Frame::sequence_at(rest).is_some_and(|sequence| sequences.contains(&sequence)) {
            continue;
        }
        if Frame::read(rest, LARGEST_CHECKPOINT).is_some_and(|frame| fits(&frame)) {
            return true;
        }
        match budget.checked_sub(Frame::cost_at(rest)) {
            Some(left) => budget = left,
            None => return true,
        }
    }
    false
}

impl Tail {
    /// Names bytes that are no record.
    pub(super) fn of(bytes: &[u8]) -> Self {
        use sha2::{Digest, Sha256};
        Self { length: bytes.len() as u64, sha256: Sha256::digest(bytes).into() }
    }

    /// No bytes at all.
    pub(super) fn none() -> Self {
        Self::of(&[])
    }
}
