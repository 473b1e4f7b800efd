//! Mistakes of code that walks: each is found, whatever else happens meanwhile.

use keywalk_conformance::{Clause, Edit, Schedule};

use crate::pager::{Mistake, caught, run, visits};

/// Which clause names it.
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
    // By what it is shrunk to: a row deleted behind it or inserted there; or a kill, right after which a mistake
    // is one of resuming, G10.
    a_position_that_is_counted: Offset => G1 | G2 | G3 | G8 | G10;
    the_key_of_the_position_again: Inclusive => G2 | G10;
    a_short_page_taken_for_the_end: ShortPage => G8;
    for_ever_where_the_last_row_is_deleted: UntilTheLast => G9;
    all_rows_read_at_once: AllAtOnce.reads_ahead(3) => G3 | G4 | G5 | G8;
    // A row that comes too late has been missed before it comes.
    another_order: ByValue => G1 | G3 | G10;
    rows_out_of_the_range: NoRange => G6;
    the_kept_row_again_after_a_kill: KeptAgain => G10;
    a_row_left_out_after_a_kill: KeptAndOneMore => G10;
    a_position_kept_before_its_rows_are_handled: KeptTooEarly => G10;
    from_the_start_after_a_kill: NeverKept => G10;
    appended_rows_of_a_bounded_walk: None.bounded() => G9;
    an_end_before_what_is_appended: UntilTheLast.live() => G8 | G9;
    an_error: Fails => Harness;
}

fn clause_of(schedule: Schedule<i64>, size: usize, mistake: Mistake) -> Clause {
    let found = run(&schedule, size, visits(), mistake).expect_err("a mistake");
    println!("{found}");
    found.clause()
}

#[test]
fn a_counted_position_loses_rows_where_one_is_deleted_behind_it() {
    let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor]);
    assert_eq!(clause_of(schedule, 1, Mistake::Offset), Clause::G3);
}

#[test]
fn a_counted_position_repeats_rows_where_one_is_inserted_behind_it() {
    let schedule = Schedule::new([1, 2, 3])
        .initially([2, 3])
        .turn([])
        .turn([Edit::InsertBehind]);
    assert_eq!(clause_of(schedule, 1, Mistake::Offset), Clause::G2);
}

#[test]
fn a_row_is_as_it_was_when_its_page_was_read_at_the_earliest() {
    let all_at_once = |edit, reads_ahead: Option<usize>| {
        let schedule = Schedule::new([1, 2, 3, 4]);
        let visits = match reads_ahead {
            Some(rows) => visits().reads_ahead(rows),
            None => visits(),
        };
        let table = crate::pager::Table::default();
        let write = |key: &i64, change| table.change(key, change);
        let schedule = schedule.turn([]).turn([edit]);
        let run = schedule.run(visits, write, |meanwhile| -> Result<(), String> {
            meanwhile.turn();
            for key in 1..=4 {
                meanwhile.visit(&key, key as u64);
                if key == 2 {
                    meanwhile.turn();
                }
            }
            Ok(())
        });
        run.map_err(|found| found.clause())
    };
    for (edit, clause) in [(Edit::Put(4), Clause::G5), (Edit::Delete(4), Clause::G4)] {
        assert_eq!(
            all_at_once(edit.clone(), None),
            Ok(()),
            "it may be read at the start"
        );
        assert_eq!(
            all_at_once(edit.clone(), Some(4)),
            Ok(()),
            "it is of the first page"
        );
        assert_eq!(
            all_at_once(edit, Some(1)),
            Err(clause),
            "it was read after 3"
        );
    }
}
