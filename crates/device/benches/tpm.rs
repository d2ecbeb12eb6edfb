//! What keys in a TPM cost: making an identity, opening it, signing with it, beside one whose keys lie in its file.
//! Prints `name | median | least | most`. Without CARNET_TPM the TPM is a program, `swtpm`; chips are slower.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement that cannot go on has failed")]
#![expect(
    clippy::disallowed_methods,
    reason = "a measurement needs the finest clock, and is told which TPM to use"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use carnet_core::id::ServerId;
use carnet_device::identity::{Binding, DeviceIdentity, GivenMachine};
use carnet_device::platform::ThisMachine;
use carnet_seal::VerifyingKey;
use carnet_seam::SystemRandom;
use carnet_testkit::MemDisk;

#[path = "../tests/optional/swtpm.rs"]
mod swtpm;

const ROUNDS: usize = 50;

fn main() {
    let named = std::env::var("CARNET_TPM").ok();
    let soft = named.is_none().then(swtpm::Swtpm::new);
    let way = named.or_else(|| soft.as_ref().map(swtpm::Swtpm::way));
    println!("TPM: {}\nname | median | least | most", way.as_deref().unwrap_or_default());
    let tpm = ThisMachine::with_tpm(way);
    measure("in the TPM", &Binding::Tpm(&tpm));
    measure("in a file", &Binding::Machine(&GivenMachine::named("bench")));
}

fn measure(place: &str, binding: &Binding<'_>) {
    let (path, server) = (Path::new("/ann/carnet/identity"), ServerId([1; 16]));
    let make = |disk: &MemDisk| {
        DeviceIdentity::open_or_create(&disk.fs(), path, server, binding, &SystemRandom).unwrap()
    };
    show(place, "make an identity", || drop(make(&MemDisk::new())));
    let disk = MemDisk::new();
    let made = make(&disk);
    show(place, "open it", || drop(DeviceIdentity::open(&disk.fs(), path, server, binding).unwrap()));
    show(place, "sign", || assert!(made.signer().sign(b"a request").is_ok()));
    let (key, signature) = (made.signing_public(), made.signer().sign(b"a request").unwrap());
    let key = VerifyingKey::of_device(key).unwrap();
    show(place, "check its signature, as the server does", || {
        assert!(key.verify(b"a request", &signature).is_ok());
    });
}

fn show(place: &str, what: &str, work: impl Fn()) {
    let mut times: Vec<_> = (0..ROUNDS).map(|_| timed(&work)).collect();
    times.sort();
    let [median, least, most] = [times[ROUNDS / 2], times[0], times[ROUNDS - 1]].map(millis);
    println!("{place}: {what} | {median} | {least} | {most}");
}

fn timed(work: &impl Fn()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn millis(time: Duration) -> String {
    format!("{:.3} ms", time.as_secs_f64() * 1e3)
}
