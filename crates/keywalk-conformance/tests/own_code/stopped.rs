//! How the code is stopped, and what it may do then.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use keywalk::{KeyRange, Order, Walk};
use keywalk_conformance::history::{Change, Visits};
use keywalk_conformance::{BoxError, Clause, Counterexample, Edit, Meanwhile, Schedule};
use keywalk_memory::Map;

fn all() -> Visits<i64> {
    Visits::over(KeyRange::all(Order::Ascending))
}

/// Says a turn when it is dropped, as a guard that flushes its buffer may.
struct Flushes<'m, W>(&'m Meanwhile<i64, W>)
where
    W: FnMut(&i64, Change) -> Result<(), BoxError>;

impl<W> Drop for Flushes<'_, W>
where
    W: FnMut(&i64, Change) -> Result<(), BoxError>,
{
    fn drop(&mut self) {
        self.0.turn();
    }
}

#[test]
fn destructors_of_killed_code_may_say_what_they_do() {
    let runs = Cell::new(0);
    let schedule = Schedule::new([1, 2]).kill(1);
    let run = schedule.run(
        all(),
        |_, _| Ok(()),
        |meanwhile| -> Result<(), Infallible> {
            runs.set(runs.get() + 1);
            let _flushes = Flushes(meanwhile);
            meanwhile.visit(&1, 1);
            meanwhile.visit(&2, 2);
            Ok(())
        },
    );
    run.expect("from the start");
    assert_eq!(runs.get(), 2);
}

#[test]
fn a_panic_of_the_code_is_not_taken_for_a_kill_by_what_its_destructors_say() {
    let schedule = Schedule::new([1]).kill(1);
    let run = catch_unwind(|| {
        schedule.run(
            all(),
            |_, _| Ok(()),
            |meanwhile| -> Result<(), Infallible> {
                let _flushes = Flushes(meanwhile);
                resume_unwind(Box::new("an assertion"))
            },
        )
    });
    let panic = run.expect_err("it goes on");
    assert_eq!(panic.downcast_ref(), Some(&"an assertion"));
}

/// Whatever `code` does, and then it is wrong.
fn found<W>(
    schedule: &Schedule<i64>,
    write: W,
    code: impl FnMut(&Meanwhile<i64, W>) -> Result<(), String>,
) -> Counterexample<i64>
where
    W: FnMut(&i64, Change) -> Result<(), BoxError>,
{
    schedule.run(all(), write, code).expect_err("it is wrong")
}

#[test]
fn a_page_before_which_the_code_is_killed_is_not_read() {
    let runs = Cell::new(0);
    let schedule = Schedule::new([1]).kill(1);
    let found = found(
        &schedule,
        |_, _| Ok(()),
        |meanwhile| {
            runs.set(runs.get() + 1);
            if runs.get() > 1 {
                return Err("seen".to_owned());
            }
            let map = [(1, 1)].into_iter().collect();
            let walk = Walk::new(meanwhile.interleave(Map::new(&map)));
            walk.live()
                .items()
                .try_for_each(|item| item.map(drop))
                .expect("memory");
            Ok(())
        },
    );
    let told = found.timeline();
    assert!(told[1].ends_with("others have their turn"), "{told:?}");
    assert!(told[2].ends_with("killed, and begun again"), "{told:?}");
}

#[test]
fn an_error_is_told_as_the_codes_or_the_writes() {
    let schedule = Schedule::new([1]).turn([Edit::Put(1)]);
    let count = Cell::new(0);
    // The first rows are put before the first page.
    for (fails_at, clause, error) in [
        (1, Clause::Harness, "disk full"),
        (2, Clause::G14, "disk full"),
        (0, Clause::Harness, "timed out"),
    ] {
        count.set(0);
        let write = |_: &i64, _| {
            count.set(count.get() + 1);
            match count.get() == fails_at {
                true => Err("disk full".into()),
                false => Ok(()),
            }
        };
        let found = found(&schedule, write, |meanwhile| {
            meanwhile.turn();
            Err("timed out".to_owned())
        });
        assert_eq!(found.clause(), clause, "{found}");
        let told = found.to_string();
        assert!(told.contains(error), "{told}");
        assert!(!told.contains("Harness::keys"), "there is none: {told}");
    }
}

#[test]
fn a_write_that_says_a_turn_panics() {
    type Hook = Rc<RefCell<Option<Box<dyn Fn()>>>>;
    type Write = Box<dyn FnMut(&i64, Change) -> Result<(), BoxError>>;
    let hook = Hook::default();
    let called = Rc::clone(&hook);
    let write: Write = Box::new(move |_, _| {
        if let Some(hook) = &*called.borrow() {
            hook();
        }
        Ok(())
    });
    let schedule = Schedule::new([1]).turn([Edit::Put(1)]);
    let run = catch_unwind(AssertUnwindSafe(|| {
        schedule.run(all(), write, |meanwhile| -> Result<(), Infallible> {
            let said = meanwhile.clone();
            *hook.borrow_mut() = Some(Box::new(move || said.turn()));
            meanwhile.turn();
            Ok(())
        })
    }));
    hook.borrow_mut().take();
    let panic = run.expect_err("it can't go on");
    let text = panic.downcast_ref::<&str>().expect("a text");
    assert!(text.starts_with("`write` may not say"), "{text}");
}
