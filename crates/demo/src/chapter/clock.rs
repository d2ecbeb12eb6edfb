//! A clock that is turned back gains nothing, and an honest one is mended (D3).
//!
//! Debian's `faketime` shows a program another time, so that no clock of this machine is touched. Where it is not installed,
//! the step is left out, and says so.

use super::World;
use crate::device::Device;
use crate::line::Line;
use crate::ran::Ran;
use crate::surprise::Surprise;

/// The rest is told before, while the server answers.
pub(super) fn tell(world: &mut World<'_>, eva: &Device<'_>, app: &str) -> Result<(), Surprise> {
    let found = world.stage.run(&world.stage.system_line("sh").args(["-c", "command -v faketime"]))?;
    if found.code != Some(0) {
        world.stage.voice().tell(
            "(A step is left out here, about a clock that is turned back: install `faketime` to see it.)",
        );
        return Ok(());
    }
    // A pass to run by, before the network goes.
    eva.ask(&["renew", app])?.exits(0)?;
    world.server.stop()?;
    let offline = offline(world, eva, app);
    world.server.start_again()?;
    let refused = offline?;
    let opened = judged(world, eva, app)?;
    opened.exits(0)?.says("within contract")?.says("starts were refused: clock-behind")?;
    let sentence = "Without the network Eva's clock falls back by a month, as with an empty battery: nothing runs until it is right again, or one contact mends it. \
         acme reads it in the next report, and nobody is accused.";
    world.stage.voice().step(&refused, sentence);
    Ok(())
}

fn offline(world: &World<'_>, eva: &Device<'_>, app: &str) -> Result<Ran, Surprise> {
    let run = eva.carnet().args(["--json", "--no-input", "run", app, "--", "true"]);
    let refused = world.stage.run(&at(world, "-30d", &run))?;
    refused.fails(6, "server-unreachable")?;
    refused.says("the clock is set before")?;
    world.stage.run(&run)?.exits(0)?;
    Ok(refused)
}

/// The same command at another time of day; how long things take stays as it is.
fn at(world: &World<'_>, when: &str, line: &Line) -> Line {
    let faked = world.stage.system_line("faketime").args(["-f", when]).of(line);
    faked.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1")
}

fn judged(world: &World<'_>, eva: &Device<'_>, app: &str) -> Result<Ran, Surprise> {
    let to = world.stage.path("clock").to_string_lossy().into_owned();
    eva.ask(&["report", app, "--to", &to])?.exits(0)?;
    world.stage.run(&world.acme.carnet().args(["--no-input", "supplier", "open", &to]))
}
