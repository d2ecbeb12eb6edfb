//! The command line as a whole. Each command's own arguments stand in its own file.

use std::path::PathBuf;

use clap::{Args, ColorChoice, CommandFactory, Parser, Subcommand};

use crate::exit::Exit;
use crate::install::{Completions, Man};
use crate::shop::Shop;
use crate::supplier::Supplier;
use crate::user::User;

/// Software licenses, for those who sell them and for those who use them.
#[derive(Debug, Parser)]
#[command(name = "carnet", version, after_help = "Exit codes: carnet help exit-codes")]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub struct Cli {
    /// For every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options for every command")]
pub struct Global {
    /// Print results, and failures, as JSON on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Never ask anything, even on a terminal
    #[arg(long, global = true)]
    pub no_input: bool,
    /// When to use colours; `auto` is on terminals, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// The licensing server, like https://licenses.example.org [env: CARNET_SERVER]
    #[arg(long, global = true, value_name = "URL")]
    pub server: Option<String>,
    /// The folder for everything that is kept [env: CARNET_HOME]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// A file with the supplier's token; `-` is standard input, or asks [env: CARNET_TOKEN is the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// A file with the passbook's PIN; `-` is standard input, or asks [without it a terminal asks]
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
    /// How long to wait for the server, in seconds
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 30)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub timeout: u64,
    /// Where there is no network.
    #[command(flatten)]
    pub by_hand: crate::by_hand::Options,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Commands of a user.
    #[command(flatten)]
    User(User),
    /// Sell software: register, offer menus, look after licenses
    Supplier(Supplier),
    /// Sell devices and software over the counter
    Shop(Shop),
    /// What the exit codes mean
    #[command(long_about = format!("What the exit codes mean. They never change.\n\n{}", Exit::table()))]
    ExitCodes,
    /// Print what a shell completes commands and options with
    #[command(after_help = COMPLETIONS)]
    Completions(Completions),
    /// Write the manual pages into a folder
    Man(Man),
}

const COMPLETIONS: &str = "\
bash:  carnet completions bash > ~/.local/share/bash-completion/completions/carnet
zsh:   carnet completions zsh > a folder of $fpath, as the file _carnet
fish:  carnet completions fish > ~/.config/fish/completions/carnet.fish";

/// The whole command line as data: for completions, manual pages, the reference and tests.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// Every command with its full name, like `carnet supplier menu set`, `command` itself first.
#[must_use]
pub fn every_command(command: &clap::Command) -> Vec<(String, clap::Command)> {
    let name = command.get_name().to_owned();
    let mut all = vec![(name.clone(), command.clone())];
    for below in command.get_subcommands() {
        all.extend(
            every_command(below).into_iter().map(|(rest, command)| (format!("{name} {rest}"), command)),
        );
    }
    all
}
