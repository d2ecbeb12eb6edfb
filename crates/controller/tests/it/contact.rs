//! Open requests of others, and servers that are not what they should be.

use carnet_core::document::Operation;
use carnet_testkit::Mishap;

use crate::uses::uses;
use crate::world::{World, app};

#[test]
fn i8_an_open_request_of_the_manager_is_finished_first() {
    let world = World::with(uses(10, 1));
    drop(world.start().unwrap());
    let mut passbook = world.passbook();
    world.server.expect([Mishap::AnswerLost]);
    let lost =
        carnet_device::contact::ask(&mut passbook, Some(&app()), &Operation::Renew { uses: 4 }, world.line());
    assert!(lost.is_err());
    let before = world.server.exchanges();
    let run = world.start().unwrap();
    assert_eq!(run.remaining().uses_in_pass, Some(3), "the pass of four came with the answer");
    assert!(world.server.exchanges() - before <= 2);
}

#[test]
fn i7_a_pass_that_is_leaving_is_not_used_whatever_the_server_answers() {
    let world = World::with(uses(10, 10));
    let mut passbook = world.passbook();
    world.server.set_away(true);
    let sent = carnet_device::contact::ask(&mut passbook, Some(&app()), &Operation::Export, world.line());
    assert!(sent.is_err());
    let told = world.start().unwrap_err();
    assert!(told.message.starts_with("the pass is on its way to another device, and"), "{told}");
    world.server.set_away(false);
    let told = world.start().unwrap_err();
    assert_eq!((told.code, told.remedy.as_str()), ("moving", "import it here again, or cancel the move"));
}

#[test]
fn servers_that_are_in_trouble_or_none_are_told_apart() {
    let world = World::with(uses(2, 1));
    drop(world.start().unwrap());
    let cases = [
        (Mishap::Away, "server-unreachable"),
        (Mishap::RequestLost, "server-unreachable"),
        (Mishap::Problem(503), "server-problem"),
        (Mishap::Garbage, "server-not-trusted"),
    ];
    for (mishap, code) in cases {
        world.server.expect([mishap]);
        let told = world.start().unwrap_err();
        assert_eq!(told.code, code, "{told}");
        assert!(told.message.starts_with("no uses are left in the pass, and "), "{told}");
    }
    assert!(world.start().is_ok());
}
