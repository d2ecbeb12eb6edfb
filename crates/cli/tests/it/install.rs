//! Completions and manual pages.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use carnet_cli::cli::{command, every_command};

use crate::carnet::Carnet;

#[test]
fn a_shell_is_told_every_command_and_understands_it() {
    let carnet = Carnet::new();
    for (shell, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = carnet.run(&["completions", shell]);
        assert!(script.code == 0 && script.err.is_empty(), "{script:?}");
        for (name, _) in every_command(&command()).iter().skip(1) {
            let word = name.rsplit(' ').next().unwrap();
            assert!(script.out.contains(word), "{shell} does not know `{name}`");
        }
        let Ok(mut reader) = Command::new(shell).arg(check).stdin(Stdio::piped()).spawn() else {
            eprintln!("not tested: there is no {shell} here");
            continue;
        };
        reader.stdin.take().unwrap().write_all(script.out.as_bytes()).unwrap();
        assert!(reader.wait().unwrap().success(), "{shell} does not understand its script");
    }
    assert_eq!(carnet.run(&["completions", "fish", "--json"]).json()["shell"], "fish");
}

#[test]
fn every_command_has_a_manual_page() {
    let carnet = Carnet::new();
    let folder = carnet.home.join("share/man1");
    let made = carnet.run(&["man", folder.to_str().unwrap(), "--json"]);
    let commands = every_command(&command());
    assert_eq!(
        (made.code, made.json()["pages"].as_u64()),
        (0, u64::try_from(commands.len()).ok()),
        "{made:?}"
    );
    for (name, command) in commands {
        let page = fs::read_to_string(folder.join(format!("{}.1", name.replace(' ', "-")))).unwrap();
        let about = command.get_about().unwrap().to_string();
        let first_word = about.split(' ').next().unwrap();
        assert!(page.contains(".SH NAME") && page.contains(first_word), "{name}:\n{page}");
    }
}
