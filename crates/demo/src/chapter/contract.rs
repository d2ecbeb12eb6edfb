//! Contract management: what is recorded, reports on request, verdicts, erasure (C1 to C6), and what is found out (D3).

use super::World;
use crate::device::Device;
use crate::files;
use crate::surprise::Surprise;

const APP: &str = "acme/print";
const MENU: &str = include_str!("menus/print.toml");

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    the_supplier_makes_keys(world)?;
    let eva = Device::new(world.stage, "eva")?;
    let license = she_is_told_and_agrees(world, &eva)?;
    she_sees_what_is_recorded(world, &eva)?;
    a_report_is_asked_for_and_judged(world, &eva, &license)?;
    a_code_survives_paper(world, &eva)?;
    the_supplier_reads_on_her_device(world, &eva)?;
    an_answer_that_is_late(world, &eva, &license)?;
    super::clock::tell(world, &eva, APP)?;
    a_power_failure_is_no_crime(world, &eva)?;
    a_clone_makes_a_second_history(world, &eva)?;
    the_contract_ends_with_an_erasure(world, &eva, &license)?;
    super::verdicts::tell(world)
}

fn the_supplier_makes_keys(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let ran = acme.ask(&["supplier", "report-key", "new"])?;
    ran.done()?.is("/generations", 1)?;
    acme.ask(&["supplier", "app", "add", APP])?.exits(0)?;
    let menu = stage.path("print.toml");
    files::write(&menu, MENU.as_bytes())?;
    acme.ask(&["supplier", "menu", "set", APP, "--yes", "-f", &menu.to_string_lossy()])?.exits(0)?;
    let sentence = "acme makes keys for reports; the private halves never leave its machine, the public ones go into the offer.";
    stage.voice().step(&ran, sentence);
    Ok(())
}

fn she_is_told_and_agrees(world: &World<'_>, eva: &Device<'_>) -> Result<String, Surprise> {
    let product = world.acme.ask(&["supplier", "app", "product", APP])?.done()?.text("/product")?;
    eva.register(&product, "Eva")?;
    let ran = world.stage.run(&eva.carnet().args(["menu", APP]))?;
    ran.exits(0)?.says("sealed so that only the supplier reads them")?;
    ran.says("without a report that was asked for in time, no further pass")?;
    let license = eva.agree(APP, "reported")?.text("/pass/license")?;
    let sentence =
        "Before she agrees, Eva reads what will be recorded, for how long, and what follows from silence.";
    world.stage.voice().step(&ran, sentence);
    Ok(license)
}

fn she_sees_what_is_recorded(world: &World<'_>, eva: &Device<'_>) -> Result<(), Surprise> {
    for _ in 0..2 {
        eva.run(APP, &["true"])?.exits(0)?;
    }
    let ran = eva.ask(&["usage", APP])?;
    ran.done()?.is("/totals/0/uses", 2)?.is("/records/runs", 2)?;
    let sentence = "Each run is recorded. Eva sees totals and kinds of records; the details are sealed as they are written.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn a_report_is_asked_for_and_judged(
    world: &World<'_>,
    eva: &Device<'_>,
    license: &str,
) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let asked = acme.ask(&["supplier", "request-report", license])?;
    asked.done()?.is("/sent", true)?;
    eva.ask(&["renew", APP])?.exits(0)?;
    let started = stage.run(&eva.carnet().args(["--no-input", "run", APP, "--", "true"]))?;
    started.exits(0)?.says("the supplier has asked for a usage report")?;
    stage.voice().step(&asked, "acme asks for a report. Eva's device hears of it at its next contact, and the program says so when it starts.");
    let made = eva.ask(&["report", APP])?;
    made.done()?.is("/handed_in", true)?;
    eva.ask(&["status"])?.done()?.is("/servers/0/asked", serde_json::json!([]))?;
    stage.voice().step(
        &made,
        "She makes the report; it goes to the server, which keeps it and can read nothing of it.",
    );
    let opened = acme.ask(&["supplier", "open", "--received"])?;
    opened.done()?.is("/0/verdict", "within-contract")?.is("/0/uses", 3)?;
    let verdicts = acme.ask(&["supplier", "verdicts"])?;
    verdicts.done()?.is("/0/verdict/verdict", "within-contract")?;
    let events = acme.ask(&["supplier", "events", "--license", license])?.done()?;
    for kind in ["report-requested", "report-received", "report-judged"] {
        events.one("/data", "/kind", kind)?;
    }
    stage.voice().step(
        &opened,
        "acme fetches, opens and judges it: used within the contract. The verdict stands in the books.",
    );
    Ok(())
}

fn a_code_survives_paper(world: &World<'_>, eva: &Device<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let (text, picture) = (stage.path("report.txt"), stage.path("report.png"));
    let mut files = Vec::new();
    for to in [&text, &picture] {
        let made = eva.ask(&["report", APP, "--to", &to.to_string_lossy()])?.done()?;
        files.push(made.list("/files")?);
    }
    let mut pictures: Vec<String> = files[1].iter().map(|file| file.text("")).collect::<Result<_, _>>()?;
    // In any order.
    pictures.reverse();
    let pictures: Vec<&str> = pictures.iter().map(String::as_str).collect();
    let opened = acme.ask(&[&["supplier", "open"][..], &pictures].concat())?;
    opened.done()?.is("/0/verdict", "within-contract")?;
    let typed = files::text(&text)?;
    let line = typed.lines().nth(1).unwrap_or_default();
    let other = if line.starts_with('A') { "B" } else { "A" };
    let wrong = typed.replacen(line, &format!("{other}{}", &line[1..]), 1);
    let mistyped = stage.path("mistyped.txt");
    files::write(&mistyped, wrong.as_bytes())?;
    let refused = acme.ask(&["supplier", "open", &mistyped.to_string_lossy()])?;
    refused.says("line ")?;
    stage.check(refused.code != Some(0), "a mistake that is found", "none")?;
    let sentence =
        "The same goes as a text or as QR pictures in any order; a typing mistake is found on its line.";
    stage.voice().step(&opened, sentence);
    Ok(())
}

