//! The configuration file: TOML, flat, its keys named like the options.

use std::ops::Range;
use std::path::{Path, PathBuf};

use carnet_seam::fs::read_file;
use carnet_seam::{Fs, FsError};
use toml::de::{DeTable, DeValue};

use super::settings::{Setting, settings};

/// Far more than anybody writes by hand.
const MOST_BYTES: u64 = 1 << 20;

/// A file that was read.
#[derive(Debug, Clone)]
pub struct File {
    /// Where it lies.
    pub path: PathBuf,
    entries: Vec<Entry>,
}

/// One line of it.
#[derive(Debug, Clone)]
struct Entry {
    key: String,
    values: Vec<String>,
    line: usize,
}

/// What is wrong with the file. All of it is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It was named and is not there.
    #[error("there is no configuration file {}: name another one with --config, or leave that out", .0.display())]
    Missing(PathBuf),
    /// It cannot be read.
    #[error(transparent)]
    Fs(#[from] FsError),
    /// Something on a line of it.
    #[error("{}:{line}: {what}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What it is and what to do.
        what: String,
    },
}

impl File {
    /// Reads and checks the file; none: there is none.
    ///
    /// # Errors
    /// [`FileError`], which names the line.
    pub fn read(path: &Path, fs: &dyn Fs) -> Result<Option<Self>, FileError> {
        let Some(bytes) = read_file(fs, path, MOST_BYTES)? else { return Ok(None) };
        let wrong = |line, what: String| FileError::Line { path: path.to_owned(), line, what };
        let text = String::from_utf8(bytes).map_err(|_| wrong(1, "it is not UTF-8 text".into()))?;
        let entries = entries(&text).map_err(|(line, what)| wrong(line, what))?;
        Ok(Some(Self { path: path.to_owned(), entries }))
    }

    /// What it says about a setting.
    #[must_use]
    pub fn values(&self, key: &str) -> Option<&[String]> {
        self.entry(key).map(|entry| entry.values.as_slice())
    }

    /// Where it says so, as `file:line`.
    #[must_use]
    pub fn place(&self, key: &str) -> Option<String> {
        self.entry(key).map(|entry| format!("{}:{}", self.path.display(), entry.line))
    }

    /// An error about what it says of this setting.
    #[must_use]
    pub fn refuse(&self, key: &str, what: &str) -> Option<FileError> {
        let Entry { line, .. } = self.entry(key)?;
        Some(FileError::Line { path: self.path.clone(), line: *line, what: what.to_owned() })
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

type Wrong = (usize, String);

fn entries(text: &str) -> Result<Vec<Entry>, Wrong> {
    let table = DeTable::parse(text).map_err(|error| {
        let line = line_of(text, &error.span().unwrap_or_default());
        (line, error.message().replace('\n', ", "))
    })?;
    let known = settings();
    let entry = |(key, value): (&toml::Spanned<std::borrow::Cow<'_, str>>, &toml::Spanned<DeValue<'_>>)| {
        let (name, line) = (key.get_ref().as_ref(), line_of(text, &key.span()));
        let setting = known.iter().find(|setting| setting.name() == name);
        let setting = setting.ok_or_else(|| (line, unknown(name, &known)))?;
        let values = values(setting, value.get_ref()).map_err(|what| (line, format!("`{name}`: {what}")))?;
        Ok(Entry { key: name.to_owned(), values, line })
    };
    // In the order of the file, so that the first mistake is told first.
    let mut in_order: Vec<_> = table.get_ref().iter().collect();
    in_order.sort_by_key(|(key, _)| key.span().start);
    in_order.into_iter().map(entry).collect()
}

fn unknown(name: &str, known: &[Setting]) -> String {
    let distance = |setting: &&Setting| strsim::damerau_levenshtein(setting.name(), name);
    match known.iter().min_by_key(distance) {
        Some(nearest) if distance(&nearest) <= 1 + name.len() / 3 => {
            format!("there is no setting `{name}`: write `{}`, if that is meant", nearest.name())
        }
        _ => format!("there is no setting `{name}`: `carnetd config show` lists all that there are"),
    }
}

/// The value as it would stand on the command line.
fn values(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    let one = |value: &DeValue<'_>| {
        let text = plain(value).ok_or("write a text in quotes, a number, true or false")?;
        match setting.refusal(&text) {
            None => Ok(text),
            // A secret is not repeated in an error (I17).
            Some(reason) if setting.is_secret() => Err(reason),
            Some(reason) => Err(format!("{text:?} is wrong: {reason}")),
        }
    };
    match value {
        DeValue::Array(list) if setting.is_list() => list.iter().map(|item| one(item.get_ref())).collect(),
        DeValue::Array(_) => Err("takes one value, not a list".into()),
        value => Ok(vec![one(value)?]),
    }
}

fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn line_of(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> Wrong {
        entries(text).expect_err(text)
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_with_a_remedy() {
        let table = [
            ("listen = ", 1, "string"),
            ("# first\n\nlistne = 'x'", 3, "write `listen`, if that is meant"),
            ("tls_cert = 'x'", 1, "write `tls-cert`, if that is meant"),
            ("colour = 'green'", 1, "`carnetd config show` lists all"),
            ("log = 'info'\nlisten = 'nowhere'", 2, "\"nowhere\" is wrong: invalid socket address"),
            ("json-logs = 'perhaps'", 1, "write `auto` or `always` or `never`"),
            ("listen = ['127.0.0.1:1']", 1, "takes one value, not a list"),
            ("listen = 1.5", 1, "write a text in quotes"),
            ("[listen]\nport = 1", 1, "write a text in quotes"),
            ("log = 'info'\nlog = 'debug'", 2, "duplicate key"),
            ("behind-proxy = 'maybe'", 1, "\"maybe\" is wrong"),
            ("config = 'other.toml'", 1, "there is no setting `config`"),
        ];
        for (text, line, part) in table {
            let (found, what) = wrong(text);
            assert_eq!(found, line, "{text}: {what}");
            assert!(what.contains(part), "{text}: {what}");
        }
    }

    #[test]
    fn what_is_right_is_taken_as_it_stands() {
        let read = entries("# a server\nlisten = \"127.0.0.1:1\"\nbehind-proxy = true\n").unwrap();
        let told: Vec<_> =
            read.iter().map(|entry| (entry.key.as_str(), entry.values[0].as_str(), entry.line)).collect();
        assert_eq!(told, [("listen", "127.0.0.1:1", 2), ("behind-proxy", "true", 3)]);
    }
}
