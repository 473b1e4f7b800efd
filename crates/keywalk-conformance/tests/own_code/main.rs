//! Tests `Schedule::run` with code that walks: no right program is refused, and each mistake is found by the clause
//! that names it.

#![forbid(unsafe_code)]

mod pager;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use keywalk::{ChunkSource, KeyRange, Order};
use keywalk_conformance::Clause::{self, G1, G2, G4, G5, G9, G10};
use keywalk_conformance::history::{Change, FailureKind, VisitLog};
use keywalk_conformance::{BoxError, ConcurrentStore, Counterexample, Edit, Schedule};
use proptest::test_runner::TestCaseError;

use Step::{After, Deleted, Fails, Flushes, Key, Panics, Read, Turn, Visit};
use pager::{Mistake, caught, run, visits};

/// A call of the code under test.
#[derive(Clone, Copy)]
enum Step {
    Turn,
    /// A visit of the key n, whose row was put as the n-th.
    Visit(i64),
    Key(i64),
    Deleted(i64),
    After(Option<i64>),
    /// Requests a last key from an interleaved source.
    Read,
    /// From now on, the code has a guard that calls `turn` when it is dropped.
    Flushes,
    Fails,
    Panics,
}

/// A guard that flushes a buffer when it is dropped.
struct Guard<F: FnMut()>(F);

impl<F: FnMut()> Drop for Guard<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Judges code that makes these calls in each of its runs. Returns the judgement, and the number of calls that it
/// completed in each run.
fn play<W: FnMut(&i64, Change) -> Result<(), BoxError>>(
    schedule: &Schedule<i64>,
    visits: VisitLog<i64>,
    write: W,
    runs: &[&[Step]],
) -> (Result<(), Counterexample<i64>>, Vec<usize>) {
    let done = RefCell::new(Vec::new());
    let run = schedule.run(visits, write, |concurrent| -> Result<(), BoxError> {
        let steps = runs.get(done.borrow().len()).ok_or("another run")?;
        done.borrow_mut().push(0);
        let mut guards = Vec::new();
        for step in *steps {
            match *step {
                Turn => concurrent.turn(),
                Visit(key) => concurrent.visit(&key, key as u64),
                Key(key) => concurrent.visit_key(&key),
                Deleted(key) => concurrent.deleted(&key),
                After(key) => concurrent.resumes_after(key.as_ref()),
                Read => {
                    let empty = BTreeMap::<i64, u64>::new();
                    let mut source = concurrent.interleave(&empty);
                    source.last_key(&KeyRange::all(Order::Ascending))?;
                }
                Flushes => guards.push(Guard(|| concurrent.turn())),
                Fails => return Err("timed out".into()),
                Panics => resume_unwind(Box::new("an assertion")),
            }
            *done.borrow_mut().last_mut().expect("this run") += 1;
        }
        Ok(())
    });
    (run, done.into_inner())
}

fn played(
    schedule: &Schedule<i64>,
    visits: VisitLog<i64>,
    runs: &[&[Step]],
) -> (Result<(), Clause>, Vec<usize>) {
    let (run, done) = play(schedule, visits, |_, _| Ok(()), runs);
    (run.map_err(|found| found.clause()), done)
}

fn all() -> VisitLog<i64> {
    VisitLog::over(KeyRange::all(Order::Ascending))
}

#[test]
fn the_code_is_killed_at_each_event_that_is_said_and_then_runs_to_its_end() {
    let schedule = Schedule::new([1, 2]).kill(1).kill(3);
    let steps = &[Turn, Visit(1), Visit(2)][..];
    let played = played(&schedule, all(), &[steps; 3]);
    assert_eq!(played, (Ok(()), vec![0, 2, 3]));
}

/// One row per schedule: what the code promises, its calls in each run, and the judgement.
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
    let page = [Turn, Deleted(1), Key(1), Deleted(2), Key(2), Turn];
    scripts! {
        // A deduplication: the second of two rows is deleted at the first.
        "of the same page": Schedule::new([1, 2, 3]), all(), [Turn, Visit(1), Deleted(2), Visit(3)] => Ok(());
        "of the next one": Schedule::new([1, 2, 3]), all(), [Turn, Visit(1), Deleted(2), Turn, Visit(3)] => Ok(());
        // A purge whose deletions take effect with its transaction, which a kill rolls back.
        "undone": Schedule::new([1, 2]).kill(2), all().reads_ahead(2), page, page => Ok(());
        "done by a turn": Schedule::new([1, 2]).kill(1), all().reads_ahead(1),
            [Deleted(1), Turn], [Turn, Visit(1), Visit(2)] => Err(G4);
    }
}

