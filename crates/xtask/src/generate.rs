//! `cargo xtask generate`: the committed files that are made from the code.

use std::process::Command;

use crate::demo;
use crate::workspace::{self, Failure, Workspace};

/// A committed file, and the program of the workspace that prints it.
pub struct Generated {
    file: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
}

/// All of them. To add one, add a row. Each is also compared by a test of the crate that makes it.
pub const GENERATED: &[Generated] = &[
    Generated { file: "crates/server/openapi.json", program: "carnetd", arguments: &["openapi"] },
    Generated { file: "docs/cli.md", program: "carnet-reference", arguments: &["carnet"] },
    Generated { file: "docs/carnetd.md", program: "carnet-reference", arguments: &["carnetd"] },
    Generated { file: "docs/problems.md", program: "carnet-reference", arguments: &["problems"] },
];

/// Whether the files are remade or only compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Remake them.
    Write,
    /// Fail when one is not what the code says.
    Check,
}

/// Builds the programs as the tests and the demonstration do, so that nothing is compiled twice, then remakes or
/// compares every file of the table.
pub fn run(workspace: &Workspace, generated: &[Generated], mode: Mode) -> Result<(), Failure> {
    demo::build(workspace)?;
    let print = |entry: &Generated| {
        let mut command = workspace.program(demo::program(workspace, entry.program)?);
        command.args(entry.arguments);
        Ok(command)
    };
    for entry in generated {
        remake(workspace, entry.file, &mut print(entry)?, mode)?;
    }
    Ok(())
}

/// Compares a file with what the command prints, and writes it where that is wanted.
fn remake(workspace: &Workspace, file: &str, print: &mut Command, mode: Mode) -> Result<(), Failure> {
    let made = workspace::output(print)?;
    let path = workspace.root().join(file);
    // A file that cannot be read is not the file the code makes.
    let current = std::fs::read(&path).is_ok_and(|committed| committed == made);
    match (current, mode) {
        (true, Mode::Check) => Ok(()),
        (true, Mode::Write) => {
            println!("{file}: current");
            Ok(())
        }
        (false, Mode::Check) => Err(outdated(file)),
        (false, Mode::Write) => write(&path, file, &made),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file under version control that can be made again at any time"
)]
fn write(path: &std::path::Path, file: &str, made: &[u8]) -> Result<(), Failure> {
    std::fs::write(path, made).map_err(|error| Failure::new(format!("{file}: {error}")))?;
    println!("{file}: written");
    Ok(())
}

fn outdated(file: &str) -> Failure {
    Failure::new(format!("{file} is not what the code makes"))
        .with_remedy("cargo xtask generate, then commit it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_that_says_it_is_made_from_the_code_is_in_the_table() {
        let docs = Workspace::for_tests().root().join("docs");
        for page in std::fs::read_dir(docs).unwrap().map(|page| page.unwrap()) {
            let made = std::fs::read_to_string(page.path())
                .is_ok_and(|text| text.contains("<!-- Made from the code"));
            let file = format!("docs/{}", page.file_name().to_string_lossy());
            assert_eq!(GENERATED.iter().any(|entry| entry.file == file), made, "{file}");
        }
    }

    #[test]
    fn a_file_that_differs_from_what_the_code_makes_is_found() {
        let workspace = Workspace::for_tests();
        let compare =
            |print: &mut Command| remake(&workspace, "crates/server/openapi.json", print, Mode::Check);
        let failure = compare(Command::new("echo").arg("{}")).unwrap_err();
        assert!(failure.message.contains("openapi.json is not what the code makes"), "{failure}");
        let committed = workspace.root().join("crates/server/openapi.json");
        compare(Command::new("cat").arg(committed)).unwrap();
    }
}
