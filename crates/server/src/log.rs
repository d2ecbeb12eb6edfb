//! The log: lines for people on a terminal, JSON for everything else, always on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

use crate::config::When;

/// Starts the log.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(filter: &str, json: When) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(filter)?;
    let terminal = std::io::stderr().is_terminal();
    let json = match json {
        When::Always => true,
        When::Never => false,
        When::Auto => !terminal,
    };
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // On a terminal it depends on NO_COLOR, which the library reads.
    let lines = if terminal { lines } else { lines.with_ansi(false) };
    // A second log in one process is a test's; the first one stays.
    let _ = if json {
        lines.json().flatten_event(true).with_span_list(false).try_init()
    } else {
        lines.try_init()
    };
    std::panic::set_hook(Box::new(|panic| {
        // Where, never what: a panic's text may hold anything (I17).
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic");
    }));
    Ok(())
}
