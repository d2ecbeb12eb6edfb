//! A device, a server and a program.

use std::sync::Arc;
use std::time::Duration;

use carnet_controller::{Builder, Controller, Disapproved, Listed, Offer, Run};
use carnet_core::app::AppId;
use carnet_core::document::{Body, Operation};
use carnet_core::journal::State;
use carnet_device::identity::{Binding, GivenMachine};
use carnet_device::{Env, Line, Passbook};
use carnet_seam::{Clock, Crash};
use carnet_testkit::{FakeClock, FakeServer, MemDisk, SeededRandom, customer};

pub const NOW: i64 = 1_790_000_000_000_000;
pub const HOME: &str = "/ann/carnet";

/// One device and its server, each with its own clock.
#[derive(Clone)]
pub struct World {
    pub clock: FakeClock,
    pub server_clock: FakeClock,
    pub server: FakeServer,
    pub disk: MemDisk,
    pub machine: GivenMachine,
    pub random: Arc<SeededRandom>,
}

pub fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

impl World {
    /// A device that nobody has registered.
    pub fn new() -> Self {
        let (clock, server_clock) = (FakeClock::at(NOW), FakeClock::at(NOW));
        Self {
            server: FakeServer::new(server_clock.clone()),
            disk: MemDisk::new(),
            machine: GivenMachine::named("desk"),
            random: Arc::new(SeededRandom::new(7)),
            clock,
            server_clock,
        }
    }

    /// A registered device whose user has agreed to this offer, and so has the first pass.
    pub fn with(offer: Offer) -> Self {
        let world = Self::new();
        world.register();
        world.agree(offer);
        world
    }

    /// The files, clock and random of a new process.
    pub fn env(&self) -> Env {
        self.env_with(Crash::never())
    }

    pub fn env_with(&self, crash: Crash) -> Env {
        Env {
            fs: Arc::new(self.disk.fs_with_crash(crash)),
            clock: Arc::new(self.clock.clone()),
            random: self.random.clone(),
        }
    }

    /// A program in a new process, which looks after its runs itself.
    pub fn builder(&self) -> Builder {
        Controller::builder(&self.server.product(&app()).to_string())
            .home(HOME)
            .env(self.env())
            .net(Arc::new(self.server.clone()))
            .machine(Arc::new(self.machine.clone()))
            .without_thread()
    }

    pub fn controller(&self) -> Controller {
        self.builder().open().unwrap()
    }

    /// A start in a new process.
    pub fn start(&self) -> Result<Run, Disapproved> {
        self.controller().start()
    }

    pub fn passbook(&self) -> Passbook {
        Passbook::open(self.env(), HOME.as_ref(), self.server.pin(), &self.machine).unwrap()
    }

    pub fn state(&self) -> State {
        self.passbook().look(&app()).unwrap()
    }

    pub fn line(&self) -> Line<'_> {
        Line { net: &self.server, time_limit: seconds(10) }
    }

    pub fn register(&self) {
        let binding = Binding::Machine(&self.machine);
        customer::register(&self.server, self.env(), HOME.as_ref(), &binding).unwrap();
    }

    /// The menu has this one offer from now on, and the user agrees to it.
    pub fn agree(&self, offer: Offer) {
        let state = customer::agree(&mut self.passbook(), &app(), &self.server, offer).unwrap();
        assert_eq!(state.refused, None);
    }

    /// What the manager would ask; the menu, where the server refuses.
    pub fn ask(&self, operation: Operation) -> Option<Vec<Listed>> {
        let mut passbook = self.passbook();
        let state = customer::ask(&mut passbook, Some(&app()), &self.server, &operation).unwrap();
        match passbook.last_answer(&state).unwrap().unwrap().body {
            Body::Refusal(refusal) => Some(refusal.menu),
            _ => None,
        }
    }

    /// Time passes for everybody.
    pub fn pass(&self, length: Duration) {
        self.clock.pass(length);
        self.server_clock.pass(length);
    }

    /// Time passes second by second, and the program looks after its run. True when it is still approved.
    pub fn run_for(&self, run: &Run, count: u64) -> bool {
        (0..count).for_each(|_| {
            self.pass(seconds(1));
            run.tick();
        });
        run.allows("resize")
    }

    /// The code of a refused start.
    pub fn refused(&self) -> &'static str {
        self.start().map(|_| ()).unwrap_err().code
    }

    pub fn set_clock(&self, offset: i64) {
        self.clock.set_wall(self.server_clock.wall_micros() + offset);
    }
}

pub const HOUR: i64 = 3_600_000_000;
pub const DAY: i64 = 24 * HOUR;
