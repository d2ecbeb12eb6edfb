//! The programs the tests need beside Rust, and how the missing ones are provided.

use std::process::{Command, Stdio};

use crate::workspace::{self, Failure, Workspace};

/// A program that must be there. To need one more, add a row.
struct Tool {
    name: &'static str,
    /// A command that succeeds where the tool is there.
    probe: &'static [&'static str],
    packages: &'static [&'static str],
    why: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool {
        name: "cc",
        probe: &["cc", "--version"],
        packages: &["gcc", "libc6-dev"],
        why: "compiles SQLite and aws-lc, and links",
    },
    Tool {
        name: "python3",
        probe: &["python3", "--version"],
        packages: &["python3"],
        why: "runs the independent checks of the formats",
    },
    // Debian leaves this out of its package of Python.
    Tool {
        name: "venv and pip of python3",
        probe: &["python3", "-c", "import ensurepip, venv"],
        packages: &["python3-venv"],
        why: "keeps the packages of those checks below target/",
    },
    Tool {
        name: "git",
        probe: &["git", "--version"],
        packages: &["git"],
        why: "lists the tracked files for the hygiene rule",
    },
    // Debian keeps the server's programs out of the way.
    Tool {
        name: "PostgreSQL",
        probe: &["sh", "-c", "psql --version && (initdb --version || ls /usr/lib/postgresql/*/bin/initdb)"],
        packages: &["postgresql"],
        why: "runs the second database of the tests, as a cluster of their own",
    },
    Tool {
        name: "pgbouncer",
        probe: &["sh", "-c", "PATH=$PATH:/usr/sbin; pgbouncer --version"],
        packages: &["pgbouncer"],
        why: "is the pooler between server and database",
    },
    Tool {
        name: "fusefat and mkfs.vfat",
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin:/sbin; command -v fusefat && command -v mkfs.vfat && command -v fusermount",
        ],
        packages: &["fusefat", "dosfstools"],
        why: "is the stick with a FAT file system that passes are moved on",
    },
    Tool {
        name: "faketime",
        probe: &["faketime", "--version"],
        packages: &["faketime"],
        why: "shows the programs of the demonstration another time of day",
    },
    Tool {
        name: "swtpm",
        probe: &["swtpm", "--version"],
        packages: &["swtpm"],
        why: "is the TPM that keeps the keys of devices in tests",
    },
    Tool {
        name: "the TSS libraries",
        probe: &["pkg-config", "--atleast-version=2.4.6", "tss2-sys", "tss2-esys", "tss2-tctildr", "tss2-mu"],
        packages: &["libtss2-dev", "pkg-config"],
        why: "is linked by programs that were built with the feature `tpm`",
    },
    Tool {
        name: "fuse2fs and mke2fs",
        probe: &[
            "sh",
            "-c",
            "PATH=$PATH:/usr/sbin:/sbin; command -v fuse2fs && command -v mke2fs && command -v fusermount",
        ],
        packages: &["fuse2fs", "e2fsprogs"],
        why: "is the small disk that an installation fills, and that a database runs out of",
    },
];

/// Parts of the Rust toolchain; rustup provides them, and only the person at the keyboard decides about rustup.
const COMPONENTS: &[(&str, &str)] = &[("fmt", "rustfmt"), ("clippy", "clippy")];

/// What this machine offers for installing packages.
struct Machine {
    apt: bool,
    root: bool,
    sudo: bool,
}

