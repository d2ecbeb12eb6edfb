//! A user starts a licensed program for the first time.

use std::path::Path;

use super::World;
use super::picture::{is_picture_of, make_picture};
use crate::surprise::Surprise;
use crate::terminal::{ENTER, at_terminal};

const APP: &str = "acme/imagetool";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    make_picture(&world.stage.path("photo.png"), 640, 400)?;
    without_a_license_it_does_not_run(world)?;
    the_first_start_leads_to_a_license(world)?;
    the_supplier_sees_it(world)?;
    what_is_due_is_paid(world)
}

fn without_a_license_it_does_not_run(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let resize =
        ann.imagetool(&world.product(APP)?).args(["resize", "photo.png", "small.png", "--width", "160"]);
    let ran = stage.run(&resize)?;
    ran.exits(10)?.says("not registered")?.says("carnet register")?;
    is_absent(world, "small.png")?;
    stage
        .voice()
        .step(&ran, "Without a license the image tool does nothing and says what to do (exit code 10).");
    Ok(())
}

fn the_first_start_leads_to_a_license(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let product = world.product(APP)?;
    let line = ann.carnet().env("IMAGETOOL_PRODUCT", &product).args(["run", &product, "--"]);
    let line = line.args(["imagetool", "resize", "photo.png", "small.png", "--width", "160"]);
    let first_offer = ENTER;
    let ran = at_terminal(
        stage,
        &line,
        &[
            ("Your name", "Ann Example\r"),
            ("Your e-mail address", "ann@example.org\r"),
            ("What do you want for acme/imagetool?", first_offer),
            ("Do you agree to these conditions?", "y\r"),
        ],
    )?;
    ran.exits(0)?;
    // The whole menu was shown, and all conditions of what was chosen.
    for told in
        ["Image Tool for good", "Image Tool for a month", "Five seconds of", "Ten runs of", "49.00 EUR"]
    {
        ran.says(told)?;
    }
    is_picture_of(stage, &stage.path("small.png"), 160, 100)?;
    let pass = ann.pass(APP)?;
    pass.is("/condition", "Image Tool for good")?.is("/runs", true)?.is("/status", "valid")?;
    pass.is("/uses", serde_json::Value::Null)?.is("/valid_until", serde_json::Value::Null)?;
    let sentence = "At a terminal the same start registers Ann, shows her the menu and asks for her consent; then the program runs.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn the_supplier_sees_it(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, ann, sono, .. } = world;
    let ran = acme.ask(&["supplier", "licenses", "--app", APP])?;
    let license = ran.done()?.one("/data", "/base/offer/name", "for-ever")?;
    license.is("/validity/status", "payment-pending")?.is("/validity/devices/held", 1)?;
    let id = license.text("/id")?;
    ann.pass(APP)?.is("/license", id.as_str())?;
    sono.ask(&["supplier", "license", "show", &id])?.fails(5, "not-found")?;
    let status = ann.ask(&["status"])?.done()?;
    status.is("/servers/0/registered", true)?.is("/servers/0/reachable", true)?;
    status.is("/servers/0/identity", "file")?;
    status.is("/servers/0/account/apps/0/licenses/0/id", id.as_str())?;
    stage
        .voice()
        .step(&ran, "acme sees the license in its books, Ann sees it in her account, and sono sees nothing.");
    Ok(())
}

fn what_is_due_is_paid(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let due = acme.ask(&["supplier", "charges", "--status", "pending"])?.done()?;
    let charge = due.one("/data", "/amount", "49.00 EUR")?;
    charge.is("/due_for", "agreement")?;
    let ran = acme.ask(&["supplier", "charge", "settle", &charge.text("/charge")?, "--note", "invoice 1"])?;
    ran.done()?.is("/status", "settled")?;
    let license = world.license(&charge.text("/license")?)?;
    license.is("/validity/status", "active")?;
    let sentence = "The pass came at once; the 49 euros were due. acme says that they are paid, and the license is good for ever.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

/// Nothing was written.
pub(super) fn is_absent(world: &World<'_>, name: &str) -> Result<(), Surprise> {
    let path = world.stage.path(name);
    world.stage.check(!Path::new(&path).exists(), format!("no file {name}"), "there is one")
}
