//! `cargo demo`: builds the programs once and hands over to the demonstration.

use std::path::PathBuf;
use std::process::Command;

use crate::rules::graph;
use crate::tools;
use crate::workspace::{self, Failure, Workspace};

/// `--examples` is there for its side effect: cargo then also counts what tests ask of shared packages, so that
/// the programs are compiled against exactly the packages `cargo test --workspace` uses, and a fresh clone
/// compiles each of them once. `cargo build --workspace` alone would compile more than twenty of them again.
const BUILD: [&str; 6] = ["build", "--locked", "--quiet", "--workspace", "--bins", "--examples"];

/// Builds all programs of the workspace, then becomes the demonstration.
pub fn run(workspace: &Workspace, arguments: &[&str]) -> Result<(), Failure> {
    if arguments.contains(&"--postgres") {
        tools::provide(workspace)?;
    }
    println!("building the programs (the first time takes a few minutes) …");
    build(workspace)?;
    let program = program(workspace, "carnet-demo")?;
    if !program.is_file() {
        return Err(Failure::new(format!(
            "{} was not built: this workspace has no package carnet-demo",
            program.display()
        )));
    }
    become_program(workspace.program(program).args(arguments))
}

/// Builds all programs of the workspace.
pub fn build(workspace: &Workspace) -> Result<(), Failure> {
    workspace::run(&mut workspace.cargo(BUILD))
}

/// Where a program lies that was built so.
pub fn program(workspace: &Workspace, name: &str) -> Result<PathBuf, Failure> {
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(graph::target_folder(workspace)?.join("debug").join(name))
}

/// On Unix the demonstration takes this process's place, so that signals reach it alone and its exit code is ours.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<(), Failure> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(Failure::new(format!("`{}` could not be started: {error}", workspace::shown(command))))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<(), Failure> {
    workspace::run(command)
}
