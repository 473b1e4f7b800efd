//! Mistakes of code that walks: each is found, whatever else happens meanwhile; and what is said of one.

use keywalk_conformance::history::Flaw;
use keywalk_conformance::{Clause, Edit, Schedule};

use crate::pager::{Mistake, caught, run, said, visits};

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

#[test]
fn a_counted_position_loses_rows_or_repeats_them() {
    let deleted = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor]);
    let some = Schedule::new([1, 2, 3]).initially([2, 3]);
    let inserted = some.turn([]).turn([Edit::InsertBehind]);
    for (schedule, clause) in [(deleted, Clause::G3), (inserted, Clause::G2)] {
        let found = run(&schedule, 1, visits(), Mistake::Offset).expect_err("a mistake");
        assert_eq!(found.clause(), clause, "{found}");
    }
}

#[test]
fn a_counterexample_shows_the_clause_the_history_and_what_should_have_come() {
    let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor]);
    let found = run(&schedule, 1, visits(), Mistake::Offset).expect_err("a mistake");
    assert_eq!(found.breach().flaw(), &Flaw::Missing(2));
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
    assert!(said(found).ends_with(shown));
}

#[test]
fn a_kill_and_where_the_code_goes_on_are_told() {
    let schedule = Schedule::new([1, 2]).kill(2);
    let found = run(&schedule, 2, visits(), Mistake::KeptTooEarly).expect_err("a mistake");
    let told = &found.timeline()[2..];
    assert!(told[2].ends_with("killed, and begun again"), "{told:?}");
    assert!(told[3].ends_with("goes on after 2"), "{told:?}");
}
