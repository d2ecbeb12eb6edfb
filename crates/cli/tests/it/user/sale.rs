//! B1 and B11: a shop registers a user with several devices in one go, and each device takes over what it was given.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use super::shop::{FOR_EVER, Shop, TWO_RUNS, User};
use crate::carnet::{Carnet, ran};

/// A shop's machine with a token that is good for selling.
struct Counter {
    shop: Shop,
    carnet: Carnet,
    token: String,
}

impl Counter {
    fn open() -> Self {
        let shop = Shop::open();
        shop.sell(&[TWO_RUNS, FOR_EVER]);
        let made = shop.supplier(&[
            "supplier", "token", "new", "counter", "--scope", "shop", "--scope", "codes", "--json",
        ]);
        let token = made.json()["token"].as_str().unwrap().to_owned();
        let carnet = Carnet::new();
        let token = carnet.file("shop.token", &token);
        Self { shop, carnet, token }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.carnet.home.join(name)
    }

    /// Sells to Ann; the folder is `name`.
    fn sells(&self, name: &str, more: &[&str]) -> crate::carnet::Ran {
        self.sells_to("Ann Example", name, more)
    }

    fn sells_to(&self, who: &str, name: &str, more: &[&str]) -> crate::carnet::Ran {
        let to = self.folder(name).display().to_string();
        let fixed =
            ["shop", "sell", "--server", &self.shop.url, "--token-file", &self.token, "--json", "--to", &to];
        let ann = ["--name", who, "--email", "ann@example.org", "--telephone", "+49 30 901820"];
        self.carnet.run(&[&fixed[..], &ann, more].concat())
    }

    fn sold(&self, name: &str, more: &[&str]) -> (Value, Vec<String>) {
        let ran = self.sells(name, more);
        assert_eq!(ran.code, 0, "{ran:?}");
        let sold = ran.json();
        let files: Vec<String> = serde_json::from_value(sold["files"].clone()).unwrap();
        let files = files.into_iter().filter(|file| file.ends_with(".carnet-shop")).collect();
        (sold, files)
    }
}

fn takes_over(user: &User, file: &str) -> crate::carnet::Ran {
    user.run(&["register", "--from-shop", file, "--identity", user.identity(), "--json"])
}

#[test]
fn b1_a_shop_registers_a_user_and_several_devices_in_one_go() {
    let it = Counter::open();
    let devices = ["--device", "atelier:Analytical Engines", "--device", "laptop"];
    let (sold, files) = it.sold("ann", &[&devices[..], &["--offer", "acme/paint=two-runs"]].concat());
    assert_eq!((&sold["outcome"], &sold["devices"], files.len()), (&"sold".into(), &2.into(), 2), "{sold}");
    assert!(fs::read_to_string(it.folder("ann").join("README.txt")).unwrap().contains("recovery code"));

    let (atelier, laptop) = (it.shop.visitor(), it.shop.visitor());
    let first = takes_over(&atelier, &files[0]);
    assert_eq!(first.code, 0, "{first:?}");
    let first = first.json();
    assert_eq!(first["user"], sold["user"]);
    let recovery = first["recovery_code"].as_str().unwrap().to_owned();
    assert!(recovery.starts_with("recover1"), "drawn on the device: {first}");
    let second = takes_over(&laptop, &files[1]).json();
    assert_eq!(
        (&second["user"], &second["recovery_code"]),
        (&sold["user"], &Value::Null),
        "it has one already"
    );

    let shown = laptop.run(&["devices", "--json"]).json();
    let mut known: Vec<_> = shown["devices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|device| (device["name"].clone(), device["maker"].clone()))
        .collect();
    known.sort_by_key(|(name, _)| name.to_string());
    assert_eq!(known, [("atelier".into(), "Analytical Engines".into()), ("laptop".into(), Value::Null)]);
    assert!(laptop.run(&["devices"]).out.contains("atelier, Analytical Engines"));

    // What was paid for in the shop costs nothing here.
    let code = first["redeem"][0].as_str().unwrap();
    let redeemed = atelier.run(&["redeem", code, "--yes", "--json"]);
    assert_eq!((redeemed.code, &redeemed.json()["outcome"]), (0, &"redeemed".into()), "{redeemed:?}");
    assert_eq!(atelier.sh("exit 0").code, 0);
    // The recovery code is the user's way back.
    let back = it.shop.visitor();
    let joined = back.run(&[
        "register",
        "--server",
        &back.url,
        "--root",
        &back.root,
        "--identity",
        back.identity(),
        "--code",
        &recovery,
        "--json",
    ]);
    assert_eq!(joined.json()["user"], sold["user"], "{joined:?}");
    let events = it.shop.supplier(&["supplier", "events", "--json"]).json();
    let sales = events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == "sold");
    assert_eq!(sales.count(), 1, "{events}");
}

