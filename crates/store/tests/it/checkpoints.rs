//! The write-ahead log stays short, and what happens to it can be seen.

use carnet_core::document::Operation;

use super::world::*;

const ROUND: u64 = 8;
const LOG: u64 = 64;

fn world() -> World {
    World::with(|options| (options.checkpoint_pages, options.log_pages) = (ROUND, LOG))
}

fn renew_many(world: &World, phone: &mut Phone, times: u32) {
    for _ in 0..times {
        phone.ask(world, Operation::Renew { uses: 1 });
    }
}

fn path_of(world: &World) -> std::path::PathBuf {
    match world.store.database() {
        carnet_store::Database::File(path) => path.clone(),
        carnet_store::Database::Postgres(url) => panic!("{url}"),
    }
}

#[test]
fn the_log_starts_over_again_and_again_while_the_server_works() {
    let world = world();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    renew_many(&world, &mut phone, 300);
    let counts = world.store.counts();
    assert!(counts.rounds.count + counts.rests.count > 3, "{counts:?}");
    assert!(counts.rests.count > 0, "{counts:?}");
    let longest = std::fs::metadata(path_of(&world).with_extension("db-wal")).unwrap().len() / 4_096;
    assert!(longest < 10 * LOG, "{longest} pages");
    world.assert_clean();
}

/// Closing any other handle of the file would let go of its locks, and whoever looks at the database beside a running server
/// would then take its log away.
#[cfg(target_os = "linux")]
#[test]
fn the_database_stays_locked_while_checkpoints_wait_for_the_disk() {
    use std::os::unix::fs::MetadataExt;
    let world = world();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    renew_many(&world, &mut phone, 100);
    assert!(world.store.counts().rounds.count > 0, "{:?}", world.store.counts());
    let inode = std::fs::metadata(path_of(&world)).unwrap().ino();
    let (ours, file) = (std::process::id().to_string(), format!(":{inode}"));
    let locks = std::fs::read_to_string("/proc/locks").unwrap();
    let held = |line: &&str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.contains(&"POSIX") && words.contains(&ours.as_str()) && words.iter().any(|w| w.ends_with(&file))
    };
    assert!(locks.lines().any(|line| held(&line)), "nobody holds {inode}:\n{locks}");
    world.assert_clean();
}

#[test]
fn a_reader_that_stays_keeps_the_log_and_loses_nothing() {
    let world = world();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let reader = rusqlite::Connection::open(path_of(&world)).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM event").unwrap();
    let before: i64 = reader.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    renew_many(&world, &mut phone, 200);
    assert!(world.store.counts().log_pages > LOG, "{:?}", world.store.counts());
    let still: i64 = reader.query_row("SELECT count(*) FROM event", [], |row| row.get(0)).unwrap();
    assert_eq!(before, still);
    reader.execute_batch("COMMIT").unwrap();
    renew_many(&world, &mut phone, 400);
    assert!(world.store.counts().log_pages < 10 * LOG, "{:?}", world.store.counts());
    world.assert_clean();
}

#[test]
fn batches_commits_and_rows_are_counted() {
    let world = World::new();
    let before = world.store.counts();
    let mut phone = Phone::register(&world, 1);
    phone.agree(&world, "ten-runs");
    let after = world.store.counts();
    assert_eq!(after.batches.count - before.batches.count, 2);
    assert_eq!(after.batches.sum - before.batches.sum, 2, "each of one operation");
    assert_eq!(after.commits.count - before.commits.count, 2);
    assert_eq!(after.work.count, after.commits.count);
    assert!(after.rows > before.rows);
    assert_eq!(after.queue, 0);
    let hold = world.hold();
    let request = phone.request(Operation::Renew { uses: 1 });
    for _ in 0..3 {
        world.ledger.submit(phone.work(&request), Box::new(|_| {}));
    }
    assert_eq!(world.store.counts().queue, 3);
    drop(hold);
    world.store.close();
    let end = world.store.counts();
    assert_eq!((end.queue, end.batches.sum - after.batches.sum), (0, 3));
    assert_eq!(end.batches.count - after.batches.count, 1, "they shared a batch");
}

#[test]
fn a_closed_store_has_nothing_left_in_its_log_however_busy_checkpoints_were() {
    for _ in 0..20 {
        let world = World::with(|options| options.checkpoint_pages = 1);
        let mut phone = Phone::register(&world, 1);
        phone.agree(&world, "ten-runs");
        world.store.close();
        let log = std::fs::metadata(path_of(&world).with_extension("db-wal"));
        assert_eq!(log.map_or(0, |log| log.len()), 0);
    }
}
