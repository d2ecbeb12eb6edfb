//! What the fake loses when the power goes.

use std::path::Path;

use carnet_seam::fs::{Access, create_folders};
use carnet_seam::{Crash, Fs, FsFault};
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, Loss, MemDisk};

fn disk_with_folder() -> MemDisk {
    let disk = MemDisk::new();
    create_folders(&disk.fs(), Path::new("/people")).unwrap();
    disk
}

#[test]
fn names_need_their_folder_synced_and_bytes_their_file() {
    let disk = disk_with_folder();
    let fs = disk.fs();
    let file = fs.create_new(Path::new("/people/file")).unwrap();
    file.write_at(0, b"safe").unwrap();
    file.sync().unwrap();
    assert_eq!(disk.after_power_loss(&Loss::Everything).read("/people/file"), None);
    fs.sync_folder(Path::new("/people")).unwrap();
    file.write_at(4, b" and not").unwrap();
    let left = |loss: Loss| disk.after_power_loss(&loss).read("/people/file").unwrap();
    assert_eq!(left(Loss::Everything), b"safe");
    assert_eq!(left(Loss::Nothing), b"safe and not");
    assert_eq!(left(Loss::Zeros), b"safe\0\0\0\0\0\0\0\0");
    assert_eq!(left(Loss::FirstHalves), b"safe and");
}

#[test]
fn what_a_failed_sync_did_not_write_is_never_written_unless_it_is_written_again() {
    let disk = disk_with_folder();
    let fs = disk.fs();
    let file = fs.create_new(Path::new("/people/file")).unwrap();
    fs.sync_folder(Path::new("/people")).unwrap();
    file.write_at(0, b"first").unwrap();
    disk.set_fault(Some(Fault::at(1, Effect::Error(FsFault::Other("I/O error".into())))));
    assert!(file.sync().is_err());
    file.sync().unwrap();
    assert_eq!(disk.read("/people/file").unwrap(), b"first", "it can still be read");
    let left = || disk.after_power_loss(&Loss::Nothing).read("/people/file").unwrap();
    assert_eq!(left(), b"");
    file.write_at(0, b"first").unwrap();
    file.sync().unwrap();
    assert_eq!(left(), b"first");
}

#[test]
fn the_dead_do_nothing_and_hold_no_lock() {
    let disk = disk_with_folder();
    let crash = Crash::unwinding("here", 1);
    let dying = disk.fs_with_crash(crash.clone());
    let file = dying.create_new(Path::new("/people/file")).unwrap();
    file.lock(std::time::Duration::ZERO).unwrap();
    assert!(crash.point("here").is_err());
    assert!(file.write_at(0, b"ghost").is_err());
    let alive = disk.fs().open(Path::new("/people/file"), Access::Write).unwrap();
    alive.lock(std::time::Duration::ZERO).unwrap();
    assert_eq!(alive.length().unwrap(), 0);
}

#[test]
fn a_full_disk_takes_what_fits() {
    let disk = disk_with_folder();
    disk.set_capacity(Some(6));
    let file = disk.fs().create_new(Path::new("/people/file")).unwrap();
    assert_eq!(file.write_at(0, b"too much").map_err(|error| error.fault), Err(FsFault::DiskFull));
    assert_eq!(disk.read("/people/file").unwrap(), b"too mu");
}
