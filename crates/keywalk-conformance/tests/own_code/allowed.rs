//! Right programs, each beside the events that make it look wrong.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::{Arc, RwLock};

use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::{Breach, Change, Clock, Lives, Mutation, Visits};
use keywalk_conformance::{BoxError, Clause, Edit, Schedule};
use keywalk_memory::SharedMap;

fn ascending(bounds: impl std::ops::RangeBounds<i64>) -> Visits<i64> {
    Visits::over(KeyRange::new(bounds, Order::Ascending))
}

#[test]
fn a_walk_that_begins_anew_after_an_excluded_start_has_a_new_end() {
    let rows = Arc::new(RwLock::new(BTreeMap::new()));
    let write = |key: &i64, change| -> Result<(), BoxError> {
        let mut rows = rows.write().map_err(|error| error.to_string())?;
        match change {
            Change::Put(value) => rows.insert(*key, value),
            Change::Delete => rows.remove(key),
        };
        Ok(())
    };
    // Two questions for the last key, a page, and 1; then 3 comes.
    let schedule = Schedule::new([1, 2, 3])
        .initially([1, 2])
        .turn([])
        .turn([])
        .turn([])
        .turn([Edit::Append])
        .kill(4);
    let run = schedule.run(
        ascending((Excluded(0), Unbounded)).bounded(),
        write,
        |meanwhile| -> Result<(), BoxError> {
            let source = meanwhile.interleave(SharedMap::new(Arc::clone(&rows)));
            let walk = Walk::new(source).range((Excluded(0), Unbounded));
            for item in walk.chunk_size(2) {
                let (key, value) = item?;
                meanwhile.visit(&key, value);
            }
            Ok(())
        },
    );
    run.expect("3 is there when the second run begins");
}

/// A purge whose deletions are done when its transaction is, which a kill rolls back.
fn purge(schedule: &Schedule<i64>, mut handle: impl FnMut(i64)) -> Result<(), Clause> {
    let rows = RefCell::new(BTreeMap::new());
    let write = |key: &i64, change| -> Result<(), BoxError> {
        match change {
            Change::Put(value) => rows.borrow_mut().insert(*key, value),
            Change::Delete => rows.borrow_mut().remove(key),
        };
        Ok(())
    };
    let run = schedule.run(
        ascending(..).reads_ahead(2),
        write,
        |meanwhile| -> Result<(), Infallible> {
            loop {
                meanwhile.turn();
                let page: Vec<i64> = rows.borrow().keys().take(2).copied().collect();
                for key in &page {
                    meanwhile.deleted(key);
                    handle(*key);
                    meanwhile.visit_key(key);
                }
                for key in &page {
                    rows.borrow_mut().remove(key);
                }
                if page.is_empty() {
                    return Ok(());
                }
            }
        },
    );
    run.map_err(|found| found.clause())
}

#[test]
fn what_a_kill_undoes_is_there_again() {
    let visited = RefCell::new(Vec::new());
    let visit = |key| visited.borrow_mut().push(key);
    // A turn, and the first row.
    let schedule = Schedule::new([1, 2, 3]).kill(2);
    assert_eq!(purge(&schedule, visit), Ok(()));
    assert_eq!(visited.into_inner(), [1, 1, 2, 3]);
}

#[test]
fn what_the_code_deletes_need_not_come() {
    // A dedup: the second of two rows goes with the first.
    let dedup = |says_turn: bool| {
        let schedule = Schedule::new([1, 2, 3]);
        let run = schedule.run(
            ascending(..),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), Infallible> {
                meanwhile.turn();
                meanwhile.visit(&1, 1);
                meanwhile.deleted(&2);
                if says_turn {
                    meanwhile.turn();
                }
                meanwhile.visit(&3, 3);
                Ok(())
            },
        );
        run.map_err(|found| found.clause())
    };
    assert_eq!(dedup(false), Ok(()), "of the same page");
    assert_eq!(dedup(true), Ok(()), "of the next one");
}

