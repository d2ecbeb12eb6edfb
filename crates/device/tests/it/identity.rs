//! A19, B2: an identity works on its machine only, and is never half written.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use carnet_core::document::PublicKey;
use carnet_core::id::ServerId;
use carnet_device::StorageError;
use carnet_device::identity::Component::{Board, Disk, MachineId, Network, Processor};
use carnet_device::identity::{
    Binding, Component, DeviceIdentity, Drift, EvidenceKind, GivenMachine, IdentityError, Machine,
};
use carnet_seam::FsFault;
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, MemDisk, SeededRandom};
use sha2::{Digest, Sha256};

const SERVER: ServerId = ServerId([1; 16]);

fn path() -> PathBuf {
    "/people/ann/carnet/server/identity".into()
}

fn create(disk: &MemDisk, binding: &Binding<'_>) -> Result<DeviceIdentity, IdentityError> {
    DeviceIdentity::open_or_create(&disk.fs(), &path(), SERVER, binding, &SeededRandom::new(5))
}

fn open(disk: &MemDisk, binding: &Binding<'_>) -> Result<DeviceIdentity, IdentityError> {
    DeviceIdentity::open(&disk.fs(), &path(), SERVER, binding)
}

fn ann() -> GivenMachine {
    GivenMachine::named("ann")
}

#[test]
fn an_identity_comes_back_with_the_same_keys() {
    let (disk, machine) = (MemDisk::new(), ann());
    let binding = Binding::Machine(&machine);
    assert_eq!(open(&disk, &binding).unwrap_err(), IdentityError::Missing(path()));
    let made = create(&disk, &binding).unwrap();
    for again in [open(&disk, &binding).unwrap(), create(&disk, &binding).unwrap()] {
        assert_eq!(again.device(), made.device());
        assert_eq!(again.signing_public(), made.signing_public());
        assert_eq!(again.agreement_public(), made.agreement_public());
        assert_eq!(again.evidence_kind(), EvidenceKind::Hardware);
    }
    assert_ne!(made.signing_public(), PublicKey(made.agreement_public()).into());
}

/// Which of the five features may change together.
#[test]
fn a19_b2_two_changed_features_are_tolerated_and_more_are_another_machine() {
    let disk = MemDisk::new();
    create(&disk, &Binding::Machine(&ann())).unwrap();
    for changed in 0_u32..32 {
        let differing: Vec<Component> = Component::ALL
            .into_iter()
            .enumerate()
            .filter(|(at, _)| changed >> at & 1 == 1)
            .map(|(_, one)| one)
            .collect();
        let clone = differing.contains(&Disk) && differing.contains(&Network);
        for value in [Some("something else"), None] {
            let machine = differing.iter().fold(ann(), |machine, one| machine.with(*one, value));
            let opened = open(&disk, &Binding::Machine(&machine));
            if differing.len() <= 2 && !clone {
                assert!(opened.is_ok(), "{differing:?}");
            } else {
                let drift = Drift { changed: differing.iter().copied().collect(), of: 5 };
                let refused = IdentityError::AnotherMachine { path: path(), drift };
                assert_eq!(opened.unwrap_err(), refused);
            }
        }
    }
}

#[test]
fn a19_b2_what_happens_to_machines() {
    let disk = MemDisk::new();
    create(&disk, &Binding::Machine(&ann())).unwrap();
    let opened = |machine: GivenMachine| open(&disk, &Binding::Machine(&machine)).is_ok();
    let new = Some("new");
    for (story, machine, runs) in [
        ("nothing", ann(), true),
        ("a new disk, the system installed again", ann().with(Disk, new).with(MachineId, new), true),
        ("a new board with its network", ann().with(Board, new).with(Network, new), true),
        ("a new processor", ann().with(Processor, new), true),
        ("the passbook copied to another machine", GivenMachine::named("bob"), false),
        (
            "the passbook copied to another machine of the same make",
            ann().with(MachineId, new).with(Disk, new).with(Network, new),
            false,
        ),
        (
            "the whole disk cloned to another machine of the same make",
            ann().with(Disk, new).with(Network, new),
            false,
        ),
    ] {
        assert_eq!(opened(machine), runs, "{story}");
    }
}

