//! AUTH: the application forbids its own connection what the walk does. SQLite asks when it prepares
//! a statement: what is prepared already is let run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use keywalk_sqlite::{Error, ErrorKind};
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode};

use crate::trial::{Trial, sqlite_error};
use crate::world::{Way, fill};

const NOTHING: u8 = 0;
/// To read at all.
const SELECT: u8 = 1;
/// To read the column `name`.
const COLUMN: u8 = 2;
/// Not forbidden: the key reads as NULL.
const HIDES_KEY: u8 = 3;
/// Not forbidden: the column `name` reads as NULL.
const HIDES_COLUMN: u8 = 4;
/// To ask for the schema, which the proof needs.
const PRAGMA: u8 = 5;

fn open() -> (Connection, Arc<AtomicU8>) {
    let mut db = Connection::open_in_memory().unwrap();
    fill(&db);
    let forbidden = Arc::new(AtomicU8::new(NOTHING));
    let forbids = Arc::clone(&forbidden);
    db.authorizer(Some(move |context: AuthContext<'_>| {
        use Authorization::{Allow, Deny, Ignore};
        match (forbids.load(SeqCst), context.action) {
            (SELECT, AuthAction::Select) => Deny,
            (PRAGMA, AuthAction::Pragma { .. }) => Deny,
            (
                COLUMN,
                AuthAction::Read {
                    column_name: "name",
                    ..
                },
            ) => Deny,
            (
                HIDES_COLUMN,
                AuthAction::Read {
                    column_name: "name",
                    ..
                },
            ) => Ignore,
            (
                HIDES_KEY,
                AuthAction::Read {
                    column_name: "id" | "n",
                    ..
                },
            ) => Ignore,
            _ => Allow,
        }
    }))
    .unwrap();
    (db, forbidden)
}

#[test]
fn what_is_forbidden_is_an_error_once_sqlite_prepares_again() {
    let (db, forbidden) = open();
    for what in [SELECT, COLUMN, PRAGMA] {
        for trial in Trial::all() {
            trial.holds(
                &db,
                ErrorCode::AuthorizationForStatementDenied,
                || {
                    forbidden.store(what, SeqCst);
                    db.flush_prepared_statement_cache();
                },
                || forbidden.store(NOTHING, SeqCst),
            );
        }
    }
}

#[test]
fn what_is_prepared_may_run_on() {
    let (db, forbidden) = open();
    for trial in Trial::after(260) {
        trial.goes_on(&db, || forbidden.store(SELECT, SeqCst));
        forbidden.store(NOTHING, SeqCst);
    }
}

#[test]
fn what_is_forbidden_at_the_start_is_an_error_of_the_key_or_of_the_first_fetch() {
    let (db, forbidden) = open();
    for (way, what) in Way::ALL
        .into_iter()
        .flat_map(|way| [SELECT, COLUMN, PRAGMA].map(|w| (way, w)))
    {
        forbidden.store(what, SeqCst);
        let error = match way.source(&db) {
            Err(error) => keywalk::Error::Source(error),
            Ok(source) => keywalk::Walk::new(source)
                .items()
                .next()
                .unwrap()
                .unwrap_err(),
        };
        // A query that isn't let prepare is refused as one.
        let code = sqlite_error(&error).sqlite_error_code();
        let denied = Some(ErrorCode::AuthorizationForStatementDenied);
        assert_eq!(code, denied, "{way:?}, {what}: {error}");
        assert!(!db.is_busy() && db.is_autocommit());
        forbidden.store(NOTHING, SeqCst);
    }
}

/// NULL in the place of a column is no row less.
#[test]
fn a_column_that_is_hidden_is_a_null() {
    let (db, forbidden) = open();
    for trial in Trial::after(7) {
        trial.holds_with(
            &db,
            |error| assert!(error.to_string().contains("doesn't decode"), "{error}"),
            || {
                forbidden.store(HIDES_COLUMN, SeqCst);
                db.flush_prepared_statement_cache();
            },
            || {
                forbidden.store(NOTHING, SeqCst);
                db.flush_prepared_statement_cache();
            },
        );
    }
}

/// SQLite then has no key to search by, which the proof sees.
#[test]
fn a_key_that_is_hidden_is_refused_and_not_the_end() {
    let (db, forbidden) = open();
    for way in Way::ALL {
        forbidden.store(HIDES_KEY, SeqCst);
        let source = way.source(&db).expect("it only asks for the schema");
        let error = keywalk::Walk::new(source).items().next();
        is_not_seekable(error.unwrap().unwrap_err());
        assert!(!db.is_busy() && db.is_autocommit());
        forbidden.store(NOTHING, SeqCst);
    }
}

/// ANALYZE has SQLite prepare its statements anew, under the same schema: they are proven again. (What
/// is hidden without that, and flushed from the cache, isn't noticed: don't hide a key that is walked.)
#[test]
fn a_key_that_is_hidden_when_statements_are_prepared_anew_is_not_the_end() {
    let (db, forbidden) = open();
    db.execute_batch("ANALYZE").unwrap();
    for way in Way::ALL {
        let source = way.source(&db).expect("all is allowed");
        let mut items = keywalk::Walk::new(source).chunk_size(2).into_iter();
        assert_eq!(items.by_ref().take(4).filter(Result::is_ok).count(), 4);
        forbidden.store(HIDES_KEY, SeqCst);
        db.execute_batch("ANALYZE").unwrap();
        is_not_seekable(items.next().unwrap().unwrap_err());
        forbidden.store(NOTHING, SeqCst);
        db.execute_batch("ANALYZE").unwrap();
    }
}

fn is_not_seekable(error: keywalk::Error<Error>) {
    let keywalk::Error::Source(error) = error else {
        panic!("{error}");
    };
    assert_eq!(error.kind(), ErrorKind::NotSeekable, "{error}");
}
