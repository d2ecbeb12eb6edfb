//! A10, A13, A23: from the menu to a pass, at most once for each consent, whatever happens meanwhile.

use std::process::Stdio;

use super::shop::{FOR_EVER, Shop, TWO_RUNS};

#[test]
fn a10_from_the_menu_to_a_run_until_it_is_used_up_and_bought_again() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS, FOR_EVER]);
    let ann = shop.user();
    let menu = ann.run(&["menu", "acme/paint"]).out;
    assert!(menu.contains("Two runs") && menu.contains("49.00 EUR, once, at the agreement"), "{menu}");
    assert_eq!(ann.run(&["menu", "acme/paint", "--json"]).json()["offers"][0]["offer"]["name"], "two-runs");

    // A8, A9: no pass yet; nobody can be asked here, and the remedy names the commands.
    let without = ann.sh("exit 7");
    assert_eq!((without.code, without.out.as_str()), (4, ""));
    assert!(
        without.err.contains("carnet menu acme/paint") && without.err.contains("carnet agree"),
        "{without:?}"
    );
    assert_eq!(ann.run(&["agree", "acme/paint", "--json"]).failed(), (2, "needs-answer".into()));
    assert_eq!(ann.run(&["agree", "acme/paint", "two-runs", "--json"]).failed(), (2, "needs-answer".into()));
    assert_eq!(
        ann.run(&["agree", "acme/paint", "three", "--yes", "--json"]).failed(),
        (2, "no-such-offer".into())
    );

    let agreed = ann.agree("two-runs");
    assert_eq!((&agreed["outcome"], &agreed["pass"]["condition"]), (&"agreed".into(), &"Two runs".into()));
    assert_eq!(agreed["pass"]["uses"], serde_json::json!({ "in_pass": 1, "on_license": 1, "licensed": 2 }));
    assert_eq!(ann.sh("exit 7").code, 7);
    assert_eq!(
        (&ann.pass()["status"], &ann.pass()["status_in_words"]),
        (&"used-up".into(), &"used up, more at the server".into())
    );
    // A12: the next slice is fetched by the start itself.
    assert_eq!(ann.sh("exit 8").code, 8);
    let over = ann.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]);
    assert_eq!(over.failed(), (4, "exhausted".into()));
    assert_eq!(ann.pass()["status_in_words"], "used up");
    // A13: continued purchase.
    assert_eq!(ann.agree("two-runs")["outcome"], "agreed");
    assert_eq!(ann.sh("exit 9").code, 9);
    assert_eq!(shop.licenses().len(), 2);
}

#[test]
fn a10_an_agreement_may_be_repeated_and_is_not_made_twice() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    assert_eq!(ann.agree("two-runs")["outcome"], "agreed");
    assert_eq!(ann.agree("two-runs")["outcome"], "already");
    assert_eq!(ann.sh("true").code, 0);
    let next = ann.agree("two-runs");
    assert_eq!(
        (&next["outcome"], &next["pass"]["uses"]["in_pass"]),
        (&"already".into(), &1.into()),
        "what is left comes first"
    );
    assert_eq!(shop.licenses().len(), 1);
}

#[test]
fn a10_an_agreement_that_dies_anywhere_is_carried_on_and_made_once() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let points = [
        // The first contact of the command asks whether something is left, the second one agrees.
        ("journal.append:1", 0),
        ("contact-before-send:1", 0),
        ("contact-before-outcome:1", 0),
        ("contact-after-outcome:1", 0),
        ("contact-before-send:2", 0),
        ("contact-before-outcome:2", 1),
        ("contact-after-outcome:2", 1),
    ];
    for (point, before) in points {
        let ann = shop.user();
        let licenses = shop.licenses().len();
        assert!(ann.dies(point, &["agree", "acme/paint", "two-runs", "--yes"]), "{point} is not reached");
        assert_eq!(shop.licenses().len(), licenses + before, "{point}");
        let outcome = ann.agree("two-runs")["outcome"].as_str().unwrap().to_owned();
        let expected = match point {
            "contact-before-send:2" | "contact-before-outcome:2" => "carried-on",
            "contact-after-outcome:2" => "already",
            _ => "agreed",
        };
        assert_eq!(outcome, expected, "{point}");
        assert_eq!(shop.licenses().len(), licenses + 1, "{point}");
        assert_eq!(ann.sh("exit 7").code, 7, "{point}");
    }
}

