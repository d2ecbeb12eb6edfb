//! A small made-up workspace that keeps every rule, then broken one rule at a time.

use serde_json::{Value, json};

use super::graph::Graph;
use super::licenses::ALLOWED;
use super::violations;
use crate::workspace::Workspace;

/// Packages as `(name, license)`, ours first, and uses as `(user, used, kind)`.
struct World {
    ours: Vec<&'static str>,
    others: Vec<(&'static str, Option<&'static str>)>,
    uses: Vec<(&'static str, &'static str, Option<&'static str>)>,
}

impl World {
    /// Keeps every rule, with a dev-dependency on what is banned otherwise.
    fn that_keeps_the_rules() -> Self {
        Self {
            ours: vec!["carnet-core", "carnet-seal", "carnet-server", "carnet-testkit", "imagetool"],
            others: vec![("serde", Some("MIT OR Apache-2.0")), ("tokio", Some("MIT"))],
            uses: vec![
                ("carnet-core", "serde", None),
                ("carnet-core", "tokio", Some("dev")),
                ("carnet-core", "carnet-testkit", Some("dev")),
                ("carnet-seal", "carnet-core", None),
                ("carnet-server", "carnet-seal", None),
                ("carnet-server", "tokio", None),
                ("carnet-testkit", "carnet-seal", None),
            ],
        }
    }

    fn and_use(mut self, user: &'static str, used: &'static str, kind: Option<&'static str>) -> Self {
        self.uses.push((user, used, kind));
        self
    }

    fn and_package(mut self, name: &'static str, license: Option<&'static str>) -> Self {
        self.others.push((name, license));
        self
    }

    fn violations(&self) -> Vec<String> {
        violations(&Graph::from_metadata(&self.metadata()).unwrap())
    }

    fn metadata(&self) -> Value {
        let ours = self.ours.iter().map(|name| (*name, Some("MIT")));
        let packages: Vec<Value> = ours
            .chain(self.others.iter().copied())
            .map(|(name, license)| {
                let folder = if name == "imagetool" { "examples" } else { "crates" };
                json!({ "id": name, "name": name, "license": license, "manifest_path": format!("/w/{folder}/{name}") })
            })
            .collect();
        let nodes: Vec<Value> = packages
            .iter()
            .map(|package| json!({ "id": package["id"], "deps": self.deps(&package["id"]) }))
            .collect();
        json!({ "packages": packages, "workspace_members": self.ours, "resolve": { "nodes": nodes } })
    }

    fn deps(&self, user: &Value) -> Vec<Value> {
        let uses = self.uses.iter().filter(|(from, ..)| user == from);
        uses.map(|(_, to, kind)| json!({ "pkg": to, "dep_kinds": [{ "kind": kind, "target": null }] }))
            .collect()
    }
}

fn assert_only_violation(world: &World, expected: &str) {
    let found = world.violations();
    assert!(found.len() == 1 && found[0].contains(expected), "expected only {expected:?}, found {found:#?}");
}

#[test]
fn a_workspace_that_keeps_the_rules_has_no_violation() {
    assert_eq!(World::that_keeps_the_rules().violations(), Vec::<String>::new());
}

#[test]
fn an_arrow_that_points_up_is_found() {
    let world = World::that_keeps_the_rules().and_use("carnet-core", "carnet-seal", None);
    assert_only_violation(&world, "carnet-core must not use carnet-seal");
}

#[test]
fn an_arrow_that_points_up_from_a_build_script_is_found() {
    let world = World::that_keeps_the_rules().and_use("carnet-seal", "carnet-server", Some("build"));
    assert_only_violation(&world, "carnet-seal must not use carnet-server");
}

#[test]
fn the_testkit_in_a_release_is_found() {
    let world = World::that_keeps_the_rules().and_use("carnet-server", "carnet-testkit", None);
    assert_only_violation(&world, "carnet-server must not use carnet-testkit");
}

#[test]
fn an_example_that_uses_more_than_the_controller_is_found() {
    let world = World::that_keeps_the_rules().and_use("imagetool", "carnet-seal", None);
    assert_only_violation(&world, "imagetool must not use carnet-seal");
}

#[test]
fn a_crate_without_a_row_is_found() {
    let mut world = World::that_keeps_the_rules();
    world.ours.push("carnet-newcomer");
    assert_only_violation(&world, "carnet-newcomer is not in the table");
}

#[test]
fn a_banned_package_far_down_is_found_with_the_way_to_it() {
    let world = World::that_keeps_the_rules()
        .and_package("between", Some("MIT"))
        .and_use("serde", "between", None)
        .and_use("between", "ed25519-dalek", None)
        .and_package("ed25519-dalek", Some("BSD-3-Clause"));
    assert_only_violation(&world, "carnet-core → serde → between → ed25519-dalek");
}

#[test]
fn openssl_is_found_even_where_only_tests_use_it() {
    let world = World::that_keeps_the_rules().and_package("openssl-sys", Some("MIT")).and_use(
        "carnet-server",
        "openssl-sys",
        Some("dev"),
    );
    assert_only_violation(&world, "carnet-server → openssl-sys");
}

#[test]
fn a_license_that_is_not_allowed_is_found() {
    let world = World::that_keeps_the_rules().and_package("viral", Some("GPL-3.0-only"));
    assert_eq!(world.violations(), Vec::<String>::new(), "a package nobody uses does not matter");
    assert_only_violation(
        &world.and_use("carnet-server", "viral", Some("build")),
        "viral is under GPL-3.0-only",
    );
}

#[test]
fn a_package_without_a_license_expression_is_found() {
    let world =
        World::that_keeps_the_rules().and_package("bare", None).and_use("carnet-core", "bare", Some("dev"));
    assert_only_violation(&world, "bare states no license expression");
}

#[test]
fn mpl_is_for_tests_only() {
    let world = World::that_keeps_the_rules().and_package("mozilla", Some("MPL-2.0"));
    let world = world.and_use("carnet-server", "mozilla", Some("dev"));
    assert_eq!(world.violations(), Vec::<String>::new());
    assert_only_violation(&world.and_use("carnet-server", "mozilla", None), "mozilla is under MPL-2.0");
}

#[test]
fn metadata_of_another_form_is_an_error_and_not_an_empty_graph() {
    assert!(Graph::from_metadata(&json!({})).is_err());
    assert!(Graph::from_metadata(&json!({ "packages": [], "workspace_members": [] })).is_err());
}

#[test]
fn this_workspace_keeps_the_rules() {
    let graph = Graph::of(&Workspace::for_tests()).unwrap();
    assert!(graph.members().count() > 10, "the graph is not that of this workspace");
    assert_eq!(violations(&graph), Vec::<String>::new());
}

#[test]
fn cargo_deny_allows_the_same_licenses() {
    let deny = std::fs::read_to_string(Workspace::for_tests().root().join("deny.toml")).unwrap();
    let list = deny.split("allow = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap();
    let mut listed: Vec<&str> = list.split(',').map(|name| name.trim().trim_matches('"')).collect();
    listed.retain(|name| !name.is_empty());
    assert_eq!(listed, ALLOWED);
}
