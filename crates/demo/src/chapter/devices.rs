//! One user, several devices: money that is late, a pass on a stick, a device that is lost.

use super::World;
use crate::device::Device;
use crate::ran::Ran;
use crate::surprise::Surprise;

const IMAGETOOL: &str = "acme/imagetool";
const CLOCK: &str = "acme/clock";

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    let bea = Device::new(world.stage, "bea")?;
    let tablet = Device::new(world.stage, "beas-tablet")?;
    let phone = Device::new(world.stage, "beas-phone")?;
    let recovery = she_registers_and_keeps_her_code(world, &bea)?;
    she_redeems_what_she_bought_elsewhere(world, &bea)?;
    a_payment_is_refused_and_made_later(world, &bea)?;
    her_tablet_joins(world, &bea, &tablet)?;
    of_two_passes_one_may_travel(world, &bea, &tablet)?;
    a_move_is_cancelled(world, &tablet)?;
    a_lost_device_is_freed_by_nobody_but_her(world, &tablet, &phone, &recovery)
}

fn she_registers_and_keeps_her_code(world: &World<'_>, bea: &Device<'_>) -> Result<String, Surprise> {
    let ran = bea.register(&world.product(IMAGETOOL)?, "Bea")?;
    let code = ran.done()?.text("/recovery_code")?;
    bea.ask(&["devices", "recovery-code"])?.fails(5, "code-shown")?;
    let sentence =
        "Bea registers, and is shown her recovery code once: it is her way back if all her devices are lost.";
    world.stage.voice().step(&ran, sentence);
    Ok(code)
}

fn she_redeems_what_she_bought_elsewhere(world: &World<'_>, bea: &Device<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let made = acme.ask(&["supplier", "grant", IMAGETOOL, "for-ever", "--label", "shop 7"])?.done()?;
    let code = made.text("/codes/0")?;
    bea.ask(&["redeem", &code, "--show"])?.done()?.is("/listed/offer/condition", "Image Tool for good")?;
    let typo = format!("{}{}", &code[..code.len() - 1], if code.ends_with('q') { 'p' } else { 'q' });
    bea.ask(&["redeem", &typo, "--yes"])?.fails(2, "bad-code")?;
    let ran = bea.ask(&["redeem", &code, "--yes"])?;
    let redeemed = ran.done()?;
    redeemed.is("/outcome", "redeemed")?;
    world.license(&redeemed.text("/pass/license")?)?.is("/validity/status", "active")?;
    bea.ask(&["redeem", &code, "--yes"])?.fails(5, "code-used")?;
    let sentence = "In a shop she has bought a code. A mistyped letter is found at once; the right one is good for what it says, nothing is due, and it is good once.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn a_payment_is_refused_and_made_later(world: &World<'_>, bea: &Device<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let license = bea.agree(CLOCK, "ten-runs")?.text("/pass/license")?;
    bea.run(CLOCK, &["true"])?.exits(0)?;
    bea.run(CLOCK, &["true"])?.exits(0)?;
    let pass = bea.pass(CLOCK)?;
    pass.is("/kind", "temporary")?.holds("a short end", |pass| pass["valid_until"].is_string())?;
    let due = acme.ask(&["supplier", "charges", "--status", "pending", "--limit", "200"])?.done()?;
    let charge = due.one("/data", "/license", license.as_str())?.text("/charge")?;
    acme.ask(&["supplier", "charge", "refund", &charge])?.fails(5, "not-applicable")?;
    acme.ask(&["supplier", "charge", "fail", &charge, "--note", "card refused"])?.done()?;
    let refused = bea.run(CLOCK, &["true"])?;
    refused.fails(4, "charge-failed")?;
    let sentence = "What she owes for the clock is pending, so she has a temporary pass; then the payment is refused, and so is the next run.";
    stage.voice().step(&refused, sentence);
    let ran = acme.ask(&["supplier", "charge", "settle", &charge, "--note", "paid by transfer"])?;
    ran.done()?.is("/status", "settled")?;
    bea.run(CLOCK, &["true"])?.exits(0)?;
    bea.pass(CLOCK)?.is("/kind", "full")?.is("/uses/on_license", 7)?;
    stage
        .voice()
        .step(&ran, "She pays, acme says so, and the very next start goes on where she was: three of ten.");
    Ok(())
}

pub(super) fn join(device: &Device<'_>, product: &str, code: &str) -> Result<Ran, Surprise> {
    let identity = format!("file:{}", device.evidence.display());
    device.ask(&["register", "--product", product, "--identity", &identity, "--code", code])
}

