//! Copies of a passbook: carried to another device, and put back later.

use super::World;
use super::world::Balance;
use crate::device::Device;
use crate::files;
use crate::surprise::Surprise;

const APP: &str = "acme/clock";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let gus = Device::new(world.stage, "gus")?;
    gus.register(&world.product(APP)?, "Gus")?;
    let license = gus.agree(APP, "ten-runs")?.text("/pass/license")?;
    gus.run(APP, &["true"])?.exits(0)?;
    a_copy_does_not_run_elsewhere(world, &gus)?;
    an_old_copy_is_noticed_and_settled(world, &gus, &license)
}

/// The other machine has another file in the same place.
fn a_copy_does_not_run_elsewhere(world: &World<'_>, gus: &Device<'_>) -> Result<(), Surprise> {
    let stage = world.stage;
    let copy = gus.copied("stolen")?;
    let aside = stage.path("gus.machine.aside");
    files::rename(&gus.evidence, &aside)?;
    files::write(&gus.evidence, &[7; 32])?;
    let ran = copy.run(APP, &["sh", "-c", "echo ran >> stolen.runs"])?;
    let told = ran.fails(7, "another-device")?;
    told.holds("the reason", |error| {
        error["message"].as_str().is_some_and(|message| message.contains("evidence file"))
    })?;
    stage.check(!stage.path("stolen.runs").exists(), "no run of the copy", "there was one")?;
    copy.ask(&["agree", APP, "ten-runs", "--yes"])?.exits(7)?;
    files::rename(&aside, &gus.evidence)?;
    gus.run(APP, &["true"])?.exits(0)?;
    let sentence = "Gus's passbook is copied to another device: there it is refused with the reason, at home it goes on.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn an_old_copy_is_noticed_and_settled(
    world: &World<'_>,
    gus: &Device<'_>,
    license: &str,
) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let old = gus.copied("gus.old")?.home;
    for _ in 0..2 {
        gus.run(APP, &["true"])?.exits(0)?;
    }
    let before = Balance::of_uses(&world.license(license)?)?;
    let expected = Balance { total: 10, remaining: 6, held: 1, used: 3, forfeited: 0 };
    stage.check(before == expected, format!("{expected:?} in the books"), format!("{before:?}"))?;
    files::rename(&gus.home, &stage.path("gus.new"))?;
    files::rename(&old, &gus.home)?;
    let ran = gus.run(APP, &["true"])?;
    ran.exits(0)?;
    let after = Balance::of_uses(&world.license(license)?)?;
    let expected = Balance { total: 10, remaining: 5, held: 1, used: 3, forfeited: 1 };
    stage.check(after == expected, format!("{expected:?} in the books"), format!("{after:?}"))?;
    stage.voice().step(&ran, "He puts an old copy back. The next contact notices: it is settled once, at the price of the one use that was out, and the program runs.");
    gus.run(APP, &["true"])?.exits(0)?;
    let ran = acme.ask(&["supplier", "events", "--license", license])?;
    let event = ran.done()?.one("/data", "/kind", "settled")?;
    event.holds("both sides of what did not fit", |event| {
        let seen = &event["evidence"];
        let epoch = |name: &str| seen[name].as_u64();
        let head = |name: &str| seen[name].as_str().filter(|text| text.len() == 64);
        let heads = (head("quoted_answer"), head("expected_answer"));
        epoch("quoted_epoch") < epoch("expected_epoch")
            && matches!(heads, (Some(quoted), Some(expected)) if quoted != expected)
            && head("journal_head").is_some()
    })?;
    stage.voice().step(
        &ran,
        "acme sees it among its events, with what the device had last and what the server had as evidence.",
    );
    Ok(())
}
