//! `carnetd`, the licensing server.

use std::process::ExitCode;

use carnet_server::command::{self, Exit};
use carnet_server::config::Config;
use carnet_server::log;
use clap::Parser;

fn main() -> ExitCode {
    let config = Config::parse();
    if let Err(error) = log::start(&config.log, config.json_logs) {
        return tell(Exit::Usage, &format!("--log: {error}"));
    }
    match command::run(&config) {
        Ok(exit) => exit.into(),
        Err(stopped) => tell(stopped.exit, &stopped.message),
    }
}

/// What the operator should know stands on standard error, after the log.
fn tell(exit: Exit, message: &str) -> ExitCode {
    eprintln!("carnetd: {message}");
    exit.into()
}
