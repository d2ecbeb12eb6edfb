//! Ten uses are ten runs; then the menu comes again.

use super::World;
use super::world::Balance;
use crate::files;
use crate::surprise::Surprise;
use crate::terminal::{ENTER, at_terminal};

const APP: &str = "acme/clock";
/// The key that goes one line down.
const DOWN: &str = "\u{1b}[B";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    ten_uses_are_ten_runs(world)?;
    used_up_is_used_up(world)?;
    buying_again_continues_at_once(world)?;
    declining_is_possible_and_not_for_ever(world)
}

/// A program that leaves a line in a file at each run.
fn counted(file: &str) -> [String; 3] {
    ["sh".into(), "-c".into(), format!("echo ran >> {file}")]
}

fn runs(world: &World<'_>, file: &str) -> Result<usize, Surprise> {
    let path = world.stage.path(file);
    if path.exists() { Ok(files::text(&path)?.lines().count()) } else { Ok(0) }
}

fn ten_uses_are_ten_runs(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let program = counted("ann.runs");
    let agreed = ann.agree(APP, "ten-runs")?;
    agreed.is("/pass/uses/in_pass", 1)?.is("/pass/uses/on_license", 9)?.is("/pass/uses/licensed", 10)?;
    let license = agreed.text("/pass/license")?;
    let mut shown = Vec::new();
    let mut last = None;
    for left in (0..10).rev() {
        let ran = ann.run(APP, &program)?;
        ran.exits(0)?;
        let pass = ann.pass(APP)?;
        pass.is("/uses/in_pass", 0)?.is("/uses/on_license", left)?.is("/license", license.as_str())?;
        let sold = Balance::of_uses(&world.license(&license)?)?;
        let expected = Balance { total: 10, remaining: left, held: 1, used: 9 - left, forfeited: 0 };
        stage.check(sold == expected, format!("{expected:?} in the books"), format!("{sold:?}"))?;
        shown.push(left.to_string());
        last = Some(ran);
    }
    stage.check(runs(world, "ann.runs")? == 10, "ten runs of the program", "another number")?;
    let sentence = format!(
        "Ten uses in passes of one use are ten runs: after each of them the license has {} uses left, on the device and in acme's books.",
        shown.join(", ")
    );
    last.iter().for_each(|ran| stage.voice().step(ran, &sentence));
    Ok(())
}

fn used_up_is_used_up(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let ran = ann.run(APP, &counted("ann.runs"))?;
    ran.fails(4, "exhausted")?.holds("a remedy that leads to the menu", |error| {
        error["remedy"].as_str().is_some_and(|remedy| remedy.contains("carnet menu acme/clock"))
    })?;
    stage.check(runs(world, "ann.runs")? == 10, "no eleventh run", "another number")?;
    stage.voice().step(&ran, "The eleventh start is disapproved with exit code 4 and leads to the menu.");
    Ok(())
}

fn buying_again_continues_at_once(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let line = ann.carnet().args(["run", APP, "--"]).args(counted("ann.runs"));
    let ran = at_terminal(
        stage,
        &line,
        &[
            ("What do you want for acme/clock?", &format!("{DOWN}{ENTER}")),
            ("Ten runs of Clock within a month for acme/clock", ""),
            ("Do you agree to these conditions?", "y\r"),
        ],
    )?;
    ran.exits(0)?.says("used up")?;
    stage.check(runs(world, "ann.runs")? == 11, "an eleventh run", "another number")?;
    let pass = ann.pass(APP)?;
    pass.is("/condition", "Ten runs of Clock within a month")?.is("/uses/on_license", 9)?;
    pass.holds("an end", |pass| pass["valid_until"].is_string())?;
    let sentence = "At a terminal the menu comes instead; Ann buys ten uses within 30 days, and the program runs at once.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn declining_is_possible_and_not_for_ever(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, sono, .. } = world;
    let line = ann.carnet().args(["run", "sono/synth", "--"]).args(counted("synth.runs"));
    let none_of_these = format!("{DOWN}{DOWN}{ENTER}");
    let mut last = None;
    for _ in 0..2 {
        let question = [("What do you want for sono/synth?", none_of_these.as_str())];
        let ran = at_terminal(stage, &line, &question)?;
        ran.exits(4)?.says("declined")?.says("Synth for a month")?;
        stage.check(runs(world, "synth.runs")? == 0, "no run", "there was one")?;
        last = Some(ran);
    }
    ann.run("sono/synth", &["true"])?.exits(4)?;
    sono.ask(&["supplier", "events"])?.done()?.holds("an event `declined`", |events| {
        let of = |event: &serde_json::Value| event["kind"] == "declined" && event["app"] == "sono/synth";
        events["data"].as_array().is_some_and(|all| all.iter().any(of))
    })?;
    let sentence = "Ann declines sono's menu: the run is disapproved, it is on record, and the next start shows the menu again.";
    last.iter().for_each(|ran| stage.voice().step(ran, sentence));
    Ok(())
}
