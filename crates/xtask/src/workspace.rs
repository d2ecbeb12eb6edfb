//! Where the workspace is, how its programs are started, and how a failure is told.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The workspace this binary was started for.
pub struct Workspace {
    root: PathBuf,
    cargo: OsString,
}

impl Workspace {
    /// Reads what `cargo run` says about itself; a binary started by hand works on the current folder.
    #[expect(clippy::disallowed_methods, reason = "this is where this binary reads its environment, once")]
    pub fn from_environment() -> Result<Self, Failure> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let root = match std::env::var_os("CARGO_MANIFEST_DIR") {
            Some(xtask) => PathBuf::from(xtask).join("..").join(".."),
            None => PathBuf::from("."),
        };
        let root =
            root.canonicalize().map_err(|error| Failure::new(format!("{}: {error}", root.display())))?;
        if !root.join("Cargo.lock").is_file() {
            return Err(Failure::new(format!(
                "{} is not the workspace: it has no Cargo.lock; use `cargo xtask` inside a clone",
                root.display()
            )));
        }
        Ok(Self { root, cargo })
    }

    /// The folder of the workspace's `Cargo.toml`.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A cargo command, to be run in the root.
    pub fn cargo<'a>(&self, arguments: impl IntoIterator<Item = &'a str>) -> Command {
        let mut command = self.program(&self.cargo);
        command.args(arguments);
        command
    }

    /// Any program, to be run in the root, without the variables in which cargo described *this* package: build
    /// scripts that watch them (`ring` does) would otherwise compile again whenever xtask starts the build.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            if describes_a_package(&name.to_string_lossy()) {
                command.env_remove(name);
            }
        }
        command
    }

    #[cfg(test)]
    pub fn for_tests() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { root: root.canonicalize().unwrap(), cargo: OsString::from(env!("CARGO")) }
    }
}

fn describes_a_package(name: &str) -> bool {
    name.starts_with("CARGO_PKG_")
        || matches!(name, "CARGO_MANIFEST_DIR" | "CARGO_MANIFEST_PATH" | "CARGO_MANIFEST_LINKS" | "CARGO")
}

/// Runs a command with its output shown; anything but success is a failure with the command's exit code.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| not_started(command, &error))?;
    succeeded(command, status)
}

/// Runs a command and returns what it printed; its errors are shown as they come.
pub fn output(command: &mut Command) -> Result<Vec<u8>, Failure> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| not_started(command, &error))?;
    succeeded(command, output.status)?;
    Ok(output.stdout)
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    // A program stopped by a signal has no code.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Err(Failure { code, message: format!("`{}` failed ({status})", shown(command)) })
}

fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!("`{}` could not be started: {error}", shown(command)))
}

/// A command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned();
    let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
    std::iter::once(name).chain(words).collect::<Vec<_>>().join(" ")
}

/// Why a command did not succeed, with the exit code to leave with.
#[derive(Debug)]
pub struct Failure {
    /// The exit code: 1, 2 for wrong arguments, or that of the program that failed.
    pub code: u8,
    /// What happened, and what to do about it.
    pub message: String,
}

impl Failure {
    /// A failure found by this binary itself.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// Wrong arguments.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// The same failure, with one more line that says what to do.
    pub fn with_remedy(self, remedy: &str) -> Self {
        Self { message: format!("{}\n  remedy: {remedy}", self.message), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_of_a_failed_program_is_passed_on() {
        let failure = run(Command::new("sh").args(["-c", "exit 7"])).unwrap_err();
        assert_eq!(failure.code, 7);
        assert!(failure.message.starts_with("`sh -c exit 7` failed"), "{failure}");
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let failure = run(&mut Command::new("no-such-program-here")).unwrap_err();
        assert!(failure.message.contains("`no-such-program-here` could not be started"), "{failure}");
    }

    #[test]
    fn what_cargo_says_about_this_package_is_not_handed_to_other_builds() {
        let command = Workspace::for_tests().cargo(["build"]);
        let removed = |name: &str| command.get_envs().any(|(key, value)| key == name && value.is_none());
        assert!(removed("CARGO_PKG_NAME") && removed("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_TARGET_DIR") && !describes_a_package("CARGO_HOME"));
    }
}
