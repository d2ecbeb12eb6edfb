//! A person at a terminal: `script` makes a pseudo terminal, and questions are answered as they come.

use std::process::Stdio;
use std::time::Duration;

use crate::line::Line;
use crate::ran::Ran;
use crate::stage::Stage;
use crate::surprise::Surprise;

/// A question comes much sooner.
const PATIENCE: Duration = Duration::from_secs(20);
/// The key that ends an answer.
pub const ENTER: &str = "\r";

/// What a person waits for, and what they type then.
pub type Answer<'a> = (&'a str, &'a str);

/// Runs a command at a terminal and answers its questions in turn.
///
/// # Errors
/// Where a question does not come, or the command does not end.
pub fn at_terminal(stage: &Stage, line: &Line, answers: &[Answer<'_>]) -> Result<Ran, Surprise> {
    let command = format!("stty rows 40 cols 110; exec {}", line.typed());
    let mut script = stage.system_line("script").args(["-qec", &command, "/dev/null"]);
    for (name, value) in line.environment() {
        script = script.env(name, value);
    }
    let script = script.env("TERM", "xterm-256color").env("SHELL", "/bin/sh");
    let mut running = stage.start(&script, Stdio::piped())?;
    let mut seen = 0;
    for (question, keys) in answers {
        seen = running.until_printed_after(seen, question, PATIENCE)?;
        running.typed_in(keys)?;
    }
    let ran = running.end(PATIENCE)?;
    Ok(Ran { shown: line.shown(stage.folder().path()), out: readable(&ran.out), ..ran })
}

/// Without what moves the cursor and changes colours.
#[must_use]
pub fn readable(printed: &str) -> String {
    let mut text = String::new();
    let mut letters = printed.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.next_if_eq(&'[').is_some() => {
                // A control sequence ends with a letter or one of a few signs.
                while letters.next_if(|next| !('\u{40}'..='\u{7e}').contains(next)).is_some() {}
                letters.next();
            }
            '\u{1b}' => drop(letters.next()),
            '\r' => {}
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_shows_is_made_readable() {
        assert_eq!(readable("\u{1b}[1;32m?\u{1b}[0m Your name\u{1b}[K\r\n\u{1b}7x"), "? Your name\nx");
    }
}
