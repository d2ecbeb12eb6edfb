//! Opening the controller, and starting runs.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use carnet_carrier::Http;
use carnet_core::app::Version;
use carnet_core::device::{Disapproval, Input};
use carnet_core::id::RunId;
use carnet_core::journal::State;
use carnet_device::identity::{IdentityError, Machine};
use carnet_device::place;
use carnet_device::platform::ThisMachine;
use carnet_device::usage::{Details, note_copy};
use carnet_device::{Env, Passbook, PassbookError};
use carnet_seal::ProductString;
use carnet_seam::{Net, random};

use crate::desk::{Desk, Refused};
use crate::disapproved::{Disapproved, Why};
use crate::holding::Holding;
use crate::keeper::Keeper;
use crate::run::Run;

/// The longest that a start waits for the server, unless [`Builder::start_wait`] says otherwise.
pub const START_WAIT: Duration = Duration::from_secs(3);

/// The run that a program is started as part of, for its own controller: `carnet run` sets it. The use that was
/// counted for the start is this program's then; it is not counted again.
pub const LAUNCHED_BY: &str = "CARNET_RUN";

/// The license controller inside a program: approves runs or disapproves them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Controller {
    site: Arc<Site>,
}

/// What a controller is opened with, beyond the product string.
#[derive(Debug)]
#[must_use]
pub struct Builder {
    product: String,
    home: Option<PathBuf>,
    env: Env,
    net: Option<Arc<dyn Net>>,
    machine: Arc<dyn Machine>,
    version: Option<Version>,
    launched_by: Option<RunId>,
    start_wait: Duration,
    ticking: Ticking,
}

/// Who looks after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticking {
    ByThread,
    ByProgram,
}

/// Everything that runs of one controller have in common.
#[derive(Debug)]
pub(crate) struct Site {
    pub product: ProductString,
    home: PathBuf,
    pub env: Env,
    pub net: Arc<dyn Net>,
    machine: Arc<dyn Machine>,
    pub version: Option<Version>,
    launched_by: Option<RunId>,
    pub start_wait: Duration,
    pub ticking: Ticking,
    /// Those that the program looks after itself.
    runs: Mutex<Vec<Weak<Keeper>>>,
}

impl Controller {
    /// Opens the controller with a product string, which the supplier's tools print and the program has
    /// compiled in. Touches neither disk nor network.
    ///
    /// # Errors
    /// [`Disapproved`] with `bad-product` or `no-home`.
    pub fn open(product: &str) -> Result<Self, Disapproved> {
        Self::builder(product).open()
    }

    /// The same with other surroundings than this machine's.
    pub fn builder(product: &str) -> Builder {
        Builder {
            product: product.to_owned(),
            home: None,
            env: Env::real(),
            net: None,
            machine: Arc::new(ThisMachine::with_tpm(usual_tpm())),
            version: None,
            launched_by: None,
            start_wait: START_WAIT,
            ticking: Ticking::ByThread,
        }
    }

    /// The product that this controller was opened with.
    #[must_use]
    pub fn product(&self) -> &ProductString {
        &self.site.product
    }

    /// Approves a run or disapproves it (A8, A11). Where uses are counted, the start is one of them.
    ///
    /// A good pass is enough: no server is asked then (D4), except for uses that are counted there. Else the
    /// server is asked, and this waits for it, at most for the start-up wait. An approved start is on record
    /// when this returns.
    ///
    /// # Errors
    /// [`Disapproved`], with what the user can do about it.
    pub fn start(&self) -> Result<Run, Disapproved> {
        let mut desk = Desk::open(&self.site)?;
        let run = RunId(random::bytes(&*self.site.env.random)?);
        desk.details = Some(Details::of(&desk.passbook, &self.site.machine, run, self.site.version)?);
        match self.record_start(&mut desk, run) {
            Ok(state) => Run::new(Keeper::new(desk, run, state)?),
            Err(refused) => {
                if let Some(why) = refused.why {
                    desk.note(why);
                }
                Err(refused.told)
            }
        }
    }

    /// The start becomes part of the run that launched this program, where that is possible.
    fn record_start(&self, desk: &mut Desk, run: RunId) -> Result<State, Refused> {
        let version = self.site.version;
        let joined = self.site.launched_by.map(|of| desk.settle(&Input::Join { run, of, version }, 1));
        match joined {
            // It is over, of another app, or another program was faster.
            None | Some(Err(Refused { why: Some(Why::Pass(Disapproval::RunEnded)), .. })) => {
                desk.settle(&Input::Start { run, version }, 1)
            }
            Some(joined) => joined,
        }
    }

    /// Looks after all runs of this controller and its clones, as [`Run::tick`] does for one: for programs that
    /// were opened with [`Builder::without_thread`] and do not have their runs at hand.
    pub fn tick(&self) {
        self.site.runs().iter().filter_map(Weak::upgrade).for_each(|keeper| {
            let _ = keeper.tick();
        });
    }

