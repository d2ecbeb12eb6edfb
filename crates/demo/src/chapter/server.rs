//! A server is set up.

use std::path::Path;

use super::World;
use crate::files;
use crate::surprise::Surprise;

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    starts_with_everything_it_needs(world)?;
    keeps_its_data_to_itself(world)?;
    is_alone_on_its_data(world)
}

fn starts_with_everything_it_needs(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    let greeting = server.so_far();
    let hex = |text: &str| text.chars().all(|letter| letter.is_ascii_hexdigit());
    stage.check(server.root.len() == 64 && hex(&server.root), "a root hash of 64 digits", &server.root)?;
    stage.check(server.setup_code.starts_with("carnet_setup_"), "a set-up code", &server.setup_code)?;
    let next = format!("carnet supplier register --server {} --name", server.url);
    greeting.says(&next)?;
    let told = stage.run(&server.line().arg("root-hash"))?;
    let same = told.exits(0)?.out.trim() == server.root;
    stage.check(same, "the same root hash from `carnetd root-hash`", &told.out)?;
    let sentence = format!(
        "One command sets up a licensing server in an empty folder: it is at {}, its root hash begins with {}, and a set-up code for the first supplier is good once.",
        server.url,
        &server.root[..8]
    );
    stage.voice().step(&greeting, &sentence);
    Ok(())
}

fn keeps_its_data_to_itself(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    let everything = files::everything_in(&server.data())?;
    let database = stage.database().is_none().then_some("carnet.db");
    for name in ["secret.key", "root.hash"].into_iter().chain(database) {
        let path = server.data().join(name);
        stage.check(
            everything.contains(&path),
            format!("{} in its folder", path.display()),
            "it is not there",
        )?;
    }
    for path in &everything {
        let mode = files::mode(path)?;
        let allowed = if path.is_dir() { 0o700 } else { 0o600 };
        let expected = format!("mode {allowed:o} of {}", path.display());
        stage.check(mode & !allowed == 0, expected, format!("{mode:o}"))?;
    }
    let sentence = format!(
        "Its database, its secret and everything else there ({} files) can be read by its owner only.",
        everything.len() - 1
    );
    stage.voice().tell(&sentence);
    Ok(())
}

fn is_alone_on_its_data(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    if stage.database().is_some() {
        let beside = stage.run(&server.line().arg("check-ledger"))?;
        beside.exits(0)?;
        stage.voice().step(&beside, "Its data is in PostgreSQL, where several servers may share it.");
        return Ok(());
    }
    let second = stage.run(&server.line().args(["up", "--listen", "127.0.0.1:0"]))?;
    second.exits(3)?.says("in use by another server")?;
    stage.check(Path::new(&server.data()).is_dir(), "the data to be still there", "they are not")?;
    stage.voice().step(&second, "A second server on the same data does not start, and says why.");
    Ok(())
}
