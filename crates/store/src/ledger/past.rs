//! Finding the event of a journal at an earlier epoch.
//!
//! Only a request that is out of step asks for it, so the hot path must not pay for it: an index over
//! (journal, epoch) dirties a page of its own for every renewal and costs more than a third of the throughput.
//! Instead every event names the one before it in its journal, and the last *anchor* before it: each 64th
//! event is one. A journal of 100,000 events is searched in at most some 1,600 steps by primary key, 10,000 in
//! some 220, so an old request sent again and again stays cheap.

use carnet_core::server::{EventKind, Past};

use crate::StoreError;
use crate::event::{Entry, Event, What, missing};
use crate::journal::JournalRow;

/// Every so many events of a journal, one is an anchor.
pub(crate) const ANCHOR_EVERY: i64 = 64;

/// The request that moved the journal on from epoch `quoted`, if one did. `find` gives an event by number.
///
/// Epochs never fall along a journal's events; the first event with epoch `quoted + 1` is the one that moved
/// it there, and those that merely happened at that epoch (flags, reviews) come after it.
pub(super) fn past(
    row: &JournalRow,
    quoted: u64,
    find: impl Fn(i64) -> Result<Option<Event>, StoreError>,
) -> Result<Option<Past>, StoreError> {
    let entry = |seq: i64| -> Result<(Entry, What), StoreError> {
        let event = find(seq)?.ok_or_else(|| missing(seq))?;
        let journal = event.entry.filter(|entry| entry.journal == row.journal.name);
        journal.map(|entry| (entry, event.what)).ok_or_else(|| missing(seq))
    };
    let target = crate::row::stored(quoted, "epoch")?.saturating_add(1);
    let (mut here, mut too_far) = (entry(row.last_event)?, None);
    while here.0.epoch >= target {
        // The anchor shared by all events after it is looked at once.
        if let Some(seq) = here.0.anchor.filter(|seq| too_far != Some(*seq)) {
            let anchor = entry(seq)?;
            if anchor.0.epoch >= target {
                here = anchor;
                continue;
            }
            too_far = Some(seq);
        }
        let before = here.0.previous.map(entry).transpose()?;
        match before {
            Some(before) if before.0.epoch >= target => here = before,
            _ => return Ok(witness(&here, target)),
        }
    }
    Ok(None)
}

fn witness((entry, what): &(Entry, What), target: i64) -> Option<Past> {
    let moved_on = !matches!(what, What::Decided(EventKind::Flagged(_)) | What::Reviewed(_));
    let request = entry.request.filter(|_| moved_on && entry.epoch == target)?;
    (request.quoted == target - 1).then_some(request.past)
}
