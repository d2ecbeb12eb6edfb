//! The story, one chapter to a file.

mod clock;
mod contract;
mod copies;
mod counter;
mod devices;
mod end;
mod first_start;
mod installing;
mod key_service;
mod kill;
mod offline;
mod picture;
mod server;
mod suppliers;
mod ten_uses;
mod time_runs_out;
mod verdicts;
mod world;

use crate::server::Server;
use crate::stage::Stage;
use crate::surprise::Surprise;

pub use world::World;

type Chapter = fn(&mut World<'_>) -> Result<(), Surprise>;

/// The chapters in order. Each but the last leaves the server running.
const CHAPTERS: &[(&str, Chapter)] = &[
    ("A server of one's own", server::tell),
    ("Two suppliers and their menus", suppliers::tell),
    ("The first start", first_start::tell),
    ("Software that is installed", installing::tell),
    ("Without a network", offline::tell),
    ("Ten uses", ten_uses::tell),
    ("Time runs out", time_runs_out::tell),
    ("The server dies", kill::tell),
    ("Copies", copies::tell),
    ("Several devices", devices::tell),
    ("Never a network", devices::tell_of_an_island),
    ("Reports and erasure", contract::tell),
    ("The end", end::tell),
];

/// All chapters.
///
/// # Errors
/// The first surprise, with the end of the server's log.
pub fn all(stage: &Stage) -> Result<(), Surprise> {
    let mut world = World::new(stage, Server::up(stage)?)?;
    for (title, tell) in CHAPTERS {
        stage.voice().chapter(title);
        tell(&mut world).map_err(|surprise| surprise.with_log(world.server.log()))?;
    }
    Ok(())
}
