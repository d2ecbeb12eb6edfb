//! The dashboard asks for what the server measures, and for all of it.

use std::collections::BTreeSet;
use std::path::Path;

use carnet_server::metrics;
use serde_json::Value;

use crate::device_world::{Device, shop};
use crate::world::World;

/// Measured, and not on the dashboard: none so far.
const NOT_SHOWN: [&str; 0] = [];

fn dashboard() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/grafana/carnet.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every query of a panel or of a variable.
fn queries(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field.as_str().filter(|_| name == "expr" || name == "query") {
                    Some(text) => found.push(text.to_owned()),
                    None => queries(field, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| queries(value, found)),
        _ => {}
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(|word| word.starts_with("carnet_"))
}

/// The metric behind a name: histograms are asked for by their parts.
fn metric<'n>(name: &'n str, measured: &BTreeSet<&str>) -> Option<&'n str> {
    let parts = ["_bucket", "_sum", "_count"].iter().filter_map(|part| name.strip_suffix(part));
    std::iter::once(name).chain(parts).find(|name| measured.contains(name))
}

#[test]
fn the_dashboard_asks_for_what_is_measured_and_for_all_of_it() {
    let measured: BTreeSet<&str> = metrics::names().collect();
    let mut asked = Vec::new();
    queries(&dashboard(), &mut asked);
    assert!(asked.len() > 20, "{asked:?}");
    let mut shown = BTreeSet::new();
    for query in &asked {
        for name in names(query) {
            let found = metric(name, &measured);
            shown.insert(found.unwrap_or_else(|| panic!("nobody measures {name}: {query}")));
        }
    }
    let hidden: Vec<_> = measured.difference(&shown).collect();
    assert_eq!(hidden, NOT_SHOWN.iter().collect::<Vec<_>>(), "these are nowhere on the dashboard");
}

#[tokio::test]
async fn the_names_are_those_that_the_server_tells() {
    let world = World::new();
    let (_, app) = shop(&world).await;
    Device::registered(&world).await.buy(&world, &app).await;
    world.get("/nowhere").await;
    let text = world.metrics().await;
    let told = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let told: BTreeSet<&str> = told.collect();
    assert_eq!(told, metrics::names().collect());
}

#[test]
fn every_metric_is_explained() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operating.md");
    let page = std::fs::read_to_string(path).unwrap();
    for name in metrics::names() {
        assert!(page.contains(&format!("`{name}`")), "{name} is not in docs/operating.md");
    }
}
