//! Reading the newest segment and finding where the journal stands.

use std::path::{Path, PathBuf};

use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError, FsFault};

use super::frame::Frame;
use super::header::{self, Header};
use super::walk::{End, Walk, holds_a_record};
use super::{CHECKPOINT, Entry, Fold, Head, JournalError, JournalName, Tail};

/// No segment is longer: a checkpoint, records up to the size of the checkpoint or of a segment, and one
/// append, each at most 1 MiB and a little. What is longer is not read.
const LARGEST_SEGMENT: u64 = 8 << 20;

/// Where a journal stands.
#[derive(Debug, Clone)]
pub(super) struct Position {
    /// The newest good segment; 0: there is none yet.
    pub segment: u64,
    /// The number of the segment that would be made next.
    pub next: u64,
    /// How long the newest good segment is, its tail included.
    pub length: u64,
    pub walk: Walk,
    /// What follows the last good record in the newest good segment.
    pub leftover: Tail,
    /// What nobody has relied on and is not on record yet.
    pub tail: Option<Tail>,
    /// Whether the name of the newest segment is known to be durable.
    pub named: bool,
}

/// A folder with segments, and whose they should be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segments<'a> {
    pub fs: &'a dyn Fs,
    pub folder: &'a Path,
    pub name: &'a JournalName,
}

/// A segment as read, its header checked.
pub(super) struct Segment {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    pub header: Header,
    pub start: usize,
}

/// What a file called `<n>.seg` turned out to be.
pub(super) enum Found {
    /// A segment with its checkpoint.
    Whole(Segment),
    /// The beginning of one, or nothing: the file system let go of bytes it had promised.
    Unfinished(Vec<u8>),
}

impl Position {
    /// Before the first record.
    fn empty(next: u64, tail: Option<Tail>) -> Self {
        let walk = Walk::new(Head::default(), 0);
        Self { segment: 0, next, length: 0, walk, leftover: Tail::none(), tail, named: true }
    }
}

impl<'a> Segments<'a> {
    pub fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}.seg"))
    }

    /// The numbers of all segments, oldest first.
    pub fn numbers(&self) -> Result<Vec<u64>, JournalError> {
        let names = self.fs.list(self.folder)?;
        let mut numbers: Vec<u64> = names.iter().filter_map(|name| number_of(name)).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Folds the newest segment; `state` is as new when there is none.
    pub fn load<F: Fold>(&self, state: &mut F) -> Result<Position, JournalError> {
        let numbers = self.numbers()?;
        let Some(newest) = numbers.last().copied() else {
            return Ok(Position::empty(1, None));
        };
        match self.read(newest)? {
            Found::Whole(segment) => self.fold(&segment, None, state),
            Found::Unfinished(bytes) if newest == 1 => Ok(Position::empty(1, Some(Tail::of(&bytes)))),
            Found::Unfinished(bytes) if numbers.contains(&(newest - 1)) => match self.read(newest - 1)? {
                Found::Whole(segment) => self.fold(&segment, Some(&bytes), state),
                Found::Unfinished(_) => Err(self.corrupt(newest - 1, 0)),
            },
            Found::Unfinished(_) => Err(self.corrupt(newest, 0)),
        }
    }

    /// Folds a segment. `beyond` are the bytes of an unfinished one after it.
    fn fold<F: Fold>(
        &self,
        segment: &Segment,
        beyond: Option<&[u8]>,
        state: &mut F,
    ) -> Result<Position, JournalError> {
        let number = segment.header.number;
        let mut walk = segment.walk();
        let mut sink = |frame: &Frame<'_>| take_in(state, frame, &segment.path);
        if walk.go(segment.records(), &mut sink)? == End::Damaged {
            return Err(self.corrupt(number, walk.good));
        }
        let rest = segment.after(walk.good);
        let lost = [rest, beyond.unwrap_or_default()].concat();
        let torn = !lost.is_empty() || beyond.is_some();
        Ok(Position {
            segment: number,
            next: number.saturating_add(1),
            length: segment.bytes.len() as u64,
            named: walk.added,
            leftover: Tail::of(rest),
            tail: torn.then(|| Tail::of(&lost)),
            walk,
        })
    }

    /// Reads a segment and checks all that comes before its second record.
    pub fn read(&self, number: u64) -> Result<Found, JournalError> {
        let path = self.path(number);
        let bytes = read_file(self.fs, &path, LARGEST_SEGMENT)?;
        // It was listed a moment ago. Without the lock somebody may have removed it since; look again.
        let bytes = bytes.ok_or_else(|| FsError::new("open", &path, FsFault::NotFound))?;
        let Some((header, start)) = Header::read(&bytes) else {
            return self.without_header(number, bytes);
        };
        if let Some(whose) = header.foreign(self.name, number) {
            return Err(JournalError::Foreign { path, whose });
        }
        if Walk::new(header.head(), start as u64).goes_on(&bytes[start..]) {
            return Ok(Found::Whole(Segment { path, bytes, header, start }));
        }
        self.unfinished(number, bytes, start)
    }

    fn without_header(&self, number: u64, bytes: Vec<u8>) -> Result<Found, JournalError> {
        let path = self.path(number);
        let begun = bytes.starts_with(header::MAGIC)
            || header::MAGIC.starts_with(&bytes)
            || bytes.iter().all(|byte| *byte == 0);
        match header::newer_version(&bytes) {
            _ if holds_a_record(&bytes) => Err(self.corrupt(number, 0)),
            Some(version) => Err(JournalError::TooNew { path, version }),
            None if begun => Ok(Found::Unfinished(bytes)),
            None => Err(JournalError::Foreign { path, whose: "another program" }),
        }
    }

    fn unfinished(&self, number: u64, bytes: Vec<u8>, start: usize) -> Result<Found, JournalError> {
        if holds_a_record(&bytes[start..]) {
            return Err(self.corrupt(number, start as u64));
        }
        Ok(Found::Unfinished(bytes))
    }

    pub fn corrupt(&self, number: u64, offset: u64) -> JournalError {
        JournalError::Corrupt { path: self.path(number), offset }
    }
}

impl Segment {
    pub fn walk(&self) -> Walk {
        Walk::new(self.header.head(), self.start as u64)
    }

    pub fn records(&self) -> &[u8] {
        &self.bytes[self.start..]
    }

    /// The bytes from `offset` of the file on.
    pub fn after(&self, offset: u64) -> &[u8] {
        usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..)).unwrap_or_default()
    }
}

/// Folds one record that was read.
pub(super) fn take_in<F: Fold>(state: &mut F, frame: &Frame<'_>, path: &Path) -> Result<(), JournalError> {
    let Frame { sequence, kind, body, .. } = *frame;
    let taken = match kind {
        CHECKPOINT => state.restore(body),
        kind => state.apply(&Entry { sequence, kind, body }),
    };
    taken.map_err(|misfit| JournalError::Unreadable { path: path.to_owned(), sequence, misfit })
}

fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    (format!("{number:08}") == digits).then_some(number)
}
