//! `carnetd doctor`

mod images;
mod look;

use std::path::PathBuf;

use serde::Serialize;

use super::{Exit, Stopped, say};
use crate::config::TlsFiles;
use crate::image_store::ImageStore;
use crate::server::Surroundings;

/// How bad something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; changes nothing about how the command ends.
    Note,
    /// Will become a problem.
    Soon,
    /// Is one.
    Wrong,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    level: Level,
    said: String,
}

#[derive(Serialize)]
struct Told<'a> {
    data: PathBuf,
    worst: Level,
    findings: &'a [Finding],
}

/// Looks at everything that an operator can do something about. Changes nothing that stays; beside a running server too.
pub fn run(
    around: &Surroundings,
    images: &ImageStore,
    tls: &TlsFiles,
    quick: bool,
    json: bool,
) -> Result<Exit, Stopped> {
    let mut findings = look::folder(around);
    findings.extend(look::disk(around));
    findings.extend(look::database(around));
    if !quick {
        findings.push(look::ledger(around));
    }
    findings.extend(look::certificate(around, tls));
    findings.extend(look::key_service(around));
    findings.extend(images::look(images));
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Good);
    if json {
        let told = Told { data: around.data.clone(), worst, findings: &findings };
        let text = serde_json::to_string_pretty(&told).map_err(Stopped::because)?;
        say(format_args!("{text}\n"))?;
    } else {
        for Finding { what, level, said } in &findings {
            say(format_args!("{:<6} {what}: {said}\n", word(*level)))?;
        }
    }
    Ok(match worst {
        Level::Good | Level::Note => Exit::Ok,
        Level::Soon => Exit::Soon,
        Level::Wrong => Exit::Wrong,
    })
}

const fn word(level: Level) -> &'static str {
    match level {
        Level::Good => "good",
        Level::Note => "note",
        Level::Soon => "soon",
        Level::Wrong => "WRONG",
    }
}
