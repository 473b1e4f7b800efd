//! Code that walks, in the hands of `Schedule::run`: no right program is refused, and each mistake is found by
//! the clause that names it.

#![forbid(unsafe_code)]

mod mistakes;
mod pager;
mod right;
mod stopped;

use std::cell::RefCell;

use keywalk::{KeyRange, Order};
use keywalk_conformance::Clause::{self, G4, G5, G9, G10};
use keywalk_conformance::history::{Breach, Change, Clock, Lives, Mutation, Visits};
use keywalk_conformance::{BoxError, Edit, Schedule};

use Step::{After, Deleted, Key, Turn, Visit};

/// What code says.
#[derive(Clone, Copy)]
enum Step {
    Turn,
    /// A row that was put as the n-th, for its key n.
    Visit(i64),
    Key(i64),
    Deleted(i64),
    After(Option<i64>),
}

/// How code is judged that says this in each of its runs, and how many steps it came through in each.
fn played(
    schedule: &Schedule<i64>,
    visits: Visits<i64>,
    runs: &[&[Step]],
) -> (Result<(), Clause>, Vec<usize>) {
    let done = RefCell::new(Vec::new());
    let write = |_: &i64, _| Ok::<_, BoxError>(());
    let run = schedule.run(visits, write, |meanwhile| -> Result<(), BoxError> {
        let steps = runs.get(done.borrow().len()).ok_or("another run")?;
        done.borrow_mut().push(0);
        for step in *steps {
            match *step {
                Turn => meanwhile.turn(),
                Visit(key) => meanwhile.visit(&key, key as u64),
                Key(key) => meanwhile.visit_key(&key),
                Deleted(key) => meanwhile.deleted(&key),
                After(key) => meanwhile.resumes_after(key.as_ref()),
            }
            *done.borrow_mut().last_mut().expect("this run") += 1;
        }
        Ok(())
    });
    (run.map_err(|found| found.clause()), done.into_inner())
}

fn all() -> Visits<i64> {
    Visits::over(KeyRange::all(Order::Ascending))
}

#[test]
fn the_code_is_killed_at_each_event_that_is_said_and_then_runs_to_its_end() {
    let schedule = Schedule::new([1, 2]).kill(1).kill(3);
    let steps = &[Turn, Visit(1), Visit(2)][..];
    let played = played(&schedule, all(), &[steps; 3]);
    assert_eq!(played, (Ok(()), vec![0, 2, 3]));
}

/// A row a schedule, what the code promises, what it says in each run, and the judgement.
macro_rules! scripts {
    ($($name:literal: $schedule:expr, $visits:expr, $($run:expr),+ => $judged:expr;)+) => {$({
        let (judged, _) = played(&$schedule, $visits, &[$(&$run[..]),+]);
        assert_eq!(judged, $judged, $name);
    })+};
}

#[test]
fn what_was_visited_past_the_kept_key_comes_again() {
    let killed = || Schedule::new([1, 2, 3, 4]).kill(3);
    let first = [Visit(1), Visit(2), Visit(3), Visit(4)];
    scripts! {
        "past it": killed(), all(), first, [After(Some(3)), Visit(4)] => Ok(());
        "more than one": killed(), all(), first, [After(Some(1)), Visit(2), Visit(3), Visit(4)] => Ok(());
        "from the start": killed(), all(), first, first => Ok(());
        "3 again": killed(), all(), first, [After(Some(3)), Visit(3), Visit(4)] => Err(G10);
        "2 and 3 were lost": killed(), all(), first, [After(Some(1)), Visit(4)] => Err(G10);
        "so were 1 to 3": killed(), all(), first, [After(None), Visit(4)] => Err(G10);
        "4 was never visited": killed(), all(), first, [After(Some(4))] => Err(G10);
    }
}

