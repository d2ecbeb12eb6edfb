//! Reading the segments of somebody else's journal, who may have changed them.
//!
//! The reader of one's own journal stops at the first fault. Here every fault is evidence: it is noted, and what can
//! still be read is read on.

use std::collections::BTreeSet;

use super::frame::Frame;
use super::header::Header;
use super::walk::{End, Walk};
use super::{Head, JournalError, JournalName, Tail};

/// What is left of a journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remains {
    /// The record before the first one that is here.
    pub before: Head,
    /// Records at which the chain does not hold.
    pub broken: BTreeSet<u64>,
}

/// A record that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found<'a> {
    /// Its number and chain.
    pub head: Head,
    /// What it is.
    pub kind: u8,
    /// What it says.
    pub body: &'a [u8],
}

/// Goes through all records of these segments, which are in their order. The chain of hashes is checked from the
/// first segment to the last.
pub fn read_remains(name: &JournalName, segments: &[&[u8]], mut sink: impl FnMut(&Found<'_>)) -> Remains {
    let mut remains = Remains::default();
    let mut last: Option<(u64, Head, Tail)> = None;
    for bytes in segments {
        let after = last.map_or(1, |(_, head, _)| head.sequence + 1);
        let Some((header, start)) = Header::read(bytes) else {
            remains.broken.insert(after);
            continue;
        };
        let number = last.map_or(header.number, |(number, ..)| number + 1);
        let follows = last.is_none_or(|(_, head, tail)| (head, tail) == (header.before, header.dropped));
        if header.foreign(name, number).is_some() || !follows {
            remains.broken.insert(after);
        }
        if last.is_none() {
            remains.before = header.before;
        }
        let mut walk = Walk::new(header.head(), start as u64);
        let end = walk.go(&bytes[start..], &mut |frame: &Frame<'_>| {
            sink(&Found { head: frame.head(), kind: frame.kind, body: frame.body });
            Ok::<(), JournalError>(())
        });
        let good = usize::try_from(walk.good).unwrap_or(usize::MAX);
        let rest = bytes.get(good..).unwrap_or_default();
        if !matches!(end, Ok(End::Clean | End::Torn)) || walk.checkpoint_end.is_none() {
            remains.broken.insert(walk.head.sequence + 1);
        }
        last = Some((header.number, walk.head, Tail::of(rest)));
    }
    remains
}
