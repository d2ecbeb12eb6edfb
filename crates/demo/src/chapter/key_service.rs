//! The key service as a process of its own: behind a socket, and as if on another machine.

use std::process::Stdio;
use std::time::Duration;

use super::World;
use crate::running::Running;
use crate::surprise::Surprise;

/// It starts in much less.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) fn tell(world: &World<'_>) -> Result<(), Surprise> {
    behind_a_socket(world)?;
    on_another_machine(world)
}

/// Started with this; also what it has said.
fn started<'s>(world: &World<'s>, words: &[&str]) -> Result<(Running<'s>, String), Surprise> {
    let (stage, server) = (world.stage, &world.server);
    let line = stage.line("carnetd").arg("--data").arg(stage.path("keys-apart"));
    let line = line.args(["keys", "serve", "--root", &server.root]).args(words.iter().copied());
    let mut service = stage.start(&line, Stdio::null())?;
    let greeting = service.until_printed("its key is", PATIENCE)?;
    Ok((service, greeting))
}

fn behind_a_socket(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    let socket = stage.path("keys.socket").display().to_string();
    let (_service, _) = started(world, &["--socket", &socket])?;
    let doctor = stage.run(&server.line().args(["doctor", "--quick", "--key-service", &socket]))?;
    doctor.says(&format!("answers at {socket}"))?;
    let sentence = "License keys need not lie beside the public server: the key service can be a process of its own, behind a socket.";
    stage.voice().step(&doctor, sentence);
    Ok(())
}

fn on_another_machine(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, .. } = world;
    let pairs = stage.path("pairs");
    let (service_half, server_half) = (
        pairs.join("key-service.pair").display().to_string(),
        pairs.join("server.pair").display().to_string(),
    );
    let made = stage.run(&server.line().args(["keys", "pair", "--to", &pairs.display().to_string()]))?;
    made.exits(0)?.says("server.pair")?;
    stage.voice().step(
        &made,
        "For another machine, one command makes two certificates that accept each other and nobody else.",
    );
    let (_service, greeting) = started(world, &["--listen", "127.0.0.1:0", "--pair", &service_half])?;
    let address = greeting.split_once("listens on ").and_then(|(_, rest)| rest.split_whitespace().next());
    let place = format!("tls://{}", address.unwrap_or_default());
    let ask = |half: &str| {
        let line =
            server.line().args(["doctor", "--quick", "--key-service", &place, "--key-service-pair", half]);
        stage.run(&line)
    };
    ask(&server_half)?.says(&format!("answers at {place}"))?;
    let stranger = ask(&service_half)?;
    stranger.exits(6)?.says("certificate")?;
    let sentence = "Over the network it answers whoever has the other half, in TLS 1.3; whoever shows another certificate gets nothing.";
    stage.voice().step(&stranger, sentence);
    Ok(())
}
