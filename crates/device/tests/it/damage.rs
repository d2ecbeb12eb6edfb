//! I11, I12: whatever is changed in the bytes is an error or a tail on record, and never a panic.

use carnet_device::journal::JournalError;
use carnet_testkit::MemDisk;

use crate::world::{Everything, folder, history, open, text, texts};

/// Records in writes of two and of one over two segments; the state, and the path of each segment.
fn journal() -> (MemDisk, Everything, [std::path::PathBuf; 2]) {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    for number in 0..12 {
        journal.append(texts(&[&format!("first of {number}"), &format!("second of {number}")])).unwrap();
        if journal.segment() == 2 {
            break;
        }
    }
    journal.append(texts(&["last but one"])).unwrap();
    journal.append(texts(&["last"])).unwrap();
    assert_eq!(journal.segment(), 2);
    let path = |number: u64| folder().join(format!("{number:08}.seg"));
    (disk, journal.state().clone(), [path(1), path(2)])
}

/// What was found: all of it, a part with a tail, or an error. Anything else fails the test.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Whole,
    Tail { records: usize },
    Refused,
}

fn verdict(disk: &MemDisk, truth: &Everything) -> Verdict {
    let mut journal = match open(disk) {
        Ok(journal) => journal,
        Err(JournalError::Corrupt { .. } | JournalError::TooNew { .. } | JournalError::Foreign { .. }) => {
            return Verdict::Refused;
        }
        Err(error) => panic!("{error}"),
    };
    let records = journal.state().0.len();
    assert!(truth.0.starts_with(&journal.state().0), "never anything but what was recorded");
    if journal.tail().is_none() {
        assert_eq!(records, truth.0.len(), "what is missing is reported");
        return if history(&mut journal).is_ok() { Verdict::Whole } else { Verdict::Refused };
    }
    // The evidence goes on record before anything else, once.
    journal.append(texts(&["after"])).unwrap();
    let again = open(disk).unwrap();
    assert_eq!((again.state().tails(), again.tail()), (1, None));
    assert_eq!(again.state().texts().last().unwrap(), "after");
    assert_eq!(again.state().texts().len(), records + 1);
    Verdict::Tail { records }
}

#[test]
fn i10_every_truncation_leaves_whole_writes_and_a_tail_on_record() {
    let (disk, truth, [_, newest]) = journal();
    let bytes = disk.read(&newest).unwrap();
    let mut seen = std::collections::BTreeMap::new();
    for length in 0..bytes.len() {
        let cut = disk.copy();
        cut.put(&newest, &bytes[..length]);
        let found = match open(&cut) {
            Ok(journal) if journal.tail().is_none() => {
                // Cut exactly between two writes: that shows only at the next contact.
                assert!(truth.0.starts_with(&journal.state().0));
                "between two writes"
            }
            Ok(_) => match verdict(&cut, &truth) {
                Verdict::Tail { .. } => "tail",
                other => panic!("{length}: {other:?}"),
            },
            Err(error) => panic!("{length}: {error}"),
        };
        *seen.entry(found).or_insert(0) += 1;
    }
    assert!((2..=4).contains(&seen["between two writes"]), "{seen:?}");
    assert_eq!(verdict(&disk, &truth), Verdict::Whole);
}

#[test]
fn i12_every_flipped_bit_of_the_newest_segment_is_found() {
    let (disk, truth, [_, newest]) = journal();
    let bytes = disk.read(&newest).unwrap();
    let last = bytes.len() - (58 + "last".len());
    let (mut refused, mut tails) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let copy = disk.copy();
        copy.put(&newest, &changed);
        match verdict(&copy, &truth) {
            Verdict::Refused => refused += 1,
            Verdict::Tail { records } => {
                assert!(bit / 8 >= last, "byte {} is before acknowledged records", bit / 8);
                assert_eq!(records, truth.0.len() - 1);
                tails += 1;
            }
            Verdict::Whole => panic!("bit {bit} was accepted"),
        }
    }
    assert_eq!((refused, tails), (last * 8, (bytes.len() - last) * 8));
}

#[test]
fn i12_every_flipped_bit_of_an_older_segment_is_found_when_it_is_read() {
    let (disk, truth, [oldest, _]) = journal();
    let bytes = disk.read(&oldest).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let copy = disk.copy();
        copy.put(&oldest, &changed);
        assert_eq!(verdict(&copy, &truth), Verdict::Refused, "bit {bit}");
    }
}

#[test]
fn i11_dropped_reordered_and_repeated_records_are_found() {
    let disk = MemDisk::new();
    let mut journal = crate::world::open_with(disk.fs(), crate::world::large()).unwrap();
    for number in 0..9 {
        journal.append(vec![text(&format!("number {number}"))]).unwrap();
    }
    let path = folder().join("00000001.seg");
    let bytes = disk.read(&path).unwrap();
    let size = 58 + "number 0".len();
    let start = bytes.len() - 9 * size;
    let record = |number: usize| bytes[start + number * size..][..size].to_vec();
    let build = |order: &[usize]| -> Vec<u8> {
        order.iter().fold(bytes[..start].to_vec(), |all, number| [all, record(*number)].concat())
    };
    for (what, order) in [
        ("dropped", &[0, 1, 2, 4, 5, 6, 7, 8][..]),
        ("first dropped", &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("reordered", &[0, 2, 1, 3, 4, 5, 6, 7, 8]),
        ("last two reordered", &[0, 1, 2, 3, 4, 5, 6, 8, 7]),
        ("repeated", &[0, 1, 2, 2, 3, 4, 5, 6, 7, 8]),
    ] {
        disk.put(&path, &build(order));
        let opened = crate::world::open_with(disk.fs(), crate::world::large());
        assert!(matches!(opened, Err(JournalError::Corrupt { .. })), "{what}: {opened:?}");
    }
    disk.put(&path, &build(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 8]));
    let repeated_last = crate::world::open_with(disk.fs(), crate::world::large()).unwrap();
    assert_eq!((repeated_last.state().0.len(), repeated_last.tail().unwrap().length), (9, size as u64));
}

