//! The `carnet` command, for suppliers and users.
//!
//! [`run`] is the whole program; `main` only hands it the command line and the environment. A command is a
//! `clap` struct with a method `run(&self, context: &Context) -> Result<(), Failure>`, in a file of its own
//! below [`supplier`] or [`user`]; it is named in [`cli::Command`] (or in the command above it) and called from there.
//!
//! * [`context`] – what every command is given: output, files, server, token;
//! * [`output`] and [`failure`] – results to stdout, everything else to stderr, both also as JSON;
//! * [`width`] and [`table`] – texts and tables that fit the terminal;
//! * [`exit`] – the exit codes;
//! * [`http`] – one request of a supplier, one answer;
//! * [`menu_file`] and [`offer_words`] – offers as TOML and in plain words.

use std::ffi::OsString;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::context::{Context, Environment};
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::Output;

pub mod cli;
pub mod context;
pub mod exit;
pub mod failure;
pub mod http;
pub mod menu_file;
pub mod offer_words;
pub mod output;
pub mod secret;
pub mod server_url;
pub mod supplier;
pub mod table;
pub mod text;
pub mod user;
pub mod width;

/// Runs the command line and says how it ended.
#[must_use]
pub fn run(arguments: Vec<OsString>, environment: Environment) -> Ended {
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let context = Context::new(cli.global, environment);
            let done = dispatch(&cli.command, &context);
            done.unwrap_or_else(|failure| context.output.failure(&failure).into())
        }
        Err(error) => not_understood(&error, asks_for_json(&arguments)).into(),
    }
}

fn dispatch(command: &Command, context: &Context) -> Result<Ended, Failure> {
    match command {
        Command::User(user) => return user.run(context),
        Command::Supplier(supplier) => supplier.run(context),
        Command::ExitCodes => exit_codes(context),
    }?;
    Ok(Exit::Ok.into())
}

/// What stands behind `--` is for the program that is run.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().take_while(|argument| *argument != "--").any(|argument| argument == "--json")
}

fn exit_codes(context: &Context) -> Result<(), Failure> {
    let codes = Exit::ALL.map(|exit| serde_json::json!({ "exit": exit.number(), "meaning": exit.meaning() }));
    context.output.result(&codes, Exit::table)
}

/// Help and version are asked for; everything else is a command line that is not understood.
fn not_understood(error: &clap::Error, json: bool) -> Exit {
    let wanted = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if wanted || !json {
        // Who closed the stream still gets the exit code.
        let _ = error.print();
        return if wanted { Exit::Ok } else { Exit::Usage };
    }
    let text = error.render().to_string();
    let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let remedy = "see what `carnet --help` and `carnet COMMAND --help` say";
    Output::new(true, false).failure(&Failure::usage(what).with_remedy(remedy))
}