/// Installs what is missing through the system's package manager; says nothing when all is there.
pub fn provide(workspace: &Workspace) -> Result<(), Failure> {
    for (subcommand, component) in COMPONENTS {
        if !answers(&mut workspace.cargo([*subcommand, "--version"])) {
            return Err(Failure::new(format!(
                "`cargo {subcommand}` is missing: rustup component add {component}, or your system's package of it"
            )));
        }
    }
    let missing: Vec<&Tool> = TOOLS.iter().filter(|tool| !tool.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for tool in &missing {
        println!("      missing: {} ({}); it {}", tool.name, tool.packages.join(", "), tool.why);
    }
    for words in installation(&missing, &Machine::here())? {
        println!("      $ {}", words.join(" "));
        install(&words)?;
    }
    match missing.iter().find(|tool| !tool.is_there()) {
        Some(tool) => Err(Failure::new(format!("{} is still missing after the installation", tool.name))),
        None => Ok(()),
    }
}

/// The commands that install the packages, or what the user has to do instead.
fn installation(missing: &[&Tool], machine: &Machine) -> Result<Vec<Vec<&'static str>>, Failure> {
    let packages: Vec<&str> = missing.iter().flat_map(|tool| tool.packages.iter().copied()).collect();
    if !machine.apt {
        return Err(Failure::new(format!(
            "this machine has no apt-get: install what Debian calls {} with its own package manager",
            packages.join(", ")
        )));
    }
    let prefix: &[&str] = match machine {
        Machine { root: true, .. } => &[],
        Machine { sudo: true, .. } => &["sudo"],
        _ => {
            return Err(Failure::new(format!(
                "installing needs root and there is no sudo: as root, run `apt-get install {}`",
                packages.join(" ")
            )));
        }
    };
    let install = ["apt-get", "install", "-y", "--no-install-recommends"];
    Ok(vec![[prefix, &["apt-get", "update"]].concat(), [prefix, &install, &packages].concat()])
}

impl Tool {
    fn is_there(&self) -> bool {
        let [program, arguments @ ..] = self.probe else { return false };
        answers(Command::new(program).args(arguments))
    }
}

impl Machine {
    fn here() -> Self {
        let user = Command::new("id").arg("-u").output();
        Self {
            apt: answers(Command::new("apt-get").arg("--version")),
            root: user.is_ok_and(|user| user.stdout.trim_ascii() == b"0"),
            sudo: answers(Command::new("sudo").arg("--version")),
        }
    }
}

fn install(words: &[&str]) -> Result<(), Failure> {
    let [program, arguments @ ..] = words else { return Ok(()) };
    workspace::run(Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn answers(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPILER: Tool =
        Tool { name: "cc", probe: &["cc", "--version"], packages: &["gcc", "libc6-dev"], why: "compiles" };
    const PYTHON: Tool =
        Tool { name: "python3", probe: &["no-such-python"], packages: &["python3"], why: "checks" };

    #[test]
    fn root_installs_everything_missing_with_one_update() {
        let machine = Machine { apt: true, root: true, sudo: false };
        let commands = installation(&[&COMPILER, &PYTHON], &machine).unwrap();
        let lines: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            lines,
            ["apt-get update", "apt-get install -y --no-install-recommends gcc libc6-dev python3"]
        );
    }

    #[test]
    fn others_use_sudo_where_there_is_one() {
        let machine = Machine { apt: true, root: false, sudo: true };
        let commands = installation(&[&PYTHON], &machine).unwrap();
        assert!(commands.iter().all(|words| words.first() == Some(&"sudo")), "{commands:?}");
    }

    #[test]
    fn without_root_and_sudo_the_remedy_is_named() {
        let machine = Machine { apt: true, root: false, sudo: false };
        let failure = installation(&[&COMPILER], &machine).unwrap_err();
        assert!(failure.message.contains("as root, run `apt-get install gcc libc6-dev`"), "{failure}");
    }

    #[test]
    fn without_apt_the_packages_are_named() {
        let machine = Machine { apt: false, root: true, sudo: false };
        let failure = installation(&[&COMPILER, &PYTHON], &machine).unwrap_err();
        assert!(failure.message.contains("gcc, libc6-dev, python3"), "{failure}");
    }

    #[test]
    fn a_program_that_does_not_exist_does_not_answer() {
        assert!(answers(Command::new("sh").args(["-c", "exit 0"])));
        assert!(!answers(&mut Command::new("no-such-program-here")));
        assert!(!PYTHON.is_there());
    }
}
