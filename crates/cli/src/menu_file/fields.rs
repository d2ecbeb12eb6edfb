//! Reading the keys of a TOML table: each problem is noted with its place, and reading goes on.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Kind, Problem};
use crate::text::did_you_mean;

/// A value that is not what its key needs.
pub(super) struct Wrong {
    pub what: String,
    pub remedy: String,
}

impl Wrong {
    pub(super) fn new(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { what: what.into(), remedy: remedy.into() }
    }
}

/// What was found wrong so far.
#[derive(Default)]
pub(super) struct Findings {
    pub problems: Vec<Problem>,
    /// Keys of the offer at hand whose values are not known, so that nothing is concluded from them.
    pub broken: BTreeSet<&'static str>,
}

impl Findings {
    pub(super) fn value(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(Kind::Value, span, what, remedy));
    }

    /// Marks a key of the offer as broken when anything is noted while its value is read.
    pub(super) fn breaking<T>(&mut self, key: &'static str, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.problems.len();
        let value = read(self);
        if self.problems.len() > before {
            self.broken.insert(key);
        }
        value
    }

    pub(super) fn missing(&mut self, span: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(Problem::new(Kind::Missing, span, what, remedy));
    }
}

/// A table and what it is.
#[derive(Clone, Copy)]
pub(super) struct Fields<'t, 'i> {
    table: &'t DeTable<'i>,
    /// What it is, as in `an offer`.
    what: &'static str,
}

impl<'t, 'i> Fields<'t, 'i> {
    pub(super) fn new(table: &'t DeTable<'i>, what: &'static str) -> Self {
        Self { table, what }
    }

    pub(super) fn find(self, key: &str) -> Option<&'t Spanned<DeValue<'i>>> {
        self.table.get(key)
    }

    /// Notes every key that nobody knows.
    pub(super) fn check_keys(self, known: &[&str], findings: &mut Findings) {
        for key in self.table.keys().filter(|key| !known.contains(&key.get_ref().as_ref())) {
            let name: String = key.get_ref().chars().take(60).collect();
            let remedy = did_you_mean(&name, known).unwrap_or_else(|| format!("use {}", listed(known)));
            findings.value(key.span(), format!("{} has no key `{name}`", self.what), remedy);
        }
    }

    /// Reads the value of a key; none when it is not there, or wrong, which is then noted.
    pub(super) fn read<T>(
        self,
        key: &'static str,
        findings: &mut Findings,
        read: impl FnOnce(&'t DeValue<'i>) -> Result<T, Wrong>,
    ) -> Option<T> {
        let value = self.find(key)?;
        match read(value.get_ref()) {
            Ok(value) => Some(value),
            Err(wrong) => {
                findings.value(value.span(), format!("`{key}` {}", wrong.what), wrong.remedy);
                findings.broken.insert(key);
                None
            }
        }
    }

    /// As [`read`](Self::read), and notes at `place` when the key is not there.
    pub(super) fn required<T>(
        self,
        key: &'static str,
        remedy: &str,
        place: &Range<usize>,
        findings: &mut Findings,
        read: impl FnOnce(&'t DeValue<'i>) -> Result<T, Wrong>,
    ) -> Option<T> {
        if self.find(key).is_none() {
            findings.missing(place.clone(), format!("{} has no `{key}`", self.what), remedy);
            findings.broken.insert(key);
        }
        self.read(key, findings, read)
    }
}

/// `a`, `b` or `c`.
pub(super) fn listed(words: &[&str]) -> String {
    match words {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [first @ .., last] => {
            let first: Vec<_> = first.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", first.join(", "))
        }
    }
}
