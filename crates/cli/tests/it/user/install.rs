//! B3 to B8 with the real programs: on sale, ordered, keys in two steps, installed, upgraded, removed.

use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use carnet_controller::{Controller, Run, Time};
use carnet_seal::ProductString;
use serde_json::Value;

use super::shop::{Shop, User};
use crate::carnet::{Carnet, Ran};

const EDITIONS: &str = r#"
[[offer]]
name = "small"
condition = "Small"
features = ["core"]
fee = "free"
term = "perpetual"
versions = { from = "1.0.0", below = "3.0.0" }

[[offer]]
name = "large"
condition = "Large"
features = ["core", "brushes"]
fee = "free"
term = "perpetual"
"#;

const REPORTED: &str = r#"
[[offer]]
name = "reported"
condition = "Reported"
features = ["core", "brushes"]
fee = "free"
term = "perpetual"
reporting = { record_retention = "90 days" }
"#;

/// A shop whose supplier can sign images.
pub fn shop() -> Shop {
    let shop = Shop::open();
    shop.sell(&[EDITIONS]);
    shop.supplier(&["supplier", "image-key", "new", "--supplier", "acme"]);
    shop.supplier(&["supplier", "image-key", "register"]);
    shop
}

/// The same, who asks for reports and has a program on sale.
pub fn reporting_shop() -> Shop {
    let shop = shop();
    shop.supplier(&["supplier", "report-key", "new"]);
    shop.sell(&[REPORTED]);
    publish(&shop, "1.0.0");
    shop
}

/// The first verdict that `carnet supplier open` prints.
pub fn verdict(opened: &Ran) -> Value {
    let first = serde_json::Deserializer::from_str(&opened.out).into_iter::<Value>().next();
    first.unwrap().unwrap()[0].clone()
}

/// Builds this version of the program and publishes it; returns the image file.
pub fn publish(shop: &Shop, version: &str) -> PathBuf {
    let home = shop.supplier_home();
    let folder = home.home.join(format!("program-{version}"));
    fs::create_dir_all(folder.join("brushes")).unwrap();
    home.file(&format!("program-{version}/paint"), &format!("paint {version}"));
    home.file(&format!("program-{version}/brushes/oil"), &format!("oil {version}"));
    let image = home.home.join(format!("paint-{version}.cimg"));
    let (folder, image_text) = (folder.display().to_string(), image.display().to_string());
    shop.supplier(&[
        "supplier",
        "image",
        "build",
        &folder,
        "--app",
        "acme/paint",
        "--version",
        version,
        "--feature",
        "brushes=brushes/**",
        "--feature",
        "core=**",
        "--sealed",
        "brushes",
        "--to",
        &image_text,
    ]);
    let published = shop.supplier(&["supplier", "image", "publish", &image_text, "--json"]).json();
    assert_eq!(published["keyed"], true, "{published}");
    image
}

pub fn ordered(shop: &Shop, offer: &str) -> User {
    let ann = shop.user();
    let ran = ann.run(&["order", "acme/paint", offer, "--yes", "--json"]);
    assert_eq!((ran.code, &ran.json()["outcome"]), (0, &"ordered".into()), "{ran:?}");
    ann
}

