//! Items that fail and are skipped.

use std::time::{Duration, SystemTime};

use keywalk::{DurableSource, Walk};
use keywalk_job::{BoxError, Checkpoints, ConstantBuilder, Job};
use keywalk_sqlite::{CheckpointTable, Table};
use rusqlite::Connection;

use crate::world::{World, assert_once, log, touch, walk};

fn letters(db: &Connection) -> Vec<(String, String, Vec<u8>, String)> {
    let sql =
        "SELECT job, key, key_bytes, error FROM keywalk_dead_letters ORDER BY CAST(key AS INT)";
    let mut statement = db.prepare(sql).unwrap();
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
    let rows = statement.query_map([], read);
    rows.unwrap().collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn a_failed_items_effects_alone_are_undone_and_its_letter_commits_with_the_chunk() {
    let world = World::new(10);
    let db = world.connect();
    let job = Job::new("skips", walk(&db, 4), CheckpointTable::new(&db)).skip_failures();
    let outcome = job.run(|tx, items| {
        let [(id, ())] = items else {
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
    let letters = letters(&db);
    let said: Vec<_> = letters
        .iter()
        .map(|(job, key, _, error)| (job.as_str(), key.as_str(), error.as_str()))
        .collect();
    assert_eq!(
        said,
        [
            ("skips", "3", "no 3"),
            ("skips", "6", "no 6"),
            ("skips", "9", "no 9")
        ]
    );
    let sql = "SELECT items, skipped, done FROM keywalk_jobs WHERE name = 'skips'";
    let row = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    assert_eq!(row.unwrap(), (10, 3, true));
}

#[test]
fn a_savepoint_of_the_functions_own_is_its_own() {
    let world = World::new(4);
    let db = world.connect();
    let job = Job::new("own", walk(&db, 4), CheckpointTable::new(&db)).skip_failures();
    let outcome = job.run(|tx, items| {
        let id = items[0].0;
        tx.execute_batch("SAVEPOINT a; SAVEPOINT b")?;
        touch(tx, id)?;
        match id {
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
fn a_letter_is_replaced_when_its_item_fails_again_and_goes_with_a_reset() {
    let world = World::new(4);
    let db = world.connect();
    let run = |name: &str, said: &str| {
        let job = Job::new(name, walk(&db, 4), CheckpointTable::new(&db));
        let job = job.repeated().skip_failures();
        let outcome = job.run(|_, items| match items[0].0 {
            2 => Err(said.into()),
            _ => Ok(()),
        });
        assert_eq!(outcome.unwrap().skipped(), 1);
    };
    run("a", "first");
    run("a", "second");
    run("b", "another");
    let errors: Vec<_> = letters(&db)
        .into_iter()
        .map(|letter| (letter.0, letter.3))
        .collect();
    let expected = [("a", "second"), ("b", "another")];
    assert_eq!(
        errors,
        expected.map(|(job, error)| (job.to_owned(), error.to_owned()))
    );
    assert!(CheckpointTable::new(&db).reset("a").unwrap());
    assert_eq!(letters(&db).len(), 1);
    assert!(CheckpointTable::new(&db).load("a").unwrap().is_none());
}

#[test]
fn a_letters_key_bytes_are_the_sources() {
    let world = World::new(3);
    let db = world.connect();
    let job = Job::new("bytes", walk(&db, 4), CheckpointTable::new(&db)).skip_failures();
    let outcome = job.run(|_, _| Err("bad".into()));
    assert_eq!(outcome.unwrap().skipped(), 3);
    let items = Table::new(&db, "items").key::<i64>(["id"]).unwrap();
    for (_, key, bytes, _) in letters(&db) {
        let decoded = DurableSource::decode_key(&items, &bytes).unwrap();
        assert_eq!(decoded.map(|id| id.to_string()), Some(key));
    }
}

#[test]
fn letters_read_back_are_one_jobs_with_their_last_errors() {
    let world = World::new(4);
    let db = world.connect();
    let mut table = CheckpointTable::new(&db);
    assert_eq!(table.dead_letters("a").unwrap(), []);
    let begun = SystemTime::now();
    for (name, said) in [("a", "first"), ("a", "second"), ("b", "another")] {
        let job = Job::new(name, walk(&db, 4), &mut table).repeated();
        let outcome = job.skip_failures().run(|_, items| match items[0].0 {
            2 | 4 => Err(BoxError::from(said)),
            _ => Ok(()),
        });
        assert_eq!(outcome.unwrap().skipped(), 2);
    }
    let letters = table.dead_letters("a").unwrap();
    let said: Vec<_> = letters.iter().map(|l| (l.key(), l.error())).collect();
    assert_eq!(said, [("2", "second"), ("4", "second")]);
    // Told in milliseconds.
    let since = begun - Duration::from_millis(1);
    assert!(
        letters
            .iter()
            .all(|letter| (since..=SystemTime::now()).contains(&letter.time()))
    );
}

#[test]
fn a_job_over_the_letters_does_the_items_again_and_takes_their_letters_away() {
    let world = World::new(6);
    let db = world.connect();
    let job = Job::new("touch", walk(&db, 4), CheckpointTable::new(&db)).skip_failures();
    let outcome = job.run(|tx, items| match items[0].0 {
        id if id % 2 == 0 => Err("not yet".into()),
        id => Ok(touch(tx, id)?),
    });
    assert_eq!(outcome.unwrap().skipped(), 3);

    let again = |fails: Option<i64>| {
        let items = walk(&db, 1);
        let letters = Table::new(&db, "keywalk_dead_letters");
        let letters = letters.within("job", "touch").unwrap();
        let letters = letters.key::<Vec<u8>>(["key_bytes"]).unwrap();
        let job = Job::new("again", Walk::new(letters), CheckpointTable::new(&db));
        let outcome = job.repeated().skip_failures().run(|tx, letters| {
            let (key_bytes, _) = &letters[0];
            let id = items.source().decode_key(key_bytes)?.expect("it is an id");
            if fails == Some(id) {
                return Err("still not".into());
            }
            touch(tx, id)?;
            let delete = "DELETE FROM keywalk_dead_letters WHERE job = 'touch' AND key_bytes = ?1";
            tx.execute(delete, [key_bytes])?;
            Ok(())
        });
        assert_eq!(outcome.unwrap().skipped(), u64::from(fails.is_some()));
    };
    again(Some(4));
    let left = CheckpointTable::new(&db).dead_letters("touch").unwrap();
    assert_eq!(
        left.iter().map(|letter| letter.key()).collect::<Vec<_>>(),
        ["4"]
    );
    again(None);
    assert_once(&db, 6);
    assert_eq!(CheckpointTable::new(&db).dead_letters("touch").unwrap(), []);
}

#[test]
fn no_letter_stays_of_a_chunk_that_is_tried_again() {
    let world = World::new(4);
    let db = world.connect();
    let policy = ConstantBuilder::new()
        .with_delay(Duration::ZERO)
        .with_max_times(1);
    let job = Job::new("again", walk(&db, 4), CheckpointTable::new(&db));
    let mut tries = Vec::new();
    let outcome = job
        .skip_failures()
        .retry(policy, |_| true)
        .run(|tx, items| {
            let id = items[0].0;
            touch(tx, id)?;
            tries.push(id);
            match (id, tries.len()) {
                // Once, and always.
                (2, 2) | (3, _) => Err("bad".into()),
                _ => Ok(()),
            }
        });
    let outcome = outcome.unwrap();
    assert_eq!(tries, [1, 2, 2, 3, 3, 4]);
    assert_eq!((outcome.retries(), outcome.skipped()), (2, 1));
    assert!(log(&db).into_iter().eq([(1, 1), (2, 1), (4, 1)]));
    assert_eq!(letters(&db)[0].1, "3");
    assert_eq!(letters(&db).len(), 1);
}

#[test]
fn keys_in_words_are_cut_where_long_and_escaped_where_a_terminal_would_act() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (k TEXT NOT NULL, n BLOB NOT NULL, PRIMARY KEY (k, n)) WITHOUT ROWID;
         INSERT INTO t VALUES ('it''s' || char(27, 10, 0x202e), zeroblob(61))",
    )
    .unwrap();
    let table = Table::new(&db, "t").key::<(String, Vec<u8>)>(["k", "n"]);
    let job = Job::new(
        "shown",
        Walk::new(table.unwrap()),
        CheckpointTable::new(&db),
    );
    let outcome = job.skip_failures().run(|_, _| Err("bad".into())).unwrap();
    let bytes = "00".repeat(60);
    let shown = format!(r"('it''s\u{{1b}}\n\u{{202e}}', x'{bytes}'... (61 bytes))");
    assert_eq!(outcome.checkpoint().unwrap().position(), Some(&*shown));
    assert_eq!(letters(&db)[0].1, shown);
    let long = Table::new(&db, "t")
        .key::<(String, Vec<u8>)>(["k", "n"])
        .unwrap();
    let start = "é".repeat(119);
    let text = long.key_text(&(format!("{start}'é"), Vec::new()));
    assert_eq!(text, format!("('{start}'''... (241 bytes), x'')"));
}
