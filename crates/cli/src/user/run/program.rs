//! The program to be run, found before a use is counted for it.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Where the program is, as a shell would find it.
///
/// # Errors
/// `program-not-found`. Nothing was counted then.
pub fn find(context: &Context, name: &OsStr) -> Result<PathBuf, Failure> {
    if name.as_encoded_bytes().contains(&b'/') {
        let path = PathBuf::from(name);
        return if can_run(&path) { Ok(path) } else { Err(not_found(name)) };
    }
    let mut places = context.program_folders().into_iter().map(|folder| folder.join(name));
    places.find(|path| can_run(path)).ok_or_else(|| not_found(name))
}

fn can_run(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

fn not_found(name: &OsStr) -> Failure {
    let what = format!("there is no program `{}` that can be run", name.display());
    Failure::new(Exit::Usage, "program-not-found", what)
        .with_remedy("check its name, path and permissions; nothing was counted")
}

/// The program did not start though it was found.
#[must_use]
pub fn not_started(program: &OsString, error: &std::io::Error) -> Failure {
    let what = format!("`{}` could not be started: {error}", program.display());
    Failure::new(Exit::Failure, "program-not-started", what)
        .with_remedy("check that it is a program for this machine")
}