#[test]
fn a19_a_machine_that_shows_little_tolerates_nothing_or_is_told_what_to_do() {
    let disk = MemDisk::new();
    let little = ann().with(Board, None).with(Disk, None);
    create(&disk, &Binding::Machine(&little)).unwrap();
    assert!(open(&disk, &Binding::Machine(&little)).is_ok());
    assert!(open(&disk, &Binding::Machine(&ann())).is_ok(), "what was not seen then does not matter now");
    assert!(open(&disk, &Binding::Machine(&little.clone().with(Network, Some("new")))).is_err());

    let container = little.with(Network, None);
    let refused = create(&MemDisk::new(), &Binding::Machine(&container)).unwrap_err();
    assert_eq!(refused, IdentityError::TooLittleEvidence { found: 2, needed: 3 });
    assert!(refused.to_string().contains("file:PATH"));
}

#[test]
fn a19_with_a_file_the_passbook_alone_does_not_run() {
    let (disk, file) = (MemDisk::new(), Path::new("/run/secrets/carnet"));
    let made = create(&disk, &Binding::File(file)).unwrap();
    assert_eq!(made.evidence_kind(), EvidenceKind::File);
    assert_eq!(disk.read(file).unwrap().len(), 32);
    assert!(open(&disk, &Binding::File(file)).is_ok());

    let copy = MemDisk::new();
    copy.put(path(), &disk.read(path()).unwrap());
    let refused = open(&copy, &Binding::File(file)).unwrap_err();
    assert!(matches!(refused, IdentityError::AnotherFile { .. }), "{refused}");
    assert!(copy.read(file).is_none(), "opening makes no file");
    let tried = DeviceIdentity::open_or_create(
        &copy.fs(),
        &path(),
        SERVER,
        &Binding::File(file),
        &SeededRandom::new(6),
    );
    assert!(matches!(tried, Err(IdentityError::AnotherFile { .. })), "{tried:?}");
    copy.put(file, &[7; 32]);
    assert!(matches!(open(&copy, &Binding::File(file)), Err(IdentityError::AnotherFile { .. })));
    let other = open(&disk, &Binding::Machine(&ann())).unwrap_err();
    assert!(matches!(other, IdentityError::AnotherKind { .. }), "{other}");
}

/// The words under which components are hashed stand in identities that exist.
#[test]
fn i20_components_are_hashed_as_they_always_were() {
    let disk = MemDisk::new();
    create(&disk, &Binding::Machine(&ann())).unwrap();
    let bytes = disk.read(path()).unwrap();
    let (salt, names) = (&bytes[43..59], ["machine id", "board", "processor", "disk", "network"]);
    for ((at, name), component) in names.into_iter().enumerate().zip(Component::ALL) {
        let value = ann().features(component).remove(0).value;
        let text =
            [&b"carnet machine evidence\0"[..], salt, name.as_bytes(), &[0], value.as_bytes()].concat();
        let kept = &bytes[59 + 33 * at..59 + 33 * (at + 1)];
        assert_eq!(kept, [&[1][..], &Sha256::digest(&text)].concat(), "{name}");
    }
}

#[test]
fn i14_an_identity_of_another_server_is_refused() {
    let (disk, machine) = (MemDisk::new(), ann());
    create(&disk, &Binding::Machine(&machine)).unwrap();
    let other = DeviceIdentity::open(&disk.fs(), &path(), ServerId([2; 16]), &Binding::Machine(&machine));
    assert!(matches!(other, Err(IdentityError::AnotherServer(_))));
}

