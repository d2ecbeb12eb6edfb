//! Several handles on one journal.

use carnet_device::StorageError;
use carnet_device::journal::{Journal, JournalError};
use carnet_seam::RealFs;
use carnet_testkit::MemDisk;

use crate::world::{Everything, history, name, open, small, text, texts};

#[test]
fn two_handles_appending_in_turn_see_each_other() {
    let disk = MemDisk::new();
    let (mut one, mut other) = (open(&disk).unwrap(), open(&disk).unwrap());
    for number in 0..40 {
        one.append(texts(&[&format!("one {number}")])).unwrap();
        other.append(texts(&[&format!("other {number}"), "and more"])).unwrap();
    }
    one.refresh().unwrap();
    assert_eq!(one.state(), other.state());
    assert_eq!(one.head(), other.head());
    assert_eq!(history(&mut one).unwrap().len(), 120);
    assert_eq!(open(&disk).unwrap().state(), one.state());
}

#[test]
fn threads_on_a_real_disk_lose_and_double_nothing() {
    let home = std::env::temp_dir().join(format!("carnet-threads-{}", std::process::id()));
    let folder = home.join("journal");
    let settings =
        carnet_device::journal::Settings { patience: std::time::Duration::from_secs(60), ..small() };
    let open = || {
        let fs = std::sync::Arc::new(RealFs::default());
        Journal::open(fs, &folder, name(), Everything::default(), settings).unwrap()
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut journal = open();
                for number in 0..25 {
                    journal
                        .append_with::<JournalError>(|state, _| {
                            Ok(vec![text(&format!("{thread} {number} after {}", state.0.len()))])
                        })
                        .unwrap();
                }
            });
        }
    });
    let mut journal = open();
    let all = history(&mut journal).unwrap();
    std::fs::remove_dir_all(&home).unwrap();
    assert_eq!(all, journal.state().0);
    for (place, said) in journal.state().texts().iter().enumerate() {
        assert!(
            said.ends_with(&format!("after {place}")),
            "each decided on all before it: {said} at {place}"
        );
    }
    assert_eq!(all.len(), 100);
}

#[test]
fn somebody_who_does_not_let_go_is_named() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    let mut held = open(&disk).unwrap();
    held.append_with::<JournalError>(|_, _| {
        let waited = journal.append(texts(&["too late"]));
        assert!(matches!(waited, Err(JournalError::Storage(StorageError::Locked(_)))), "{waited:?}");
        Ok(texts(&["in time"]))
    })
    .unwrap();
    journal.append(texts(&["now"])).unwrap();
    assert_eq!(journal.state().texts(), ["in time", "now"]);
}

#[test]
fn a_journal_replaced_by_an_older_copy_under_a_running_program_is_noticed() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["one"])).unwrap();
    let path = crate::world::folder().join("00000001.seg");
    let old = disk.read(&path).unwrap();
    journal.append(texts(&["two"])).unwrap();
    disk.put(&path, &old);
    assert!(matches!(journal.append(texts(&["three"])), Err(JournalError::Shortened(_))));
    disk.take(&path);
    assert!(matches!(journal.append(texts(&["three"])), Err(JournalError::Shortened(_))));
}
