//! The manager at one server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::document::Operation;
use carnet_core::id::Digest;
use carnet_core::journal::State;
use carnet_core::time::Time;
use carnet_device::identity::{IdentityError, Machine};
use carnet_device::passbook::{KnownServer, known_servers};
use carnet_device::place::Place;
use carnet_device::platform::ThisMachine;
use carnet_device::{ContactError, Env, Passbook, PassbookError, asked, contact};
use carnet_seal::{ProductString, ServerUrl};
use carnet_seam::fs::Access;
use carnet_seam::{File, FsError, FsFault, Net, NetError};

use crate::error::ManagerError;
use crate::pin::AskPin;
use crate::server::{Chosen, Wanted, choose};
use crate::way::Way;

/// Makes the way to a server.
pub type Carrier = Arc<dyn Fn(&ServerUrl) -> Box<dyn Net> + Send + Sync>;

/// Everything that a manager needs from outside.
#[derive(Clone)]
pub struct Setup {
    /// Files, clock and random.
    pub env: Env,
    /// Where passbooks are (`CARNET_HOME`).
    pub home: PathBuf,
    /// The machine that identities are bound to.
    pub machine: Arc<dyn Machine>,
    /// How servers are reached.
    pub carrier: Carrier,
    /// For one exchange with a server.
    pub time_limit: Duration,
    /// Asks for the passbook's PIN (A21); none: nobody can be asked.
    pub pin: Option<AskPin>,
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Setup({})", self.home.display())
    }
}

impl Setup {
    /// This machine, and servers over HTTP.
    #[must_use]
    pub fn real(env: Env, home: PathBuf, time_limit: Duration) -> Self {
        let carrier: Carrier = Arc::new(|url| Box::new(carnet_carrier::Http::new(url.as_str())));
        Self { env, home, machine: Arc::new(ThisMachine::default()), carrier, time_limit, pin: None }
    }

    /// The servers that this home has passbooks for (A22).
    ///
    /// # Errors
    /// [`ManagerError::Passbook`] when the home cannot be read.
    pub fn servers(&self) -> Result<Vec<KnownServer>, ManagerError> {
        Ok(known_servers(&self.env, &self.home)?)
    }

    /// The manager at the server that is meant.
    ///
    /// # Errors
    /// [`ManagerError::WhichServer`]; [`ManagerError::Untried`] with the root hash that the server claims, for
    /// somebody to confirm: then it is to be wanted with that hash.
    pub fn at(&self, wanted: &Wanted) -> Result<Manager, ManagerError> {
        match choose(&self.servers()?, wanted)? {
            Chosen::Pinned(server) => Ok(Manager::new(self.clone(), server)),
            Chosen::Untried(url) => {
                let root = self.way(&url).claimed_root()?;
                Err(ManagerError::Untried { url, root })
            }
        }
    }

    /// The address of the server that is meant, for what needs no trust.
    pub(crate) fn address(&self, wanted: &Wanted) -> Result<ServerUrl, ManagerError> {
        Ok(match choose(&self.servers()?, wanted)? {
            Chosen::Pinned(server) => server.url,
            Chosen::Untried(url) => url,
        })
    }

    pub(crate) fn way(&self, url: &ServerUrl) -> Way {
        Way::new(url.clone(), (self.carrier)(url), self.time_limit)
    }
}

/// The user's agent at one server whose root key is pinned.
#[derive(Debug)]
pub struct Manager {
    setup: Setup,
    server: KnownServer,
    way: Way,
    /// The PIN was given.
    unlocked: AtomicBool,
}

impl Manager {
    /// The agent at this server.
    #[must_use]
    pub fn new(setup: Setup, server: KnownServer) -> Self {
        let way = setup.way(&server.url);
        Self { setup, server, way, unlocked: AtomicBool::new(false) }
    }

    pub(crate) fn is_unlocked(&self) -> bool {
        self.unlocked.load(Ordering::Acquire)
    }

    pub(crate) fn set_unlocked(&self) {
        self.unlocked.store(true, Ordering::Release);
    }

    /// At which server.
    #[must_use]
    pub fn server(&self) -> &KnownServer {
        &self.server
    }

    /// Where the passbooks are.
    #[must_use]
    pub fn home(&self) -> &Path {
        &self.setup.home
    }