fn her_tablet_joins(world: &World<'_>, bea: &Device<'_>, tablet: &Device<'_>) -> Result<(), Surprise> {
    let product = world.product(IMAGETOOL)?;
    let code = bea.ask(&["devices", "invite"])?.done()?.text("/code")?;
    let ran = join(tablet, &product, &code)?;
    ran.done()?.is("/registered", true)?;
    let other = Device::new(world.stage, "somebodys")?;
    join(&other, &product, &code)?.fails(5, "code-used")?;
    tablet.run(IMAGETOOL, &["true"])?.fails(4, "held-elsewhere")?;
    let sentence = "Her tablet joins by a code that her laptop has made, good once; the license is for one device, and that is the laptop.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn of_two_passes_one_may_travel(
    world: &World<'_>,
    bea: &Device<'_>,
    tablet: &Device<'_>,
) -> Result<(), Surprise> {
    let stick = world.stage.path("stick");
    crate::files::folder(&stick)?;
    let stick = stick.to_string_lossy().into_owned();
    let exported = bea.ask(&["export", IMAGETOOL, "sono/synth", "--to", &stick])?;
    exported.exits(5)?;
    let apps = exported.json()?;
    apps.one("/apps", "/app", IMAGETOOL)?.is("/outcome", "exported")?;
    apps.one("/apps", "/app", "sono/synth")?.is("/outcome", "refused")?;
    bea.run(IMAGETOOL, &["true"])?.exits(4)?;
    let sentence = "She takes two passes to a stick: the image tool's goes and is not valid here any more, for the synth there is none, and each is told apart.";
    world.stage.voice().step(&exported, sentence);
    let imported = tablet.ask(&["import", "--from", &stick])?;
    imported.done()?.one("/apps", "/app", IMAGETOOL)?.is("/outcome", "imported")?;
    tablet.run(IMAGETOOL, &["true"])?.exits(0)?;
    let again = bea.ask(&["import", "--from", &stick])?;
    again.exits(5)?.json()?.one("/apps", "/app", IMAGETOOL)?.is("/why/code", "move-over")?;
    let sentence =
        "The tablet brings it in and runs the image tool; a second import of the same stick is refused.";
    world.stage.voice().step(&imported, sentence);
    Ok(())
}

fn a_move_is_cancelled(world: &World<'_>, tablet: &Device<'_>) -> Result<(), Surprise> {
    let picture = world.stage.path("pass.png").to_string_lossy().into_owned();
    tablet.ask(&["export", IMAGETOOL, "--qr", &picture])?.done()?;
    let ran = tablet.ask(&["cancel-move", IMAGETOOL])?;
    ran.done()?.is("/outcome", "cancelled")?;
    let late = tablet.ask(&["import", "--from", &picture])?;
    late.exits(5)?.json()?.one("/apps", "/app", IMAGETOOL)?.is("/why/code", "move-over")?;
    tablet.run(IMAGETOOL, &["true"])?.exits(0)?;
    let sentence = "A pass can travel as a QR picture, too. She thinks better of it and cancels the move: the picture is worth nothing, the tablet goes on.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn a_lost_device_is_freed_by_nobody_but_her(
    world: &World<'_>,
    tablet: &Device<'_>,
    phone: &Device<'_>,
    recovery: &str,
) -> Result<(), Surprise> {
    let lost = tablet.ask(&["status"])?.done()?.text("/servers/0/device")?;
    join(phone, &world.product(IMAGETOOL)?, recovery)?.done()?.is("/registered", true)?;
    phone.run(IMAGETOOL, &["true"])?.fails(4, "held-elsewhere")?;
    let ran = phone.ask(&["devices", "lost", &lost, "--yes"])?;
    ran.done()?.is("/outcome", "lost")?;
    phone.run(IMAGETOOL, &["true"])?.exits(0)?;
    tablet.ask(&["renew", IMAGETOOL])?.fails(5, "retired")?;
    tablet.run(IMAGETOOL, &["true"])?.exits(4)?;
    let sentence = "The tablet is stolen. With the code from her drawer a new phone joins, declares it lost and runs at once; the tablet learns it at its next contact.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

/// A command on a device without a network, until it is done: what it asks is carried to `courier` and the answer back.
fn by_hand(
    world: &World<'_>,
    island: &Device<'_>,
    courier: &Device<'_>,
    command: &[&str],
    trips: &mut u32,
) -> Result<Ran, Surprise> {
    let file = |name: &str| world.stage.path(name).to_string_lossy().into_owned();
    let mut answer: Option<String> = None;
    for _ in 0..5 {
        let ask = file(&format!("ask-{trips}.txt"));
        let mut words = command.to_vec();
        words.extend(["--request-to", &ask]);
        words.extend(answer.iter().flat_map(|answer| ["--answer", answer]));
        let ran = island.ask(&words)?;
        if !world.stage.path(&format!("ask-{trips}.txt")).exists() {
            return Ok(ran);
        }
        *trips += 1;
        let carried = courier.ask(&["relay", &ask])?.done()?;
        answer = Some(carried.text("/files/0")?);
    }
    Err(Surprise::new("an end after some trips", "there was none"))
}

pub(super) fn tell_of_an_island(world: &mut World<'_>) -> Result<(), Surprise> {
    let island = Device::new(world.stage, "island")?;
    let courier = Device::new(world.stage, "courier")?;
    let (product, identity) = (world.product(CLOCK)?, format!("file:{}", island.evidence.display()));
    let mut trips = 0;
    let register = [
        "register",
        "--product",
        &product,
        "--name",
        "Cid",
        "--email",
        "cid@example.org",
        "--identity",
        &identity,
    ];
    by_hand(world, &island, &courier, &register, &mut trips)?.done()?.is("/registered", true)?;
    let agree = ["agree", CLOCK, "month", "--yes"];
    by_hand(world, &island, &courier, &agree, &mut trips)?.done()?.is("/pass/runs", true)?;
    let ran = island.run(CLOCK, &["true"])?;
    ran.exits(0)?;
    let text = crate::files::text(&world.stage.path("ask-0.txt"))?;
    world.stage.check(
        text.starts_with("-----BEGIN CARNET REQUEST-----"),
        "a request as text",
        &text[..40],
    )?;
    let sentence = format!(
        "Cid's device never has a network: registering and buying travel as text files, {trips} trips to a machine that has one, and the program runs."
    );
    world.stage.voice().step(&ran, &sentence);
    Ok(())
}
