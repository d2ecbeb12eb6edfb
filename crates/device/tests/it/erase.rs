//! C3: an app is erased, whatever comes between, and the certificate says what happened.

use std::path::{Path, PathBuf};

use carnet_core::device::{Disapproval, Input};
use carnet_core::id::{RequestId, RunId};
use carnet_core::report::{Erased, Known, Thing, Verdict, Violation, judge_certificate};
use carnet_device::erase::{Disk, EraseError, Installed, Piece, certificate, list_of, plan};
use carnet_device::report::ReportError;
use carnet_seal::report::open_certificate;
use carnet_seam::FsFault;
use carnet_seam::fs::{create_folders, replace_file};
use carnet_testkit::disk::Effect;
use carnet_testkit::{Fault, MemFs};

use crate::report::{Place, app, atelier, paint, secrets};

const OWN: &str = "/opt/paint/drawings/my own.png";

fn piece(name: &str, lists: bool) -> Piece {
    Piece { below: PathBuf::from("/opt/paint"), name: name.into(), weighs: true, lists, stays: None }
}

fn installed() -> Installed {
    Installed {
        pieces: vec![piece("bin/paint", false), piece("share/logo.png", false), piece("front", true)],
    }
}

/// A program that was installed, and a drawing that Ann has put beside it.
fn with_program() -> Place {
    let place = Place::agreed();
    let fs = &*place.passbook.env().fs;
    for path in ["/opt/paint/bin/paint", "/opt/paint/share/logo.png", "/opt/paint/front", OWN] {
        create_folders(fs, Path::new(path).parent().unwrap()).unwrap();
        replace_file(fs, Path::new(path), path.as_bytes()).unwrap();
    }
    place.passbook.keep_installed(&app(), Path::new("/opt")).unwrap();
    place
}

/// The disk of the device: it fails for everybody who uses it.
fn disk(place: &Place) -> MemFs {
    place.disk.fs()
}

fn erase(place: &Place, what: &Installed, nonce: Option<RequestId>) -> Result<Vec<Erased>, EraseError> {
    let (tree, sweep) = (disk(place), || ());
    carnet_device::erase::erase(&place.passbook, &app(), what, Disk { tree: &tree, sweep: &sweep }, nonce)
}

fn left(place: &Place) -> Vec<String> {
    let files = place.disk.files().into_keys().filter(|path| path.starts_with("/opt"));
    files.map(|path| path.display().to_string()).collect()
}

fn judged(place: &Place, known: &Known) -> Verdict {
    let code = certificate(&place.passbook, &atelier(), &app(), None).unwrap();
    let (signed, list) = open_certificate(&code, &secrets()).unwrap();
    let list = list_of(&list).unwrap();
    judge_certificate(signed.claims(), &list, &place.contract(), known, place.now()).verdict
}

#[test]
fn c3_the_program_its_keys_and_its_pass_go_and_the_users_own_files_stay() {
    let place = with_program();
    place.run(1, 1);
    let planned = plan(&place.passbook, &app(), &installed(), &disk(&place)).unwrap();
    assert_eq!(planned.len(), 4);
    let contract = place.contract();
    let erased = erase(&place, &installed(), Some(RequestId([4; 16]))).unwrap();
    assert_eq!(erased, planned, "everything that was announced, and nothing else");
    assert!(matches!(&erased[0].what, Thing::File(name) if name == "bin/paint") && erased[0].size == 20);
    assert_eq!(left(&place), [OWN]);
    assert_eq!(place.passbook.installed_places(&app()).unwrap(), Vec::<PathBuf>::new());
    assert_eq!(place.contract(), contract, "the tombstone knows whose it was");
    assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
    let refused =
        place.book().act(Input::Start { run: RunId([2; 16]), version: None }, place.now()).map(|_| ());
    assert!(
        matches!(refused, Err(carnet_device::BookError::Disapproved(Disapproval::Erased))),
        "{refused:?}"
    );
}

#[test]
fn c3_a_tombstone_still_says_what_was_used() {
    let place = with_program();
    place.run(1, 1);
    erase(&place, &installed(), None).unwrap();
    assert_eq!(place.judged(&place.report(), &Known::default()), Verdict::WithinContract);
}

