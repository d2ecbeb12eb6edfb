//! `carnetd` with a database address.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use crate::process::{Daemon, carnetd, complaint, printed, run};
use crate::world::Folder;

fn with_url(data: &Path, url: &str, arguments: &[&str]) -> Output {
    carnetd(data).env("CARNETD_DATABASE_URL", url).args(arguments).output().unwrap()
}

#[test]
fn a_wrong_address_is_refused_with_the_remedy_and_without_the_password() {
    let folder = Folder::new();
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let refused = |url: &str, code: i32, words: &str| {
        let output = with_url(&folder.data(), url, &serve);
        let said = complaint(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(words) && !said.contains("canary"), "{said}");
    };
    refused("mysql://u:canary@h/d", 2, "it does not begin with postgres://");
    refused("postgres://u:canary@h:port/d", 2, "postgres://USER:PASSWORD@HOST:PORT/NAME");
    refused("postgres://u:canary@127.0.0.1:1/d", 1, "check that it runs and that its address is right");
    let nowhere = folder.url().unwrap().replace("/postgres?", "/canaria?").replace("canaria", "none_such");
    refused(&nowhere, 1, "the database refuses this server");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the file of a test need not last")]
fn the_address_can_be_a_file_that_only_its_owner_can_read() {
    let folder = Folder::new();
    let file = folder.data().with_extension("url");
    fs::write(&file, format!("{}\n", folder.url().unwrap())).unwrap();
    let migrate = |mode: u32| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        let mut command = carnetd(&folder.data());
        command.env_remove("CARNETD_DATABASE_URL").env("CARNETD_DATABASE_URL_FILE", &file);
        command.arg("migrate").output().unwrap()
    };
    let exposed = migrate(0o644);
    assert_eq!(exposed.status.code(), Some(1));
    assert!(complaint(&exposed).contains("chmod 600"), "{}", complaint(&exposed));
    let done = migrate(0o600);
    assert_eq!(done.status.code(), Some(0), "{}", complaint(&done));
    assert!(printed(&done).contains("the database postgres://"), "{}", printed(&done));
}

#[test]
fn backup_and_restore_say_whose_work_they_are() {
    let folder = Folder::new();
    assert_eq!(Daemon::start(&folder.data(), "up").stop(), Some(0));
    for arguments in [&["backup", "file"], &["restore", "file"]] {
        let output = run(&folder.data(), arguments);
        assert_eq!(output.status.code(), Some(1));
        assert!(complaint(&output).contains("pg_dump"), "{}", complaint(&output));
    }
    assert!(!folder.data().join("carnet.db").exists(), "everything is in PostgreSQL");
    let doctor = run(&folder.data(), &["doctor"]);
    assert!(printed(&doctor).contains("good   database: whole"), "{}", printed(&doctor));
    assert!(printed(&doctor).contains("good   ledger"), "{}", printed(&doctor));
    let checked = run(&folder.data(), &["check-ledger"]);
    assert_eq!(checked.status.code(), Some(0), "{}", complaint(&checked));
}

#[test]
fn a_second_machine_without_the_secret_is_told_what_is_missing() {
    let (folder, other) = (Folder::new(), Folder::new());
    let daemon = Daemon::start(&folder.data(), "up");
    let refused = with_url(&other.data(), &folder.url().unwrap(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("secret.key is missing"), "{}", complaint(&refused));
    assert_eq!(daemon.stop(), Some(0));
}
