//! C1 to C6 as supplier and user meet them: keys, requests, reports, verdicts, erasure.

use std::fs;

use super::shop::{Shop, User};

const REPORTED: &str = r#"
[[offer]]
name = "reported"
condition = "Reported"
features = ["resize"]
fee = "free"
term = { uses = 20 }
pass = { uses = 10 }
reporting = { record_retention = "90 days", users = "hidden" }
"#;

struct Contract {
    shop: Shop,
    user: User,
    license: String,
}

impl Contract {
    /// Ann has agreed to be reported on, and has run the program twice.
    fn begun() -> Self {
        let shop = Shop::open();
        let made = shop.supplier(&["supplier", "report-key", "new", "--json"]).json();
        assert_eq!(made["generations"], 1);
        shop.sell(&[REPORTED]);
        let user = shop.user();
        let menu = user.run(&["menu", "acme/paint"]);
        assert!(menu.out.contains("sealed so that only"), "told before agreeing: {menu:?}");
        user.agree("reported");
        assert_eq!((user.sh("exit 0").code, user.sh("exit 3").code), (0, 3));
        let license = shop.licenses()[0]["id"].as_str().unwrap().to_owned();
        Self { shop, user, license }
    }

    /// A file that supplier and user hand to each other.
    fn file(&self, name: &str) -> String {
        self.shop.supplier_home().home.join(name).to_str().unwrap().to_owned()
    }

    fn request(&self, command: &str, name: &str) -> String {
        let file = self.file(name);
        self.shop.supplier(&["supplier", command, &self.license, "--to", &file]);
        file
    }

    /// Exit code, and the first verdict.
    fn opened(&self, arguments: &[&str]) -> (i32, serde_json::Value) {
        let all = [&["supplier", "open"][..], arguments, &["--json"]].concat();
        let ran = self.shop.supplier_home().run(&all);
        let first = serde_json::Deserializer::from_str(&ran.out).into_iter::<serde_json::Value>().next();
        let first = first.unwrap().unwrap();
        (ran.code, if first.is_array() { first[0].clone() } else { first })
    }
}

#[test]
fn c1_c2_c4_c5_a_report_goes_as_file_as_text_and_as_pictures_and_is_confirmed() {
    let it = Contract::begun();
    let request = it.request("request-report", "request.txt");
    for (name, parts) in [("report.carnet", 1), ("report.txt", 1), ("report.png", 4)] {
        let to = it.file(name);
        let made = it.user.run(&["report", "acme/paint", "--request", &request, "--to", &to, "--json"]);
        assert_eq!(made.code, 0, "{made:?}");
        let files: Vec<String> = serde_json::from_value(made.json()["files"].clone()).unwrap();
        assert!(files.len() >= parts, "{files:?}");
        // Pictures in any order.
        let reversed: Vec<&str> = files.iter().rev().map(String::as_str).collect();
        let (code, heard) = it.opened(&[&reversed[..], &["--request", &request]].concat());
        assert_eq!((code, heard["verdict"].as_str()), (0, Some("within-contract")), "{heard}");
        assert_eq!((&heard["runs"], &heard["uses"]), (&2.into(), &2.into()));
    }
    let plain = it.shop.supplier(&["supplier", "open", &it.file("report.carnet")]);
    assert!(plain.out.contains("within contract") && plain.out.contains("2 runs, 2 uses"), "{plain:?}");
}

#[test]
fn c1_the_user_sees_totals_and_kinds() {
    let it = Contract::begun();
    let usage = it.user.run(&["usage", "acme/paint", "--json"]).json();
    assert_eq!((&usage["totals"][0]["uses"], &usage["records"]["runs"]), (&2.into(), &2.into()), "{usage}");
    assert!(usage["records"]["sealed"].as_u64().unwrap() >= 4);
    let words = it.user.run(&["usage", "acme/paint"]).out;
    assert!(words.contains("only the supplier can read them"), "{words}");
}

#[test]
fn c4_records_come_as_table_and_chart() {
    let it = Contract::begun();
    let (report, csv, svg) = (it.file("report"), it.file("records.csv"), it.file("days.svg"));
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    it.shop.supplier(&["supplier", "open", &report, "--csv", &csv, "--svg", &svg]);
    let table = fs::read_to_string(csv).unwrap();
    assert_eq!(table.lines().filter(|line| line.contains(",started,")).count(), 2, "{table}");
    let chart = fs::read_to_string(svg).unwrap();
    assert!(chart.starts_with("<svg") && chart.contains(": 2</title>"), "{chart}");
}

#[test]
fn c6_the_supplier_opens_it_on_the_users_device_with_the_key_on_a_medium() {
    let it = Contract::begun();
    let (key, report) = (it.file("stick.keys"), it.file("report"));
    it.shop.supplier(&["supplier", "report-key", "export", "--to", &key, "--yes"]);
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    let opened = it.user.run(&["supplier", "open", &report, "--key", &key, "--without-books"]);
    assert!(opened.code == 0 && opened.out.contains("within contract"), "{opened:?}");
}

#[test]
fn c4_keys_change_and_what_was_agreed_before_still_opens() {
    let it = Contract::begun();
    let report = it.file("report");
    it.shop.supplier(&["supplier", "report-key", "rotate"]);
    it.shop.sell(&[REPORTED]);
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    assert_eq!(it.opened(&[&report]).0, 0);
    // A request signed under the agreed keys brings the new one.
    let request = it.request("request-report", "request");
    let made = it.user.run(&["report", "acme/paint", "--request", &request, "--to", &report]);
    assert_eq!(made.code, 0, "{made:?}");
    assert_eq!(it.opened(&[&report, "--request", &request]).0, 0);
}