pub fn install(user: &User, more: &[&str]) -> Value {
    let ran = user.run(&[&["install", "acme/paint", "--json"], more].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

pub fn files(user: &User) -> PathBuf {
    user.carnet.home.join("programs/acme.paint/current/files")
}

/// How often this happened to licenses of the supplier's apps.
pub(super) fn count(shop: &Shop, kind: &str) -> usize {
    let events = shop.supplier(&["supplier", "events", "--json"]).json();
    events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what somebody changes need not last")]
fn c2_a_report_says_whether_what_was_installed_is_as_it_was_signed() {
    let shop = reporting_shop();
    let ann = ordered(&shop, "reported");
    install(&ann, &[]);
    assert_eq!(ann.sh("exit 0").code, 0);
    let report = shop.supplier_home().home.join("report.carnet").display().to_string();
    let judged = || {
        let made = ann.run(&["report", "acme/paint", "--to", &report, "--json"]);
        assert_eq!(made.code, 0, "{made:?}");
        let opened = shop.supplier_home().run(&["supplier", "open", &report, "--json"]);
        verdict(&opened)
    };
    let good = judged();
    assert_eq!(good["verdict"], "within-contract", "features that stay sealed have no files: {good}");
    fs::write(files(&ann).join("paint"), "another program").unwrap();
    let changed = judged();
    assert_eq!(changed["verdict"], "violation", "{changed}");
    assert_eq!(changed["reasons"][0]["code"], "program-changed", "{changed}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what somebody changes need not last")]
fn c6_c2_a_journal_opened_on_the_device_looks_at_what_is_installed_there() {
    let shop = reporting_shop();
    let ann = ordered(&shop, "reported");
    install(&ann, &[]);
    assert_eq!(ann.sh("exit 0").code, 0);
    let key = shop.supplier_home().home.join("stick.keys").display().to_string();
    shop.supplier(&["supplier", "report-key", "export", "--to", &key, "--yes"]);
    let judged = || {
        let opened = ann.run(&["supplier", "open", "--journal", "acme/paint", "--key", &key, "--json"]);
        verdict(&opened)
    };
    let good = judged();
    assert_eq!((&good["verdict"], &good["notices"]), (&"within-contract".into(), &serde_json::json!([])));
    fs::write(files(&ann).join("paint"), "another program").unwrap();
    assert_eq!(judged()["reasons"][0]["code"], "program-changed");
}

#[test]
fn b3_b6_b7_a20_software_is_on_sale_ordered_and_installed_as_far_as_the_license_grants_it() {
    let shop = shop();
    publish(&shop, "1.0.0");
    let ann = shop.user();
    let found = ann.run(&["catalog", "acme", "--json"]).json();
    assert_eq!(found[0]["app"], "acme/paint");
    assert_eq!(found[0]["offers"], serde_json::json!(["small", "large"]));
    assert_eq!(found[0]["versions"][0]["version"], "1.0.0");
    assert_eq!(ann.run(&["catalog", "umbra", "--json"]).json(), serde_json::json!([]));

    let without = ann.run(&["install", "acme/paint", "--json"]);
    assert_eq!(without.failed(), (5, "no-license".into()), "B6: nothing is installed that was not ordered");
    assert!(!files(&ann).exists());
    let ran = ann.run(&["order", "acme/paint", "small", "--yes", "--json"]);
    assert_eq!(ran.json()["outcome"], "ordered", "{ran:?}");
    let done = install(&ann, &[]);
    assert_eq!((&done["version"], &done["already"]), (&"1.0.0".into(), &false.into()));
    assert_eq!(done["features"], serde_json::json!(["core"]));
    assert_eq!(fs::read_to_string(files(&ann).join("paint")).unwrap(), "paint 1.0.0");
    assert!(!files(&ann).join("brushes").exists(), "A20: what is not granted is not there");
    assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (1, 1));

    assert_eq!(install(&ann, &[])["already"], true);
    assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (1, 1), "the key is kept (B8)");
    let removed = ann.run(&["uninstall", "acme/paint", "--yes", "--json"]);
    assert_eq!(removed.code, 0, "{removed:?}");
    assert!(!files(&ann).exists());
    let gone = ann.run(&["uninstall", "acme/paint", "--yes", "--json"]);
    assert_eq!(gone.failed(), (1, "not-installed".into()));
}

/// The program's own controller, on this user's device.
pub(super) fn controller(user: &User) -> Controller {
    let (app, url) = ("acme/paint".parse().unwrap(), user.url.parse().unwrap());
    let product = ProductString { app, url, root: user.root.parse().unwrap() };
    Controller::builder(&product.to_string()).home(&user.carnet.home).open().unwrap()
}

pub(super) fn read(run: &Run, path: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut content = run.content("brushes", path).map_err(|refused| refused.code.to_owned())?;
    content.read_to_string(&mut text).map_err(|error| error.kind().to_string())?;
    Ok(text)
}

#[test]
fn b8_d1_sealed_content_opens_for_an_approved_run_on_its_device_and_not_otherwise() {
    let shop = shop();
    publish(&shop, "1.0.0");
    let ann = ordered(&shop, "large");
    let run = controller(&ann).start().unwrap();
    assert_eq!(read(&run, "brushes/oil"), Err("not-installed".into()));
    let done = install(&ann, &[]);
    assert_eq!(done["features"], serde_json::json!(["brushes", "core"]));
    assert!(!files(&ann).join("brushes").exists(), "it is nowhere in the clear");
    let everything = everything_below(&ann.carnet.home);
    assert!(!everything.windows(9).any(|window| window == b"oil 1.0.0"));

    assert_eq!(read(&run, "brushes/oil"), Ok("oil 1.0.0".into()));
    let mut content = run.content("brushes", "brushes/oil").unwrap();
    content.seek(SeekFrom::Start(4)).unwrap();
    let mut version = [0; 5];
    content.read_exact(&mut version).unwrap();
    assert_eq!(&version, b"1.0.0");
    assert_eq!(read(&run, "brushes/chalk"), Err("no-content".into()));
    run.end();
    content.seek(SeekFrom::Start(0)).unwrap();
    let ended = content.read(&mut version).unwrap_err();
    assert_eq!(ended.kind(), std::io::ErrorKind::PermissionDenied, "a key opens only with a good pass");

    // The same passbook and the same files on another machine, and with another device's passbook.
    let bob = ordered(&shop, "large");
    let copied = bob.carnet.home.join("programs");
    copy(&ann.carnet.home.join("programs"), &copied);
    let program = copied.join("acme.paint");
    assert!(program.exists());
    let run = controller(&bob).start().unwrap();
    assert_eq!(read(&run, "brushes/oil"), Err("not-installed".into()));
    note_installed(&bob, &copied);
    assert_eq!(read(&run, "brushes/oil"), Err("no-content-key".into()), "the files alone are of no use");
}

/// All bytes of all files, one after the other.
fn everything_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(everything_below(&path));
        } else if path.is_file() {
            all.extend(fs::read(path).unwrap());
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap();
    assert!(copied.success());
}

