//! SQLite's own limits: FULL for the writer beside the walk, TOOBIG for a row or a statement.

use keywalk::{Order, Walk};
use keywalk_sqlite::Error;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode};

use crate::trial::{SIZES, Trial, code_of, sqlite_error};
use crate::world::{Way, World, fill};

fn memory() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    fill(&db);
    db
}

#[test]
fn the_disk_is_full_for_the_writer_and_the_walk_goes_on() {
    let world = World::new("DELETE");
    let db = &world.db;
    let pages: i64 = db
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap();
    for trial in Trial::after(260) {
        trial.goes_on(db, || {
            let no_more = format!("PRAGMA max_page_count = {pages}");
            db.query_row(&no_more, [], |_| Ok(())).unwrap();
            let write = "INSERT INTO t VALUES (9999, -9999, zeroblob(50000))";
            let full = db.execute(write, []).unwrap_err();
            assert_eq!(full.sqlite_error_code(), Some(ErrorCode::DiskFull));
        });
    }
}

/// The rows that are too long are every fiftieth. What is fetched together fails together: a
/// query's chunk also with the row behind it, which it reads ahead.
#[test]
fn a_row_above_the_length_limit_ends_the_walk_where_its_chunk_begins() {
    let db = memory();
    for way in [Way::ById, Way::ByIndex, Way::Query] {
        for (size, order) in SIZES.iter().flat_map(|s| [(s, false), (s, true)]) {
            let order = if order {
                Order::Descending
            } else {
                Order::Ascending
            };
            let trial = Trial {
                way,
                size: *size,
                order,
                taken: 0,
            };
            let keys = trial.keys();
            let bad = keys.iter().position(|key| key % 50 == 0).unwrap();
            let good = if way == Way::Query && bad > 0 {
                (bad - 1) / size * size
            } else {
                bad / size * size
            };

            let mut items = trial.walk(&db).items();
            db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1000).unwrap();
            let mut seen: Vec<i64> = Vec::new();
            let error = loop {
                match items.next().expect("the error comes before the end") {
                    Ok((key, _)) => seen.push(key),
                    Err(error) => break error,
                }
            };
            assert_eq!(code_of(&error), ErrorCode::TooBig);
            assert_eq!(seen, keys[..good], "{trial:?}");
            assert!(items.next().is_none() && items.next().is_none());
            trial.is_free(&db);

            let cursor = items.cursor();
            db.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000_000).unwrap();
            let rest = Walk::new(items.into_source()).resume(cursor).items();
            seen.extend(rest.map(|item| item.unwrap().0));
            assert_eq!(seen, keys, "{trial:?}");
        }
    }
}

const LIMITS: [Limit; 12] = [
    Limit::SQLITE_LIMIT_LENGTH,
    Limit::SQLITE_LIMIT_SQL_LENGTH,
    Limit::SQLITE_LIMIT_COLUMN,
    Limit::SQLITE_LIMIT_EXPR_DEPTH,
    Limit::SQLITE_LIMIT_COMPOUND_SELECT,
    Limit::SQLITE_LIMIT_VDBE_OP,
    Limit::SQLITE_LIMIT_FUNCTION_ARG,
    Limit::SQLITE_LIMIT_ATTACHED,
    Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH,
    Limit::SQLITE_LIMIT_VARIABLE_NUMBER,
    Limit::SQLITE_LIMIT_TRIGGER_DEPTH,
    Limit::SQLITE_LIMIT_PARSER_DEPTH,
];

/// Whatever is limited, and how tightly: an error or all rows, at the start and in the middle of a
/// walk, and the rest when it is lifted.
#[test]
fn any_limit_of_sqlite_is_an_error_or_does_no_harm() {
    let db = memory();
    let mut failed = [0; 2];
    for (limit, value) in LIMITS.iter().flat_map(|l| [0, 1, 4, 30].map(|v| (*l, v))) {
        for trial in [0, 7]
            .into_iter()
            .flat_map(Trial::after)
            .filter(|t| t.size == 7)
        {
            let keys = trial.keys();
            let mut items = trial.walk(&db).items();
            let mut seen: Vec<i64> = items
                .by_ref()
                .take(trial.taken)
                .map(|i| i.unwrap().0)
                .collect();
            let usual = db.set_limit(limit, value).unwrap();
            // What is prepared is kept; without that a limit of statements is never met.
            db.flush_prepared_statement_cache();
            let is_error = loop {
                match items.next() {
                    Some(Ok((key, _))) => seen.push(key),
                    Some(Err(error)) => break shows_its_cause(&error, trial),
                    None => break false,
                }
            };
            let what = format!("{limit:?} at {value}, {trial:?}");
            assert!(items.next().is_none() && items.next().is_none(), "{what}");
            assert!(is_error || seen == keys, "{what}: the end came too early");
            trial.is_free(&db);
            failed[usize::from(trial.taken > 0)] += usize::from(is_error);
            db.set_limit(limit, usual).unwrap();
            let rest = trial.walk(&db).resume(items.cursor()).items();
            seen.extend(rest.map(|item| item.unwrap().0));
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
fn shows_its_cause(error: &keywalk::Error<Error>, trial: Trial) -> bool {
    let sqlite = sqlite_error(error);
    let is_known = match (sqlite, sqlite.sqlite_error_code()) {
        // Of too many instructions SQLite says that it has no memory for them.
        (_, Some(ErrorCode::TooBig | ErrorCode::Unknown | ErrorCode::OutOfMemory)) => true,
        (rusqlite::Error::SqlInputError { .. }, _) => true,
        (rusqlite::Error::InvalidColumnType(_, column, _), _) => column == "detail",
        _ => false,
    };
    assert!(is_known, "{trial:?}: {error}: {sqlite:?}");
    true
}
