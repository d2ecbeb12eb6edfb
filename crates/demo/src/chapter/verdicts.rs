//! Verdicts without a person: a deposited key, and a report that is judged as it comes (C4).

use std::time::Duration;

use carnet_seam::{Clock, SystemClock};

use super::World;
use crate::device::Device;
use crate::files;
use crate::surprise::Surprise;

const APP: &str = "acme/scan";
const MENU: &str = r#"app = "acme/scan"

[[offer]]
name = "reported"
condition = "Reported"
features = ["scan"]
fee = "free"
term = { uses = 10 }
reporting = { record_retention = "90 days", violation = "suspend", opened_by = "server" }
"#;
/// The server judges in its own time.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) fn tell(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let ran = acme.ask(&["supplier", "report-key", "deposit", "--yes"])?;
    ran.done()?
        .holds("one key", |shown| shown["deposited"].as_array().is_some_and(|keys| keys.len() == 1))?;
    acme.ask(&["supplier", "app", "add", APP])?.exits(0)?;
    let menu = stage.path("scan.toml");
    files::write(&menu, MENU.as_bytes())?;
    acme.ask(&["supplier", "menu", "set", APP, "--yes", "-f", &menu.to_string_lossy()])?.exits(0)?;
    let sentence = "acme has a server of its own that it trusts, and deposits a key there; the offers that say so are judged without a person.";
    stage.voice().step(&ran, sentence);

    let gil = Device::new(stage, "gil")?;
    gil.register(&acme.ask(&["supplier", "app", "product", APP])?.done()?.text("/product")?, "Gil")?;
    stage.run(&gil.carnet().args(["menu", APP]))?.exits(0)?.says("the server judges them by itself")?;
    gil.agree(APP, "reported")?;
    gil.run(APP, &["true"])?.exits(0)?;
    let handed = gil.ask(&["report", APP])?;
    handed.done()?.is("/handed_in", true)?;
    for _ in 0..400 {
        let verdicts = acme.ask(&["supplier", "verdicts"])?.done()?;
        let Ok(verdict) = verdicts.one("", "/app", APP) else {
            SystemClock.sleep(PAUSE);
            continue;
        };
        verdict.is("/verdict/verdict", "within-contract")?;
        verdict.is("/verdict/by", "the server, with the deposited key")?;
        let sentence = "Gil has read that before he agreed. His report is judged as it comes: within the contract, and nobody had to open it.";
        stage.voice().step(&handed, sentence);
        return Ok(());
    }
    Err(Surprise::new("a verdict of the server", "none came"))
}
