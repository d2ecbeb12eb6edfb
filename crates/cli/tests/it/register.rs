//! `carnet supplier register`, and the token that it keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use carnet_api::supplier::{RegisteredSupplier, Supplier};
use carnet_api::{Problem, ProblemCode};
use carnet_core::id::SupplierId;
use carnet_core::time::Time;

use crate::carnet::{Carnet, TOKEN, ran};
use crate::fake::{Fake, Says, json, problem};

const CODE: &str = "carnet_setup_canary";

fn acme() -> RegisteredSupplier {
    let supplier = Supplier {
        id: SupplierId([7; 16]),
        name: "acme".parse().unwrap(),
        display_name: "Acme Ltd.".into(),
        registered: Time::EPOCH,
    };
    RegisteredSupplier { supplier, token: TOKEN.into() }
}

fn register(url: &str) -> Vec<&str> {
    vec![
        "supplier",
        "register",
        "--server",
        url,
        "--code",
        CODE,
        "--name",
        "acme",
        "--display-name",
        "Acme Ltd.",
    ]
}

fn no_apps() -> Says {
    Says::Answer(200, "application/json", "{\"data\": []}".into())
}

#[test]
fn i17_the_token_is_shown_once_and_kept_for_its_owner_only() {
    let fake = Fake::new(vec![json(&acme()), no_apps()]);
    let carnet = Carnet::new();
    let ran = carnet.run(&register(&fake.url));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.out.matches(TOKEN).count(), 1);
    assert!(!ran.out.contains(CODE) && ran.err.is_empty(), "{ran:?}");

    let folder = carnet.home.join("suppliers").join(fake.url.trim_start_matches("http://").replace(':', "_"));
    let file = folder.join("acme.token");
    assert_eq!(fs::read_to_string(&file).unwrap().trim(), TOKEN);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);

    // From now on it is used without being named, and not shown again.
    let list = carnet.run(&["supplier", "app", "list"]);
    assert!(list.code == 0 && !list.out.contains(TOKEN) && !list.err.contains(TOKEN), "{list:?}");
    let seen = fake.seen();
    assert!(seen[0].header("authorization").is_none() && seen[0].body.contains(CODE), "{seen:?}");
    assert_eq!(seen[1].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
}

#[test]
fn a_token_that_is_kept_already_is_never_overwritten() {
    let fake = Fake::new(vec![json(&acme()), json(&acme())]);
    let carnet = Carnet::new();
    assert_eq!(carnet.run(&register(&fake.url)).code, 0);
    let mut again = register(&fake.url);
    again.push("--json");
    assert_eq!(carnet.run(&again).failed(), (1, "already-registered".into()));
    assert_eq!(fake.seen().len(), 1, "the set-up code must not be used up for nothing");
}

#[test]
fn a_folder_that_cannot_be_written_is_noticed_before_the_code_is_used_up() {
    let fake = Fake::new(vec![json(&acme())]);
    let carnet = Carnet::new();
    carnet.file("suppliers", "not a folder");
    let mut arguments = register(&fake.url);
    arguments.push("--json");
    assert_eq!(carnet.run(&arguments).failed(), (1, "file".into()));
    assert!(fake.seen().is_empty());
}

#[test]
fn a_wrong_code_is_the_servers_to_refuse_and_nothing_is_kept() {
    let fake = Fake::new(vec![problem(&Problem::new(ProblemCode::WrongSetupCode)), json(&acme())]);
    let carnet = Carnet::new();
    let mut arguments = register(&fake.url);
    arguments.push("--json");
    assert_eq!(carnet.run(&arguments).failed(), (5, "wrong-setup-code".into()));
    let ran = carnet.run(&arguments);
    assert_eq!((ran.code, ran.json()["token"].as_str()), (0, Some(TOKEN)));
    assert_eq!(ran.json()["supplier"]["name"], "acme");
}

#[test]
fn of_several_tokens_the_one_named_is_used() {
    let carnet = Carnet::new();
    let one = Fake::new(vec![json(&acme())]);
    let two = Fake::new(vec![json(&acme()), no_apps(), no_apps()]);
    for fake in [&one, &two] {
        assert_eq!(carnet.run(&register(&fake.url)).code, 0);
    }
    let list = ["supplier", "app", "list", "--json"];
    assert_eq!(carnet.run(&list).failed(), (2, "usage".into()));
    let at_two = [&list[..], &["--server", &two.url]].concat();
    assert_eq!(carnet.run(&at_two).code, 0);
    let nobody = [&at_two[..], &["--supplier", "zeta"]].concat();
    assert_eq!(carnet.run(&nobody).failed(), (8, "no-token".into()));
    assert_eq!(carnet.run(&[&at_two[..], &["--supplier", "acme"]].concat()).code, 0);
}

#[test]
fn a_token_comes_from_a_file_or_the_environment_too() {
    let carnet = Carnet::new();
    let file = carnet.file("my.token", &format!("{TOKEN}\n"));
    let fake = Fake::new(vec![no_apps(), no_apps()]);
    let list = ["supplier", "app", "list", "--json", "--server", &fake.url];
    assert_eq!(carnet.run(&[&list[..], &["--token-file", &file]].concat()).code, 0);
    assert_eq!(ran(carnet.command(&list).env("CARNET_TOKEN", TOKEN)).code, 0);
    for seen in fake.seen() {
        assert_eq!(seen.header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
    let empty = carnet.file("empty.token", "\n");
    for file in [&empty, "/nowhere/at/all"] {
        assert_eq!(
            carnet.run(&[&list[..], &["--token-file", file]].concat()).failed(),
            (8, "bad-token".into())
        );
    }
}

#[test]
fn a_token_that_others_can_read_is_warned_about() {
    let fake = Fake::new(vec![json(&acme()), no_apps()]);
    let carnet = Carnet::new();
    carnet.run(&register(&fake.url));
    let folder = carnet.home.join("suppliers").join(fake.url.trim_start_matches("http://").replace(':', "_"));
    fs::set_permissions(folder.join("acme.token"), fs::Permissions::from_mode(0o644)).unwrap();
    let list = carnet.run(&["supplier", "app", "list"]);
    assert!(list.code == 0 && list.err.starts_with("warning: others can read the token"), "{list:?}");
}
