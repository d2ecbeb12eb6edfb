//! What a terminal is shown: nothing wider than it, colours, waits, and no secrets.

use carnet_api::{Problem, ProblemCode};

use crate::carnet::{Carnet, TOKEN};
use crate::fake::{Fake, Says};
use crate::terminal::{CTRL_C, ENTER, Terminal};
use crate::user::shop::{FOR_EVER, Shop, TWO_RUNS};

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
fn i17_a_set_up_code_and_a_token_are_asked_for_and_not_shown() {
    const CODE: &str = "carnet_setup_canary";
    let problem = || crate::fake::problem(&Problem::new(ProblemCode::WrongSetupCode));
    let fake = Fake::new(vec![problem(), problem()]);
    let carnet = Carnet::new();
    let register = ["supplier", "register", "--server", &fake.url, "--name", "acme"];
    for more in [&[][..], &["--code-file", "-"]] {
        let Some(mut terminal) = Terminal::new(&carnet, &[&register[..], more].concat()) else {
            return;
        };
        terminal.at("The set-up code from the server's operator", &format!("{CODE}{ENTER}"));
        let (code, shown) = terminal.end();
        assert!(code == Some(5) && shown.contains("*****") && !shown.contains(CODE), "{code:?} {shown}");
    }
    assert!(fake.seen().iter().all(|seen| seen.body.contains(CODE)), "{:?}", fake.seen());

    let apps = Fake::new(vec![Says::Answer(200, "application/json", "{\"data\": []}".into())]);
    let list = ["supplier", "app", "list", "--server", &apps.url, "--token-file", "-"];
    let mut terminal = Terminal::new(&carnet, &list).unwrap();
    terminal.at("The supplier's token", &format!("{TOKEN}{ENTER}"));
    let (code, shown) = terminal.end();
    assert!(code == Some(0) && !shown.contains(TOKEN), "{code:?} {shown}");
    assert_eq!(apps.seen()[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
}

#[test]
fn a_terminal_gets_colours_unless_no_color_is_set() {
    let carnet = Carnet::new();
    let list = ["supplier", "app", "list"];
    for (variables, more, coloured) in [
        (&[][..], &[][..], true),
        (&[("NO_COLOR", "1")], &[], false),
        (&[], &["--color", "never"], false),
        (&[("NO_COLOR", "1")], &["--color", "always"], true),
    ] {
        let arguments = [&list[..], more].concat();
        let Some(terminal) = Terminal::with(80, &carnet, &arguments, variables) else { return };
        let (code, shown) = terminal.end_with_styles();
        assert_eq!((code, shown.contains("\u{1b}[")), (Some(8), coloured), "{variables:?} {more:?} {shown}");
    }
}

#[test]
fn a_wait_of_more_than_a_second_shows_at_a_terminal_and_nowhere_else() {
    let fake = Fake::new((0..3).map(|_| Says::Nothing).collect());
    let carnet = Carnet::new();
    let timed = ["--server", &fake.url, "--timeout", "2"];
    for command in [&["menu", "acme/paint"][..], &["supplier", "menu", "show", "acme/paint"]] {
        let arguments = [command, &timed].concat();
        let Some(mut terminal) = Terminal::new(&carnet, &arguments) else { return };
        terminal.at(&format!("waiting for {} … 1 s", fake.url), "");
        let (code, shown) = terminal.end();
        assert_eq!(code, Some(6));
        assert!(shown.contains("  \rerror[server-timeout]"), "the line is gone: {shown:?}");
    }
    let script = carnet.run(&[&["menu", "acme/paint"][..], &timed].concat());
    assert!(script.code == 6 && !script.err.contains("waiting"), "a script reads lines: {script:?}");
}

#[test]
fn every_table_fits_the_terminal() {
    let shop = Shop::open();
    shop.sell(&[TWO_RUNS, FOR_EVER]);
    let ann = shop.user();
    ann.agree("two-runs");
    let license = shop.licenses()[0]["id"].as_str().unwrap().to_owned();
    shop.supplier(&["supplier", "license", "suspend", &license, "--reason", &"because ".repeat(20)]);
    let acme = shop.supplier_home();
    let commands: [(&Carnet, &[&str]); 8] = [
        (&ann.carnet, &["passes"]),
        (&ann.carnet, &["status"]),
        (&ann.carnet, &["menu", "acme/paint"]),
        (acme, &["supplier", "app", "list"]),
        (acme, &["supplier", "licenses"]),
        (acme, &["supplier", "license", "show", &license]),
        (acme, &["supplier", "events"]),
        (acme, &["supplier", "menu", "show", "acme/paint"]),
    ];
    for (carnet, arguments) in commands {
        for columns in [60, 100, 160] {
            let Some(terminal) = Terminal::of_width(columns, carnet, arguments) else { return };
            let (code, shown) = terminal.end();
            assert_eq!(code, Some(0), "{shown}");
            // Where a name alone is wider, it stays whole: the root hash.
            let mut lines = shown.lines().filter(|line| !line.contains(&shop.root));
            let wide = lines.find(|line| carnet_cli::width::columns(line) > columns);
            assert_eq!(wide, None, "{arguments:?} at {columns}:\n{shown}");
        }
    }
}
