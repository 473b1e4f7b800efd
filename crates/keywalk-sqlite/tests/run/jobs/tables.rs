//! What the tables hold, and what is wrong with them.

use std::cmp::Reverse;
use std::error::Error as _;
use std::time::{Duration, SystemTime};

use keywalk::{ChunkSource, ResumableSource, Walk};
use keywalk_job::{BoxError, Checkpoint, CheckpointStore, DeadLetters, Error, Job, Leases, Stop};
use keywalk_sqlite::{CheckpointError, CheckpointErrorKind, SqliteCheckpoints, Table};
use rusqlite::Connection;

use super::world::{World, job, kind, log, run, touch, touch_all};

#[test]
fn a_jobs_row_tells_where_it_stands() {
    let (_world, db) = World::new(101);
    let assert_row = |numbers: (i64, bool, i64, i64), place: (f64, &str)| {
        let sql = "SELECT run, done, items, skipped, share, position FROM keywalk_jobs
                   WHERE name = 'a ''job'''";
        let row = db.query_row(sql, [], |row| {
            let found = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            assert_eq!(found, numbers);
            assert_eq!((row.get(4)?, row.get_ref(5)?.as_str()?), place);
            Ok(())
        });
        row.unwrap();
    };
    let stop = Stop::new();
    let outcome = job(&db, "a 'job'", 51).stop_on(&stop).run(|_, _| {
        stop.request();
        Ok(())
    });
    assert_eq!(outcome.unwrap().items(), 51);
    assert_row((1, false, 51, 0), (0.5, "51"));
    let outcome = job(&db, "a 'job'", 51).run(|_, _| Ok(()));
    assert!(outcome.unwrap().is_done());
    assert_row((2, true, 101, 0), (1.0, "101"));
}

/// As they stand in the tables.
#[test]
fn keys_in_words_are_cut_where_long_and_escaped_where_a_terminal_would_act() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (k TEXT NOT NULL, r REAL NOT NULL, n BLOB NOT NULL, PRIMARY KEY (k, r, n));
         CREATE TABLE u (k TEXT NOT NULL, n BLOB NOT NULL, PRIMARY KEY (k, n))",
    )
    .unwrap();
    let any = Table::new(&db, "t");
    let key = any.dyn_key(rusqlite::params!["say \"a\"", 1.5, [0_u8, 0xff]]);
    let key = key.unwrap();
    assert_eq!(any.key_text(&key), r#"('say "a"', 1.5, x'00ff')"#);
    let table = Table::new(&db, "u")
        .key::<(String, Vec<u8>)>(["k", "n"])
        .unwrap();
    let text = |text: &str, blob| table.key_text(&(text.to_owned(), blob));
    let zeros = "00".repeat(60);
    let shown = format!(r"('it''s\u{{1b}}\n\u{{202e}}', x'{zeros}'... (61 bytes))");
    assert_eq!(text("it's\u{1b}\n\u{202e}", vec![0; 61]), shown);
    let start = "é".repeat(119);
    let long = format!("('{start}'''... (241 bytes), x'')");
    assert_eq!(text(&format!("{start}'é"), Vec::new()), long);
}

#[test]
fn asking_makes_no_tables() {
    let (_world, db) = World::new(2);
    let mut table = SqliteCheckpoints::new(&db);
    assert!(table.list().unwrap().is_empty());
    assert!(table.load("touch").unwrap().is_none());
    assert!(!table.reset("touch").unwrap());
    assert_eq!(table.dead_letters("touch").unwrap(), []);
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'keywalk%'";
    assert_eq!(db.query_row(sql, [], |row| row.get(0)), Ok(0));
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    assert_eq!(db.query_row(sql, [], |row| row.get(0)), Ok(2));
    assert_eq!(table.list().unwrap()[0].job(), "touch");
    // A shadow in another schema isn't asked.
    db.execute_batch("CREATE TEMP TABLE keywalk_jobs (name, checkpoint)")
        .unwrap();
    assert_eq!(table.list().unwrap().len(), 1);
    assert!(table.reset("touch").unwrap());
    assert!(!table.reset("touch").unwrap());
}

#[test]
fn a_damaged_checkpoint_is_an_error_that_a_reset_mends() {
    let (_world, db) = World::new(4);
    assert!(run(&db, 2, |_, _| Ok(())).unwrap().is_done());
    for damage in [
        "''",
        "'{}'",
        "substr(checkpoint, 1, 50)",
        "replace(checkpoint, '\"token\":\"A', '\"token\":\"B')",
    ] {
        let update = format!("UPDATE keywalk_jobs SET checkpoint = {damage}");
        db.execute_batch(&update).unwrap();
        let error = run(&db, 2, |_, _| Err("nothing is done".into()));
        assert_eq!(kind(error), CheckpointErrorKind::Content, "{damage}");
    }
    let error = SqliteCheckpoints::new(&db).list().unwrap_err();
    assert!(error.source().is_some() && error.to_string().contains("\"touch\""));
    assert!(SqliteCheckpoints::new(&db).reset("touch").unwrap());
    assert_eq!(run(&db, 2, |_, _| Ok(())).unwrap().items(), 4);
}

#[test]
fn errors_are_errors_and_the_store_prints_no_rows() {
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<CheckpointError>();
    error::<Error<keywalk_sqlite::Error, CheckpointError>>();
    fn printed<T: std::fmt::Debug>() {}
    printed::<SqliteCheckpoints<'_>>();
}

