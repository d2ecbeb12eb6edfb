//! A14 to A18 with the real programs: a stick that is full, gone, read-only or somebody else's; pictures; cuts.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::shop::{Shop, TWO_RUNS, User};
use crate::carnet::Ran;

const FREE: &str = r#"
[[offer]]
name = "free"
condition = "Free for ever"
features = ["resize"]
fee = "free"
term = "perpetual"
"#;

/// Ann has a laptop with the license, a desk without, and a stick.
struct Move {
    shop: Shop,
    laptop: User,
    desk: User,
    stick: String,
}

fn with(offer: &str, name: &str) -> Move {
    let shop = Shop::open();
    shop.sell(&[offer]);
    let laptop = shop.user();
    laptop.agree(name);
    let desk = shop.second_device(&laptop);
    let stick = laptop.carnet.home.join("stick");
    fs::create_dir(&stick).unwrap();
    let stick = stick.to_str().unwrap().to_owned();
    Move { shop, laptop, desk, stick }
}

fn two_runs() -> Move {
    with(TWO_RUNS, "two-runs")
}

impl Move {
    fn export(&self) -> Ran {
        self.laptop.run(&["export", "acme/paint", "--to", &self.stick, "--json"])
    }

    fn import(&self, user: &User) -> Ran {
        user.run(&["import", "--from", &self.stick, "--json"])
    }

    /// The portable passbook on the stick.
    fn file(&self) -> String {
        let mut names = fs::read_dir(&self.stick).unwrap().map(|entry| entry.unwrap().path());
        names
            .find(|path| path.extension().is_some_and(|it| it == "carnet"))
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }
}

/// Exit code, outcome and the code of the reason, of the only app.
fn only(ran: &Ran) -> (i32, String, Option<String>) {
    let json = ran.json();
    let apps = json["apps"].as_array().unwrap_or_else(|| panic!("{ran:?}"));
    assert_eq!(apps.len(), 1, "{ran:?}");
    let code = apps[0]["why"]["code"].as_str().map(ToOwned::to_owned);
    (ran.code, apps[0]["outcome"].as_str().unwrap().to_owned(), code)
}

fn done(code: i32, outcome: &str) -> (i32, String, Option<String>) {
    (code, outcome.to_owned(), None)
}

fn refused(reason: &str) -> (i32, String, Option<String>) {
    (5, "refused".to_owned(), Some(reason.to_owned()))
}

#[test]
fn a14_a17_from_the_laptop_to_the_desk_once() {
    let it = two_runs();
    let exported = it.export();
    assert_eq!(only(&exported), done(0, "exported"));
    assert_eq!(exported.json()["apps"][0]["carries_in_words"], "1 use");
    assert_eq!(it.laptop.pass()["status"], "moving");
    assert_eq!(it.laptop.sh("true").code, 4, "A15: disapproved");
    assert_eq!(only(&it.export()), refused("moving"));
    let imported = it.import(&it.desk);
    assert_eq!((only(&imported), &imported.json()["marked"]), (done(0, "imported"), &true.into()));
    assert_eq!(it.desk.sh("exit 7").code, 7);
    assert_eq!(only(&it.import(&it.desk)), done(0, "already-here"));
    assert_eq!(only(&it.import(&it.laptop)), refused("move-over"));
}

#[test]
fn a14_words_for_people_name_each_app_with_its_reason_and_remedy() {
    let it = two_runs();
    let ran = it.laptop.run(&["export", "acme/paint", "acme/ink", "--to", &it.stick]);
    let words = format!(
        "Written to {}.\n\nAPP         CONDITION  CARRIES  NOW\nacme/paint  Two runs   1 use    on its way\n\n\
         acme/ink cannot be exported, because there is no pass on this device with anything left in it\n  \
         help: get a pass first\n",
        it.stick
    );
    assert_eq!((ran.code, ran.out.as_str()), (5, words.as_str()), "{ran:?}");
    let ran = it.desk.run(&["import", "--from", &it.stick]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.contains("Imported from ") && ran.out.contains("acme/paint  Two runs   1 use    valid here")
    );
    let again = it.laptop.run(&["import", "acme/paint", "--from", &it.stick]);
    assert!(again.out.contains("acme/paint cannot be imported, because this move is over"), "{again:?}");
}

