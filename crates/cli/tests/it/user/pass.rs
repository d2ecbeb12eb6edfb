//! A7, D4: what is shown of passes and licenses, with and without a server.

use super::shop::{FOR_EVER, Shop, TWO_RUNS};

#[test]
fn a7_passes_show_condition_status_bar_and_what_is_left() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let shown = ann.run(&["passes"]).out;
    let pass = ann.pass();
    let device = pass["device"].as_str().unwrap();
    let expected = format!(
        "app         condition  features           status  left                    until\n\
         acme/paint  Two runs   convert:5, resize  valid   ██████████ 2 of 2 uses  –\n\n\
         held by {device}\nat {}\n",
        shop.url
    );
    assert_eq!(shown, expected);
    assert_eq!(
        (&pass["runs"], &pass["status"], &pass["kind"]),
        (&true.into(), &"valid".into(), &"full".into())
    );
    assert_eq!(pass["features"], serde_json::json!({ "resize": null, "convert": 5 }));
    assert_eq!(pass["next"], serde_json::Value::Null, "nobody was asked");
}

#[test]
fn a7_status_shows_the_server_s_books_beside_the_passbook() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let status = ann.run(&["status", "--json"]).json();
    let server = &status["servers"][0];
    assert_eq!((&server["registered"], &server["reachable"]), (&true.into(), &true.into()));
    assert_eq!((&server["server"], &server["root"]), (&ann.url.clone().into(), &ann.root.clone().into()));
    let license = &server["account"]["apps"][0]["licenses"][0];
    assert_eq!(
        (&license["validity"]["status"], &license["validity"]["uses"]["remaining"]),
        (&"active".into(), &1.into())
    );
    assert_eq!(license["passes"][0]["device"], server["device"]);
    assert_eq!(server["clock"]["behind"], false);
    let words = ann.run(&["status"]).out;
    for part in [
        "Server    answers",
        "User      usr_",
        "Known by  a file",
        "License   acme/paint: Two runs, good (1 use",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[test]
fn d4_without_a_server_a_good_pass_runs_and_everything_held_is_shown() {
    let mut shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    shop.close();
    assert_eq!(ann.sh("exit 7").code, 7, "a good pass needs no server");
    let used_up = ann.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]);
    assert_eq!(used_up.failed(), (6, "server-unreachable".into()));
    let passes = ann.run(&["passes", "--json"]).json();
    assert_eq!(
        passes["passes"][0]["status_in_words"],
        "used up, more at the server; a request waits for the server"
    );
    assert_eq!(passes["passes"][0]["waiting"]["operation"], "renew");
    assert_eq!(passes["problems"][0]["code"], "server-unreachable");
    assert_eq!(ann.run(&["agree", "acme/paint", "two-runs", "--yes", "--json"]).failed().0, 6);
    assert_eq!(ann.run(&["status", "--resume", "--json"]).failed(), (6, "server-unreachable".into()));
    assert!(ann.run(&["status"]).out.contains("Waiting   renew for acme/paint"));
    shop.reopen();
    let resumed = ann.run(&["status", "--resume", "--json"]).json();
    assert_eq!(resumed["servers"][0]["resumed"][0]["operation"], "renew");
    assert_eq!(ann.sh("exit 7").code, 7);
}

#[test]
fn a12_a_pass_is_renewed_before_it_is_needed_and_nothing_is_counted_twice() {
    let mut shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    let renew = ["renew", "acme/paint", "--json"];
    assert_eq!(ann.run(&renew).failed(), (5, "no-license".into()));
    ann.agree("two-runs");
    let left = |uses: &serde_json::Value| (uses["in_pass"].as_u64(), uses["on_license"].as_u64());
    for _ in 0..2 {
        let renewed = ann.run(&renew).json();
        assert_eq!(left(&renewed["pass"]["uses"]), (Some(1), Some(1)), "one at a time: {renewed}");
    }
    assert_eq!(ann.sh("exit 7").code, 7);
    let words = ann.run(&["renew", "acme/paint"]).out;
    assert!(words.contains("Remaining  █████░░░░░ 1 of 2 uses"), "{words}");
    shop.close();
    assert_eq!(ann.sh("exit 7").code, 7, "the next pass is here, and needs no server");
    assert_eq!(ann.run(&renew).failed(), (6, "server-unreachable".into()));
    shop.reopen();
    assert_eq!(ann.run(&renew).failed(), (5, "exhausted".into()));
}

#[test]
fn a22_one_home_holds_passes_of_several_servers_and_a_command_names_the_one_it_means() {
    let (here, there) = (Shop::open(), Shop::open());
    for shop in [&here, &there] {
        shop.sell(&[FOR_EVER]);
    }
    let ann = here.user();
    let identity = format!("file:{}", ann.carnet.home.join("there").display());
    let who = ["--name", "Ann", "--email", "ann@example.org", "--identity", &identity];
    let second = ann.run(&[&["register", "--server", &there.url, "--root", &there.root][..], &who].concat());
    assert_eq!(second.code, 0, "{second:?}");
    let unclear = ann.run(&["agree", "acme/paint", "for-ever", "--yes", "--json"]);
    assert_eq!(unclear.failed(), (2, "several-servers".into()));
    assert!(unclear.out.contains(&here.url) && unclear.out.contains(&there.url), "{unclear:?}");
    let product = |shop: &Shop| {
        let product = carnet_seal::ProductString {
            app: "acme/paint".parse().unwrap(),
            url: shop.url.parse().unwrap(),
            root: shop.root.parse().unwrap(),
        };
        product.to_string()
    };
    assert_eq!(ann.run(&["agree", &product(&there), "for-ever", "--yes"]).code, 0);
    assert_eq!(ann.run(&["agree", "acme/paint", "for-ever", "--yes", "--server", &here.url]).code, 0);
    assert_eq!((here.licenses().len(), there.licenses().len()), (1, 1));
    let passes = ann.run(&["passes", "--json"]).json();
    assert_eq!(passes["passes"].as_array().map(Vec::len), Some(2), "{passes}");
    assert_eq!(ann.run(&["run", &product(&here), "--", "/bin/sh", "-c", "exit 7"]).code, 7);
}

#[test]
fn a7_what_the_supplier_does_to_a_license_is_told_with_its_remedy() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let license = shop.licenses()[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(ann.sh("true").code, 0);
    shop.supplier(&["supplier", "license", "suspend", &license]);
    assert_eq!(ann.run(&["run", "acme/paint", "--json", "--", "/bin/sh"]).failed(), (4, "suspended".into()));
    assert_eq!(ann.pass()["status_in_words"], "invalid: the supplier has suspended the license");
    assert!(ann.run(&["status"]).out.contains("suspended by the supplier"));
    shop.supplier(&["supplier", "license", "reinstate", &license]);
    assert_eq!(ann.sh("exit 7").code, 7);
}
