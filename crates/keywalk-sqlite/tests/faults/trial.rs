//! What has to hold whenever something fails.

use std::error::Error as StdError;

use keywalk::{Cursor, Order, Walk};
use keywalk_sqlite::{Error, ErrorKind};
use rusqlite::{Connection, ErrorCode};

use crate::world::{Source, Way};

/// A walk that meets a fault after so many rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) way: Way,
    pub(crate) size: usize,
    pub(crate) order: Order,
    /// How many rows are handed out, at least, before the fault comes.
    pub(crate) taken: usize,
}

pub(crate) const SIZES: [usize; 5] = [1, 2, 3, 7, 512];

impl Trial {
    /// Walks that meet the fault after `taken` rows, in all ways, sizes and orders.
    pub(crate) fn after(taken: usize) -> impl Iterator<Item = Trial> {
        let orders = [Order::Ascending, Order::Descending];
        Way::ALL.into_iter().flat_map(move |way| {
            let sizes = SIZES.into_iter();
            sizes.flat_map(move |size| {
                orders.map(|order| Trial {
                    way,
                    size,
                    order,
                    taken,
                })
            })
        })
    }

    /// Walks that meet the fault at their start, soon, in the middle, and shortly before their end.
    pub(crate) fn all() -> impl Iterator<Item = Trial> {
        [0, 1, 260, 343].into_iter().flat_map(Trial::after)
    }

    /// The keys, in the order of this walk.
    pub(crate) fn keys(&self) -> Vec<i64> {
        let mut keys = self.way.keys();
        if self.order == Order::Descending {
            keys.reverse();
        }
        keys
    }

    pub(crate) fn walk<'db>(&self, db: &'db Connection) -> Walk<Source<'db>> {
        let source = self.way.source(db).expect("the key is one");
        Walk::new(source).chunk_size(self.size).order(self.order)
    }

    /// The fault that `strike` makes is an error of this code, once, at the first fetch after it; the
    /// walk that is resumed after `lift` gives the rest.
    pub(crate) fn holds(
        &self,
        db: &Connection,
        code: ErrorCode,
        strike: impl FnMut(),
        lift: impl FnMut(),
    ) {
        let check = |error: &_| assert_eq!(code_of(error), code, "{self:?}: {error}");
        self.holds_with(db, check, strike, lift);
    }

    /// As [`holds`](Self::holds), for an error that `check` knows.
    pub(crate) fn holds_with(
        &self,
        db: &Connection,
        check: impl Fn(&keywalk::Error<Error>),
        mut strike: impl FnMut(),
        mut lift: impl FnMut(),
    ) {
        self.items_hold(db, &check, &mut strike, &mut lift);
        self.chunks_hold(db, &check, strike, lift);
    }

    /// As [`holds_with`](Self::holds_with), for a walk by items only.
    pub(crate) fn items_hold(
        &self,
        db: &Connection,
        check: &dyn Fn(&keywalk::Error<Error>),
        strike: impl FnOnce(),
        lift: impl FnOnce(),
    ) {
        let keys = self.keys();
        let mut items = self.walk(db).items();
        let mut seen: Vec<i64> = Vec::new();
        for item in items.by_ref().take(self.taken) {
            seen.push(item.expect("there is no fault yet").0);
        }
        strike();
        let fetched = seen.len() + items.size_hint().0;
        let error = loop {
            match items.next() {
                Some(Ok((key, _))) => seen.push(key),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
            assert!(seen.len() <= keys.len(), "{self:?}: rows come again");
        };
        assert_eq!(seen, keys[..fetched], "{self:?}: what was fetched before");
        assert_eq!(
            error.is_none(),
            fetched == keys.len(),
            "{self:?}: the end, instead of the error: {error:?}"
        );
        error.iter().for_each(check);
        assert!(items.next().is_none() && items.next().is_none(), "{self:?}");
        self.is_free(db);

        let cursor = items.cursor();
        assert_eq!(cursor.is_done(), error.is_none(), "{self:?}");
        lift();
        self.is_free(db);
        // The same source goes on, in chunks of another size.
        let rest = Walk::new(items.into_source()).chunk_size(5).resume(cursor);
        seen.extend(rest.items().map(|item| item.expect("it is lifted").0));
        assert_eq!(seen, keys, "{self:?}: resumed");
        self.is_free(db);
    }

    /// As [`holds_with`](Self::holds_with), for a walk by chunks only.
    pub(crate) fn chunks_hold(
        &self,
        db: &Connection,
        check: &dyn Fn(&keywalk::Error<Error>),
        strike: impl FnOnce(),
        lift: impl FnOnce(),
    ) {
        let keys = self.keys();
        let mut chunks = self.walk(db).chunks();
        let mut seen: Vec<i64> = Vec::new();
        while seen.len() < self.taken
            && let Some(items) = chunks.next().expect("there is no fault yet")
        {
            seen.extend(items.iter().map(|item| item.0));
        }
        strike();
        let cursor: Cursor<i64> = match chunks.next() {
            Err(error) => {
                check(&error);
                chunks.cursor()
            }
            Ok(None) if seen == keys => chunks.cursor(),
            answer => panic!("{self:?}: no error but {answer:?} after {}", seen.len()),
        };
        assert!(matches!(chunks.next(), Ok(None)) && matches!(chunks.next(), Ok(None)));
        self.is_free(db);
        lift();
        // Another source goes on.
        let rest = self.walk(db).resume(cursor);
        seen.extend(rest.items().map(|item| item.expect("it is lifted").0));
        assert_eq!(seen, keys, "{self:?}: resumed");
        self.is_free(db);
    }

    /// The walk goes on to its end whatever `strike` does.
    pub(crate) fn goes_on(&self, db: &Connection, strike: impl FnOnce()) {
        let mut items = self.walk(db).items();
        let mut seen: Vec<i64> = Vec::new();
        let key = |item: Result<(i64, _), _>| item.map(|(key, _): (i64, Vec<u8>)| key);
        seen.extend(items.by_ref().take(self.taken).map(|i| key(i).unwrap()));
        strike();
        seen.extend(items.by_ref().map(|item| key(item).unwrap()));
        assert_eq!(seen, self.keys(), "{self:?}");
        self.is_free(db);
    }

    pub(crate) fn is_free(&self, db: &Connection) {
        assert!(!db.is_busy() && db.is_autocommit(), "{self:?}: it is held");
    }
}

