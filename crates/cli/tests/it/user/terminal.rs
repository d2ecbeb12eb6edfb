//! A8, A10, A13 with a person at the terminal: `script` (bsdutils) lends one.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use carnet_api::{Problem, ProblemCode};
use carnet_device::identity::{Component, Machine};
use carnet_device::platform::ThisMachine;

use super::shop::{FOR_EVER, ONE_SECOND, Shop, TWO_RUNS, User};
use crate::carnet::{Carnet, TOKEN};
use crate::fake::{Fake, Says};

const ENTER: &str = "\r";
const DOWN: &str = "\u{1b}[B";
const CTRL_C: &str = "\u{3}";

/// A terminal with a command at work in it.
struct Terminal {
    script: Child,
    keys: ChildStdin,
    shown: Receiver<Vec<u8>>,
    seen: String,
}

impl Terminal {
    /// None where there is no `script`.
    fn new(user: &User, arguments: &[&str]) -> Option<Self> {
        Self::of_width(80, &user.carnet, arguments)
    }

    /// With so many columns.
    fn of_width(columns: usize, carnet: &Carnet, arguments: &[&str]) -> Option<Self> {
        let quoted: Vec<_> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
        let (home, carnet) =
            (&carnet.home, format!("exec '{}' {}", env!("CARGO_BIN_EXE_carnet"), quoted.join(" ")));
        let line = format!("stty rows 24 columns {columns}; {carnet}");
        let mut command = Command::new("script");
        command.args(["-qefc", &line, "/dev/null"]).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm").env("CARNET_HOME", home);
        let started = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let Ok(mut script) = started else {
            eprintln!("not tested: there is no `script` here");
            return None;
        };
        let (keys, mut screen) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
        let (sender, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                let _ = sender.send(buffer[..count].to_vec());
            }
        });
        Some(Self { script, keys, shown, seen: String::new() })
    }

    /// Waits for a text, forgets everything up to it, and presses keys.
    fn at(&mut self, text: &str, keys: &str) {
        self.until(text, keys);
    }

    /// As [`Self::at`]; what was shown up to the text.
    fn until(&mut self, text: &str, keys: &str) -> String {
        let shown = loop {
            let plain = anstream::adapter::strip_str(&self.seen).to_string();
            if let Some(at) = plain.find(text) {
                let (shown, rest) = plain.split_at(at + text.len());
                self.seen = rest.to_owned();
                break shown.to_owned();
            }
            let more = self.shown.recv_timeout(Duration::from_secs(20));
            let more = more.unwrap_or_else(|_| panic!("`{text}` is not shown, but: {plain}"));
            self.seen += &String::from_utf8_lossy(&more);
        };
        self.keys.write_all(keys.as_bytes()).unwrap();
        shown
    }

    /// The exit code, and all that was shown since the last key.
    fn end(mut self) -> (Option<i32>, String) {
        let code = self.script.wait().unwrap().code();
        while let Ok(more) = self.shown.recv_timeout(Duration::from_secs(2)) {
            self.seen += &String::from_utf8_lossy(&more);
        }
        (code, anstream::adapter::strip_str(&self.seen).to_string())
    }
}

const RUN: [&str; 6] = ["run", "acme/paint", "--", "/bin/sh", "-c", "echo it runs; exit 7"];

#[test]
fn a10_the_menu_is_shown_read_agreed_to_and_shown_again_when_it_has_changed_meanwhile() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS, ONE_SECOND]);
    let ann = shop.user();
    let Some(mut terminal) = Terminal::new(&ann, &RUN) else { return };
    terminal.at("there is no license for this app yet", "");
    terminal.at("What do you want for acme/paint?", &format!("{DOWN}{ENTER}"));
    terminal.at("1 second of running", "");
    terminal.at("Do you agree to these conditions?", &format!("n{ENTER}"));
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("Do you agree to these conditions?", "");
    shop.sell(&[&TWO_RUNS.replace("uses = 2", "uses = 3")]);
    terminal.at("", &format!("y{ENTER}"));
    terminal.at("the menu has changed meanwhile", "");
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("3 uses", "");
    terminal.at("Do you agree to these conditions?", &format!("y{ENTER}"));
    terminal.at("it runs", "");
    assert_eq!(terminal.end().0, Some(7));
    assert_eq!(shop.licenses().len(), 1);
    assert_eq!(ann.pass()["uses"]["licensed"], 3);
}

#[test]
fn a10_nothing_that_is_chosen_or_read_is_wider_than_the_terminal() {
    let shop = Shop::open();
    let wide = TWO_RUNS.replace("Two runs", "Two runs of the picture tool, with all of its filters");
    shop.sell(&[&wide, FOR_EVER]);
    let ann = shop.user();
    const COLUMNS: usize = 44;
    let Some(mut terminal) = Terminal::of_width(COLUMNS, &ann.carnet, &["agree", "acme/paint"]) else {
        return;
    };
    let question = terminal.until("none of these", "");
    assert!(
        question.contains("Two runs of the picture…") && question.contains(" – 49.00 EUR, once,…"),
        "{question}"
    );
    terminal.at("enter to select", ENTER);
    terminal.at(" – free", "");
    let conditions = terminal.until("Do you agree to these conditions?", CTRL_C);
    assert!(conditions.contains("nothing is recorded for"), "{conditions}");
    for line in question.lines().chain(conditions.lines()) {
        assert!(carnet_cli::width::columns(line) <= COLUMNS, "{line}\n{question}{conditions}");
    }
    assert_eq!(terminal.end().0, Some(130));
}

