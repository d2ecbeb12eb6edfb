//! `--identity tpm`: the whole life of a device whose signing key its TPM keeps.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, chown};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use crate::carnet::{Carnet, Ran, ran};
use crate::shop::{Shop, TWO_RUNS, User};
use crate::swtpm::Swtpm;

/// A user and a group that own nothing.
const NOBODY: u32 = 65_534;

const HARDWARE_ONLY: &str = r#"
[[offer]]
name = "hardware"
condition = "On known hardware"
features = ["resize"]
fee = "free"
term = { uses = 20 }
pass = { uses = 10 }
hardware_only = true
reporting = { record_retention = "90 days", users = "pseudonyms" }
"#;

/// Somebody with a TPM who has not registered yet.
fn visitor(shop: &Shop, tpm: &Swtpm) -> User {
    let mut carnet = Carnet::new();
    carnet.tpm = Some(tpm.way());
    shop.visitor_with(carnet, "tpm".to_owned())
}

fn registered(shop: &Shop, tpm: &Swtpm) -> User {
    let user = visitor(shop, tpm);
    let made = user.run(&user.registration());
    assert_eq!(made.code, 0, "{made:?}");
    user
}

/// Whether there is an identity below a home.
fn is_made(home: &Path) -> bool {
    fs::read_dir(home).unwrap().any(|entry| entry.unwrap().path().join("identity").is_file())
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, name) = {
            let entry = entry.unwrap();
            (entry.path(), entry.file_name())
        };
        if from.is_dir() {
            copy(&from, &to.join(name))
        } else {
            fs::copy(&from, to.join(name)).map(drop).unwrap()
        }
    }
}

fn refused(ran: &Ran, code: &str, words: &[&str]) {
    assert_eq!(ran.failed().1, code, "{ran:?}");
    for words in words {
        assert!(ran.out.contains(words), "`{words}` is not in {ran:?}");
    }
}

#[test]
fn a6_b2_a_device_with_a_tpm_registers_agrees_runs_renews_reports_and_moves_its_pass_away_and_back() {
    let (shop, tpm, desks) = (Shop::open(), Swtpm::new(), Swtpm::new());
    shop.supplier(&["supplier", "report-key", "new"]);
    shop.sell(&[HARDWARE_ONLY]);
    let ann = registered(&shop, &tpm);
    let status = ann.run(&["status", "--json"]).json();
    assert!(status.to_string().contains("\"identity\":\"tpm\""), "{status}");
    let shown = ann.run(&["status"]);
    assert!(shown.out.contains("its TPM"), "{shown:?}");

    ann.agree("hardware");
    for _ in 0..11 {
        assert_eq!(ann.sh("exit 7").code, 7, "A12: the eleventh use needs a second pass");
    }
    assert_eq!(ann.pass()["uses"]["in_pass"], 9);
    let license = shop.licenses()[0]["id"].as_str().unwrap().to_owned();
    let file = |name: &str| shop.supplier_home().home.join(name).to_str().unwrap().to_owned();
    let (request, report) = (file("request.txt"), file("report.carnet"));
    shop.supplier(&["supplier", "request-report", &license, "--to", &request]);
    let made = ann.run(&["report", "acme/paint", "--request", &request, "--to", &report, "--json"]);
    assert_eq!(made.code, 0, "{made:?}");
    let opened = shop.supplier_home().run(&["supplier", "open", &report, "--request", &request]);
    assert!(opened.code == 0 && opened.out.contains("within contract"), "{opened:?}");

    let desk = shop.joined(visitor(&shop, &desks), &ann);
    let stick = ann.carnet.home.join("stick");
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap();
    for (from, to) in [(&ann, &desk), (&desk, &ann)] {
        let exported = from.run(&["export", "acme/paint", "--to", stick, "--json"]);
        assert_eq!(exported.code, 0, "{exported:?}");
        let imported = to.run(&["import", "--from", stick, "--json"]);
        assert_eq!(imported.code, 0, "{imported:?}");
        assert_eq!((from.sh("true").code, to.sh("true").code), (4, 0), "A17: on one device at a time");
    }
}

#[test]
fn a19_a_copied_home_does_not_run_with_another_tpm_and_repair_says_so() {
    let (shop, tpm, other) = (Shop::open(), Swtpm::new(), Swtpm::new());
    shop.sell(&[TWO_RUNS]);
    let ann = registered(&shop, &tpm);
    ann.agree("two-runs");
    let mut thief = visitor(&shop, &other);
    copy(&ann.carnet.home, &thief.carnet.home);
    let words = ["another TPM", "cannot carry it over", "register --code -", "devices lost"];
    let listed = thief.run(&["passes", "--json", "--offline"]);
    assert!(listed.out.contains("another TPM") && !listed.out.contains("two-runs"), "{listed:?}");
    refused(&thief.run(&["devices", "repair", "--json"]), "passbook", &words);
    refused(&thief.run(&["register", "--json"]), "passbook", &words);
    let started = thief.sh("true");
    assert!(started.code == 7 && started.err.contains("another TPM"), "no program runs by it: {started:?}");
    assert_eq!(ann.sh("exit 9").code, 9, "nothing was taken from the device itself");

    thief.carnet.tpm = Some("device:/no/such/tpm".to_owned());
    refused(
        &thief.run(&["status", "--json"]),
        "passbook",
        &["there is no TPM at /no/such/tpm", "CARNET_TPM"],
    );
}

