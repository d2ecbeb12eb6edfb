//! Codes with which suppliers join: made, listed and withdrawn by the operator, beside a running server.

use std::path::Path;

use serde_json::{Value, json};

use crate::process::{Daemon, complaint, printed, run};
use crate::world::Folder;

/// A code and its name.
fn invite(data: &Path, more: &[&str]) -> (String, String) {
    let made = run(data, &[&["invite"], more].concat());
    assert_eq!(made.status.code(), Some(0), "{}", complaint(&made));
    let told = complaint(&made);
    let name = told.split("Its name is ").nth(1).unwrap().split(':').next().unwrap().to_owned();
    (printed(&made).trim().to_owned(), name)
}

fn listed(data: &Path) -> Vec<String> {
    let list = run(data, &["invitations", "list", "--json"]);
    let list: Value = serde_json::from_str(&printed(&list)).unwrap();
    list.as_array().unwrap().iter().map(|told| told["name"].as_str().unwrap().to_owned()).collect()
}

fn refused(daemon: &Daemon, code: &str) -> String {
    let new = json!({"setup_code": code, "name": "late", "display_name": "Late"});
    let (_, answer) = daemon.json("POST", "/v1/suppliers", "", &new);
    answer["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn an_invitation_is_listed_until_it_is_used_withdrawn_or_over() {
    let folder = Folder::new();
    let data = folder.data();
    let daemon = Daemon::start(&data, "serve");
    let (first, first_name) = invite(&data, &[]);
    let (second, second_name) = invite(&data, &["--lasts", "1 day"]);
    let (third, third_name) = invite(&data, &[]);
    assert_eq!(listed(&data), [first_name.as_str(), &second_name, &third_name]);
    let text = printed(&run(&data, &["invitations", "list"]));
    assert!(text.starts_with(&format!("{first_name}  made 20")) && text.lines().count() == 3, "{text}");
    assert!(!text.contains(&first["carnet_setup_".len()..]), "{text}");

    // Withdrawn before the server has seen it.
    let withdrawn = run(&data, &["invitations", "withdraw", &second_name]);
    assert_eq!(printed(&withdrawn), format!("{second_name} is withdrawn\n"));
    assert_eq!(refused(&daemon, &second), "wrong-setup-code");
    // The server has taken in the others with that, and has them in its database.
    assert_eq!(listed(&data), [first_name.as_str(), &third_name]);
    daemon.register(&first, "acme");
    assert_eq!(listed(&data), [third_name.as_str()]);
    assert_eq!(run(&data, &["invitations", "withdraw", &third_name]).status.code(), Some(0));
    assert_eq!(listed(&data), Vec::<String>::new());
    assert_eq!(refused(&daemon, &third), "wrong-setup-code");
    assert_eq!(printed(&run(&data, &["invitations", "list"])), "no invitation is open\n");

    let used = run(&data, &["invitations", "withdraw", &first_name]);
    assert_eq!(used.status.code(), Some(1));
    assert!(complaint(&used).contains("one that was used is a supplier now"), "{}", complaint(&used));
}

#[test]
fn all_are_withdrawn_at_once_while_no_server_runs() {
    let folder = Folder::new();
    let data = folder.data();
    let daemon = Daemon::start(&data, "up");
    let setup = daemon.code();
    assert_eq!(daemon.stop(), Some(0));
    let (code, _) = invite(&data, &[]);
    assert_eq!(listed(&data).len(), 2, "the code of the first start counts");
    assert_eq!(run(&data, &["invitations", "withdraw"]).status.code(), Some(2), "one or all");
    assert_eq!(run(&data, &["invitations", "withdraw", "--all"]).status.code(), Some(0));
    assert_eq!(listed(&data), Vec::<String>::new());
    let daemon = Daemon::start(&data, "serve");
    for code in [setup, code] {
        assert_eq!(refused(&daemon, &code), "wrong-setup-code");
    }
    let (code, _) = invite(&data, &[]);
    daemon.register(&code, "acme");
}
