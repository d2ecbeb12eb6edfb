//! A running server: everything that handlers share.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use carnet_core::id::DeviceId;
use carnet_core::time::Time;
use carnet_seal::keys::RootPin;
use carnet_seam::{Clock, Fs, Random};
use carnet_store::device::DeviceKeys;
use carnet_store::{
    Database, Ledger, LedgerError, PostgresUrl, Prepare, Reading, Settled, Store, StoreError, Work, Writing,
};
use tokio::sync::oneshot;

use crate::admission::{Admission, Policy};
use crate::data::{self, OpenError};
use crate::image_store::ImageStore;
use crate::judging::Queue;
use crate::key_service::vault::Outside;
use crate::key_service::{self, Apart, KeyService, Vault};
use crate::keys::Keys;
use crate::metrics::Metrics;
use crate::problem::Failure;

/// What a server needs of the outside.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Keys, tokens, codes and ids are made from it.
    pub random: Arc<dyn Random>,
    /// The files beside the database.
    pub fs: Arc<dyn Fs>,
    /// The data folder.
    pub data: PathBuf,
    /// The database, where it is not a file in the data folder.
    pub database: Option<PostgresUrl>,
    /// The socket of the key service, where it is a process of its own.
    pub key_service: Option<key_service::Place>,
}

impl Surroundings {
    /// Where the database is.
    #[must_use]
    pub fn database(&self) -> Database {
        let file = || Database::File(data::database(&self.data));
        self.database.clone().map_or_else(file, Database::Postgres)
    }
}

/// A running server. Clones are the same one.
#[derive(Clone)]
pub struct Server(Arc<Parts>);

struct Parts {
    around: Surroundings,
    store: Store,
    ledger: Ledger,
    keys: Arc<Keys>,
    key_service: KeyService,
    images: ImageStore,
    metrics: Metrics,
    admission: Admission,
    judging: Queue,
    draining: AtomicBool,
    /// Pieces of work that the ledger has and has not settled yet.
    waiting: AtomicU64,
    /// Those that it has settled.
    settled: AtomicU64,
}

impl Server {
    /// Opens the data folder, which no other server may have open, and makes it when it is new.
    ///
    /// # Errors
    /// [`OpenError`], which says what the operator can do.
    pub fn open(around: Surroundings) -> Result<Self, OpenError> {
        Self::open_with(around, Policy::default())
    }

    /// [`Server::open`], with what the operator allows to those who have not proved who they are.
    ///
    /// # Errors
    /// [`OpenError`], which says what the operator can do.
    pub fn open_with(around: Surroundings, policy: Policy) -> Result<Self, OpenError> {
        let images = ImageStore::in_folder(around.fs.clone(), &around.data);
        Self::open_with_images(around, policy, images)
    }

    /// [`Server::open_with`], with a place for images.
    ///
    /// # Errors
    /// [`OpenError`], which says what the operator can do.
    pub fn open_with_images(
        around: Surroundings,
        policy: Policy,
        images: ImageStore,
    ) -> Result<Self, OpenError> {
        data::prepare(around.fs.as_ref(), &around.data)?;
        let now = Time(around.clock.wall_micros());
        let store = data::open_store_with(&around, &policy)?;
        let admission = Admission::new(policy, Arc::clone(&around.clock));
        let keys = Keys::open(&store, around.fs.as_ref(), &around.data, around.random.as_ref(), now)?;
        let keys = Arc::new(keys);
        data::write_root_hash(around.fs.as_ref(), &around.data, keys.root())?;
        let ledger = store.ledger(keys.server(), keys.clone());
        let key_service = key_service(&around, &keys)?;
        let parts = Parts {
            around,
            store,
            ledger,
            keys,
            key_service,
            images,
            metrics: Metrics::new(),
            admission,
            judging: Queue::default(),
            draining: AtomicBool::new(false),
            waiting: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        };
        Ok(Self(Arc::new(parts)))
    }

    /// Reads one consistent view of the database, off the threads that serve the network.
    ///
    /// # Errors
    /// What the closure or the database says.
    pub async fn read<T, F>(&self, read: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Reading<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let server = self.clone();
        let done = tokio::task::spawn_blocking(move || server.0.store.read(read));
        Ok(done.await.map_err(Failure::internal)??)
    }

    /// Makes sure that the keys are those in the database, which another server may have changed.
    ///
    /// # Errors
    /// What the database says, or that a key cannot be opened.
    pub async fn fresh_keys(&self) -> Result<(), Failure> {
        if !self.0.store.is_shared() {
            return Ok(());
        }
        let keys = Arc::clone(&self.0.keys);
        self.read(move |tx| keys.refresh(tx)).await
    }

    /// Writes one transaction. A failure that the closure names rolls everything back. The closure is called again where
    /// the database could not put it in line with other transactions.
    ///
    /// # Errors
    /// What the closure or the database says.
    pub async fn write<T, F>(&self, what: &'static str, write: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnMut(&Writing<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let server = self.clone();
        let done = tokio::task::spawn_blocking(move || server.write_now(what, write));
        done.await.map_err(Failure::internal)?
    }

