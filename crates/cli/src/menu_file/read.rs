//! Getting hold of a menu file's text.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::problem::place;
use super::{LARGEST_FILE, MenuFile, parse};
use crate::exit::Exit;
use crate::failure::{Detail, Failure};

/// The name that stands for standard input.
const STDIN: &str = "-";

/// The text of a menu file, with the name that its problems are shown under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The file's name.
    pub name: String,
    /// What it holds.
    pub text: String,
}

impl Source {
    /// What the file says.
    ///
    /// # Errors
    /// `menu-file`, with everything that is wrong with it.
    pub fn parse(&self) -> Result<MenuFile, Failure> {
        parse(&self.text).map_err(|problems| problems.into_failure(&self.name, &self.text))
    }
}

/// Reads a menu file; `-` is standard input.
///
/// # Errors
/// `menu-file` when there is no such file, or it is none that a person has written.
pub fn read(path: &Path) -> Result<Source, Failure> {
    let stdin = path.as_os_str() == STDIN;
    let name = if stdin { "standard input".to_owned() } else { path.display().to_string() };
    let bytes = if stdin { bytes_of(io::stdin().lock()) } else { bytes_of_file(path) };
    let bytes = bytes.map_err(|error| unreadable(&name, &error))?;
    if bytes.len() > LARGEST_FILE {
        let what = format!("{name} is larger than {} KiB", LARGEST_FILE / 1024);
        return Err(refused(what, "a menu has at most 50 offers; check that this is the right file"));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_text(&name, error.as_bytes()))?;
    // An editor on Windows may begin a file with a byte order mark.
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text).to_owned();
    if let Some(at) = text.find('\0') {
        return Err(wrong_bytes(&name, &text[..at], "a zero byte"));
    }
    if text.trim().is_empty() {
        let remedy =
            "write a menu as in docs/menu-file.md, or begin with `carnet supplier menu show APP --toml`";
        return Err(refused(format!("{name} is empty"), remedy));
    }
    Ok(Source { name, text })
}

fn bytes_of_file(path: &Path) -> io::Result<Vec<u8>> {
    bytes_of(File::open(path)?)
}

fn bytes_of(from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST_FILE as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(name: &str, error: &io::Error) -> Failure {
    match error.kind() {
        ErrorKind::NotFound => refused(format!("there is no file {name}"), "check the path given with -f"),
        ErrorKind::IsADirectory => refused(format!("{name} is a folder"), "name the file in it"),
        ErrorKind::PermissionDenied => {
            refused(format!("{name} must not be read by you"), "check who owns the file")
        }
        _ => refused(format!("{name} cannot be read: {error}"), "check the file and its disk"),
    }
}

fn not_text(name: &str, bytes: &[u8]) -> Failure {
    let good = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let before = bytes.get(..good).and_then(|good| std::str::from_utf8(good).ok()).unwrap_or_default();
    wrong_bytes(name, before, "a byte that is not UTF-8")
}

fn wrong_bytes(name: &str, before: &str, what: &str) -> Failure {
    let (line, column) = place(before, before.len());
    let remedy = "save it as a text file in UTF-8";
    let detail = Detail {
        message: format!("{name}:{line}:{column}: {what}"),
        remedy: remedy.into(),
        file: Some(name.to_owned()),
        line: Some(line),
        column: Some(column),
        rendered: None,
    };
    refused(format!("{name} is not a text file"), remedy).with_details(vec![detail])
}

fn refused(what: String, remedy: &str) -> Failure {
    Failure::new(Exit::Usage, "menu-file", what).with_remedy(remedy)
}
