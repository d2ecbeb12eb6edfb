//! Old segments go when nothing in them is wanted any more, and nothing else is lost with them.

use std::sync::Arc;

use carnet_device::journal::{
    CHECKPOINT, Entry, Fold, Head, Journal, JournalError, Misfit, Peek, Record, Tail,
};
use carnet_seam::{Crash, Fs, FsFault};
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, MemDisk};

use crate::world::{Everything, TAIL, folder, name, small, text, texts};

/// From here on records are wanted.
const WANTED: u8 = 201;
/// From here on they are not; what was lost before has been told.
const TOLD: u8 = 202;

/// All records, which are wanted between [`WANTED`] and [`TOLD`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Wanting(Everything);

impl Wanting {
    fn since_told(&self) -> &[(u8, Vec<u8>)] {
        let told = self.0.0.iter().rposition(|(kind, _)| *kind == TOLD);
        &self.0.0[told.unwrap_or(0)..]
    }

    fn has(&self, wanted: u8) -> bool {
        self.since_told().iter().any(|(kind, _)| *kind == wanted)
    }
}

impl Fold for Wanting {
    fn restore(&mut self, body: &[u8]) -> Result<(), Misfit> {
        self.0.restore(body)
    }

    fn apply(&mut self, entry: &Entry<'_>) -> Result<(), Misfit> {
        self.0.apply(entry)
    }

    fn checkpoint(&self) -> Vec<u8> {
        self.0.checkpoint()
    }

    fn tail_dropped(&self, tail: &Tail) -> Record {
        self.0.tail_dropped(tail)
    }

    fn keeps_past(&self) -> bool {
        self.has(WANTED) || self.has(TAIL)
    }

    fn keeps(&self, entry: &Entry<'_>) -> bool {
        let mut state = Self::default();
        match entry.kind {
            CHECKPOINT => state.restore(entry.body).is_err() || state.has(WANTED),
            kind => kind == WANTED,
        }
    }
}

fn open_with(fs: impl Fs + 'static) -> Result<Journal<Wanting>, JournalError> {
    Journal::open(Arc::new(fs), &folder(), name(), Wanting::default(), small())
}

fn open(disk: &MemDisk) -> Journal<Wanting> {
    open_with(disk.fs()).unwrap()
}

fn segments(disk: &MemDisk) -> usize {
    disk.files().keys().filter(|path| path.extension().is_some_and(|end| end == "seg")).count()
}

fn mark(kind: u8) -> Record {
    Record { kind, body: vec![] }
}

/// Appends until another segment has begun.
fn roll(journal: &mut Journal<Wanting>) {
    let (before, mut number) = (journal.segment(), 0);
    while journal.segment() == before {
        number += 1;
        journal.append(vec![text(&format!("{number} in {before}"))]).unwrap();
    }
}

/// What is left has no gap, and its checkpoints say what the state says.
fn chain(journal: &mut Journal<Wanting>) -> Vec<(u8, Vec<u8>)> {
    let (mut all, mut before) = (Vec::new(), None::<Head>);
    journal
        .history(|past| {
            assert!(before.is_none_or(|head| past.head.sequence == head.sequence + 1), "no gap");
            before = Some(past.head);
            all.push((past.kind, past.body.to_vec()));
        })
        .unwrap();
    all
}

/// A write of another process is cut short by a power loss.
fn tear(disk: &MemDisk) {
    let newest = disk.files().into_iter().rfind(|(path, _)| path.extension().is_some_and(|end| end == "seg"));
    let (path, mut bytes) = newest.unwrap();
    bytes.extend_from_slice(&[7; 30]);
    disk.put(path, &bytes);
}

#[test]
fn old_segments_go_with_the_next_one_and_nothing_else_changes() {
    let disk = MemDisk::new();
    let (mut journal, mut idle) = (open(&disk), open(&disk));
    idle.append(texts(&["first"])).unwrap();
    for _ in 0..4 {
        roll(&mut journal);
        assert_eq!(segments(&disk), 1);
        chain(&mut journal);
    }
    assert_eq!(open(&disk).state(), journal.state());
    assert_eq!(Peek::look(&disk.fs(), &folder(), &name(), Wanting::default()).unwrap().head, journal.head());
    idle.append(texts(&["late"])).unwrap();
    assert_eq!(open(&disk).state(), idle.state());
    assert_eq!(idle.state().0.texts().len(), journal.state().0.texts().len() + 1);
}

