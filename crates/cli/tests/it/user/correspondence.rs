//! C2 to C6 through the server: requests are heard at a contact, codes are handed in, verdicts are kept.

use std::fs;

use serde_json::Value;

use super::shop::{Shop, User};

/// An offer under which the use is reported, with a rule.
fn reported(rule: &str) -> String {
    format!(
        r#"
[[offer]]
name = "reported"
condition = "Reported"
features = ["resize"]
fee = "free"
term = {{ uses = 20 }}
pass = {{ uses = 1 }}
reporting = {{ record_retention = "90 days", users = "hidden"{rule} }}
"#
    )
}

pub struct Contract {
    pub shop: Shop,
    pub user: User,
    pub license: String,
}

impl Contract {
    /// Ann has agreed, and has run the program twice.
    pub fn under(rule: &str) -> Self {
        Self::under_after(rule, |_| {})
    }

    /// The same, when something was done before the offer was made.
    pub fn under_after(rule: &str, before: impl FnOnce(&Shop)) -> Self {
        let shop = Shop::open();
        shop.supplier(&["supplier", "report-key", "new"]);
        before(&shop);
        shop.sell(&[&reported(rule)]);
        let user = shop.user();
        user.agree("reported");
        assert_eq!((user.sh("exit 0").code, user.sh("exit 3").code), (0, 3));
        let license = shop.licenses()[0]["id"].as_str().unwrap().to_owned();
        Self { shop, user, license }
    }

    pub fn ask(&self, command: &str, more: &[&str]) -> Value {
        let arguments = [&["supplier", command, &self.license, "--json"][..], more].concat();
        self.shop.supplier(&arguments).json()
    }

    pub fn list(&self, what: &str) -> Vec<Value> {
        let shown = self.shop.supplier(&["supplier", what, "--json"]).json();
        shown.as_array().or_else(|| shown["data"].as_array()).unwrap().clone()
    }

    /// Exit code and verdicts of all codes that wait.
    pub fn open_received(&self, more: &[&str]) -> (i32, Vec<Value>) {
        let arguments = [&["supplier", "open", "--received", "--json"][..], more].concat();
        let ran = self.shop.supplier_home().run(&arguments);
        let first = serde_json::Deserializer::from_str(&ran.out).into_iter::<Value>().next();
        let first = first.unwrap().unwrap();
        (ran.code, first.as_array().unwrap_or_else(|| panic!("{ran:?}")).clone())
    }

    pub fn asked(&self) -> Vec<Value> {
        let status = self.user.run(&["status", "--json"]).json();
        status["servers"][0]["asked"].as_array().unwrap().clone()
    }

    pub fn events(&self) -> Vec<String> {
        let kind = |event: &Value| event["kind"].as_str().unwrap().to_owned();
        self.list("events").iter().map(kind).collect()
    }

    fn status_of_license(&self) -> String {
        self.shop.licenses()[0]["validity"]["status"].as_str().unwrap().to_owned()
    }
}

#[test]
fn c2_c4_c5_a_report_is_asked_for_made_and_judged_through_the_server() {
    let it = Contract::under("");
    let asked = it.ask("request-report", &[]);
    assert_eq!((&asked["sent"], &asked["files"]), (&true.into(), &serde_json::json!([])), "{asked}");
    // The next contact brings the request; the program says so when it starts, also the next time, offline.
    assert_eq!(it.user.sh("exit 0").code, 0);
    let started = it.user.sh("exit 0");
    assert!(started.err.contains("the supplier has asked for a usage report"), "{started:?}");
    let waiting = it.asked();
    assert_eq!(
        (&waiting[0]["app"], &waiting[0]["wanted"], &waiting[0]["overdue"]),
        (&"acme/paint".into(), &"usage".into(), &false.into())
    );
    let words = it.user.run(&["status"]).out;
    assert!(words.contains("`carnet report acme/paint`"), "{words}");
    // It answers the request without being shown it.
    let made = it.user.run(&["report", "acme/paint", "--json"]);
    assert_eq!((made.code, &made.json()["handed_in"]), (0, &true.into()), "{made:?}");
    assert_eq!(it.asked(), Vec::<Value>::new(), "answered");
    let come = it.list("reports");
    assert_eq!((come.len(), &come[0]["state"], &come[0]["nonce"]), (1, &"waiting".into(), &asked["nonce"]));
    let (code, heard) = it.open_received(&[]);
    assert_eq!((code, &heard[0]["verdict"]), (0, &"within-contract".into()), "{heard:?}");
    assert_eq!(heard[0]["uses"], 4);
    let (code, heard) = it.open_received(&[]);
    assert_eq!((code, heard.len()), (0, 0), "nothing waits any more");
    let verdicts = it.list("verdicts");
    assert_eq!(verdicts[0]["verdict"]["verdict"], "within-contract");
    assert_eq!(it.list("requests")[0]["state"], "closed");
    let events = it.events();
    for kind in ["report-requested", "report-received", "report-judged"] {
        assert_eq!(events.iter().filter(|event| *event == kind).count(), 1, "{kind}: {events:?}");
    }
}

