//! The project's one list of commands: `cargo xtask test`, `demo`, `bench`, `generate` and the single checks.
//!
//! Arguments are matched by hand: a command-line crate here would be compiled twice in a fresh clone, once with
//! the features this binary asks for and once more with those of the whole workspace.

mod bench;
mod demo;
mod deny;
mod generate;
mod hygiene;
mod postgres;
mod python;
mod rules;
mod suite;
mod tools;
mod vectors;
mod workspace;

use std::process::ExitCode;

use crate::workspace::{Failure, Workspace};

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  test                everything that must hold: tools, format, rules, hygiene, clippy, generated
                      files, vectors, tests
  demo [ARGUMENT...]  builds the programs and runs the demonstration (also: cargo demo)
  bench [NAME...]     runs the named measurements; without a name, lists them
  generate [--check]  remakes the committed files made from the code; --check only compares
  rules               only the dependency rules: edges, banned packages, licenses
  hygiene             only the rule about paths, notes and registries in tracked files
  optional            only the tests of what is built in by a feature: images in an object store
  vectors             only the vectors of the formats, judged by Python packages instead of our code
  deny                the dependency policy once more, by cargo-deny, where it is installed

Exit codes: 0 done; 1 a check failed; 2 wrong arguments; otherwise the code of the program that failed.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match Workspace::from_environment().and_then(|workspace| run(&workspace, &words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}

fn run(workspace: &Workspace, words: &[&str]) -> Result<(), Failure> {
    match words {
        ["test"] => suite::run(workspace),
        ["demo", "--", rest @ ..] | ["demo", rest @ ..] => demo::run(workspace, rest),
        ["bench", names @ ..] => bench::run(workspace, bench::BENCHES, names),
        ["generate"] => generate::run(workspace, generate::GENERATED, generate::Mode::Write),
        ["generate", "--check"] => generate::run(workspace, generate::GENERATED, generate::Mode::Check),
        ["rules"] => rules::check(workspace),
        ["hygiene"] => hygiene::check(workspace),
        ["optional"] => suite::optional(workspace),
        ["vectors"] => vectors::check(workspace),
        ["deny"] => deny::run(workspace),
        [] | ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        _ => Err(Failure::usage(format!("`{}` is not a command\n\n{USAGE}", words.join(" ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_a_usage_error_that_lists_the_commands() {
        let failure = run(&Workspace::for_tests(), &["tset"]).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(failure.message.contains("`tset` is not a command"));
        assert!(failure.message.contains("generate [--check]"));
    }
}
