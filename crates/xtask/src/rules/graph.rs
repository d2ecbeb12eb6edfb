//! The dependency graph, as `cargo metadata` tells it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

use serde_json::Value;

use crate::workspace::{self, Failure, Workspace};

/// What a dependency is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// By the code itself.
    Normal,
    /// By the build script.
    Build,
    /// Only by tests, benches and examples.
    Dev,
}

/// A package, ours or not.
pub struct Package {
    /// Its name on crates.io or in the workspace.
    pub name: String,
    /// Its SPDX license expression, if it states one.
    pub license: Option<String>,
    /// Whether it lies in `examples/`.
    pub example: bool,
}

/// All packages by id, and who uses whom for what.
pub struct Graph {
    packages: BTreeMap<String, Package>,
    members: Vec<String>,
    uses: BTreeMap<String, Vec<(String, Kind)>>,
}

impl Graph {
    /// The graph of the workspace as `Cargo.lock` has it, for all platforms.
    pub fn of(workspace: &Workspace) -> Result<Self, Failure> {
        Self::from_metadata(&metadata(workspace)?)
    }

    /// Reads the output of `cargo metadata --format-version 1`.
    pub fn from_metadata(metadata: &Value) -> Result<Self, Failure> {
        let packages = list(metadata, "packages")?.iter().map(package).collect::<Result<_, _>>()?;
        let members =
            list(metadata, "workspace_members")?.iter().map(text_itself).collect::<Result<_, _>>()?;
        let nodes = list(metadata.get("resolve").unwrap_or(&Value::Null), "nodes")?;
        let uses = nodes.iter().map(node).collect::<Result<_, _>>()?;
        Ok(Self { packages, members, uses })
    }

    /// The workspace's own packages: id and package.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Package)> {
        self.members.iter().filter_map(|id| Some((id.as_str(), self.packages.get(id)?)))
    }

    /// Whether an id is one of our own packages.
    pub fn is_member(&self, id: &str) -> bool {
        self.members.iter().any(|member| member == id)
    }

    /// The package of an id.
    pub fn package(&self, id: &str) -> Option<&Package> {
        self.packages.get(id)
    }

    /// The packages one package names itself, for one of the given uses; each once.
    pub fn direct<'a>(&'a self, id: &str, kinds: &'a [Kind]) -> impl Iterator<Item = &'a str> {
        let uses = self.uses.get(id).map_or(&[][..], Vec::as_slice);
        let mut ids: Vec<&str> =
            uses.iter().filter(|(_, kind)| kinds.contains(kind)).map(|(to, _)| to.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter()
    }

    /// Every package reached from `start` (itself included), each with the one it was reached from: the shortest way.
    pub fn reached<'a>(&'a self, start: &'a str, kinds: &'a [Kind]) -> BTreeMap<&'a str, Option<&'a str>> {
        let mut from = BTreeMap::from([(start, None)]);
        let mut queue = VecDeque::from([start]);
        while let Some(user) = queue.pop_front() {
            for used in self.direct(user, kinds) {
                if let std::collections::btree_map::Entry::Vacant(entry) = from.entry(used) {
                    entry.insert(Some(user));
                    queue.push_back(used);
                }
            }
        }
        from
    }

    /// The way to a reached package, as names: `carnet-core → a → b`.
    pub fn way(&self, reached: &BTreeMap<&str, Option<&str>>, to: &str) -> String {
        let mut names = Vec::new();
        let mut next = Some(to);
        while let Some(id) = next {
            names.push(self.package(id).map_or(id, |package| &package.name));
            next = reached.get(id).copied().flatten();
        }
        names.reverse();
        names.join(" → ")
    }
}

/// The folder cargo builds into.
pub fn target_folder(workspace: &Workspace) -> Result<PathBuf, Failure> {
    Ok(PathBuf::from(text(&metadata(workspace)?, "target_directory")?))
}

fn metadata(workspace: &Workspace) -> Result<Value, Failure> {
    // With all features: what is built in only where somebody wants it has to keep the rules too.
    let arguments = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let mut command = workspace.cargo(arguments);
    let printed = workspace::output(&mut command)?;
    serde_json::from_slice(&printed)
        .map_err(|error| Failure::new(format!("cargo metadata is not JSON: {error}")))
}

fn package(value: &Value) -> Result<(String, Package), Failure> {
    let manifest = text(value, "manifest_path")?.replace('\\', "/");
    let package = Package {
        name: text(value, "name")?.to_owned(),
        license: value.get("license").and_then(Value::as_str).map(str::to_owned),
        example: manifest.contains("/examples/"),
    };
    Ok((text(value, "id")?.to_owned(), package))
}

fn node(value: &Value) -> Result<(String, Vec<(String, Kind)>), Failure> {
    let mut uses = Vec::new();
    for dependency in list(value, "deps")? {
        for kind in list(dependency, "dep_kinds")? {
            uses.push((text(dependency, "pkg")?.to_owned(), kind_of(kind)?));
        }
    }
    Ok((text(value, "id")?.to_owned(), uses))
}

fn kind_of(value: &Value) -> Result<Kind, Failure> {
    match value.get("kind") {
        None | Some(Value::Null) => Ok(Kind::Normal),
        Some(Value::String(kind)) if kind == "build" => Ok(Kind::Build),
        Some(Value::String(kind)) if kind == "dev" => Ok(Kind::Dev),
        Some(other) => {
            Err(Failure::new(format!("cargo metadata has an unknown kind of dependency: {other}")))
        }
    }
}

fn list<'a>(value: &'a Value, field: &str) -> Result<&'a Vec<Value>, Failure> {
    value.get(field).and_then(Value::as_array).ok_or_else(|| lacking(field))
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str, Failure> {
    value.get(field).and_then(Value::as_str).ok_or_else(|| lacking(field))
}

fn text_itself(value: &Value) -> Result<String, Failure> {
    value.as_str().map(str::to_owned).ok_or_else(|| lacking("workspace_members"))
}

fn lacking(field: &str) -> Failure {
    Failure::new(format!("cargo metadata has no `{field}` of the expected form"))
}
