//! The dependency rules: who may use whom inside the workspace, what must stay out of which crate, and under
//! which licenses we take packages. `deny.toml` states what it can of the same for cargo-deny.

mod bans;
mod edges;
pub mod graph;
mod licenses;
#[cfg(test)]
mod tests;

use crate::workspace::{Failure, Workspace};
use graph::Graph;

/// Checks the workspace as `Cargo.lock` has it.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    let violations = violations(&Graph::of(workspace)?);
    if violations.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} dependency rule(s) broken:\n  {}",
        violations.len(),
        violations.join("\n  ")
    )))
}

/// One line for each broken rule.
fn violations(graph: &Graph) -> Vec<String> {
    [edges::violations(graph), bans::violations(graph), licenses::violations(graph)].concat()
}
