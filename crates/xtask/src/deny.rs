//! `cargo xtask deny`: the dependency policy once more, and known security advisories, by cargo-deny.

use std::process::Stdio;

use crate::workspace::{self, Failure, Workspace};

/// Runs cargo-deny over `deny.toml` where it is installed. The tests do not need it: `rules` checks the same.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    let mut version = workspace.cargo(["deny", "--version"]);
    let installed = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !installed.is_ok_and(|status| status.success()) {
        return Err(
            Failure::new("cargo-deny is not installed").with_remedy("cargo install --locked cargo-deny")
        );
    }
    workspace::run(&mut workspace.cargo(["deny", "--all-features", "--locked", "check"]))
}
