//! Two suppliers register and say what they sell.

use super::World;
use crate::device::Device;
use crate::files;
use crate::ran::Ran;
use crate::surprise::Surprise;

const IMAGETOOL: &str = include_str!("menus/imagetool.toml");
const CLOCK: &str = include_str!("menus/clock.toml");
const SYNTH: &str = include_str!("menus/synth.toml");

pub(super) fn tell(world: &mut World<'_>) -> Result<(), Surprise> {
    the_first_registers(world)?;
    a_second_is_invited(world)?;
    they_name_what_they_sell(world)?;
    a_program_is_told_where_it_is_licensed(world)?;
    nonsense_is_refused(world)?;
    every_kind_of_term_is_on_a_menu(world)?;
    a_change_shows_what_changes(world)?;
    one_sees_nothing_of_the_other(world)
}

fn register(
    world: &World<'_>,
    who: &Device<'_>,
    name: &str,
    shown: &str,
    code: &str,
) -> Result<Ran, Surprise> {
    let line = who.carnet().args(["supplier", "register", "--server", &world.server.url, "--code", code]);
    let ran = world.stage.run(&line.args(["--name", name, "--display-name", shown, "--json"]))?;
    if ran.code == Some(0) {
        let facts = ran.done()?;
        facts.is("/supplier/name", name)?.is("/supplier/display_name", shown)?;
        let file = facts.text("/token_file")?;
        let mode = files::mode(file.as_ref())?;
        world.stage.check(mode == 0o600, "a token file for its owner only", format!("{mode:o}"))?;
        let kept = files::text(file.as_ref())?;
        world.stage.check(kept.trim() == facts.text("/token")?, "the token in its file", "another one")?;
    }
    Ok(ran)
}

fn the_first_registers(world: &World<'_>) -> Result<(), Surprise> {
    let ran = register(world, &world.acme, "acme", "Acme Software", &world.server.setup_code)?;
    ran.exits(0)?;
    // The code was good once.
    let again = register(world, &world.sono, "sono", "Sono Audio", &world.server.setup_code)?;
    again.fails(5, "wrong-setup-code")?;
    let sentence =
        "The supplier acme registers with the set-up code, which is then used up, and is given a token.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn a_second_is_invited(world: &World<'_>) -> Result<(), Surprise> {
    let invited = world.stage.run(&world.server.line().arg("invite"))?;
    let code = invited.exits(0)?.out.trim().to_owned();
    register(world, &world.sono, "sono", "Sono Audio", &code)?.exits(0)?;
    world
        .stage
        .voice()
        .step(&invited, "The operator invites a second supplier, sono, while the server runs.");
    Ok(())
}

fn they_name_what_they_sell(world: &World<'_>) -> Result<(), Surprise> {
    let add = |who: &Device<'_>, app, name| {
        let ran = who.ask(&["supplier", "app", "add", app, "--display-name", name])?;
        ran.done()?.is("/id", app)?.is("/display_name", name)?;
        Ok(ran)
    };
    let ran = add(&world.acme, "acme/imagetool", "Image Tool")?;
    add(&world.acme, "acme/clock", "Clock")?;
    add(&world.sono, "sono/synth", "Synth")?;
    for (who, apps) in [(&world.acme, &["acme/clock", "acme/imagetool"][..]), (&world.sono, &["sono/synth"])]
    {
        let listed = who.ask(&["supplier", "app", "list"])?.done()?;
        let expected = format!("exactly {}", apps.join(" and "));
        listed.holds(&expected, |value| {
            let ids = value["data"].as_array().into_iter().flatten().filter_map(|app| app["id"].as_str());
            let mut ids: Vec<_> = ids.collect();
            ids.sort_unstable();
            ids == apps
        })?;
    }
    world.stage.voice().step(&ran, "acme names two apps, sono one; each lists its own and no others.");
    Ok(())
}

fn a_program_is_told_where_it_is_licensed(world: &mut World<'_>) -> Result<(), Surprise> {
    let (url, root) = (world.server.url.clone(), world.server.root.clone());
    let mut last = None;
    for app in ["acme/clock", "acme/imagetool"] {
        let ran = world.acme.ask(&["supplier", "app", "product", app])?;
        let told = ran.done()?;
        told.is("/app", app)?;
        let product = told.text("/product")?;
        let begins = format!("{app}@{url}#{root}-");
        world.stage.check(product.starts_with(&begins), format!("{begins}…"), &product)?;
        world.products.insert(app, product);
        last = Some(ran);
    }
    let sentence = "For each app acme gets a product string to compile into its program: it names app, server and root hash.";
    last.iter().for_each(|ran| world.stage.voice().step(ran, sentence));
    Ok(())
}

fn set(
    who: &Device<'_>,
    world: &World<'_>,
    app: &str,
    file: &str,
    text: &str,
    more: &[&str],
) -> Result<Ran, Surprise> {
    let path = world.stage.path(file);
    files::write(&path, text.as_bytes())?;
    world.stage.run(&who.carnet().args(["supplier", "menu", "set", app, "-f"]).arg(path).args(more))
}