    /// With which a program that is licensed for this app at this server is opened.
    #[must_use]
    pub fn product(&self, app: &AppId) -> ProductString {
        let root: Digest = self.server.pin.root;
        ProductString { app: app.clone(), url: self.server.url.clone(), root }
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    pub(crate) fn way(&self) -> &Way {
        &self.way
    }

    pub(crate) fn now(&self) -> Time {
        self.setup.env.now()
    }

    /// The passbook, registered or not; none when there is none.
    pub(crate) fn passbook(&self) -> Result<Option<Passbook>, ManagerError> {
        let Setup { env, home, machine, .. } = &self.setup;
        match Passbook::open(env.clone(), home, self.server.pin, &**machine) {
            Err(PassbookError::Identity(IdentityError::Missing(_))) => Ok(None),
            opened => Ok(Some(opened?)),
        }
    }

    /// The passbook, valid (A6): a registration that waits for its answer is finished first.
    pub(crate) fn valid_passbook(&self) -> Result<Passbook, ManagerError> {
        let not_registered = || ManagerError::NotRegistered(self.server.url.clone());
        let mut passbook = self.passbook()?.ok_or_else(not_registered)?;
        self.prove(&mut passbook)?;
        if passbook.user().is_some() { Ok(passbook) } else { Err(not_registered()) }
    }

    /// Sees to it that the passbook knows its user, where the server can help: keys that were lost are fetched,
    /// a registration that waits for its answer is finished.
    pub(crate) fn prove(&self, passbook: &mut Passbook) -> Result<(), ManagerError> {
        if passbook.lacks_keys() {
            self.fetch_keys(passbook)?;
        }
        if passbook.user().is_none() {
            self.resume(passbook, None)?;
        }
        Ok(())
    }

    /// Fetches the server's key set. Where requests are carried by hand, it comes with the answer.
    pub(crate) fn fetch_keys(&self, passbook: &mut Passbook) -> Result<(), ManagerError> {
        match contact::fetch_key_set(passbook, self.way.line()) {
            Err(ContactError::Net(NetError::Carried)) => Ok(()),
            fetched => fetched.map_err(|error| self.of_contact(error)),
        }
    }

    /// Asks the server for an operation, and finishes an earlier one first.
    pub(crate) fn ask(
        &self,
        passbook: &mut Passbook,
        app: Option<&AppId>,
        operation: &Operation,
    ) -> Result<State, ManagerError> {
        self.unlock(passbook)?;
        let state = contact::ask(passbook, app, operation, self.way.line())
            .map_err(|error| self.of_contact(error))?;
        if asked::may_be(&state) {
            // Heard at each contact; a server that says nothing of it changes nothing.
            let _ = asked::ask(passbook, self.way.line());
        }
        Ok(state)
    }

    /// Finishes the open request of a journal; returns what it asked for, if there was one.
    pub(crate) fn resume(
        &self,
        passbook: &mut Passbook,
        app: Option<&AppId>,
    ) -> Result<Option<Operation>, ManagerError> {
        let state = app.map_or_else(|| passbook.look_own(), |app| passbook.look(app))?;
        let Some(open) = state.intent else { return Ok(None) };
        self.unlock(passbook)?;
        contact::resume(passbook, app, self.way.line()).map_err(|error| self.of_contact(error))?;
        Ok(Some(open.operation))
    }

    pub(crate) fn of_contact(&self, error: ContactError) -> ManagerError {
        ManagerError::of_contact(&self.server.url, error)
    }

    /// One manager at a time changes something at this server: of two `agree` at once, the second one finds
    /// what the first one got. Ends when the value is dropped, or its process dies.
    pub(crate) fn turn(&self) -> Result<Turn, ManagerError> {
        let fs = &*self.setup.env.fs;
        let place = Place::open(fs, &self.setup.home, self.server.pin.server)?;
        let path = place.folder().join("manager.lock");
        let file = match fs.create_new(&path) {
            Err(FsError { fault: FsFault::AlreadyExists, .. }) => fs.open(&path, Access::Write)?,
            made => made?,
        };
        // The one before may wait for the server as long as this one may, several times over.
        file.lock(self.setup.time_limit.saturating_mul(4))?;
        Ok(Turn { _lock: file })
    }
}

/// Being the only manager that changes something.
#[derive(Debug)]
pub(crate) struct Turn {
    _lock: Box<dyn File>,
}
