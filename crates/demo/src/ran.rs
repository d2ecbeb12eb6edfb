//! What came of a command, and what is checked about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::facts::Facts;
use crate::surprise::Surprise;

/// How many things were checked so far.
#[derive(Debug, Clone, Default)]
pub struct Checks(Arc<AtomicUsize>);

impl Checks {
    /// One thing is checked.
    ///
    /// # Errors
    /// The [`Surprise`] where it does not hold.
    pub fn hold(&self, holds: bool, surprise: impl FnOnce() -> Surprise) -> Result<(), Surprise> {
        self.0.fetch_add(1, Ordering::Relaxed);
        if holds { Ok(()) } else { Err(surprise()) }
    }

    /// So many.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// A command that has ended.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The command line, as it may be typed.
    pub line: String,
    /// The same, made short for the story.
    pub shown: String,
    /// The exit code; none where a signal has ended it.
    pub code: Option<i32>,
    /// The signal that has ended it.
    pub signal: Option<i32>,
    /// What it has printed.
    pub out: String,
    /// What it has said besides.
    pub err: String,
    /// Counts what is checked.
    pub checks: Checks,
}

impl Ran {
    /// No command.
    #[must_use]
    pub fn of_nothing(checks: &Checks) -> Self {
        let (line, shown, out, err) = Default::default();
        Self { line, shown, code: None, signal: None, out, err, checks: checks.clone() }
    }

    /// How it ended, in words.
    #[must_use]
    pub fn ended(&self) -> String {
        match (self.code, self.signal) {
            (Some(code), _) => format!("with exit code {code}"),
            (None, Some(signal)) => format!("by signal {signal}"),
            (None, None) => "not yet".into(),
        }
    }

    /// Checks the exit code.
    ///
    /// # Errors
    /// Where it is another one.
    pub fn exits(&self, code: i32) -> Result<&Self, Surprise> {
        let surprise = || Surprise::new(format!("exit code {code}"), self.ended()).of(self);
        self.checks.hold(self.code == Some(code), surprise)?;
        Ok(self)
    }

    /// Checks that it says something, on whichever stream.
    ///
    /// # Errors
    /// Where it does not.
    pub fn says(&self, text: &str) -> Result<&Self, Surprise> {
        let found = self.out.contains(text) || self.err.contains(text);
        let surprise = || Surprise::new(format!("that it says `{text}`"), "it does not").of(self);
        self.checks.hold(found, surprise)?;
        Ok(self)
    }

    /// Checks that it does not say something.
    ///
    /// # Errors
    /// Where it does.
    pub fn keeps_quiet_about(&self, text: &str) -> Result<&Self, Surprise> {
        let found = self.out.contains(text) || self.err.contains(text);
        let surprise = || Surprise::new(format!("that it does not say `{text}`"), "it does").of(self);
        self.checks.hold(!found, surprise)?;
        Ok(self)
    }

    /// What it has printed as JSON.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn json(&self) -> Result<Facts, Surprise> {
        let value = serde_json::from_str(&self.out)
            .map_err(|error| Surprise::new("JSON on stdout", error.to_string()).of(self))?;
        Ok(Facts::new(value, self.clone()))
    }

    /// Checks that it did its work, and returns what it has printed as JSON.
    ///
    /// # Errors
    /// Where it did not.
    pub fn done(&self) -> Result<Facts, Surprise> {
        self.exits(0)?.json()
    }

    /// Checks that it failed with this exit code and this code in its JSON, which is returned.
    ///
    /// # Errors
    /// Where it did not fail, or for another reason.
    pub fn fails(&self, exit: i32, code: &str) -> Result<Facts, Surprise> {
        let error = self.exits(exit)?.json()?.at("/error")?;
        error.is("/code", code)?.is("/exit", exit)?;
        Ok(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(code: i32, out: &str) -> Ran {
        let line = "carnet status --json".to_owned();
        let (shown, out, err) = (line.clone(), out.to_owned(), "and so it was".to_owned());
        Ran { line, shown, code: Some(code), signal: None, out, err, checks: Checks::default() }
    }

    #[test]
    fn a_surprise_names_what_was_expected_what_came_and_the_whole_command() {
        let ran = ran(6, "{\"a\": 1}\n");
        let told = ran.exits(0).unwrap_err().to_string();
        for part in ["exit code 0", "with exit code 6", "carnet status --json", "{\"a\": 1}", "and so it was"]
        {
            assert!(told.contains(part), "{told}");
        }
        assert!(ran.says("so it was").is_ok() && ran.says("not so").is_err());
        assert!(ran.keeps_quiet_about("so it was").is_err());
        assert_eq!(ran.checks.count(), 4);
    }

    #[test]
    fn a_failure_is_known_by_its_exit_code_and_its_code() {
        let failed = ran(6, "{\"error\": {\"code\": \"offline\", \"exit\": 6, \"message\": \"no\"}}");
        assert_eq!(failed.fails(6, "offline").unwrap().text("/message").unwrap(), "no");
        assert!(failed.fails(6, "refused").is_err() && failed.fails(5, "offline").is_err());
        assert!(failed.done().is_err() && ran(0, "nonsense").done().is_err());
    }
}