fn nonsense_is_refused(world: &World<'_>) -> Result<(), Surprise> {
    let wrong = IMAGETOOL.replace("condition = ", "conditoin = ").replace("uses = 10", "uses = \"ten\"");
    let ran = set(&world.acme, world, "acme/imagetool", "nonsense.toml", &wrong, &["--yes", "--json"])?;
    let error = ran.fails(2, "menu-file")?;
    for (part, line) in [("conditoin", place(&wrong, "conditoin")), ("uses", place(&wrong, "\"ten\""))] {
        let found = error.list("/details")?.into_iter().find(|detail| {
            let same_line = detail.number("/line").is_ok_and(|number| number == line);
            same_line && detail.text("/message").is_ok_and(|message| message.contains(part))
        });
        let expected = format!("a problem with `{part}` in line {line}");
        let found = found.ok_or_else(|| Surprise::new(expected, error.to_string()).of(&ran))?;
        found.holds("the file's name and a remedy", |detail| {
            let text = |key: &str| detail[key].as_str().unwrap_or_default().to_owned();
            text("file").ends_with("nonsense.toml") && !text("remedy").is_empty()
        })?;
    }
    let menu = world.acme.ask(&["supplier", "menu", "show", "acme/imagetool"])?.done()?;
    menu.is("/serial", 0)?;
    let sentence = "A menu file with mistakes is refused with file, line and remedy for each of them, and nothing is changed.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn place(text: &str, wanted: &str) -> u64 {
    text.lines().zip(1..).find(|(line, _)| line.contains(wanted)).map_or(0, |(_, number)| number)
}

fn every_kind_of_term_is_on_a_menu(world: &World<'_>) -> Result<(), Surprise> {
    let yes = &["--yes", "--json"];
    let ran = set(&world.acme, world, "acme/imagetool", "imagetool.toml", IMAGETOOL, yes)?;
    ran.done()?.is("/serial", 1)?.is("/dry_run", false)?.holds("five offers added", |value| {
        value["diff"]["added"].as_array().is_some_and(|added| added.len() == 5)
    })?;
    set(&world.acme, world, "acme/clock", "clock.toml", CLOCK, yes)?.done()?.is("/serial", 1)?;
    set(&world.sono, world, "sono/synth", "synth.toml", SYNTH, yes)?.done()?.is("/serial", 1)?;
    let menu = world.acme.ask(&["supplier", "menu", "show", "acme/imagetool"])?.done()?;
    for (offer, term, pass) in [
        ("for-ever", "without end", ""),
        ("month", "30 days", ""),
        ("seconds", "5 s", ""),
        ("ten-runs", "10 uses", "1 use"),
        ("ten-runs-in-a-month", "10 uses", "1 use"),
    ] {
        let listed = menu.one("/offers", "/offer/name", offer)?;
        listed.holds(&format!("the term {term}, in passes of {pass}"), |listed| {
            let words = |key: &str| listed[key].as_str().unwrap_or_default().to_owned();
            words("term_in_words").contains(term) && words("pass_term_in_words").contains(pass)
        })?;
    }
    let sentence = "The menus are set from files: for ever, for 30 days, for some seconds of running, for ten uses, and for ten uses within 30 days.";
    world.stage.voice().step(&ran, sentence);
    Ok(())
}

fn a_change_shows_what_changes(world: &World<'_>) -> Result<(), Surprise> {
    let dearer = CLOCK.replace("\"3.00 EUR\"", "\"4.00 EUR\"");
    let look = set(&world.acme, world, "acme/clock", "dearer.toml", &dearer, &["--dry-run", "--json"])?;
    let diff = look.done()?;
    diff.is("/dry_run", true)?.is("/serial", 1)?.is("/diff/added", serde_json::json!([]))?;
    diff.one("/diff/changed", "/before/name", "ten-runs")?.holds("another fee and nothing else", |one| {
        let mut before = one["before"].clone();
        before["fee"] = one["after"]["fee"].clone();
        one["before"]["fee"] != one["after"]["fee"] && before == one["after"]
    })?;
    let ran = set(&world.acme, world, "acme/clock", "dearer.toml", &dearer, &["--yes"])?;
    ran.exits(0)?.says("3.00 EUR")?.says("4.00 EUR")?.says("serial 2")?;
    let menu = world.acme.ask(&["supplier", "menu", "show", "acme/clock"])?.done()?;
    menu.is("/serial", 2)?.one("/offers", "/offer/name", "ten-runs")?.is("/serial", 2)?;
    world
        .stage
        .voice()
        .step(&ran, "A changed menu shows what changes, here a fee from 3 to 4 euros, before it is set.");
    Ok(())
}

fn one_sees_nothing_of_the_other(world: &World<'_>) -> Result<(), Surprise> {
    let World { stage, server, acme, sono, .. } = world;
    let sonos = format!("suppliers/{}/sono.token", server.address().replace(':', "_"));
    let with_sonos_token = |arguments: &[&str]| {
        let line = sono.carnet().args(["--server", &server.url, "--token-file"]).arg(sono.home.join(&sonos));
        stage.run(&line.args(["--json", "--no-input"]).args(arguments))
    };
    let menu = stage.path("clock.toml");
    let ran =
        with_sonos_token(&["supplier", "menu", "set", "acme/clock", "--yes", "-f", &menu.to_string_lossy()])?;
    ran.fails(5, "not-found")?;
    with_sonos_token(&["supplier", "app", "add", "acme/stolen"])?.exits(5)?;
    with_sonos_token(&["supplier", "licenses", "--app", "acme/clock"])?
        .done()?
        .is("/data", serde_json::json!([]))?;
    acme.ask(&["supplier", "menu", "show", "acme/clock"])?.done()?.is("/serial", 2)?;
    stage.voice().step(&ran, "Of acme's apps sono can change nothing and sees nothing: the answer is that there is no such thing (404).");
    Ok(())
}
