//! One server, one device, one user who wants one license.

use std::sync::Arc;
use std::time::Duration;

use carnet_api::menu::{ListedOffer, MenuView};
use carnet_core::app::AppId;
use carnet_core::document::Person;
use carnet_core::offer::{Menu, Offer};
use carnet_core::term::{Slice, Term};
use carnet_device::Env;
use carnet_device::identity::{Component, GivenMachine};
use carnet_device::passbook::KnownServer;
use carnet_manager::agree::Outcome;
use carnet_manager::register::{Identity, Newcomer, Registered, Who};
use carnet_manager::{Carrier, Manager, ManagerError, Setup};
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, MemFs, SeededRandom};

pub struct World {
    pub clock: FakeClock,
    pub server: FakeServer,
    pub disk: MemDisk,
    pub random: Arc<SeededRandom>,
}

pub fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

/// Two uses, one at a time.
pub fn two_runs() -> Offer {
    let term = Term { uses: Some(2), ..Term::PERPETUAL };
    Offer { term, pass_term: Slice { uses: Some(1), ..Slice::WHOLE }, ..offer("two-runs", &["resize"]) }
}

impl World {
    pub fn new() -> Self {
        let clock = FakeClock::at(1_790_000_000_000_000);
        let server = FakeServer::new(clock.clone());
        server.put_menu(&app(), vec![two_runs()]);
        Self { clock, server, disk: MemDisk::new(), random: Arc::new(SeededRandom::new(7)) }
    }

    /// A new process on the device.
    pub fn manager(&self) -> Manager {
        self.manager_of("laptop", "/carnet", self.disk.fs())
    }

    /// A new process on the device, whose disk is another one, restored from a backup.
    pub fn manager_with_other_disk(&self) -> Manager {
        let machine = GivenMachine::named("laptop").with(Component::Disk, Some("a new one"));
        self.manager_on(machine, "/carnet", self.disk.fs())
    }

    /// A new process on a device of its own, with this home.
    pub fn manager_of(&self, machine: &str, home: &str, fs: MemFs) -> Manager {
        self.manager_on(GivenMachine::named(machine), home, fs)
    }

    fn manager_on(&self, machine: GivenMachine, home: &str, fs: MemFs) -> Manager {
        let server = self.server.clone();
        let carrier: Carrier = Arc::new(move |_| Box::new(server.clone()));
        let env = Env { fs: Arc::new(fs), clock: Arc::new(self.clock.clone()), random: self.random.clone() };
        let machine = Arc::new(machine);
        let time_limit = Duration::from_secs(5);
        let setup = Setup { env, home: home.into(), machine, carrier, time_limit, pin: None };
        Manager::new(setup, KnownServer { url: self.server.url(), pin: self.server.pin() })
    }

    /// The first offer as it stands in the menu now.
    pub fn listed(&self) -> ListedOffer {
        let offers = self.server.menu(&app());
        MenuView::new(app(), &Menu { serial: 1, offers }).offers.remove(0)
    }

    pub fn register(&self) -> Result<Registered, ManagerError> {
        self.manager().register(&ann())
    }

    pub fn agree(&self) -> Result<Outcome, ManagerError> {
        self.manager().agree(&app(), &self.listed(), false)
    }
}

pub fn ann() -> Newcomer {
    let person = Person {
        name: "Ann Example".into(),
        email: "ann@example.org".into(),
        address: None,
        telephone: None,
        payment_reference: None,
    };
    Newcomer {
        who: Who::NewUser(person),
        device_name: "laptop".into(),
        device_maker: None,
        identity: Identity::Machine,
    }
}