/// SQLite's code in a walk's error, whose kind goes with it.
pub(crate) fn code_of(error: &keywalk::Error<Error>) -> ErrorCode {
    let code = sqlite_error(error)
        .sqlite_error_code()
        .expect("it is SQLite that failed");
    let kind = match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => ErrorKind::Busy,
        ErrorCode::OperationInterrupted => ErrorKind::Interrupted,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => ErrorKind::Corrupt,
        ErrorCode::SystemIoFailure | ErrorCode::CannotOpen => ErrorKind::Io,
        ErrorCode::OutOfMemory => ErrorKind::OutOfMemory,
        _ => ErrorKind::Sqlite,
    };
    let source = source_of(error);
    assert_eq!(source.kind(), kind, "{error}: {source:?}");
    assert_eq!(source.is_transient(), kind == ErrorKind::Busy, "{error}");
    let cure = match kind {
        ErrorKind::Busy => "ask again later",
        ErrorKind::Interrupted => "told to stop",
        ErrorKind::Corrupt => "integrity_check",
        ErrorKind::Io => "file and disk",
        ErrorKind::OutOfMemory => "no memory left",
        _ => "",
    };
    assert!(error.to_string().contains(cure), "{error}");
    code
}

pub(crate) fn source_of(error: &keywalk::Error<Error>) -> &Error {
    match error {
        keywalk::Error::Source(source) => source,
        _ => panic!("it isn't the store's: {error}"),
    }
}

pub(crate) fn sqlite_error(error: &keywalk::Error<Error>) -> &rusqlite::Error {
    let source = source_of(error);
    let sqlite = source.sqlite_error().expect("SQLite is to blame");
    for cause in [source.source(), error.source()] {
        let cause = cause.and_then(<dyn StdError>::downcast_ref::<rusqlite::Error>);
        assert_eq!(cause, Some(sqlite), "it is the error's cause, too");
    }
    sqlite
}
