//! `carnet supplier menu`: what is read, what is sent, and what must not be.

use std::io::Write;
use std::process::Stdio;

use carnet_api::menu::{Diff, MenuUpdated, MenuView};
use carnet_api::{Problem, ProblemCode};
use carnet_cli::menu_file;
use carnet_core::app::AppId;
use carnet_core::offer::{Menu, Offer};

use crate::carnet::{Carnet, TOKEN};
use crate::fake::{Fake, json, problem};

const TEN_RUNS: &str = r#"app = "acme/paint"

[[offer]]
name = "ten-runs"
condition = "Ten runs"
fee = "free"
term = { uses = 10 }
features = ["resize"]
pass = { uses = 1 }
"#;

fn app() -> AppId {
    "acme/paint".parse().unwrap()
}

pub fn ten_runs() -> Offer {
    menu_file::parse(TEN_RUNS).unwrap().offers.remove(0)
}

fn dearer() -> String {
    TEN_RUNS.replace("\"free\"", "\"9 EUR\"\ncharging = \"once\"")
}

fn at_serial(serial: u64) -> Menu {
    let mut menu = Menu::default();
    for _ in 0..serial {
        menu = menu.replaced(&app(), vec![ten_runs()]);
    }
    menu
}

fn view(menu: &Menu) -> MenuView {
    MenuView::new(app(), menu)
}

fn updated(menu: &Menu, text: &str, dry_run: bool) -> MenuUpdated {
    let offers = menu_file::parse(text).unwrap().offers;
    let diff = Diff::between(menu, &offers);
    MenuUpdated { app: app(), serial: menu.serial + 1, dry_run, diff, warnings: Vec::new() }
}

fn set<'a>(file: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["supplier", "menu", "set", "acme/paint", "-f", file], more].concat()
}

#[test]
fn a5_a_changed_menu_is_told_asked_for_and_sent_with_the_serial_it_was_made_from() {
    let menu = at_serial(4);
    let fake = Fake::new(vec![json(&view(&menu)), json(&updated(&menu, &dearer(), false))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &dearer());
    let ran = carnet.run_at(&fake.url, &set(&file, &["--yes"]));
    assert_eq!(
        (ran.code, ran.out.as_str()),
        (0, "The menu of acme/paint is changed (serial 5).\n"),
        "{ran:?}"
    );
    assert!(
        ran.err.contains("~ changed ten-runs\n    Price         free → 9.00 EUR, once, at the agreement\n"),
        "{ran:?}"
    );
    assert!(ran.err.contains("Licenses already agreed keep"), "{ran:?}");
    let seen = fake.seen();
    assert_eq!(seen[1].line, "PUT /v1/menu/acme/paint");
    assert_eq!(seen[1].header("if-match"), Some("\"4\""));
    let sent: carnet_api::menu::MenuUpdate = serde_json::from_str(&seen[1].body).unwrap();
    assert_eq!(sent.offers, menu_file::parse(&dearer()).unwrap().offers);
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(format!("Bearer {TOKEN}").as_str())));
}

