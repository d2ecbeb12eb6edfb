//! A8, A10, A13 with a person at the terminal.

use carnet_device::identity::shows_enough;
use carnet_device::platform::ThisMachine;

use super::shop::{ONE_SECOND, Shop, TWO_RUNS};
use crate::terminal::{CTRL_C, DOWN, ENTER, Terminal};

const RUN: [&str; 6] = ["run", "acme/paint", "--", "/bin/sh", "-c", "echo it runs; exit 7"];

#[test]
fn a10_the_menu_is_shown_read_agreed_to_and_shown_again_when_it_has_changed_meanwhile() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS, ONE_SECOND]);
    let ann = shop.user();
    let Some(mut terminal) = Terminal::new(&ann.carnet, &RUN) else { return };
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
fn a8_the_first_start_registers_and_the_next_one_asks_nothing() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.visitor();
    let Some(mut terminal) = Terminal::new(&ann.carnet, &[&["--server", &shop.url][..], &RUN].concat())
    else {
        return;
    };
    terminal.at(&shop.root, "");
    terminal.at("Is it the same?", &format!("y{ENTER}"));
    terminal.at("Your name", &format!("Ann Example{ENTER}"));
    terminal.at("Your e-mail address", &format!("ann{ENTER}"));
    terminal.at("has no @", &format!("@example.org{ENTER}"));
    // Containers show too little of the machine to be bound to it; the way out is named.
    if shows_enough(&ThisMachine::default()).is_err() {
        terminal.at("--identity file:PATH", "");
        terminal.at("CARNET_IDENTITY=file:PATH", "");
        assert_eq!(terminal.end().0, Some(7));
        return;
    }
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("Do you agree to these conditions?", &format!("y{ENTER}"));
    terminal.at("it runs", "");
    assert_eq!(terminal.end().0, Some(7));
    let mut again = Terminal::new(&ann.carnet, &RUN).unwrap();
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
    let Some(mut terminal) = Terminal::new(&ann.carnet, &RUN) else { return };
    terminal.at("the license is used up", "");
    terminal.at("What do you want for acme/paint?", ENTER);
    terminal.at("Do you agree to these conditions?", &format!("y{ENTER}"));
    terminal.at("it runs", "");
    assert_eq!(terminal.end().0, Some(7));
    assert_eq!(ann.sh("exit 7").code, 7);

    let mut terminal = Terminal::new(&ann.carnet, &RUN).unwrap();
    terminal.at("What do you want for acme/paint?", &format!("{DOWN}{ENTER}"));
    let (code, shown) = terminal.end();
    assert!(code == Some(4) && shown.contains("error[declined]"), "{code:?} {shown}");
    let statuses: Vec<_> =
        shop.licenses().iter().map(|license| license["validity"]["status"].to_string()).collect();
    assert!(statuses.contains(&"\"declined\"".to_owned()), "{statuses:?}");
    // The next start shows it again; Ctrl-C there changes nothing.
    let mut terminal = Terminal::new(&ann.carnet, &RUN).unwrap();
    terminal.at("What do you want for acme/paint?", CTRL_C);
    assert_eq!(terminal.end().0, Some(130));
    assert_eq!(shop.licenses().len(), statuses.len());
}

#[test]
fn ctrl_c_at_the_terminal_reaches_the_program_once_and_its_answer_counts() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS]);
    let ann = shop.user();
    ann.agree("two-runs");
    let script = "trap \"echo once more; exit 5\" INT; echo press; for i in $(seq 400); do sleep 0.05; done";
    let Some(mut terminal) =
        Terminal::new(&ann.carnet, &["run", "acme/paint", "--", "/bin/sh", "-c", script])
    else {
        return;
    };
    terminal.at("press", CTRL_C);
    let (code, shown) = terminal.end();
    assert_eq!((code, shown.matches("once more").count()), (Some(5), 1), "{shown}");
}
