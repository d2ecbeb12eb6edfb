//! How the story is told.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use carnet_seam::{Clock, SystemClock};

use crate::ran::{Checks, Ran};

/// Sentences are wrapped here.
const WIDTH: usize = 104;
const INDENT: &str = "     ";

/// Tells the story on standard output.
#[derive(Debug)]
pub struct Voice {
    verbose: bool,
    checks: Checks,
    steps: AtomicUsize,
    began: u64,
}

/// What a whole performance was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Summary {
    /// Sentences told.
    pub steps: usize,
    /// Things checked.
    pub checks: usize,
    /// How long it took.
    pub millis: u64,
}

impl Voice {
    /// Ready to begin.
    #[must_use]
    pub fn new(verbose: bool, checks: Checks) -> Self {
        Self { verbose, checks, steps: AtomicUsize::new(0), began: SystemClock.boot_micros() }
    }

    /// A heading.
    pub fn chapter(&self, title: &str) {
        say(&format!("\n{title}\n\n"));
    }

    /// One step is done and checked: what happened, and the command that was in the middle of it.
    pub fn step(&self, ran: &Ran, sentence: &str) {
        self.tell(sentence);
        let shown: String = ran.shown.chars().take(WIDTH - 2).collect();
        let more = if shown.len() < ran.shown.len() { "…" } else { "" };
        say(&format!("{INDENT}$ {shown}{more}\n"));
    }

    /// One step is done and checked that has no command of its own.
    pub fn tell(&self, sentence: &str) {
        let number = self.steps.fetch_add(1, Ordering::Relaxed) + 1;
        say(&format!("{number:>3}. {}\n", wrapped(sentence)));
    }

    /// Every command with all that it has printed, where that is wanted.
    pub fn command(&self, ran: &Ran) {
        if self.verbose {
            let text = format!("$ {}\n{}{}[{}]\n", ran.line, ran.out, ran.err, ran.ended());
            say(&text.lines().map(|line| format!("{INDENT}| {line}\n")).collect::<String>());
        }
    }

    /// The last word.
    pub fn close(&self) -> Summary {
        let (steps, checks) = (self.steps.load(Ordering::Relaxed), self.checks.count());
        let millis = (SystemClock.boot_micros() - self.began) / 1_000;
        let (whole, tenth) = (millis / 1_000, millis % 1_000 / 100);
        say(&format!("\n{steps} steps, {checks} checks, {whole}.{tenth} s: all checks passed\n"));
        Summary { steps, checks, millis }
    }
}

fn wrapped(sentence: &str) -> String {
    let mut text = String::new();
    let mut column = INDENT.len();
    for word in sentence.split_whitespace() {
        let length = word.chars().count();
        if column > INDENT.len() && column + 1 + length > WIDTH {
            text += &format!("\n{INDENT}");
            column = INDENT.len();
        } else if column > INDENT.len() {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += length;
    }
    text
}

/// A reader that has gone away does not stop the performance.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_sentences_are_wrapped_between_words() {
        let text = wrapped(&"word ".repeat(60));
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.chars().count() <= WIDTH));
        assert_eq!(text.split_whitespace().count(), 60);
    }
}
