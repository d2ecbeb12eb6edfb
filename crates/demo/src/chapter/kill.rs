//! The server is killed in the middle of its work, several times.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

use super::World;
use super::world::Balance;
use crate::device::Device;
use crate::files;
use crate::stage::Stage;
use crate::surprise::Surprise;

const APP: &str = "acme/clock";
const NAMES: [&str; 4] = ["Carl", "Dora", "Emil", "Fay"];
const USES: usize = 10;
/// The server is killed when so many runs have succeeded in all.
const KILLS: [usize; 6] = [4, 10, 16, 22, 28, 34];
/// All of them together take some seconds.
const PATIENCE: Duration = Duration::from_secs(60);
/// So often a device may find no server in all.
const MOST_FAILED: usize = 250;
/// A device that cannot reach the server tries again after this.
const PAUSE: Duration = Duration::from_millis(40);

/// A user with a license for ten uses.
struct Player<'s> {
    device: Device<'s>,
    license: String,
    runs: String,
}

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let players = players(world)?;
    let done = &AtomicUsize::new(0);
    let stage = world.stage;
    let failed = thread::scope(|scope| {
        let start = |player| scope.spawn(move || use_all(stage, player, done));
        let loops: Vec<_> = players.iter().map(start).collect();
        let killed = kill_and_start_again(world, &players, done);
        let mut all = Failed::default();
        for one in loops {
            let failed = one.join().unwrap_or_else(|_| Err(panicked()))?;
            all = Failed { absent: all.absent + failed.absent, cut: all.cut + failed.cut };
        }
        killed.map(|()| all)
    })?;
    let sentence = format!(
        "Four devices make {} runs with a pass for each, while the server is killed {} times without warning. \
         {} attempts lose it in the middle of an exchange, {} find none; all runs succeed in the end.",
        USES * players.len(),
        KILLS.len(),
        failed.cut,
        failed.absent,
    );
    stage.voice().tell(&sentence);
    nothing_is_lost_and_nothing_doubled(world, &players)
}

fn panicked() -> Surprise {
    Surprise::new("that the loop ends", "it panicked")
}

fn players<'s>(world: &World<'s>) -> Result<Vec<Player<'s>>, Surprise> {
    let product = world.product(APP)?;
    let player = |name: &str| {
        let device = Device::new(world.stage, &name.to_lowercase())?;
        device.register(&product, name)?;
        let license = device.agree(APP, "ten-runs")?.text("/pass/license")?;
        Ok(Player { device, license, runs: format!("{}.runs", name.to_lowercase()) })
    };
    NAMES.into_iter().map(player).collect()
}

/// Attempts that failed.
#[derive(Clone, Copy, Default)]
struct Failed {
    /// No server was there.
    absent: usize,
    /// It was gone before it had answered.
    cut: usize,
}

/// Runs until all uses are made.
fn use_all(stage: &Stage, player: &Player<'_>, done: &AtomicUsize) -> Result<Failed, Surprise> {
    let program = format!("echo ran >> {}", player.runs);
    let mut failed = Failed::default();
    let mut made = 0;
    while made < USES {
        let ran = player.device.run(APP, &["sh", "-c", &program])?;
        if ran.code == Some(0) {
            made += 1;
            done.fetch_add(1, Ordering::SeqCst);
        } else {
            let why = ran.fails(6, "server-unreachable")?.text("/message")?;
            *(if why.contains("broke") { &mut failed.cut } else { &mut failed.absent }) += 1;
            let in_all = failed.cut + failed.absent;
            stage.check(in_all < MOST_FAILED, "that the server comes back", "it has not")?;
            SystemClock.sleep(PAUSE);
        }
    }
    Ok(failed)
}

/// Also looks into the books each time, while the devices go on.
fn kill_and_start_again(
    world: &mut World<'_>,
    players: &[Player<'_>],
    done: &AtomicUsize,
) -> Result<(), Surprise> {
    let stage = world.stage;
    for runs in KILLS {
        let so_far = || done.load(Ordering::SeqCst);
        let reached = stage.until(PATIENCE, || Ok((so_far() >= runs).then_some(())))?;
        stage.check(reached.is_some(), format!("{runs} runs"), format!("only {}", so_far()))?;
        world.server.kill()?;
        world.server.start_again()?;
        for player in players {
            let sold = Balance::of_uses(&world.license(&player.license)?)?;
            stage.check(sold.forfeited == 0, "that nothing is forfeited", format!("{sold:?}"))?;
        }
        stage.run(&world.server.line().arg("check-ledger"))?.exits(0)?;
    }
    Ok(())
}

fn nothing_is_lost_and_nothing_doubled(world: &World<'_>, players: &[Player<'_>]) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    for Player { device, license, runs } in players {
        // The last use is reported with the next question, which is refused.
        device.run(APP, &["true"])?.fails(4, "exhausted")?;
        let made = files::text(&stage.path(runs))?.lines().count();
        stage.check(made == USES, format!("{USES} runs in {runs}"), made.to_string())?;
        let sold = Balance::of_uses(&world.license(license)?)?;
        let expected = Balance { total: 10, remaining: 0, held: 0, used: 10, forfeited: 0 };
        stage.check(sold == expected, format!("{expected:?} in the books"), format!("{sold:?}"))?;
    }
    let ran = stage.run(&server.line().arg("check-ledger"))?;
    ran.exits(0)?.says("all good")?;
    let sentence = "For each license sold = remaining + held + used, and used = the runs that succeeded: nothing is lost, nothing doubled, and the ledger check is clean.";
    stage.voice().step(&ran, sentence);
    Ok(())
}