#[test]
fn a16_import_on_the_source_takes_it_back() {
    let it = two_runs();
    it.export();
    assert_eq!(only(&it.import(&it.laptop)), done(0, "imported"));
    assert_eq!(it.laptop.sh("exit 7").code, 7);
    assert_eq!(only(&it.import(&it.desk)), refused("move-over"));
}

#[test]
fn a17_a_cancelled_move_and_a_late_import() {
    let it = two_runs();
    let movement = it.export().json()["apps"][0]["move"].as_str().unwrap().to_owned();
    let elsewhere = it.desk.run(&["cancel-move", &movement, "--json"]);
    assert_eq!(elsewhere.failed(), (2, "unknown-move".into()));
    let cancelled = it.laptop.run(&["cancel-move", "acme/paint", "--json"]).json();
    assert_eq!((&cancelled["outcome"], &cancelled["move"]), (&"cancelled".into(), &movement.clone().into()));
    assert_eq!(only(&it.import(&it.desk)), refused("move-over"));
    let twice = it.desk.run(&["cancel-move", &movement, "--app", "acme/paint", "--json"]);
    assert_eq!(twice.failed(), (5, "move-over".into()));
    assert_eq!(
        it.laptop.run(&["cancel-move", "acme/paint", "--json"]).failed(),
        (1, "nothing-moving".into())
    );
    assert_eq!(it.laptop.sh("exit 7").code, 7, "the license has it again");
}

#[test]
fn a18_as_a_picture_on_another_device() {
    let it = two_runs();
    let picture = it.laptop.carnet.home.join("move.png");
    let picture = picture.to_str().unwrap();
    let exported = it.laptop.run(&["export", "acme/paint", "--qr", picture, "--json"]);
    assert_eq!((only(&exported), &exported.json()["files"][0]), (done(0, "exported"), &picture.into()));
    let imported = it.desk.run(&["import", "--from", picture, "--json"]);
    assert_eq!(only(&imported), done(0, "imported"));
    assert_eq!(imported.json()["problem"]["code"], "medium-read-only", "a picture cannot be marked");
    let told = it.laptop.run(&["import", "--from", picture]);
    assert!(told.code == 5 && told.err.contains("throw its copies away"), "{told:?}");
    assert_eq!(
        it.laptop.run(&["export", "--again", "--qr", "move.jpg", "--json"]).failed(),
        (2, "usage".into())
    );
}

#[test]
fn a18_as_a_text_that_is_mailed() {
    let it = two_runs();
    let mail = it.laptop.carnet.home.join("mail.txt").to_str().unwrap().to_owned();
    assert_eq!(only(&it.laptop.run(&["export", "acme/paint", "--to", &mail, "--json"])), done(0, "exported"));
    let text = fs::read_to_string(&mail).unwrap();
    assert!(text.starts_with("-----BEGIN CARNET PASSBOOK-----\n"), "{text}");
    let fifth = text.lines().nth(4).unwrap();
    let wrong = format!("{}{}", if fifth.starts_with('x') { "y" } else { "x" }, &fifth[1..]);
    let typed = it.desk.carnet.file("typed.txt", &text.replace(fifth, &wrong));
    let mistyped = it.desk.run(&["import", "--from", &typed, "--json"]);
    assert_eq!(mistyped.failed(), (9, "medium-unreadable".into()));
    assert!(mistyped.out.contains("line 5 is mistyped"), "{mistyped:?}");
    let received = it.desk.carnet.file("mail.txt", &format!("Hello,\r\n\r\n{}", text.replace('\n', "\r\n")));
    let imported = it.desk.run(&["import", "--from", &received, "--json"]);
    assert_eq!((only(&imported), &imported.json()["marked"]), (done(0, "imported"), &true.into()));
    assert_eq!(only(&it.laptop.run(&["import", "--from", &mail, "--json"])), refused("move-over"));
}

