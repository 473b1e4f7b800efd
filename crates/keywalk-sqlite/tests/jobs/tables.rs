//! What the tables hold, and what is wrong with them.

use std::error::Error as _;

use keywalk_job::{Checkpoints, Error, Job, Stop};
use keywalk_sqlite::{CheckpointError, CheckpointErrorKind, CheckpointTable, Table};
use rusqlite::Connection;

use crate::world::{World, kind, run, walk};

#[test]
fn a_jobs_row_tells_where_it_stands() {
    let world = World::new(101);
    let db = world.connect();
    let row = || {
        let sql = "SELECT name, run, done, items, skipped, share, position FROM keywalk_jobs";
        db.query_row(sql, [], |row| {
            let name: String = row.get(0)?;
            let numbers: (i64, bool, i64, i64) =
                (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            let place: (Option<f64>, Option<String>) = (row.get(5)?, row.get(6)?);
            Ok((name, numbers, place))
        })
        .unwrap()
    };
    let stop = Stop::new();
    let job = Job::new("a 'job'", walk(&db, 51), CheckpointTable::new(&db)).stop_on(&stop);
    let outcome = job.run(|_, _| {
        stop.request();
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 51);
    let name = "a 'job'".to_owned();
    let half = (Some(0.5), Some("51".to_owned()));
    assert_eq!(row(), (name.clone(), (1, false, 51, 0), half));
    let job = Job::new("a 'job'", walk(&db, 51), CheckpointTable::new(&db));
    assert!(job.run(|_, _| Ok(())).unwrap().is_done());
    let whole = (Some(1.0), Some("101".to_owned()));
    assert_eq!(row(), (name, (2, true, 101, 0), whole));
}

#[test]
fn keys_are_in_words() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (a TEXT NOT NULL, b REAL NOT NULL, c BLOB NOT NULL, PRIMARY KEY (a, b, c));
         INSERT INTO t VALUES ('say \"a\"', 1.5, x'00ff')",
    )
    .unwrap();
    let job = Job::new(
        "words",
        keywalk::Walk::new(Table::new(&db, "t")),
        CheckpointTable::new(&db),
    );
    let outcome = job.run(|_, _| Ok(())).unwrap();
    let position = outcome.checkpoint().unwrap().position();
    assert_eq!(position, Some(r#"('say "a"', 1.5, x'00ff')"#));
}

#[test]
fn shares_of_composite_keys_and_uuids_rise_from_run_to_run() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE pairs (a INTEGER NOT NULL, b INTEGER NOT NULL, PRIMARY KEY (a, b)) WITHOUT ROWID;
         CREATE TABLE uuids (id BLOB NOT NULL PRIMARY KEY) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO pairs SELECT i / 10, i FROM n;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99)
             INSERT INTO uuids SELECT CAST(printf('%02d345678abcdefgh', i) AS BLOB) FROM n;
         UPDATE uuids SET id = substr(id, 1, 16);",
    )
    .unwrap();
    fn shares<K: keywalk_sqlite::Key>(
        table: Table<&Connection, K>,
        db: &Connection,
    ) -> Option<f64> {
        let mut shares = Vec::new();
        let stop = Stop::new();
        let walk = keywalk::Walk::new(table).chunk_size(10);
        let job = Job::new("shares", walk, CheckpointTable::new(db)).stop_on(&stop);
        let job = job.on_progress(|progress| shares.push(progress.share()));
        let outcome = job.run(|_, _| {
            stop.request();
            Ok(())
        });
        assert_eq!(outcome.unwrap().items(), 10);
        shares.pop().flatten()
    }
    for name in ["pairs", "uuids"] {
        let mut all = Vec::new();
        for _ in 0..10 {
            let table = Table::new(&db, name);
            all.push(match name {
                "pairs" => shares(table.key::<(i64, i64)>(["a", "b"]).unwrap(), &db).unwrap(),
                _ => shares(table.key::<uuid::Uuid>(["id"]).unwrap(), &db).unwrap(),
            });
        }
        assert!(
            all.is_sorted() && all[4] > 0.3 && all[4] < 0.7,
            "{name}: {all:?}"
        );
        assert_eq!(all.last(), Some(&1.0));
        assert!(CheckpointTable::new(&db).reset("shares").unwrap());
    }
}

#[test]
fn asking_makes_no_tables() {
    let world = World::new(2);
    let db = world.connect();
    let mut table = CheckpointTable::new(&db);
    assert!(table.list().unwrap().is_empty());
    assert!(table.load("touch").unwrap().is_none());
    assert!(!table.reset("touch").unwrap());
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'keywalk%'";
    assert_eq!(db.query_row(sql, [], |row| row.get(0)), Ok(0));
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_eq!(db.query_row(sql, [], |row| row.get(0)), Ok(2));
    let jobs: Vec<_> = table
        .list()
        .unwrap()
        .iter()
        .map(|job| job.job().to_owned())
        .collect();
    assert_eq!(jobs, ["touch"]);
    // A shadow in another schema isn't asked.
    db.execute_batch("CREATE TEMP TABLE keywalk_jobs (name, checkpoint)")
        .unwrap();
    assert_eq!(table.list().unwrap().len(), 1);
    assert!(table.reset("touch").unwrap());
    assert!(!table.reset("touch").unwrap());
}

#[test]
fn a_damaged_checkpoint_is_an_error_that_a_reset_mends() {
    let world = World::new(4);
    let db = world.connect();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    for damage in [
        "''",
        "'{}'",
        "substr(checkpoint, 1, 50)",
        "replace(checkpoint, '\"token\":\"A', '\"token\":\"B')",
    ] {
        db.execute_batch(&format!("UPDATE keywalk_jobs SET checkpoint = {damage}"))
            .unwrap();
        let error = run(&db, 2, |_, _| Err("nothing is done".into()));
        assert_eq!(kind(error), CheckpointErrorKind::Content, "{damage}");
    }
    let error = CheckpointTable::new(&db).list().unwrap_err();
    assert!(error.source().is_some() && error.to_string().contains("\"touch\""));
    assert!(CheckpointTable::new(&db).reset("touch").unwrap());
    assert_eq!(run(&db, 2, |_, _| Ok(())).unwrap().items(), 4);
}

#[test]
fn errors_are_errors_and_the_store_prints_no_rows() {
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<CheckpointError>();
    error::<Error<keywalk_sqlite::Error, CheckpointError>>();
    fn printed<T: std::fmt::Debug>() {}
    printed::<CheckpointTable<'_>>();
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_to_is_an_error_about_the_lease() {
    let world = World::new(2);
    let db = world.connect();
    // As good as a folder that can't be written to, and so also for root.
    let lock = world.path().with_file_name("jobs.db.job-touch.lock");
    std::fs::create_dir(&lock).unwrap();
    let error = run(&db, 2, |_, _| Ok(()));
    assert_eq!(kind(error), CheckpointErrorKind::Lease);
    std::fs::remove_dir(lock).unwrap();
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
}