#[test]
fn a_position_out_of_the_range_is_its_end_or_its_start() {
    let scan = || Schedule::new([1, 2, 110, 120]).kill(3);
    let visits = || VisitLog::over(KeyRange::new(..=100, Order::Ascending));
    scripts! {
        "all": scan(), visits(), [After(None), Visit(1), Visit(2), Turn], [After(Some(120))] => Ok(());
        "2 was never visited": scan(), visits(),
            [After(None), Visit(1), Turn, Turn], [After(Some(120))] => Err(G10);
    }
    // One before the range is its start, so the end is determined again.
    let some = Schedule::new([1, 2, 3]).initially([1, 2]);
    let bounds = (Bound::Excluded(0), Bound::Unbounded);
    let visits = VisitLog::over(KeyRange::new(bounds, Order::Ascending));
    scripts! {
        "3 is there when the second run begins": some.turn([Edit::Append]).kill(2), visits.bounded(),
            [Visit(1), Turn], [After(Some(0)), Visit(1), Visit(2), Visit(3)] => Ok(());
    }
}

#[test]
fn an_end_that_was_read_before_a_kill_is_one() {
    // A job reads its last page, stores that it is done, and is killed. Then 3 is inserted, and stays.
    let schedule = Schedule::new([1, 2, 3]).turn([Edit::DeleteLast]);
    let schedule = schedule.turn([Edit::InsertAhead]);
    for visits in [all(), all().bounded(), all().unbounded()] {
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
fn a_row_before_the_last_one_comes_twice_or_out_of_order() {
    let inserted = Schedule::new([1, 2])
        .initially([2])
        .turn([Edit::InsertBehind]);
    scripts! {
        "it was visited": Schedule::new([1, 2]), all(), [Visit(1), Visit(2), Visit(1)] => Err(G2);
        "it was not": inserted, all(), [Key(2), Turn, Key(1)] => Err(G1);
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
    let schedule = Schedule::new([1, 2, 3, 110])
        .initially([1, 2, 3])
        .turn([Edit::Append])
        .kill(4);
    let steps = [Visit(1), Turn, Key(2), Key(3)];
    scripts! {
        "it ends at 3": schedule, all().bounded().reads_ahead(1), steps, [After(Some(110))] => Ok(());
        "110 is missed": schedule, all().unbounded().reads_ahead(1), steps, [After(Some(110))] => Err(G10);
    }
}

#[test]
#[should_panic(expected = "events are counted from 1")]
fn events_are_counted_from_1() {
    let _ = Schedule::new([1]).kill(0);
}

#[test]
fn destructors_of_killed_code_may_say_what_they_do() {
    let steps = [Flushes, Visit(1), Visit(2)];
    scripts! {
        "from the start": Schedule::new([1, 2]).kill(1), all(), steps, steps => Ok(());
    }
    // A panic isn't taken for a kill because of what a destructor does.
    let schedule = Schedule::new([1]).kill(1);
    let run = catch_unwind(|| played(&schedule, all(), &[&[Flushes, Panics]]));
    let panic = run.expect_err("it goes on");
    assert_eq!(panic.downcast_ref(), Some(&"an assertion"));
}

#[test]
fn a_kill_and_where_the_code_goes_on_are_told_and_the_page_is_not_read() {
    let schedule = Schedule::new([1, 2]).kill(2);
    let runs = [&[Visit(1), Read][..], &[After(Some(1)), Fails]];
    let found = play(&schedule, all(), |_, _| Ok(()), &runs)
        .0
        .expect_err("it fails");
    let told = found.timeline().iter().map(|line| line.split_at(5).1);
    let notes = [
        "others have their turn",
        "killed, and begun again",
        "goes on after 1",
    ];
    assert_eq!(Vec::from_iter(told)[3..], notes, "{found}");
}

#[test]
fn an_error_is_told_as_the_codes_or_the_writes() {
    let schedule = Schedule::new([1]).turn([Edit::Put(1)]);
    // The first rows are put before the first page.
    for (fails_at, clause, error) in [
        (1, Clause::Harness, "disk full"),
        (2, Clause::G14, "disk full"),
        (0, Clause::Harness, "timed out"),
    ] {
        let count = Cell::new(0);
        let write = |_: &i64, _| {
            count.set(count.get() + 1);
            match count.get() == fails_at {
                true => Err("disk full".into()),
                false => Ok(()),
            }
        };
        let found = play(&schedule, all(), write, &[&[Turn, Fails]])
            .0
            .expect_err(error);
        assert_eq!(found.clause(), clause, "{found}");
        let told = found.to_string();
        assert!(told.contains(error), "{told}");
        assert!(!told.contains("Harness::keys"), "there is none: {told}");
    }
}

#[test]
fn a_write_that_says_a_turn_panics() {
    type Write = fn(&i64, Change) -> Result<(), BoxError>;
    thread_local!(static HOOK: RefCell<Option<ConcurrentStore<i64, Write>>> = RefCell::default());
    let write: Write = |_, _| {
        HOOK.with_borrow(|hook| hook.iter().for_each(ConcurrentStore::turn));
        Ok(())
    };
    let schedule = Schedule::new([1]).turn([Edit::Put(1)]);
    let run = catch_unwind(AssertUnwindSafe(|| {
        schedule.run(all(), write, |concurrent| -> Result<(), BoxError> {
            HOOK.set(Some(concurrent.clone()));
            concurrent.turn();
            Ok(())
        })
    }));
    let panic = run.expect_err("it can't go on");
    let text = panic.downcast_ref::<&str>().expect("a text");
    assert!(text.starts_with("`write` may not say"), "{text}");
}

/// One row per mistake: the clauses that may name it.
macro_rules! mistakes {
    ($($name:ident: $mistake:ident $(.$promise:ident($($most:literal)?))* => $($clause:ident)|+;)+) => {$(
        #[test]
        fn $name() {
            let visits = visits()$(.$promise($($most)?))*;
            let caught = caught(&visits, Mistake::$mistake);
            assert!(matches!(caught, Some($(Clause::$clause)|+)), "{caught:?}");
        }
    )+};
}

mistakes! {
    // The clause depends on the shrunk case: a row deleted or inserted behind the position, or a kill. Right after a
    // kill, a mistake is one of resuming, G10.
    a_position_that_is_counted: Offset => G1 | G2 | G3 | G8 | G10;
    the_key_of_the_position_again: Inclusive => G2 | G10;
    a_short_page_taken_for_the_end: ShortPage => G8;
    for_ever_where_the_last_row_is_deleted: UntilTheLast => G9;
    all_rows_read_at_once: AllAtOnce.reads_ahead(3) => G3 | G4 | G5 | G8;
    // A row that comes too late is missed before it comes.
    another_order: ByValue => G1 | G3 | G10;
    rows_out_of_the_range: NoRange => G6;
    the_kept_row_again_after_a_kill: KeptAgain => G10;
    a_row_left_out_after_a_kill: KeptAndOneMore => G10;
    a_position_kept_before_its_rows_are_handled: KeptTooEarly => G10;
    from_the_start_after_a_kill: NeverKept => G10;
    appended_rows_of_a_bounded_walk: None.bounded() => G9;
    an_end_before_what_is_appended: UntilTheLast.unbounded() => G8 | G9;
    an_error: Fails => Harness;
}

#[test]
fn a_counted_position_repeats_a_row_after_one_that_is_inserted() {
    let schedule = Schedule::new([1, 2, 3])
        .initially([2, 3])
        .turn([])
        .turn([Edit::InsertBehind]);
    let found = run(&schedule, 1, visits(), Mistake::Offset).expect_err("a mistake");
    assert_eq!(found.clause(), G2, "{found}");
}

#[test]
fn a_counterexample_shows_the_clause_the_history_and_what_should_have_come() {
    let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor]);
    let found = run(&schedule, 1, visits(), Mistake::Offset).expect_err("a mistake");
    assert_eq!(found.violation().kind(), &FailureKind::Missing(2));
    assert_eq!(found.timeline().len(), 8);
    let shown = "\
2 did not come, and what is after it did

  G3 Complete: a key that is certainly present throughout its fetch is yielded

    1  put 1 = 1
    2  put 2 = 2
    3  put 3 = 3
    4  others have their turn
    5  visit 1 = 1
    6  others have their turn
    7  delete 1
    8  visit 3 = 3

  expected  2 = 2
  got       3 = 3
  hint      is the order of the range ignored, a position counted (OFFSET) rather than a key compared, or a composite key compared column by column?
";
    assert_eq!(found.to_string(), shown);
    // As a user's `?` converts it.
    assert!(TestCaseError::from(found).to_string().ends_with(shown));
}