#[test]
fn b1_a_file_is_good_once_on_one_device_and_taking_it_over_may_be_repeated() {
    let it = Counter::open();
    let (_, files) = it.sold("ann", &["--device", "atelier"]);
    let (atelier, thief) = (it.shop.visitor(), it.shop.visitor());
    let first = takes_over(&atelier, &files[0]).json();
    let again = takes_over(&atelier, &files[0]);
    assert_eq!((again.code, &again.json()["already"]), (0, &true.into()), "{again:?}");
    assert_eq!((&again.json()["device"], &again.json()["recovery_code"]), (&first["device"], &Value::Null));
    let used = takes_over(&thief, &files[0]);
    assert_eq!(used.failed(), (5, "shop-file-used".into()));
    assert!(used.json()["error"]["remedy"].as_str().unwrap().contains("devices lost"), "{used:?}");
    // Whoever was refused can register otherwise.
    assert_eq!(thief.run(&thief.registration()).code, 0);
}

#[test]
fn b1_damaged_foreign_and_withdrawn_files_say_what_helps_and_lose_nothing() {
    let it = Counter::open();
    let (_, files) = it.sold("ann", &["--device", "atelier", "--device", "laptop"]);
    let ann = it.shop.visitor();
    let text = fs::read_to_string(&files[0]).unwrap();
    for (name, text) in [
        ("cut", text[..text.len() / 2].to_owned()),
        ("changed", text.replace("atelier", "ateliex")),
        ("newer", text.replace("\"carnet_shop_file\": 1", "\"carnet_shop_file\": 2")),
        ("letter", "Dear Ann".to_owned()),
    ] {
        let file = ann.carnet.file(name, &text);
        assert_eq!(takes_over(&ann, &file).failed(), (1, "bad-shop-file".into()), "{name}");
    }
    assert_eq!(takes_over(&ann, "nowhere.carnet-shop").failed(), (1, "bad-shop-file".into()));
    let elsewhere =
        ann.run(&["--server", "http://127.0.0.1:9", "register", "--from-shop", &files[0], "--json"]);
    assert_eq!(elsewhere.failed(), (2, "other-server".into()));

    // A device of somebody else stays that.
    let bob = it.shop.user();
    let before = bob.run(&["status", "--json"]).out;
    assert_eq!(takes_over(&bob, &files[0]).failed(), (1, "registered-as-another".into()));
    assert_eq!(
        bob.run(&["status", "--json"]).json()["servers"][0]["user"],
        serde_json::from_str::<Value>(&before).unwrap()["servers"][0]["user"]
    );
    assert_eq!(takes_over(&ann, &files[0]).code, 0, "the file is as good as before");

    // Ann does not want the other one to be used.
    let sale: Value = serde_json::from_str(&fs::read_to_string(&files[1]).unwrap()).unwrap();
    let withdrawn = ann.run(&["devices", "withdraw", sale["sale"]["code"].as_str().unwrap(), "--json"]);
    assert_eq!(withdrawn.code, 0, "{withdrawn:?}");
    assert_eq!(takes_over(&it.shop.visitor(), &files[1]).failed(), (5, "shop-file-refused".into()));
}

#[test]
fn b1_a_server_that_took_the_place_of_the_right_one_gets_nothing() {
    let mut it = Counter::open();
    let (_, files) = it.sold("ann", &["--device", "atelier"]);
    it.shop.replace();
    let ann = it.shop.visitor();
    let failed = takes_over(&ann, &files[0]).failed();
    assert_eq!(failed.1, "untrusted", "{failed:?}");
}

