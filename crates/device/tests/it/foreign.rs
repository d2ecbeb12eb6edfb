//! I14, A19: what belongs to somebody else, or lies where it is not safe, is refused with the remedy.

use std::path::Path;
use std::sync::Arc;

use carnet_core::id::{DeviceId, ServerId};
use carnet_device::StorageError;
use carnet_device::journal::{Journal, JournalError, JournalName};
use carnet_device::place::Place;
use carnet_testkit::MemDisk;

use crate::world::{Everything, folder, name, open, small, texts};

fn open_as(disk: &MemDisk, name: JournalName) -> Result<Journal<Everything>, JournalError> {
    Journal::open(Arc::new(disk.fs()), &folder(), name, Everything::default(), small())
}

#[test]
fn i14_a_journal_of_another_server_device_or_app_is_refused() {
    let disk = MemDisk::new();
    open(&disk).unwrap().append(texts(&["mine"])).unwrap();
    for (other, whose) in [
        (JournalName { server: ServerId([9; 16]), ..name() }, "another server"),
        (JournalName { device: DeviceId([9; 16]), ..name() }, "another device"),
        (JournalName { app: None, ..name() }, "another app"),
        (JournalName { app: "acme/other".parse().ok(), ..name() }, "another app"),
    ] {
        let refused = open_as(&disk, other).unwrap_err();
        assert!(matches!(refused, JournalError::Foreign { whose: found, .. } if found == whose), "{refused}");
        assert!(refused.to_string().contains("remove the copy"));
    }
}

#[test]
fn i11_a_segment_under_another_number_is_refused() {
    let disk = MemDisk::new();
    open(&disk).unwrap().append(texts(&["mine"])).unwrap();
    let bytes = disk.read(folder().join("00000001.seg")).unwrap();
    disk.put(folder().join("00000007.seg"), &bytes);
    assert!(matches!(open(&disk), Err(JournalError::Foreign { whose: "another segment", .. })));
}

#[test]
fn i12_another_program_a_newer_version_and_noise_are_told_apart() {
    let disk = MemDisk::new();
    let path = folder().join("00000001.seg");
    disk.put(&path, b"some other program's file");
    assert!(matches!(open(&disk), Err(JournalError::Foreign { whose: "another program", .. })));
    disk.put(&path, b"CARNETJ1\x02\x00 and whatever the future brings");
    let newer = open(&disk).unwrap_err();
    assert!(matches!(newer, JournalError::TooNew { version: 2, .. }));
    assert!(newer.to_string().contains("update this program"));
    disk.put(&path, &vec![0; 9 << 20]);
    assert!(matches!(open(&disk), Err(JournalError::Storage(StorageError::Other(_)))));
}

#[test]
fn i10_an_empty_or_unfinished_segment_is_a_tail_of_the_one_before() {
    for content in [&b""[..], b"CARN", b"CARNETJ1\x01\x00\x01", &[0; 4096]] {
        let disk = MemDisk::new();
        open(&disk).unwrap().append(texts(&["kept"])).unwrap();
        disk.put(folder().join("00000002.seg"), content);
        let mut journal = open(&disk).unwrap();
        assert_eq!(journal.state().texts(), ["kept"]);
        assert_eq!(journal.tail().unwrap().length, content.len() as u64);
        journal.append(texts(&["more"])).unwrap();
        let mut again = open(&disk).unwrap();
        assert_eq!((again.state().texts().len(), again.state().tails(), again.segment()), (2, 1, 2));
        assert!(crate::world::history(&mut again).is_ok());
    }
    let disk = MemDisk::new();
    disk.put(folder().join("00000005.seg"), b"");
    assert!(matches!(open(&disk), Err(JournalError::Corrupt { .. })), "nothing before it to fall back to");
}

#[test]
fn a_home_that_others_can_change_or_that_is_not_ours_is_refused() {
    let home = Path::new("/people/ann/carnet");
    let disk = MemDisk::new();
    let place = || Place::open(&disk.fs(), home, ServerId([1; 16]));
    assert!(place().is_ok());
    for mode in [0o720, 0o702, 0o777] {
        disk.set_mode(home, mode);
        let refused = place().unwrap_err();
        assert!(matches!(refused, StorageError::NotPrivate { .. }));
        assert!(refused.to_string().contains("chmod go-rwx /people/ann/carnet"), "{refused}");
    }
    disk.set_mode(home, 0o755);
    assert!(place().is_ok());
    disk.set_owner(home, 0);
    assert!(matches!(place(), Err(StorageError::NoPermission(_))));
}

#[test]
fn a_network_file_system_is_refused_with_the_remedy() {
    let disk = MemDisk::new();
    disk.set_network(Some("nfs"));
    let refused = Place::open(&disk.fs(), Path::new("/mnt/far"), ServerId([1; 16])).unwrap_err();
    assert!(refused.to_string().contains("CARNET_HOME"), "{refused}");
}

#[test]
fn a_read_only_disk_says_so() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["before"])).unwrap();
    disk.set_read_only(true);
    let refused = journal.append(texts(&["during"])).unwrap_err();
    assert!(matches!(refused, JournalError::Storage(StorageError::ReadOnly(_))), "{refused}");
    assert!(matches!(open(&disk), Err(JournalError::Storage(StorageError::ReadOnly(_)))));
    disk.set_read_only(false);
    journal.reopen().unwrap();
    journal.append(texts(&["after"])).unwrap();
    assert_eq!(open(&disk).unwrap().state().texts(), ["before", "after"]);
}

#[test]
fn i10_a_full_disk_says_so_keeps_the_old_state_and_goes_on_when_there_is_room() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    let mut written = 0;
    let used = |disk: &MemDisk| disk.files().values().map(Vec::len).sum::<usize>() as u64;
    for room in (0..3000).step_by(53) {
        disk.set_capacity(Some(used(&disk) + room));
        let texts_before = journal.state().texts();
        match journal.append(texts(&["another record", "and its fellow"])) {
            Ok(_) => written += 2,
            Err(error) => {
                assert!(matches!(error, JournalError::Storage(StorageError::DiskFull(_))), "{error}");
                assert_eq!(journal.state().texts(), texts_before);
            }
        }
        disk.set_capacity(None);
        let again = open(&disk).unwrap();
        assert_eq!((again.state().texts().len(), again.tail()), (written, None), "room {room}");
    }
    assert!(written > 10);
}
