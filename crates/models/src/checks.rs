//! What must hold in every state: the protocol's invariants I1 to I8, and that nobody is stuck.

use std::collections::BTreeMap;

use carnet_core::document::{JournalName, Operation, Reason};
use carnet_core::id::LicenseId;
use carnet_core::journal::PassStatus;
use carnet_core::license::{Balance, Line};
use stateright::Property;

use crate::world::{Variant, World, WorldModel};

type Check = fn(&WorldModel, &World) -> bool;

/// The invariants that the world at hand promises.
pub(crate) fn properties(model: &WorldModel) -> Vec<Property<WorldModel>> {
    let mut list: Vec<(&'static str, Check)> = vec![
        ("I3 the books balance, and the postings give them again", books_balance),
        ("I4 no more is used than was sold, but for one slice per restore", nothing_is_doubled),
        ("I5 the same request gets the same answer", repeats_are_identical),
        ("D3 a passbook set back behind an acknowledged point is noticed", setbacks_are_noticed),
        ("I8 nobody is stuck, and at rest both sides agree", nobody_is_stuck),
    ];
    if model.passbook_restores == 0 {
        list.push(("I8 an honest device is never flagged", nobody_is_flagged));
    }
    if model.is_honest() {
        list.push(("I1 no more devices run than were agreed", few_enough_run));
        list.push(("I2 nobody runs on a generation that was released", nobody_runs_on_old_generations));
        list.push(("I7 a portable pass is imported at most once", imported_once));
    }
    let witnesses: [(&'static str, Check); 2] = [
        ("a use is made", |_, world| !world.used.is_empty()),
        ("a pass arrives", |_, world| !world.imports.is_empty()),
    ];
    let always = list.into_iter().map(|(name, check)| Property::always(name, check));
    let travels = model.ops.contains(&crate::world::Op::Import);
    let sometimes = witnesses.into_iter().take(1 + usize::from(travels));
    always.chain(sometimes.map(|(name, check)| Property::sometimes(name, check))).collect()
}

fn few_enough_run(model: &WorldModel, world: &World) -> bool {
    let mut running: BTreeMap<LicenseId, usize> = BTreeMap::new();
    for (name, state) in &world.disks {
        if world.runs(name, model.variant)
            && let Some(held) = &state.held
        {
            *running.entry(held.pass.license).or_default() += 1;
        }
    }
    running.values().all(|count| *count <= usize::from(model.rights))
}

fn nobody_runs_on_old_generations(model: &WorldModel, world: &World) -> bool {
    world.disks.iter().filter(|(name, _)| world.runs(name, model.variant)).all(|(name, state)| {
        let Some(pass) = state.held.as_ref().map(|held| &held.pass) else { return false };
        let own = (name.device, pass.license, pass.right, pass.generation);
        let license = world.server.licenses.get(&pass.license);
        let right = license.and_then(|license| license.rights.get(pass.right as usize));
        let known =
            right.is_some_and(|right| right.is_held_by(name.device) && right.generation == pass.generation);
        known && !world.released.contains(&own)
    })
}

fn books_balance(_: &WorldModel, world: &World) -> bool {
    let server = &world.server;
    server.half_done.is_some()
        || (!server.misposted
            && server.licenses.values().all(|license| {
                let posted = |line| server.posted.get(&(license.id, line)).copied().unwrap_or_default();
                let uses = license.uses.unwrap_or_default();
                let held = |name: &JournalName| {
                    let account =
                        server.journals.get(name).and_then(|journal| journal.accounts.get(&license.id));
                    account.and_then(|account| account.uses).map_or(0, |held| held.outstanding())
                };
                let in_passes: u64 = server.journals.keys().map(held).sum();
                uses.is_balanced()
                    && uses == posted(Line::Uses)
                    && license.rights_balance() == posted(Line::Rights)
                    && uses.held == in_passes
            }))
}

fn nothing_is_doubled(model: &WorldModel, world: &World) -> bool {
    let slack =
        u64::from(world.passbook_restores) + u64::from(world.server_restores) * u64::from(model.devices);
    let sold = |license: &LicenseId| {
        let line = world.server.licenses.get(license).and_then(|license| license.uses);
        line.map_or(0, |line: Balance| line.total.max(model.uses))
    };
    model.uses == 0 || world.used.iter().all(|(license, used)| *used <= sold(license) + slack)
}

fn imported_once(_: &WorldModel, world: &World) -> bool {
    world.imports.values().all(|count| *count <= 1)
}

fn nobody_is_flagged(_: &WorldModel, world: &World) -> bool {
    let quiet = world.server.journals.values().all(|journal| journal.flagged.is_none());
    quiet && world.server.devices.values().all(|device| device.settled.is_none())
}

fn setbacks_are_noticed(_: &WorldModel, world: &World) -> bool {
    !world.unnoticed
}

/// As long as the journal has not gone on, its last request gets its first answer again.
fn repeats_are_identical(model: &WorldModel, world: &World) -> bool {
    if world.server.half_done.is_some() || world.server_restores > 0 {
        return true;
    }
    world.requests.iter().all(|request| {
        let name = &request.journal;
        let latest =
            world.server.journals.get(name).is_some_and(|journal| journal.epoch == request.epoch + 1);
        let mut firsts = world.answers.iter().filter(|answer| {
            let in_step = answer.head.resume.is_none() && answer.head.epoch == request.epoch + 1;
            answer.head.request == request.id && answer.head.journal == *name && in_step
        });
        let Some(first) = firsts.next().filter(|_| latest) else { return true };
        let mut again = world.clone();
        again.answers.clear();
        again.serve(request, model);
        firsts.next().is_none() && again.answers.into_iter().eq([first.clone()])
    })
}

/// Whatever has happened: with the network back, every journal finishes its open request and then gets an
/// honest answer to the next one; and then both sides agree on what was given and used.
fn nobody_is_stuck(model: &WorldModel, world: &World) -> bool {
    if world.server.half_done.is_some() || !world.in_memory.is_empty() {
        return true;
    }
    let mut world = world.clone();
    let names: Vec<JournalName> = world.disks.keys().cloned().collect();
    names.iter().all(|name| finish(&mut world, name, model) && renews(&mut world, name, model))
        && names.iter().all(|name| agrees(&world, name, model))
}

/// Carries the open request there and its answer back.
fn finish(world: &mut World, name: &JournalName, model: &WorldModel) -> bool {
    let Some(request) = world.disks.get(name).and_then(|state| state.intent.clone()) else { return true };
    let known = world.answers.clone();
    world.serve(&request, model);
    if world.server.half_done.is_some() {
        world.finish_commit(model);
    }
    let answers: Vec<_> =
        world.answers.iter().filter(|answer| answer.head.request == request.id).cloned().collect();
    let newest = answers.iter().filter(|answer| !known.contains(answer)).chain(&answers);
    let mut taken = newest.cloned().collect::<Vec<_>>().into_iter();
    taken.any(|answer| world.deliver(&answer, model.variant))
}

/// Asks for the next pass until the answer is one that a user can do something with.
fn renews(world: &mut World, name: &JournalName, model: &WorldModel) -> bool {
    let flagged = world.server.journals.get(name).is_some_and(|journal| journal.flagged.is_some());
    let may_be_flagged = flagged || (model.forgiven_before && model.passbook_restores > 0);
    for _ in 0..4 {
        if !world.ask(name, Operation::Renew { uses: 1 }, model.variant) || !finish(world, name, model) {
            return false;
        }
        match world.disks.get(name).and_then(|state| state.refused) {
            None => return true,
            Some(Reason::Exhausted | Reason::HeldElsewhere | Reason::Moving) => return true,
            Some(Reason::UnderReview) => return may_be_flagged,
            // Whoever is told gives back in the same contact.
            Some(Reason::Transferred) => {
                if !world.ask(name, Operation::Return, model.variant) || !finish(world, name, model) {
                    return false;
                }
            }
            Some(Reason::ForkOrRollback | Reason::Superseded) if model.passbook_restores == 0 => {
                return false;
            }
            Some(_) => {}
        }
    }
    false
}

/// At rest, the server's account of a journal is what the journal says of itself.
fn agrees(world: &World, name: &JournalName, model: &WorldModel) -> bool {
    let Some(state) = world.disks.get(name) else { return false };
    let Some(journal) = world.server.journals.get(name) else { return true };
    if journal.flagged.is_some() || state.refused == Some(Reason::UnderReview) {
        return true;
    }
    let in_step = model.variant == Variant::EpochPerDevice || state.epoch == journal.epoch;
    let Some(active) = journal.active.filter(|active| active.moved.is_none()) else { return in_step };
    let pass = state.held.as_ref().map(|held| &held.pass).filter(|pass| pass.license == active.license);
    let account = journal.accounts.get(&active.license).and_then(|account| account.uses);
    let upto = pass.and_then(|pass| pass.uses).map(|uses| uses.upto);
    let right =
        world.server.licenses.get(&active.license).and_then(|row| row.rights.get(active.right as usize));
    let held = right.is_some_and(|right| right.is_held_by(name.device));
    let good = state.pass_status() == Some(PassStatus::Valid);
    in_step && (!held || !good || upto == account.map(|held| held.upto))
}