#[test]
fn a5_without_a_yes_and_without_a_terminal_nothing_is_sent() {
    let fake = Fake::new(vec![json(&view(&at_serial(1)))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &dearer());
    assert_eq!(carnet.run_at(&fake.url, &set(&file, &["--json"])).failed(), (2, "needs-answer".into()));
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn a5_the_same_menu_again_sends_nothing() {
    let fake = Fake::new(vec![json(&view(&at_serial(2))), json(&view(&at_serial(2)))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", TEN_RUNS);
    let ran = carnet.run_at(&fake.url, &set(&file, &[]));
    assert_eq!((ran.code, ran.out.as_str()), (0, "No change: acme/paint is like that already.\n"), "{ran:?}");
    let json = carnet.run_at(&fake.url, &set(&file, &["--json"])).json();
    assert_eq!((&json["serial"], &json["diff"]["reordered"]), (&2.into(), &false.into()));
    assert!(fake.seen().iter().all(|seen| seen.line.starts_with("GET ")));
}

#[test]
fn a5_a_dry_run_says_what_would_change_and_asks_the_server_not_to() {
    let menu = at_serial(1);
    let fake = Fake::new(vec![json(&view(&menu)), json(&updated(&menu, &dearer(), true))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &dearer());
    let ran = carnet.run_at(&fake.url, &set(&file, &["--dry-run"]));
    assert!(ran.code == 0 && ran.out.starts_with("~ changed ten-runs\n"), "{ran:?}");
    assert!(ran.out.ends_with("Nothing was written: this was a dry run.\n"), "{ran:?}");
    assert_eq!(fake.seen()[1].line, "PUT /v1/menu/acme/paint?dry_run=true");
}

#[test]
fn a5_a_menu_that_somebody_else_has_changed_meanwhile_is_not_overwritten() {
    let fake = Fake::new(vec![json(&view(&at_serial(1))), problem(&Problem::new(ProblemCode::MenuChanged))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &dearer());
    let ran = carnet.run_at(&fake.url, &set(&file, &["--yes", "--json"]));
    assert_eq!(ran.failed(), (5, "menu-changed".into()));
}

#[test]
fn a5_a_warning_is_given_before_the_question() {
    let for_ever = TEN_RUNS.replace("{ uses = 10 }", "\"perpetual\"").replace("pass = { uses = 1 }", "");
    let fake = Fake::new(vec![json(&view(&at_serial(1)))]);
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &for_ever);
    let ran = carnet.run_at(&fake.url, &set(&file, &[]));
    assert!(
        ran.err.contains("warning: ten-runs: a perpetual pass that stays offline cannot be revoked"),
        "{ran:?}"
    );
    assert_eq!(ran.code, 2);
}

#[test]
fn a5_a_file_with_problems_is_shown_with_places_and_nothing_is_sent() {
    let fake = Fake::new(Vec::new());
    let carnet = Carnet::new();
    let file = carnet
        .file("menu.toml", &TEN_RUNS.replace("uses = 10", "uses = 0").replace("condition", "conditoin"));
    let ran = carnet.run_at(&fake.url, &set(&file, &["--yes", "--json"]));
    assert_eq!(ran.failed(), (2, "menu-file".into()));
    let details = &ran.json()["error"]["details"];
    let places: Vec<_> = details
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["line"].as_u64().unwrap(), one["column"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [(3, 1), (5, 1), (7, 17)], "{details:#}");
    assert_eq!(details[1]["remedy"], "did you mean `condition`?");
    assert!(details[1]["file"].as_str().unwrap().ends_with("menu.toml"));
    let plain = carnet.run_at(&fake.url, &set(&file, &["--yes"]));
    assert!(plain.err.contains(" | term = { uses = 0 }\n") && !plain.err.contains('\u{1b}'), "{plain:?}");
    assert!(fake.seen().is_empty());
}

#[test]
fn a5_what_is_no_file_of_a_person_is_refused() {
    let carnet = Carnet::new();
    let large = carnet.file("large.toml", &"#".repeat(2 * 1024 * 1024));
    let folder = carnet.home.to_str().unwrap();
    for (file, says) in [
        ("missing.toml", "there is no file missing.toml"),
        (folder, "is a folder"),
        (&large, "is larger than 256 KiB"),
        ("/dev/zero", "is larger than 256 KiB"),
        ("/dev/null", "is empty"),
    ] {
        let ran = carnet.run_at("http://127.0.0.1:1", &set(file, &["--json"]));
        assert_eq!(ran.failed(), (2, "menu-file".into()));
        assert!(ran.json()["error"]["message"].as_str().unwrap().contains(says), "{says}: {ran:?}");
    }
}

#[test]
fn a5_the_menu_of_another_app_is_not_put_in_place() {
    let carnet = Carnet::new();
    let file = carnet.file("menu.toml", &TEN_RUNS.replace("acme/paint", "acme/draw"));
    let ran = carnet.run_at("http://127.0.0.1:1", &set(&file, &["--yes", "--json"]));
    assert_eq!(ran.failed(), (2, "menu-file".into()));
}

#[test]
fn a2_a_menu_is_shown_in_words_as_json_and_as_a_file_that_changes_nothing() {
    let menu = view(&at_serial(3));
    let fake = Fake::new((0..4).map(|_| json(&menu)).collect());
    let carnet = Carnet::new();
    let show = ["supplier", "menu", "show", "acme/paint"];
    let words = carnet.run_at(&fake.url, &show);
    assert!(
        words.out.starts_with("Menu of acme/paint (serial 3)\n\nten-runs\n  Condition     Ten runs\n"),
        "{words:?}"
    );
    let json = carnet.run_at(&fake.url, &[&show[..], &["--json"]].concat()).json();
    assert_eq!(json["offers"][0]["offer"]["name"], "ten-runs");

    let printed = carnet.run_at(&fake.url, &[&show[..], &["--toml"]].concat()).out;
    let mut again = carnet.command(&set("-", &[]));
    again
        .env("CARNET_SERVER", &fake.url)
        .env("CARNET_TOKEN", TOKEN)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = again.spawn().unwrap();
    child.stdin.take().unwrap().write_all(printed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().starts_with("No change"), "{printed}");
    assert!(fake.seen()[0].header("authorization").is_none(), "anybody may read a menu");
}

#[test]
fn an_app_that_is_not_there_has_a_remedy() {
    let fake = Fake::new(vec![problem(&Problem::new(ProblemCode::NotFound))]);
    let ran = Carnet::new().run_at(&fake.url, &["supplier", "menu", "show", "acme/paint", "--json"]);
    assert_eq!(ran.failed(), (5, "not-found".into()));
    assert!(ran.out.contains("carnet supplier app add acme/paint"), "{ran:?}");
}

#[test]
fn a_menu_is_a_file_or_json_but_not_both() {
    let ran = Carnet::new().run(&["supplier", "menu", "show", "acme/paint", "--toml", "--json"]);
    assert_eq!(ran.failed(), (2, "usage".into()));
}
