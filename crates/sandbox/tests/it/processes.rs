//! Real processes of one program, on one disk and one meter.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use carnet_controller::Controller;
use carnet_sandbox::{Grant, Local};

const APP: &str = "umbra/plan";
const PRODUCT: &str = "CARNET_TEST_PRODUCT";
/// Begins what a child says; the test runner says things too.
const SAYS: &str = "child: ";

/// Not a test by itself: the licensed program of the tests below. It does what it is told line by line: `use N`,
/// `seconds`, `end`.
#[test]
#[ignore = "started as a process of its own by the tests of this file"]
#[expect(clippy::disallowed_methods, reason = "a test hands its child process a product string")]
fn program() {
    let Ok(product) = std::env::var(PRODUCT) else { return };
    let say = |text: String| println!("{SAYS}{text}");
    let run = match Controller::open(&product).and_then(|controller| controller.start()) {
        Ok(run) => run,
        Err(told) => return say(told.code.to_owned()),
    };
    say("running".to_owned());
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("use", uses) => say(match run.consume(uses.parse().unwrap()) {
                Ok(left) => format!("{} left", left.uses.unwrap()),
                Err(told) => told.code.to_owned(),
            }),
            ("seconds", _) => say(run.remaining().seconds.unwrap().to_string()),
            _ => break,
        }
    }
    drop(run);
    say("ended".to_owned());
}

struct Program {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(device: &Local) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "processes::program", "--ignored", "--nocapture"]);
        command.env("CARNET_HOME", device.home()).env(PRODUCT, device.product().to_string());
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = piped.spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    fn running(device: &Local) -> Self {
        let mut program = Self::start(device);
        assert_eq!(program.says(), "running");
        program
    }

    fn says(&mut self) -> String {
        let said = |line: std::io::Result<String>| Some(line.unwrap().split_once(SAYS)?.1.to_owned());
        self.output.by_ref().find_map(said).unwrap()
    }

    fn ask(&mut self, line: &str) -> String {
        writeln!(self.input, "{line}").unwrap();
        self.says()
    }

    fn end(mut self) {
        assert_eq!(self.ask("end"), "ended");
        self.child.wait().unwrap();
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("sandbox-{name}-{}", std::process::id()))
}

fn over(device: Local) {
    let folder = device.home().parent().unwrap().to_owned();
    drop(device);
    // Where nobody has registered there is nothing to remove.
    let _ = std::fs::remove_dir_all(folder);
}

/// Seconds of the license that are on record as run.
fn on_record(device: &Local, licensed: u64) -> u64 {
    licensed - device.holding().unwrap().remaining.seconds_in_pass.unwrap()
}

/// Looks until it is so. Ten times as long as it may take is long enough.
fn in_time(so: impl Fn() -> bool) -> bool {
    (0..400).any(|_| {
        std::thread::sleep(Duration::from_millis(25));
        so()
    })
}

#[test]
fn a12_two_processes_share_one_meter_and_the_next_one_takes_over() {
    const HOUR: u64 = 3_600;
    let grant = Grant::new("An hour").feature("draw").run_time(Duration::from_secs(HOUR));
    let mut device = Local::granting(&folder("meter"), APP, grant).unwrap();
    device.go_offline();
    let (one, mut other) = (Program::running(&device), Program::running(&device));
    assert_eq!(on_record(&device, HOUR), 30, "one block is recorded ahead, not two");
    assert!(other.ask("seconds").parse::<u64>().unwrap() <= HOUR - 30, "the other one sees it");

    one.end();
    assert!(in_time(|| on_record(&device, HOUR) >= 30), "the other one counts on within a second or two");
    let after = on_record(&device, HOUR);
    assert!(after < 60, "what the first one did not run was given back: {after}");

    other.kill();
    let third = Program::running(&device);
    let crashed = on_record(&device, HOUR);
    assert_eq!(crashed, after + 30, "a crash costs the block that was recorded ahead, no more");
    third.end();
    assert!(on_record(&device, HOUR) < after + 30);
    over(device);
}

#[test]
fn i9_processes_that_use_at_once_lose_and_double_nothing() {
    let grant = Grant::new("Many").feature("draw").uses(1_000).uses_per_pass(40);
    let device = Local::granting(&folder("uses"), APP, grant).unwrap();
    let mut programs = [(); 3].map(|()| Program::running(&device));
    for _ in 0..30 {
        programs.iter_mut().for_each(|program| writeln!(program.input, "use 2").unwrap());
    }
    for program in &mut programs {
        (0..30).for_each(|_| {
            let said = program.says();
            assert!(said.ends_with(" left"), "{said}");
        });
    }
    programs.into_iter().for_each(Program::end);
    assert_eq!(device.holding().unwrap().remaining.uses, Some(1_000 - 3 - 3 * 30 * 2));
    over(device);
}

#[test]
fn a_process_that_may_not_run_says_why_and_what_is_revoked_ends_in_all_of_them() {
    let nobody = Local::unregistered(&folder("nobody"), APP).unwrap();
    assert_eq!(Program::start(&nobody).says(), "not-registered");
    over(nobody);

    let device =
        Local::granting(&folder("revoked"), APP, Grant::new("Five").feature("draw").uses(5)).unwrap();
    let mut programs = [(); 2].map(|()| Program::running(&device));
    device.revoke().unwrap();
    programs.iter_mut().for_each(|program| {
        let told = program.ask("use 1");
        assert!(told == "revoked" || told == "pass-invalid", "{told}");
    });
    assert_eq!(Program::start(&device).says(), "revoked");
    programs.into_iter().for_each(Program::end);
    over(device);
}

#[test]
fn a_server_that_comes_back_has_the_same_address() {
    let grant = Grant::new("Two").feature("draw").uses(2).uses_per_pass(1);
    let mut device = Local::granting(&folder("back"), APP, grant).unwrap();
    device.go_offline();
    Program::running(&device).end();
    assert_eq!(Program::start(&device).says(), "server-unreachable");
    device.go_online().unwrap();
    Program::running(&device).end();
    assert_eq!(Program::start(&device).says(), "exhausted");
    over(device);
}
