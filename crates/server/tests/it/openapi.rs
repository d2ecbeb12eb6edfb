//! The OpenAPI document is made from the code and committed.

use serde_json::Value;

use crate::world::World;

fn document() -> Value {
    serde_json::to_value(carnet_server::api::document()).unwrap()
}

#[test]
fn the_committed_document_is_what_the_code_makes() {
    let committed = include_str!("../../openapi.json");
    let made = carnet_server::api::document_text().unwrap();
    assert!(
        committed == made,
        "crates/server/openapi.json is not what the code makes: run `carnetd openapi` and commit it"
    );
}

#[test]
fn the_information_in_it_is_ours() {
    let document = document();
    assert_eq!(document["info"]["title"], "Carnet licensing server");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_problems_that_exist() {
    let document = document();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.ends_with('.')), "{path}");
            for response in operation["responses"].as_object().unwrap().values() {
                let text = response["description"].as_str().unwrap();
                for code in text.split('`').skip(1).step_by(2) {
                    let known = carnet_api::ProblemCode::ALL.iter().any(|known| known.as_str() == code);
                    assert!(known, "{path}: {code}");
                }
            }
        }
    }
    assert_eq!(names.len(), 62);
}

#[test]
fn the_paths_in_it_are_those_of_the_contract() {
    use carnet_api::path;
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    for path in [
        path::DEVICE,
        path::KEY_SET,
        path::ACCOUNT,
        path::SERVER,
        path::SUPPLIERS,
        path::SUPPLIER,
        path::TOKENS,
        path::REVOKE_TOKEN,
        path::APPS,
        path::LICENSES,
        path::EVENTS,
        path::HEALTHZ,
        path::READYZ,
        path::OPENAPI,
    ] {
        assert!(paths.contains_key(path), "{path}");
    }
    let templates = [
        (path::app(&"acme/paint".parse().unwrap()), "/v1/apps/{supplier}/{name}"),
        (path::menu(&"acme/paint/brushes".parse().unwrap()), "/v1/menu/{supplier}/{name}/{part}"),
        (path::suspend(carnet_core::id::LicenseId([0; 16])), "/v1/licenses/{license}/suspend"),
        (path::problem(carnet_api::ProblemCode::Stale), "/problems/{code}"),
    ];
    for (made, template) in templates {
        assert!(paths.contains_key(template), "{template}");
        assert_eq!(made.split('/').count(), template.split('/').count(), "{made}");
    }
}

#[tokio::test]
async fn it_is_served() {
    let world = World::new();
    assert_eq!(world.get("/openapi.json").await.json(), document());
}
