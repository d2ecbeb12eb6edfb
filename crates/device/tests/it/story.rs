//! A journal in good times.

use carnet_device::journal::{Journal, JournalError, LARGEST_BODY, Misfit, Peek, Record};
use carnet_seam::RealFs;
use carnet_testkit::MemDisk;

use crate::world::{Everything, NONSENSE, folder, history, large, name, open, open_with, text, texts};

#[test]
fn what_was_recorded_is_there_after_a_restart_in_order_over_many_segments() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    assert_eq!((journal.head().sequence, journal.segment()), (0, 0));
    let all: Vec<_> = (0..40).map(|number| format!("record {number}")).collect();
    for pair in all.chunks(2) {
        journal.append(pair.iter().map(|one| text(one)).collect()).unwrap();
    }
    assert!(journal.segment() > 3, "{}", journal.segment());
    assert_eq!(journal.state().texts(), all);

    let mut again = open(&disk).unwrap();
    assert_eq!(again.state().texts(), all);
    assert_eq!(again.head(), journal.head());
    assert_eq!(history(&mut again).unwrap(), again.state().0);
}

#[test]
fn a_plan_decides_on_what_others_have_added_and_may_decline() {
    let disk = MemDisk::new();
    let (mut one, mut other) = (open(&disk).unwrap(), open(&disk).unwrap());
    one.append(texts(&["one"])).unwrap();
    let counted = |state: &Everything| vec![text(&format!("{} before", state.0.len()))];
    other.append_with::<JournalError>(|state, _| Ok(counted(state))).unwrap();
    one.append_with::<JournalError>(|state, head| {
        assert_eq!(head.sequence, 3, "a checkpoint and two records");
        Ok(counted(state))
    })
    .unwrap();
    let declined = one.append_with(|state, _| {
        assert_eq!(state.0.len(), 3);
        Err(JournalError::Refused(Misfit("no".into())))
    });
    assert!(declined.is_err());
    other.refresh().unwrap();
    assert_eq!(other.state().texts(), ["one", "1 before", "2 before"]);
}

#[test]
fn a_record_that_its_reader_would_refuse_is_never_written() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["good"])).unwrap();
    let before = disk.files();
    for (kind, body) in [(NONSENSE, vec![]), (0, vec![]), (1, vec![0; LARGEST_BODY + 1])] {
        let refused = journal.append(vec![text("with it"), Record { kind, body }]);
        assert!(matches!(refused, Err(JournalError::Refused(_))), "{refused:?}");
    }
    let much = (0..20).map(|_| Record { kind: 1, body: vec![0; 60_000] }).collect();
    assert!(matches!(journal.append(much), Err(JournalError::Refused(_))));
    assert_eq!(disk.files(), before);
    assert_eq!(journal.state().texts(), ["good"]);
}

#[test]
fn old_segments_can_go_and_nothing_else_changes() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    let mut idle = open(&disk).unwrap();
    for number in 0..30 {
        journal.append(vec![text(&number.to_string())]).unwrap();
    }
    journal.drop_segments_before(u64::MAX).unwrap();
    assert_eq!(disk.files().len(), 2, "one segment and the lock: {:?}", disk.files().keys());
    assert_eq!(open(&disk).unwrap().state().texts(), journal.state().texts());
    idle.append(texts(&["late"])).unwrap();
    assert_eq!(idle.state().texts().len(), 31, "one that stood in a segment that is gone finds the newest");
    assert_eq!(open(&disk).unwrap().state(), idle.state());
}

#[test]
fn a_look_needs_no_lock_no_folder_and_writes_nothing() {
    let disk = MemDisk::new();
    let look = || Peek::look(&disk.fs(), &folder(), &name(), Everything::default()).unwrap();
    assert_eq!(look().state, Everything::default());
    assert!(disk.files().is_empty());
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["seen"])).unwrap();
    journal
        .append_with::<JournalError>(|_, _| {
            assert_eq!(look().state.texts(), ["seen"], "while another holds the lock");
            Ok(texts(&["more"]))
        })
        .unwrap();
    disk.set_read_only(true);
    assert_eq!(look().state.texts(), ["seen", "more"]);
    assert_eq!(look().head, journal.head());
}

#[test]
fn the_same_on_a_real_disk_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = std::env::temp_dir().join(format!("carnet-story-{}", std::process::id()));
    let folder = home.join("server/device");
    let fs = || std::sync::Arc::new(RealFs::default());
    let mut journal = Journal::open(fs(), &folder, name(), Everything::default(), large()).unwrap();
    for number in 0..100 {
        journal.append(vec![text(&number.to_string())]).unwrap();
    }
    let again = Journal::open(fs(), &folder, name(), Everything::default(), large()).unwrap();
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let modes = (mode(&home), mode(&folder), mode(&folder.join("00000001.seg")), mode(&folder.join("lock")));
    std::fs::remove_dir_all(&home).unwrap();
    assert_eq!(again.state(), journal.state());
    assert_eq!(again.state().0.len(), 100);
    assert_eq!(modes, (0o700, 0o700, 0o600, 0o600));
}

#[test]
fn i10_large_appends_are_read_back_whole() {
    let disk = MemDisk::new();
    let mut journal = open_with(disk.fs(), large()).unwrap();
    for _ in 0..3 {
        journal.append((0..12).map(|_| Record { kind: 1, body: vec![7; 25_000] }).collect()).unwrap();
    }
    let mut again = open_with(disk.fs(), large()).unwrap();
    assert_eq!(again.state().0.len(), 36);
    assert_eq!(history(&mut again).unwrap().len(), 36);
}
