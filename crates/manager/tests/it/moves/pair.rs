//! Two devices of one user, and a stick that both can see.

use std::path::Path;
use std::sync::Arc;

use carnet_core::app::AppId;
use carnet_core::journal::PassStatus;
use carnet_device::Passbook;
use carnet_device::identity::GivenMachine;
use carnet_device::medium::Folder;
use carnet_manager::moves::{Export, Import, MoveOutcome, Moved};
use carnet_manager::register::{Identity, Newcomer, Who};
use carnet_manager::{Manager, ManagerError};

use crate::world::{World, app};

/// A device, with its machine and home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Laptop,
    Desk,
}

pub struct Pair {
    pub world: World,
}

pub const STICK: &str = "/media/stick";

impl Pair {
    /// Both devices are registered, the license is on the laptop, the stick is plugged in.
    pub fn new() -> Self {
        let world = World::new();
        let user = world.register().unwrap().user;
        let pair = Self { world };
        let code = pair.manager(On::Laptop).invite().unwrap().code.secret;
        assert_eq!(pair.manager(On::Desk).register(&desk(Who::Code(code))).unwrap().user, user);
        pair.world.agree().unwrap();
        pair.world.disk.put("/media/stick/holiday.txt", b"sun");
        pair
    }

    /// A new process.
    pub fn manager(&self, on: On) -> Manager {
        self.process(on, self.world.disk.fs())
    }

    pub fn process(&self, on: On, fs: carnet_testkit::MemFs) -> Manager {
        match on {
            On::Laptop => self.world.manager_of("laptop", "/carnet", fs),
            On::Desk => self.world.manager_of("desk", "/desk", fs),
        }
    }

    pub fn stick(&self) -> Folder {
        Folder::open(Arc::new(self.world.disk.fs()), Path::new(STICK)).unwrap()
    }

    pub fn export(&self) -> Result<Export, ManagerError> {
        self.manager(On::Laptop).export(&[app()], &self.stick())
    }

    pub fn import(&self, on: On) -> Result<Import, ManagerError> {
        self.manager(on).import(&[], &self.stick())
    }

    pub fn runs(&self, on: On) -> bool {
        self.manager(on).passes().unwrap().iter().any(|pass| pass.app == app() && pass.runs)
    }

    /// What the journal says of the pass, without asking anybody.
    pub fn status(&self, on: On) -> Option<PassStatus> {
        self.passbook(on).look(&app()).unwrap().pass_status()
    }

    pub fn passbook(&self, on: On) -> Passbook {
        let (machine, home) = match on {
            On::Laptop => ("laptop", "/carnet"),
            On::Desk => ("desk", "/desk"),
        };
        let env = carnet_device::Env {
            fs: Arc::new(self.world.disk.fs()),
            clock: Arc::new(self.world.clock.clone()),
            random: self.world.random.clone(),
        };
        Passbook::open(env, home.as_ref(), self.world.server.pin(), &GivenMachine::named(machine)).unwrap()
    }

    /// Uses and rights: what is left, held and on its way, of the only license.
    pub fn books(&self) -> (u64, u64, u64) {
        let license = self.world.server.licenses().remove(0);
        let uses = license.uses.unwrap();
        (uses.remaining, uses.held, uses.moving)
    }
}

/// Another device, of whoever it says.
pub fn desk(who: Who) -> Newcomer {
    Newcomer { who, device_name: "desk".into(), device_maker: None, identity: Identity::Machine }
}

/// The only app's outcome, and the code of its refusal.
pub fn only(moved: &[Moved]) -> (MoveOutcome, Option<&str>) {
    let [one] = moved else { panic!("{moved:?}") };
    (one.outcome, one.why.as_ref().map(|why| why.code.as_str()))
}

pub fn other_app() -> AppId {
    "acme/ink".parse().unwrap()
}
