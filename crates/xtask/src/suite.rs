//! `cargo xtask test`: everything that must hold before a change is taken, in order, the cheap steps first.

use std::time::{Duration, Instant};

use crate::postgres::{self, Cluster};
use crate::python::{self, Environment};
use crate::workspace::{self, Failure, Workspace};
use crate::{generate, hygiene, rules, tools, vectors};

/// One thing that must hold.
struct Step {
    title: &'static str,
    work: fn(&Workspace) -> Result<(), Failure>,
    remedy: &'static str,
}

/// What is built in on demand only. The tests of it are in targets called `optional`.
const FEATURES: &[&str] = &["carnet-cli/tpm", "carnet-server/object-store"];

/// The store that the tests of the object store are told with.
const OBJECT_STORE: Environment =
    Environment { name: "object-store-python", requirements: "crates/testkit/object-store/requirements.txt" };

/// The tests come last, so that the output ends with cargo's own summaries.
const STEPS: &[Step] = &[
    Step { title: "tools", work: tools::provide, remedy: "install what is named above, then run this again" },
    Step { title: "format", work: format, remedy: "cargo fmt --all" },
    Step {
        title: "dependency rules",
        work: rules::check,
        remedy: "drop the dependency, or change the table in crates/xtask/src/rules and give the reason there",
    },
    Step { title: "hygiene", work: hygiene::check, remedy: "reword the lines named above" },
    Step {
        title: "clippy",
        work: clippy,
        remedy: "cargo clippy --workspace --all-targets, and mend what it names",
    },
    Step {
        title: "generated files",
        work: generated,
        remedy: "look at what has changed before you commit it",
    },
    Step {
        title: "vectors",
        work: vectors::check,
        remedy: "where a verdict differs, the code or the checker beside the vectors is wrong: find out which",
    },
    Step { title: "tests", work: tests, remedy: "run the one that failed: cargo test -p PACKAGE NAME" },
];

/// Runs all steps; the first that fails ends the run.
pub fn run(workspace: &Workspace) -> Result<(), Failure> {
    run_steps(workspace, STEPS)
}

fn run_steps(workspace: &Workspace, steps: &[Step]) -> Result<(), Failure> {
    let mut times = Vec::new();
    for (number, step) in (1..).zip(steps) {
        // The last step's own output ends the run: that of `cargo test`, with its summaries.
        if number == steps.len() && number > 1 {
            println!("{}", times_so_far(&times));
        }
        println!("[{number}/{}] {}", steps.len(), step.title);
        let (result, time) = timed(|| (step.work)(workspace));
        result.map_err(|failure| failure.with_remedy(step.remedy))?;
        if number < steps.len() {
            println!("      ok, {}", seconds(time));
        }
        times.push((step.title, time));
    }
    Ok(())
}

fn format(workspace: &Workspace) -> Result<(), Failure> {
    workspace::run(&mut workspace.cargo(["fmt", "--all", "--check"]))
}

fn generated(workspace: &Workspace) -> Result<(), Failure> {
    generate::run(workspace, generate::GENERATED, generate::Mode::Check)
}

/// With what is built in on demand, and then as a release is built.
fn clippy(workspace: &Workspace) -> Result<(), Failure> {
    let features = FEATURES.join(",");
    for more in [&[][..], &["--features", features.as_str()]] {
        let arguments = ["clippy", "--locked", "--quiet", "--workspace", "--all-targets"];
        let mut clippy = workspace.cargo(arguments);
        workspace::run(clippy.args(more).args(["--", "-D", "warnings"]))?;
    }
    Ok(())
}

/// The tests of what a feature builds in. They start programs, which are built with it first.
pub fn optional(workspace: &Workspace) -> Result<(), Failure> {
    python::provide(workspace, &OBJECT_STORE)?;
    let features = FEATURES.join(",");
    let common = ["--locked", "--workspace", "--features", features.as_str()];
    // With `--examples` for the reason that the demonstration has.
    workspace::run(workspace.cargo(["build"]).args(common).args(["--bins", "--examples"]))?;
    workspace::run(workspace.cargo(["test"]).args(common).args([
        "--no-fail-fast",
        "--lib",
        "--test",
        "optional",
    ]))
}

fn tests(workspace: &Workspace) -> Result<(), Failure> {
    optional(workspace)?;
    let cluster = Cluster::start(workspace)?;
    let mut test = workspace.cargo(["test", "--locked", "--workspace", "--no-fail-fast"]);
    workspace::run(test.env(postgres::VARIABLE, &cluster.address))
}

#[expect(clippy::disallowed_methods, reason = "times of steps are shown to a person and decide nothing")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn times_so_far(times: &[(&str, Duration)]) -> String {
    let total: Duration = times.iter().map(|(_, time)| *time).sum();
    let parts: Vec<String> =
        times.iter().map(|(title, time)| format!("{title} {}", seconds(*time))).collect();
    format!("{} steps passed in {}: {}", times.len(), seconds(total), parts.join(", "))
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(_: &Workspace) -> Result<(), Failure> {
        Ok(())
    }

    fn fails(_: &Workspace) -> Result<(), Failure> {
        Err(Failure { code: 101, message: "it broke".to_owned() })
    }

    fn must_not_run(_: &Workspace) -> Result<(), Failure> {
        panic!("a step after a failed one was run")
    }

    #[test]
    fn a_failed_step_ends_the_run_with_its_code_and_remedy() {
        let steps = [
            Step { title: "one", work: passes, remedy: "" },
            Step { title: "two", work: fails, remedy: "do this" },
            Step { title: "three", work: must_not_run, remedy: "" },
        ];
        let failure = run_steps(&Workspace::for_tests(), &steps).unwrap_err();
        assert_eq!(failure.code, 101);
        assert_eq!(failure.message, "it broke\n  remedy: do this");
    }

    #[test]
    fn the_tests_come_last_and_every_step_has_a_remedy() {
        assert_eq!(STEPS.last().map(|step| step.title), Some("tests"));
        assert!(STEPS.iter().all(|step| !step.remedy.is_empty()));
    }

    #[test]
    fn the_times_so_far_are_added_up() {
        let times = [("a", Duration::from_millis(1500)), ("b", Duration::from_millis(500))];
        assert_eq!(times_so_far(&times), "2 steps passed in 2.0 s: a 1.5 s, b 0.5 s");
    }
}
