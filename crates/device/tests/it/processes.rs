//! Real processes on a real disk, some of which die in the middle of a write.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use carnet_device::journal::{Journal, JournalError, Settings};
use carnet_seam::{Crash, RealFs};

use crate::world::{Everything, history, name, small, text};

const APPENDS: usize = 20;
const FOLDER: &str = "CARNET_TEST_FOLDER";
const CRASH: &str = "CARNET_TEST_CRASH";

fn open(folder: &Path, crash: Crash) -> Journal<Everything> {
    let settings = Settings { patience: Duration::from_secs(60), ..small() };
    let fs = Arc::new(RealFs::with_crash(crash));
    Journal::open(fs, folder, name(), Everything::default(), settings).unwrap()
}

/// Not a test by itself: what each child process of the next test does.
#[test]
#[ignore = "run by i9_processes_that_die_in_the_middle_of_a_write_lose_and_double_nothing"]
#[expect(clippy::disallowed_methods, reason = "a test hands its child process a folder and a crash point")]
fn child() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let crash = std::env::var(CRASH).map_or(Crash::never(), |point| point.parse().unwrap());
    let mut journal = open(Path::new(&folder), crash);
    for number in 0..APPENDS {
        let said = format!("{} says {number}", std::process::id());
        journal
            .append_with::<JournalError>(|state, _| {
                Ok(vec![text(&format!("{said} after {}", state.texts().len())), text(&said)])
            })
            .unwrap();
    }
}

fn start(folder: &Path, crash: Option<&str>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "processes::child", "--ignored"]).env(FOLDER, folder);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    crash.map(|point| command.env(CRASH, point));
    command.spawn().unwrap()
}

#[test]
fn i9_processes_that_die_in_the_middle_of_a_write_lose_and_double_nothing() {
    let home: PathBuf = std::env::temp_dir().join(format!("carnet-processes-{}", std::process::id()));
    let folder = home.join("journal");
    let children =
        [None, Some("journal.written:7"), Some("journal.append:5"), Some("journal.synced:9"), None]
            .map(|crash| start(&folder, crash));
    let clean = children.map(|mut child| child.wait().unwrap().success());
    let mut journal = open(&folder, Crash::never());
    let all = history(&mut journal).unwrap();
    let texts = journal.state().texts();
    std::fs::remove_dir_all(&home).unwrap();

    assert_eq!(clean, [true, false, false, false, true], "the others died where they were told to");
    assert_eq!(all, journal.state().0);
    assert!(texts.len() >= 2 * 2 * APPENDS, "what a living process was told is there: {}", texts.len());
    for (place, pair) in texts.chunks(2).enumerate() {
        assert_eq!(
            pair[0],
            format!("{} after {}", pair[1], 2 * place),
            "whole writes, each on all before it"
        );
    }
    assert_eq!((journal.state().tails(), journal.tail()), (0, None));
}
