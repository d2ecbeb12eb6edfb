//! The server is stopped, and its books are checked once more.

use super::World;
use crate::surprise::Surprise;

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let licenses = world.acme.ask(&["supplier", "licenses", "--limit", "200"])?.done()?.list("/data")?.len();
    let stopped = world.server.stop()?;
    stopped.keeps_quiet_about("\"level\":\"ERROR\"")?;
    let checked = world.stage.run(&world.server.line().arg("check-ledger"))?;
    checked.exits(0)?.says("all good")?;
    let counts = checked.out.trim().trim_end_matches(": all good").to_owned();
    let sentence = format!(
        "The server stops when it is asked to (exit code 0), and its books are right: {counts}, {licenses} of the licenses acme's."
    );
    world.stage.voice().step(&checked, &sentence);
    Ok(())
}
