//! `cargo xtask vectors`: the vectors of the formats, judged by Python packages that know nothing of our code.

use std::path::{Path, PathBuf};

use crate::rules::graph;
use crate::workspace::{self, Failure, Workspace};

/// The vectors, their checker and what it needs.
const FOLDER: &str = "crates/seal/vectors";
const REQUIREMENTS: &str = "requirements.txt";

/// Where the packages are kept, in the target folder; made again when other ones are asked for.
const ENVIRONMENT: &str = "vectors-python";
/// In the environment, once all is installed: what was asked for.
const INSTALLED: &str = "installed.txt";

const NO_PACKAGES: &str = "Python's packages could not be installed. They come from the index that pip is configured \
    with: check the network, or name an index that you reach by `pip config set global.index-url`. Python must be \
    3.11 or newer";

/// Judges all vectors; provides the packages first, where they are not there yet.
pub fn check(workspace: &Workspace) -> Result<(), Failure> {
    let environment = graph::target_folder(workspace)?.join(ENVIRONMENT);
    let requirements = workspace.root().join(FOLDER).join(REQUIREMENTS);
    provide(workspace, &environment, &requirements)?;
    let checker = workspace.root().join(FOLDER).join("check.py");
    // Without `-B` Python would leave its own files beside the vectors.
    workspace::run(workspace.program(python(&environment)).arg("-B").arg(checker))
}

fn provide(workspace: &Workspace, environment: &Path, requirements: &Path) -> Result<(), Failure> {
    let wanted = read(requirements)?;
    let stamp = environment.join(INSTALLED);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted)
        && python(environment).exists()
    {
        return Ok(());
    }
    println!("      installing Python packages in {}", environment.display());
    workspace::run(workspace.program("python3").args(["-m", "venv", "--clear"]).arg(environment))?;
    let mut pip = workspace.program(python(environment));
    // No package is built here: that would need compilers and headers nobody has asked for.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(requirements);
    workspace::run(&mut pip).map_err(|failure| failure.with_remedy(NO_PACKAGES))?;
    finish(&stamp, &wanted)
}

#[expect(clippy::disallowed_methods, reason = "below target/, where everything can be made again")]
fn finish(stamp: &Path, installed: &str) -> Result<(), Failure> {
    std::fs::write(stamp, installed).map_err(|error| Failure::new(format!("{}: {error}", stamp.display())))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn python(environment: &Path) -> PathBuf {
    environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_to_a_version_and_to_hashes() {
        let text = read(&Workspace::for_tests().root().join(FOLDER).join(REQUIREMENTS)).unwrap();
        let lines = || text.lines().filter(|line| !line.starts_with('#'));
        let packages: Vec<_> = lines().filter(|line| !line.starts_with(' ')).collect();
        assert!(
            packages.iter().all(|package| package.contains("==") && package.ends_with('\\')),
            "{packages:?}"
        );
        assert!(packages.iter().any(|package| package.starts_with("cwt==")));
        assert!(lines().filter(|line| line.starts_with(' ')).all(|line| line.contains("--hash=sha256:")));
    }

    #[test]
    fn what_is_not_there_is_named() {
        let failure = read(Path::new("no/such/file")).unwrap_err();
        assert!(failure.message.contains("no/such/file"), "{failure}");
    }
}
