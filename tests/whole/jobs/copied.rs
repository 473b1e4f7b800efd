//! Tests a job that walks sled and writes to SQLite, where its position is stored too.

use keywalk::Walk;
use keywalk_job::{Job, Stop, StopReason};
use keywalk_sled::Tree;
use keywalk_sqlite::SqliteCheckpoints;
use rusqlite::Connection;

#[test]
fn what_is_copied_from_sled_to_sqlite_is_copied_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let sled = sled::open(folder.path().join("sled")).unwrap();
    for n in 0..100_u64 {
        sled.insert(n.to_be_bytes(), n.to_string().as_bytes())
            .unwrap();
    }
    let db = Connection::open(folder.path().join("copy.db")).unwrap();
    db.execute_batch("CREATE TABLE copy (id INTEGER NOT NULL, value TEXT)")
        .unwrap();
    let mut runs = 0;
    loop {
        runs += 1;
        let stop = Stop::new();
        let walk = Walk::new(Tree::<u64>::new(sled::Tree::clone(&sled))).chunk_size(8);
        let job = Job::new("copy", walk, SqliteCheckpoints::new(&db));
        let mut chunks = 0;
        let run = job.stop_on(&stop).run(|tx, items| {
            for (id, value) in items {
                let value = String::from_utf8_lossy(value);
                tx.execute("INSERT INTO copy VALUES (?1, ?2)", (*id as i64, value))?;
            }
            chunks += 1;
            match runs % 3 {
                0 => Err("after the work".into()),
                1 if chunks == 2 => {
                    stop.request();
                    Ok(())
                }
                _ if chunks == 3 => Err("late".into()),
                _ => Ok(()),
            }
        });
        if run.is_ok_and(|outcome| outcome.stop_reason() == StopReason::Done) {
            break;
        }
    }
    let sql = "SELECT count(*), count(DISTINCT id), sum(id = CAST(value AS INTEGER)) FROM copy";
    let counts = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    assert_eq!(counts.unwrap(), (100, 100, 100));
    assert!(runs > 3);
}