#[test]
fn b1_d2_a_sale_whose_answer_was_lost_is_carried_on_and_registers_one_user() {
    let mut it = Counter::open();
    let devices = ["--device", "atelier"];
    it.shop.close();
    let away = it.sells("ann", &devices);
    assert_eq!(away.code, 6, "{away:?}");
    assert_eq!(fs::read_dir(it.folder("ann")).map(Iterator::count).unwrap_or(0), 0, "nothing was begun");
    it.shop.reopen();
    let (sold, files) = it.sold("ann", &devices);
    assert!(!it.folder("ann").join("sale.begun").exists());
    let more = it.sells("ann", &devices);
    assert_eq!(more.failed(), (1, "folder-in-use".into()), "each sale has its folder");

    // As if the process had died before it could write the files.
    let plan = plan_of(&it, &files[0]);
    let again = it.folder("again");
    fs::create_dir(&again).unwrap();
    let disk = carnet_seam::RealFs::default();
    carnet_seam::fs::replace_file(&disk, &again.join("sale.begun"), plan.to_string().as_bytes()).unwrap();
    let other = it.sells_to("Bob Example", "again", &devices);
    assert_eq!(
        other.failed(),
        (1, "folder-in-use".into()),
        "another sale is not carried on for somebody else"
    );
    let (same, _) = it.sold("again", &devices);
    assert_eq!(
        (&same["user"], &same["until"]),
        (&sold["user"], &sold["until"]),
        "the same codes are the same sale"
    );
}

/// The plan of a sale that was finished, made anew of its file.
fn plan_of(it: &Counter, file: &str) -> Value {
    let sale: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let sale = &sale["sale"];
    let code: carnet_seal::code::CodeText = sale["code"].as_str().unwrap().parse().unwrap();
    serde_json::json!({
        "server": it.shop.url, "root": it.shop.root, "offers": [],
        "devices": [{"name": "atelier", "maker": null, "code": sale["code"]}],
        "sale": {
            "name": "Ann Example", "email": "ann@example.org", "telephone": "+49 30 901820", "days": 90,
            "codes": [carnet_seal::code::digest_of(code.secret)],
        },
    })
}

#[test]
fn b1_what_cannot_be_sold_registers_nobody() {
    let it = Counter::open();
    for (more, expected) in [
        (&["--device", "a", "--payment-reference", "4111 1111 1111 1111"][..], (2, "personal-data")),
        (&["--device", ""], (2, "usage")),
        (&["--device", "a:"], (2, "usage")),
        (&["--device", "a", "--offer", "acme/paint"], (2, "usage")),
        (&["--device", "a", "--days", "0"], (2, "usage")),
        (&["--device", "a", "--offer", "acme/paint=nothing"], (1, "not-found")),
        (&["--device", "a", "--root", &"00".repeat(32)], (1, "untrusted")),
    ] {
        let failed = it.sells("ann", more).failed();
        assert_eq!(failed.1, expected.1, "{more:?}: {failed:?}");
        assert_eq!(fs::read_dir(it.folder("ann")).map(Iterator::count).unwrap_or(0), 0, "{more:?}");
    }
    let events = it.shop.supplier(&["supplier", "events", "--json"]).json();
    assert!(events["data"].as_array().unwrap().iter().all(|event| event["kind"] != "sold"), "{events}");
}

#[test]
fn b11_the_folder_of_a_sale_holds_the_program_and_that_registers_the_device() {
    let it = Counter::open();
    let (sold, files) = it.sold("ann", &["--device", "atelier", "--with-program"]);
    let program = it.folder("ann").join("carnet");
    assert!(sold["files"].as_array().unwrap().contains(&program.display().to_string().into()), "{sold}");
    let ann = it.shop.visitor();
    let mut command = Command::new(&program);
    command.env_clear().arg("--home").arg(&ann.carnet.home);
    command.args(["register", "--from-shop", &files[0], "--identity", ann.identity(), "--json"]);
    let registered = ran(&mut command);
    assert_eq!((registered.code, &registered.json()["user"]), (0, &sold["user"]), "{registered:?}");
}