/// The CRC is for accidents; somebody who changes a record can change it too. The chain is not so easily
/// changed: all later records would have to be, and the server knows one of them.
#[test]
fn i11_a_changed_record_with_its_crc_made_right_is_found() {
    let disk = MemDisk::new();
    let mut journal = crate::world::open_with(disk.fs(), crate::world::large()).unwrap();
    for number in 0..5 {
        journal.append(vec![text(&format!("uses {number}"))]).unwrap();
    }
    let path = folder().join("00000001.seg");
    let (bytes, size) = (disk.read(&path).unwrap(), 58 + "uses 0".len());
    for number in 0..5 {
        for at in 4..size {
            let mut changed = bytes.clone();
            let record = &mut changed[bytes.len() - (5 - number) * size..][..size];
            record[at] ^= 1;
            let crc = crc32c::crc32c(&record[4..]).to_le_bytes();
            record[..4].copy_from_slice(&crc);
            disk.put(&path, &changed);
            match crate::world::open_with(disk.fs(), crate::world::large()) {
                Err(JournalError::Corrupt { .. }) => assert!(number < 4),
                Ok(journal) => {
                    let found = (journal.state().0.len(), journal.tail().unwrap().length);
                    assert_eq!((number, found), (4, (4, size as u64)), "the last one may be a torn write");
                }
                Err(error) => panic!("{number}, {at}: {error}"),
            }
        }
    }
}

/// A segment was durable as a whole before it had its name, so nothing that it began with is a torn write.
#[test]
fn i12_every_flipped_bit_of_a_segment_nobody_has_added_to_is_found() {
    let disk = MemDisk::new();
    let mut journal = open(&disk).unwrap();
    journal.append(texts(&["one", "two", "three"])).unwrap();
    let path = folder().join("00000001.seg");
    let bytes = disk.read(&path).unwrap();
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        let copy = disk.copy();
        copy.put(&path, &changed);
        assert_eq!(verdict(&copy, journal.state()), Verdict::Refused, "bit {bit}");
    }
}

#[test]
fn i11_records_of_another_journal_do_not_fit() {
    let (ours, truth, [_, newest]) = journal();
    let theirs = MemDisk::new();
    let mut other = open(&theirs).unwrap();
    other.append(texts(&["another start"])).unwrap();
    for number in 0..12 {
        other.append(texts(&[&format!("first of {number}"), &format!("second of {number}")])).unwrap();
        if other.segment() == 2 {
            break;
        }
    }
    let (mine, other) = (ours.read(&newest).unwrap(), theirs.read(&newest).unwrap());
    for at in 0..mine.len().min(other.len()) {
        let copy = ours.copy();
        let spliced = [&mine[..at], &other[at..]].concat();
        copy.put(&newest, &spliced);
        if spliced == other {
            // A whole segment of a twin: it does not continue ours.
            assert!(history(&mut open(&copy).unwrap()).is_err());
        } else {
            assert_ne!(verdict(&copy, &truth), Verdict::Whole, "{at}");
        }
    }
}

#[test]
fn i11_what_follows_the_end_of_an_older_segment_must_be_what_was_put_on_record() {
    let (disk, _, [_, newest]) = journal();
    let bytes = disk.read(&newest).unwrap();
    disk.put(&newest, &[&bytes[..], b"torn"].concat());
    let mut journal = open(&disk).unwrap();
    assert_eq!(journal.tail().unwrap().length, 4);
    journal.append(texts(&["after"])).unwrap();
    assert_eq!((journal.segment(), journal.tail()), (3, None));
    assert!(disk.read(&newest).unwrap().ends_with(b"torn"), "the evidence stays where it was");
    assert!(history(&mut journal).is_ok());
    for other in [&b"toRn"[..], b"tor", b"torn!", b""] {
        disk.put(&newest, &[&bytes[..], other].concat());
        assert!(matches!(history(&mut journal), Err(JournalError::Corrupt { .. })), "{other:?}");
    }
}

#[test]
fn i18_bytes_made_to_look_like_many_long_records_do_not_take_long() {
    let (disk, _, [_, newest]) = journal();
    let mut bytes = disk.read(&newest).unwrap();
    let hostile: Vec<u8> = [[0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 8, 0], [20, 0, 0, 0, 0, 0, 0, 0]].concat();
    bytes.extend(hostile.iter().cycle().take(2 << 20));
    disk.put(&newest, &bytes);
    assert!(open(&disk).is_ok_and(|journal| journal.tail().is_some()) || open(&disk).is_err());
}
