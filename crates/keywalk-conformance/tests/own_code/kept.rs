//! Where the code is killed, and where it goes on.

use std::cell::{Cell, RefCell};

use keywalk::{KeyRange, Order};
use keywalk_conformance::history::Visits;
use keywalk_conformance::{Clause, Schedule};

fn all() -> Visits<i64> {
    Visits::over(KeyRange::all(Order::Ascending))
}

#[test]
fn the_code_is_killed_at_each_event_that_is_said_and_then_runs_to_its_end() {
    let events = RefCell::new(Vec::new());
    let schedule = Schedule::new([1, 2]).kill(1).kill(3);
    let run = schedule.run(
        all(),
        |_, _| Ok(()),
        |meanwhile| -> Result<(), String> {
            let say = |event| events.borrow_mut().push(event);
            say("begin");
            meanwhile.turn();
            say("turn");
            meanwhile.visit(&1, 1);
            say("1");
            meanwhile.visit(&2, 2);
            say("2");
            Ok(())
        },
    );
    run.expect("from the start each time");
    let expected = ["begin", "begin", "turn", "1", "begin", "turn", "1", "2"];
    assert_eq!(events.into_inner(), expected);
}

#[test]
fn what_was_visited_past_the_kept_key_comes_again() {
    let goes_on = |kept: Option<i64>, from: i64| {
        let runs = Cell::new(0);
        let schedule = Schedule::new([1, 2, 3, 4]).kill(3);
        let run = schedule.run(
            all(),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), String> {
                runs.set(runs.get() + 1);
                let from = match runs.get() {
                    1 => 1,
                    _ => {
                        meanwhile.resumes_after(kept.as_ref());
                        from
                    }
                };
                (from..=4).for_each(|key| meanwhile.visit(&key, key as u64));
                Ok(())
            },
        );
        run.map_err(|found| found.clause())
    };
    assert_eq!(goes_on(Some(3), 4), Ok(()));
    assert_eq!(goes_on(Some(1), 2), Ok(()));
    assert_eq!(goes_on(None, 1), Ok(()));
    assert_eq!(goes_on(Some(3), 3), Err(Clause::G10), "3 again");
    assert_eq!(goes_on(Some(1), 4), Err(Clause::G10), "2 and 3 were lost");
    assert_eq!(goes_on(None, 4), Err(Clause::G10), "so were 1 to 3");
    assert_eq!(goes_on(Some(4), 5), Err(Clause::G10), "4 was never visited");
}

#[test]
fn a_panic_of_the_code_goes_on() {
    let run = std::panic::catch_unwind(|| {
        Schedule::new([1]).run(
            all(),
            |_, _| Ok(()),
            |_| -> Result<(), String> { std::panic::resume_unwind(Box::new("an assertion")) },
        )
    });
    let panic = run.expect_err("it isn't a breach");
    assert_eq!(panic.downcast_ref(), Some(&"an assertion"));
}

#[test]
fn a_write_that_fails_is_the_tests_before_the_first_page_and_the_codes_after_it() {
    let writes = |fails_at: u32| {
        let count = Cell::new(0);
        let schedule = Schedule::new([1]).turn([keywalk_conformance::Edit::Put(1)]);
        let write = |_: &i64, _| {
            count.set(count.get() + 1);
            match count.get() == fails_at {
                true => Err("database is locked".into()),
                false => Ok(()),
            }
        };
        let run = schedule.run(all(), write, |meanwhile| -> Result<(), String> {
            meanwhile.turn();
            Ok(())
        });
        run.expect_err("it failed").clause()
    };
    assert_eq!(writes(1), Clause::Harness);
    assert_eq!(writes(2), Clause::G14);
}

#[test]
#[should_panic(expected = "events are counted from 1")]
fn events_are_counted_from_1() {
    let _ = Schedule::new([1]).kill(0);
}