/// As if the program had been installed there.
#[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
fn note_installed(user: &User, below: &Path) {
    let server = fs::read_dir(&user.carnet.home).unwrap().map(|entry| entry.unwrap().path());
    let folder = server.into_iter().find(|path| path.join("identity").exists()).unwrap().join("installed");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("acme+paint"), below.to_str().unwrap()).unwrap();
}

#[test]
fn b5_an_upgrade_takes_the_newest_version_that_the_license_covers() {
    let shop = shop();
    publish(&shop, "1.0.0");
    let ann = ordered(&shop, "small");
    assert_eq!(ann.run(&["upgrade", "acme/paint", "--json"]).failed(), (1, "not-installed".into()));
    install(&ann, &[]);
    for version in ["2.0.0", "3.0.0"] {
        publish(&shop, version);
    }
    let upgraded = ann.run(&["upgrade", "acme/paint", "--json"]).json();
    assert_eq!((&upgraded["version"], &upgraded["already"]), (&"2.0.0".into(), &false.into()));
    assert_eq!(fs::read_to_string(files(&ann).join("paint")).unwrap(), "paint 2.0.0");
    assert_eq!(ann.run(&["upgrade", "acme/paint", "--json"]).json()["already"], true);

    let beyond = ann.run(&["install", "acme/paint", "--version", "3.0.0", "--json"]);
    assert_eq!(beyond.failed(), (5, "version-not-covered".into()));
    let back = ann.run(&["install", "acme/paint", "--version", "1.0.0", "--json"]);
    assert_eq!(back.failed(), (1, "image-other".into()), "nobody is led back to an older version");
    let none = ann.run(&["install", "acme/paint", "--version", "9.0.0", "--json"]);
    assert_eq!(none.failed(), (5, "no-image".into()));
    assert_eq!(fs::read_to_string(files(&ann).join("paint")).unwrap(), "paint 2.0.0", "untouched");
}

#[test]
fn b5_an_image_on_a_medium_is_installed_and_its_keys_are_delivered_all_the_same() {
    let shop = shop();
    let image = publish(&shop, "1.0.0");
    let ann = ordered(&shop, "small");
    let medium = ann.carnet.home.join("medium.cimg");
    fs::copy(&image, &medium).unwrap();
    let medium = medium.display().to_string();
    let elsewhere = ann.carnet.home.join("elsewhere").display().to_string();
    let ran = ann.run(&["install", &medium, "--to", &elsewhere, "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        fs::read_to_string(ran.json()["folder"].as_str().unwrap().to_owned() + "/paint").unwrap(),
        "paint 1.0.0"
    );
    assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (1, 1));

    damage(&medium);
    let bob = ordered(&shop, "small");
    let damaged = bob.run(&["install", &medium, "--json"]);
    assert_eq!(damaged.failed(), (1, "image-damaged".into()));
    assert!(!files(&bob).exists());
}

/// The last frame has another byte.
#[expect(clippy::disallowed_methods, reason = "an input of a test need not last")]
fn damage(path: &str) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}

