//! Text that is not TOML. The parser goes on after an error, but not everything that it then finds is true.

use toml::de::Error;

use super::problem::{Kind, Problem, place};

/// Problems of the syntax, and those of the other findings that can be trusted beside them.
pub(super) fn joined(text: &str, errors: &[Error], findings: Vec<Problem>) -> Vec<Problem> {
    if errors.is_empty() {
        return findings;
    }
    let mut broken: Vec<Problem> = errors.iter().map(problem).collect();
    broken.sort_by_key(|problem| problem.span.start);
    // A list or table without its end swallows the lines after it, and each of them then looks wrong.
    if errors.iter().any(|error| swallows(error.message())) {
        broken.truncate(1);
    }
    let line = |problem: &Problem| place(text, problem.span.start).0;
    // The second error of a line follows from the first.
    broken.dedup_by_key(|problem| line(problem));
    // After a broken header nobody knows to which offer a key belongs.
    let lost = errors.iter().any(|error| error.message().starts_with("unclosed"));
    let lines: Vec<usize> = broken.iter().map(line).collect();
    let trusted = |found: &Problem| {
        let at = line(found);
        let sound = |broken: &usize| if lost { at < *broken } else { at != *broken };
        found.kind == Kind::Value && lines.iter().all(sound)
    };
    broken.extend(findings.into_iter().filter(trusted));
    broken
}

/// A header `[[offer]` ends with its line; the others do not.
fn swallows(message: &str) -> bool {
    message.starts_with("unclosed") && !message.starts_with("unclosed array table")
}

fn problem(error: &Error) -> Problem {
    let message = error.message();
    let remedy = match message {
        _ if message.starts_with("duplicate key") => "keep one of them",
        _ if message.contains("basic string") || message.contains("must be quoted") => {
            "put text between two double quotes, on one line"
        }
        _ if message.starts_with("unclosed") => "close it where it ends",
        _ => "mend the line as the examples in docs/menu-file.md show",
    };
    let what = message.replace(", expected", "; expected");
    Problem::new(Kind::Syntax, error.span().unwrap_or(0..0), format!("not TOML: {what}"), remedy)
}
