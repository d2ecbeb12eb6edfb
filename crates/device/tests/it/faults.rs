//! I10: a journal is at every instant an old or a new state, whatever fails and whenever the power goes.

use carnet_device::journal::JournalError;
use carnet_seam::{Crash, FsFault};
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, Loss, MemDisk};

use crate::world::{folder, history, open, open_with, small, texts};

/// Writes of one, two and three records over several segments.
const SCRIPT: [&[&str]; 9] = [
    &["a"],
    &["b", "c"],
    &["d", "e", "f"],
    &["g"],
    &["h", "i"],
    &["j", "k", "l"],
    &["m"],
    &["n", "o"],
    &["p", "q", "r"],
];

/// What a run has been told.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<&'static str>,
    /// Failed: on the disk as a whole or not at all.
    doubtful: Vec<&'static [&'static str]>,
}

/// One process writes the script, reopening after each failure, and gives up when that fails too.
fn run(fs: carnet_testkit::MemFs) -> Told {
    let mut told = Told::default();
    let Ok(mut journal) = open_with(fs, small()) else { return told };
    for write in SCRIPT {
        match journal.append(texts(write)) {
            Ok(_) => told.acknowledged.extend(write),
            Err(_) => told.doubtful.push(write),
        }
        assert!(journal.state().texts().len() >= told.acknowledged.len());
    }
    told
}

/// What was acknowledged is there, in order; what failed is there as a whole or not; nothing else is.
fn check(disk: &MemDisk, told: &Told, what: &str) {
    let mut journal = open(disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found = journal.state().texts();
    let acknowledged: Vec<_> = found.iter().filter(|one| told.acknowledged.contains(&one.as_str())).collect();
    assert_eq!(acknowledged, told.acknowledged.iter().collect::<Vec<_>>(), "{what}: lost {told:?}");
    for write in &told.doubtful {
        let there = write.iter().filter(|one| found.iter().any(|other| other == **one)).count();
        assert!(there == 0 || there == write.len(), "{what}: {write:?} is torn in {found:?}");
    }
    let mut sorted = found.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(sorted.len(), found.len(), "{what}: doubled in {found:?}");
    // It goes on, and a tail is on record exactly once.
    let (tails, torn) = (journal.state().tails(), usize::from(journal.tail().is_some()));
    journal.append(texts(&["on we go"])).unwrap_or_else(|error| panic!("{what}: {error}"));
    let mut again = open(disk).unwrap();
    assert_eq!(again.state().tails(), tails + torn, "{what}");
    assert_eq!(again.state().texts().len(), found.len() + 1, "{what}");
    let all = history(&mut again).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(all, again.state().0, "{what}");
}

/// The power goes: everything that may be left is as good as the acknowledgements.
fn check_all_images(disk: &MemDisk, told: &Told, seeds: u64, what: &str) -> usize {
    let images = disk.power_loss_images(seeds);
    for (loss, image) in &images {
        check(image, told, &format!("{what}, {loss:?}"));
    }
    images.len()
}

#[test]
fn i10_every_failing_operation_once_and_for_ever() {
    let mut cells = 0;
    for fault in [FsFault::DiskFull, FsFault::Other("I/O error".into()), FsFault::ReadOnly] {
        for effect in [Effect::Error(fault.clone()), Effect::Refusal(fault)] {
            for forever in [false, true] {
                for reads_too in [false, true] {
                    cells += sweep(&effect, forever, reads_too);
                }
            }
        }
    }
    println!("{cells} cells");
    assert!(cells > 10_000, "{cells}");
}

fn sweep(effect: &Effect, forever: bool, reads_too: bool) -> usize {
    let mut cells = 0;
    for n in 1.. {
        let disk = MemDisk::new();
        let mut fault = Fault::at(n, effect.clone());
        fault = if forever { fault.forever() } else { fault };
        disk.set_fault(Some(if reads_too { fault.reads_too() } else { fault }));
        let told = run(disk.fs());
        let struck = disk.fault_struck();
        disk.set_fault(None);
        disk.kill_all();
        let what = format!("{effect:?} at {n}, forever {forever}, reads {reads_too}");
        check(&disk.copy(), &told, &what);
        cells += 1 + check_all_images(&disk, &told, 6, &what);
        if !struck {
            break;
        }
    }
    cells
}

#[test]
fn i10_i9_every_death_and_every_power_loss() {
    let mut cells = 0;
    for n in 1.. {
        let disk = MemDisk::new();
        disk.set_fault(Some(Fault::at(n, Effect::Death)));
        let told = run(disk.fs());
        let struck = disk.fault_struck();
        disk.set_fault(None);
        cells += check_all_images(&disk, &told, 30, &format!("death at {n}"));
        check(&disk, &told, &format!("kill at {n}"));
        if !struck {
            assert_eq!(told.acknowledged.len(), 18);
            break;
        }
    }
    println!("{cells} cells");
    assert!(cells > 1_000, "{cells}");
}

/// A second process goes on where the first died, and dies too; then the power goes.
#[test]
fn i10_a_death_after_a_death() {
    for first in (1..60).step_by(3) {
        for second in 1..25 {
            let disk = MemDisk::new();
            disk.set_fault(Some(Fault::at(first, Effect::Death)));
            let mut told = run(disk.fs());
            disk.set_fault(Some(Fault::at(second, Effect::Death)));
            if let Ok(mut journal) = open_with(disk.fs(), small()) {
                for write in [&["x"][..], &["y", "z"]] {
                    match journal.append(texts(write)) {
                        Ok(_) => told.acknowledged.extend(write),
                        Err(_) => told.doubtful.push(write),
                    }
                }
            }
            disk.set_fault(None);
            check_all_images(&disk, &told, 4, &format!("deaths at {first} and {second}"));
        }
    }
}

#[test]
fn i10_every_named_crash_point() {
    for point in ["journal.append", "journal.written", "journal.synced", "file.written", "file.renamed"] {
        for nth in 1..=3 {
            let disk = MemDisk::new();
            let crash = Crash::unwinding(point, nth);
            let told = run(disk.fs_with_crash(crash.clone()));
            assert!(crash.is_dead(), "{point}:{nth} was not reached");
            check_all_images(&disk, &told, 10, &format!("{point}:{nth}"));
            check(&disk, &told, &format!("{point}:{nth}"));
        }
    }
}

#[test]
fn after_a_failed_sync_the_handle_is_of_no_use_until_reopened() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["before"])).unwrap();
    disk.set_fault(Some(Fault::at(2, Effect::Error(FsFault::Other("I/O error".into())))));
    assert!(journal.append(texts(&["lost"])).is_err());
    assert_eq!(journal.state().texts(), ["before"], "the state does not run ahead");
    assert!(matches!(journal.append(texts(&["no"])), Err(JournalError::Poisoned(_))));
    journal.reopen().unwrap();
    journal.append(texts(&["after"])).unwrap();
    assert_eq!(open(&disk.after_power_loss(&Loss::Everything)).unwrap().state().texts(), ["before", "after"]);
}

