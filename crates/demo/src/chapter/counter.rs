//! A sale over the counter: user and devices are registered by a shop, and each device takes over its file.

use super::World;
use crate::device::Device;
use crate::files;
use crate::surprise::Surprise;

pub(super) fn tell(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, server, .. } = world;
    let made = acme.ask(&["supplier", "token", "new", "counter", "--scope", "shop", "--scope", "codes"])?;
    let (token, folder) = (stage.path("counter.token"), stage.path("jo-from-the-shop"));
    files::write(&token, made.done()?.text("/token")?.as_bytes())?;
    let counter = Device::new(stage, "counter")?;
    let line = counter.carnet().args(["--json", "--no-input", "shop", "sell", "--server", &server.url]);
    let line = line.arg("--token-file").arg(&token).args(["--name", "Jo", "--email", "jo@example.org"]);
    let line = line.args([
        "--device",
        "desk:Analytical Engines",
        "--device",
        "laptop",
        "--offer",
        "acme/imagetool=month",
    ]);
    let sold = stage.run(&line.arg("--with-program").arg("--to").arg(&folder))?;
    let facts = sold.done()?;
    facts.is("/devices", 2)?;
    let sentence = "A shop registers Jo with two devices, sells her a month of the image tool, and hands a folder over: a file for each device, and the control program.";
    stage.voice().step(&sold, sentence);

    let user = facts.text("/user")?;
    let (desk, laptop) = (Device::new(stage, "jo-desk")?, Device::new(stage, "jo-laptop")?);
    let take = |device: &Device<'_>, file: &str| {
        let file = folder.join(file).display().to_string();
        let identity = format!("file:{}", device.evidence.display());
        device.ask(&["register", "--from-shop", &file, "--identity", &identity])
    };
    let first = take(&desk, "1-desk.carnet-shop")?;
    let taken = first.done()?;
    taken.is("/user", user.as_str())?.holds("a recovery code", |taken| taken["recovery_code"].is_string())?;
    take(&laptop, "2-laptop.carnet-shop")?.done()?.is("/user", user.as_str())?;
    let code = taken.text("/redeem/0")?;
    desk.ask(&["redeem", &code, "--yes"])?.done()?.is("/outcome", "redeemed")?;
    desk.ask(&["devices"])?.done()?.one("/devices", "/name", "desk")?.is("/maker", "Analytical Engines")?;
    take(&Device::new(stage, "jo-thief")?, "1-desk.carnet-shop")?.fails(5, "shop-file-used")?;
    let sentence = "Each of Jo's devices takes over its file, once; the first draws the recovery code, which the shop never sees, and takes up what was paid for.";
    stage.voice().step(&first, sentence);
    Ok(())
}
