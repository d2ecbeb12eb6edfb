//! B3 to B8 with the real programs: on sale, ordered, keys in two steps, installed, upgraded, removed.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::shop::{Shop, User};

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

/// A shop whose supplier can sign images.
fn shop() -> Shop {
    let shop = Shop::open();
    shop.sell(&[EDITIONS]);
    shop.supplier(&["supplier", "image-key", "new", "--supplier", "acme"]);
    shop.supplier(&["supplier", "image-key", "register"]);
    shop
}

/// Builds this version of the program and publishes it; returns the image file.
fn publish(shop: &Shop, version: &str) -> PathBuf {
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
        "--to",
        &image_text,
    ]);
    let published = shop.supplier(&["supplier", "image", "publish", &image_text, "--json"]).json();
    assert_eq!(published["keyed"], true, "{published}");
    image
}

fn ordered(shop: &Shop, offer: &str) -> User {
    let ann = shop.user();
    let ran = ann.run(&["order", "acme/paint", offer, "--yes", "--json"]);
    assert_eq!((ran.code, &ran.json()["outcome"]), (0, &"ordered".into()), "{ran:?}");
    ann
}

fn install(user: &User, more: &[&str]) -> Value {
    let ran = user.run(&[&["install", "acme/paint", "--json"], more].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.json()
}

fn files(user: &User) -> PathBuf {
    user.carnet.home.join("programs/acme.paint/current/files")
}

/// How often this happened to licenses of the supplier's apps.
fn count(shop: &Shop, kind: &str) -> usize {
    let events = shop.supplier(&["supplier", "events", "--json"]).json();
    events["data"].as_array().unwrap().iter().filter(|event| event["kind"] == kind).count()
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
