//! Explores the worlds. Every sound world must be free of findings, every broken variant must be caught.

use std::time::Duration;

use carnet_models::{Op, Variant, WorldModel};
use stateright::{Checker, Expectation, HasDiscoveries, Model};

const ALL: &[Op] = &[Op::Renew, Op::Export, Op::Import, Op::Cancel, Op::Return];
const MOVE: &[Op] = &[Op::Renew, Op::Export, Op::Import];
const LIMIT: Duration = Duration::from_secs(120);

fn small() -> WorldModel {
    WorldModel::small(Variant::Sound)
}

/// The worlds of the sound protocol, by name.
fn worlds() -> Vec<(&'static str, WorldModel)> {
    vec![
        ("one right, every operation", WorldModel { ops: ALL, operations: 2, ..small() }),
        ("two rights", WorldModel { rights: 2, operations: 2, uses: 3, ..small() }),
        ("perpetual", WorldModel { uses: 0, ops: ALL, operations: 2, ..small() }),
        ("perpetual, passbook restored", WorldModel { uses: 0, passbook_restores: 1, ..small() }),
        ("two licenses of one app", WorldModel { licenses: 2, uses: 1, operations: 2, ..small() }),
        ("two apps", WorldModel { apps: 2, devices: 1, uses: 1, operations: 3, ops: MOVE, ..small() }),
        ("two apps, two devices", WorldModel { apps: 2, operations: 1, ops: &[Op::Renew], ..small() }),
        ("one passbook restored", WorldModel { passbook_restores: 1, operations: 2, ..small() }),
        (
            "one device restored",
            WorldModel { passbook_restores: 1, devices: 1, operations: 3, ops: ALL, uses: 3, ..small() },
        ),
        (
            "restored again after forgiveness",
            WorldModel { passbook_restores: 1, forgiven_before: true, operations: 2, ..small() },
        ),
        ("server restored", WorldModel { server_restores: 1, operations: 2, uses: 1, ops: MOVE, ..small() }),
        ("transferred", transferred()),
        (
            "server restored, one device",
            WorldModel { server_restores: 1, devices: 1, operations: 3, ops: ALL, ..small() },
        ),
        (
            "server restored, two rights",
            WorldModel {
                server_restores: 1,
                rights: 2,
                operations: 1,
                ops: &[Op::Renew, Op::Export],
                ..small()
            },
        ),
    ]
}

/// One device gives back, or is told first; the other one waits for it.
fn transferred() -> WorldModel {
    WorldModel { transfers: 1, operations: 3, ops: &[Op::Renew, Op::Return], ..small() }
}

/// Each broken variant with a world in which it must be caught.
fn broken() -> Vec<(Variant, WorldModel)> {
    let restored =
        || WorldModel { passbook_restores: 1, devices: 1, operations: 3, uses: 3, ops: ALL, ..small() };
    let of = |variant, world: WorldModel| (variant, WorldModel { variant, ..world });
    vec![
        of(Variant::CountedRequestIds, restored()),
        of(Variant::NoEpoch, restored()),
        of(Variant::EpochPerDevice, WorldModel { apps: 2, devices: 1, ..small() }),
        of(
            Variant::AnswerHashNotCompared,
            WorldModel { server_restores: 1, devices: 1, operations: 3, ops: ALL, ..small() },
        ),
        of(Variant::DisableAfterAnswer, small()),
        of(Variant::IntentClosedFirst, small()),
        of(Variant::SplitCommit, small()),
        of(Variant::ForgottenIds, small()),
        of(Variant::Deltas, WorldModel { devices: 1, uses: 3, operations: 3, ..small() }),
        of(Variant::GenerationPerLicense, WorldModel { rights: 2, ..small() }),
        of(Variant::ToldIsEnough, transferred()),
        of(Variant::RefusalInSlot, WorldModel { forgiven_before: true, ..restored() }),
    ]
}

fn always(model: &WorldModel) -> Vec<&'static str> {
    let properties = model.properties().into_iter();
    properties
        .filter(|property| property.expectation == Expectation::Always)
        .map(|property| property.name)
        .collect()
}

#[test]
fn the_protocol_holds_in_every_world() {
    for (name, model) in worlds() {
        let promised = always(&model);
        let checker = model.clone().checker().threads(2).timeout(LIMIT).spawn_bfs().join();
        println!("{name}: {} states, {promised:?}", checker.unique_state_count());
        assert!(checker.is_done(), "{name}: not explored to the end");
        for property in model.properties() {
            match (property.expectation, checker.discovery(property.name)) {
                (Expectation::Always, Some(path)) => {
                    panic!("{name}: {}\n{:#?}", property.name, path.into_actions())
                }
                (Expectation::Sometimes, None) => panic!("{name}: never: {}", property.name),
                _ => {}
            }
        }
    }
}

#[test]
fn every_broken_variant_is_caught() {
    let mut missed = Vec::new();
    for (variant, model) in broken() {
        let promised = always(&model);
        let any = HasDiscoveries::AnyFailures;
        let checker = model.clone().checker().threads(2).timeout(LIMIT).finish_when(any).spawn_bfs().join();
        let caught: Vec<_> = promised.into_iter().filter(|name| checker.discovery(name).is_some()).collect();
        println!("{variant:?}: {} states, caught by {caught:?}", checker.unique_state_count());
        if caught.is_empty() {
            missed.push(variant);
        }
    }
    assert_eq!(missed, [], "these pass, so the model proves nothing");
}

/// A variant can only be caught by its own defect if the sound protocol passes in the very same world.
#[test]
fn the_worlds_of_the_broken_variants_are_sound_otherwise() {
    for (variant, model) in broken() {
        let sound = WorldModel { variant: Variant::Sound, ..model };
        let promised = always(&sound);
        let checker = sound.checker().threads(2).timeout(LIMIT).spawn_bfs().join();
        for name in promised {
            if let Some(path) = checker.discovery(name) {
                panic!("the world of {variant:?}: {name}\n{:#?}", path.into_actions());
            }
        }
    }
}
