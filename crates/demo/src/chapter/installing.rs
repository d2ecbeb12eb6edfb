//! The image tool as an installation image: published, ordered, its keys delivered, installed, upgraded.

use std::path::PathBuf;

use super::devices::join;
use super::first_start::is_absent;
use super::picture::is_picture_of;
use super::{World, key_service};
use crate::device::Device;
use crate::files;
use crate::ran::Ran;
use crate::surprise::Surprise;

const APP: &str = "acme/imagetool";
/// Stands in the part of the program that stays sealed.
const CANARY: &str = "a frame like a strip of film";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    the_supplier_publishes_an_image(world)?;
    let ida = Device::new(world.stage, "ida")?;
    ida.register(&world.product(APP)?, "Ida")?;
    without_a_license_an_image_is_of_no_use(world, &ida)?;
    what_is_ordered_is_installed(world, &ida)?;
    an_upgrade_fetches_what_is_new(world, &ida)?;
    let desk = it_goes_to_another_device(world, &ida)?;
    what_was_installed_is_erased(world, &desk)?;
    super::counter::tell(world)?;
    key_service::tell(world)
}

/// A folder as a build leaves it behind, packed and published.
fn publish(world: &World<'_>, version: &str) -> Result<Ran, Surprise> {
    let World { stage, acme, .. } = world;
    let (program, image) = (stage.path(&format!("dist-{version}")), image(world, version));
    let parts = [
        ("bin/resize", format!("#!/bin/sh\n# imagetool {version}\nexec imagetool resize \"$@\"\n")),
        ("frames/film", format!("{CANARY} {version}\n")),
    ];
    files::folder(&program)?;
    for (name, text) in parts {
        let path = program.join(name);
        files::folder(path.parent().unwrap_or(&program))?;
        files::write(&path, text.as_bytes())?;
    }
    let line = acme.carnet().args(["supplier", "image", "build"]).arg(&program);
    let line = line.args(["--app", APP, "--version", version, "--feature", "frame.film=frames/**"]);
    let line = line.args(["--feature", "resize=**", "--sealed", "frame.film", "--platform", "any", "--to"]);
    stage.run(&line.arg(&image).arg("--json"))?.done()?.is("/version", version)?;
    let ran = stage.run(&acme.carnet().args(["supplier", "image", "publish", "--json"]).arg(&image))?;
    ran.done()?.is("/state", "published")?.is("/keyed", true)?;
    Ok(ran)
}

fn image(world: &World<'_>, version: &str) -> PathBuf {
    world.stage.path(&format!("imagetool-{version}.cimg"))
}

