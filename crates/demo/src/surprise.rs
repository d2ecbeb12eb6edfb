//! What came where the story expects something else.

use std::fmt;

use crate::ran::Ran;
use crate::terminal::readable;

/// A step that is not as it should be: ends the performance.
#[derive(Debug, Clone)]
pub struct Surprise {
    expected: String,
    came: String,
    ran: Option<Box<Ran>>,
    log: String,
}

impl Surprise {
    /// Something else was expected.
    #[must_use]
    pub fn new(expected: impl Into<String>, came: impl Into<String>) -> Self {
        Self { expected: expected.into(), came: came.into(), ran: None, log: String::new() }
    }

    /// The system did not do its part.
    #[must_use]
    pub fn system(doing: impl fmt::Display, error: impl fmt::Display) -> Self {
        Self::new(format!("to {doing}"), error.to_string())
    }

    /// With the command that it is about.
    #[must_use]
    pub fn of(mut self, ran: &Ran) -> Self {
        self.ran = Some(Box::new(ran.clone()));
        self
    }

    /// With the last lines of the server's log.
    #[must_use]
    pub fn with_log(mut self, log: String) -> Self {
        self.log = log;
        self
    }
}

impl fmt::Display for Surprise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "expected  {}", indented(&self.expected))?;
        writeln!(f, "came      {}", indented(&self.came))?;
        if let Some(ran) = &self.ran {
            writeln!(f, "command   {}", ran.line)?;
            writeln!(f, "ended     {}", ran.ended())?;
            writeln!(f, "stdout    {}", indented(&readable(&ran.out)))?;
            writeln!(f, "stderr    {}", indented(&readable(&ran.err)))?;
        }
        if !self.log.is_empty() {
            writeln!(f, "the server's log ends with\n          {}", indented(&self.log))?;
        }
        Ok(())
    }
}

impl std::error::Error for Surprise {}

fn indented(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() { "(nothing)".into() } else { text.replace('\n', "\n          ") }
}
