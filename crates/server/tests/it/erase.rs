//! I19: erasing a user leaves none of the personal values anywhere; the pseudonymous id stays, and chains verify.

use std::path::Path;

use axum::http::StatusCode;
use carnet_core::document::{Body, Joins, Operation, Person};
use carnet_core::id::UserId;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::json;

use crate::device_world::{Device, shop};
use crate::process::{complaint, printed, run};
use crate::world::{Folder, World, ten_runs};

/// What [`Device::registration`] says about the person and the device.
const VALUES: [&str; 7] = [
    "Canary Carnet",
    "canary@example.org",
    "1 Canary Wharf",
    "+49 30 901820",
    "pay-canary-77",
    "the-name-of-my-device",
    "the-maker-of-my-device",
];

fn erase(data: &Path, user: UserId, more: &[&str]) -> (Option<i32>, String) {
    let user = user.to_string();
    let output = run(data, &[&["user", "erase", user.as_str()], more].concat());
    (output.status.code(), printed(&output) + &complaint(&output))
}

/// Which of the values stand in some row of some table.
fn in_rows(data: &Path, values: &[&str]) -> Vec<String> {
    let database = Connection::open(data.join("carnet.db")).unwrap();
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let mut tables = database.prepare(tables).unwrap();
    let tables: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = Vec::new();
    for table in tables {
        let mut rows = database.prepare(&format!("SELECT * FROM \"{table}\"")).unwrap();
        let columns = rows.column_count();
        let mut rows = rows.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let (ValueRef::Text(bytes) | ValueRef::Blob(bytes)) = row.get_ref(column).unwrap() else {
                    continue;
                };
                found.extend(
                    values
                        .iter()
                        .filter(|value| holds(bytes, value))
                        .map(|value| format!("{table}: {value}")),
                );
            }
        }
    }
    found
}

/// Which of the values stand in the bytes of some file: pages given back, indexes and logs included.
fn in_files(data: &Path, values: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let bytes = if path.is_dir() { Vec::new() } else { std::fs::read(&path).unwrap() };
        let held = values.iter().filter(|value| holds(&bytes, value));
        found.extend(held.map(|value| format!("{}: {value}", path.display())));
    }
    found
}

fn holds(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}

fn check_ledger(data: &Path) {
    let checked = run(data, &["check-ledger"]);
    assert_eq!(checked.status.code(), Some(0), "{}{}", printed(&checked), complaint(&checked));
}

#[tokio::test]
async fn i19_a_user_is_erased_beside_a_running_server_and_nothing_personal_is_left_anywhere() {
    let world = World::new();
    let data = world.folder.data();
    let (_, app) = shop(&world).await;
    let mut device = Device::registered(&world).await;
    device.buy(&world, &app).await;
    let user = device.user.unwrap();
    assert_eq!(in_rows(&data, &VALUES).len(), VALUES.len(), "they were there");
    assert!(in_files(&data, &VALUES).len() >= VALUES.len());

    let found = run(&data, &["user", "find", "CANARY@example.org"]);
    assert_eq!(printed(&found), format!("{user}  Canary Carnet <canary@example.org>\n"));
    let (code, told) = erase(&data, user, &["--yes"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("1 license with what was agreed") && told.contains("A server is running"),
        "{told}"
    );
    assert_eq!(in_rows(&data, &VALUES), Vec::<String>::new());
    assert_eq!(in_files(&data, &VALUES), Vec::<String>::new());
    assert!(!VALUES.iter().any(|value| told.contains(value)), "{told}");
    check_ledger(&data);

    // The user is a pseudonym that goes on; the running server knows it at once.
    let kept = world.server.store().read(|tx| tx.account_view(user)).unwrap().unwrap();
    assert_eq!((kept.account.person, kept.licenses.len()), (None, 1));
    assert_eq!(kept.devices[0].name, None);
    let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(answer.body, Body::Pass(_)), "{answer:?}");
    let world = world.restart();
    let answer = device.ask(&world, Some(&app), Operation::Renew { uses: 1 }).await;
    assert!(matches!(answer.body, Body::Pass(_)), "{answer:?}");
    world.server.close();
    let (code, told) = erase(&data, user, &["--yes"]);
    assert!(code == Some(0) && !told.contains("A server is running"), "a second time does no harm: {told}");
    assert_eq!(in_files(&data, &VALUES), Vec::<String>::new());
    check_ledger(&data);
    let nobody = run(&data, &["user", "find", "canary@example.org"]);
    assert_eq!(nobody.status.code(), Some(1));
}

