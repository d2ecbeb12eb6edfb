//! A pass is good without a network, and for nothing else than it says.

use super::World;
use super::first_start::is_absent;
use super::picture::is_picture_of;
use crate::surprise::Surprise;

const APP: &str = "acme/imagetool";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let stopped = world.server.stop()?;
    runs_without_a_server(world)?;
    refuses_what_was_not_bought(world)?;
    world.stage.check(stopped.code == Some(0), "exit code 0 of the server", stopped.ended())?;
    world.server.start_again()
}

fn runs_without_a_server(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let tool = || Ok::<_, Surprise>(ann.imagetool(&world.product(APP)?));
    let ran = stage.run(&tool()?.args([
        "resize",
        "photo.png",
        "wide.png",
        "--width",
        "320",
        "--height",
        "100",
        "--fit",
        "stretch",
    ]))?;
    ran.exits(0)?;
    is_picture_of(stage, &stage.path("wide.png"), 320, 100)?;
    stage.run(&tool()?.args(["convert", "photo.png", "photo.jpg"]))?.exits(0)?;
    is_picture_of(stage, &stage.path("photo.jpg"), 640, 400)?;
    let sheet = tool()?.args(["sheet", "sheet.png", "photo.png", "wide.png", "photo.jpg", "--columns", "3"]);
    stage.run(&sheet.args(["--cell", "100", "--gap", "10"]))?.exits(0)?;
    is_picture_of(stage, &stage.path("sheet.png"), 340, 120)?;
    let status = ann.ask(&["status"])?.done()?;
    status.is("/servers/0/reachable", false)?;
    let sentence = "With the server stopped Ann resizes, converts and makes a contact sheet: her pass is good without a network.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn refuses_what_was_not_bought(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, ann, .. } = world;
    let sheet =
        ann.imagetool(&world.product(APP)?).args(["sheet", "framed.png", "photo.png", "--frame", "film"]);
    let ran = stage.run(&sheet)?;
    ran.exits(10)?.says("frame.film")?;
    is_absent(world, "framed.png")?;
    let sentence = "The film frame is not among the features that she bought: refused with exit code 10, and nothing is written.";
    stage.voice().step(&ran, sentence);
    Ok(())
}