    /// What the pass on this device allows, for showing it: nothing is started, counted, recorded or asked.
    /// None when there never was a pass.
    ///
    /// # Errors
    /// [`Disapproved`] when the passbook cannot be used.
    pub fn holding(&self) -> Result<Option<Holding>, Disapproved> {
        Holding::look(&Desk::open(&self.site)?)
    }
}

impl Site {
    /// From now on [`Controller::tick`] looks after this run too.
    pub fn looks_after(&self, keeper: &Arc<Keeper>) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(keeper));
    }

    /// A copy, so that a listener may start another run.
    fn runs(&self) -> Vec<Weak<Keeper>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The passbook of this device at the product's server, its receipt unread.
    pub fn passbook(&self) -> Result<Passbook, Disapproved> {
        let (env, pin) = (self.env.clone(), self.product.pin());
        let opened = Passbook::without_receipt(env, &self.home, pin, &*self.machine);
        opened.map_err(|error| match error {
            PassbookError::Identity(IdentityError::Missing(_)) => {
                Disapproved::not_registered(&self.product.url)
            }
            error => {
                let copied = IdentityError::is_of_another_machine;
                if matches!(&error, PassbookError::Identity(error) if copied(error)) {
                    // For the supplier to see, if this copy ever reports. Whether that works changes nothing here.
                    let (env, pin, app) = (&self.env, self.product.pin(), &self.product.app);
                    let _ = note_copy(env, &self.home, pin, app, &self.machine);
                }
                error.into()
            }
        })
    }
}

impl Builder {
    /// Where the passbook lies. Otherwise `CARNET_HOME`, else `carnet` in the user's data folder.
    pub fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }

    /// Files, clock and random.
    pub fn env(mut self, env: Env) -> Self {
        self.env = env;
        self
    }

    /// The way to the server. Otherwise HTTP to the address in the product string.
    pub fn net(mut self, net: Arc<dyn Net>) -> Self {
        self.net = Some(net);
        self
    }

    /// The machine that the passbook is bound to.
    pub fn machine(mut self, machine: Arc<dyn Machine>) -> Self {
        self.machine = machine;
        self
    }

    /// The program's version, for offers that cover a range of versions. Without one, every offer covers it.
    pub fn version(mut self, version: Version) -> Self {
        self.version = Some(version);
        self
    }

    /// The run that this program is started as part of. Otherwise what the environment says ([`LAUNCHED_BY`]).
    pub fn launched_by(mut self, run: RunId) -> Self {
        self.launched_by = Some(run);
        self
    }

    /// The longest that [`Controller::start`] and [`Run::consume`] wait for the server, over all exchanges.
    pub fn start_wait(mut self, wait: Duration) -> Self {
        self.start_wait = wait;
        self
    }

    /// Starts no threads: the program calls [`Run::tick`] or [`Controller::tick`] at least once a second. Time between two calls that
    /// are further apart is not counted, and what ends in between is noticed late.
    pub fn without_thread(mut self) -> Self {
        self.ticking = Ticking::ByProgram;
        self
    }

    /// Opens the controller.
    ///
    /// # Errors
    /// [`Disapproved`] with `bad-product` or `no-home`.
    pub fn open(self) -> Result<Controller, Disapproved> {
        let product: ProductString =
            self.product.parse().map_err(|error: carnet_seal::product::NotAProduct| {
                let remedy = "a mistake of the program: ask its supplier";
                Disapproved::new("bad-product", error.to_string(), remedy)
            })?;
        let home = self.home.or_else(usual_home).ok_or_else(|| {
            let message = "there is no folder for the passbook".to_owned();
            Disapproved::new("no-home", message, "set CARNET_HOME to a folder of your own")
        })?;
        let net = self.net.unwrap_or_else(|| Arc::new(Http::new(product.url.as_str())));
        let launched_by = self.launched_by.or_else(launcher);
        let Self { env, machine, version, start_wait, ticking, .. } = self;
        let runs = Mutex::default();
        let site = Site { product, home, env, net, machine, version, launched_by, start_wait, ticking, runs };
        Ok(Controller { site: Arc::new(site) })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library has no `main` in which to read the environment; a program hands over `home` instead"
)]
fn usual_home() -> Option<PathBuf> {
    place::home(|name| std::env::var_os(name))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library has no `main` in which to read the environment; a program hands over `machine` instead"
)]
fn usual_tpm() -> Option<String> {
    std::env::var("CARNET_TPM").ok().filter(|way| !way.is_empty())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a library has no `main` in which to read the environment; a program hands over `launched_by` instead"
)]
fn launcher() -> Option<RunId> {
    std::env::var(LAUNCHED_BY).ok()?.parse().ok()
}
