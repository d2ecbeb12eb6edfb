//! A device, its user and a licensing server in the hands of a test.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use carnet_controller::{Builder, Controller, ProductString, Version};
use carnet_core::app::AppId;
use carnet_core::document::Operation;
use carnet_core::journal::State;
use carnet_core::license::Act;
use carnet_core::time::Time;
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::{Env, Passbook};
use carnet_seam::{Clock, SystemRandom};
use carnet_testkit::{FakeClock, FakeServer, MemDisk, customer};

use crate::grant::Grant;

/// 2026-09-21T14:13:20Z: every sandbox begins there.
const BEGIN: i64 = 1_790_000_000_000_000;
const HOME: &str = "/sandbox/carnet";

/// A device, its user and a licensing server, all in memory.
///
/// Methods named after what a user, a supplier or the weather does do it at once; every run of every controller
/// from here has noticed it when they return.
pub struct Sandbox {
    app: AppId,
    clock: FakeClock,
    server_clock: FakeClock,
    server: FakeServer,
    disk: MemDisk,
    machine: Mutex<GivenMachine>,
    controllers: Mutex<Vec<Controller>>,
}

impl Sandbox {
    /// A device that nobody has registered.
    ///
    /// # Panics
    /// When this is no app id, as in `acme/paint`.
    #[must_use]
    #[expect(clippy::panic, reason = "a test with a bad name has failed")]
    pub fn unregistered(app: &str) -> Self {
        let app: AppId = app.parse().unwrap_or_else(|wrong| panic!("`{app}` is no app id: {wrong}"));
        let (clock, server_clock) = (FakeClock::at(BEGIN), FakeClock::at(BEGIN));
        Self {
            server: FakeServer::of(app.supplier(), server_clock.clone()),
            app,
            clock,
            server_clock,
            disk: MemDisk::new(),
            machine: Mutex::new(GivenMachine::named("this machine")),
            controllers: Mutex::default(),
        }
    }

    /// A registered device without a license.
    ///
    /// # Panics
    /// As [`Sandbox::unregistered`].
    #[must_use]
    pub fn registered(app: &str) -> Self {
        let sandbox = Self::unregistered(app);
        sandbox.register();
        sandbox
    }

    /// A registered device whose user has this license, and the first pass of it.
    ///
    /// # Panics
    /// As [`Sandbox::unregistered`], and when no server has such an offer.
    #[must_use]
    pub fn granting(app: &str, grant: Grant) -> Self {
        let sandbox = Self::registered(app);
        sandbox.agree(grant);
        sandbox
    }

    /// The controller of a program that has just been started; hand it to the code that is tested.
    #[must_use]
    pub fn controller(&self) -> Controller {
        self.opened(self.builder())
    }

    /// The same for a program that tells its version.
    #[must_use]
    pub fn controller_of(&self, version: Version) -> Controller {
        self.opened(self.builder().version(version))
    }

    #[expect(clippy::expect_used, reason = "the product string comes from the server itself")]
    fn opened(&self, builder: Builder) -> Controller {
        let controller = builder.open().expect("a good product string");
        held(&self.controllers).push(controller.clone());
        controller
    }

    fn builder(&self) -> Builder {
        Controller::builder(&self.product().to_string())
            .home(HOME)
            .env(self.env())
            .net(Arc::new(self.server.clone()))
            .machine(Arc::new(held(&self.machine).clone()))
            .without_thread()
    }

    /// With which the controllers from here are opened.
    #[must_use]
    pub fn product(&self) -> ProductString {
        self.server.product(&self.app)
    }

