//! Letting old segments go.
//!
//! A segment begins with the whole state, so nobody needs the ones before it to go on. They are kept for what
//! they prove: their records where a report will ask for them, their torn tails until somebody was told. Where
//! neither is so, they only take room and tell what was done when.
//!
//! They go from the oldest on, one by one, each made durable before the next: whatever fails in between, what is
//! left is a chain without a gap. One that cannot be read whole is evidence, and stays with all after it.

use carnet_seam::fs::discard;

use super::frame::Frame;
use super::load::{Found, Segment};
use super::walk::End;
use super::{Entry, Fold, Journal, JournalError};

impl<F: Fold> Journal<F> {
    /// Removes all segments before `segment`; the newest always stays.
    ///
    /// # Errors
    /// [`JournalError`], with the remedy. The younger ones of them may then be left.
    pub fn drop_segments_before(&mut self, segment: u64) -> Result<(), JournalError> {
        self.locked(|journal| journal.remove_while(segment, |_, _| Ok(true)))
    }

    /// Removes the segments that need not stay, as the [fold](Fold::keeps) says. Called when a segment was closed,
    /// and when what kept them has gone. What was appended is durable whether this works or not, and the next
    /// time finds what this one has left.
    pub(super) fn let_go(&mut self) -> Result<(), JournalError> {
        self.point("journal.let-go")?;
        let mut going = None;
        for number in self.old_segments(u64::MAX)? {
            match self.segments().read(number)? {
                Found::Whole(segment) if !holds_something(&self.state, &segment)? => going = Some(number),
                _ => break,
            }
        }
        let Some(going) = going else { return Ok(()) };
        self.put_on_record(going)?;
        self.remove_while(going + 1, |_, _| Ok(true))
    }

    /// Somebody who asks later for the records must be able to see that they were let go and not lost.
    fn put_on_record(&mut self, going: u64) -> Result<(), JournalError> {
        let next =
            self.old_segments(u64::MAX)?.into_iter().chain([self.at.segment]).find(|number| *number > going);
        let last = match next.map(|number| self.segments().read(number)).transpose()? {
            Some(Found::Whole(segment)) => segment.header.before.sequence,
            _ => return Ok(()),
        };
        match self.state.letting_go(last) {
            Some(record) => self.add(&[record]),
            None => Ok(()),
        }
    }

    fn old_segments(&self, end: u64) -> Result<Vec<u64>, JournalError> {
        let mut old = self.segments().numbers()?;
        old.retain(|number| *number < end.min(self.at.segment));
        Ok(old)
    }

    fn remove_while(
        &mut self,
        end: u64,
        may_go: impl Fn(&Self, u64) -> Result<bool, JournalError>,
    ) -> Result<(), JournalError> {
        let old = self.old_segments(end)?;
        if old.is_empty() {
            return Ok(());
        }
        // What is left must not depend on what goes.
        self.secure()?;
        for number in old {
            if !may_go(self, number)? {
                break;
            }
            discard(&*self.fs, &self.segments().path(number))?;
            self.point("journal.removed")?;
            self.fs.sync_folder(&self.folder)?;
        }
        Ok(())
    }
}

/// Whether a segment has a record that must stay, or more than a walk understands.
fn holds_something<F: Fold>(state: &F, segment: &Segment) -> Result<bool, JournalError> {
    let (mut walk, mut stays) = (segment.walk(), false);
    let end = walk.go(segment.records(), &mut |frame: &Frame<'_>| {
        let Frame { sequence, kind, body, .. } = *frame;
        stays = stays || state.keeps(&Entry { sequence, kind, body });
        Ok(())
    })?;
    Ok(stays || end == End::Damaged)
}
