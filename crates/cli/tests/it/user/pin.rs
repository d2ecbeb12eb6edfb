//! A21: a PIN typed by hand before ids leave the device.

use super::shop::{Shop, TWO_RUNS};

#[test]
fn a21_with_a_pin_nothing_is_asked_of_the_server_before_it_is_typed() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let (pin, other) = (ann.carnet.file("pin", "2718\n"), ann.carnet.file("other", "3141"));
    let short = ann.carnet.file("short", "12");
    assert_eq!(ann.run(&["pin", "set", "--new-pin-file", &short, "--json"]).failed(), (2, "bad-pin".into()));
    assert_eq!(ann.run(&["pin", "set", "--json"]).failed(), (2, "needs-answer".into()));
    ann.agree("two-runs");
    assert_eq!(ann.run(&["pin", "set", "--new-pin-file", &pin]).code, 0);

    assert_eq!(ann.sh("true").code, 0, "a good pass runs without it");
    let over = ann.run(&["run", "acme/paint", "--json", "--", "/bin/true"]);
    assert_eq!(over.failed(), (4, "pin-needed".into()), "the next one is not fetched by a program alone");
    for command in
        [&["renew", "acme/paint"][..], &["devices"], &["return", "acme/paint"], &["status", "--resume"]]
    {
        let asked = ann.run(&[command, &["--json"]].concat());
        assert!(asked.code == 0 || asked.failed() == (2, "pin-needed".into()), "{command:?}: {asked:?}");
    }
    let wrong = ann.run(&["renew", "acme/paint", "--pin-file", &other, "--json"]);
    assert_eq!(wrong.failed(), (2, "wrong-pin".into()));
    assert_eq!(ann.run(&["renew", "acme/paint", "--pin-file", &pin]).code, 0);
    assert_eq!(ann.sh("true").code, 0);
    assert_eq!(ann.run(&["passes", "--offline"]).code, 0, "looking needs none");

    assert_eq!(ann.run(&["pin", "remove", "--json"]).failed(), (2, "pin-needed".into()));
    assert_eq!(ann.run(&["pin", "set", "--new-pin-file", &other, "--pin-file", &pin]).code, 0);
    assert_eq!(ann.run(&["pin", "remove", "--pin-file", &pin, "--json"]).failed(), (2, "wrong-pin".into()));
    assert_eq!(ann.run(&["pin", "remove", "--pin-file", &other]).code, 0);
    assert_eq!(ann.run(&["devices"]).code, 0);
}