#[test]
fn i11_what_is_wanted_stays_and_all_after_it_also_when_it_is_wanted_no_more() {
    let disk = MemDisk::new();
    let mut journal = open(&disk);
    roll(&mut journal);
    journal.append(vec![mark(WANTED)]).unwrap();
    roll(&mut journal);
    roll(&mut journal);
    assert_eq!(segments(&disk), 3);
    journal.append(vec![mark(TOLD)]).unwrap();
    roll(&mut journal);
    assert_eq!(segments(&disk), 4, "the segment with the wanted records, and no gap after it");
    chain(&mut journal);
    assert_eq!(open(&disk).state(), journal.state());
}

#[test]
fn i11_a_torn_tail_stays_where_it_is_until_it_was_told_and_is_on_record_after_it() {
    let disk = MemDisk::new();
    let mut journal = open(&disk);
    journal.append(texts(&["first"])).unwrap();
    tear(&disk);
    let torn = disk.read(folder().join("00000001.seg"));
    let mut journal = open(&disk);
    let tail = journal.tail().unwrap();
    roll(&mut journal);
    roll(&mut journal);
    assert_eq!(disk.read(folder().join("00000001.seg")), torn, "the bytes stay");
    let record = journal.state().tail_dropped(&tail);
    assert!(chain(&mut journal).contains(&(record.kind, record.body.clone())));
    journal.append(vec![mark(TOLD)]).unwrap();
    assert_eq!(segments(&disk), 1, "told, and so they go at once");
    assert_eq!(open(&disk).state().0.tails(), 1);
}

#[test]
fn i11_a_tail_that_is_found_by_the_contact_itself_stays_for_a_segment_longer() {
    let disk = MemDisk::new();
    open(&disk).append(texts(&["first"])).unwrap();
    tear(&disk);
    let mut journal = open(&disk);
    journal.append(vec![mark(TOLD)]).unwrap();
    assert_eq!(segments(&disk), 2, "the tail went on record in the very same write");
    roll(&mut journal);
    assert_eq!(segments(&disk), 1);
}

#[test]
fn i11_a_damaged_old_segment_is_evidence_and_stays() {
    let disk = MemDisk::new();
    let mut journal = open(&disk);
    roll(&mut journal);
    journal.append(vec![mark(WANTED)]).unwrap();
    roll(&mut journal);
    journal.append(vec![mark(TOLD)]).unwrap();
    let path = folder().join("00000001.seg");
    let mut bytes = disk.read(&path).unwrap();
    let middle = bytes.len() - 100;
    bytes[middle] ^= 1;
    disk.put(&path, &bytes);
    roll(&mut journal);
    assert_eq!(disk.read(&path), Some(bytes));
}

#[test]
fn a_look_while_segments_go_sees_the_newest_and_never_nothing() {
    let disk = MemDisk::new();
    let mut journal = open(&disk);
    journal.append(texts(&["first"])).unwrap();
    let look = || Peek::look(&disk.fs(), &folder(), &name(), Wanting::default());
    for at in 1..12 {
        // Between two operations of a look the other process closes its segment.
        let before = look().unwrap().state.0.texts().len();
        disk.set_fault(Some(Fault::at(at, Effect::Refusal(FsFault::NotFound)).reads_too()));
        let looked = look();
        disk.set_fault(None);
        if let Ok(looked) = looked {
            assert!(looked.state.0.texts().len() >= before, "at {at}");
        }
        roll(&mut journal);
    }
}

/// What a process was told, and what it wrote in doubt.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Vec<String>,
    doubtful: Vec<String>,
}

/// Twenty records over several segments, some of them wanted, by a process that reopens after each failure.
fn run(fs: carnet_testkit::MemFs) -> Told {
    let mut told = Told::default();
    let Ok(mut journal) = open_with(fs) else { return told };
    for number in 0..20 {
        let said = format!("record {number}, long enough to fill a segment soon");
        let mut records = vec![text(&said)];
        records.extend(match number {
            6 => Some(mark(WANTED)),
            13 => Some(mark(TOLD)),
            _ => None,
        });
        match journal.append(records) {
            Ok(_) => told.acknowledged.push(said),
            Err(_) => told.doubtful.push(said),
        }
        if number % 5 == 4 {
            let _ = journal.reopen();
        }
    }
    told
}