#[test]
fn what_the_code_deletes_need_not_come() {
    let page = [
        Turn,
        Deleted(1),
        Key(1),
        Deleted(2),
        Key(2),
        Turn,
        Deleted(3),
        Key(3),
        Turn,
    ];
    scripts! {
        // A dedup: the second of two rows goes with the first.
        "of the same page": Schedule::new([1, 2, 3]), all(), [Turn, Visit(1), Deleted(2), Visit(3)] => Ok(());
        "of the next one": Schedule::new([1, 2, 3]), all(), [Turn, Visit(1), Deleted(2), Turn, Visit(3)] => Ok(());
        // A purge whose deletions are done when its transaction is, which a kill rolls back.
        "undone": Schedule::new([1, 2, 3]).kill(2), all().reads_ahead(2), page, page => Ok(());
        "done by a turn": Schedule::new([1, 2]).kill(1), all().reads_ahead(1),
            [Deleted(1), Turn], [Turn, Visit(1), Visit(2)] => Err(G4);
    }
}

#[test]
fn a_position_past_the_range_is_the_end_of_it() {
    let scan = || Schedule::new([1, 2, 110, 120]).kill(3);
    let visits = || Visits::over(KeyRange::new(..=100, Order::Ascending));
    scripts! {
        "all": scan(), visits(), [After(None), Visit(1), Visit(2), Turn], [After(Some(120))] => Ok(());
        "2 was never visited": scan(), visits(),
            [After(None), Visit(1), Turn, Turn], [After(Some(120))] => Err(G10);
    }
}

#[test]
fn an_end_that_was_read_before_a_kill_is_one() {
    // A job reads its last page, keeps that it is done, and is killed; then 3 comes, and stays.
    let schedule = Schedule::new([1, 2, 3]).turn([Edit::DeleteLast]);
    let schedule = schedule.turn([Edit::InsertAhead]);
    for visits in [all(), all().bounded(), all().live()] {
        let visits = || visits.clone().reads_ahead(1);
        scripts! {
            "3 was gone": schedule.clone().kill(4), visits(), [Turn, Key(1), Key(2), Turn], [] => Ok(());
            "2 was there all the time": schedule.clone().kill(3), visits(), [Turn, Key(1), Turn], [] => Err(G10);
        }
    }
}

#[test]
fn a_row_is_as_it_was_when_its_page_was_read_at_the_earliest() {
    let steps = [Turn, Visit(1), Visit(2), Turn, Visit(3), Visit(4)];
    for (edit, clause) in [(Edit::Put(4), G5), (Edit::Delete(4), G4)] {
        let schedule = Schedule::new([1, 2, 3, 4]).turn([]).turn([edit]);
        scripts! {
            "it may be read at the start": schedule, all(), steps => Ok(());
            "it is of the first page": schedule, all().reads_ahead(4), steps => Ok(());
            "it was read after 3": schedule, all().reads_ahead(1), steps => Err(clause);
        }
    }
}

#[test]
fn code_that_has_no_end_is_stopped_at_its_thousandth_turn() {
    scripts! {
        "999": Schedule::new([]), all(), [Turn; 999] => Ok(());
        "1,000": Schedule::new([]), all(), [Turn; 1_000] => Err(G9);
    }
}

#[test]
fn a_bounded_walk_may_keep_a_position_past_its_end() {
    let kept_after_110 = |visits: Visits<i64>| -> Result<(), Breach<i64>> {
        let clock = Clock::default();
        let mut lives = Lives::default();
        let mut put = |key: i64| {
            let ((), during) = clock.time(|| ());
            let change = Change::Put(key as u64);
            lives.record(Mutation {
                key,
                change,
                during,
            });
            lives.clone()
        };
        let lives = [1, 2, 3].map(&mut put)[2].clone();
        let mut visits = visits.reads_ahead(1);
        visits.begin(clock.tick());
        visits.visit(&1, None, clock.tick(), &lives)?;
        let lives = put(110);
        visits.visit(&2, None, clock.tick(), &lives)?;
        visits.visit(&3, None, clock.tick(), &lives)?;
        visits.resume(Some(110), clock.tick(), &lives)
    };
    assert!(kept_after_110(all().bounded()).is_ok());
    let live = kept_after_110(all().live());
    assert_eq!(live.map_err(|breach| breach.clause()), Err(G10));
}

#[test]
#[should_panic(expected = "events are counted from 1")]
fn events_are_counted_from_1() {
    let _ = Schedule::new([1]).kill(0);
}