#[test]
fn a8_the_first_start_registers_and_the_next_one_asks_nothing() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.visitor();
    let Some(mut terminal) = Terminal::new(&ann, &[&["--server", &shop.url][..], &RUN].concat()) else {
        return;
    };
    terminal.at(&shop.root, "");
    terminal.at("Is it the same?", &format!("y{ENTER}"));
    terminal.at("Your name", &format!("Ann Example{ENTER}"));
    terminal.at("Your e-mail address", &format!("ann{ENTER}"));
    terminal.at("has no @", &format!("@example.org{ENTER}"));
    // Containers show too little of the machine to be bound to it; the way out is named.
    let shows = |component: &Component| ThisMachine.component(*component).is_some();
    if Component::ALL.iter().filter(|component| shows(component)).count() < 3 {
        terminal.at("--identity file:PATH", "");
        terminal.at("CARNET_IDENTITY=file:PATH", "");
        assert_eq!(terminal.end().0, Some(7));
        return;
    }
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("Do you agree to these conditions?", &format!("y{ENTER}"));
    terminal.at("it runs", "");
    assert_eq!(terminal.end().0, Some(7));
    let mut again = Terminal::new(&ann, &RUN).unwrap();
    again.at("it runs", "");
    assert_eq!(again.end().0, Some(7));
}

#[test]
fn a13_used_up_shows_the_menu_again_agreeing_continues_and_declining_is_recorded() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    assert_eq!([ann.sh("exit 7").code, ann.sh("exit 7").code], [7, 7]);
    let Some(mut terminal) = Terminal::new(&ann, &RUN) else { return };
    terminal.at("the license is used up", "");
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("Do you agree to these conditions?", &format!("y{ENTER}"));
    terminal.at("it runs", "");
    assert_eq!(terminal.end().0, Some(7));
    assert_eq!(ann.sh("exit 7").code, 7);

    let mut terminal = Terminal::new(&ann, &RUN).unwrap();
    terminal.at("What do you want for acme/paint?", &format!("{DOWN}{ENTER}"));
    let (code, shown) = terminal.end();
    assert!(code == Some(4) && shown.contains("error[declined]"), "{code:?} {shown}");
    let statuses: Vec<_> =
        shop.licenses().iter().map(|license| license["validity"]["status"].to_string()).collect();
    assert!(statuses.contains(&"\"declined\"".to_owned()), "{statuses:?}");
    // The next start shows it again; Ctrl-C there changes nothing.
    let mut terminal = Terminal::new(&ann, &RUN).unwrap();
    terminal.at("What do you want for acme/paint?", CTRL_C);
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!(shop.licenses().len(), statuses.len());
}

#[test]
fn i17_a_set_up_code_and_a_token_are_asked_for_and_not_shown() {
    const CODE: &str = "carnet_setup_canary";
    let problem = || crate::fake::problem(&Problem::new(ProblemCode::WrongSetupCode));
    let fake = Fake::new(vec![problem(), problem()]);
    let carnet = Carnet::new();
    let register = ["supplier", "register", "--server", &fake.url, "--name", "acme"];
    for more in [&[][..], &["--code-file", "-"]] {
        let Some(mut terminal) = Terminal::of_width(80, &carnet, &[&register[..], more].concat()) else {
            return;
        };
        terminal.at("The set-up code from the server's operator", &format!("{CODE}{ENTER}"));
        let (code, shown) = terminal.end();
        assert!(code == Some(5) && shown.contains("*****") && !shown.contains(CODE), "{code:?} {shown}");
    }
    assert!(fake.seen().iter().all(|seen| seen.body.contains(CODE)), "{:?}", fake.seen());

    let apps = Fake::new(vec![Says::Answer(200, "application/json", "{\"data\": []}".into())]);
    let list = ["supplier", "app", "list", "--server", &apps.url, "--token-file", "-"];
    let mut terminal = Terminal::of_width(80, &carnet, &list).unwrap();
    terminal.at("The supplier's token", &format!("{TOKEN}{ENTER}"));
    let (code, shown) = terminal.end();
    assert!(code == Some(0) && !shown.contains(TOKEN), "{code:?} {shown}");
    assert_eq!(apps.seen()[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
}

#[test]
fn ctrl_c_at_the_terminal_reaches_the_program_once_and_its_answer_counts() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let script = "trap \"echo once more; exit 5\" INT; echo press; for i in $(seq 400); do sleep 0.05; done";
    let Some(mut terminal) = Terminal::new(&ann, &["run", "acme/paint", "--", "/bin/sh", "-c", script])
    else {
        return;
    };
    terminal.at("press", CTRL_C);
    let (code, shown) = terminal.end();
    assert_eq!((code, shown.matches("once more").count()), (Some(5), 1), "{shown}");
}
