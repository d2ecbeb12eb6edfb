//! `carnet`: hands the command line and the environment to the library.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use carnet_cli::context::Environment;
use carnet_cli::http::Token;
use carnet_seam::Crash;

fn main() -> ExitCode {
    carnet_cli::run(std::env::args_os().collect(), environment()).into()
}

fn environment() -> Environment {
    let text = |name| variable(name).and_then(|value| value.into_string().ok());
    let below_home = || variable("HOME").map(|home| PathBuf::from(home).join(".local/share"));
    Environment {
        home: variable("CARNET_HOME").map(PathBuf::from),
        server: text("CARNET_SERVER"),
        identity: text("CARNET_IDENTITY"),
        tpm: text("CARNET_TPM"),
        token: text("CARNET_TOKEN").and_then(|token| Token::in_text(&token)),
        path: variable("PATH"),
        crash: crash(),
        data: variable("XDG_DATA_HOME").map(PathBuf::from).or_else(below_home),
    }
}

/// Where a test lets this process die (`CARNET_CRASH_POINT`). A release does not look.
fn crash() -> Crash {
    let armed = if cfg!(debug_assertions) { variable("CARNET_CRASH_POINT") } else { None };
    armed.and_then(|point| point.to_str()?.parse().ok()).unwrap_or_default()
}

/// A variable that is set to something.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
