//! Kills processes at random moments until the job is done.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use keywalk_tests::random::Random;

use super::child::{CHUNK, ROWS, Store, database, start, wait_for};

const KILLS: usize = 20;
/// The number of chunks that a child may do: fewer than there are in all.
const CHUNKS: u64 = ROWS as u64 / CHUNK as u64 / KILLS as u64 - 1;

/// Kills children one after another. Returns how far each got.
fn kill_often(store: Store, folder: &Path, mut killed: impl FnMut()) {
    let given = std::env::var("KEYWALK_SEED").ok();
    let given = given.and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(Random::any_seed);
    println!("KEYWALK_SEED={seed}");
    let mut random = Random::new(seed);
    for kill in 0..KILLS {
        let mut process = start(store, folder);
        for _ in 0..=random.below(CHUNKS) {
            process.tell("a chunk");
        }
        // The job makes progress even on a slow machine.
        if kill % 2 == 0 {
            wait_for(&mut process, 1);
        }
        thread::sleep(Duration::from_micros(random.below(15_000)));
        process.kill();
        killed();
    }
    start(store, folder).finish();
}

#[test]
fn every_row_is_counted_once_whenever_the_process_is_killed() {
    for mode in ["wal", "delete"] {
        let folder = tempfile::tempdir().unwrap();
        let db = database(folder.path());
        db.execute_batch(&format!(
            "PRAGMA journal_mode = {mode};
             CREATE TABLE items (id INTEGER PRIMARY KEY, count INTEGER NOT NULL);
             CREATE TABLE log (id INTEGER NOT NULL);
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {ROWS})
                 INSERT INTO items SELECT i * 3, 0 FROM n;"
        ))
        .unwrap();
        let ask = |sql: &str| -> u32 { db.query_row(sql, [], |row| row.get(0)).unwrap() };
        let mut marks = BTreeSet::new();
        kill_often(Store::Sqlite, folder.path(), || {
            let items = ask("SELECT items FROM keywalk_jobs WHERE name = 'killed'");
            let logged = ask("SELECT count(*) FROM log");
            assert_eq!(items, logged, "{mode}: together or not at all");
            marks.insert(items);
        });
        let once = ask("SELECT count(*) FROM items WHERE count = 1");
        let logged = ask("SELECT count(*) FROM log");
        assert_eq!((once, logged), (ROWS, ROWS), "{mode}");
        assert!(marks.len() >= KILLS / 2, "{mode}: in the middle of the job");
    }
}

#[test]
fn with_files_nothing_is_missed_and_a_kill_repeats_one_chunk_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let log = || -> Vec<u32> {
        let bytes = fs::read(folder.path().join("log")).unwrap_or_default();
        let (keys, cut) = bytes.as_chunks();
        assert!(cut.is_empty());
        keys.iter().map(|key| u32::from_be_bytes(*key)).collect()
    };
    let repeated = |log: &[u32]| log.len() - log.iter().collect::<BTreeSet<_>>().len();
    let mut before = 0;
    kill_often(Store::Files, folder.path(), || {
        let now = repeated(&log());
        assert!(now - before <= CHUNK, "{now} repeated after {before}");
        before = now;
    });
    let log = log();
    let done: BTreeSet<u32> = log.iter().copied().collect();
    assert!(done.into_iter().eq(0..ROWS), "none is missed");
    assert!(repeated(&log) <= KILLS * CHUNK);
}