#[test]
fn c5_where_the_server_is_away_the_code_is_a_text_and_the_books_learn_of_it_all_the_same() {
    let mut it = Contract::under("");
    it.shop.close();
    let made = it.user.run(&["report", "acme/paint", "--json"]);
    assert_eq!((made.code, &made.json()["handed_in"]), (0, &false.into()), "{made:?}");
    let code = it.shop.supplier_home().file("code.txt", made.json()["code"].as_str().unwrap());
    it.shop.reopen();
    for _ in 0..2 {
        assert_eq!(it.shop.supplier_home().run(&["supplier", "open", &code]).code, 0);
    }
    let verdicts = it.list("verdicts");
    assert_eq!((verdicts.len(), &verdicts[0]["state"]), (1, &"judged".into()), "{verdicts:?}");
    let judged = it.events().into_iter().filter(|event| event == "report-judged").count();
    assert_eq!(judged, 1, "the same code twice is judged once");
}

#[test]
fn c4_requests_go_to_all_licenses_of_an_app_or_user_and_a_stranger_gets_none() {
    let it = Contract::under("");
    let other = it.shop.user();
    other.agree("reported");
    let asked = it.shop.supplier(&["supplier", "request-report", "--app", "acme/paint", "--json"]).json();
    assert_eq!(asked.as_array().unwrap().len(), 2, "{asked}");
    let user = it.shop.licenses()[0]["user"].as_str().unwrap().to_owned();
    let asked = it.shop.supplier(&["supplier", "request-report", "--user", &user, "--json"]).json();
    assert_eq!(asked.as_array().unwrap().len(), 1, "{asked}");
    assert_eq!(it.asked().len(), 2);
    let status = other.run(&["status", "--json"]).json();
    assert_eq!(status["servers"][0]["asked"].as_array().unwrap().len(), 1);
    let stranger = it.shop.user().run(&["status", "--json"]).json();
    assert_eq!(stranger["servers"][0]["asked"], serde_json::json!([]));
    let nobody = "usr_00000000000000000000000000000000";
    let none = it.shop.supplier_fails(&["supplier", "request-report", "--user", nobody, "--json"]);
    assert_eq!(none, (1, "not-found".into()));
}

#[test]
fn c4_what_is_overdue_is_refused_the_next_pass_or_suspended_as_agreed_until_it_comes() {
    for (rule, code, status) in [
        (", overdue = \"refuse-renewal\"", "report-overdue", "active"),
        (", overdue = \"suspend\"", "suspended", "suspended"),
    ] {
        let it = Contract::under(rule);
        it.ask("request-report", &["--within", "1 second"]);
        assert_eq!(it.user.sh("sleep 2").code, 0, "{rule}: it is not due yet");
        let refused = it.user.run(&["run", "acme/paint", "--json", "--", "/bin/sh", "-c", "exit 0"]);
        assert_eq!(refused.failed(), (4, code.into()), "{rule}");
        assert_eq!(it.status_of_license(), status, "{rule}");
        assert_eq!(it.asked()[0]["overdue"], true);
        assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
        assert_eq!(it.user.sh("exit 0").code, 0, "{rule}: answered");
        let (code, heard) = it.open_received(&[]);
        assert_eq!((code, &heard[0]["reasons"][0]["code"]), (5, &"overdue".into()), "{heard:?}");
    }
    let it = Contract::under("");
    it.ask("request-report", &["--within", "1 second"]);
    assert_eq!(it.user.sh("sleep 2").code, 0);
    let reminded = it.user.sh("exit 0");
    assert!(reminded.code == 0 && reminded.err.contains("was due"), "only reminded: {reminded:?}");
}

