//! `carnet-demo`: plays the story once. See the library.

use std::path::PathBuf;
use std::process::ExitCode;

use carnet_demo::process::Processes;
use carnet_demo::{Options, Stage, Surprise, files, tell};
use carnet_testkit::postgres::Schema;
use clap::Parser;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// Plays the product's story with its own programs, and checks every step
#[derive(Debug, Parser)]
#[command(name = "carnet-demo", version)]
struct Arguments {
    /// Leave the files of the performance, and say where they are
    #[arg(long)]
    keep: bool,
    /// Show every command with everything that it prints
    #[arg(long)]
    verbose: bool,
    /// Let the server keep everything in PostgreSQL, in a cluster made for the performance
    #[arg(long)]
    postgres: bool,
    /// The folder with `carnetd`, `carnet` and `imagetool` [default: the one with this program]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
}

fn main() -> ExitCode {
    match play(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(surprise) => {
            eprintln!("\nThis is not as it should be.\n\n{surprise}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn play(arguments: &Arguments) -> Result<(), Surprise> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    let usual = Options::beside_this_program(path)?;
    let programs = std::path::absolute(arguments.programs.as_ref().unwrap_or(&usual.programs));
    let programs = programs.map_err(|error| Surprise::system("find the programs", error))?;
    let schema = arguments.postgres.then(Schema::new);
    let database = schema.as_ref().map(Schema::url);
    let (keep, verbose) = (arguments.keep, arguments.verbose);
    let options = Options { programs, keep, verbose, path: usual.path, database };
    let stage = Stage::set(options)?;
    let folder = stage.folder().path().to_owned();
    stop_on_signals(stage.processes().clone(), (!arguments.keep).then(|| folder.clone()))?;
    let told = tell(&stage);
    // Then there is no surprise: whoever listens for signals ends this process.
    while stage.processes().are_stopped() {
        std::thread::park();
    }
    if arguments.keep {
        println!("the files are in {}", folder.display());
    }
    told.map(drop)
}

/// Ctrl-C ends everything that was started, and takes the files away.
fn stop_on_signals(processes: Processes, folder: Option<PathBuf>) -> Result<(), Surprise> {
    let signals = Signals::new([SIGINT, SIGTERM, SIGHUP]);
    let mut signals = signals.map_err(|error| Surprise::system("listen for Ctrl-C", error))?;
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            processes.stop_all();
            if let Some(folder) = folder {
                files::remove(&folder);
            }
            std::process::exit(128 + signal);
        }
    });
    Ok(())
}