    /// What the clock shows.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(self.clock.wall_micros())
    }

    /// The user registers this device.
    #[expect(clippy::expect_used, reason = "nothing but a broken disk is in the way")]
    pub fn register(&self) {
        let machine = held(&self.machine).clone();
        let binding = Binding::Machine(&machine);
        customer::register(&self.server, self.env(), HOME.as_ref(), &binding).expect("registered");
    }

    /// The menu of the app has this from now on, and nothing else.
    ///
    /// # Panics
    /// When no server has such an offer.
    pub fn offer(&self, grant: Grant) {
        self.server.put_menu(&self.app, vec![grant.into_offer()]);
    }

    /// The same, and the user agrees to it.
    ///
    /// # Panics
    /// When no server has such an offer, or the device is not registered.
    #[expect(clippy::expect_used, reason = "a test whose device cannot agree has failed")]
    pub fn agree(&self, grant: Grant) {
        let offer = grant.into_offer();
        customer::agree(&mut self.passbook(), &self.app, &self.server, offer).expect("agreed");
        self.tick();
    }

    /// Time passes, and programs that run go on running. Second by second: a day takes a while.
    pub fn time_passes(&self, length: Duration) {
        (0..length.as_secs()).for_each(|_| {
            self.sleep(Duration::from_secs(1));
        });
    }

    /// Time passes, and the machine sleeps meanwhile. What ends with the calendar ends; of run time it costs what is
    /// left of the 30 seconds that are recorded ahead.
    pub fn sleep(&self, length: Duration) {
        self.clock.pass(length);
        self.server_clock.pass(length);
        self.tick();
    }

    /// Sleeps until the pass has ended, its grace too.
    ///
    /// # Panics
    /// When nothing ends it.
    #[expect(clippy::expect_used, reason = "a test that waits for ever has failed")]
    pub fn expire(&self) {
        let (ends, grace) = self.state().ends();
        let end = grace.or(ends).expect("a pass that ends");
        self.sleep(Duration::from_micros(end.0.saturating_sub(self.now().0).unsigned_abs()));
    }

    /// Another instance on this device uses up every use of the license.
    ///
    /// # Panics
    /// When uses are not counted.
    #[expect(clippy::expect_used, reason = "a test that counts what is not counted has failed")]
    pub fn use_up(&self) {
        let other = self.controller();
        while let Ok(run) = other.start() {
            let left = run.remaining().uses_in_pass.expect("uses are counted");
            let _ = run.consume(left);
        }
        self.tick();
    }

    /// The supplier revokes the license, and this device hears of it.
    pub fn revoke(&self) {
        self.act(Act::Revoke);
    }

    /// The supplier suspends the license, and this device hears of it: runs go on to the end of the pass, the
    /// next start is refused.
    pub fn suspend(&self) {
        self.act(Act::Suspend);
    }

    /// The supplier takes that back.
    pub fn reinstate(&self) {
        self.act(Act::Reinstate);
    }

    fn act(&self, act: Act) {
        self.server.licenses().iter().for_each(|license| {
            self.server.act(license.id, act);
        });
        self.ask(&Operation::Renew { uses: 0 });
    }

    /// The user takes the license to another device.
    pub fn move_away(&self) {
        self.ask(&Operation::Export);
    }

    /// What the manager asks; nobody may be there to answer.
    fn ask(&self, operation: &Operation) {
        let _ = customer::ask(&mut self.passbook(), Some(&self.app), &self.server, operation);
        self.tick();
    }

    /// The network is away.
    pub fn go_offline(&self) {
        self.server.set_away(true);
    }

    /// The network is there again.
    pub fn go_online(&self) {
        self.server.set_away(false);
        self.tick();
    }

    /// Somebody sets the clock back. The server's clock is not wrong.
    pub fn set_clock_back(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.clock.set_wall(self.clock.wall_micros().saturating_sub(by));
        self.tick();
    }

    /// Nothing can be written any more.
    pub fn fill_disk(&self) {
        let bytes: usize = self.disk.files().values().map(Vec::len).sum();
        self.disk.set_capacity(Some(bytes as u64));
    }

    /// There is room again.
    pub fn free_disk(&self) {
        self.disk.set_capacity(None);
    }

    /// From now on programs are started on another machine, to which the passbook was copied.
    pub fn copy_to_another_machine(&self) {
        *held(&self.machine) = GivenMachine::named("another machine");
    }

    fn env(&self) -> Env {
        let (fs, clock) = (Arc::new(self.disk.fs()), Arc::new(self.clock.clone()));
        Env { fs, clock, random: Arc::new(SystemRandom) }
    }

    #[expect(clippy::expect_used, reason = "a test without a registered device has failed")]
    fn passbook(&self) -> Passbook {
        let machine = held(&self.machine).clone();
        Passbook::open(self.env(), HOME.as_ref(), self.server.pin(), &machine).expect("a registered device")
    }

    #[expect(clippy::expect_used, reason = "a test without a journal has failed")]
    fn state(&self) -> State {
        self.passbook().look(&self.app).expect("a journal")
    }

    /// Every run notices what has happened.
    fn tick(&self) {
        let controllers = held(&self.controllers).clone();
        controllers.iter().for_each(Controller::tick);
    }
}

/// Whether a program that is opened with this product string trusts the sandboxes, whose keys everybody has. One
/// that is shipped must not.
///
/// ```
/// use carnet_sandbox::{Sandbox, is_sandbox};
///
/// assert!(is_sandbox(&Sandbox::unregistered("acme/paint").product().to_string()));
/// assert!(!is_sandbox("no product string at all"));
/// ```
#[must_use]
pub fn is_sandbox(product: &str) -> bool {
    let root = FakeServer::new(FakeClock::at(BEGIN)).pin().root;
    product.parse::<ProductString>().is_ok_and(|product| product.root == root)
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sandbox({} at {})", self.app, self.now())
    }
}
