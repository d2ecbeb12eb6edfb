//! `carnetd`, the licensing server.

use std::process::ExitCode;

use carnet_seam::RealFs;
use carnet_server::command::{self, Exit};
use carnet_server::config::{LoadError, load};
use carnet_server::log;

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    let environment = |variable: &str| std::env::var_os(variable);
    let loaded = match load(std::env::args_os(), environment, &RealFs::default()) {
        Ok(loaded) => loaded,
        // It knows which of its answers are no errors, and where they belong.
        Err(LoadError::CommandLine(error)) => error.exit(),
        Err(error) => return tell(Exit::Usage, &error.to_string()),
    };
    let config = &loaded.config;
    if let Err(error) = log::start(&config.log, config.json_logs) {
        return tell(Exit::Usage, &format!("`log`: {error}"));
    }
    match command::run(&loaded) {
        Ok(exit) => exit.into(),
        Err(stopped) => tell(stopped.exit, &stopped.message),
    }
}

/// What the operator should know stands on standard error, after the log.
fn tell(exit: Exit, message: &str) -> ExitCode {
    eprintln!("carnetd: {message}");
    exit.into()
}
