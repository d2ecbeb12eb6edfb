//! A request together with the program that answers it, for a user who has no `carnet` (C2).

use std::path::{Path, PathBuf};

use carnet_api::license::License;
use carnet_core::report::ReportRequest;
use carnet_core::term::moment;
use carnet_seal::Signed;
use carnet_seal::armor::Carried;
use carnet_seam::fs::{create_folders, replace_file};

use super::request::command;
use crate::codes;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::user::which;

/// Writes the request, this program and a few words into a folder.
///
/// # Errors
/// When they cannot be written, or this program cannot be read.
pub fn write(
    context: &Context,
    folder: &Path,
    license: &License,
    request: &Signed<ReportRequest>,
) -> Result<Vec<PathBuf>, Failure> {
    create_folders(&*context.files, folder)?;
    let mut files = codes::write(
        &which::env(context).fs,
        &folder.join("request.txt"),
        Carried::ReportRequest,
        request.bytes(),
    )?;
    let program = copy_program(folder)?;
    let words = folder.join("README.txt");
    replace_file(&*context.files, &words, in_words(license, request.claims()).as_bytes())?;
    files.extend([program, words]);
    Ok(files)
}

/// Puts this program into a folder, as it is, with its right to be run. It can be copied again, so it need not survive a
/// power loss.
///
/// # Errors
/// `not-copied`.
pub fn copy_program(folder: &Path) -> Result<PathBuf, Failure> {
    let program = folder.join("carnet");
    let copied = std::env::current_exe().and_then(|here| std::fs::copy(here, &program));
    copied.map_err(|error| {
        let what = format!("this program could not be copied to {}: {error}", program.display());
        Failure::new(Exit::Failure, "not-copied", what).with_remedy("copy it by hand")
    })?;
    Ok(program)
}

fn in_words(license: &License, request: &ReportRequest) -> String {
    let (app, command) = (&license.app, command(request.wanted));
    format!(
        "The supplier of {app} asks for {} by {}.\n\n\
         On the machine that {app} is licensed on, in this folder:\n\n  \
         ./carnet {command} {app} --request request.txt --to answer.txt\n\n\
         Then send answer.txt back. Only the supplier can read it; `./carnet usage {app}` shows what is recorded.\n",
        request.wanted,
        moment(request.due)
    )
}