#[test]
fn i8_a_tpm_that_is_away_for_a_while_loses_nothing() {
    let (shop, mut tpm) = (Shop::open(), Swtpm::new());
    shop.sell(&[TWO_RUNS]);
    let mut ann = registered(&shop, &tpm);
    ann.agree("two-runs");
    let mut command = ann.command_sh(&[], "echo ready; read line; exit 7");
    let mut running =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    sleep(Duration::from_millis(500));
    tpm.switch_off();
    refused(&ann.run(&["status", "--json"]), "passbook", &["there is no TPM at ", "switch it on"]);
    drop(running.stdin.take());
    assert_eq!(running.wait().unwrap().code(), Some(7), "a program that runs goes on without it");
    tpm.switch_on();
    ann.carnet.tpm = Some(tpm.way());
    assert_eq!((ann.sh("exit 5").code, ann.sh("true").code), (5, 4), "two runs, not more and not fewer");
}

#[test]
fn a_device_without_a_tpm_is_told_so_and_nothing_is_left_behind() {
    let (shop, mut tpm) = (Shop::open(), Swtpm::new());
    let mut ann = visitor(&shop, &tpm);
    tpm.switch_off();
    let register = [&ann.registration()[..], &["--json"]].concat();
    refused(&ann.run(&register), "passbook", &["there is no TPM at "]);
    assert!(!is_made(&ann.carnet.home));
    tpm.switch_on();
    ann.carnet.tpm = Some(tpm.way());
    assert_eq!(ann.run(&ann.registration()).code, 0);
    assert!(is_made(&ann.carnet.home));
}

/// Keys of images are sealed to the key that the TPM has wrapped, against a pass and a request that it has signed.
#[test]
fn b5_b7_an_image_is_installed_with_keys_for_a_device_with_a_tpm() {
    let (shop, tpm) = (Shop::open(), Swtpm::new());
    shop.sell(&[TWO_RUNS]);
    shop.supplier(&["supplier", "image-key", "new", "--supplier", "acme"]);
    shop.supplier(&["supplier", "image-key", "register"]);
    let program = shop.supplier_home().home.join("program");
    fs::create_dir(&program).unwrap();
    shop.supplier_home().file("program/paint", "paint 1.0.0");
    let (folder, image) = (program.display().to_string(), format!("{}.cimg", program.display()));
    let built = ["--app", "acme/paint", "--version", "1.0.0", "--feature", "resize=**", "--to", &image];
    shop.supplier(&[&["supplier", "image", "build", &folder][..], &built].concat());
    shop.supplier(&["supplier", "image", "publish", &image]);

    let ann = registered(&shop, &tpm);
    ann.agree("two-runs");
    let installed = ann.run(&["install", "acme/paint", "--json"]);
    assert_eq!(installed.code, 0, "{installed:?}");
    let paint = ann.carnet.home.join("programs/acme.paint/current/files/paint");
    assert_eq!(fs::read_to_string(paint).unwrap(), "paint 1.0.0");
}

/// Root may do everything, so there the program runs as nobody, from a place where nobody finds it.
#[test]
fn whoever_may_not_use_the_tpm_is_told_of_its_group() {
    let shop = Shop::open();
    let mut ann = shop.visitor_with(Carnet::new(), "tpm".to_owned());
    let folder = std::env::temp_dir().join(format!("carnet-tss-{}", std::process::id()));
    let (home, device, program) = (folder.join("home"), folder.join("tpm"), folder.join("carnet"));
    fs::create_dir_all(&home).unwrap();
    OpenOptions::new().create_new(true).write(true).mode(0o000).open(&device).unwrap();
    ann.carnet.tpm = Some(format!("device:{}", device.display()));
    let arguments = [&ann.registration()[..], &["--json"]].concat();
    let mut command = ann.carnet.command(&arguments);
    if rustix::process::getuid().is_root() {
        fs::copy(command.get_program(), &program).unwrap();
        chown(&home, Some(NOBODY), Some(NOBODY)).unwrap();
        command = Command::new(&program);
        command.env_clear().args(&arguments).env("CARNET_TPM", ann.carnet.tpm.as_ref().unwrap());
        command.uid(NOBODY).gid(NOBODY);
    }
    let told = ran(command.env("CARNET_HOME", &home));
    let left = is_made(&home);
    fs::remove_dir_all(&folder).unwrap();
    refused(&told, "passbook", &["no permission to use the TPM at ", "group `tss`"]);
    assert!(!left);
}

/// How somebody dies.
enum Dies {
    At(&'static str),
    After(Duration),
}

#[test]
fn i10_whoever_dies_while_the_identity_is_made_leaves_a_whole_one_or_none() {
    let shop = Shop::open();
    let after = |millis| Dies::After(Duration::from_millis(millis));
    let deaths =
        [Dies::At("file.written"), Dies::At("file.renamed"), after(1), after(15), after(40), after(80)];
    let mut left = Vec::new();
    for death in deaths {
        let mut tpm = Swtpm::new();
        let mut ann = visitor(&shop, &tpm);
        let mut command = ann.carnet.command(&ann.registration());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        match death {
            Dies::At(point) => {
                let died = command.env("CARNET_CRASH_POINT", point).status().unwrap();
                assert_eq!(died.signal(), Some(6), "{point}: {died:?}");
            }
            Dies::After(a_while) => {
                let mut process = command.spawn().unwrap();
                sleep(a_while);
                process.kill().unwrap();
                process.wait().unwrap();
            }
        }
        left.push(is_made(&ann.carnet.home));
        // Without a resource manager a TPM keeps what a killed program has loaded, until it is switched off.
        tpm.switch_off();
        tpm.switch_on();
        ann.carnet.tpm = Some(tpm.way());
        let again = ann.run(&ann.registration());
        assert_eq!(again.code, 0, "{again:?}");
        assert_eq!(ann.run(&["status", "--offline", "--json"]).code, 0);
    }
    assert_eq!(left[..2], [false, true], "before and after the one moment that counts: {left:?}");
}