#[test]
fn c3_c4_only_a_confirmed_erasure_ends_the_contract_and_a_failed_one_is_asked_for_again() {
    let it = Contract::under("");
    let first = it.ask("request-erasure", &[]);
    // A certificate that was made before anybody asked proves nothing about what was asked.
    let early = it.shop.supplier_home().home.join("early").to_str().unwrap().to_owned();
    let request = it.shop.supplier_home().home.join("request").to_str().unwrap().to_owned();
    it.ask("request-erasure", &["--by-file", "--to", &request]);
    assert_eq!(it.user.run(&["erase", "acme/paint", "--yes", "--to", &early, "--request", &request]).code, 0);
    assert_eq!(it.status_of_license(), "active");
    let again = it.shop.supplier_home().run(&["supplier", "open", &early, "--request", &request, "--json"]);
    assert_eq!(again.json()[0]["verdict"], "erasure-confirmed", "without --act nothing is done: {again:?}");
    assert_eq!(it.status_of_license(), "active");
    // The one that was asked for first is still open, with its own nonce.
    let other = it.shop.supplier_home().home.join("other").to_str().unwrap().to_owned();
    it.ask("request-erasure", &["--by-file", "--to", &other]);
    let refused = it.shop.supplier_home().run(&[
        "supplier",
        "open",
        &early,
        "--request",
        &other,
        "--act",
        "--yes",
        "--json",
    ]);
    let heard =
        serde_json::Deserializer::from_str(&refused.out).into_iter::<Value>().next().unwrap().unwrap();
    assert_eq!(
        (refused.code, &heard[0]["verdict"], &heard[0]["done"]),
        (1, &"ask-again".into(), &"asked-again".into()),
        "{heard}"
    );
    let asked = it.asked();
    assert_eq!(asked.len(), 2, "the first and the repeated one: {asked:?}");
    for _ in 0..2 {
        let erased = it.user.run(&["erase", "acme/paint", "--yes", "--json"]);
        assert_eq!((erased.code, &erased.json()["handed_in"]), (0, &true.into()), "{erased:?}");
    }
    assert_eq!(it.asked(), Vec::<Value>::new());
    let (code, heard) = it.open_received(&["--act", "--yes"]);
    assert!(code == 0 && heard.len() == 2, "{heard:?}");
    assert!(heard.iter().all(|one| one["verdict"] == "erasure-confirmed" && one["done"] == "ended"));
    assert_eq!(it.status_of_license(), "ended");
    let states: Vec<Value> = it.list("requests").iter().map(|one| one["state"].clone()).collect();
    assert!(states.iter().all(|state| state == "closed"), "{states:?}, {first}");
}

#[test]
fn c4_an_ended_contract_asks_for_the_erasure() {
    let it = Contract::under("");
    it.shop.supplier(&["supplier", "license", "end", &it.license, "--yes"]);
    let asked = it.asked();
    assert_eq!((asked.len(), &asked[0]["wanted"]), (1, &"erasure".into()), "{asked:?}");
    let erased = it.user.run(&["erase", "acme/paint", "--yes", "--json"]);
    assert_eq!((erased.code, &erased.json()["handed_in"]), (0, &true.into()), "{erased:?}");
    assert_eq!(it.open_received(&[]).1[0]["verdict"], "erasure-confirmed");
}

