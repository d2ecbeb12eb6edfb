//! D5: devices join, are lost, retire; nobody is locked out.

use super::shop::{Shop, TWO_RUNS, User};
use crate::carnet::Ran;

const FOUR_RUNS: &str = r#"
[[offer]]
name = "four-runs"
condition = "Four runs"
features = ["resize"]
fee = "free"
term = { uses = 4 }
pass = { uses = 2 }
"#;

fn join(user: &User, code: &str) -> Ran {
    let identity = user.identity().to_owned();
    user.run(&[
        "register",
        "--server",
        &user.url,
        "--root",
        &user.root,
        "--identity",
        &identity,
        "--code",
        code,
        "--json",
    ])
}

#[test]
fn d5_a_lost_device_is_freed_with_the_recovery_code_and_nobodys_help() {
    let shop = Shop::open();
    shop.sell(&[FOUR_RUNS]);
    let laptop = shop.visitor();
    let mut registration = laptop.registration();
    registration.push("--json");
    let registered = laptop.run(&registration).json();
    let code = registered["recovery_code"].as_str().unwrap().to_owned();
    assert!(code.starts_with("recover1-"), "{registered}");
    assert_eq!(
        laptop.run(&["devices", "recovery-code", "--json"]).failed(),
        (5, "code-shown".into()),
        "it is shown once"
    );
    laptop.agree("four-runs");
    assert_eq!(laptop.sh("true").code, 0);

    // The laptop is gone. A new device, the code from the drawer, nothing else.
    let tablet = shop.visitor();
    let joined = join(&tablet, &code.to_uppercase()).json();
    assert_eq!(joined["user"], registered["user"]);
    let refused = tablet.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]);
    assert_eq!(refused.failed(), (4, "held-elsewhere".into()));
    let devices = tablet.run(&["devices", "--json"]).json();
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    let old = registered["device"].as_str().unwrap();
    assert_eq!(tablet.run(&["devices", "lost", old, "--json"]).failed().1, "needs-answer");
    assert_eq!(tablet.run(&["devices", "lost", old, "--yes"]).code, 0);
    assert_eq!(tablet.sh("true").code, 0, "it runs at once");
    assert_eq!(tablet.sh("true").code, 0);
    assert_eq!(tablet.sh("true").code, 4, "what the laptop had out is gone");
    let seen = &shop.licenses()[0];
    assert_eq!((&seen["at_risk"], &seen["validity"]["uses"]["forfeited"]), (&1.into(), &2.into()));

    // Nobody else's licenses are touched by a supplier who frees a device twice.
    assert_eq!(
        shop.supplier_fails(&["supplier", "device", "free", old, "--yes", "--json"]),
        (5, "not-found".into())
    );
    assert_eq!(shop.supplier(&["supplier", "device", "flagged", "--json"]).json(), serde_json::json!([]));
    // The thief's start: good offline until the next contact, and then never again.
    assert_eq!(laptop.run(&["renew", "acme/paint", "--json"]).failed(), (5, "retired".into()));
    assert_eq!(laptop.sh("true").code, 4);
}

