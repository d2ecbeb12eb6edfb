//! Media that are full, read-only, gone, somebody else's or garbage, and a server that is away (A14, A16, A18).

use carnet_core::id::{Digest, UserId};
use carnet_core::journal::PassStatus;
use carnet_device::medium::Whose;
use carnet_device::portable::PortablePassbook;
use carnet_device::{Medium, MediumError};
use carnet_manager::moves::MoveOutcome;
use carnet_seam::FsFault;
use carnet_testkit::Fault;
use carnet_testkit::disk::Effect;

use super::pair::{On, Pair, STICK, only};

/// A medium that takes the probe and then goes wrong.
#[derive(Debug)]
struct Fails(carnet_device::medium::Folder, MediumError);

impl Medium for Fails {
    fn name(&self) -> String {
        self.0.name()
    }
    fn probe(&self, whose: Whose, bytes: usize) -> Result<(), MediumError> {
        self.0.probe(whose, bytes)
    }
    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        self.0.existing(whose)
    }
    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError> {
        self.0.read(whose)
    }
    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        self.0.all()
    }
    fn write(&self, _: &PortablePassbook) -> Result<(), MediumError> {
        Err(self.1.clone())
    }
}

/// The journal of the app, byte for byte.
fn journal(pair: &Pair) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let of_app = |path: &std::path::PathBuf| path.to_string_lossy().contains("/apps/");
    pair.world.disk.files().into_iter().filter(|(path, _)| of_app(path)).collect()
}

#[test]
fn a14_nothing_changes_when_the_server_is_away() {
    let pair = Pair::new();
    let before = journal(&pair);
    pair.world.server.set_away(true);
    assert_eq!(pair.export().unwrap_err().code(), "server-unreachable");
    assert_eq!(journal(&pair), before);
    assert!(pair.runs(On::Laptop));
    assert_eq!(pair.world.disk.files().keys().filter(|path| path.starts_with(STICK)).count(), 1);
}

#[test]
fn a14_nothing_changes_when_the_medium_cannot_be_written() {
    let pair = Pair::new();
    let before = journal(&pair);
    let stick = pair.stick();
    for (fault, code) in [
        (FsFault::DiskFull, "medium-full"),
        (FsFault::ReadOnly, "medium-read-only"),
        (FsFault::NoPermission, "medium-permission"),
        (FsFault::NotFound, "medium-missing"),
    ] {
        let probing = Probes(stick.clone(), fault);
        let error = pair.manager(On::Laptop).export(&[crate::world::app()], &probing).unwrap_err();
        assert_eq!(error.code(), code);
        assert!(!error.remedy().is_empty());
        assert_eq!(journal(&pair), before, "{code}");
    }
    assert!(pair.runs(On::Laptop));
}

/// A medium whose probe fails.
#[derive(Debug)]
struct Probes(carnet_device::medium::Folder, FsFault);

impl Medium for Probes {
    fn name(&self) -> String {
        self.0.name()
    }
    fn probe(&self, _: Whose, _: usize) -> Result<(), MediumError> {
        Err(carnet_seam::FsError::new("write", STICK.as_ref(), self.1.clone()).into())
    }
    fn existing(&self, whose: Whose) -> Result<Option<PortablePassbook>, MediumError> {
        self.0.existing(whose)
    }
    fn read(&self, whose: Whose) -> Result<PortablePassbook, MediumError> {
        self.0.read(whose)
    }
    fn all(&self) -> Result<Vec<PortablePassbook>, MediumError> {
        self.0.all()
    }
    fn write(&self, book: &PortablePassbook) -> Result<(), MediumError> {
        self.0.write(book)
    }
}

#[test]
fn a15_what_could_not_be_written_stays_in_the_journal_until_it_is() {
    for error in [
        MediumError::NotThere(STICK.into()),
        MediumError::Full(STICK.into()),
        MediumError::Forgets(STICK.into()),
    ] {
        for again in [true, false] {
            let pair = Pair::new();
            let removed = Fails(pair.stick(), error.clone());
            let export = pair.manager(On::Laptop).export(&[crate::world::app()], &removed).unwrap();
            assert_eq!(export.unwritten.as_ref().map(|error| error.code()), Some(error.code()));
            assert_eq!(
                (only(&export.apps).0, pair.status(On::Laptop)),
                (MoveOutcome::Exported, Some(PassStatus::Moving))
            );
            // `--again`, or simply the same command once more.
            let (written, outcome) = if again {
                let written = pair.manager(On::Laptop).export_again(&[], &pair.stick()).unwrap();
                (written, MoveOutcome::WrittenAgain)
            } else {
                (pair.export().unwrap(), MoveOutcome::CarriedOn)
            };
            assert_eq!((only(&written.apps), written.unwritten), ((outcome, None), None));
            assert_eq!(only(&pair.import(On::Desk).unwrap().apps), (MoveOutcome::Imported, None));
        }
    }
}