    /// [`Server::write`] for callers that may wait.
    ///
    /// # Errors
    /// What the closure or the database says.
    pub fn write_now<T, F>(&self, what: &'static str, mut write: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnMut(&Writing<'_>) -> Result<T, Failure> + Send + 'static,
    {
        // The store knows only its own errors; ours travels beside one that makes it roll back.
        let (tell, told) = std::sync::mpsc::channel();
        let done = self.0.store.write(what, move |tx| {
            write(tx).map_err(|failure| {
                let _ = tell.send(failure);
                StoreError::Conflict { what: "the request" }
            })
        });
        // The last word counts: what the database could not put in an order was tried again.
        done.map_err(|error| told.try_iter().last().unwrap_or_else(|| error.into()))
    }

    /// Hands work to the ledger and waits until it is settled and durable.
    ///
    /// # Errors
    /// What the ledger says.
    pub async fn settle(&self, work: Work) -> Result<Settled, LedgerError> {
        let (tell, told) = oneshot::channel();
        self.0.waiting.fetch_add(1, Ordering::Relaxed);
        let server = self.clone();
        let reply = move |settled| {
            server.0.waiting.fetch_sub(1, Ordering::Relaxed);
            server.0.settled.fetch_add(1, Ordering::Relaxed);
            // Whoever waited has gone away; the outcome is durable all the same.
            drop(tell.send(settled));
        };
        self.0.ledger.submit(work, Box::new(reply));
        // A reply that never comes is a commit of which nothing is known.
        told.await.unwrap_or(Err(LedgerError::Unknown))
    }

    /// The keys of a device; none: nobody has registered it.
    ///
    /// # Errors
    /// When the database fails, or too many ask.
    pub async fn device_keys(&self, device: DeviceId) -> Result<Option<DeviceKeys>, StoreError> {
        if let Some(remembered) = self.0.store.remembered_keys(device) {
            return Ok(Some(remembered));
        }
        let (tell, told) = oneshot::channel();
        // Whoever waited has gone away.
        self.0.store.look_up_keys(device, |found| drop(tell.send(found)));
        told.await.unwrap_or(Err(StoreError::Closed))
    }

    /// The database, for what needs no waiting.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The keys.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.0.keys
    }

    /// Asks the key service, off the threads that serve the network.
    ///
    /// # Errors
    /// What the closure says.
    pub async fn ask_key_service<T, F>(&self, ask: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&KeyService, &[u8]) -> Result<T, Failure> + Send + 'static,
    {
        let server = self.clone();
        let done = tokio::task::spawn_blocking(move || {
            let current = server.keys().current();
            ask(&server.0.key_service, current.ring().set().bytes())
        });
        done.await.map_err(Failure::internal)?
    }

    /// Where the bytes of images lie.
    #[must_use]
    pub fn images(&self) -> &ImageStore {
        &self.0.images
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// How often somebody may ask who has not proved who it is.
    #[must_use]
    pub fn admission(&self) -> &Admission {
        &self.0.admission
    }

    /// Codes that have come and may have to be judged.
    #[must_use]
    pub fn judging(&self) -> &Queue {
        &self.0.judging
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.0.around.clock.as_ref()
    }

    /// The time of day.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.clock().wall_micros())
    }

    /// The random source.
    #[must_use]
    pub fn random(&self) -> &dyn Random {
        self.0.around.random.as_ref()
    }

    /// The files beside the database.
    #[must_use]
    pub fn fs(&self) -> &dyn Fs {
        self.0.around.fs.as_ref()
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.0.around.data
    }

    /// Brings what is measured only when somebody looks up to date.
    pub fn measure(&self) {
        let (settled, waiting) = (&self.0.settled, &self.0.waiting);
        self.metrics().ledger(settled.load(Ordering::Relaxed), waiting.load(Ordering::Relaxed));
        self.metrics().key_service_missed(self.0.key_service.missed());
        self.metrics().image_store_missed(self.0.images.missed());
        self.metrics().key_set_ends(self.keys().current().expires().0 / 1_000_000);
    }

    /// From now on the server is not ready for anything new.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Release);
    }

    /// Whether the server is about to stop.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::Acquire)
    }

    /// Settles what waits, and lets go of the database.
    pub fn close(&self) {
        self.drain();
        self.0.store.close();
    }
}

/// The key service, with its own folder below the data folder, unless it is a process of its own.
fn key_service(around: &Surroundings, keys: &Keys) -> Result<KeyService, OpenError> {
    if let Some(place) = &around.key_service {
        return Ok(KeyService::Apart(Apart::at(place, around.fs.as_ref())?));
    }
    let Surroundings { fs, random, clock, data, .. } = around;
    let outside = Outside { fs: fs.clone(), random: random.clone(), clock: clock.clone() };
    let folder = data.join("keys");
    data::prepare(fs.as_ref(), &folder)?;
    let pin = RootPin { server: keys.server(), root: keys.root() };
    Ok(KeyService::Here(Box::new(Vault::open(outside, &folder, pin)?)))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.keys().server())
    }
}
