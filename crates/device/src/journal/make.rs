//! Turning records into the bytes of an append or of a new segment.

use super::frame::{self, BORN, MORE};
use super::header::Header;
use super::load::{Position, Segments};
use super::walk::Walk;
use super::{
    CHECKPOINT, Fold, Head, JournalError, LARGEST_APPEND, LARGEST_BODY, LARGEST_CHECKPOINT, Misfit, Record,
    Tail,
};

/// A segment that is about to be made.
pub(super) struct Made {
    pub bytes: Vec<u8>,
    /// Where the journal stands when it is there.
    pub position: Position,
}

/// What the records will take on the disk.
pub(super) fn size_of(records: &[Record]) -> Result<u64, JournalError> {
    let refused = |text: String| Err(JournalError::Refused(Misfit(text)));
    let mut size = 0;
    for record in records {
        if record.kind == CHECKPOINT {
            return refused(format!("kind {CHECKPOINT} is for checkpoints"));
        }
        if record.body.len() > LARGEST_BODY {
            return refused(format!("a record of {} bytes", record.body.len()));
        }
        size += frame::OVERHEAD + record.body.len();
    }
    if size > LARGEST_APPEND { refused(format!("{size} bytes at once")) } else { Ok(size as u64) }
}

/// Writes records as one write: all but the last say that more of it follows.
pub(super) fn write_all(out: &mut Vec<u8>, head: Head, durable: u64, flags: u8, records: &[Record]) -> Head {
    let last = records.len().saturating_sub(1);
    records.iter().enumerate().fold(head, |head, (at, record)| {
        let flags = if at < last { flags | MORE } else { flags };
        frame::write(out, &head, durable, record.kind, flags, &record.body)
    })
}

/// The segment that follows `at`: header, checkpoint of `state`, records.
pub(super) fn new_segment<F: Fold>(
    segments: &Segments<'_>,
    at: &Position,
    state: &F,
    records: &[Record],
) -> Result<Made, JournalError> {
    let (name, number, before) = (segments.name.clone(), at.next, at.walk.head);
    let header = Header { name, number, before, dropped: at.leftover };
    let checkpoint = state.checkpoint();
    if checkpoint.len() > LARGEST_CHECKPOINT {
        return Err(JournalError::Refused(Misfit(format!("a checkpoint of {} bytes", checkpoint.len()))));
    }
    let mut bytes = header.write();
    let start = bytes.len();
    let head = frame::write(&mut bytes, &header.head(), before.sequence, CHECKPOINT, BORN, &checkpoint);
    write_all(&mut bytes, head, before.sequence, BORN, records);
    let mut walk = Walk::new(header.head(), start as u64);
    walk.go(&bytes[start..], &mut |_| Ok(()))?;
    let position = Position {
        segment: number,
        next: number.saturating_add(1),
        length: bytes.len() as u64,
        walk,
        leftover: Tail::none(),
        tail: None,
        named: true,
    };
    Ok(Made { bytes, position })
}