fn the_supplier_publishes_an_image(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    acme.ask(&["supplier", "image-key", "new", "--supplier", "acme"])?.done()?;
    acme.ask(&["supplier", "image-key", "register"])?.done()?.is("/published", true)?;
    let ran = publish(world, "1.0.0")?;
    let bytes = std::fs::read(image(world, "1.0.0")).unwrap_or_default();
    let found = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    stage.check(!bytes.is_empty() && !found(CANARY), "nothing of the program in its image", "there is")?;
    let sentence = "acme packs its image tool, signs the image with a key of its own, and publishes it; the content keys go to the key service, sealed.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn without_a_license_an_image_is_of_no_use(world: &World<'_>, ida: &Device<'_>) -> Result<(), Surprise> {
    let stage = world.stage;
    let found = ida.ask(&["catalog", "acme"])?.done()?.one("", "/app", APP)?;
    found.is("/versions/0/version", "1.0.0")?;
    let file = image(world, "1.0.0").display().to_string();
    let ran = ida.ask(&["install", &file])?;
    ran.fails(5, "no-license")?;
    is_absent(world, "ida/programs")?;
    let sentence = "Ida sees it in the catalog and has the file; without a license it is of no use to her.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn what_is_ordered_is_installed(world: &World<'_>, ida: &Device<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    ida.ask(&["order", APP, "month", "--yes"])?.done()?.is("/outcome", "ordered")?;
    let ran = ida.ask(&["install", APP])?;
    let done = ran.done()?;
    done.is("/version", "1.0.0")?.is("/features", serde_json::json!(["frame.film", "resize"]))?;
    let events = acme.ask(&["supplier", "events", "--limit", "200"])?.done()?;
    for kind in ["key-ordered", "key-delivered"] {
        events.holds(&format!("one event `{kind}`"), |events| {
            let all = events["data"].as_array().into_iter().flatten();
            all.filter(|event| event["kind"] == kind).count() == 1
        })?;
    }
    let everything = files::everything_in(&ida.home)?;
    let sealed = everything.iter().filter(|path| path.is_file()).all(|path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        !bytes.windows(CANARY.len()).any(|window| window == CANARY.as_bytes())
    });
    stage.check(sealed, "sealed content nowhere in the clear", "it is")?;
    let program = format!("{}/bin/resize", done.text("/folder")?);
    let resize = ida.carnet().env("IMAGETOOL_PRODUCT", world.product(APP)?);
    let resize = resize.args(["run", APP, "--", "sh", &program, "photo.png", "ida.png", "--width", "160"]);
    stage.run(&resize)?.exits(0)?;
    is_picture_of(stage, &stage.path("ida.png"), 160, 100)?;
    let sentence = "Ida orders it for a month. Her device orders the key, presents the transaction id, gets the keys sealed to it alone, and installs; the program runs.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn an_upgrade_fetches_what_is_new(world: &World<'_>, ida: &Device<'_>) -> Result<(), Surprise> {
    let stage = world.stage;
    publish(world, "1.1.0")?;
    let ran = ida.ask(&["upgrade", APP])?;
    let done = ran.done()?;
    done.is("/version", "1.1.0")?.is("/already", false)?;
    let script = files::text(format!("{}/bin/resize", done.text("/folder")?).as_ref())?;
    stage.check(script.contains("imagetool 1.1.0"), "the new version in its place", &script)?;
    ida.ask(&["install", APP, "--version", "1.0.0"])?.fails(1, "image-other")?;
    ida.ask(&["uninstall", APP, "--yes"])?.done()?.is("/outcome", "uninstalled")?;
    is_absent(world, "ida/programs/acme.imagetool")?;
    let sentence = "The next version takes the place of the first at once; nobody is led back to an older one; uninstalled, license and pass stay.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn it_goes_to_another_device<'s>(world: &World<'s>, ida: &Device<'s>) -> Result<Device<'s>, Surprise> {
    let stage = world.stage;
    ida.ask(&["install", APP])?.done()?.is("/version", "1.1.0")?;
    let desk = Device::new(stage, "idas-desk")?;
    let code = ida.ask(&["devices", "invite"])?.done()?.text("/code")?;
    join(&desk, &world.product(APP)?, &code)?.done()?.is("/registered", true)?;
    let id = |device: &Device<'_>| device.ask(&["status"])?.done()?.text("/servers/0/device");
    let (from, to) = (id(ida)?, id(&desk)?);
    let there = ["transfer", "--from", &from, "--to", &to, "--app", APP, "--yes"];
    ida.ask(&there)?.fails(5, "payment-pending")?;
    let acme = &world.acme;
    let due = acme.ask(&["supplier", "charges", "--status", "pending", "--limit", "200"])?.done()?;
    let license = ida.pass(APP)?.text("/license")?;
    let charge = due.one("/data", "/license", license.as_str())?.text("/charge")?;
    acme.ask(&["supplier", "charge", "settle", &charge, "--note", "paid"])?.done()?;
    let moved = ida.ask(&there)?;
    moved.done()?.is("/apps/0/app", APP)?.is("/apps/0/outcome", "waits")?.is("/retired", false)?;
    let ran = desk.ask(&["sync"])?;
    let done = ran.done()?;
    done.is("/0/apps/0/outcome", "fetched")?.is("/0/apps/1/outcome", "installed")?;
    desk.run(APP, &["true"])?.exits(0)?;
    ida.ask(&["sync"])?.done()?.is("/0/apps/0/outcome", "removed")?;
    is_absent(world, "ida/programs/acme.imagetool")?;
    ida.run(APP, &["true"])?.exits(4)?;
    let sentence = "Once it is paid for, Ida transfers it to her desk: there it is fetched, with a key of its own, and runs; here pass, keys and program are gone, and nothing is charged again.";
    stage.voice().step(&ran, sentence);
    Ok(desk)
}

fn what_was_installed_is_erased(world: &World<'_>, desk: &Device<'_>) -> Result<(), Surprise> {
    let stage = world.stage;
    let folder = desk.ask(&["install", APP])?.done()?.text("/folder")?;
    let own = std::path::Path::new(&folder).join("my own.png");
    files::write(&own, b"Ida's")?;
    let ran = desk.ask(&["erase", APP, "--yes", "--stop"])?;
    let done = ran.done()?;
    done.is("/outcome", "erased")?.is("/kept", serde_json::json!([]))?;
    done.holds("the program among what is erased", |done| {
        let names = done["erased"].as_array().into_iter().flatten().filter_map(serde_json::Value::as_str);
        names.filter(|name| name.ends_with("files/bin/resize")).count() == 1
    })?;
    let left = files::everything_in(&stage.path("idas-desk/programs"))?;
    let left: Vec<_> = left.iter().filter(|path| path.is_file()).collect();
    stage.check(
        left.len() == 1 && left[0].ends_with("my own.png"),
        "nothing left but her own file",
        format!("{left:?}"),
    )?;
    desk.run(APP, &["true"])?.exits(4)?;
    let sentence = "Erased, the program goes file by file with its keys and its pass; the picture that Ida has put beside it stays.";
    stage.voice().step(&ran, sentence);
    Ok(())
}
