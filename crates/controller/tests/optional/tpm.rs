//! A11, A19: the controller inside a program asks the TPM itself.

use std::path::Path;
use std::sync::Arc;

use carnet_controller::{Controller, Disapproved, Run};
use carnet_device::Env;
use carnet_device::identity::Binding;
use carnet_device::platform::ThisMachine;
use carnet_testkit::server::offer;
use carnet_testkit::{FakeClock, FakeServer, MemDisk, SeededRandom, customer};

use crate::swtpm::Swtpm;

const NOW: i64 = 1_790_000_000_000_000;
const HOME: &str = "/ann/carnet";

/// A device whose user has agreed to an offer for ever, and the server.
struct World {
    disk: MemDisk,
    clock: FakeClock,
    server: FakeServer,
}

impl World {
    fn with(tpm: &Swtpm) -> Self {
        let clock = FakeClock::at(NOW);
        let world = Self { disk: MemDisk::new(), server: FakeServer::new(clock.clone()), clock };
        let machine = ThisMachine::with_tpm(Some(tpm.way()));
        let binding = Binding::Tpm(&machine);
        let mut passbook = customer::register(&world.server, world.env(), Path::new(HOME), &binding).unwrap();
        let app = "acme/paint".parse().unwrap();
        let state = customer::agree(&mut passbook, &app, &world.server, offer("ever", &["resize"])).unwrap();
        assert_eq!(state.held.unwrap().pass.device_key, passbook.identity().signing_public());
        world.server.set_away(true);
        world
    }

    fn env(&self) -> Env {
        let random = Arc::new(SeededRandom::new(3));
        Env { fs: Arc::new(self.disk.fs()), clock: Arc::new(self.clock.clone()), random }
    }

    /// A start on a machine with this TPM.
    fn start(&self, tpm: &Swtpm) -> Result<Run, Disapproved> {
        let product = self.server.product(&"acme/paint".parse().unwrap()).to_string();
        let builder = Controller::builder(&product).home(HOME).env(self.env());
        let machine = ThisMachine::with_tpm(Some(tpm.way()));
        let builder = builder.net(Arc::new(self.server.clone())).machine(Arc::new(machine));
        builder.without_thread().open()?.start()
    }
}

#[test]
fn a11_a_program_runs_offline_by_a_pass_for_a_key_in_the_tpm_also_while_that_is_away() {
    let mut tpm = Swtpm::new();
    let world = World::with(&tpm);
    let run = world.start(&tpm).unwrap();
    assert!(run.allows("resize"));
    tpm.switch_off();
    run.tick();
    assert!(run.allows("resize"), "what runs goes on");
    let refused = world.start(&tpm).unwrap_err();
    assert_eq!(refused.code, "passbook-unusable");
    assert!(
        refused.message.starts_with("there is no TPM at ") && refused.remedy.contains("CARNET_TPM"),
        "{refused}"
    );
    tpm.switch_on();
    assert!(world.start(&tpm).unwrap().allows("resize"));
}

#[test]
fn a19_a_copy_does_not_run_with_another_tpm_and_says_so() {
    let (tpm, other) = (Swtpm::new(), Swtpm::new());
    let world = World::with(&tpm);
    let refused = world.start(&other).unwrap_err();
    assert_eq!(refused.code, "another-device");
    assert!(refused.message.contains("made with another TPM"), "{refused}");
    assert!(world.start(&tpm).is_ok());
}
