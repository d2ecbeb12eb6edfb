//! Which of our crates may use which: arrows point down only. Dev-dependencies are free.

use super::graph::{Graph, Kind, Package};

/// What one crate may use of ours.
struct Row {
    user: &'static str,
    may_use: MayUse,
    because: &'static str,
}

enum MayUse {
    Only(&'static [&'static str]),
    /// A tool of the developers: it may use everything and nothing uses it.
    Everything,
}

use MayUse::{Everything, Only};

const ROWS: &[Row] = &[
    Row {
        user: "carnet-core",
        may_use: Only(&[]),
        because: "the domain is decided without any surroundings",
    },
    Row {
        user: "carnet-seam",
        may_use: Only(&[]),
        because: "clock, random and files know nothing of licenses",
    },
    Row {
        user: "carnet-seal",
        may_use: Only(&["carnet-core"]),
        because: "documents are made of domain values",
    },
    Row {
        user: "carnet-api",
        may_use: Only(&["carnet-core"]),
        because: "the contract is shared by both sides",
    },
    Row {
        user: "carnet-store",
        may_use: Only(&["carnet-core", "carnet-seam"]),
        because: "what is stored is not signed there, and no request is seen there",
    },
    Row {
        user: "carnet-picture",
        may_use: Only(&["carnet-seal"]),
        because: "pictures show bytes; what those say is for others to judge",
    },
    Row {
        user: "carnet-image",
        may_use: Only(&["carnet-core", "carnet-seal", "carnet-seam"]),
        because: "an image is built and opened without a network, and by whoever has its keys",
    },
    Row {
        user: "carnet-device",
        may_use: Only(&["carnet-core", "carnet-seal", "carnet-seam"]),
        because: "the device's truth does not depend on a network",
    },
    Row {
        user: "carnet-carrier",
        may_use: Only(&["carnet-seam"]),
        because: "it carries bytes and does not know what they mean",
    },
    Row {
        user: "carnet-controller",
        may_use: Only(&[
            "carnet-carrier",
            "carnet-device",
            "carnet-core",
            "carnet-image",
            "carnet-seal",
            "carnet-seam",
        ]),
        because: "it is linked into other people's programs and must stay small",
    },
    Row {
        user: "carnet-manager",
        may_use: Only(&[
            "carnet-api",
            "carnet-carrier",
            "carnet-device",
            "carnet-core",
            "carnet-image",
            "carnet-seal",
            "carnet-seam",
        ]),
        because: "the user's agent meets the server only through its contract",
    },
    Row {
        user: "carnet-cli",
        may_use: Only(&[
            "carnet-manager",
            "carnet-controller",
            "carnet-picture",
            "carnet-api",
            "carnet-core",
            "carnet-seal",
            "carnet-seam",
            "carnet-device",
            "carnet-image",
        ]),
        because: "users and suppliers do not install a server",
    },
    Row {
        user: "carnet-server",
        may_use: Only(&[
            "carnet-api",
            "carnet-core",
            "carnet-device",
            "carnet-image",
            "carnet-seal",
            "carnet-seam",
            "carnet-store",
        ]),
        because: "the server never holds the device's side of truth; it reads it in reports where a user has agreed to that",
    },
    Row {
        user: "carnet-sandbox",
        may_use: Only(&[
            "carnet-controller",
            "carnet-core",
            "carnet-device",
            "carnet-seam",
            "carnet-testkit",
        ]),
        because: "it is what a supplier's tests use, and nothing that is shipped",
    },
    Row { user: "carnet-testkit", may_use: Everything, because: "it is never released" },
    Row { user: "carnet-models", may_use: Everything, because: "it is never released" },
    Row { user: "carnet-reference", may_use: Everything, because: "it is never released" },
    Row { user: "carnet-demo", may_use: Everything, because: "it shows all of it together" },
    Row { user: "xtask", may_use: Everything, because: "it is never released" },
];

const EXAMPLE: Row = Row {
    user: "an example",
    may_use: Only(&["carnet-controller"]),
    because: "it shows what a supplier's program needs",
};

/// Uses between our crates that the table does not allow, and crates the table does not know.
pub fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (id, user) in graph.members() {
        let Some(row) = row_of(user) else {
            found.push(format!(
                "{} is not in the table of crates/xtask/src/rules/edges.rs: add a row",
                user.name
            ));
            continue;
        };
        let Only(allowed) = row.may_use else { continue };
        let used = graph.direct(id, &[Kind::Normal, Kind::Build]).filter(|used| graph.is_member(used));
        for used in used.filter_map(|used| graph.package(used)) {
            if !allowed.contains(&used.name.as_str()) {
                found.push(format!("{} must not use {}: {}", user.name, used.name, row.because));
            }
        }
    }
    found
}

fn row_of(user: &Package) -> Option<&'static Row> {
    if user.example {
        return Some(&EXAMPLE);
    }
    ROWS.iter().find(|row| row.user == user.name)
}
