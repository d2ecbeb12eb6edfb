//! The server's keys: new ones, revoked ones, and a root that is kept elsewhere.
#![expect(clippy::disallowed_methods, reason = "a test reads and damages files on purpose")]

use std::path::Path;
use std::time::{Duration, Instant};

use carnet_core::app::AppId;
use carnet_core::document::{Answer, Body, Operation};
use carnet_seal::{KeyId, SealError, Signed, Unverified};
use serde_json::{Value, json};

use crate::device_world::{Device, ring, shop};
use crate::process::{Daemon, complaint, printed, run};
use crate::world::{Folder, World};

fn done(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", complaint(&output));
    printed(&output)
}

fn refused(data: &Path, arguments: &[&str], code: i32, word: &str) {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", complaint(&output));
    assert!(complaint(&output).contains(word), "{word}: {}", complaint(&output));
}

fn keys(data: &Path) -> Vec<Value> {
    serde_json::from_str(&done(data, &["keys", "list", "--json"])).unwrap()
}

fn in_state(data: &Path, state: &str) -> usize {
    keys(data).iter().filter(|key| key["state"] == state).count()
}

fn pass_of(device: &Device, app: &AppId) -> Signed<Answer> {
    device.journals[&Some(app.clone())].last.clone()
}

async fn world_with_a_pass() -> (World, Device, AppId) {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    device.buy(&world, &app).await;
    (world, device, app)
}

/// What is done to the keys between two starts.
fn between(world: World, arguments: &[&str]) -> World {
    let data = world.folder.data();
    world.server.close();
    done(&data, arguments);
    world.clock.pass(Duration::from_secs(1));
    world.restart()
}

#[tokio::test]
async fn after_a_rotation_new_keys_sign_and_what_the_old_ones_have_signed_stays_good() {
    let (world, mut device, app) = world_with_a_pass().await;
    let old = pass_of(&device, &app);
    // Answered under the old key; the device never saw it.
    let lost = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let before = world.document(device.message(&lost)).await;
    let world = between(world, &["keys", "rotate"]);
    let repeated = world.document(device.message(&lost)).await;
    assert_eq!(repeated.body, before.body, "I5");
    device.receive(&world, &lost, &repeated.body);
    assert!(Unverified::<Answer>::parse(old.bytes()).unwrap().verify_held(&ring(&world)).is_ok());
    device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    let new = pass_of(&device, &app);
    assert!(matches!(new.claims().body, Body::Pass(_)), "{new:?}");
    assert_ne!(new.key_id(), old.key_id());
    let data = world.folder.data();
    assert_eq!((in_state(&data, "active"), in_state(&data, "retired")), (3, 2));
}

#[tokio::test]
async fn i16_what_a_revoked_key_has_signed_is_good_for_nothing_and_a_repeat_is_said_under_the_next_key() {
    let (world, mut device, app) = world_with_a_pass().await;
    let old = pass_of(&device, &app);
    let lost = device.request(&world, Some(&app), Operation::Renew { uses: 1 });
    let before = world.document(device.message(&lost)).await;
    let key = old.key_id().to_string();
    let world = between(world, &["keys", "revoke", &key]);
    let held = Unverified::<Answer>::parse(old.bytes()).unwrap().verify_held(&ring(&world));
    assert_eq!(held, Err(SealError::RevokedKey(old.key_id())));
    let repeated = world.document(device.message(&lost)).await;
    assert_ne!(repeated.body, before.body);
    let said = |bytes: &[u8]| Unverified::<Answer>::parse(bytes).unwrap().body_hash().unwrap();
    assert_eq!(said(&repeated.body), said(&before.body), "the same claims");
    device.receive(&world, &lost, &repeated.body);
    let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(&answer.body, Body::Pass(_)), "{answer:?}");
    assert_ne!(pass_of(&device, &app).key_id(), old.key_id());
}

#[test]
fn what_cannot_be_done_to_keys_is_said_and_changes_nothing() {
    let (folder, empty) = (Folder::new(), Folder::new());
    let data = folder.data();
    refused(&empty.data(), &["keys", "list"], 1, "carnetd up");
    assert_eq!(Daemon::start(&data, "up").stop(), Some(0));
    let before = keys(&data);
    refused(&data, &["keys", "rotate", "--supplier", "nobody"], 1, "no supplier `nobody`");
    refused(&data, &["keys", "revoke", "xyz"], 1, "16 hexadecimal digits");
    let root = before.iter().find(|key| key["purpose"] == "root").unwrap()["key"].as_str().unwrap();
    refused(&data, &["keys", "revoke", root], 1, "is the root");
    let nowhere = data.join("nowhere");
    refused(&data, &["keys", "rotate", "--root", nowhere.to_str().unwrap()], 1, "there is no file");
    assert_eq!(keys(&data), before);
    // A key that was lost with a disk can be revoked all the same, and stays so.
    done(&data, &["keys", "revoke", &KeyId([0x5a; 8]).to_string()]);
    assert_eq!(in_state(&data, "revoked"), 1);
    assert_eq!(Daemon::start(&data, "serve").stop(), Some(0));
}

