//! The journal: an append-only file of records, each chained to the one before.
//!
//! This is the layer of bytes. It knows that a record has a kind and a body, and nothing about what they
//! mean; a [`Fold`] does. What it promises:
//!
//! * **Old or new, never torn (I10).** Whatever write, sync or rename fails, and whenever the power goes,
//!   the next [`Journal::open`] finds the records as before an append or as after it.
//! * **Nothing changes unseen (I11, I12).** Records carry a CRC and a hash chain, segments name their
//!   server, device, app and number. What does not fit is an error, or a [`Tail`] that is reported and put
//!   on record.
//! * **Several processes, one truth.** Each append takes the lock file, folds what others have added,
//!   and decides on that.
//!
//! # Segments
//!
//! `<n>.seg`, counted from 1. Each begins with a header and a checkpoint (the whole state), so that a cold
//! start reads one file. A segment is made beside, synced and renamed: it is there as a whole or not.
//! Another one is begun when one is full, and **after a torn tail**: the bytes stay where they are, in the
//! segment that ends there; the new segment names their length and hash in its header and again in the
//! record right after its checkpoint. So the evidence can neither be lost in a crash nor be
//! counted twice, and no byte is ever overwritten by another.
//!
//! Old segments stay for as long as the fold says that they prove something; see [`Fold::keeps`].
//!
//! # After a failed sync
//!
//! It is unknown what is on the disk, and the system will not say it again. The append is cut off again
//! where possible, the handle is [poisoned](JournalError::Poisoned), and whoever opens the journal next
//! writes every record not known to be durable once more, in the same write as its own.
//!
//! # Example
//!
//! ```
//! use std::{path::Path, sync::Arc};
//! use carnet_core::id::{DeviceId, ServerId};
//! use carnet_device::journal::{Entry, Fold, Journal, JournalError, JournalName, Misfit, Record, Settings, Tail};
//!
//! /// Counts uses.
//! #[derive(Clone, Default)]
//! struct Uses(u8);
//!
//! impl Fold for Uses {
//!     fn restore(&mut self, body: &[u8]) -> Result<(), Misfit> {
//!         self.0 = *body.first().ok_or_else(|| Misfit("empty checkpoint".into()))?;
//!         Ok(())
//!     }
//!     fn apply(&mut self, entry: &Entry<'_>) -> Result<(), Misfit> {
//!         self.0 += u8::from(entry.kind == 1);
//!         Ok(())
//!     }
//!     fn checkpoint(&self) -> Vec<u8> {
//!         vec![self.0]
//!     }
//!     fn tail_dropped(&self, tail: &Tail) -> Record {
//!         Record { kind: 2, body: tail.sha256.to_vec() }
//!     }
//! }
//!
//! let fs = Arc::new(carnet_testkit::MemDisk::new().fs()); // a program hands over `RealFs`
//! let name = JournalName { server: ServerId([1; 16]), device: DeviceId([2; 16]), app: None };
//! let mut journal = Journal::open(fs, Path::new("/devices/one"), name, Uses(0), Settings::default())?;
//! journal.append_with::<JournalError>(|uses, _head| {
//!     Ok(if uses.0 < 10 { vec![Record { kind: 1, body: vec![] }] } else { vec![] })
//! })?;
//! assert_eq!(journal.state().0, 1);
//! # Ok::<(), JournalError>(())
//! ```

mod error;
mod frame;
mod header;
mod history;
mod load;
mod make;
mod past;
mod trail;
mod walk;
mod writer;

use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::id::{DeviceId, ServerId};

pub use error::JournalError;
pub use history::{Past, Peek};
pub use trail::{Found as FoundRecord, Remains, read_remains};
pub use writer::Journal;

/// The kind of the record that begins each segment.
pub const CHECKPOINT: u8 = 0;

/// The largest body of a record. A signed document has at most 64 KiB; a record has room for it and what
/// belongs to it.
pub const LARGEST_BODY: usize = 80 << 10;

/// The largest body of a checkpoint.
pub const LARGEST_CHECKPOINT: usize = 1 << 20;

/// The largest sum of all records of one append.
pub const LARGEST_APPEND: usize = 1 << 20;

/// Whose journal it is. A journal of another name is refused (I14).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalName {
    /// The server that the journal reports to.
    pub server: ServerId,
    /// The device that writes it.
    pub device: DeviceId,
    /// The app; `None`: operations that concern no app.
    pub app: Option<AppId>,
}

/// What is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Anything but [`CHECKPOINT`].
    pub kind: u8,
    /// At most [`LARGEST_BODY`] bytes.
    pub body: Vec<u8>,
}

/// What has been appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number in the journal, counted from 1 over all segments, checkpoints included.
    pub sequence: u64,
    /// What it is.
    pub kind: u8,
    /// What it says.
    pub body: &'a [u8],
}

/// The last record: its number, and the hash over it and all before it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Head {
    /// 0 before the first record.
    pub sequence: u64,
    /// Zero before the first record.
    pub chain: [u8; 32],
}

impl std::fmt::Debug for Head {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Head({}, {})", self.sequence, carnet_core::id::Digest(self.chain))
    }
}

/// Bytes after the last good record that nobody has relied on: a write cut short.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// How many.
    pub length: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tail({} bytes, {})", self.length, carnet_core::id::Digest(self.sha256))
    }
}

/// A state that records fold to. What the records mean is its business alone.
///
/// It is cloned before records are folded in and replaced when all of them were durable, so it is
/// always a state that the journal on the disk folds to.
pub trait Fold: Clone {
    /// Forgets everything and starts from a checkpoint that [`Fold::checkpoint`] made.
    ///
    /// # Errors
    /// [`Misfit`] when the body is none.
    fn restore(&mut self, body: &[u8]) -> Result<(), Misfit>;

    /// Takes in one more record. Asked before a record is written too, so that no journal has a record
    /// that its own reader refuses.
    ///
    /// # Errors
    /// [`Misfit`] when the record means nothing, or not here.
    fn apply(&mut self, entry: &Entry<'_>) -> Result<(), Misfit>;

    /// The whole state as the body of a checkpoint, at most [`LARGEST_CHECKPOINT`] bytes.
    fn checkpoint(&self) -> Vec<u8>;

    /// The record that says that a tail was dropped. It is written before anything else.
    fn tail_dropped(&self, tail: &Tail) -> Record;

    /// Whether all old segments must stay for now, whatever is in them. Unless a fold says otherwise they
    /// always do.
    fn keeps_past(&self) -> bool {
        true
    }

    /// Whether a record of an old segment must stay although the state has taken it in. Asked only while
    /// [`Fold::keeps_past`] says no. The segment of a record that stays stays, and all after it.
    fn keeps(&self, entry: &Entry<'_>) -> bool {
        let _ = entry;
        true
    }

    /// The record that says that everything up to `last` is about to go, if that must be on record. It is durable
    /// before anything goes.
    fn letting_go(&self, last: u64) -> Option<Record> {
        let _ = last;
        None
    }
}

/// A record that its [`Fold`] does not understand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Misfit(pub String);

/// What may be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// After so many bytes another segment begins.
    pub segment_size: u64,
    /// How long to wait for another process that uses the journal.
    pub patience: Duration,
}

impl Default for Settings {
    /// 1 MiB, 10 s.
    fn default() -> Self {
        Self { segment_size: 1 << 20, patience: Duration::from_secs(10) }
    }
}
