//! Names, filters and queries that a stranger wrote.

mod guarded;
mod names;
mod text;
mod trial;

use std::cell::RefCell;

use arbitrary::{Arbitrary, Unstructured};

use guarded::Guarded;
use trial::Trial;

/// A name is a name and never SQL. A filter is taken and the rows are those of `WHERE (filter)`, or it is
/// refused; a query likewise. And the database is afterwards as it was.
///
/// # Panics
///
/// If that isn't so.
pub fn run(data: &[u8]) {
    thread_local! {
        static GUARDED: RefCell<Guarded> = RefCell::new(Guarded::new());
    }
    let mut input = Unstructured::new(data);
    GUARDED.with_borrow_mut(|guarded| {
        guarded.refresh();
        // What is too short says nothing.
        let _ = try_input(guarded, &mut input);
        guarded.must_be_as_it_was();
    });
}

fn try_input(guarded: &Guarded, input: &mut Unstructured<'_>) -> arbitrary::Result<()> {
    let choice = u8::arbitrary(input)? % 8;
    let sql = match choice {
        0 => return names::try_names(input),
        1 | 2 | 6 => text::raw(input)?,
        3 => text::soup(input)?,
        4 | 5 => text::condition(input)?,
        _ => text::query(input)?,
    };
    let trial = Trial::new(guarded, sql, input)?;
    if choice < 6 {
        trial.filter();
    } else {
        trial.query();
    }
    Ok(())
}
