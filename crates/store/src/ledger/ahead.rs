//! Reading ahead: while one batch is written, the rows that the next one will look at are read over another session.
//!
//! What was read ahead counts only where nobody has written it since. This server knows what it has written itself
//! ([`Touched`]); that no other server has decided anything shows in the number of the last event, once this one has the seat. The
//! guards by version stay behind that.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use carnet_core::app::AppId;
use carnet_core::document::JournalName;
use carnet_core::id::{DeviceId, UserId};

use super::working::{Kept, Working};
use crate::StoreError;
use crate::connection::Connection;
use crate::postgres::Source;
use crate::store::Shared;
use crate::tx::Reading;
use crate::writer::Writer;

/// How many of the last transactions are remembered. One is under way while the next is read ahead.
const REMEMBERED: usize = 4;
/// How many batches are not read ahead after another server has come in between.
const REST: u64 = 100;

/// Rows for a batch.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// How many transactions had been done when reading began.
    since: u64,
    rows: Working,
}

impl Ahead {
    /// What was read in two parts.
    pub(crate) fn both(first: Option<Self>, second: Option<Self>) -> Option<Self> {
        match (first, second) {
            (Some(mut first), Some(second)) => {
                first.since = first.since.min(second.since);
                first.rows.devices.extend(second.rows.devices);
                first.rows.journals.extend(second.rows.journals);
                first.rows.licenses.extend(second.rows.licenses);
                first.rows.ids.extend(second.rows.ids);
                Some(first)
            }
            (first, second) => first.or(second),
        }
    }
}

/// What a transaction has written.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    devices: BTreeSet<DeviceId>,
    journals: BTreeSet<JournalName>,
    licenses: BTreeSet<(UserId, AppId)>,
}

impl Touched {
    /// What this batch is about to write.
    pub(super) fn by(working: &Working) -> Self {
        let licenses = working.licenses.values().filter(|kept| kept.changed).map(|kept| &kept.row.license);
        Self {
            devices: changed(&working.devices),
            journals: changed(&working.journals),
            licenses: licenses.map(|license| (license.user, license.app.clone())).collect(),
        }
    }
}

fn changed<K: Clone + Ord, T>(rows: &BTreeMap<K, Option<Kept<T>>>) -> BTreeSet<K> {
    let changed = |kept: &Option<Kept<T>>| kept.as_ref().is_some_and(|kept| kept.changed);
    rows.iter().filter(|(_, kept)| changed(kept)).map(|(key, _)| key.clone()).collect()
}

/// What both threads know: how many transactions are done, and what the last ones have written.
#[derive(Debug, Default)]
pub(crate) struct Done {
    last: Mutex<Last>,
    /// Batches that are not to be read ahead.
    rest: AtomicU64,
}

#[derive(Debug, Default)]
struct Last {
    done: u64,
    /// With none: anything at all.
    touched: VecDeque<Option<Touched>>,
}

impl Done {
    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A transaction was done, or may have been. It has touched this; with none, anything at all.
    pub(crate) fn note(&self, touched: Option<Touched>) {
        let mut last = self.last();
        last.touched.push_back(touched);
        if last.touched.len() > REMEMBERED {
            last.touched.pop_front();
        }
        last.done += 1;
    }

    /// Another server decides too: reading ahead is mostly in vain.
    pub(crate) fn disturbed(&self) {
        self.rest.store(REST, Ordering::Relaxed);
    }

    fn is_resting(&self) -> bool {
        self.rest.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |rest| rest.checked_sub(1)).is_ok()
    }

    /// What of it nobody has written since.
    pub(super) fn still_good(&self, ahead: Ahead) -> Option<Working> {
        let Ahead { since, mut rows } = ahead;
        let last = self.last();
        let since = usize::try_from(last.done.checked_sub(since)?).ok()?;
        let begin = last.touched.len().checked_sub(since)?;
        for touched in last.touched.range(begin..) {
            rows.forget(touched.as_ref()?);
        }
        Some(rows)
    }
}

impl Working {
    fn forget(&mut self, touched: &Touched) {
        self.devices.retain(|id, _| !touched.devices.contains(id));
        self.journals.retain(|name, _| !touched.journals.contains(name));
        for key in &touched.licenses {
            for id in self.ids.remove(key).into_iter().flatten() {
                self.licenses.remove(&id);
            }
        }
    }
}

/// Reads ahead for what waits.
pub(crate) struct Reader {
    pub(crate) source: Source,
    pub(crate) shared: Arc<Shared>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) done: Arc<Done>,
    /// The most that shares a commit.
    pub(crate) batch: usize,
}

impl Reader {
    pub(crate) fn start(self) -> Result<JoinHandle<()>, StoreError> {
        self.writer.read_ahead();
        let mut session = self.connect();
        let work = move || {
            while let Some(journals) = self.writer.wanted(self.batch) {
                self.writer.has_read(self.ahead(&mut session, &journals));
            }
        };
        std::thread::Builder::new().name("carnet-ahead".into()).spawn(work).map_err(StoreError::failed)
    }

    fn connect(&self) -> Option<Connection> {
        let session = self.source.connect_asker().ok()?;
        session.write_together(true);
        Some(Connection::Postgres(session))
    }

    /// Nothing where it fails: the writer reads by itself then, and says what is wrong.
    fn ahead(&self, session: &mut Option<Connection>, journals: &[JournalName]) -> Option<Ahead> {
        if self.done.is_resting() {
            return None;
        }
        let since = self.done.last().done;
        if session.is_none() {
            // One attempt, and then the writer has some time to find the database again.
            *session = self.connect();
            self.done.disturbed();
        }
        let connection = session.as_ref()?;
        let tx = Reading { connection, shared: &self.shared };
        let (journals, mut rows) = (journals.iter().collect::<Vec<_>>(), Working::default());
        match catch_unwind(AssertUnwindSafe(|| rows.preload(&tx, &journals))) {
            Ok(Ok(())) => Some(Ahead { since, rows }),
            Ok(Err(_)) | Err(_) => {
                *session = None;
                None
            }
        }
    }
}