#[tokio::test]
async fn i19_pages_that_were_given_back_long_ago_are_written_anew_while_no_server_runs() {
    let world = World::new();
    let data = world.folder.data();
    let device = Device::registered(&world).await;
    let user = device.user.unwrap();
    world.server.close();
    {
        // A database from before values were overwritten when they go.
        let database = Connection::open(data.join("carnet.db")).unwrap();
        database.execute_batch("PRAGMA secure_delete = OFF").unwrap();
        for address in ["an-older-canary ".repeat(3_000), "short".to_owned()] {
            database.execute("UPDATE account SET address = ?1", [address]).unwrap();
        }
    }
    assert!(!in_files(&data, &["an-older-canary"]).is_empty(), "it is in pages that were given back");
    assert_eq!(in_rows(&data, &["an-older-canary"]), Vec::<String>::new());
    assert_eq!(erase(&data, user, &["--yes"]).0, Some(0));
    assert_eq!(in_files(&data, &["an-older-canary", "canary@example.org"]), Vec::<String>::new());
}

#[tokio::test]
async fn i19_others_keep_what_is_theirs() {
    let world = World::new();
    let data = world.folder.data();
    let first = Device::registered(&world).await;
    let second = Device::new(&world);
    let Operation::Register(mut registration) = second.registration() else { panic!() };
    let Joins::NewUser { person, .. } = &mut registration.joins else { panic!() };
    *person = Person { name: "Heron".into(), email: "heron@example.org".into(), ..person.clone() };
    registration.device_name = "the-heron".into();
    let request = second.request(&world, None, Operation::Register(registration));
    assert_eq!(world.document(second.message(&request)).await.status, StatusCode::OK);
    assert_eq!(erase(&data, first.user.unwrap(), &["--yes"]).0, Some(0));
    assert_eq!(in_rows(&data, &["Heron", "heron@example.org", "the-heron"]).len(), 3);
    assert_eq!(in_rows(&data, &["Canary Carnet", "the-name-of-my-device"]), Vec::<String>::new());
}

#[tokio::test]
async fn whoever_still_owes_something_is_not_erased_unless_that_is_said() {
    let world = World::new();
    let data = world.folder.data();
    let supplier = world.supplier("acme").await;
    let mut paid = ten_runs();
    paid["fee"] = json!("49 EUR");
    paid["charging"] = json!("once");
    let app = supplier.app("paint", &[paid]).await.parse().unwrap();
    let mut device = Device::registered(&world).await;
    device.buy(&world, &app).await;
    let user = device.user.unwrap();

    let (code, told) = erase(&data, user, &["--yes"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("1 charge of usr_") && told.contains("--despite-charges"), "{told}");
    assert_eq!(in_rows(&data, &VALUES).len(), VALUES.len(), "nothing was changed");
    let (code, told) = erase(&data, user, &["--yes", "--despite-charges"]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(in_rows(&data, &VALUES), Vec::<String>::new());
    // What is due stays due.
    let charges = supplier.get("/v1/charges").await.json();
    assert_eq!(charges["data"][0]["status"], "pending");
    let id = charges["data"][0]["charge"].as_str().unwrap().to_owned();
    assert_eq!(supplier.post(&format!("/v1/charges/{id}/settle"), &json!({})).await.status, StatusCode::OK);
    check_ledger(&data);
}

#[tokio::test]
async fn nobody_is_erased_by_mistake() {
    let world = World::new();
    let data = world.folder.data();
    let device = Device::registered(&world).await;
    let (code, told) = erase(&data, device.user.unwrap(), &[]);
    assert_eq!(code, Some(2), "nobody can be asked here");
    assert!(told.contains("the names of 1 device of usr_") && told.contains("--yes"), "{told}");
    let (code, told) = erase(&data, UserId([9; 16]), &["--yes"]);
    assert_eq!(code, Some(1));
    assert!(told.contains("there is no user usr_") && told.contains("user find"), "{told}");
    assert_eq!(run(&data, &["user", "erase", "somebody", "--yes"]).status.code(), Some(2));
    let empty = Folder::new();
    assert!(erase(&empty.data(), UserId([9; 16]), &["--yes"]).1.contains("carnetd up"));
    assert_eq!(in_rows(&data, &VALUES).len(), VALUES.len());
}
