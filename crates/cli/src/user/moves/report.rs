//! What has come of each app, for people and for scripts, and how the command ends.

use carnet_manager::ManagerError;
use carnet_manager::moves::{MoveOutcome, Moved};
use serde::Serialize;

use crate::exit::Exit;
use crate::table::table;
use crate::text::clean;

/// What went wrong with the medium, in JSON.
#[derive(Debug, Serialize)]
pub struct Trouble {
    pub code: String,
    pub message: String,
    pub remedy: String,
}

impl From<&ManagerError> for Trouble {
    fn from(error: &ManagerError) -> Self {
        Self { code: error.code().to_owned(), message: error.to_string(), remedy: error.remedy() }
    }
}

/// What has gone or arrived, as a table; empty where nothing has.
pub fn gone(apps: &[Moved]) -> String {
    let rows: Vec<_> = apps
        .iter()
        .filter(|moved| moved.why.is_none())
        .map(|moved| {
            let carried = moved.carried.as_ref();
            let (condition, carries) = carried.map_or(("–", "–"), |carried| {
                (carried.condition.as_str(), carried.carries_in_words.as_str())
            });
            [name_of(moved), clean(condition), clean(carries), in_words(moved.outcome).to_owned()]
        })
        .collect();
    if rows.is_empty() { String::new() } else { table(["APP", "CONDITION", "CARRIES", "NOW"], rows) }
}

/// What has not, each with its reason and remedy.
pub fn stayed(apps: &[Moved], verb: &str) -> String {
    let lines = apps.iter().filter_map(|moved| {
        let why = moved.why.as_ref()?;
        let (message, remedy) = (clean(&why.message), clean(&why.remedy));
        let help = if remedy.is_empty() { String::new() } else { format!("\n  help: {remedy}") };
        let app = name_of(moved);
        Some(match moved.outcome {
            MoveOutcome::Waiting => format!(
                "{app} has been asked for, and the server has not answered: {message}\n  help: run the same command again\n"
            ),
            _ => format!("{app} cannot be {verb}, because {message}{help}\n"),
        })
    });
    lines.collect()
}

fn name_of(moved: &Moved) -> String {
    moved.app.as_ref().map_or("what is on the medium".to_owned(), ToString::to_string)
}

const fn in_words(outcome: MoveOutcome) -> &'static str {
    match outcome {
        MoveOutcome::Exported | MoveOutcome::CarriedOn => "on its way",
        MoveOutcome::WrittenAgain => "on its way, written again",
        MoveOutcome::Imported => "valid here",
        MoveOutcome::AlreadyHere => "was here already",
        MoveOutcome::Refused => "refused",
        MoveOutcome::Waiting => "waits for the server",
    }
}

/// How the command ends: with the worst of what has come of each app.
pub fn exit(apps: &[Moved]) -> Exit {
    let any = |outcome| apps.iter().any(|moved| moved.outcome == outcome);
    if any(MoveOutcome::Waiting) {
        Exit::Unreachable
    } else if any(MoveOutcome::Refused) {
        Exit::Refused
    } else {
        Exit::Ok
    }
}
