//! How runs end.

use std::sync::{Arc, Mutex};
use std::thread;

use carnet_controller::Run;

use crate::duration::duration;
use crate::uses::uses;
use crate::world::{World, seconds};

#[test]
fn dropping_a_run_records_its_end_and_closes_its_gates() {
    let world = World::with(uses(10, 10));
    let run = world.start().unwrap();
    assert_eq!(world.state().running.len(), 1);
    let gate = run.gate("resize");
    run.end();
    assert_eq!(world.state().running.len(), 0);
    assert!(!gate.is_open());
}

#[test]
fn a_thread_that_panics_ends_its_run_properly() {
    let world = World::with(duration(100, None));
    let run = world.start().unwrap();
    let panicked = thread::spawn(move || {
        let _run = run;
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err());
    assert_eq!((world.state().running.len(), world.state().used().seconds), (0, 0));
}

#[test]
fn a_thread_that_panics_does_not_end_a_run_that_others_use() {
    let world = World::with(uses(10, 10));
    let run = Arc::new(world.start().unwrap());
    let theirs = run.clone();
    let panicked = thread::spawn(move || {
        theirs.on_disapproved(|_| {});
        panic!("on purpose");
    })
    .join();
    assert!(panicked.is_err());
    assert!(run.consume(1).is_ok() && run.allows("resize"));
}

#[test]
fn a_disapproval_is_told_once_to_everybody_who_listens_even_late_or_badly() {
    let world = World::with(duration(40, None));
    let run = world.start().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let listen = |run: &Run| {
        let heard = heard.clone();
        run.on_disapproved(move |told| heard.lock().unwrap().push(told.code));
    };
    run.on_disapproved(|_| panic!("a bad listener"));
    listen(&run);
    assert_eq!(run.wait_disapproved(seconds(0)), None);
    assert!(!world.run_for(&run, 60));
    assert_eq!(*heard.lock().unwrap(), ["exhausted"]);
    listen(&run);
    assert_eq!(*heard.lock().unwrap(), ["exhausted", "exhausted"]);
    assert_eq!(run.wait_disapproved(seconds(100)).unwrap().code, "exhausted");
    assert_eq!(run.consume(1).unwrap_err().code, "exhausted");
    assert_eq!(world.state().running.len(), 0, "ended on record already");
}
