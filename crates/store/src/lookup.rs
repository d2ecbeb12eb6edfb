//! Looking devices' keys up, off the threads that serve the network.
//!
//! Every request is checked with its device's key before anything else is done with it. A fleet renews in turn, so most
//! keys have to come from the database, which may take its time. One thread takes everybody who waits and asks once for all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use carnet_core::id::DeviceId;

use crate::StoreError;
use crate::device::{DeviceKeys, DeviceRow};
use crate::readers::Readers;
use crate::store::Shared;
use crate::tx::Reading;

/// How many devices are asked for at once. More would only let the first one wait for the last.
const MOST: usize = 256;

type Found = Result<Option<DeviceKeys>, StoreError>;
type Reply = Box<dyn FnOnce(Found) + Send>;

/// Who waits for a device's keys.
pub(crate) struct Lookups {
    limit: usize,
    waiting: Mutex<Waiting>,
    wake: Condvar,
}

#[derive(Default)]
struct Waiting {
    asked: Vec<(DeviceId, Reply)>,
    closed: bool,
}

impl Lookups {
    /// Nobody yet, and at most so many.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, waiting: Mutex::default(), wake: Condvar::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `reply` is called once: on the thread that asks, or at once where nobody will.
    pub(crate) fn ask(&self, id: DeviceId, reply: Reply) {
        let mut waiting = self.waiting();
        let refused = if waiting.closed {
            StoreError::Closed
        } else if waiting.asked.len() >= self.limit {
            StoreError::Busy
        } else {
            waiting.asked.push((id, reply));
            return self.wake.notify_one();
        };
        drop(waiting);
        reply(Err(refused));
    }

    /// Takes nobody more. Whoever waits is still told.
    pub(crate) fn close(&self) {
        self.waiting().closed = true;
        self.wake.notify_one();
    }

    /// Starts to ask over these connections, until it is closed.
    pub(crate) fn start(
        self: &Arc<Self>,
        readers: Readers,
        shared: Arc<Shared>,
    ) -> Result<JoinHandle<()>, StoreError> {
        let lookups = Arc::clone(self);
        let work = move || {
            while let Some(asked) = lookups.next() {
                tell(asked, |ids| look_up(&readers, &shared, ids));
            }
        };
        std::thread::Builder::new().name("carnet-lookup".into()).spawn(work).map_err(StoreError::failed)
    }

    /// Who waits now; none: it is closed, and nobody does.
    fn next(&self) -> Option<Vec<(DeviceId, Reply)>> {
        let mut waiting = self.waiting();
        while waiting.asked.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
        let most = waiting.asked.len().min(MOST);
        Some(waiting.asked.drain(..most).collect())
    }
}

/// The keys of these devices, in their order.
fn look_up(
    readers: &Readers,
    shared: &Arc<Shared>,
    ids: &[DeviceId],
) -> Result<Vec<Option<DeviceKeys>>, StoreError> {
    let rows = readers.ask(|connection| Reading { connection, shared }.device_rows_of(ids))?;
    let keys = |row: DeviceRow| {
        let keys = DeviceKeys::of(&row.device);
        shared.devices.keep(keys.id, keys);
        keys
    };
    Ok(rows.into_iter().map(|row| row.map(keys)).collect())
}

/// Tells everybody what was found. A defect in asking must not end the thread that others wait for.
fn tell(
    asked: Vec<(DeviceId, Reply)>,
    look_up: impl FnOnce(&[DeviceId]) -> Result<Vec<Option<DeviceKeys>>, StoreError>,
) {
    let ids: BTreeSet<DeviceId> = asked.iter().map(|(id, _)| *id).collect();
    let ids: Vec<DeviceId> = ids.into_iter().collect();
    let found = catch_unwind(AssertUnwindSafe(|| look_up(&ids))).unwrap_or(Err(StoreError::Defect));
    let found = found.map(|found| ids.into_iter().zip(found).collect::<BTreeMap<_, _>>());
    for (id, reply) in asked {
        reply(found.as_ref().map_err(Clone::clone).map(|found| found.get(&id).copied().flatten()));
    }
}
