//! Streams, exit codes and the command line itself.

use std::io::Read;
use std::process::Stdio;

use crate::carnet::{Carnet, ran};

#[test]
fn the_exit_codes_are_shown_by_help_and_as_json() {
    let carnet = Carnet::new();
    for arguments in [&["help", "exit-codes"][..], &["exit-codes", "--help"], &["exit-codes"]] {
        let help = carnet.run(arguments);
        assert_eq!(help.code, 0);
        assert!(help.out.contains("  6  the server cannot be reached") && help.err.is_empty(), "{help:?}");
    }
    let json = carnet.run(&["exit-codes", "--json"]).json();
    assert_eq!(json[10]["exit"], 130);
}

#[test]
fn a_command_line_that_is_not_understood_ends_with_2() {
    let carnet = Carnet::new();
    let wrong: [&[&str]; 6] = [
        &["suplier"],
        &["supplier", "menu", "set", "acme/paint"],
        &["supplier", "licenses", "--status", "fine"],
        &["supplier", "license", "show", "usr_1"],
        &["supplier", "app", "add", "Acme Paint"],
        &["supplier", "events", "--timeout", "0"],
    ];
    for arguments in wrong {
        let plain = carnet.run(arguments);
        assert_eq!((plain.code, plain.out.as_str()), (2, ""), "{plain:?}");
        assert!(plain.err.starts_with("error: "), "{plain:?}");
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        assert_eq!(carnet.run(&arguments).failed(), (2, "usage".into()));
    }
}

#[test]
fn colours_are_for_terminals_unless_somebody_says_otherwise() {
    let carnet = Carnet::new();
    let coloured = |more: &[&str], variables: &[(&str, &str)]| {
        let mut all = Vec::new();
        for arguments in [&["supplier", "app", "list"][..], &["suplier"], &["--help"]] {
            let ran = ran(carnet.command(&[arguments, more].concat()).envs(variables.iter().copied()));
            all.push(ran.out.contains('\u{1b}') || ran.err.contains('\u{1b}'));
        }
        all
    };
    assert_eq!(coloured(&[], &[]), [false; 3], "nobody sees them in a pipe");
    assert_eq!(coloured(&["--color", "always"], &[]), [true; 3]);
    assert_eq!(coloured(&["--color=always"], &[("NO_COLOR", "1")]), [true; 3], "the command line wins");
    assert_eq!(coloured(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]), [false; 3]);
    // What is behind `--` is for the program.
    let program = carnet.run(&["run", "acme/paint", "--", "true", "--color=always"]);
    assert!(!program.err.contains('\u{1b}'), "{program:?}");
}

#[test]
fn help_is_on_stdout_and_no_arguments_at_all_are_a_mistake() {
    let carnet = Carnet::new();
    let help = carnet.run(&["--help"]);
    assert!(
        help.code == 0 && help.out.contains("Usage:") && help.out.contains("carnet help exit-codes"),
        "{help:?}"
    );
    let nothing = carnet.run(&[]);
    assert!(nothing.code == 2 && nothing.err.contains("Usage:"), "{nothing:?}");
    assert!(carnet.run(&["--version"]).out.starts_with("carnet "));
}

#[test]
fn a_failure_names_code_message_and_remedy_on_stderr() {
    let ran = Carnet::new().run(&["supplier", "app", "list"]);
    assert_eq!((ran.code, ran.out.as_str()), (8, ""));
    assert_eq!(
        ran.err,
        "error[no-token]: no token of a supplier is kept here\n\
         help: run `carnet supplier register`, or give the token with --token-file or CARNET_TOKEN\n"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let carnet = Carnet::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = carnet.command(&["exit-codes"]).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!((child.wait().unwrap().code(), err.as_str()), (Some(0), ""));
}

#[test]
#[cfg(target_os = "linux")]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let ran = ran(Carnet::new().command(&["exit-codes"]).stdout(full));
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("error[output]: cannot write the result"), "{ran:?}");
}

#[test]
fn without_a_home_there_is_a_remedy() {
    let ran = ran(Carnet::new().command(&["supplier", "app", "list", "--json"]).env_remove("CARNET_HOME"));
    assert_eq!(ran.failed(), (2, "no-home".into()));
}

#[test]
fn a_server_that_others_could_read_along_with_is_refused() {
    let ran = Carnet::new().run_at("http://licenses.example.org", &["supplier", "app", "list", "--json"]);
    assert_eq!(ran.failed(), (2, "usage".into()));
    assert!(ran.out.contains("use https"), "{ran:?}");
}
