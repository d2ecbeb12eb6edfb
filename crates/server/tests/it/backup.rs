//! Backups: made beside a running server, put back, and what devices find then.
#![expect(clippy::disallowed_methods, reason = "a test damages files on purpose")]

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use carnet_core::app::AppId;
use carnet_core::document::{Answer, Body, Operation, Reason};
use carnet_seal::KeyRing;
use carnet_seal::keys::RootPin;

use crate::device_world::{Device, ring, shop};
use crate::process::{Daemon, complaint, printed, run};
use crate::world::{Folder, Supplier, World};

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A backup of whatever is in that folder.
fn backup(data: &Path, more: &[&str]) -> PathBuf {
    let file = data.with_extension("backup");
    let made = run(data, &[&["backup", text(&file)], more].concat());
    assert_eq!(made.status.code(), Some(0), "{}", complaint(&made));
    assert_eq!(printed(&made).contains("does not hold the secret"), more.is_empty(), "{}", printed(&made));
    file
}

fn restored(data: &Path, file: &Path) -> String {
    let done = run(data, &["restore", text(file)]);
    assert_eq!(done.status.code(), Some(0), "{}{}", printed(&done), complaint(&done));
    printed(&done)
}

fn lose_the_database(data: &Path) {
    for name in ["carnet.db", "carnet.db-wal", "carnet.db-shm"] {
        let _ = std::fs::remove_file(data.join(name));
    }
}

/// The device as a passbook does it: a key set that goes backwards is refused.
fn newer_key_set(world: &World, seen: u64) {
    let keys = world.server.keys();
    let pin = RootPin { server: keys.server(), root: keys.root() };
    KeyRing::open(keys.current().document(), &pin, seen + 1).unwrap();
}

async fn come_back(world: &World, device: &mut Device, app: &AppId) {
    let answer = device.ask(world, Some(app), Operation::Renew { uses: 1 }).await;
    let Body::Refusal(refusal) = &answer.body else { panic!("{answer:?}") };
    assert_eq!(refusal.reason, Reason::Reconcile);
    let answer = device.ask(world, Some(app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(&answer.body, Body::Pass(_)), "{answer:?}");
}

#[tokio::test]
async fn i8_devices_come_back_to_a_restored_server_and_late_suppliers_are_still_there() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut early = Device::registered(&world).await;
    let pass = early.buy(&world, &app).await;
    let data = world.folder.data();
    let file = backup(&data, &[]);

    early.use_up(pass.license, 1);
    early.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    let late = world.supplier("late").await;
    let (token, late_app) = (late.token.clone(), late.app("draw", &[crate::world::ten_runs()]).await);
    let mut customer = Device::registered(&world).await;
    customer.buy(&world, &late_app.parse().unwrap()).await;
    let seen = ring(&world).set().claims().version;
    world.server.close();

    let said = restored(&data, &file);
    assert!(said.contains("1 newer supplier, 1 newer key"), "{said}");
    let kept =
        std::fs::read_dir(&data).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(kept.filter(|name| name.starts_with("carnet.db.before-")).count(), 1);
    let world = world.restart();
    newer_key_set(&world, seen);
    come_back(&world, &mut early, &app).await;
    // What the late supplier's key has signed still proves something, and nobody is flagged.
    let answer = customer.ask(&world, Some(&late_app.parse().unwrap()), Operation::Renew { uses: 1 }).await;
    let Body::Refusal(refusal) = &answer.body else { panic!("{answer:?}") };
    assert_eq!(refusal.reason, Reason::Reconcile);
    let late = Supplier { world: &world, token, name: "late".into() };
    let events = late.get("/v1/events").await;
    assert_eq!(events.status, 200);
    assert!(!events.text().contains("\"flagged\""), "{}", events.text());
    world.server.close();
    assert_eq!(run(&data, &["check-ledger"]).status.code(), Some(0));
}

#[tokio::test]
async fn i8_devices_come_back_also_when_the_disk_was_lost() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    let pass = device.buy(&world, &app).await;
    let data = world.folder.data();
    let file = backup(&data, &[]);
    device.use_up(pass.license, 1);
    device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    // Each start and each supplier makes a newer key set.
    let mut world = world.restart();
    world.supplier("late").await;
    world = world.restart();
    let seen = ring(&world).set().claims().version;
    world.server.close();
    lose_the_database(&data);
    let said = restored(&data, &file);
    assert!(said.contains("Nothing could be taken over"), "{said}");
    world.clock.pass(Duration::from_secs(1));
    let world = world.restart();
    newer_key_set(&world, seen);
    come_back(&world, &mut device, &app).await;
}