#[test]
fn c3_c4_an_erasure_is_confirmed_and_ends_the_license() {
    let it = Contract::begun();
    let (request, certificate) = (it.request("request-erasure", "request.txt"), it.file("certificate.txt"));
    let asked = it.user.run(&["erase", "acme/paint", "--json"]);
    assert_eq!(asked.failed(), (2, "needs-answer".into()));
    let arguments = ["erase", "acme/paint", "--request", &request, "--to", &certificate, "--yes", "--json"];
    let erased = it.user.run(&arguments);
    assert_eq!((erased.code, &erased.json()["outcome"]), (0, &"erased".into()), "{erased:?}");
    assert_eq!(erased.json()["returned"], true);
    assert_eq!(it.user.sh("exit 0").code, 4, "it does not run any more");
    let (code, heard) = it.opened(&[&certificate, "--request", &request, "--act", "suspend", "--yes"]);
    assert_eq!((code, heard["verdict"].as_str()), (0, Some("erasure-confirmed")), "{heard}");
    assert_eq!(
        (&heard["done"], it.shop.licenses()[0]["validity"]["status"].as_str()),
        (&"ended".into(), Some("ended"))
    );
    // Once more says the same.
    assert_eq!(it.user.run(&arguments).code, 0);
}

#[test]
fn c3_erasing_needs_no_server() {
    let mut it = Contract::begun();
    let certificate = it.file("certificate");
    it.shop.close();
    let erased = it.user.run(&["erase", "acme/paint", "--to", &certificate, "--yes", "--json"]);
    assert_eq!((erased.code, &erased.json()["returned"]), (0, &false.into()), "{erased:?}");
    it.shop.reopen();
    assert_eq!(it.user.run(&["status", "--resume"]).code, 0);
    assert_eq!(
        it.shop.licenses()[0]["validity"]["devices"]["held"],
        0,
        "the server was told at the next contact"
    );
    assert_eq!(it.opened(&[&certificate]).0, 0);
}

#[test]
fn c4_a_passbook_that_was_restored_is_a_violation_and_the_license_is_suspended() {
    let it = Contract::begun();
    let (report, copy) = (it.file("report"), it.file("copy"));
    let home = it.user.carnet.home.to_str().unwrap().to_owned();
    let copied = |from: &str, to: &str| {
        let done = std::process::Command::new("cp").args(["-a", from, to]).status().unwrap();
        assert!(done.success());
    };
    copied(&home, &copy);
    assert_eq!(it.user.sh("exit 0").code, 0);
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    assert_eq!(it.opened(&[&report]).0, 0);
    fs::remove_dir_all(&home).unwrap();
    copied(&copy, &home);
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    let (code, heard) = it.opened(&[&report, "--act", "suspend", "--yes"]);
    assert_eq!(
        (code, heard["verdict"].as_str(), &heard["done"]),
        (5, Some("violation"), &"suspended".into()),
        "{heard}"
    );
    assert_eq!(heard["reasons"][0]["code"], "rollback");
    assert_eq!(it.shop.licenses()[0]["validity"]["status"], "suspended");
}

#[test]
fn c4_what_cannot_be_judged_says_why() {
    let it = Contract::begun();
    let (report, text) = (it.file("report"), it.file("report.txt"));
    for to in [&report, &text] {
        assert_eq!(it.user.run(&["report", "acme/paint", "--to", to]).code, 0);
    }
    let request = it.request("request-report", "request");
    let (code, heard) = it.opened(&[&report, "--request", &request]);
    assert_eq!((code, heard["verdict"].as_str()), (1, Some("ask-again")), "an answer to no request: {heard}");
    let with = |name: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(&report).unwrap();
        change(&mut bytes);
        let path = it.shop.supplier_home().home.join(name);
        carnet_seam::fs::replace_file(&carnet_seam::RealFs::default(), &path, &bytes).unwrap();
        it.shop.supplier_fails(&["supplier", "open", path.to_str().unwrap(), "--json"]).1
    };
    assert_eq!(with("half", &|bytes| bytes.truncate(bytes.len() / 2)), "damaged-code");
    assert_eq!(with("changed", &|bytes| bytes[300] ^= 1), "damaged-code");
    assert_eq!(with("newer", &|bytes| bytes[7] = b'2'), "newer-code");
    assert_eq!(with("other", &|bytes| bytes[10] ^= 1), "other-key");
    assert_eq!(with("letter", &|bytes| *bytes = b"Dear supplier".to_vec()), "not-a-code");
    let (begin, lines) = (fs::read_to_string(&text).unwrap(), "-----\n");
    let (begin, lines) =
        begin.split_once(lines).map(|(begin, rest)| (format!("{begin}{lines}"), rest.to_owned())).unwrap();
    let other = if lines.starts_with('A') { "B" } else { "A" };
    let mistyped = format!("{begin}{other}{}", &lines[1..]);
    let mistyped = it.shop.supplier_home().file("mistyped.txt", &mistyped);
    let wrong = it.shop.supplier_home().run(&["supplier", "open", &mistyped, "--json"]);
    assert!(wrong.json()["error"]["message"].as_str().unwrap().contains("line "), "{wrong:?}");
}

#[test]
fn c4_a_request_for_somebody_else_is_not_answered() {
    let it = Contract::begun();
    let erasure = it.request("request-erasure", "request");
    let other = it.user.run(&["report", "acme/paint", "--request", &erasure, "--json"]);
    assert_eq!(other.failed(), (1, "other-request".into()));
    let letter = it.shop.supplier_home().file("letter", "please");
    let other = it.user.run(&["report", "acme/paint", "--request", &letter, "--json"]);
    assert_eq!(other.failed(), (1, "other-request".into()));
}
