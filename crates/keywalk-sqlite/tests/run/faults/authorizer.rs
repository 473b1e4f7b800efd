//! AUTH: the application forbids its own connection what the walk does. SQLite asks when it prepares
//! a statement: what is prepared already is let run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

use keywalk::Walk;
use keywalk_sqlite::ErrorKind;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::{Connection, ErrorCode};

use super::trial::{Trial, WalkError, Way, assert_free, in_memory, source_of, sqlite_error};

const NOTHING: u8 = 0;
/// To read at all.
const SELECT: u8 = 1;
/// To read the column `name`.
const COLUMN: u8 = 2;
/// Not forbidden: the key reads as NULL.
const HIDES_KEY: u8 = 3;
/// To ask for the schema, which the proof needs.
const PRAGMA: u8 = 4;

/// A connection and what is forbidden to it.
fn open() -> (Connection, Arc<AtomicU8>) {
    let mut db = in_memory();
    let forbidden = Arc::new(AtomicU8::new(NOTHING));
    let forbids = Arc::clone(&forbidden);
    let authorizer = move |context: AuthContext<'_>| {
        let column = match context.action {
            AuthAction::Read { column_name, .. } => column_name,
            _ => "",
        };
        match (forbids.load(SeqCst), context.action, column) {
            (SELECT, AuthAction::Select, _) => Authorization::Deny,
            (PRAGMA, AuthAction::Pragma { .. }, _) => Authorization::Deny,
            (COLUMN, _, "name") => Authorization::Deny,
            (HIDES_KEY, _, "id" | "n") => Authorization::Ignore,
            _ => Authorization::Allow,
        }
    };
    db.authorizer(Some(authorizer)).unwrap();
    (db, forbidden)
}

#[test]
fn what_is_forbidden_is_an_error_once_sqlite_prepares_again() {
    let (db, forbidden) = open();
    for (what, trial) in
        Trial::all().flat_map(|trial| [SELECT, COLUMN, PRAGMA].map(|what| (what, trial)))
    {
        let strike = || {
            forbidden.store(what, SeqCst);
            db.flush_prepared_statement_cache();
        };
        let lift = || forbidden.store(NOTHING, SeqCst);
        let denied = ErrorCode::AuthorizationForStatementDenied;
        trial.holds(&db, denied, &strike, &lift);
    }
}

/// The error of the key or of the first fetch, where this is forbidden from the start.
fn first_error(way: Way, db: &Connection, forbidden: &AtomicU8, what: u8) -> WalkError {
    forbidden.store(what, SeqCst);
    let error = match way.source(db) {
        Err(error) => keywalk::Error::Source(error),
        Ok(source) => Walk::new(source).items().next().unwrap().unwrap_err(),
    };
    assert_free(db, way);
    forbidden.store(NOTHING, SeqCst);
    error
}

#[test]
fn what_is_forbidden_at_the_start_is_an_error_of_the_key_or_of_the_first_fetch() {
    let (db, forbidden) = open();
    for (way, what) in Way::ALL
        .into_iter()
        .flat_map(|way| [SELECT, COLUMN, PRAGMA].map(|w| (way, w)))
    {
        let error = first_error(way, &db, &forbidden, what);
        // A query that isn't let prepare is refused as one.
        let code = sqlite_error(&error).sqlite_error_code();
        let denied = Some(ErrorCode::AuthorizationForStatementDenied);
        assert_eq!(code, denied, "{way:?}, {what}: {error}");
    }
}

/// SQLite then has no key to search by, which the proof sees.
///
/// ANALYZE has SQLite prepare its statements again, under the same schema: they are proven again. (What
/// is hidden without that, and flushed from the cache, isn't noticed: don't hide a key that is walked.)
#[test]
fn a_key_that_is_hidden_at_the_start_or_when_statements_are_reprepared_is_not_the_end() {
    let (db, forbidden) = open();
    db.execute_batch("ANALYZE").unwrap();
    let not_seekable = ErrorKind::NotSeekable;
    for way in Way::ALL {
        let refused = first_error(way, &db, &forbidden, HIDES_KEY);
        assert_eq!(source_of(&refused).kind(), not_seekable, "{refused}");
        let source = way.source(&db).expect("all is allowed");
        let mut items = Walk::new(source).chunk_size(2).into_iter();
        assert_eq!(items.by_ref().take(4).filter(Result::is_ok).count(), 4);
        forbidden.store(HIDES_KEY, SeqCst);
        db.execute_batch("ANALYZE").unwrap();
        let refused = items.next().unwrap().unwrap_err();
        assert_eq!(source_of(&refused).kind(), not_seekable, "{refused}");
        forbidden.store(NOTHING, SeqCst);
        db.execute_batch("ANALYZE").unwrap();
    }
}
