//! What a counterexample says.

use keywalk_conformance::history::Flaw;
use keywalk_conformance::{Edit, Schedule};

use crate::pager::{Mistake, run, said, visits};

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
