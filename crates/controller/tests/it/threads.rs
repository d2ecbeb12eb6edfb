//! With the controller's own thread, on this machine's own clock and disk.

use std::sync::Arc;
use std::time::Duration;

use carnet_controller::{Builder, Controller};
use carnet_device::Env;
use carnet_seam::SystemClock;
use carnet_testkit::FakeServer;

use crate::duration::duration;
use crate::world::{World, app, seconds};

/// The world's device in a folder of this machine.
struct Real {
    home: std::path::PathBuf,
    world: World,
    server: FakeServer,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

impl Real {
    fn new(name: &str, offer: carnet_controller::Offer) -> Self {
        let mut world = World::new();
        let home = std::env::temp_dir().join(format!("carnet-controller-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        let server = FakeServer::new(SystemClock);
        world.server = server.clone();
        let now = carnet_seam::Clock::wall_micros(&SystemClock);
        world.clock.set_wall(now);
        world.register();
        world.agree(offer);
        for (path, bytes) in world.disk.files() {
            let to = home.join(path.strip_prefix(crate::world::HOME).unwrap());
            carnet_seam::fs::create_folders(&carnet_seam::RealFs::default(), to.parent().unwrap()).unwrap();
            carnet_seam::fs::replace_file(&carnet_seam::RealFs::default(), &to, &bytes).unwrap();
        }
        Self { home, world, server }
    }

    fn builder(&self) -> Builder {
        Controller::builder(&self.server.product(&app()).to_string())
            .home(&self.home)
            .env(Env::real())
            .net(Arc::new(self.server.clone()))
            .machine(Arc::new(self.world.machine.clone()))
    }
}

fn micros() -> u64 {
    carnet_seam::Clock::boot_micros(&SystemClock)
}

#[test]
fn a_gate_closes_within_a_second_of_the_end_and_listeners_are_told() {
    let real = Real::new("gate", duration(2, None));
    let run = real.builder().open().unwrap().start().unwrap();
    let (gate, started) = (run.gate("resize"), micros());
    assert!(gate.is_open());
    let told = run.wait_disapproved(seconds(20)).unwrap();
    let ran = micros() - started;
    assert_eq!(told.code, "exhausted");
    assert!(!gate.is_open());
    assert!((1_900_000..4_000_000).contains(&ran), "{ran} µs; a busy machine may take longer than a second");
}

#[test]
fn the_next_slice_comes_in_the_background_on_a_thread_of_its_own() {
    let real = Real::new("slice", duration(3, Some(1)));
    let run = real.builder().start_wait(Duration::from_secs(5)).open().unwrap().start().unwrap();
    let started = micros();
    assert!(run.wait_disapproved(seconds(20)).is_some());
    let ran = micros() - started;
    assert!((2_900_000..6_000_000).contains(&ran), "{ran} µs");
}

#[test]
fn a_run_may_be_dropped_by_its_own_listener() {
    let real = Real::new("listener", duration(1, None));
    let run = Arc::new(std::sync::Mutex::new(Some(real.builder().open().unwrap().start().unwrap())));
    let theirs = run.clone();
    let (said, heard) = std::sync::mpsc::channel();
    run.lock().unwrap().as_ref().unwrap().on_disapproved(move |_| {
        drop(theirs.lock().unwrap().take());
        said.send(()).unwrap();
    });
    heard.recv_timeout(seconds(20)).unwrap();
    assert!(run.lock().unwrap().is_none());
}
