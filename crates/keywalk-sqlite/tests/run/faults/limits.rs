//! SQLite's own limits: TOOBIG for a row or a statement.

use keywalk::Walk;
use keywalk_sqlite::Table;
use rusqlite::limits::Limit::{self, *};
use rusqlite::{Connection, ErrorCode};

use super::trial::{
    Trial, WalkError, Way, assert_free, code_of, in_memory, rest, sqlite_error, take, until_error,
};

/// The rows that are too long are every fiftieth. What is fetched together fails together: a
/// query's chunk also with the row behind it, which it reads ahead.
#[test]
fn a_row_above_the_length_limit_ends_the_walk_where_its_chunk_begins() {
    let db = in_memory();
    for trial in Trial::after(0).filter(|trial| trial.way != Way::Filtered) {
        let keys = trial.keys();
        let bad = keys.iter().position(|key| key % 50 == 0).unwrap();
        let ahead = usize::from(trial.way == Way::Query && bad > 0);
        let good = (bad - ahead) / trial.size * trial.size;

        let mut items = trial.walk(&db).items();
        db.set_limit(SQLITE_LIMIT_LENGTH, 1000).unwrap();
        let (mut seen, error) = until_error(&mut items, &db, trial);
        let error = error.expect("it comes before the end");
        assert_eq!(code_of(&error), ErrorCode::TooBig);
        assert_eq!(seen, keys[..good], "{trial:?}");
        db.set_limit(SQLITE_LIMIT_LENGTH, 1_000_000).unwrap();
        seen.extend(rest(items));
        assert_eq!(seen, keys, "{trial:?}");
    }
}

/// The last key is asked for before any row: where that fails, no row was yielded.
#[test]
fn a_last_key_that_cannot_be_read_is_an_error_before_the_first_row() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(
        "CREATE TABLE t (k TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID;
         INSERT INTO t VALUES ('a'), ('b'), (printf('%.*c', 5000, 'c'))",
    )
    .unwrap();
    for size in [1, 2, 3, 7, 512] {
        let table = Table::new(&db, "t").key::<String>(["k"]).unwrap();
        let mut items = Walk::new(table).chunk_size(size).items();
        db.set_limit(SQLITE_LIMIT_LENGTH, 2000).unwrap();
        let error = items.next().unwrap().unwrap_err();
        assert_eq!(code_of(&error), ErrorCode::TooBig);
        assert!(items.next().is_none() && items.next().is_none());
        assert_free(&db, size);
        db.set_limit(SQLITE_LIMIT_LENGTH, 1_000_000).unwrap();
        let rest = Walk::new(items.into_source()).items();
        assert_eq!(rest.map(Result::unwrap).count(), 3);
    }
}

#[rustfmt::skip]
const LIMITS: [Limit; 12] = [
    SQLITE_LIMIT_LENGTH, SQLITE_LIMIT_SQL_LENGTH, SQLITE_LIMIT_COLUMN, SQLITE_LIMIT_EXPR_DEPTH,
    SQLITE_LIMIT_COMPOUND_SELECT, SQLITE_LIMIT_VDBE_OP, SQLITE_LIMIT_FUNCTION_ARG, SQLITE_LIMIT_ATTACHED,
    SQLITE_LIMIT_LIKE_PATTERN_LENGTH, SQLITE_LIMIT_VARIABLE_NUMBER, SQLITE_LIMIT_TRIGGER_DEPTH,
    SQLITE_LIMIT_PARSER_DEPTH,
];

/// Whatever is limited, and how tightly: an error or all rows, at the start and in the middle of a
/// walk, and the rest when it is lifted.
#[test]
fn any_limit_of_sqlite_is_an_error_or_does_no_harm() {
    let db = in_memory();
    let mut failed = [0; 2];
    let trials: Vec<Trial> = [0, 7]
        .into_iter()
        .flat_map(Trial::after)
        .filter(|t| t.size == 7)
        .collect();
    for (limit, value) in LIMITS.iter().flat_map(|l| [0, 1, 4, 30].map(|v| (*l, v))) {
        for trial in &trials {
            let what = format!("{limit:?} at {value}, {trial:?}");
            let keys = trial.keys();
            let mut items = trial.walk(&db).items();
            let mut seen = take(&mut items, trial.taken);
            let usual = db.set_limit(limit, value).unwrap();
            // What is prepared is kept; without that a limit of statements is never met.
            db.flush_prepared_statement_cache();
            let (more, error) = until_error(&mut items, &db, &what);
            seen.extend(more);
            assert!(
                error.is_some() || seen == keys,
                "{what}: the end came too early"
            );
            error.iter().for_each(shows_its_cause);
            failed[usize::from(trial.taken > 0)] += usize::from(error.is_some());
            db.set_limit(limit, usual).unwrap();
            let mut rest = trial.walk(&db).resume(items.cursor()).items();
            seen.extend(take(&mut rest, usize::MAX));
            assert_eq!(seen, keys, "{what}");
        }
    }
    assert!(
        failed[0] > 50 && failed[1] > 50,
        "hardly any was met: {failed:?}"
    );
}

/// What a limit of statements makes of them differs: too big, or an error of the SQL. A plan that is
/// too long for the limit of lengths comes as NULL.
fn shows_its_cause(error: &WalkError) {
    let sqlite = sqlite_error(error);
    let is_known = match (sqlite, sqlite.sqlite_error_code()) {
        // Of too many instructions SQLite says that it has no memory for them.
        (_, Some(ErrorCode::TooBig | ErrorCode::Unknown | ErrorCode::OutOfMemory)) => true,
        (rusqlite::Error::SqlInputError { .. }, _) => true,
        (rusqlite::Error::InvalidColumnType(_, column, _), _) => column == "detail",
        _ => false,
    };
    assert!(is_known, "{error}: {sqlite:?}");
}
