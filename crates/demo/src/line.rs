//! A command line, before it is run.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long a command may take unless something else is said. None of them needs a second.
const USUAL: Duration = Duration::from_secs(20);
/// Longer arguments are cut in the story.
const LONGEST_SHOWN: usize = 26;

/// A command line.
#[derive(Debug, Clone)]
pub struct Line {
    program: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    limit: Duration,
}

impl Line {
    /// Of this program.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new(), limit: USUAL }
    }

    /// With one more argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// With more arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// With another command line as its last arguments, and that one's environment.
    #[must_use]
    pub fn of(mut self, line: &Self) -> Self {
        self.arguments.push(line.program.clone().into());
        self.arguments.extend(line.arguments.iter().cloned());
        self.environment = line.environment.clone();
        self
    }

    /// With an environment variable. None but those named are there.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name, value.as_ref().to_owned()));
        self
    }

    /// The environment variables that are there.
    #[must_use]
    pub fn environment(&self) -> &[(&'static str, OsString)] {
        &self.environment
    }

    /// With another limit than the usual one.
    #[must_use]
    pub const fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// How long it may take.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }

    /// Ready to be started.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().cloned());
        command
    }

    /// As it may be typed in a shell.
    #[must_use]
    pub fn typed(&self) -> String {
        let program = std::iter::once(self.program.as_os_str());
        let words = program.chain(self.arguments.iter().map(OsString::as_os_str));
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// For the story: without the folders, the housekeeping and the tails of long words.
    #[must_use]
    pub fn shown(&self, folder: &Path) -> String {
        let name = |path: &OsStr| {
            Path::new(path).file_name().map_or(String::new(), |name| name.to_string_lossy().into_owned())
        };
        let mut words = vec![name(self.program.as_os_str())];
        let mut arguments = self.arguments.iter().peekable();
        while let Some(argument) = arguments.next() {
            let text = argument.to_string_lossy();
            match text.as_ref() {
                "--data" => drop(arguments.next()),
                "--json" | "--no-input" | "--yes" => {}
                _ if Path::new(argument).is_absolute() && Path::new(argument).starts_with(folder) => {
                    words.push(name(argument));
                }
                _ => words.push(quoted(&short(&text.replace(&*folder.to_string_lossy(), "…")))),
            }
        }
        words.join(" ")
    }
}

/// Quoted for a shell where that is needed.
#[must_use]
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:=@%+,#…".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn short(word: &str) -> String {
    if word.contains(' ') || word.chars().count() <= LONGEST_SHOWN {
        return word.to_owned();
    }
    let kept: String = word.chars().take(LONGEST_SHOWN - 1).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_shown_short_and_typed_whole() {
        let line = Line::new("/t/carnet").args(["--data", "/tmp/x/ann", "supplier", "register"]);
        let line = line.args(["--code", "carnet_setup_0123456789abcdef", "--json"]).arg("/tmp/x/menu.toml");
        assert_eq!(
            line.shown(Path::new("/tmp/x")),
            "carnet supplier register --code carnet_setup_0123456789ab… menu.toml"
        );
        assert_eq!(
            line.typed(),
            "/t/carnet --data /tmp/x/ann supplier register --code carnet_setup_0123456789abcdef --json /tmp/x/menu.toml"
        );
        assert_eq!(quoted("it's 1"), r"'it'\''s 1'");
    }
}
