//! `cargo xtask generate`: the committed files that are made from the code.

use crate::workspace::{self, Failure, Workspace};

/// A committed file and the cargo command that prints it.
pub struct Generated {
    file: &'static str,
    cargo: &'static [&'static str],
}

/// All of them. To add one, add a row. Each is also compared by a test of the crate that makes it.
pub const GENERATED: &[Generated] = &[Generated {
    file: "crates/server/openapi.json",
    cargo: &["run", "--quiet", "--package", "carnet-server", "--", "openapi"],
}];

/// Whether the files are remade or only compared.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Remake them.
    Write,
    /// Fail when one is not what the code says.
    Check,
}

/// Remakes or compares every file of the table.
pub fn run(workspace: &Workspace, generated: &[Generated], mode: Mode) -> Result<(), Failure> {
    if generated.is_empty() {
        println!("there are no generated files yet");
    }
    for entry in generated {
        let made = workspace::output(&mut workspace.cargo(entry.cargo.iter().copied()))?;
        let path = workspace.root().join(entry.file);
        // A file that cannot be read is not the file the code makes.
        let current = std::fs::read(&path).is_ok_and(|committed| committed == made);
        match (current, mode) {
            (true, _) => println!("{}: current", entry.file),
            (false, Mode::Check) => return Err(outdated(entry.file)),
            (false, Mode::Write) => write(&path, entry.file, &made)?,
        }
    }
    Ok(())
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
    fn a_file_that_differs_from_what_the_code_makes_is_found() {
        let table = [Generated { file: "Cargo.toml", cargo: &["--version"] }];
        let failure = run(&Workspace::for_tests(), &table, Mode::Check).unwrap_err();
        assert!(failure.message.contains("Cargo.toml is not what the code makes"), "{failure}");
    }
}
