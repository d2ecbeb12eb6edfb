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
//! * [`progress`] – what is seen of a long wait; [`meter`] – of long work;
//! * [`install`] – completions and manual pages;
//! * [`http`] – one request of a supplier, one answer;
//! * [`menu_file`] and [`offer_words`] – offers as TOML and in plain words.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ColorChoice, Parser, ValueEnum};

use crate::cli::{Cli, Command};
use crate::context::{Context, Environment};
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::Output;

pub mod by_hand;
pub mod cli;
pub mod codes;
pub mod context;
pub mod exit;
pub mod failure;
pub mod http;
pub mod install;
pub mod menu_file;
pub mod meter;
pub mod offer_words;
pub mod output;
pub mod pictures;
pub mod progress;
pub mod secret;
pub mod server_url;
pub mod shop;
pub mod supplier;
pub mod table;
pub mod text;
pub mod user;
pub mod width;

/// Runs the command line and says how it ended.
#[must_use]
pub fn run(arguments: Vec<OsString>, environment: Environment) -> Ended {
    colour(wanted_colours(&arguments));
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
        Command::Supplier(_) if context.needs_no_network()? => {
            return Err(Failure::usage("suppliers' commands need a network")
                .with_remedy("leave --request-to and --answer out"));
        }
        Command::Shop(_) if context.needs_no_network()? => {
            return Err(Failure::usage("a shop's commands need a network")
                .with_remedy("leave --request-to and --answer out"));
        }
        Command::Supplier(supplier) => supplier.run(context),
        Command::Shop(shop) => shop.run(context),
        Command::ExitCodes => exit_codes(context),
        Command::Completions(completions) => completions.run(context),
        Command::Man(man) => man.run(context),
    }?;
    Ok(Exit::Ok.into())
}

/// What stands behind `--` is for the program that is run.
fn ours(arguments: &[OsString]) -> impl Iterator<Item = &OsString> {
    arguments.iter().take_while(|argument| *argument != "--")
}

fn asks_for_json(arguments: &[OsString]) -> bool {
    ours(arguments).any(|argument| argument == "--json")
}

/// `--color`, before anything is parsed: what is said about the command line itself has colours too.
fn wanted_colours(arguments: &[OsString]) -> ColorChoice {
    let mut words = ours(arguments).filter_map(|argument| argument.to_str());
    while let Some(word) = words.next() {
        let value = match word.strip_prefix("--color") {
            Some("") => words.next(),
            Some(rest) => rest.strip_prefix('='),
            None => None,
        };
        if let Some(value) = value {
            return ColorChoice::from_str(value, false).unwrap_or_default();
        }
    }
    ColorChoice::Auto
}

/// For all that is written from now on. `Auto` looks at the stream, `NO_COLOR` and `CLICOLOR`.
fn colour(wanted: ColorChoice) {
    let choice = match wanted {
        ColorChoice::Auto => return,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    inquire::set_global_render_config(match wanted {
        ColorChoice::Never => inquire::ui::RenderConfig::empty(),
        _ => inquire::ui::RenderConfig::default_colored(),
    });
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
