//! What is wrong with a menu file: where, what, and what to do about it, as a compiler would show it.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::exit::Exit;
use crate::failure::{Detail, Failure};
use crate::text::clean;

/// How many problems of one file are shown; nobody reads more at once.
const MOST_SHOWN: usize = 20;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes of the file that are at fault.
    pub span: Range<usize>,
    /// What is wrong with them.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
    /// Another place that belongs to it, and what is there.
    pub also: Option<(Range<usize>, &'static str)>,
    pub(super) kind: Kind,
}

/// How a problem was found: broken syntax makes some findings doubtful.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It is not TOML.
    Syntax,
    /// One value is wrong by itself.
    Value,
    /// Something is not there.
    Missing,
    /// Values do not go together.
    Together,
}

impl Problem {
    pub(super) fn new(
        kind: Kind,
        span: Range<usize>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { span, what: what.into(), remedy: remedy.into(), also: None, kind }
    }
}

/// Everything that is wrong with a menu file, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// In the order of the file; the first of several at the same place counts.
    pub(super) fn sorted(mut found: Vec<Problem>) -> Self {
        found.sort_by_key(|problem| (problem.span.start, problem.span.end, problem.kind));
        found.dedup_by(|next, kept| next.span == kept.span && next.what == kept.what);
        Self(found)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }

    /// As the failure of a command that was given `text` in the file `name`.
    #[must_use]
    pub fn into_failure(self, name: &str, text: &str) -> Failure {
        let count = self.0.len();
        let problems = if count == 1 { "a problem".into() } else { format!("{count} problems") };
        let more = count.saturating_sub(MOST_SHOWN);
        let shown = if more > 0 { format!("; the first {MOST_SHOWN} are shown") } else { String::new() };
        let details = self.0.iter().take(MOST_SHOWN).map(|problem| problem.detail(name, text)).collect();
        Failure::new(Exit::Usage, "menu-file", format!("{name} has {problems}{shown}"))
            .with_remedy("mend the file, then try again; nothing was sent")
            .with_details(details)
    }
}

impl Problem {
    fn detail(&self, name: &str, text: &str) -> Detail {
        let (line, column) = place(text, self.span.start);
        Detail {
            message: clean(&self.what),
            remedy: clean(&self.remedy),
            file: Some(name.to_owned()),
            line: Some(line),
            column: Some(column),
            rendered: Some(self.rendered(name, text)),
        }
    }

    fn rendered(&self, name: &str, text: &str) -> String {
        let (what, remedy) = (clean(&self.what), clean(&self.remedy));
        let primary = AnnotationKind::Primary.span(within(text, &self.span));
        let other = self
            .also
            .as_ref()
            .map(|(span, label)| AnnotationKind::Context.span(within(text, span)).label(*label));
        let snippet = Snippet::source(text).path(name).annotation(primary).annotations(other);
        let report: Group<'_> =
            Level::ERROR.primary_title(what).element(snippet).element(Level::HELP.message(remedy));
        Renderer::styled().render(&[report])
    }
}

/// The part of a span that lies in one line and in the text; the end of a file may be one past it.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = span.start.min(text.len());
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.find('\n').unwrap_or(rest.len());
    start..span.end.clamp(start, start + line)
}

/// Line and column, in characters, both from 1.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_from_one() {
        let text = "a\nü = 3\n";
        assert_eq!(place(text, 0), (1, 1));
        assert_eq!(place(text, text.find('=').unwrap()), (2, 3));
        assert_eq!(place(text, text.len() + 9), (3, 1));
    }

    #[test]
    fn no_more_problems_are_shown_than_anybody_reads() {
        let text = "x".repeat(50);
        let problem = |at| Problem::new(Kind::Value, at..at + 1, "is wrong", "mend it");
        let failure = Problems::sorted((0..50).map(problem).collect()).into_failure("menu.toml", &text);
        assert_eq!(failure.details.len(), MOST_SHOWN);
        assert_eq!(failure.message, "menu.toml has 50 problems; the first 20 are shown");
    }
}