fn the_supplier_reads_on_her_device(world: &World<'_>, eva: &Device<'_>) -> Result<(), Surprise> {
    let key = world.stage.path("stick.keys").to_string_lossy().into_owned();
    world.acme.ask(&["supplier", "report-key", "export", "--to", &key, "--yes"])?.exits(0)?;
    let opened = eva.ask(&["supplier", "open", "--journal", APP, "--key", &key])?;
    opened.done()?.is("/0/verdict", "within-contract")?;
    let sentence = "With its keys on a stick, acme can read the journal on Eva's own device.";
    world.stage.voice().step(&opened, sentence);
    Ok(())
}

fn an_answer_that_is_late(world: &World<'_>, eva: &Device<'_>, license: &str) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    acme.ask(&["supplier", "request-report", license, "--within", "1 second"])?.exits(0)?;
    eva.run(APP, &["sleep", "2"])?.exits(0)?;
    // The pass that is out runs to its end; then the next one is refused.
    let mut refused = eva.run(APP, &["true"])?;
    while refused.code == Some(0) {
        refused = eva.run(APP, &["true"])?;
    }
    refused.fails(4, "report-overdue")?;
    eva.ask(&["report", APP])?.done()?.is("/handed_in", true)?;
    eva.run(APP, &["true"])?.exits(0)?;
    let opened = stage.run(&acme.carnet().args(["--no-input", "supplier", "open", "--received"]))?;
    opened.exits(5)?.says("violation")?;
    let sentence = "Who does not answer in time gets no further pass, as agreed, until the answer comes; that it was late is on record.";
    stage.voice().step(&refused, sentence);
    Ok(())
}

fn judged(
    world: &World<'_>,
    device: &Device<'_>,
    name: &str,
    more: &[&str],
) -> Result<crate::ran::Ran, Surprise> {
    let to = world.stage.path(name).to_string_lossy().into_owned();
    device.ask(&["report", APP, "--to", &to])?.exits(0)?;
    let line = world.acme.carnet().args(["--no-input", "supplier", "open", &to]);
    world.stage.run(&line.args(more))
}

fn a_power_failure_is_no_crime(world: &World<'_>, eva: &Device<'_>) -> Result<(), Surprise> {
    // What was reported already is no last record any more.
    eva.run(APP, &["true"])?.exits(0)?;
    files::cut(&files::newest(&eva.home, "apps/acme+print", "seg")?, 3)?;
    eva.run(APP, &["true"])?.exits(0)?;
    let opened = judged(world, eva, "torn", &[])?;
    opened.exits(0)?.says("within contract")?.says("note:")?;
    let sentence = "The power fails and tears the last record off. The program runs, and the next report notes it: nobody is accused.";
    world.stage.voice().step(&opened, sentence);
    Ok(())
}

fn a_clone_makes_a_second_history(world: &World<'_>, eva: &Device<'_>) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    let clone = eva.copied("eva.clone")?;
    // More records than the clone will have.
    eva.run(APP, &["true"])?.exits(0)?;
    eva.ask(&["renew", APP])?.exits(0)?;
    let contact = clone.ask(&["renew", APP])?;
    contact.exits(0)?;
    let settled = acme.ask(&["supplier", "events"])?;
    settled.done()?.holds("both heads as evidence", |events| {
        let settled =
            events["data"].as_array().into_iter().flatten().filter(|event| event["kind"] == "settled");
        settled.into_iter().any(|event| event["evidence"]["journal_head"].is_string())
    })?;
    let sentence = "A cloned machine shows when both sides have asked: the first time it is settled at the price of a slice.";
    stage.voice().step(&contact, sentence);
    eva.ask(&["renew", APP])?.fails(5, "under-review")?;
    let flagged = acme.ask(&["supplier", "device", "flagged"])?.done()?;
    let device = flagged.at("/0")?.text("/device")?;
    acme.ask(&["supplier", "device", "review", &device, APP])?.exits(0)?;
    eva.ask(&["renew", APP])?.exits(0)?;
    judged(world, &clone, "clone", &[])?;
    let opened = judged(world, eva, "fork", &[])?;
    opened.exits(5)?.says("violation")?;
    let sentence = "The next time it waits for acme, who lets Eva go on. The two journals part at a record, and that is a violation with the place.";
    stage.voice().step(&opened, sentence);
    Ok(())
}

fn the_contract_ends_with_an_erasure(
    world: &World<'_>,
    eva: &Device<'_>,
    license: &str,
) -> Result<(), Surprise> {
    let World { stage, acme, .. } = world;
    acme.ask(&["supplier", "request-erasure", license])?.exits(0)?;
    let erased = eva.ask(&["erase", APP, "--yes", "--stop"])?;
    erased.done()?.is("/outcome", "erased")?.is("/handed_in", true)?;
    stage.voice().step(
        &erased,
        "acme asks for the erasure. Eva erases the app, and the certificate goes to the server.",
    );
    let opened = acme.ask(&["supplier", "open", "--received", "--act", "--yes"])?;
    opened.done()?.is("/0/verdict", "erasure-confirmed")?.is("/0/done", "ended")?;
    world.license(license)?.is("/validity/status", "ended")?;
    eva.run(APP, &["true"])?.exits(4)?;
    stage.voice().step(&opened, "Only the confirmed erasure ends the contract, and nothing runs any more.");
    Ok(())
}
