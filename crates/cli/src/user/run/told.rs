//! What there is to say about a run, on stderr: stdout belongs to the program.

use carnet_controller::{Disapproved, Run, Time};
use carnet_core::app::AppId;
use serde::Serialize;

use crate::context::Context;
use crate::output::{GREEN, RED};
use crate::text::clean;

/// With `--json`, one of these a line.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Said<'a> {
    Approved {
        app: &'a AppId,
        uses_left: Option<u64>,
        seconds_left: Option<u64>,
        ends: Option<Time>,
        grace_until: Option<Time>,
        warnings: Vec<String>,
    },
    Disapproved {
        code: &'a str,
        message: &'a str,
        remedy: &'a str,
        grace_seconds: u64,
    },
}

/// The program starts; a person is told only what they should know.
pub fn approved(context: &Context, app: &AppId, run: &Run) {
    let (left, warnings) = (run.remaining(), run.warnings());
    if !context.output.is_json() {
        warnings.iter().for_each(|warning| context.output.warning(&warning.to_string()));
        return;
    }
    say(
        context,
        &Said::Approved {
            app,
            uses_left: left.uses,
            seconds_left: left.seconds,
            ends: left.ends,
            grace_until: left.grace_until,
            warnings: warnings.iter().map(ToString::to_string).collect(),
        },
    );
}

/// The program is about to be stopped.
pub fn disapproved(context: &Context, program: &str, grace_seconds: u64, why: &Disapproved) {
    let Disapproved { code, message, remedy, .. } = why;
    if context.output.is_json() {
        return say(context, &Said::Disapproved { code, message, remedy, grace_seconds });
    }
    let (message, remedy) = (clean(message), clean(remedy));
    context.output.note(&format!(
        "{RED}run disapproved[{code}]{RED:#}: {message}\n\
         {program} is asked to end, and ended after {grace_seconds} s\n\
         {GREEN}help{GREEN:#}: {remedy}"
    ));
}

fn say(context: &Context, said: &Said<'_>) {
    // These have a JSON form; stderr that is closed has no reader.
    let _ = serde_json::to_string(said).map(|line| context.output.note(&line));
}