#[test]
fn c4_a_violation_has_the_consequence_that_was_agreed_and_the_user_is_told() {
    for (rule, done, status) in [
        ("", "noticed", "active"),
        (", violation = \"suspend\"", "suspended", "suspended"),
        (", violation = \"revoke\"", "revoked", "revoked"),
    ] {
        let it = Contract::under(rule);
        it.ask("request-report", &["--within", "1 second"]);
        assert_eq!(it.user.sh("sleep 2").code, 0);
        assert_eq!(it.user.run(&["report", "acme/paint"]).code, 0);
        let letter = it.shop.supplier_home().home.join("letter.txt");
        let (code, heard) = it.open_received(&["--act", "--yes", "--notice", letter.to_str().unwrap()]);
        assert_eq!((code, &heard[0]["done"]), (5, &done.into()), "{rule}: {heard:?}");
        assert_eq!(it.status_of_license(), status, "{rule}");
        let letter = fs::read_to_string(letter).unwrap();
        assert!(letter.contains("The contract was not kept") && letter.contains("due"), "{letter}");
        let told = it.user.run(&["status"]).out;
        assert!(told.contains("the contract was not kept"), "{rule}: {told}");
        let kept = it.list("verdicts");
        assert_eq!(kept[0]["verdict"]["reasons"][0]["code"], "overdue", "{kept:?}");
    }
}

#[test]
fn c2_a_request_comes_with_the_program_that_answers_it() {
    let it = Contract::under("");
    let folder = it.shop.supplier_home().home.join("bundle");
    let asked = it.ask("request-report", &["--by-file", "--bundle", folder.to_str().unwrap()]);
    assert_eq!(asked["files"].as_array().unwrap().len(), 3, "{asked}");
    let answer = folder.join("answer.txt");
    let mut command = std::process::Command::new(folder.join("carnet"));
    command.env_clear().env("CARNET_HOME", &it.user.carnet.home).current_dir(&folder);
    command.args(["report", "acme/paint", "--request", "request.txt", "--to", "answer.txt"]);
    let ran = crate::carnet::ran(&mut command);
    assert_eq!(ran.code, 0, "{ran:?}");
    let request = folder.join("request.txt");
    let opened = it.shop.supplier_home().run(&[
        "supplier",
        "open",
        answer.to_str().unwrap(),
        "--request",
        request.to_str().unwrap(),
    ]);
    assert!(opened.code == 0 && opened.out.contains("within contract"), "{opened:?}");
}

#[test]
fn c6_the_supplier_reads_the_journal_on_the_users_device() {
    let it = Contract::under("");
    let key = it.shop.supplier_home().home.join("stick.keys").to_str().unwrap().to_owned();
    it.shop.supplier(&["supplier", "report-key", "export", "--to", &key, "--yes"]);
    let opened = it.user.run(&["supplier", "open", "--journal", "acme/paint", "--key", &key, "--json"]);
    let heard = &opened.json()[0];
    assert_eq!((&heard["verdict"], &heard["uses"]), (&"within-contract".into(), &2.into()), "{opened:?}");
    let without = it.user.run(&["supplier", "open", "--journal", "acme/paint", "--json"]);
    assert_eq!(without.code, 2, "{without:?}");
}

