//! Looking at a journal without adding to it.

use std::path::Path;

use carnet_seam::Fs;

use super::load::{Found, Position, Segment, Segments};
use super::walk::End;
use super::{Fold, Head, Journal, JournalError, JournalName, Tail};

/// A look at a journal, for showing how things stand. Takes no lock and changes nothing.
#[derive(Debug, Clone)]
pub struct Peek<F> {
    /// What the records fold to that were whole at the time of the look.
    pub state: F,
    /// The last of them.
    pub head: Head,
}

/// A record of the past, with where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Past<'a> {
    /// The segment that has it.
    pub segment: u64,
    /// The record's number and chain.
    pub head: Head,
    /// What it is; [`CHECKPOINT`](super::CHECKPOINT) at the beginning of a segment.
    pub kind: u8,
    /// What it says.
    pub body: &'a [u8],
}

impl<F: Fold> Peek<F> {
    /// Looks. A missing folder is a journal without records. A write that another process is in the
    /// middle of is not seen.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn look(fs: &dyn Fs, folder: &Path, name: &JournalName, new: F) -> Result<Self, JournalError> {
        if fs.facts(folder)?.is_none() {
            return Ok(Self { state: new, head: Head::default() });
        }
        let segments = Segments { fs, folder, name };
        let mut looked = Self::once(&segments, new.clone());
        // Without the lock a segment may go, or grow, between two looks; a real fault stays.
        for _ in 0..2 {
            if looked.is_ok() {
                break;
            }
            looked = Self::once(&segments, new.clone());
        }
        looked
    }

    fn once(segments: &Segments<'_>, mut state: F) -> Result<Self, JournalError> {
        let Position { walk, .. } = segments.load(&mut state)?;
        Ok(Self { state, head: walk.head })
    }
}

impl<F: Fold> Journal<F> {
    /// Goes through all records that are still here, oldest first, and checks every byte of every
    /// segment on the way. Nobody can append meanwhile.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy; `sink` may have seen records before the fault.
    pub fn history(&mut self, mut sink: impl FnMut(&Past<'_>)) -> Result<Head, JournalError> {
        self.locked(|journal| {
            let segments = journal.segments();
            let mut before: Option<(Head, Tail)> = None;
            for number in segments.numbers()?.into_iter().filter(|number| *number <= journal.segment()) {
                let Found::Whole(segment) = segments.read(number)? else {
                    return Err(segments.corrupt(number, 0));
                };
                let (header, start) = (&segment.header, segment.start as u64);
                if before.is_some_and(|before| before != (header.before, header.dropped)) {
                    return Err(segments.corrupt(number, start));
                }
                before = Some(replay(&segments, &segment, &mut sink)?);
            }
            Ok(before.map_or(Head::default(), |(head, _)| head))
        })
    }

    /// The bytes of all segments that are still here, oldest first, as a report carries them.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy.
    pub fn segment_bytes(&mut self) -> Result<Vec<(u64, Vec<u8>)>, JournalError> {
        self.locked(|journal| {
            let segments = journal.segments();
            let mut all = Vec::new();
            for number in segments.numbers()?.into_iter().filter(|number| *number <= journal.segment()) {
                if let Found::Whole(segment) = segments.read(number)? {
                    all.push((number, segment.bytes));
                }
            }
            Ok(all)
        })
    }
}

/// Goes through one segment; returns its last record and what follows it.
fn replay(
    segments: &Segments<'_>,
    segment: &Segment,
    sink: &mut impl FnMut(&Past<'_>),
) -> Result<(Head, Tail), JournalError> {
    let (number, mut walk) = (segment.header.number, segment.walk());
    let end = walk.go(segment.records(), &mut |frame| {
        sink(&Past { segment: number, head: frame.head(), kind: frame.kind, body: frame.body });
        Ok(())
    })?;
    if end == End::Damaged {
        return Err(segments.corrupt(number, walk.good));
    }
    Ok((walk.head, Tail::of(segment.after(walk.good))))
}
