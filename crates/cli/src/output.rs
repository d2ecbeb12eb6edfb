//! Where words go: results to stdout, everything else to stderr, questions to a terminal only.

use std::io::{self, ErrorKind, IsTerminal, Write};

use clap::builder::styling::{AnsiColor, Style};
use inquire::{Confirm, InquireError};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::text::clean;

/// What is wrong.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// What to look at.
pub const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
/// What helps, and what is new.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Headings.
pub const BOLD: Style = Style::new().bold();

/// How a command speaks. Styles in texts are dropped where the stream is no terminal or `NO_COLOR` is set.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    ask: bool,
}

impl Output {
    /// With `json`, results and failures are JSON on stdout; without `input`, nothing is ever asked.
    #[must_use]
    pub fn new(json: bool, input: bool) -> Self {
        let terminal = io::stdin().is_terminal() && io::stderr().is_terminal();
        Self { json, ask: input && terminal }
    }

    /// Whether results are wanted as JSON.
    #[must_use]
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Whether there is a person at a terminal who may be asked.
    #[must_use]
    pub const fn can_ask(self) -> bool {
        self.ask
    }

    /// The result of a command: as JSON, or in words for a person.
    ///
    /// # Errors
    /// When stdout cannot be written. A reader that has gone away (`carnet … | head`) is no failure.
    pub fn result<T: Serialize>(self, value: &T, words: impl FnOnce() -> String) -> Result<(), Failure> {
        if !self.json {
            return print(&words());
        }
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(Exit::Failure, "output", error.to_string()))?;
        print(&format!("{text}\n"))
    }

    /// Says on stderr what is going on.
    pub fn note(self, text: &str) {
        whisper(&format!("{text}\n"));
    }

    /// Says on stderr what the reader should know.
    pub fn warning(self, text: &str) {
        whisper(&format!("{YELLOW}warning:{YELLOW:#} {text}\n"));
    }

    /// Tells a person at a terminal what is waited for, when it takes longer than a second and as long as the value
    /// lives.
    #[must_use]
    pub fn waiting(self, what: String) -> Progress {
        if self.shows_progress() { Progress::of(what) } else { Progress::silent() }
    }

    /// Whether somebody looks at stderr while it is written. A script reads lines, not a changing one.
    #[must_use]
    pub fn shows_progress(self) -> bool {
        !self.json && io::stderr().is_terminal()
    }

    /// Tells why the command did not do its work, and how it ends.
    #[must_use]
    pub fn failure(self, failure: &Failure) -> Exit {
        if self.json {
            let wrapped = serde_json::json!({ "error": failure });
            // Whoever closed stdout still gets the exit code.
            let _ = print(&format!("{wrapped:#}\n"));
        } else {
            whisper(&failure_in_words(failure));
        }
        failure.exit
    }

    /// Asks before something is changed; `yes` answers for a person who is not there.
    ///
    /// # Errors
    /// `needs-answer` when nobody can be asked, `interrupted` when nobody wants to answer, `declined` on no.
    pub fn confirm(self, question: &str, yes: bool) -> Result<(), Failure> {
        if yes {
            return Ok(());
        }
        if !self.ask {
            let what = format!("`{question}` needs an answer, and nobody can be asked here");
            return Err(Failure::new(Exit::Usage, "needs-answer", what).with_remedy("answer with --yes"));
        }
        match Confirm::new(question).with_default(false).prompt() {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(Exit::Failure, "declined", "nothing was changed")),
            Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => {
                Err(Failure::interrupted())
            }
            Err(error) => {
                Err(Failure::new(Exit::Failure, "terminal", error.to_string())
                    .with_remedy("answer with --yes"))
            }
        }
    }
}

fn failure_in_words(failure: &Failure) -> String {
    let mut text = String::new();
    for detail in &failure.details {
        match &detail.rendered {
            Some(rendered) => text += &format!("{rendered}\n\n"),
            None => text += &format!("  - {}{}\n", clean(&detail.message), after(&detail.remedy)),
        }
    }
    let Failure { code, message, remedy, .. } = failure;
    text += &format!("{RED}error[{code}]{RED:#}{BOLD}: {}{BOLD:#}\n", clean(message));
    if !remedy.is_empty() {
        text += &format!("{GREEN}help{GREEN:#}: {}\n", clean(remedy));
    }
    text
}

fn after(remedy: &str) -> String {
    if remedy.is_empty() { String::new() } else { format!(": {}", clean(remedy)) }
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(Exit::Failure, "output", format!("cannot write the result: {error}"))
            .with_remedy("check where stdout goes; what was asked for may have been done")),
        Ok(()) => Ok(()),
    }
}

/// To stderr. When even that is closed, the exit code is all that is left to say.
fn whisper(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_come_before_the_failure_they_belong_to() {
        let detail = crate::failure::Detail { message: "it is red".into(), ..Default::default() };
        let failure = Failure::usage("two things").with_details(vec![detail]);
        let words = anstream::adapter::strip_str(&failure_in_words(&failure)).to_string();
        assert_eq!(words, "  - it is red\nerror[usage]: two things\n");
    }
}