#[test]
fn a_running_server_changes_its_keys_when_it_is_told() {
    let folder = Folder::new();
    let data = folder.data();
    let daemon = Daemon::start(&data, "up");
    daemon.register(&daemon.code(), "acme");
    refused(&data, &["keys", "revoke", &KeyId([0x5a; 8]).to_string()], 1, "there is no key");
    refused(&data, &["keys", "rotate", "--supplier", "nobody"], 1, "no supplier");
    refused(&data, &["keys", "root", "move-offline", "--to", "x"], 3, "in use");
    assert!(done(&data, &["keys", "rotate", "--supplier", "acme"]).contains("SIGHUP"));
    assert_eq!(in_state(&data, "retired"), 0);
    daemon.signal(rustix::process::Signal::HUP);
    let until = Instant::now() + Duration::from_secs(30);
    while in_state(&data, "retired") == 0 {
        assert!(Instant::now() < until, "the server did not change its keys");
        std::thread::yield_now();
    }
    assert_eq!(in_state(&data, "retired"), 1);
    daemon.register(&invited(&data), "other");
    assert_eq!(daemon.stop(), Some(0));
}

fn invited(data: &Path) -> String {
    done(data, &["invite"])
        .split_whitespace()
        .find(|word| word.starts_with("carnet_setup_"))
        .unwrap()
        .to_owned()
}

#[test]
fn a_root_that_is_kept_elsewhere_is_not_in_the_database_and_signs_when_it_is_brought() {
    let folder = Folder::new();
    let data = folder.data();
    let daemon = Daemon::start(&data, "up");
    daemon.register(&daemon.code(), "acme");
    let pinned = done(&data, &["root-hash"]);
    assert_eq!(daemon.stop(), Some(0));
    let sealed = carnet_store::backup::glance(&data.join("carnet.db")).unwrap();
    let sealed = sealed.keys.iter().find(|key| key.purpose == "root").unwrap().sealed.clone();
    let medium = data.with_extension("root");
    let file = medium.to_str().unwrap();
    assert!(found(&data, &sealed));
    assert!(
        done(&data, &["keys", "root", "move-offline", "--to", file]).contains("no longer in the database")
    );
    assert!(!found(&data, &sealed), "its bytes are gone from the file");
    refused(&data, &["keys", "root", "move-offline", "--to", file], 1, "not here");
    assert!(done(&data, &["keys", "list"]).contains("offline"));
    assert!(printed(&run(&data, &["doctor", "--quick"])).contains("the root key is offline"));

    // The server works on; what needs the root is refused and nothing is lost.
    refused(&data, &["keys", "rotate"], 1, "--root FILE");
    let daemon = Daemon::start(&data, "serve");
    let code = invited(&data);
    let new = json!({"setup_code": code, "name": "other", "display_name": "Other"});
    let (status, body) = daemon.json("POST", "/v1/suppliers", "", &new);
    assert_eq!((status, body["code"].as_str()), (503, Some("no-more-suppliers")), "{body}");
    refused(&data, &["keys", "rotate", "--root", file], 3, "stop it");
    assert_eq!(daemon.stop(), Some(0));

    // Brought for a moment: new keys, the same root.
    done(&data, &["keys", "rotate", "--root", file]);
    done(&data, &["keys", "publish", "--root", file]);
    assert_eq!((in_state(&data, "active"), in_state(&data, "retired")), (3, 2));
    let daemon = Daemon::start(&data, "serve");
    assert_eq!(daemon.stop(), Some(0));
    done(&data, &["keys", "root", "bring-back", "--from", file]);
    assert!(found_root(&data));
    let daemon = Daemon::start(&data, "serve");
    daemon.register(&code, "other");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(done(&data, &["root-hash"]), pinned);
}

fn found_root(data: &Path) -> bool {
    keys(data).iter().any(|key| key["purpose"] == "root" && key["here"] == true)
}

/// Whether these bytes are anywhere in the database.
fn found(data: &Path, bytes: &[u8]) -> bool {
    ["carnet.db", "carnet.db-wal"].iter().any(|name| {
        let file = std::fs::read(data.join(name)).unwrap_or_default();
        file.windows(bytes.len()).any(|window| window == bytes)
    })
}

#[test]
fn a_foreign_or_damaged_root_is_refused() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (data, medium) = (folder.data(), other.data().with_extension("root"));
    for data in [&data, &other.data()] {
        assert_eq!(Daemon::start(data, "up").stop(), Some(0));
    }
    let file = medium.to_str().unwrap();
    done(&other.data(), &["keys", "root", "move-offline", "--to", file]);
    refused(&data, &["keys", "root", "bring-back", "--from", file], 1, "another server");
    refused(&data, &["keys", "root", "move-offline", "--to", file], 1, "exists already");
    let mine = data.with_extension("root");
    done(&data, &["keys", "root", "move-offline", "--to", mine.to_str().unwrap()]);
    refused(&data, &["keys", "publish", "--root", file], 1, "another server");
    let text = std::fs::read_to_string(&mine).unwrap();
    std::fs::write(&mine, &text[..text.len() - 2]).unwrap();
    refused(&data, &["keys", "publish", "--root", mine.to_str().unwrap()], 1, "no whole root key");
    assert_eq!(Daemon::start(&data, "serve").stop(), Some(0));
}

#[test]
fn a_restore_does_not_bring_the_root_back_and_says_what_devices_need() {
    let folder = Folder::new();
    let data = folder.data();
    assert_eq!(Daemon::start(&data, "up").stop(), Some(0));
    let (backup, medium) = (data.with_extension("backup"), data.with_extension("root"));
    done(&data, &["backup", backup.to_str().unwrap()]);
    done(&data, &["keys", "root", "move-offline", "--to", medium.to_str().unwrap()]);
    let said = done(&data, &["restore", backup.to_str().unwrap()]);
    assert!(said.contains("carnetd keys publish --root FILE"), "{said}");
    assert!(!found_root(&data));
    done(&data, &["keys", "publish", "--root", medium.to_str().unwrap()]);
    assert_eq!(Daemon::start(&data, "serve").stop(), Some(0));
}
