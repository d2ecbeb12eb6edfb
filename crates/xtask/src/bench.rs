//! `cargo xtask bench`: the measurements, by name.

use crate::workspace::{self, Failure, Workspace};

/// A measurement: its name, what it tells, and the benchmark that takes it.
pub struct Bench {
    name: &'static str,
    tells: &'static str,
    package: &'static str,
    bench: &'static str,
    arguments: &'static [&'static str],
}

impl Bench {
    /// The words of the cargo command.
    fn cargo(&self) -> Vec<&'static str> {
        let mut words = vec!["bench", "--package", self.package, "--bench", self.bench];
        if !self.arguments.is_empty() {
            words.push("--");
            words.extend(self.arguments);
        }
        words
    }
}

/// All measurements. To add one, add a row.
pub const BENCHES: &[Bench] = &[
    Bench {
        name: "device",
        tells: "feature check, cold start, durable use",
        package: "carnet-controller",
        bench: "device",
        arguments: &[],
    },
    Bench {
        name: "report",
        tells: "a usage report of 100,000 records: make, open and judge",
        package: "carnet-device",
        bench: "report",
        arguments: &[],
    },
    Bench {
        name: "image",
        tells: "building and extracting an image, against zstd alone",
        package: "carnet-image",
        bench: "image",
        arguments: &[],
    },
    Bench {
        name: "install",
        tells: "building and installing an image of 2 GiB and one of a million files: time, memory, going on in the middle (some 8 GB of disk)",
        package: "carnet-image",
        bench: "install",
        arguments: &[],
    },
    Bench {
        name: "ledger",
        tells: "renewals in process on SQLite with 1M licenses, against batches of one; one hot license",
        package: "carnet-store",
        bench: "ledger",
        arguments: &["--licenses", "1000000", "--rounds", "3", "--seconds", "5"],
    },
    Bench {
        name: "ledger-postgres",
        tells: "the same on PostgreSQL, against pgbench -N on the same cluster and rows written one by one",
        package: "carnet-store",
        bench: "ledger",
        arguments: &["--postgres", "--licenses", "1000000", "--rounds", "3", "--seconds", "5"],
    },
    Bench {
        name: "growth",
        tells: "what a renewal costs with 10k and with 5M licenses on SQLite (some 8 GB of disk)",
        package: "carnet-store",
        bench: "ledger",
        arguments: &["--growth", "10000", "--licenses", "5000000", "--rounds", "3", "--seconds", "5"],
    },
    Bench {
        name: "growth-postgres",
        tells: "the same on PostgreSQL",
        package: "carnet-store",
        bench: "ledger",
        arguments: &[
            "--postgres",
            "--growth",
            "10000",
            "--licenses",
            "5000000",
            "--rounds",
            "3",
            "--seconds",
            "5",
        ],
    },
    Bench {
        name: "http",
        tells: "renewals over HTTP on SQLite with 1M licenses, against a route that does nothing with them; start, memory",
        package: "carnet-server",
        bench: "http",
        arguments: &[],
    },
    Bench {
        name: "http-postgres",
        tells: "the same on PostgreSQL, against pgbench -N on the same cluster too",
        package: "carnet-server",
        bench: "http",
        arguments: &["--postgres"],
    },
    Bench {
        name: "key-delivery",
        tells: "ordering and presenting a license key over HTTP, against a renewal; the key service inside, behind a socket and by TLS",
        package: "carnet-server",
        bench: "http",
        arguments: &["--key-delivery", "--licenses", "10000", "--rounds", "3", "--seconds", "3"],
    },
];

/// Runs the named measurements one after the other, `all` of them in turn; without a name, lists them.
pub fn run(workspace: &Workspace, benches: &[Bench], names: &[&str]) -> Result<(), Failure> {
    if names.is_empty() {
        print!("{}", list(benches));
        return Ok(());
    }
    let chosen = match names {
        ["all"] => benches.iter().collect(),
        _ => names.iter().map(|name| find(benches, name)).collect::<Result<Vec<_>, _>>()?,
    };
    for bench in chosen {
        let cargo = bench.cargo();
        println!("{}: {}\n$ cargo {}", bench.name, bench.tells, cargo.join(" "));
        workspace::run(workspace.cargo(cargo).env("CARGO_TERM_QUIET", "true"))?;
    }
    Ok(())
}

fn find<'a>(benches: &'a [Bench], name: &str) -> Result<&'a Bench, Failure> {
    benches.iter().find(|bench| bench.name == name).ok_or_else(|| {
        Failure::usage(format!("there is no measurement `{name}`; {}", list(benches).trim_end()))
    })
}

fn list(benches: &[Bench]) -> String {
    if benches.is_empty() {
        return "there are no measurements yet\n".to_owned();
    }
    let lines = benches.iter().map(|bench| format!("  {:<16} {}\n", bench.name, bench.tells));
    std::iter::once("measurements:\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &[Bench] = &[Bench {
        name: "version",
        tells: "what cargo is used",
        package: "xtask",
        bench: "version",
        arguments: &[],
    }];

    #[test]
    fn an_unknown_name_is_refused_before_anything_runs() {
        let failure = run(&Workspace::for_tests(), ONE, &["version", "typo"]).unwrap_err();
        assert_eq!(failure.code, 2);
        assert!(
            failure.message.contains("`typo`") && failure.message.contains("what cargo is used"),
            "{failure}"
        );
    }

    #[test]
    fn an_empty_table_says_so() {
        assert_eq!(list(&[]), "there are no measurements yet\n");
    }
}