#[test]
fn c3_bought_again_it_runs_again() {
    let mut place = with_program();
    erase(&place, &installed(), None).unwrap();
    place.agree(paint(Some(secrets()[0].public()), None));
    place.run(2, 0);
    let none = certificate(&place.passbook, &atelier(), &app(), None);
    assert!(
        matches!(none, Err(EraseError::Report(ReportError::NothingHere(_)))),
        "it is not erased any more"
    );
}

/// Whatever fails, and however often: the second attempt ends it, and the certificate says the same.
#[test]
fn c3_i10_an_erasure_that_was_interrupted_anywhere_is_finished_by_the_next() {
    let mut interrupted = 0;
    for at in 1.. {
        let place = with_program();
        place.disk.set_fault(Some(Fault::at(at, Effect::Error(FsFault::Other("I/O error".into())))));
        let _ = erase(&place, &installed(), None);
        if !place.disk.fault_struck() {
            break;
        }
        place.disk.set_fault(None);
        interrupted += 1;
        erase(&place, &installed(), None).unwrap();
        assert_eq!(left(&place), [OWN], "after a failure at {at}");
        assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
    }
    assert!(interrupted > 10, "{interrupted}");
}

/// Whatever fails: what a certificate at last says names all that is gone, by whichever attempt.
#[test]
fn c3_an_erasure_that_is_repeated_still_names_what_the_first_has_erased() {
    let place = with_program();
    let first = erase(&place, &installed(), None).unwrap();
    let again = erase(&place, &Installed::default(), None).unwrap();
    let names =
        |items: &[Erased]| items.iter().map(|item| (item.what.to_string(), item.size)).collect::<Vec<_>>();
    assert_eq!(names(&again), names(&first));
    assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
}

/// What says which files are the program's must not go before them: nobody could tell then what is left.
#[test]
fn c3_as_long_as_a_file_stays_the_list_of_files_stays() {
    let place = with_program();
    let mut stuck = installed();
    stuck.pieces[0].stays = Some("it is in use".into());
    let items = erase(&place, &stuck, None).unwrap();
    let stays: Vec<_> =
        items.iter().filter(|item| item.kept.is_some()).map(|item| item.what.to_string()).collect();
    assert_eq!(stays, ["bin/paint", "front"]);
    assert_eq!(left(&place), ["/opt/paint/bin/paint", OWN, "/opt/paint/front"]);
    assert_eq!(place.passbook.installed_places(&app()).unwrap(), [PathBuf::from("/opt")]);
    erase(&place, &installed(), None).unwrap();
    assert_eq!(left(&place), [OWN]);
}

#[test]
fn c3_nothing_is_removed_that_is_in_no_folder_of_a_program() {
    for (below, name) in [
        ("", "opt/paint/front"),
        ("/", "opt/paint/front"),
        ("opt/paint", "front"),
        ("/opt/paint", "../paint/front"),
        ("/opt/paint", "/opt/paint/front"),
        ("/opt/paint", ""),
        // Not a folder.
        ("/opt/paint", "front/below"),
    ] {
        let place = with_program();
        let before = left(&place);
        let strange = Piece { below: below.into(), ..piece(name, false) };
        let items = erase(&place, &Installed { pieces: vec![strange] }, None).unwrap();
        assert!(items[0].kept.is_some(), "{below:?} {name:?}");
        assert_eq!(left(&place), before, "{below:?} {name:?}");
    }
}

/// C4: after a failed erasure the same is asked for again, until it is confirmed.
#[test]
fn c4_what_could_not_be_erased_is_named_and_goes_at_the_next_attempt() {
    let mut named = 0;
    for at in 1.. {
        let place = with_program();
        let no = Effect::Refusal(FsFault::NoPermission);
        place.disk.set_fault(Some(Fault::at(at, no)));
        let first = erase(&place, &installed(), Some(RequestId([1; 16])));
        if !place.disk.fault_struck() {
            break;
        }
        place.disk.set_fault(None);
        if first.is_ok_and(|items| items.iter().any(|item| item.kept.is_some())) {
            let Verdict::Violation(reasons) = judged(&place, &Known::default()) else { panic!("at {at}") };
            assert!(
                reasons.iter().all(|reason| matches!(reason, Violation::NotErased { .. })),
                "{reasons:?}"
            );
            erase(&place, &installed(), Some(RequestId([2; 16]))).unwrap();
            assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
            named += 1;
        }
    }
    assert!(named >= 3, "{named}");
}