#[test]
fn i12_every_flipped_bit_and_every_truncation_is_found() {
    let (disk, machine) = (MemDisk::new(), ann());
    create(&disk, &Binding::Machine(&machine)).unwrap();
    let bytes = disk.read(path()).unwrap();
    let refused = |changed: &[u8]| {
        let copy = disk.copy();
        copy.put(path(), changed);
        assert_eq!(open(&copy, &Binding::Machine(&machine)).unwrap_err(), IdentityError::Damaged(path()));
        // Nor is a damaged one replaced by a new one behind its owner's back.
        assert_eq!(create(&copy, &Binding::Machine(&machine)).unwrap_err(), IdentityError::Damaged(path()));
    };
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        refused(&changed);
    }
    for length in 0..bytes.len() {
        refused(&bytes[..length]);
    }
    refused(&[&bytes[..], b"more"].concat());
}

#[test]
fn an_identity_of_a_newer_version_is_not_called_damaged() {
    let disk = MemDisk::new();
    disk.put(path(), b"CARNETI1\x03\x00 whatever the future brings");
    let newer = open(&disk, &Binding::Machine(&ann())).unwrap_err();
    assert!(matches!(newer, IdentityError::TooNew { version: 3, .. }), "{newer}");
}

#[test]
fn i10_whatever_fails_there_is_no_identity_or_a_whole_one() {
    let machine = ann();
    let binding = Binding::Machine(&machine);
    for effect in [Effect::Error(FsFault::DiskFull), Effect::Death, Effect::Refusal(FsFault::ReadOnly)] {
        for n in 1.. {
            let disk = MemDisk::new();
            disk.set_fault(Some(Fault::at(n, effect.clone())));
            let made = create(&disk, &binding);
            let struck = disk.fault_struck();
            disk.set_fault(None);
            for (loss, image) in disk.power_loss_images(10) {
                let found = open(&image, &binding);
                match (&made, &found) {
                    (Ok(made), Ok(found)) => assert_eq!(made.device(), found.device()),
                    (Err(_), Ok(_) | Err(IdentityError::Missing(_))) => {}
                    _ => panic!("{effect:?} at {n}, {loss:?}: {made:?}, then {found:?}"),
                }
                create(&image, &binding).unwrap();
            }
            if !struck {
                break;
            }
        }
    }
}

#[test]
fn an_identity_that_others_can_read_is_refused_with_the_remedy() {
    let (disk, machine) = (MemDisk::new(), ann());
    create(&disk, &Binding::Machine(&machine)).unwrap();
    for mode in [0o640, 0o604, 0o660] {
        disk.set_mode(path(), mode);
        let refused = open(&disk, &Binding::Machine(&machine)).unwrap_err();
        assert!(matches!(refused, IdentityError::Storage(StorageError::NotPrivate { .. })));
        assert!(refused.to_string().contains("chmod go-rwx"), "{refused}");
    }
}

#[test]
fn i17_keys_are_in_no_debug_text() {
    let (disk, machine) = (MemDisk::new(), ann());
    let made = create(&disk, &Binding::Machine(&machine)).unwrap();
    let shown = format!("{made:?}");
    let secret: String = made.own_secret()[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(!shown.contains(&secret) && shown.contains("dev_"), "{shown}");
}

#[test]
fn of_many_that_create_at_once_one_does() {
    let (disk, machine) = (MemDisk::new(), ann());
    let names = std::sync::Mutex::new(BTreeSet::new());
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let (disk, machine, names) = (&disk, &machine, &names);
            scope.spawn(move || {
                let random = SeededRandom::new(seed);
                let binding = Binding::Machine(machine);
                let made = DeviceIdentity::open_or_create(&disk.fs(), &path(), SERVER, &binding, &random);
                names.lock().unwrap().insert(made.unwrap().device());
            });
        }
    });
    assert_eq!(names.into_inner().unwrap().len(), 1);
}
