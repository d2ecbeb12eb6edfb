//! What went wrong, and what to do about it (RFC 9457).

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use self::code::ProblemCode;

mod code;

/// Why a request was not carried out (RFC 9457). Nothing has changed when one is answered, except where its
/// code says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Where the code is explained: a path on the server.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub type_url: String,
    /// What the code says, in a few words; the same for each code.
    pub title: String,
    /// The HTTP status, once more.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened here and what to do about it.
    pub detail: String,
    /// Stable code; programs decide by this one. Newer servers may use codes that are not listed here.
    #[schema(value_type = ProblemCode)]
    pub code: String,
    /// What is wrong with which field, where it is the body's fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Names this request in the server's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// Which: a JSON pointer into the request's body (RFC 6901); empty: the body as a whole.
    #[schema(example = "/offers/0/term/uses")]
    pub pointer: String,
    /// What is wrong with it and what to do.
    pub detail: String,
}

impl Problem {
    /// A problem of this kind with its usual remedy.
    #[must_use]
    pub fn new(code: ProblemCode) -> Self {
        Self {
            type_url: crate::path::problem(code),
            title: code.title().to_owned(),
            status: code.status(),
            detail: code.remedy().to_owned(),
            code: code.as_str().to_owned(),
            errors: Vec::new(),
            request_id: None,
        }
    }

    /// Says what happened here; the remedy of the code follows.
    #[must_use]
    pub fn because(mut self, what: impl fmt::Display) -> Self {
        self.detail = format!("{what}: {}", self.detail);
        self
    }

    /// Names the fields at fault.
    #[must_use]
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// The code, if this program knows it.
    #[must_use]
    pub fn known_code(&self) -> Option<ProblemCode> {
        ProblemCode::ALL.into_iter().find(|code| code.as_str() == self.code)
    }
}

/// What happened, then each field on a line of its own.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)?;
        self.errors.iter().try_for_each(|error| write!(f, "\n  {}: {}", error.pointer, error.detail))
    }
}

impl std::error::Error for Problem {}

impl FieldError {
    /// What is wrong with the field at this pointer.
    #[must_use]
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// What one code means; the server answers this under the problem's `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Explanation {
    /// The code.
    #[schema(value_type = ProblemCode)]
    pub code: String,
    /// The HTTP status that goes with it.
    pub status: u16,
    /// What it says, in a few words.
    pub title: String,
    /// What to do about it.
    pub remedy: String,
}

impl From<ProblemCode> for Explanation {
    fn from(code: ProblemCode) -> Self {
        Self {
            code: code.as_str().to_owned(),
            status: code.status(),
            title: code.title().to_owned(),
            remedy: code.remedy().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_its_own_name_and_comes_back_from_json() {
        let names: BTreeSet<_> = ProblemCode::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), ProblemCode::ALL.len());
        for code in ProblemCode::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
            let problem = Problem::new(code).because("it is so");
            let text = serde_json::to_string(&problem).unwrap();
            let back: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!((back.known_code(), back.status), (Some(code), code.status()));
            assert!(back.detail.ends_with(code.remedy()) && !code.remedy().ends_with('.'), "{code:?}");
        }
    }

    #[test]
    fn a_code_of_a_newer_server_can_be_read() {
        let text = r#"{"type":"/problems/new","title":"New","status":418,"detail":"d","code":"new"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(problem.known_code(), None);
    }
}
