//! How do I test my own code that walks a table?
//!
//! - `sync.rs` is application code: it copies rows into a search index with a walk, and stores its position.
//! - `by_offset.rs` does the same with LIMIT and OFFSET, which is what many programmers write first. It is wrong.
//!
//! The property test draws the initial rows, the concurrent inserts, deletions and replacements, and where the code is
//! killed. `cargo test --example test_your_walk` runs it. `cargo run --example test_your_walk` tries both syncs a
//! thousand times and prints what the kit finds.

#![forbid(unsafe_code)]

use std::error::Error;
use std::process::ExitCode;

use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::VisitLog;
use keywalk_conformance::{BoxError, Counterexample, KeySpace, Schedule};
use keywalk_sqlite::Table;
use keywalk_tests::program::{end, print_line};
use proptest::strategy::Strategy;
use proptest::test_runner::{Config, TestError, TestRunner};

mod articles;
mod by_offset;
mod sync;

use articles::{Article, change, database};

/// Returns a strategy for test cases: a schedule over the table's keys, and a page size.
fn cases() -> impl Strategy<Value = (Schedule<i64>, usize)> {
    (KeySpace::known().schedules(), 1..5_usize)
}

/// Tests the sync by a walk, which may be killed several times. It must visit articles in order. It must visit each
/// article that exists from start to end, exactly once, and with a content at most as old as the article's chunk.
fn syncs(schedule: &Schedule<i64>, chunk_size: usize) -> Result<(), Counterexample<i64>> {
    let db = database().expect("a database in memory");
    let promise = VisitLog::over(KeyRange::all(Order::Ascending))
        .bounded()
        .reads_ahead(chunk_size);
    schedule.run(
        promise,
        |id, what| change(&db, *id, what),
        |concurrent| -> Result<(), BoxError> {
            let table = Table::new(&db, "articles").key::<i64>(["id"])?;
            let walk = Walk::new(concurrent.interleave(table.map(Article::from_row)));
            sync::sync(walk.chunk_size(chunk_size), &db, |article| {
                concurrent.visit(&article.id, article.version);
            })
        },
    )
}

/// Tests the sync by OFFSET against a weaker promise: it may visit appended rows, and rows may be outdated. The sync
/// doesn't read through a `ChunkSource`, so the test makes the concurrent changes after each row.
fn syncs_by_offset(schedule: &Schedule<i64>, page: usize) -> Result<(), Counterexample<i64>> {
    let db = database().expect("a database in memory");
    schedule.run(
        VisitLog::over(KeyRange::all(Order::Ascending)),
        |id, what| change(&db, *id, what),
        |concurrent| {
            by_offset::sync(&db, page, |article| {
                concurrent.visit(&article.id, article.version);
                concurrent.turn();
            })
        },
    )
}

type Syncs = fn(&Schedule<i64>, usize) -> Result<(), Counterexample<i64>>;

/// Prints the smallest case that breaks a promise. Returns whether there is one.
fn breaks(name: &str, syncs: Syncs) -> Result<bool, Box<dyn Error>> {
    let config = Config {
        cases: 1_000,
        failure_persistence: None,
        ..Config::default()
    };
    let tried =
        TestRunner::new(config).run(&cases(), |(schedule, size)| Ok(syncs(&schedule, size)?));
    let smallest = match tried {
        Ok(()) => None,
        Err(TestError::Fail(_, (schedule, size))) => syncs(&schedule, size).err(),
        Err(aborted) => return Err(aborted.into()),
    };
    match &smallest {
        Some(found) => print_line(format_args!("{name}: {found}"))?,
        None => print_line(format_args!("{name}: in 1000 cases no clause is broken"))?,
    }
    Ok(smallest.is_some())
}

fn compare() -> Result<(), Box<dyn Error>> {
    let offset_is_wrong = breaks("by LIMIT and OFFSET", syncs_by_offset)?;
    match breaks("by a walk", syncs)? {
        false if offset_is_wrong => Ok(()),
        _ => Err("only the sync by OFFSET should be wrong".into()),
    }
}

fn main() -> ExitCode {
    end("test_your_walk", compare())
}

#[cfg(test)]
mod tests {
    use keywalk_conformance::{Clause, Edit};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_article_is_synced_whatever_happens_meanwhile((schedule, chunk_size) in cases()) {
            syncs(&schedule, chunk_size)?;
        }
    }

    // A schedule that failed once, kept as a test.
    #[test]
    fn offset_paging_leaves_a_row_out_where_one_is_deleted_behind_it() {
        let schedule = Schedule::new([1, 2, 3]).turn([Edit::DeleteCursor]);
        let found = syncs_by_offset(&schedule, 1).expect_err("2 is left out");
        assert_eq!(found.clause(), Clause::G3);
        assert_eq!(found.violation().kind().key(), Some(&2));
        syncs(&schedule, 1).unwrap();
    }
}