fn check(disk: &MemDisk, told: &Told, what: &str) {
    let mut journal = open_with(disk.fs()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let found: Vec<_> = journal.state().0.texts().into_iter().filter(|text| !text.is_empty()).collect();
    let known: Vec<_> = found.iter().filter(|one| told.acknowledged.contains(one)).collect();
    assert_eq!(known, told.acknowledged.iter().collect::<Vec<_>>(), "{what}: lost");
    assert!(found.iter().all(|one| told.acknowledged.contains(one) || told.doubtful.contains(one)), "{what}");
    let (tails, torn) = (journal.state().0.tails(), usize::from(journal.tail().is_some()));
    let evidence = journal.tail().map(|tail| journal.state().tail_dropped(&tail));
    journal.append(texts(&["on we go"])).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(open(disk).state().0.tails(), tails + torn, "{what}");
    let all = chain(&mut journal);
    assert!(evidence.is_none_or(|record| all.contains(&(record.kind, record.body))), "{what}: evidence");
    // While records are wanted, or a tail has not been told, all of them since then are there.
    if journal.state().has(WANTED) {
        let since = journal.state().since_told().iter().filter(|(kind, _)| *kind == WANTED);
        assert!(since.clone().all(|record| all.contains(record)), "{what}: a wanted record is gone");
    }
    roll(&mut journal);
    chain(&mut journal);
}

fn check_all_images(disk: &MemDisk, told: &Told, seeds: u64, what: &str) -> usize {
    let images = disk.power_loss_images(seeds);
    images.iter().for_each(|(loss, image)| check(image, told, &format!("{what}, {loss:?}")));
    images.len()
}

#[test]
fn i10_every_failing_operation_while_segments_go() {
    let mut cells = 0;
    for fault in [FsFault::DiskFull, FsFault::Other("I/O error".into())] {
        for effect in [Effect::Error(fault.clone()), Effect::Refusal(fault)] {
            for (forever, reads_too) in [(false, false), (true, false), (false, true), (true, true)] {
                cells += sweep(&effect, forever, reads_too);
            }
        }
    }
    println!("{cells} cells");
    assert!(cells > 3_000, "{cells}");
}

fn sweep(effect: &Effect, forever: bool, reads_too: bool) -> usize {
    let mut cells = 0;
    for n in 1.. {
        let disk = MemDisk::new();
        let fault = Fault::at(n, effect.clone());
        let fault = if forever { fault.forever() } else { fault };
        disk.set_fault(Some(if reads_too { fault.reads_too() } else { fault }));
        let told = run(disk.fs());
        let struck = disk.fault_struck();
        disk.set_fault(None);
        disk.kill_all();
        let what = format!("{effect:?} at {n}, forever {forever}, reads {reads_too}");
        check(&disk.copy(), &told, &what);
        cells += 1 + check_all_images(&disk, &told, 2, &what);
        if !struck {
            return cells;
        }
    }
    cells
}

#[test]
fn i10_i9_every_death_and_every_power_loss_while_segments_go() {
    let mut cells = 0;
    for n in 1.. {
        let disk = MemDisk::new();
        disk.set_fault(Some(Fault::at(n, Effect::Death)));
        let told = run(disk.fs());
        let struck = disk.fault_struck();
        disk.set_fault(None);
        cells += check_all_images(&disk, &told, 12, &format!("death at {n}"));
        check(&disk, &told, &format!("kill at {n}"));
        if !struck {
            assert_eq!(told.acknowledged.len(), 20);
            break;
        }
    }
    println!("{cells} cells");
    assert!(cells > 1_000, "{cells}");
}

#[test]
fn i10_every_named_crash_point_while_segments_go() {
    for point in ["journal.let-go", "journal.removed"] {
        for nth in 1..=2 {
            let disk = MemDisk::new();
            let crash = Crash::unwinding(point, nth);
            let told = run(disk.fs_with_crash(crash.clone()));
            assert!(crash.is_dead(), "{point}:{nth} was not reached");
            check_all_images(&disk, &told, 10, &format!("{point}:{nth}"));
            check(&disk, &told, &format!("{point}:{nth}"));
        }
    }
}
