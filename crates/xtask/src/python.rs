//! Packages of Python, each set of them in a folder of its own below `target/`, pinned by version and hash.

use std::path::{Path, PathBuf};

use crate::rules::graph;
use crate::workspace::{self, Failure, Workspace};

/// A set of packages.
pub struct Environment {
    /// Its folder in the target folder; made again when other packages are asked for.
    pub name: &'static str,
    /// The file that pins them.
    pub requirements: &'static str,
}

/// In an environment, once all is installed: what was asked for.
const INSTALLED: &str = "installed.txt";

const NO_PACKAGES: &str = "Python's packages could not be installed. They come from the index that pip is configured \
    with: check the network, or name an index that you reach by `pip config set global.index-url`. Python must be \
    3.11 or newer";

/// The interpreter that knows the packages; they are installed first, where they are not there yet.
pub fn provide(workspace: &Workspace, environment: &Environment) -> Result<PathBuf, Failure> {
    let folder = graph::target_folder(workspace)?.join(environment.name);
    let requirements = workspace.root().join(environment.requirements);
    let wanted = read(&requirements)?;
    let stamp = folder.join(INSTALLED);
    let interpreter = interpreter(&folder);
    if std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) && interpreter.exists() {
        return Ok(interpreter);
    }
    println!("      installing Python packages in {}", folder.display());
    workspace::run(workspace.program("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut pip = workspace.program(&interpreter);
    // No package is built here: that would need compilers and headers nobody has asked for.
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--require-hashes", "--only-binary", ":all:", "--requirement"]).arg(&requirements);
    workspace::run(&mut pip).map_err(|failure| failure.with_remedy(NO_PACKAGES))?;
    finish(&stamp, &wanted)?;
    Ok(interpreter)
}

#[expect(clippy::disallowed_methods, reason = "below target/, where everything can be made again")]
fn finish(stamp: &Path, installed: &str) -> Result<(), Failure> {
    std::fs::write(stamp, installed).map_err(|error| Failure::new(format!("{}: {error}", stamp.display())))
}

fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
}

fn interpreter(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_pinned_to_a_version_and_to_hashes() {
        for (requirements, known) in [
            ("crates/seal/vectors/requirements.txt", "cwt=="),
            ("crates/testkit/object-store/requirements.txt", "moto=="),
        ] {
            let text = read(&Workspace::for_tests().root().join(requirements)).unwrap();
            let lines = || text.lines().filter(|line| !line.starts_with('#'));
            let packages: Vec<_> = lines().filter(|line| !line.starts_with(' ')).collect();
            assert!(
                packages.iter().all(|package| package.contains("==") && package.ends_with('\\')),
                "{packages:?}"
            );
            assert!(packages.iter().any(|package| package.starts_with(known)));
            assert!(lines().filter(|line| line.starts_with(' ')).all(|line| line.contains("--hash=sha256:")));
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let failure = read(Path::new("no/such/file")).unwrap_err();
        assert!(failure.message.contains("no/such/file"), "{failure}");
    }
}
