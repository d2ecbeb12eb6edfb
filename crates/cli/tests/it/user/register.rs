//! A6: the fixed passbook. A server comes to be trusted, the user is registered once, whatever happens meanwhile.

use std::fs;

use super::shop::Shop;
use crate::carnet::Carnet;

#[test]
fn a6_a_user_registers_once_and_is_told_so_ever_after() {
    let shop = Shop::open();
    let ann = shop.visitor();
    assert_eq!(ann.run(&["passes", "--json"]).failed(), (3, "no-server".into()));
    let first = ann.run(&[&ann.registration()[..], &["--json"]].concat());
    let (first, again) = (first.json(), ann.run(&["register", "--json"]).json());
    assert_eq!((&first["already"], &again["already"]), (&false.into(), &true.into()));
    assert_eq!((&first["user"], &first["device"]), (&again["user"], &again["device"]));
    assert_eq!(
        (again["identity"].as_str(), again["root"].as_str()),
        (Some("file"), Some(shop.root.as_str()))
    );
    let other = shop.visitor();
    let other = other.run(&[&other.registration()[..], &["--json"]].concat()).json();
    assert!(other["user"] != first["user"] && other["device"] != first["device"]);
    let words = ann.run(&["register"]);
    assert!(words.code == 0 && words.out.contains("was registered before"), "{words:?}");
    assert_eq!(
        ann.run(&["passes"]).out,
        "No passes yet. See what an app is offered for with: carnet menu APP\n"
    );
}

#[test]
fn a6_what_cannot_be_a_name_an_e_mail_address_or_must_never_be_given_is_refused_and_nothing_is_sent() {
    let shop = Shop::open();
    let ann = shop.visitor();
    let with = |more: &[&str]| ann.run(&[&ann.registration()[..], more, &["--json"]].concat());
    let card = "4111 1111 1111 1111";
    let refused = with(&["--payment-reference", card]);
    assert_eq!(refused.failed(), (2, "personal-data".into()));
    assert!(refused.out.contains("looks like a card number") && !refused.out.contains(card), "{refused:?}");
    for (option, value) in
        [("--address", "1 Road\n2 Town"), ("--telephone", "call me"), ("--device-name", "a\u{7}b")]
    {
        assert_eq!(with(&[option, value]).failed(), (2, "personal-data".into()), "{option}");
    }
    let bare = ann.run(&["register", "--server", &ann.url, "--root", &ann.root, "--json"]);
    assert_eq!(bare.failed(), (2, "usage".into()));
    let odd = [
        "register",
        "--server",
        &ann.url,
        "--root",
        &ann.root,
        "--name",
        "A",
        "--email",
        "a@b\nBcc: c@d",
        "--json",
    ];
    assert_eq!(ann.run(&odd).failed(), (2, "personal-data".into()));
    assert_eq!(ann.run(&["passes", "--json"]).failed(), (3, "no-server".into()), "nothing was written");
}

#[test]
fn b2_a_container_says_once_in_its_environment_what_its_devices_are_known_by() {
    let shop = Shop::open();
    let ann = shop.visitor();
    let who =
        ["register", "--server", &ann.url, "--root", &ann.root, "--name", "Ann", "--email", "a@b", "--json"];
    let register =
        |identity: &str| crate::carnet::ran(ann.carnet.command(&who).env("CARNET_IDENTITY", identity));
    assert_eq!(register("paper").failed(), (2, "usage".into()));
    let file = ann.carnet.home.join("secret");
    assert_eq!(register(&format!("file:{}", file.display())).json()["identity"], "file");
    assert!(file.is_file());
}

#[test]
fn a_server_that_is_new_is_not_trusted_for_its_address_alone() {
    let shop = Shop::open();
    let ann = shop.visitor();
    let who = [
        "--server",
        &ann.url,
        "--name",
        "Ann",
        "--email",
        "ann@example.org",
        "--identity",
        "file:id",
        "--json",
    ];
    let register = |more: &[&str]| ann.run(&[&["register"][..], &who, more].concat());
    let untried = register(&[]);
    assert_eq!(untried.failed(), (2, "untried-server".into()));
    assert!(untried.out.contains(&ann.root), "the root that it claims is shown: {untried:?}");
    let wrong = "5a".repeat(32);
    assert_eq!(register(&["--root", &wrong]).failed(), (1, "untrusted".into()));
    assert_eq!(register(&["--root", "5a"]).failed(), (2, "usage".into()));
    assert_eq!(
        ann.run(&["passes", "--json"]).failed(),
        (3, "no-server".into()),
        "a wrong root leaves nothing behind"
    );
    let mut command = ann.carnet.command(&[&["register"][..], &who, &["--trust-on-first-use"]].concat());
    let believed = crate::carnet::ran(command.current_dir(&ann.carnet.home));
    assert_eq!(believed.json()["root"], shop.root.as_str());
    assert_eq!(
        ann.run(&["register", "--json"]).json()["already"],
        true,
        "from any folder, and pinned from now on"
    );
}

