//! One contract, run on the machine's files and on those in memory.

use std::path::Path;
use std::time::Duration;

use carnet_seam::fs::{Access, create_folders, discard, read_file, replace_file};
use carnet_seam::{Fs, FsFault, RealFs};
use carnet_testkit::MemDisk;

fn contract(fs: &dyn Fs, home: &Path) {
    let fault = |result: Result<(), carnet_seam::FsError>| result.map_err(|error| error.fault);
    let folder = home.join("a/b");
    create_folders(fs, &folder).unwrap();
    create_folders(fs, &folder).unwrap();
    let made = fs.facts(&folder).unwrap().unwrap();
    assert_eq!((made.folder, made.mode, made.owner), (true, 0o700, fs.user()));
    assert_eq!(fs.facts(&folder.join("no")).unwrap(), None);

    let path = folder.join("file");
    assert_eq!(fs.open(&path, Access::Read).map_err(|error| error.fault).unwrap_err(), FsFault::NotFound);
    let file = fs.create_new(&path).unwrap();
    assert_eq!(fs.create_new(&path).map_err(|error| error.fault).unwrap_err(), FsFault::AlreadyExists);
    file.write_at(0, b"hello").unwrap();
    file.write_at(7, b"you").unwrap();
    file.sync().unwrap();
    let mut buffer = [9; 20];
    assert_eq!(file.read_at(2, &mut buffer).unwrap(), 8);
    assert_eq!(&buffer[..8], b"llo\0\0you");
    assert_eq!(file.read_at(50, &mut buffer).unwrap(), 0);
    file.truncate(3).unwrap();
    assert_eq!(file.length().unwrap(), 3);
    let facts = fs.facts(&path).unwrap().unwrap();
    assert_eq!((facts.folder, facts.mode, facts.length, facts.owner), (false, 0o600, 3, fs.user()));

    replace_file(fs, &path, b"new").unwrap();
    assert_eq!(read_file(fs, &path, 10).unwrap().as_deref(), Some(&b"new"[..]));
    assert!(read_file(fs, &path, 2).is_err());
    assert_eq!(file.length().unwrap(), 3, "an open file stays what it was");
    let seen = fs.open(&path, Access::Read).unwrap();
    assert!(seen.write_at(0, b"x").is_err());

    fs.create_new(&folder.join("b")).unwrap();
    fs.rename(&folder.join("b"), &folder.join("a")).unwrap();
    fs.sync_folder(&folder).unwrap();
    assert_eq!(fs.list(&folder).unwrap(), ["a", "file"]);
    fs.remove(&folder.join("a")).unwrap();
    discard(fs, &folder.join("a")).unwrap();
    assert_eq!(fault(fs.remove(&folder.join("a"))), Err(FsFault::NotFound));
    assert_eq!(fault(fs.rename(&folder.join("a"), &folder.join("c"))), Err(FsFault::NotFound));
    assert_eq!(fs.list(&folder.join("no")).map_err(|error| error.fault), Err(FsFault::NotFound));
    locks(fs, &path);
}

fn locks(fs: &dyn Fs, path: &Path) {
    let short = Duration::from_millis(5);
    let (one, other) = (fs.open(path, Access::Write).unwrap(), fs.open(path, Access::Write).unwrap());
    one.lock(short).unwrap();
    one.lock(short).unwrap();
    assert_eq!(other.lock(short).map_err(|error| error.fault), Err(FsFault::Locked));
    one.unlock().unwrap();
    other.lock(short).unwrap();
    drop(other);
    one.lock(short).unwrap();
}

#[test]
fn files_in_memory() {
    contract(&MemDisk::new().fs(), Path::new("/people/ann"));
}

#[test]
fn files_of_the_machine() {
    let home = std::env::temp_dir().join(format!("carnet-contract-{}", std::process::id()));
    contract(&RealFs::default(), &home);
    std::fs::remove_dir_all(&home).unwrap();
}
