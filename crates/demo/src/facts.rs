//! What a program has printed as JSON.

use std::fmt;

use serde_json::Value;

use crate::ran::Ran;
use crate::surprise::Surprise;

/// A JSON value, and the command that has printed it.
#[derive(Debug, Clone)]
pub struct Facts {
    value: Value,
    ran: Ran,
}

impl Facts {
    /// What this command has printed.
    #[must_use]
    pub const fn new(value: Value, ran: Ran) -> Self {
        Self { value, ran }
    }

    /// The part at a JSON pointer (RFC 6901).
    ///
    /// # Errors
    /// Where there is none.
    pub fn at(&self, pointer: &str) -> Result<Self, Surprise> {
        let found = self.value.pointer(pointer).cloned();
        let surprise = || Surprise::new(format!("something at {pointer}"), self.to_string()).of(&self.ran);
        Ok(Self { value: found.ok_or_else(surprise)?, ran: self.ran.clone() })
    }

    /// Checks one value.
    ///
    /// # Errors
    /// Where it is another one.
    pub fn is(&self, pointer: &str, expected: impl Into<Value>) -> Result<&Self, Surprise> {
        let expected = expected.into();
        let found = self.value.pointer(pointer).unwrap_or(&Value::Null);
        let surprise = || Surprise::new(format!("{pointer} = {expected}"), found.to_string()).of(&self.ran);
        self.ran.checks.hold(*found == expected, surprise)?;
        Ok(self)
    }

    /// Checks something that one comparison does not say.
    ///
    /// # Errors
    /// Where it does not hold.
    pub fn holds(&self, expected: &str, judge: impl FnOnce(&Value) -> bool) -> Result<&Self, Surprise> {
        let surprise = || Surprise::new(expected, self.to_string()).of(&self.ran);
        self.ran.checks.hold(judge(&self.value), surprise)?;
        Ok(self)
    }

    /// A text.
    ///
    /// # Errors
    /// Where there is none.
    pub fn text(&self, pointer: &str) -> Result<String, Surprise> {
        let surprise = || Surprise::new(format!("a text at {pointer}"), self.to_string()).of(&self.ran);
        let found = self.value.pointer(pointer).and_then(Value::as_str);
        found.map(str::to_owned).ok_or_else(surprise)
    }

    /// A number.
    ///
    /// # Errors
    /// Where there is none.
    pub fn number(&self, pointer: &str) -> Result<u64, Surprise> {
        let surprise = || Surprise::new(format!("a number at {pointer}"), self.to_string()).of(&self.ran);
        self.value.pointer(pointer).and_then(Value::as_u64).ok_or_else(surprise)
    }

    /// The entries of a list.
    ///
    /// # Errors
    /// Where there is none.
    pub fn list(&self, pointer: &str) -> Result<Vec<Self>, Surprise> {
        let surprise = || Surprise::new(format!("a list at {pointer}"), self.to_string()).of(&self.ran);
        let list = self.value.pointer(pointer).and_then(Value::as_array).ok_or_else(surprise)?;
        Ok(list.iter().map(|value| Self { value: value.clone(), ran: self.ran.clone() }).collect())
    }

    /// The one entry of a list that has this value.
    ///
    /// # Errors
    /// Where none or several have it.
    pub fn one(&self, list: &str, pointer: &str, value: impl Into<Value>) -> Result<Self, Surprise> {
        let value = value.into();
        let mut fitting = self.list(list)?;
        fitting.retain(|entry| entry.value.pointer(pointer) == Some(&value));
        let count = fitting.len();
        let expected = || format!("one entry of {list} with {pointer} = {value}");
        let surprise = || Surprise::new(expected(), format!("{count} of them")).of(&self.ran);
        self.ran.checks.hold(count == 1, surprise)?;
        fitting.pop().ok_or_else(|| Surprise::new(expected(), "none").of(&self.ran))
    }

    /// The command that has printed it.
    #[must_use]
    pub const fn ran(&self) -> &Ran {
        &self.ran
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.value)
    }
}
