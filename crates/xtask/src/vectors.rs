//! `cargo xtask vectors`: the vectors of the formats, judged by Python packages that know nothing of our code.

use crate::python::{self, Environment};
use crate::workspace::{self, Failure, Workspace};

/// The vectors and their checker.
const FOLDER: &str = "crates/seal/vectors";

/// What the checker needs.
const ENVIRONMENT: Environment =
    Environment { name: "vectors-python", requirements: "crates/seal/vectors/requirements.txt" };

/// Judges all vectors; provides the packages first, where they are not there yet.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    let interpreter = python::provide(workspace, &ENVIRONMENT)?;
    let checker = workspace.root().join(FOLDER).join("check.py");
    // Without `-B` Python would leave its own files beside the vectors.
    workspace::run(workspace.program(interpreter).arg("-B").arg(checker))
}
