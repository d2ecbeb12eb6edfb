//! The demonstration is a test: what `cargo demo` shows holds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

use carnet_demo::{Options, Stage, tell};

/// Fewer would mean that a chapter was dropped.
const STEPS: usize = 60;
const CHECKS: usize = 800;
/// Nobody watches longer than a minute. A busy machine does not fail the test, a waiting program does.
const LONGEST_MILLIS: u64 = 120_000;

#[test]
fn the_demo_tells_its_story_and_leaves_nothing_behind() {
    let options = Options::beside_this_program(path()).unwrap();
    if !options.missing().is_empty() {
        build(&options.programs);
    }
    let stage = Stage::set(options).unwrap();
    let folder = stage.folder().path().to_owned();
    let told = tell(&stage).unwrap_or_else(|surprise| panic!("\n{surprise}"));
    assert!(told.steps >= STEPS && told.checks >= CHECKS, "{told:?}");
    assert!(told.millis < LONGEST_MILLIS, "{told:?}");
    assert!(folder.is_dir());
    drop(stage);
    assert!(!folder.exists(), "{} is left behind", folder.display());
}

/// All of the workspace, as `cargo test --workspace` has most likely done already: packages that are shared are
/// then not compiled a second time with other features.
fn build(programs: &Path) {
    let profile = match programs.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(other) => other,
    };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--workspace", "--bins", "--examples", "--profile", profile]);
    cargo.arg("--target-dir").arg(programs.parent().unwrap()).current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(cargo.status().unwrap().success());
}

#[expect(clippy::disallowed_methods, reason = "a test has no main in which to read the environment")]
fn path() -> OsString {
    std::env::var_os("PATH").unwrap()
}