#[test]
fn a_join_code_is_good_once_and_codes_for_other_things_are_told_apart() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let code = ann.run(&["devices", "invite", "--json"]).json()["code"].as_str().unwrap().to_owned();
    let tablet = shop.visitor();
    let mut typo = code.clone();
    let last = if typo.pop() == Some('q') { 'p' } else { 'q' };
    typo.push(last);
    assert_eq!(join(&tablet, &typo).failed(), (2, "bad-code".into()), "found before anything is sent");
    assert_eq!(join(&tablet, &code).code, 0);
    let phone = shop.visitor();
    assert_eq!(join(&phone, &code).failed(), (5, "code-used".into()));
    // The refused one is nobody yet, and may join by another code.
    let next = ann.run(&["devices", "invite", "--json"]).json()["code"].as_str().unwrap().to_owned();
    assert_eq!(ann.run(&["redeem", &next, "--json"]).failed(), (2, "bad-code".into()));
    assert_eq!(join(&phone, &next).code, 0);

    assert_eq!(
        ann.run(&["devices", "rename", "nobody", "x", "--json"]).failed(),
        (5, "no-such-device".into())
    );
    let tablet_id =
        tablet.run(&["status", "--json"]).json()["servers"][0]["device"].as_str().unwrap().to_owned();
    assert_eq!(ann.run(&["devices", "rename", &tablet_id, "the tablet"]).code, 0);
    ann.agree("two-runs");
    assert_eq!(ann.run(&["return", "acme/paint"]).code, 0);
    assert_eq!(ann.run(&["return", "acme/paint", "--json"]).failed(), (5, "nothing-to-move".into()));
    assert_eq!(tablet.sh("true").code, 0, "what was given back is there for the other");
    assert_eq!(ann.run(&["devices", "retire", "the tablet", "--json"]).failed(), (5, "still-holds".into()));
    let list = ann.run(&["devices"]).out;
    assert!(list.contains("the tablet") && list.contains("acme/paint"), "{list}");
    assert_eq!(tablet.run(&["leave", "--yes"]).code, 0);
    assert_eq!(tablet.sh("true").code, 4);
}

#[test]
fn machines_enrol_by_themselves_and_make_room_when_they_leave() {
    let shop = Shop::open();
    shop.sell(&[FOUR_RUNS]);
    let ann = shop.user();
    ann.agree("four-runs");
    assert_eq!(ann.run(&["return", "acme/paint"]).code, 0);
    let code =
        ann.run(&["devices", "enrol", "--most", "1", "--json"]).json()["code"].as_str().unwrap().to_owned();
    let (first, second) = (shop.visitor(), shop.visitor());
    assert_eq!(join(&first, &code).code, 0);
    assert_eq!(join(&second, &code).failed(), (5, "code-full".into()));
    assert_eq!(first.sh("true").code, 0);
    assert_eq!(
        first.run(&["leave", "--yes", "--json"]).json()["returned"],
        serde_json::json!(["acme/paint"])
    );
    assert_eq!(join(&second, &code).code, 0);
    assert_eq!(second.sh("true").code, 0);
    assert_eq!(ann.run(&["devices", "withdraw", &code]).code, 0);
    let third = shop.visitor();
    assert_eq!(join(&third, &code).failed(), (5, "bad-code".into()));
}

#[test]
fn d5_beyond_the_limit_the_supplier_frees_a_device_for_the_user() {
    let shop = Shop::open();
    shop.sell(&[&FOUR_RUNS.replace("term =", "lost_devices_per_year = 0\nterm =")]);
    let laptop = shop.user();
    laptop.agree("four-runs");
    let code = laptop.run(&["devices", "invite", "--json"]).json()["code"].as_str().unwrap().to_owned();
    let tablet = shop.visitor();
    assert_eq!(join(&tablet, &code).code, 0);
    let old = laptop.run(&["status", "--json"]).json()["servers"][0]["device"].as_str().unwrap().to_owned();
    let lost = tablet.run(&["devices", "lost", &old, "--yes", "--json"]);
    assert_eq!(lost.failed(), (5, "too-many-lost".into()));
    shop.supplier(&["supplier", "device", "free", &old, "--yes"]);
    assert_eq!(tablet.sh("true").code, 0);
    let events = shop.supplier(&["supplier", "events", "--json"]).out;
    assert!(events.contains("device-freed"), "{events}");
    // The old one was found behind the sofa: what it had out is gone, and it is the user's still.
    assert_eq!(laptop.run(&["renew", "acme/paint", "--json"]).failed(), (5, "held-elsewhere".into()));
    assert_eq!(tablet.run(&["return", "acme/paint"]).code, 0);
    assert_eq!(laptop.sh("true").code, 0);
}