#[test]
fn c4_the_servers_signatures_in_records_are_checked_with_its_key_set() {
    let it = Contract::under("");
    let report = it.shop.supplier_home().home.join("report").to_str().unwrap().to_owned();
    assert_eq!(it.user.run(&["report", "acme/paint", "--to", &report]).code, 0);
    // Whoever knows the server by another root does not believe its answers.
    let other = Shop::open();
    let set = |shop: &Shop, name: &str| {
        let bytes = fetched(&shop.url, "/v1/key-set");
        let path = it.shop.supplier_home().home.join(name);
        carnet_seam::fs::replace_file(&carnet_seam::RealFs::default(), &path, &bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (ours, theirs) = (set(&it.shop, "ours"), set(&other, "theirs"));
    let open = |keys: &str, root: &str| {
        let arguments =
            ["supplier", "open", &report, "--without-books", "--key-set", keys, "--root-hash", root];
        it.shop.supplier_home().run(&[&arguments[..], &["--json"]].concat())
    };
    assert_eq!(open(&ours, &it.shop.root).code, 0);
    let foreign = open(&theirs, &other.root);
    assert!(foreign.code == 5 && foreign.out.contains("record-changed"), "{foreign:?}");
    assert_eq!(open(&theirs, &it.shop.root).failed(), (1, "bad-key-set".into()));
}

/// One answer of a server, over plain HTTP.
fn fetched(url: &str, path: &str) -> Vec<u8> {
    let mut answer = ureq::get(format!("{url}{path}")).call().unwrap();
    answer.body_mut().read_to_vec().unwrap()
}

#[test]
fn c5_what_is_no_good_code_is_told_apart_and_nothing_of_it_is_recorded() {
    let it = Contract::under("");
    let home = &it.shop.supplier_home().home;
    let at = |name: &str| home.join(name).to_str().unwrap().to_owned();
    let pictures = |name: &str| -> Vec<String> {
        let made = it.user.run(&["report", "acme/paint", "--to", &at(name), "--json"]);
        serde_json::from_value(made.json()["files"].clone()).unwrap()
    };
    let (one, other) = (pictures("one.png"), pictures("other.png"));
    assert!(one.len() > 2 && one.len() == other.len());
    let fails = |codes: &[&str]| {
        let ran = it.shop.supplier_home().run(&[&["supplier", "open"][..], codes, &["--json"]].concat());
        let (exit, code) = ran.failed();
        assert!(exit != 0 && !["violation", "ask-again"].contains(&code.as_str()), "{ran:?}");
        code
    };
    let paths: Vec<&str> = one.iter().map(String::as_str).collect();
    let mut mixed = paths.clone();
    mixed[1] = &other[1];
    fails(&mixed);
    // Half of one: what lies beside it is found by itself, what is not there is not.
    fs::remove_file(&other[0]).unwrap();
    fails(&[&other[1], &other[2]]);
    // As large as a film.
    let film = at("film");
    fs::File::create_new(&film).unwrap().set_len(100 << 20).unwrap();
    fails(&[&film]);
    // Of somebody who sells something else.
    let elsewhere = Contract::under("");
    let foreign = at("foreign");
    assert_eq!(elsewhere.user.run(&["report", "acme/paint", "--to", &foreign]).code, 0);
    assert_eq!(fails(&[&foreign]), "other-key");
    assert_eq!(it.list("verdicts"), Vec::<Value>::new(), "nothing is recorded");
    // In any order, and one of them twice, it is good.
    let mut shuffled = paths.clone();
    shuffled.reverse();
    shuffled.push(paths[0]);
    let opened = it.shop.supplier_home().run(&[&["supplier", "open"][..], &shuffled].concat());
    assert!(opened.code == 0 && opened.out.contains("within contract"), "{opened:?}");
}

#[test]
fn c4_an_answer_to_a_settled_request_counts_for_nothing() {
    let it = Contract::under("");
    let home = &it.shop.supplier_home().home;
    let at = |name: &str| home.join(name).to_str().unwrap().to_owned();
    it.ask("request-report", &["--to", &at("request")]);
    for name in ["first", "second"] {
        let made = it.user.run(&["report", "acme/paint", "--request", &at("request"), "--to", &at(name)]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    let open = |name: &str| {
        let ran = it.shop.supplier_home().run(&["supplier", "open", &at(name), "--json"]);
        let heard = serde_json::Deserializer::from_str(&ran.out).into_iter::<Value>().next();
        (ran.code, heard.unwrap().unwrap()[0]["verdict"].clone())
    };
    assert_eq!(open("first"), (0, "within-contract".into()));
    assert_eq!(open("first"), (0, "within-contract".into()), "the same once more");
    assert_eq!(open("second"), (1, "ask-again".into()), "an old nonce");
    let kept: Vec<Value> = it.list("verdicts").iter().map(|one| one["verdict"]["verdict"].clone()).collect();
    assert_eq!(kept.iter().filter(|verdict| **verdict == "within-contract").count(), 1, "{kept:?}");
}
