//! `carnet supplier register`, and the token that it keeps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use carnet_api::supplier::{RegisteredSupplier, Supplier};
use carnet_api::{Problem, ProblemCode};
use carnet_cli::http::Token;
use carnet_core::id::SupplierId;
use carnet_core::time::Time;

use crate::carnet::{Carnet, TOKEN, ran};
use crate::fake::{Fake, Says, Seen, json, problem};
use crate::user::shop::Shop;

const CODE: &str = "carnet_setup_canary";

fn acme() -> RegisteredSupplier {
    let supplier = Supplier {
        id: SupplierId([7; 16]),
        name: "acme".parse().unwrap(),
        display_name: "Acme Ltd.".into(),
        registered: Time::EPOCH,
    };
    RegisteredSupplier { supplier, token: None }
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

/// Where the tokens of this server are kept.
fn folder(carnet: &Carnet, fake: &Fake) -> PathBuf {
    carnet.home.join("suppliers").join(fake.url.trim_start_matches("http://").replace(':', "_"))
}

fn body(seen: &Seen) -> serde_json::Value {
    serde_json::from_str(&seen.body).unwrap()
}

#[test]
fn i17_the_token_is_made_here_shown_once_and_kept_for_its_owner_only() {
    let fake = Fake::new(vec![json(&acme()), no_apps()]);
    let carnet = Carnet::new();
    let ran = carnet.run(&register(&fake.url));
    assert_eq!(ran.code, 0, "{ran:?}");
    let file = folder(&carnet, &fake).join("acme.token");
    let token = fs::read_to_string(&file).unwrap().trim().to_owned();
    assert!(token.starts_with("carnet_sup_") && ran.out.matches(&token).count() == 1, "{ran:?}");
    assert!(!ran.out.contains(CODE) && ran.err.is_empty(), "{ran:?}");

    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(folder(&carnet, &fake)).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::read_dir(folder(&carnet, &fake)).unwrap().count(), 2, "the token and the address");

    // From now on it is used without being named, and not shown again.
    let list = carnet.run(&["supplier", "app", "list"]);
    assert!(list.code == 0 && !list.out.contains(&token) && !list.err.contains(&token), "{list:?}");
    let seen = fake.seen();
    assert!(seen[0].header("authorization").is_none() && seen[0].body.contains(CODE), "{seen:?}");
    assert!(!seen[0].body.contains(&token), "the server gets the hash: {seen:?}");
    assert_eq!(body(&seen[0])["token_hash"], Token::in_text(&token).unwrap().hash().to_string());
    assert_eq!(seen[1].header("authorization"), Some(format!("Bearer {token}").as_str()));
}

#[test]
fn d2_a_registration_whose_answer_is_lost_is_repeated_with_the_same_token() {
    let lost = || Says::Bytes(Vec::new());
    let fake = Fake::new(vec![lost(), lost(), lost(), json(&acme())]);
    let carnet = Carnet::new();
    let mut arguments = register(&fake.url);
    arguments.push("--json");
    // One command asks twice; then the person asks again.
    let failed = carnet.run(&arguments);
    assert_eq!(failed.failed(), (6, "server-unreachable".into()));
    assert!(failed.out.contains("run the same command again"), "{failed:?}");
    assert!(!folder(&carnet, &fake).join("acme.token").exists(), "nobody knows yet whether it is good");
    let ran = carnet.run(&arguments);
    assert_eq!(ran.code, 0, "{ran:?}");
    let seen = fake.seen();
    let hash = body(&seen[0])["token_hash"].clone();
    assert!(seen.len() == 4 && seen.iter().all(|seen| body(seen)["token_hash"] == hash), "{seen:?}");
    let token = Token::in_text(ran.json()["token"].as_str().unwrap()).unwrap();
    assert_eq!(hash, token.hash().to_string());
    assert_eq!(
        carnet.run(&["supplier", "app", "list", "--json"]).code,
        6,
        "the token is kept; nobody answers"
    );
}

#[test]
fn d2_who_died_before_the_answer_was_kept_finds_the_token_good_though_the_code_is_used_up() {
    let shop = Shop::open();
    let acme = shop.supplier_home();
    let server = shop.url.trim_start_matches("http://").replace(':', "_");
    let kept = acme.home.join("suppliers").join(server).join("acme.token");
    let token = fs::read_to_string(&kept).unwrap();
    let begun = kept.with_extension("token-begun");
    fs::hard_link(&kept, &begun).unwrap();
    fs::remove_file(&kept).unwrap();
    assert_eq!(acme.run(&["supplier", "app", "list", "--json"]).failed(), (8, "no-token".into()));
    assert_eq!(acme.run(&register(&shop.url)).code, 0, "the same command once more");
    assert_eq!(fs::read_to_string(&kept).unwrap(), token);
    assert!(!begun.exists() && acme.run(&["supplier", "app", "list"]).code == 0);
}

#[test]
fn i17_the_code_need_not_be_on_the_command_line() {
    let fake = Fake::new(vec![json(&acme()), json(&acme())]);
    let without: Vec<&str> =
        register(&fake.url).into_iter().filter(|word| !["--code", CODE].contains(word)).collect();
    let carnet = Carnet::new();
    let file = carnet.file("code", &format!("{CODE}\n"));
    let nobody = carnet.run(&[&without[..], &["--json"]].concat());
    assert_eq!(nobody.failed(), (2, "usage".into()));
    assert!(nobody.out.contains("--code-file"), "{nobody:?}");
    let missing = carnet.run(&[&without[..], &["--json", "--code-file", "/nowhere/at/all"]].concat());
    assert_eq!(missing.failed(), (2, "usage".into()));
    assert_eq!(carnet.run(&[&without[..], &["--code-file", &file]].concat()).code, 0);

    let other = Carnet::new();
    let mut piped = other.command(&[&without[..], &["--code-file", "-"]].concat());
    assert_eq!(ran(piped.stdin(fs::File::open(&file).unwrap())).code, 0);
    assert!(fake.seen().iter().all(|seen| body(seen)["setup_code"] == CODE), "{:?}", fake.seen());
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
    assert!(ran.code == 0 && ran.json()["token"].as_str().unwrap().starts_with("carnet_sup_"), "{ran:?}");
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
    fs::set_permissions(folder(&carnet, &fake).join("acme.token"), fs::Permissions::from_mode(0o644))
        .unwrap();
    let list = carnet.run(&["supplier", "app", "list"]);
    assert!(list.code == 0 && list.err.starts_with("warning: others can read the token"), "{list:?}");
}
