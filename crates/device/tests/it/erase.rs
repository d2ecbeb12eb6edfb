//! C3: an app is erased, whatever comes between, and the certificate says what happened.

use std::path::{Path, PathBuf};

use carnet_core::device::{Disapproval, Input};
use carnet_core::id::{RequestId, RunId};
use carnet_core::report::{Known, Thing, Verdict, Violation, judge_certificate};
use carnet_device::erase::{EraseError, Installed, certificate, erase, list_of, plan};
use carnet_device::report::ReportError;
use carnet_seal::report::open_certificate;
use carnet_seam::FsFault;
use carnet_seam::fs::{create_folders, replace_file};
use carnet_testkit::Fault;
use carnet_testkit::disk::Effect;

use crate::report::{Place, app, atelier, paint, secrets};

const OWN: &str = "/opt/paint/drawings/my own.png";

fn installed() -> Installed {
    Installed {
        folder: PathBuf::from("/opt/paint"),
        files: vec!["bin/paint".into(), "share/logo.png".into()],
        keys: vec![PathBuf::from("/opt/paint.keys")],
    }
}

/// A program that was installed, and a drawing that Ann has put beside it.
fn with_program() -> Place {
    let place = Place::agreed();
    let fs = &*place.passbook.env().fs;
    for path in ["/opt/paint/bin/paint", "/opt/paint/share/logo.png", "/opt/paint.keys", OWN] {
        create_folders(fs, Path::new(path).parent().unwrap()).unwrap();
        replace_file(fs, Path::new(path), path.as_bytes()).unwrap();
    }
    place
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
    let planned = plan(&place.passbook, &app(), &installed()).unwrap();
    assert_eq!(planned.len(), 4);
    let contract = place.contract();
    let erased = erase(&place.passbook, &app(), &installed(), Some(RequestId([4; 16]))).unwrap();
    assert_eq!(erased, planned, "everything that was announced, and nothing else");
    assert!(matches!(&erased[0].what, Thing::File(name) if name == "bin/paint") && erased[0].size == 20);
    assert_eq!(left(&place), [OWN]);
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
    erase(&place.passbook, &app(), &installed(), None).unwrap();
    assert_eq!(place.judged(&place.report(), &Known::default()), Verdict::WithinContract);
}

#[test]
fn c3_bought_again_it_runs_again() {
    let mut place = with_program();
    erase(&place.passbook, &app(), &installed(), None).unwrap();
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
        let _ = erase(&place.passbook, &app(), &installed(), None);
        if !place.disk.fault_struck() {
            break;
        }
        place.disk.set_fault(None);
        interrupted += 1;
        erase(&place.passbook, &app(), &installed(), None).unwrap();
        assert_eq!(left(&place), [OWN], "after a failure at {at}");
        assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
    }
    assert!(interrupted > 10, "{interrupted}");
}

/// C4: after a failed erasure the same is asked for again, until it is confirmed.
#[test]
fn c4_what_could_not_be_erased_is_named_and_goes_at_the_next_attempt() {
    let mut named = 0;
    for at in 1.. {
        let place = with_program();
        let no = Effect::Refusal(FsFault::NoPermission);
        place.disk.set_fault(Some(Fault::at(at, no)));
        let first = erase(&place.passbook, &app(), &installed(), Some(RequestId([1; 16])));
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
            erase(&place.passbook, &app(), &installed(), Some(RequestId([2; 16]))).unwrap();
            assert_eq!(judged(&place, &Known::default()), Verdict::ErasureConfirmed);
            named += 1;
        }
    }
    assert!(named >= 3, "{named}");
}
