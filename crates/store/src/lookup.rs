//! Looking devices' keys up across a connection, off the threads that serve the network.
//!
//! Every request is checked with its device's key before anything else is done with it. A fleet renews in turn, so most
//! keys have to come from the database. That takes a round trip, or as long as the network is away, and whoever serves the network
//! must not wait for it. One thread takes everybody who does and asks once for all of them.

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

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use carnet_core::document::PublicKey;
    use carnet_core::id::UserId;

    use super::*;

    const fn device(number: u8) -> DeviceId {
        DeviceId([number; 16])
    }

    fn keys(id: DeviceId) -> DeviceKeys {
        let signing_key = PublicKey([1; 32]).into();
        DeviceKeys { id, user: UserId(id.0), signing_key, agreement_key: PublicKey([2; 32]) }
    }

    fn asks(lookups: &Lookups, number: u8) -> Receiver<Found> {
        let (sender, receiver) = channel();
        lookups.ask(device(number), Box::new(move |found| sender.send(found).unwrap()));
        receiver
    }

    #[test]
    fn all_who_wait_are_asked_for_once_and_each_hears_of_its_own() {
        let lookups = Lookups::new(9);
        let waiting = [3, 1, 3, 2].map(|number| (number, asks(&lookups, number)));
        tell(lookups.next().unwrap(), |ids| {
            assert_eq!(ids, [1, 2, 3].map(device));
            Ok(ids.iter().map(|id| Some(keys(*id)).filter(|_| *id != device(2))).collect())
        });
        for (number, told) in waiting {
            let expected = Some(keys(device(number))).filter(|_| number != 2);
            assert_eq!(told.recv().unwrap(), Ok(expected));
        }
    }

    #[test]
    fn a_failure_and_a_panic_are_told_to_all_who_wait() {
        let lookups = Lookups::new(9);
        let waiting = [1, 2].map(|number| asks(&lookups, number));
        tell(lookups.next().unwrap(), |_| Err(StoreError::Busy));
        waiting.iter().for_each(|told| assert_eq!(told.recv().unwrap(), Err(StoreError::Busy)));
        let told = asks(&lookups, 1);
        tell(lookups.next().unwrap(), |_| panic!("a defect"));
        assert_eq!(told.recv().unwrap(), Err(StoreError::Defect));
    }

    #[test]
    fn too_many_are_refused_and_the_closed_takes_nobody_but_tells_who_waits() {
        let lookups = Lookups::new(2);
        let waiting = [1, 2].map(|number| asks(&lookups, number));
        assert_eq!(asks(&lookups, 3).recv().unwrap(), Err(StoreError::Busy));
        lookups.close();
        assert_eq!(asks(&lookups, 4).recv().unwrap(), Err(StoreError::Closed));
        tell(lookups.next().unwrap(), |ids| Ok(ids.iter().map(|_| None).collect()));
        waiting.iter().for_each(|told| assert_eq!(told.recv().unwrap(), Ok(None)));
        assert!(lookups.next().is_none());
    }
}