#[test]
fn a_failed_items_effects_alone_are_undone_and_its_letter_commits_with_the_chunk() {
    let (_world, db) = World::new(10);
    let outcome = job(&db, "skips", 4).skip_failures().run(|tx, items| {
        let [(id, ())] = items.items() else {
            panic!("one at a time");
        };
        touch(tx, *id)?;
        match id % 3 {
            0 => Err(format!("no {id}").into()),
            _ => Ok(()),
        }
    });
    assert_eq!(outcome.unwrap().skipped(), 3);
    let done: Vec<_> = log(&db).into_iter().collect();
    assert_eq!(done, [1, 2, 4, 5, 7, 8, 10].map(|id| (id, 1)));
    let sql = "SELECT group_concat(job || key || error, '; ') FROM keywalk_dead_letters";
    let letters: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(letters, "skips3no 3; skips6no 6; skips9no 9");
    let sql = "SELECT items, skipped, done FROM keywalk_jobs WHERE name = 'skips'";
    let row = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    assert_eq!(row, Ok((10, 3, true)));
}

#[test]
fn a_savepoint_of_the_functions_own_is_its_own() {
    let (_world, db) = World::new(4);
    let outcome = job(&db, "own", 4).skip_failures().run(|tx, items| {
        tx.execute_batch("SAVEPOINT a; SAVEPOINT b")?;
        touch_all(tx, &items)?;
        match items[0].0 {
            // Both are left open.
            1 => Ok(()),
            2 => Ok(tx.execute_batch("ROLLBACK TO a; RELEASE a")?),
            3 => Ok(tx.execute_batch("RELEASE a")?),
            _ => Err("bad".into()),
        }
    });
    assert_eq!(outcome.unwrap().skipped(), 1);
    assert!(log(&db).keys().eq(&[1, 3]));
}

#[test]
fn letters_are_one_jobs_with_their_last_errors_and_go_with_a_reset() {
    let (_world, db) = World::new(4);
    let begun = SystemTime::now();
    for (name, said) in [("a", "first"), ("a", "second"), ("b", "another")] {
        let job = job(&db, name, 4).restart_when_done().skip_failures();
        let outcome = job.run(|_, items| match items[0].0 {
            2 | 4 => Err(BoxError::from(said)),
            _ => Ok(()),
        });
        assert_eq!(outcome.unwrap().skipped(), 2);
    }
    let mut table = SqliteCheckpoints::new(&db);
    let letters = table.dead_letters("a").unwrap();
    let said: Vec<_> = letters.iter().map(|l| (l.key(), l.error())).collect();
    assert_eq!(said, [("2", "second"), ("4", "second")]);
    // Told in milliseconds.
    let since = begun - Duration::from_millis(1);
    let in_time = |time| (since..=SystemTime::now()).contains(&time);
    assert!(letters.iter().all(|letter| in_time(letter.time())));
    let items = Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    let key = items.decode_key(letters[0].key_bytes()).unwrap();
    assert_eq!(key, Some(2), "the bytes are the source's");
    assert!(table.reset("a").unwrap());
    assert_eq!(table.dead_letters("a").unwrap(), []);
    assert_eq!(table.dead_letters("b").unwrap().len(), 2);
    assert!(table.load("a").unwrap().is_none());
}

/// `golden/jobs/v1.sql` is what the release before sources shared one shape has written, over these items. `half`
/// stopped after 4 of them, of which it skipped 3; `by day` after 5 of Tuesday; `done` and `unbounded` came to the end.
#[test]
fn jobs_go_on_from_the_tables_that_an_earlier_release_wrote() {
    let (_world, db) = World::with(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, day TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0);
         CREATE UNIQUE INDEX by_day ON items (day, id DESC);
         INSERT INTO items (id, day) VALUES
             (1, 'mon'), (2, 'mon'), (3, 'tue'), (4, 'tue'), (5, 'tue'), (6, 'wed'), (7, 'wed')",
    );
    db.execute_batch(include_str!("../../golden/jobs/v1.sql"))
        .unwrap();
    let mut table = SqliteCheckpoints::new(&db);
    let listed = table.list().unwrap();
    let told = |at: &Checkpoint| (at.job().to_owned(), at.items(), at.skipped(), at.is_done());
    let expected = [
        ("by day", 3, 0, false),
        ("done", 7, 1, true),
        ("half", 4, 1, false),
        ("live", 7, 0, false),
    ];
    let expected =
        expected.map(|(job, items, skipped, is_done)| (job.to_owned(), items, skipped, is_done));
    assert_eq!(listed.iter().map(told).collect::<Vec<_>>(), expected);
    let letters = table.dead_letters("half").unwrap();
    assert_eq!((letters[0].key(), letters[0].error()), ("3", "three"));

    let by_id = || Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    let by_day = Table::new(&db, "items").filter("count < ?1", [5]).unwrap();
    let by_day = by_day.key::<(String, Reverse<i64>)>(["day", "id"]).unwrap();
    assert_eq!(rest("half", Walk::new(by_id()), &db, |key| *key), [5, 6, 7]);
    assert!(rest("done", Walk::new(by_id()), &db, |key| *key).is_empty());
    assert!(rest("live", Walk::new(by_id()).unbounded(), &db, |key| *key).is_empty());
    assert_eq!(
        rest("by day", Walk::new(by_day), &db, |key| key.1.0),
        [4, 3, 7, 6]
    );
    assert_eq!(table.load("half").unwrap().unwrap().run(), 2);
}

/// What a job does by this run.
fn rest<S, K, T>(name: &str, walk: Walk<S>, db: &Connection, id: impl Fn(&K) -> i64) -> Vec<i64>
where
    S: ChunkSource<Key = K, Item = (K, T), Error: std::fmt::Debug> + ResumableSource,
    K: Clone + PartialOrd,
{
    let mut ids = Vec::new();
    let run = Job::new(name, walk, SqliteCheckpoints::new(db)).run(|_, items| {
        ids.extend(items.iter().map(|(key, _)| id(key)));
        Ok(())
    });
    assert!(run.unwrap().is_done());
    ids
}