#[test]
fn a6_a_registration_that_dies_anywhere_is_carried_on_by_the_next_command_as_the_same_device() {
    let shop = Shop::open();
    let points = [
        "file.written",
        "file.written:3",
        "file.renamed:2",
        "file.renamed:4",
        "journal.written",
        "journal.append",
        "journal.synced",
        "contact-before-send",
        "contact-before-outcome",
        "contact-after-outcome",
    ];
    for point in points {
        let ann = shop.visitor();
        assert!(ann.dies(point, &ann.registration()), "{point} is not reached");
        let asked = point.starts_with("contact");
        // Once the request stands in the journal nobody is asked for it again.
        let next = if asked { vec!["register"] } else { ann.registration() };
        let registered = ann.run(&[&next[..], &["--json"]].concat());
        assert_eq!(registered.code, 0, "{point}: {registered:?}");
        let status = ann.run(&["status", "--json"]).json();
        let server = &status["servers"][0];
        assert_eq!(
            (&server["user"], &server["reachable"]),
            (&registered.json()["user"], &true.into()),
            "{point}"
        );
        assert_eq!(server["waiting"].as_array().map(Vec::len), Some(0), "{point}");
    }
}

#[test]
fn a6_a_registration_without_an_answer_waits_for_the_server() {
    let mut shop = Shop::open();
    let ann = shop.visitor();
    assert!(ann.dies("contact-before-send", &ann.registration()));
    shop.close();
    assert_eq!(ann.run(&["menu", "acme/paint", "--json"]).failed(), (6, "server-unreachable".into()));
    assert_eq!(ann.run(&["register", "--json"]).failed(), (6, "server-unreachable".into()));
    let status = ann.run(&["status", "--json"]).json();
    let server = &status["servers"][0];
    assert_eq!((&server["registered"], &server["reachable"]), (&false.into(), &false.into()));
    assert_eq!(
        (&server["waiting"][0]["operation"], &server["waiting"][0]["app"]),
        (&"register".into(), &().into())
    );
    assert_eq!(server["problem"]["code"], "server-unreachable");
    shop.reopen();
    let resumed = ann.run(&["status", "--resume", "--json"]).json();
    assert_eq!(resumed["servers"][0]["resumed"][0]["operation"], "register");
    assert_eq!(resumed["servers"][0]["registered"], true);
}

#[test]
fn a_home_that_cannot_be_written_or_that_others_can_change_is_named_with_its_remedy() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::open();
    let ann = shop.visitor();
    let elsewhere = ann.run(&[&ann.registration()[..], &["--home", "/sys/carnet", "--json"]].concat());
    assert_eq!(elsewhere.failed(), (7, "passbook".into()));
    let open = Carnet::new();
    fs::set_permissions(&open.home, fs::Permissions::from_mode(0o777)).unwrap();
    let home = open.home.to_str().unwrap();
    let shared = ann.run(&[&ann.registration()[..], &["--home", home, "--json"]].concat());
    assert_eq!(shared.failed(), (7, "passbook".into()));
    assert!(shared.json()["error"]["remedy"].as_str().unwrap().contains("chmod"), "{shared:?}");
}

#[test]
fn a19_a_copied_passbook_does_not_run_without_what_it_is_bound_to() {
    let shop = Shop::open();
    let ann = shop.user();
    let copy = Carnet::new();
    let folder = fs::read_dir(&ann.carnet.home).unwrap().map(|entry| entry.unwrap().path());
    for path in folder.filter(|path| path.is_dir()) {
        let copied = std::process::Command::new("cp").arg("-a").arg(&path).arg(&copy.home).status().unwrap();
        assert!(copied.success());
    }
    let identity = fs::read_dir(&ann.carnet.home).unwrap().map(|entry| entry.unwrap().path());
    identity.filter(|path| path.is_file()).for_each(|path| fs::remove_file(path).unwrap());
    assert_eq!(copy.run(&["register", "--json"]).failed(), (7, "passbook".into()));
    let run = copy.run(&["run", "acme/paint", "--json", "--", "/bin/true"]);
    assert_eq!(run.failed(), (7, "another-device".into()));
}
