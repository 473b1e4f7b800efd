//! Values of any type in the key columns of a SQLite table.

mod kept;
mod stored;
mod trial;

use std::cmp::Reverse;
use std::fmt::Debug;

use arbitrary::{Arbitrary, Unstructured};
use keywalk_sqlite::{AnyKey, Collated, Key, KeyColumn};
use rusqlite::Row;
use rusqlite::types::ValueRef;
use uuid::Uuid;
use uuid::fmt::Hyphenated;

use kept::Kept;
use trial::Trial;

/// Whether the value of the row's `at`-th column is of that type.
fn is_of<T: KeyColumn>(row: &Row<'_>, at: usize) -> bool {
    row.get_ref(at).is_ok_and(|value| T::read(value).is_ok())
}

/// Whether an [`AnyKey`] holds the row's values.
fn is_any(row: &Row<'_>) -> bool {
    (0..row.as_ref().column_count()).all(|at| match row.get_ref(at) {
        Ok(ValueRef::Text(text)) => std::str::from_utf8(text).is_ok(),
        Ok(value) => value != ValueRef::Null,
        Err(_) => false,
    })
}

/// Keeps what is in `input` in a table of so many key columns, and walks it by `K`.
fn try_key<K: Key + Debug>(
    input: &mut Unstructured<'_>,
    columns: usize,
    directions: Option<&[&'static str]>,
    is_key: fn(&Row<'_>) -> bool,
) -> arbitrary::Result<()> {
    let Some(kept) = Kept::new(input, columns)? else {
        return Ok(());
    };
    let directions = directions.map_or_else(|| kept.directions(), <[_]>::to_vec);
    let trial = Trial::<K>::new(
        &kept,
        is_key,
        Arbitrary::arbitrary(input).unwrap_or((3, 1, 2)),
    );
    trial.check(&directions);
    Ok(())
}

type Try = fn(&mut Unstructured<'_>) -> arbitrary::Result<()>;

/// Each with the types and directions of its columns.
macro_rules! keys {
    ($($key:ty = [$($column:ty, $direction:literal);+]),+ $(,)?) => {
        &[$(|input| {
            let directions = [$($direction),+];
            try_key::<$key>(input, directions.len(), Some(&directions), |row| {
                let mut at = 0..;
                $(at.next().is_some_and(|at| is_of::<$column>(row, at)))&&+
            })
        }),+]
    };
}

const TYPED: &[Try] = keys! {
    i64 = [i64, "ASC"],
    String = [String, "ASC"],
    Vec<u8> = [Vec<u8>, "ASC"],
    Uuid = [Uuid, "ASC"],
    Hyphenated = [Hyphenated, "ASC"],
    Collated = [Collated, "ASC"],
    i8 = [i8, "ASC"],
    u32 = [u32, "ASC"],
    Reverse<i64> = [i64, "DESC"],
    Reverse<String> = [String, "DESC"],
    Reverse<Collated> = [Collated, "DESC"],
    Reverse<Hyphenated> = [Hyphenated, "DESC"],
    (i64, String) = [i64, "ASC"; String, "ASC"],
    (String, Reverse<i64>) = [String, "ASC"; i64, "DESC"],
    (Reverse<Vec<u8>>, Uuid) = [Vec<u8>, "DESC"; Uuid, "ASC"],
    (Collated, i32) = [Collated, "ASC"; i32, "ASC"],
    (Reverse<Collated>, Collated) = [Collated, "DESC"; Collated, "ASC"],
    (i64, Reverse<String>, u8) = [i64, "ASC"; String, "DESC"; u8, "ASC"],
};

/// Every row comes once and in the order of `ORDER BY`, also from a cursor on and within a range; or one
/// short error names the table and the column, and some row's key isn't of the key's type.
///
/// # Panics
///
/// If that isn't so.
pub fn run(data: &[u8]) {
    let mut input = Unstructured::new(data);
    let choice = usize::from(u8::arbitrary(&mut input).unwrap_or_default());
    // What is too short says nothing.
    let _ = match TYPED.get(choice % (TYPED.len() + 8)) {
        Some(typed) => typed(&mut input),
        None => try_key::<AnyKey>(&mut input, choice % 3 + 1, None, is_any),
    };
}