#[test]
fn what_the_code_deleted_before_a_turn_is_gone() {
    let deletes = |kill: usize| {
        let begun = Cell::new(false);
        let schedule = Schedule::new([1, 2]).kill(kill);
        let run = schedule.run(
            ascending(..).reads_ahead(1),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), Infallible> {
                if !begun.replace(true) {
                    meanwhile.deleted(&1);
                }
                meanwhile.turn();
                meanwhile.visit(&1, 1);
                meanwhile.visit(&2, 2);
                Ok(())
            },
        );
        run.map_err(|found| found.clause())
    };
    assert_eq!(deletes(1), Err(Clause::G4));
}

#[test]
fn a_position_past_the_range_is_the_end_of_it() {
    let scan = |skipped: Option<i64>| {
        let kept = Cell::new(None);
        let schedule = Schedule::new([1, 2, 110, 120]).kill(3);
        let run = schedule.run(
            ascending(..=100),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), Infallible> {
                meanwhile.resumes_after(kept.get().as_ref());
                if kept.get().is_some() {
                    return Ok(());
                }
                for (key, value) in [(1, 1), (2, 2), (110, 3), (120, 4)] {
                    if key <= 100 && Some(key) != skipped {
                        meanwhile.visit(&key, value);
                    }
                    kept.set(Some(key));
                }
                meanwhile.turn();
                meanwhile.turn();
                Ok(())
            },
        );
        run.map_err(|found| found.clause())
    };
    assert_eq!(scan(None), Ok(()));
    assert_eq!(scan(Some(2)), Err(Clause::G10), "2 was never visited");
}

#[test]
fn a_bounded_walk_may_keep_a_position_past_its_end() {
    let kept_after_110 = |visits: Visits<i64>| -> Result<(), Breach<i64>> {
        let clock = Clock::default();
        let mut lives = Lives::default();
        let put = |lives: &mut Lives<i64>, key: i64| {
            let ((), during) = clock.time(|| ());
            let change = Change::Put(key.unsigned_abs());
            lives.record(Mutation {
                key,
                change,
                during,
            });
        };
        for key in [1, 2, 3] {
            put(&mut lives, key);
        }
        let mut visits = visits.reads_ahead(1);
        visits.begin(clock.tick());
        visits.visit(&1, None, clock.tick(), &lives)?;
        put(&mut lives, 110);
        visits.visit(&2, None, clock.tick(), &lives)?;
        visits.visit(&3, None, clock.tick(), &lives)?;
        visits.resume(Some(110), clock.tick(), &lives)
    };
    assert!(kept_after_110(ascending(..).bounded()).is_ok());
    let live = kept_after_110(ascending(..).live());
    assert_eq!(live.map_err(|breach| breach.clause()), Err(Clause::G10));
}

#[test]
fn an_end_that_was_read_before_a_kill_is_one() {
    // A job reads its last page, keeps that it is done, and is killed; then 3 comes, and stays.
    let returns_at_once = |visits: Visits<i64>, last: i64| -> Result<(), Clause> {
        let kept = Cell::new(false);
        let schedule = Schedule::new([1, 2, 3])
            .initially([1, 2, 3])
            .turn([Edit::DeleteLast])
            .turn([Edit::InsertAhead])
            .kill(last as usize + 2);
        let run = schedule.run(
            visits.reads_ahead(1),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), Infallible> {
                if kept.replace(true) {
                    return Ok(());
                }
                meanwhile.turn();
                for key in 1..=last {
                    meanwhile.visit_key(&key);
                }
                meanwhile.turn();
                Ok(())
            },
        );
        run.map_err(|found| found.clause())
    };
    for visits in [ascending(..), ascending(..).bounded(), ascending(..).live()] {
        assert_eq!(returns_at_once(visits.clone(), 2), Ok(()), "3 was gone");
        let missed = returns_at_once(visits, 1);
        assert_eq!(missed, Err(Clause::G10), "2 was there all the time");
    }
}
