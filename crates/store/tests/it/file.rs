//! What only a database in a file has: a lock, modes, a log beside it.

use std::os::unix::fs::PermissionsExt;

use carnet_store::{Database, Store, StoreError, check_ledger};

use super::world::*;

fn path_of(world: &World) -> std::path::PathBuf {
    match world.store.database() {
        Database::File(path) => path.clone(),
        Database::Postgres(url) => panic!("{url}"),
    }
}

#[test]
fn a_second_server_on_the_same_file_is_refused_with_the_reason() {
    let world = World::new();
    let refused = Store::open(&path_of(&world), options(&world.clock)).err().unwrap();
    let pid = Some(std::process::id());
    assert_eq!(refused, StoreError::InUse { path: path_of(&world), pid });
    assert!(refused.to_string().contains(&format!("process {}", std::process::id())), "{refused}");
    world.reopen();
}

#[test]
fn files_are_for_their_owner_only() {
    let world = World::new();
    Phone::register(&world, 1);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = path_of(&world).parent().unwrap().to_owned();
    assert_eq!(mode(&folder), 0o700);
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(names.len() >= 3, "{names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
}

#[test]
fn the_check_reads_what_a_killed_server_left_behind() {
    let world = World::new();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let copy = path_of(&world).with_extension("copy");
    for suffix in ["", "-wal"] {
        let with = |path: &std::path::Path| format!("{}{suffix}", path.display());
        std::fs::copy(with(&path_of(&world)), with(&copy)).unwrap();
    }
    let report = check_ledger(&copy).unwrap();
    assert!(report.is_clean(), "{:?}", report.findings);
    assert_eq!((report.counts.licenses, report.counts.events), (1, 2));
}

#[test]
fn something_that_is_no_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    let path = folder.0.join("carnet.db");
    #[expect(clippy::disallowed_methods, reason = "a test makes a file that is no database")]
    std::fs::write(&path, [b'x'; 8192]).unwrap();
    let clock = carnet_testkit::FakeClock::at(NOW);
    assert!(matches!(Store::open(&path, options(&clock)).err(), Some(StoreError::Failed(_))));
    assert_eq!(std::fs::read(&path).unwrap(), [b'x'; 8192]);
}
