//! A journal whose state is the list of what was recorded.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carnet_core::id::{DeviceId, ServerId};
use carnet_device::journal::{
    Entry, Fold, Head, Journal, JournalError, JournalName, Misfit, Record, Settings, Tail,
};
use carnet_seam::Fs;
use carnet_testkit::MemDisk;

/// The kind of a record that says that a tail was dropped.
pub const TAIL: u8 = 200;
/// A kind that no state understands.
pub const NONSENSE: u8 = 250;

/// All records, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Everything(pub Vec<(u8, Vec<u8>)>);

impl Everything {
    /// What was recorded on purpose.
    pub fn texts(&self) -> Vec<String> {
        let texts = self.0.iter().filter(|(kind, _)| *kind != TAIL);
        texts.map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }

    /// The tails that were dropped.
    pub fn tails(&self) -> usize {
        self.0.iter().filter(|(kind, _)| *kind == TAIL).count()
    }
}

impl Fold for Everything {
    fn restore(&mut self, body: &[u8]) -> Result<(), Misfit> {
        self.0.clear();
        let mut rest = body;
        while let [kind, a, b, more @ ..] = rest {
            let length = usize::from(u16::from_le_bytes([*a, *b]));
            let (record, after) = more.split_at_checked(length).ok_or(Misfit("short checkpoint".into()))?;
            self.0.push((*kind, record.to_vec()));
            rest = after;
        }
        Ok(())
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Result<(), Misfit> {
        if entry.kind == NONSENSE {
            return Err(Misfit("nonsense".into()));
        }
        self.0.push((entry.kind, entry.body.to_vec()));
        Ok(())
    }

    fn checkpoint(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, record) in &self.0 {
            body.push(*kind);
            body.extend_from_slice(&u16::try_from(record.len()).unwrap().to_le_bytes());
            body.extend_from_slice(record);
        }
        body
    }

    fn tail_dropped(&self, tail: &Tail) -> Record {
        Record { kind: TAIL, body: [&tail.length.to_le_bytes()[..], &tail.sha256].concat() }
    }
}

pub fn folder() -> PathBuf {
    "/people/ann/carnet/server/apps/acme+paint".into()
}

pub fn name() -> JournalName {
    JournalName {
        server: ServerId([1; 16]),
        device: DeviceId([2; 16]),
        app: Some("acme/paint".parse().unwrap()),
    }
}

/// Segments of 600 bytes: a few records each.
pub fn small() -> Settings {
    Settings { segment_size: 600, patience: Duration::from_millis(50) }
}

pub fn large() -> Settings {
    Settings { segment_size: 1 << 20, patience: Duration::from_millis(50) }
}

pub fn open_with(fs: impl Fs + 'static, settings: Settings) -> Result<Journal<Everything>, JournalError> {
    Journal::open(Arc::new(fs), &folder(), name(), Everything::default(), settings)
}

/// A new process opens the journal on this disk.
pub fn open(disk: &MemDisk) -> Result<Journal<Everything>, JournalError> {
    open_with(disk.fs(), small())
}

pub fn text(text: &str) -> Record {
    Record { kind: 1, body: text.as_bytes().to_vec() }
}

pub fn texts(of: &[&str]) -> Vec<Record> {
    of.iter().map(|one| text(one)).collect()
}

/// All that the whole history says, checkpoints left out, after checking every byte of it.
pub fn history(journal: &mut Journal<Everything>) -> Result<Vec<(u8, Vec<u8>)>, JournalError> {
    let mut all = Vec::new();
    let mut before = Head::default();
    journal.history(|past| {
        assert_eq!(past.head.sequence, before.sequence + 1, "numbers have no gaps");
        before = past.head;
        if past.kind != carnet_device::journal::CHECKPOINT {
            all.push((past.kind, past.body.to_vec()));
        }
    })?;
    Ok(all)
}
