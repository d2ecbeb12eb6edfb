//! tmp
use carnet_core::document::Operation;
use super::world::*;
#[test]
fn perf() {
    let world = World::new();
    let n = 128usize;
    let mut phones: Vec<_> = (1..=n as u32).map(|i| Phone::register(&world, i)).collect();
    for p in &mut phones { p.agree(&world, "forever"); }
    let rounds = 60;
    let counts = world.store.counts();
    let start = std::time::Instant::now();
    std::thread::scope(|s| {
        for p in &mut phones {
            let world = &world;
            s.spawn(move || for _ in 0..rounds { let r = p.request(Operation::Renew{uses:1}); let pl = answered(world.ledger.settle(p.work(&r)).unwrap()); p.receive(&pl); });
        }
    });
    let t = start.elapsed();
    let after = world.store.counts();
    let batches = after.batches.count - counts.batches.count;
    println!("{:?}: {} renewals in {:?} = {:.0}/s; {} batches, work {} us/batch commit {} us/batch", super::KIND, n*rounds, t, (n*rounds) as f64 / t.as_secs_f64(), batches, (after.work.sum-counts.work.sum)/batches, (after.commits.sum-counts.commits.sum)/batches);
}
