//! A license for some seconds ends while the program runs.

use std::path::Path;
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

use super::World;
use crate::device::Device;
use crate::files;
use crate::surprise::Surprise;

const APP: &str = "acme/clock";
/// What the offer `seconds` of the clock is good for.
const SOLD: Duration = Duration::from_secs(4);
/// How long the program may go on after it was asked to end.
const GRACE: Duration = Duration::from_secs(1);
/// What a busy machine may add.
const TOLERANCE: Duration = Duration::from_secs(6);
/// Asked to end, it notes that and goes on. It ends by itself only without `carnet run`, so that nothing is left
/// of a performance that was broken off.
const STUBBORN: &str = "trap 'echo asked >> asked.txt' TERM; echo $$ > clock.pid; \
    while kill -0 $PPID 2> /dev/null; do sleep 0.2; done";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let stage = world.stage;
    let bob = Device::new(stage, "bob")?;
    bob.register(&world.product(APP)?, "Bob")?;
    let line = bob.carnet().args(["--json", "--no-input", "run", APP, "--offer", "seconds", "--yes"]);
    let line = line.args(["--grace-seconds", &GRACE.as_secs().to_string(), "--", "sh", "-c", STUBBORN]);
    let began = SystemClock.boot_micros();
    let ran = stage.run(&line)?;
    let took = Duration::from_micros(SystemClock.boot_micros() - began);
    ran.exits(4)?.says("\"event\":\"approved\"")?.says("\"event\":\"disapproved\"")?;
    let expected = format!(
        "that it is ended {} s to {} s after its start",
        SOLD.as_secs(),
        (SOLD + GRACE + TOLERANCE).as_secs()
    );
    stage.check(
        took >= SOLD && took <= SOLD + GRACE + TOLERANCE,
        expected,
        format!("{} ms", took.as_millis()),
    )?;
    let asked = files::text(&stage.path("asked.txt"))?;
    stage.check(asked.lines().count() == 1, "that it was asked to end, once", format!("{asked:?}"))?;
    let id = files::text(&stage.path("clock.pid"))?;
    let gone = !Path::new("/proc").join(id.trim()).exists();
    stage.check(gone, "that the program is gone", format!("process {} is still there", id.trim()))?;
    bob.run(APP, &["true"])?.fails(4, "exhausted")?;
    let license = ran_license(world, &bob)?;
    license.is("/validity/status", "exhausted")?.is("/validity/seconds/used", SOLD.as_secs())?;
    let sentence = format!(
        "Bob's license is for {} seconds of running. When they are over his program is asked to end, and {} s later it is ended (exit code 4 after {:.1} s).",
        SOLD.as_secs(),
        GRACE.as_secs(),
        took.as_secs_f64()
    );
    stage.voice().step(&ran, &sentence);
    Ok(())
}

fn ran_license(world: &World<'_>, bob: &Device<'_>) -> Result<crate::facts::Facts, Surprise> {
    world.license(&bob.pass(APP)?.text("/license")?)
}