#[test]
fn a17_a_medium_that_cannot_be_marked_is_told_of_and_changes_nothing() {
    let pair = Pair::new();
    pair.export().unwrap();
    let fixed = Fails(pair.stick(), MediumError::ReadOnly(STICK.into()));
    let import = pair.manager(On::Desk).import(&[], &fixed).unwrap();
    assert_eq!(only(&import.apps), (MoveOutcome::Imported, None));
    assert_eq!(import.unmarked.map(|error| error.code().to_owned()), Some("medium-read-only".into()));
    assert_eq!(only(&pair.import(On::Laptop).unwrap().apps), (MoveOutcome::Refused, Some("move-over")));
    assert_eq!(
        only(&pair.import(On::Desk).unwrap().apps),
        (MoveOutcome::AlreadyHere, None),
        "and marks it now"
    );
    let asked = pair.world.server.exchanges();
    pair.import(On::Laptop).unwrap();
    assert_eq!(pair.world.server.exchanges(), asked + 1);
}

#[test]
fn a16_a_medium_of_another_user_or_with_garbage_is_refused_on_both_sides() {
    let pair = Pair::new();
    let (server, user) = (pair.world.server.pin().server, pair.passbook(On::Laptop).user().unwrap());
    let path = format!("{STICK}/{}", PortablePassbook::file_name(server, user));
    let root = pair.world.server.pin().root;
    let bob = PortablePassbook::new(root, pair.world.server.url(), UserId([0xb0; 16]));
    let foreign = PortablePassbook::new(Digest([3; 32]), pair.world.server.url(), user);
    let before = journal(&pair);
    for (content, code) in [
        (bob.encode(), "other-user"),
        (foreign.encode(), "other-server"),
        (b"garbage".to_vec(), "medium-unreadable"),
        (Vec::new(), "medium-unreadable"),
    ] {
        pair.world.disk.put(&path, &content);
        assert_eq!(pair.export().unwrap_err().code(), code);
        assert_eq!(pair.import(On::Desk).unwrap_err().code(), code);
        assert_eq!(journal(&pair), before);
        assert_eq!(pair.world.disk.read(&path), Some(content), "and it is left as it is");
    }
    pair.world.disk.take(&path);
    assert_eq!(pair.import(On::Desk).unwrap_err().code(), "nothing-on-medium");
}

#[test]
fn i14_a_portable_pass_with_a_wrong_signature_is_refused_beside_good_ones() {
    let pair = Pair::new();
    pair.export().unwrap();
    let passbook = pair.passbook(On::Laptop);
    let whose = Whose { server: passbook.pin().server, user: passbook.user().unwrap() };
    let mut book = pair.stick().read(whose).unwrap();
    let mut forged = book.passes[0].document.clone();
    *forged.last_mut().unwrap() ^= 1;
    book.add(&forged);
    book.add(b"garbage");
    pair.stick().write(&book).unwrap();
    let apps = pair.import(On::Desk).unwrap().apps;
    let codes: Vec<_> = apps.iter().map(|one| one.why.as_ref().map(|why| why.code.as_str())).collect();
    assert_eq!(codes, [None, Some("untrusted"), Some("untrusted")]);
    assert!(pair.runs(On::Desk));
}

#[test]
fn i10_an_export_to_a_disk_that_fails_for_ever_is_finished_afterwards() {
    for n in 1.. {
        let pair = Pair::new();
        pair.world.disk.set_fault(Some(Fault::at(n, Effect::Error(FsFault::DiskFull)).forever()));
        let _ = pair.export();
        let struck = pair.world.disk.fault_struck();
        pair.world.disk.set_fault(None);
        pair.world.disk.kill_all();
        super::cuts::check(&pair, &format!("full from {n}"));
        if !struck {
            break;
        }
    }
}