#[test]
fn a15_an_export_that_another_command_has_finished_is_written_afterwards() {
    let it = two_runs();
    let arguments = ["export", "acme/paint", "--to", &it.stick];
    assert!(it.laptop.dies("contact-before-send:1", &arguments));
    let resumed = it.laptop.run(&["status", "--resume"]);
    assert!(resumed.out.contains("carnet export --again --to FOLDER"), "{resumed:?}");
    assert_eq!(only(&it.export()), done(0, "carried-on"));
    assert_eq!(only(&it.import(&it.desk)), done(0, "imported"));
}

#[test]
fn a16_a_device_without_a_user_joins_by_what_it_imports() {
    let it = two_runs();
    it.export();
    let guest = it.shop.visitor();
    let mut command = guest.carnet.command(&["import", "--from", &it.stick, "--json"]);
    let ran = crate::carnet::ran(command.env("CARNET_IDENTITY", guest.identity()));
    assert_eq!((only(&ran), &ran.json()["registered"]), (done(0, "imported"), &true.into()));
    assert_eq!(guest.sh("exit 7").code, 7);
    assert_eq!(guest.run(&["devices", "invite", "--json"]).failed().1, "guest-device");
}

#[test]
fn a14_nothing_changes_when_the_medium_or_the_server_is_not_there() {
    let mut it = two_runs();
    let folder = |name: &str| it.laptop.carnet.home.join(name).to_str().unwrap().to_owned();
    let to = |folder: &str| it.laptop.run(&["export", "acme/paint", "--to", folder, "--json"]).failed();
    assert_eq!(to(&folder("nothing")), (9, "medium-missing".into()));
    let file = it.laptop.carnet.file("file", "text");
    assert_eq!(to(&file), (9, "medium-missing".into()));
    assert_eq!(it.laptop.pass()["status"], "valid");
    it.shop.close();
    assert_eq!(it.export().failed(), (6, "server-unreachable".into()));
    assert_eq!(it.laptop.pass()["status"], "valid");
    assert_eq!(it.laptop.sh("exit 7").code, 7);
    assert_eq!(fs::read_dir(&it.stick).unwrap().count(), 0, "and nothing is left on the medium");
}

/// A file system of its own, where this process may mount one.
struct Mounted<'a>(&'a str);

impl<'a> Mounted<'a> {
    fn new(folder: &'a str, options: &str) -> Option<Self> {
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", options, "carnet-test", folder]).output();
        let mounted = mounted.is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("not tested: nothing can be mounted here");
        }
        mounted.then_some(Self(folder))
    }

    fn again(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}"), self.0]).status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what fills the stick need not last")]
fn a14_a_stick_that_is_full_or_read_only() {
    let it = two_runs();
    let Some(stick) = Mounted::new(&it.stick, "size=16k,mode=0777") else { return };
    fs::write(Path::new(&it.stick).join("films"), vec![7; 14 << 10]).unwrap();
    assert_eq!(it.export().failed(), (9, "medium-full".into()));
    assert_eq!(fs::read_dir(&it.stick).unwrap().count(), 1, "nothing is left of the attempt");
    fs::remove_file(Path::new(&it.stick).join("films")).unwrap();
    stick.again("ro");
    assert_eq!(it.export().failed(), (9, "medium-read-only".into()));
    assert_eq!(it.laptop.pass()["status"], "valid");
    stick.again("rw");
    assert_eq!(only(&it.export()), done(0, "exported"));
    stick.again("ro");
    let imported = it.import(&it.desk);
    assert_eq!((only(&imported), &imported.json()["marked"]), (done(0, "imported"), &false.into()));
    assert_eq!(imported.json()["problem"]["code"], "medium-read-only");
}

