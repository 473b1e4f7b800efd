//! A pager that is written by hand knows nothing of the kit: the oracle is told what was visited, and when,
//! and what others did.

use keywalk::{KeyRange, Order};
use keywalk_conformance::history::{Breach, Change, Clock, Lives, Mutation, Visits};
use keywalk_conformance::{BoxError, Clause};
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use rusqlite::Connection;

/// A table, for what others do to it.
pub(crate) fn open() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    let table = "CREATE TABLE rows (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)";
    db.execute_batch(table).unwrap();
    db
}

pub(crate) fn change(db: &Connection, id: i64, change: Change) -> Result<(), BoxError> {
    match change {
        Change::Put(value) => db
            .prepare_cached("INSERT OR REPLACE INTO rows VALUES (?1, ?2)")?
            .execute([id, value as i64])?,
        Change::Delete => db
            .prepare_cached("DELETE FROM rows WHERE id = ?1")?
            .execute([id])?,
    };
    Ok(())
}

/// What others do after each row: a key, and whether it is deleted.
type Others = Vec<(i64, bool)>;

/// What is there at first, what others do, and the size of a page.
type Case = (Others, Others, usize);

fn cases() -> impl Strategy<Value = Case> {
    let others = || prop::collection::vec((0..12_i64, any::<bool>()), 0..16);
    (others(), others(), 1..4_usize)
}

/// How a pager asks for a page: a SELECT with its position and a limit.
#[derive(Clone, Copy)]
struct Page {
    select: &'static str,
    /// Of the last row, and how many there were.
    position: fn(Option<i64>, i64) -> i64,
}

const BY_KEY: Page = Page {
    select: "SELECT id, value FROM rows WHERE id > ?1 ORDER BY id LIMIT ?2",
    position: |last, _| last.unwrap_or(i64::MIN),
};

const BY_KEY_INCLUSIVE: Page = Page {
    select: "SELECT id, value FROM rows WHERE id >= ?1 ORDER BY id LIMIT ?2",
    ..BY_KEY
};

const BY_OFFSET: Page = Page {
    select: "SELECT id, value FROM rows ORDER BY id LIMIT ?2 OFFSET ?1",
    position: |_, count| count,
};

impl Page {
    fn read(self, db: &Connection, of: [i64; 2]) -> rusqlite::Result<Vec<(i64, i64)>> {
        let mut select = db.prepare_cached(self.select)?;
        let rows = select.query_map(of, |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }
}

/// A database, and all that happened to it.
struct World {
    db: Connection,
    clock: Clock,
    lives: Lives<i64>,
    puts: u64,
}

impl World {
    fn write(&mut self, key: i64, is_deleted: bool) {
        self.puts += 1;
        let by = match is_deleted {
            true => Change::Delete,
            false => Change::Put(self.puts),
        };
        let (written, during) = self.clock.time(|| change(&self.db, key, by));
        written.expect("nobody holds anything");
        self.lives.record(Mutation {
            key,
            change: by,
            during,
        });
    }
}

fn walk(page: Page, (first, others, size): Case) -> Result<(), Breach<i64>> {
    let mut world = World {
        db: open(),
        clock: Clock::default(),
        lives: Lives::default(),
        puts: 0,
    };
    first
        .into_iter()
        .for_each(|(key, is_deleted)| world.write(key, is_deleted));
    let mut others = others.into_iter();
    let all = KeyRange::all(Order::Ascending);
    let mut visits = Visits::over(all).live().reads_ahead(size);
    visits.begin(world.clock.tick());
    let (mut after, mut count) = (None, 0);
    loop {
        let of = [(page.position)(after, count), size as i64];
        let rows = page.read(&world.db, of).expect("it reads");
        if rows.is_empty() {
            return visits.end(world.clock.tick(), &world.lives);
        }
        for (key, value) in rows {
            visits.visit(
                &key,
                Some(value.unsigned_abs()),
                world.clock.tick(),
                &world.lives,
            )?;
            (after, count) = (Some(key), count + 1);
            if let Some((key, is_deleted)) = others.next() {
                world.write(key, is_deleted);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pager_by_key_is_never_refused(case in cases()) {
        walk(BY_KEY, case)?;
    }
}

/// Why a case is refused that was shrunk.
#[track_caller]
fn refused(page: Page) -> Breach<i64> {
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    match TestRunner::new(config).run(&cases(), |case| Ok(walk(page, case)?)) {
        Err(TestError::Fail(_, case)) => walk(page, case).expect_err("it was refused"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_pager_by_offset_is_refused() {
    let breach = refused(BY_OFFSET);
    let clause = breach.clause();
    assert!(
        matches!(clause, Clause::G1 | Clause::G2 | Clause::G3 | Clause::G8),
        "{breach:#}"
    );
}

#[test]
fn a_pager_that_takes_its_position_again_is_refused_by_a_single_row() {
    let breach = refused(BY_KEY_INCLUSIVE);
    assert_eq!(breach.clause(), Clause::G2, "{breach:#}");
    let single = (vec![(1, false)], Vec::new(), 1);
    let breach = walk(BY_KEY_INCLUSIVE, single).expect_err("the row came twice");
    assert_eq!(breach.clause(), Clause::G2, "{breach:#}");
}
