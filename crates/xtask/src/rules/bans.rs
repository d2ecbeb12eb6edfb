//! What must stay out of which of our crates, however far down. Dev-dependencies are free, except for what is
//! banned everywhere.

use super::graph::{Graph, Kind};

/// Packages that must not be reached from some of our crates.
struct Ban {
    from: &'static [&'static str],
    packages: &'static [&'static str],
    because: &'static str,
}

const BANS: &[Ban] = &[
    Ban {
        from: &["carnet-core", "carnet-seal"],
        packages: &["tokio", "rusqlite", "tokio-postgres", "axum", "ureq", "getrandom"],
        because: "it decides from its arguments alone: no threads, files, network or random of its own",
    },
    Ban {
        from: &["carnet-core"],
        packages: &["sha2", "ed25519-dalek"],
        because: "signing and hashing belong to carnet-seal",
    },
    Ban {
        from: &["carnet-device", "carnet-controller", "carnet-manager"],
        packages: &["tokio", "axum", "rusqlite", "tokio-postgres"],
        because: "it runs on the user's device, without a runtime, a server or a database",
    },
    Ban {
        from: &["carnet-store"],
        packages: &["axum", "carnet-seal", "ed25519-dalek"],
        because: "it keeps what others have decided and signed",
    },
];

/// There is one TLS, rustls, so that no system library has to be there and patched.
const BANNED_EVERYWHERE: &[&str] = &["openssl-sys", "native-tls"];

/// Banned packages that are reached, each with the way to it.
pub fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (id, user) in graph.members() {
        for ban in BANS.iter().filter(|ban| ban.from.contains(&user.name.as_str())) {
            found.extend(reached(graph, id, &[Kind::Normal], ban.packages, ban.because));
        }
        let all = [Kind::Normal, Kind::Build, Kind::Dev];
        found.extend(reached(graph, id, &all, BANNED_EVERYWHERE, "rustls is the only TLS here"));
    }
    found
}

fn reached(graph: &Graph, id: &str, kinds: &[Kind], packages: &[&str], because: &str) -> Vec<String> {
    let reached = graph.reached(id, kinds);
    let is_banned =
        |id: &&&str| graph.package(id).is_some_and(|package| packages.contains(&package.name.as_str()));
    reached
        .keys()
        .filter(is_banned)
        .map(|id| format!("banned: {}: {because}", graph.way(&reached, id)))
        .collect()
}