/// Disk and newest keys are lost; a supplier who joined after the backup joins again, under its name and with its menu.
async fn after_a_lost_disk() -> (World, Device, Device, AppId) {
    let world = World::new();
    shop(&world).await;
    let mut early = Device::registered(&world).await;
    let data = world.folder.data();
    let file = backup(&data, &[]);
    let late = world.supplier("late").await;
    let late_app = late.app("draw", &[crate::world::ten_runs()]).await.parse().unwrap();
    early.buy(&world, &late_app).await;
    let mut customer = Device::registered(&world).await;
    customer.buy(&world, &late_app).await;
    world.server.close();
    lose_the_database(&data);
    restored(&data, &file);
    world.clock.pass(Duration::from_secs(1));
    let world = world.restart();
    world.supplier("late").await.app("draw", &[crate::world::ten_runs()]).await;
    (world, early, customer, late_app)
}

fn reason(answer: &Answer) -> Reason {
    let Body::Refusal(refusal) = &answer.body else { panic!("{answer:?}") };
    refusal.reason
}

#[tokio::test]
async fn i8_what_a_lost_key_has_signed_counts_once_the_device_shows_the_root_s_word_for_it() {
    let (world, mut early, mut customer, app) = after_a_lost_disk().await;
    let renew = Operation::Renew { uses: 1 };
    for device in [&mut early, &mut customer] {
        let answer = device.ask(&world, Some(&app), renew.clone()).await;
        assert_eq!(reason(&answer), Reason::Reconcile);
        // The pass that it has runs on.
        assert!(!answer.head.resume.unwrap().void);
        assert_eq!(device.buy(&world, &app).await.uses.unwrap().remaining, 9);
    }
}

#[tokio::test]
async fn i16_without_the_root_s_word_it_proves_nothing_and_nobody_is_stuck() {
    let other = World::new();
    let foreign = other.server.keys().current().document().to_vec();
    for what in ["lost", "cut", "of another server"] {
        let (world, mut device, _, app) = after_a_lost_disk().await;
        device.key_set = match what {
            "lost" => Vec::new(),
            "cut" => device.key_set[1..].to_vec(),
            _ => foreign.clone(),
        };
        let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
        assert_eq!(reason(&answer), Reason::ForkOrRollback, "{what}");
        assert_eq!(device.buy(&world, &app).await.uses.unwrap().remaining, 9);
    }
}

#[test]
fn a_backup_with_the_secret_is_a_whole_server_for_its_owner_only() {
    let (folder, other) = (Folder::new(), Folder::new());
    let daemon = Daemon::start(&folder.data(), "up");
    daemon.register(&daemon.code(), "acme");
    let file = backup(&folder.data(), &["--with-secret"]);
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let root = printed(&run(&folder.data(), &["root-hash"]));
    assert_eq!(daemon.stop(), Some(0));

    restored(&other.data(), &file);
    assert_eq!(printed(&run(&other.data(), &["root-hash"])), root);
    let secret = |folder: &Folder| std::fs::read_to_string(folder.data().join("secret.key")).unwrap();
    assert_eq!(secret(&folder), secret(&other));
    // The secret is apart from the database again.
    let database = std::fs::read(other.data().join("carnet.db")).unwrap();
    let secret = secret(&other);
    assert!(!database.windows(32).any(|window| window == &secret.as_bytes()[..32]));
    let daemon = Daemon::start(&other.data(), "serve");
    assert_eq!(daemon.stop(), Some(0));
}

#[test]
fn a_restore_refuses_what_it_would_destroy() {
    let (folder, other) = (Folder::new(), Folder::new());
    assert_eq!(Daemon::start(&other.data(), "up").stop(), Some(0));
    let daemon = Daemon::start(&folder.data(), "up");
    let file = backup(&folder.data(), &[]);
    let again = run(&folder.data(), &["backup", text(&file)]);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("exists already"), "{}", complaint(&again));
    let refused = |data: &Path, file: &Path, code: i32, word: &str| {
        let output = run(data, &["restore", text(file)]);
        assert_eq!(output.status.code(), Some(code), "{}", complaint(&output));
        assert!(complaint(&output).contains(word), "{word}: {}", complaint(&output));
    };
    refused(&folder.data(), &file, 3, "in use by another server");
    let before = std::fs::read(folder.data().join("carnet.db")).unwrap();
    let verified = run(&folder.data(), &["restore", text(&file), "--verify"]);
    assert_eq!(verified.status.code(), Some(0), "{}", complaint(&verified));
    assert!(printed(&verified).contains("can be opened"), "{}", printed(&verified));
    assert_eq!(std::fs::read(folder.data().join("carnet.db")).unwrap(), before);
    assert_eq!(daemon.stop(), Some(0));

    refused(&other.data(), &file, 1, "another server");
    let new = Folder::new();
    refused(&new.data(), &file, 1, "secret.key is missing");
    assert!(!new.data().join("carnet.db").exists());
    refused(&folder.data(), &folder.data().join("nothing"), 1, "no file");
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    let damaged = folder.data().with_extension("damaged");
    std::fs::write(&damaged, bytes).unwrap();
    refused(&folder.data(), &damaged, 1, "");
    assert_eq!(Daemon::start(&folder.data(), "serve").stop(), Some(0));
}