/// A stick with a FAT file system, which can be pulled out and put in; where this process may use FUSE.
struct FatStick<'a> {
    image: String,
    folder: &'a str,
    mounted: Option<Child>,
}

impl<'a> FatStick<'a> {
    fn new(image: String, folder: &'a str) -> Option<Self> {
        let made = Self::tool("mkfs.vfat", &["-C", &image, "1440"]);
        let mut stick = Self { image, folder, mounted: None };
        let there = made && stick.put_in();
        if !there {
            eprintln!("not tested: no FAT file system can be mounted here");
        }
        there.then_some(stick)
    }

    fn put_in(&mut self) -> bool {
        let place = |folder: &str| fs::metadata(folder).unwrap().dev();
        let before = place(self.folder);
        let mut command = Command::new("fusefat");
        let command = command.args(["-f", "-o", "rw+", &self.image, self.folder]).stdout(Stdio::null());
        let Ok(mut mounted) = command.stderr(Stdio::null()).spawn() else { return false };
        while place(self.folder) == before {
            if mounted.try_wait().unwrap().is_some() {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.mounted = Some(mounted);
        true
    }

    fn pull_out(&mut self) {
        assert!(Self::tool("fusermount", &["-u", self.folder]));
        // It writes its last words to the image when it ends.
        self.mounted.take().unwrap().wait().unwrap();
    }

    /// Whether the file system itself is whole.
    fn is_whole(&self) -> bool {
        Self::tool("fsck.vfat", &["-n", &self.image])
    }

    fn tool(name: &str, arguments: &[&str]) -> bool {
        // Where Debian keeps the tools of file systems, whether or not the caller looks there.
        let script = "PATH=$PATH:/usr/sbin:/sbin; exec \"$0\" \"$@\"";
        let ran = Command::new("sh").args(["-c", script, name]).args(arguments).output();
        ran.is_ok_and(|output| output.status.success())
    }
}

impl Drop for FatStick<'_> {
    fn drop(&mut self) {
        if self.mounted.is_some() && Self::tool("fusermount", &["-u", self.folder]) {
            let _ = self.mounted.take().map(|mut mounted| mounted.wait());
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what fills the stick need not last")]
fn a18_a_stick_with_fat_is_carried_pulled_out_filled_and_cut_off() {
    let it = two_runs();
    let image = it.laptop.carnet.home.join("stick.img").to_str().unwrap().to_owned();
    let Some(mut stick) = FatStick::new(image, &it.stick) else { return };
    for point in ["medium-before-write", "file.renamed", "medium-after-write"] {
        assert!(
            it.laptop.dies(&format!("{point}:1"), &["export", "acme/paint", "--to", &it.stick]),
            "{point}"
        );
        stick.pull_out();
        assert!(stick.is_whole() && stick.put_in(), "{point}");
        let (code, outcome, why) = only(&it.export());
        assert!(code == 0 || why.as_deref() == Some("moving"), "{point}: {outcome} {why:?}");
        stick.pull_out();
        assert!(stick.is_whole() && stick.put_in(), "{point}");
        let imported = it.import(&it.desk);
        assert_eq!(only(&imported), done(0, "imported"), "{point}");
        assert_eq!(imported.json()["marked"], true, "{point}");
        assert_eq!(it.desk.run(&["export", "acme/paint", "--to", &it.stick]).code, 0, "{point}");
        assert_eq!(only(&it.laptop.run(&["import", "--from", &it.stick, "--json"])), done(0, "imported"));
        fs::remove_file(it.file()).unwrap();
    }
    let films = Path::new(&it.stick).join("films");
    let filled = fs::write(&films, vec![7; 2 << 20]);
    assert!(filled.is_err(), "there is no room for that");
    // This driver says "not permitted" where others say "no space": a14 above asks for the words.
    assert_eq!(it.export().failed().0, 9);
    assert_eq!(it.laptop.pass()["status"], "valid");
    assert_eq!(fs::read_dir(&it.stick).unwrap().count(), 1, "nothing is left of the attempt");
    stick.pull_out();
    assert!(stick.is_whole());
    assert_eq!(it.laptop.sh("exit 7").code, 7, "nothing was used up by all that");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what somebody else has put there need not last")]
fn a16_somebody_else_s_medium_and_garbage() {
    let it = two_runs();
    it.export();
    let bob = it.shop.user();
    assert_eq!(it.import(&bob).failed(), (9, "other-user".into()));
    let named = bob.run(&["import", "--from", &it.file(), "--json"]);
    assert_eq!(named.failed(), (9, "other-user".into()));
    let told = bob.run(&["import", "--from", &it.stick]);
    assert!(told.err.contains("belongs to another user") && told.err.contains("CARNET_HOME"), "{told:?}");
    let file = it.file();
    let mut bytes = fs::read(&file).unwrap();
    bytes[100] ^= 1;
    fs::write(&file, &bytes).unwrap();
    assert_eq!(it.import(&it.desk).failed(), (9, "medium-unreadable".into()));
    assert_eq!(
        it.laptop.run(&["export", "--again", "--to", &it.stick, "--json"]).failed().1,
        "medium-unreadable"
    );
    assert_eq!(fs::read(&file).unwrap(), bytes, "what is there is left as it is");
    fs::remove_file(&file).unwrap();
    assert_eq!(it.import(&it.desk).failed(), (9, "nothing-on-medium".into()));
    let again = it.laptop.run(&["export", "--again", "--to", &it.stick, "--json"]);
    assert_eq!(only(&again), done(0, "written-again"));
    assert_eq!(only(&it.import(&it.desk)), done(0, "imported"));
    assert_eq!(
        it.laptop.run(&["import", "--from", &it.laptop.carnet.file("x", "y"), "--json"]).failed().0,
        9
    );
}

#[test]
fn i7_an_export_or_import_that_dies_anywhere_is_carried_on() {
    let points = [
        "journal.append",
        "contact-before-send",
        "contact-before-outcome",
        "contact-after-outcome",
        "medium-before-write",
        "medium-after-write",
        "file.renamed",
    ];
    let it = two_runs();
    for point in points {
        let arguments = ["export", "acme/paint", "--to", &it.stick];
        assert!(it.laptop.dies(&format!("{point}:1"), &arguments), "{point}");
        let export = it.export();
        let (code, outcome, why) = only(&export);
        let on_its_way = code == 0 || why.as_deref() == Some("moving");
        assert!(on_its_way, "{point}: {outcome} {why:?}");
        assert!(it.desk.dies("contact-before-outcome:1", &["import", "--from", &it.stick]), "{point}");
        assert_eq!(only(&it.import(&it.desk)).0, 0, "{point}");
        // And back again the same way.
        assert_eq!(it.desk.run(&["export", "acme/paint", "--to", &it.stick]).code, 0, "{point}");
        let back = it.laptop.run(&["import", "acme/paint", "--from", &it.stick, "--json"]);
        assert_eq!(only(&back), done(0, "imported"), "{point}");
        fs::remove_file(it.file()).unwrap();
    }
    assert_eq!(it.laptop.sh("exit 7").code, 7, "nothing was used up by all that");
}

#[test]
fn a15_a_running_program_is_told_to_stop() {
    let it = with(FREE, "free");
    let script = "trap 'echo told; exit 9' TERM; echo ready; for i in $(seq 400); do sleep 0.05; done";
    let mut command = it.laptop.command_sh(&["--json"], script);
    let mut running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(running.stdout.take().unwrap()));
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    assert_eq!(only(&it.export()), done(0, "exported"));
    assert_eq!(lines.next().unwrap().unwrap(), "told");
    assert_eq!(running.wait().unwrap().code(), Some(4));
    assert_eq!(only(&it.import(&it.desk)), done(0, "imported"));
    assert_eq!(it.desk.sh("exit 7").code, 7);
}