#[test]
fn i10_a_record_whose_sync_failed_and_that_could_not_be_cut_off_is_written_again() {
    let disk = MemDisk::new();
    let mut journal = open_with(disk.fs(), crate::world::large()).unwrap();
    journal.append(texts(&["before"])).unwrap();
    disk.set_fault(Some(Fault::at(2, Effect::Error(FsFault::Other("I/O error".into()))).forever()));
    assert!(journal.append(texts(&["doubtful"])).is_err());
    disk.set_fault(None);
    // Another process reads it from the cache, adds to it, and is told that all is durable.
    let mut other = open_with(disk.fs(), crate::world::large()).unwrap();
    assert_eq!(other.state().texts(), ["before", "doubtful"]);
    other.append(texts(&["on top"])).unwrap();
    let after = open(&disk.after_power_loss(&Loss::Everything)).unwrap();
    assert_eq!(after.state().texts(), ["before", "doubtful", "on top"]);
}

#[test]
fn i8_a_state_found_at_the_start_can_be_made_durable_before_acting_on_it() {
    let disk = MemDisk::new();
    let crash = Crash::unwinding("journal.written", 1);
    let mut journal = open_with(disk.fs_with_crash(crash), crate::world::large()).unwrap();
    journal.append(texts(&["first"])).unwrap();
    assert!(journal.append(texts(&["intent"])).is_err());
    let mut next = open(&disk).unwrap();
    assert_eq!(next.state().texts(), ["first", "intent"]);
    assert_eq!(open(&disk.after_power_loss(&Loss::Everything)).unwrap().state().texts(), ["first"]);
    next.ensure_durable().unwrap();
    assert_eq!(open(&disk.after_power_loss(&Loss::Everything)).unwrap().state().texts(), ["first", "intent"]);
}

#[test]
fn i10_a_write_torn_in_the_middle_of_its_pages_is_a_tail_and_not_damage() {
    let disk = MemDisk::new();
    let crash = Crash::unwinding("journal.written", 1);
    let mut journal = open_with(disk.fs_with_crash(crash), crate::world::large()).unwrap();
    let long = "long ".repeat(300);
    journal.append(texts(&["first"])).unwrap();
    assert!(journal.append(texts(&[&long, &long, "short", "short"])).is_err());
    for loss in [Loss::EvenSectors, Loss::OddSectors, Loss::FirstHalves, Loss::Zeros] {
        let image = disk.after_power_loss(&loss);
        let mut journal = open_with(image.fs(), crate::world::large()).unwrap();
        assert_eq!(journal.state().texts(), ["first"], "{loss:?}");
        assert!(journal.tail().is_some(), "{loss:?}");
        let torn = image.read(folder().join("00000001.seg"));
        journal.append(texts(&["next"])).unwrap();
        assert_eq!(image.read(folder().join("00000001.seg")), torn, "the evidence stays");
        assert_eq!(journal.state().tails(), 1);
    }
}