#[test]
fn a10_of_two_agreements_at_once_one_is_made() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let start = || {
        let mut command = ann.carnet.command(&["agree", "acme/paint", "two-runs", "--yes", "--json"]);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start(), start()].map(|child| child.wait_with_output().unwrap());
    let mut outcomes: Vec<String> = both
        .iter()
        .map(|output| {
            serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["outcome"].to_string()
        })
        .collect();
    outcomes.sort();
    assert_eq!(outcomes, ["\"agreed\"", "\"already\"", "\"already\""]);
    assert_eq!(shop.licenses().len(), 1);
}

#[test]
fn a13_declining_is_recorded_and_the_menu_comes_again() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let declined = ann.run(&["decline", "acme/paint", "--json"]);
    assert_eq!((declined.code, &declined.json()["outcome"]), (0, &"declined".into()));
    assert_eq!(shop.licenses()[0]["validity"]["status"], "declined");
    assert_eq!(ann.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]).failed(), (4, "declined".into()));
    assert_eq!(ann.agree("two-runs")["outcome"], "agreed");
    assert_eq!(ann.run(&["decline", "acme/paint", "--json"]).failed(), (1, "still-good".into()));
    assert_eq!(ann.sh("exit 7").code, 7);
}

#[test]
fn a13_a_run_may_say_beforehand_what_it_agrees_to() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    for _ in 0..3 {
        let ran = crate::carnet::ran(&mut ann.command_sh(&["--offer", "two-runs", "--yes"], "exit 7"));
        assert_eq!(ran.code, 7, "{ran:?}");
    }
    assert_eq!(shop.licenses().len(), 2, "three runs are two licenses of two");
    let unknown = crate::carnet::ran(&mut ann.command_sh(&["--json", "--offer", "two-runs"], "exit 7"));
    assert_eq!(unknown.code, 7, "what is left needs no agreement");
    let over = crate::carnet::ran(&mut ann.command_sh(&["--json", "--offer", "two-runs"], "exit 7"));
    assert_eq!(over.failed(), (4, "exhausted".into()), "without --yes somebody must be there");
}

#[test]
fn a23_agreeing_to_another_offer_says_which_one_and_which_is_used_first() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS, FOR_EVER]);
    let ann = shop.user();
    ann.agree("two-runs");
    let other = ann.run(&["agree", "acme/paint", "for-ever", "--yes"]).out;
    let first = "Agreed to For ever for acme/paint. Two runs, which is there, is used first.\n";
    assert!(other.starts_with(first), "{other}");
}

#[test]
fn a23_bought_once_more_early_and_what_comes_next_is_shown() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let again = ann.run(&["agree", "acme/paint", "two-runs", "--yes", "--again", "--json"]);
    assert_eq!(again.json()["outcome"], "agreed");
    assert_eq!(shop.licenses().len(), 2);
    let passes = ann.run(&["passes", "--json"]).json();
    let next = &passes["passes"][0]["next"];
    assert_eq!(next.as_array().map(Vec::len), Some(1), "{passes}");
    assert_eq!(next[0]["condition"], "Two runs");
    let words = ann.run(&["passes"]).out;
    assert!(words.contains("Next for acme/paint: Two runs ("), "{words}");
    for _ in 0..4 {
        assert_eq!(ann.sh("exit 7").code, 7);
    }
    assert_eq!(ann.sh("exit 7").code, 4);
}

#[test]
fn a1_an_app_that_nobody_sells_is_said_to_be_unknown() {
    let shop = Shop::open();
    let ann = shop.user();
    for command in ["menu", "agree"] {
        let ran = ann.run(&[command, "acme/pictures", "--json"]);
        assert_eq!(ran.failed(), (5, "not-found".into()));
        assert!(ran.out.contains("the server knows no app acme/pictures"), "{ran:?}");
    }
    assert_eq!(
        ann.run(&["run", "acme/pictures", "--json", "--", "/bin/true"]).failed(),
        (4, "unknown-app".into())
    );
    assert_eq!(ann.run(&["menu", "Acme", "--json"]).failed(), (2, "usage".into()));
}