#[test]
fn b7_i5_whenever_the_device_dies_the_key_is_ordered_and_delivered_once() {
    let shop = shop();
    publish(&shop, "1.0.0");
    let points = [
        "contact-before-send",
        "contact-before-outcome",
        "contact-after-outcome",
        "contact-before-send:2",
        "contact-before-outcome:2",
        "contact-after-outcome:2",
        "install.extracted",
        "install.placed",
        "install.linked",
        "install.switched",
        "install.tidied",
    ];
    for (times, point) in (1..).zip(points) {
        let ann = ordered(&shop, "small");
        assert!(ann.dies(point, &["install", "acme/paint"]), "{point}");
        install(&ann, &[]);
        assert_eq!(fs::read_to_string(files(&ann).join("paint")).unwrap(), "paint 1.0.0", "{point}");
        assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (times, times), "{point}");
    }
}

#[test]
fn b4_an_order_of_a_device_that_is_not_registered_to_the_user_leaves_nothing_but_an_event() {
    let shop = shop();
    let ann = shop.user();
    let nothing = ann.run(&["order", "acme/paint", "small", "--yes", "--json"]);
    assert_eq!(nothing.failed(), (5, "no-image".into()), "nobody pays for what cannot be installed");
    publish(&shop, "1.0.0");
    let desk = shop.second_device(&ann);
    let devices = ann.run(&["devices", "--json"]).json();
    let devices = devices["devices"].as_array().unwrap();
    let newest =
        devices.iter().max_by_key(|device| device["registered"].as_str().unwrap().parse::<Time>().unwrap());
    let retired = ann.run(&["devices", "retire", newest.unwrap()["id"].as_str().unwrap(), "--json"]);
    assert_eq!(retired.code, 0, "{retired:?}");
    let refused = desk.run(&["order", "acme/paint", "small", "--yes", "--json"]);
    assert_eq!(refused.failed(), (5, "retired".into()));
    assert_eq!(shop.licenses(), Vec::<Value>::new());
    // Refused twice: what is left of an earlier license, and the order.
    assert_eq!((count(&shop, "agreed"), count(&shop, "refused")), (0, 2));
    let stranger = shop.visitor().run(&["order", "acme/paint", "small", "--yes", "--json"]);
    assert_eq!(stranger.failed().0, 3);
}

#[test]
fn b7_d1_with_a_key_service_of_its_own_the_public_server_has_no_keys() {
    let shop = Shop::open_with_key_service();
    shop.sell(&[EDITIONS]);
    shop.supplier(&["supplier", "image-key", "new", "--supplier", "acme"]);
    shop.supplier(&["supplier", "image-key", "register"]);
    publish(&shop, "1.0.0");
    let ann = ordered(&shop, "small");
    shop.stop_key_service();
    let away = ann.run(&["install", "acme/paint", "--json"]);
    assert_eq!(away.failed(), (6, "unavailable".into()), "the order waits");
    assert!(!files(&ann).exists());
    shop.start_key_service();
    install(&ann, &[]);
    assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (1, 1));
    assert!(!shop.data().join("keys").exists());
}

#[test]
fn d4_b7_a_device_without_a_network_installs_from_a_medium_and_both_steps_are_carried() {
    let shop = shop();
    let image = publish(&shop, "1.0.0");
    let ann = ordered(&shop, "small");
    let medium = ann.carnet.home.join("medium.cimg");
    fs::copy(&image, &medium).unwrap();
    let (medium, elsewhere) = (medium.display().to_string(), Carnet::new());
    let mut answer: Option<String> = None;
    for trip in 0..3 {
        let ask = elsewhere.home.join(format!("ask{trip}.txt")).display().to_string();
        let mut line = vec!["install", &medium, "--request-to", &ask, "--json"];
        line.extend(answer.iter().flat_map(|answer| ["--answer", answer]));
        let ran = ann.run(&line);
        assert_eq!(ran.code, 0, "{trip}: {ran:?}");
        assert_eq!(files(&ann).exists(), trip == 2, "{trip}: {ran:?}");
        if trip < 2 {
            let relayed = elsewhere.run(&["relay", &ask, "--json"]);
            assert_eq!(relayed.code, 0, "{relayed:?}");
            answer = relayed.json()["files"][0].as_str().map(ToOwned::to_owned);
        }
    }
    assert_eq!((count(&shop, "key-ordered"), count(&shop, "key-delivered")), (1, 1));
}
