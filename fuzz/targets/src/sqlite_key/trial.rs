use std::error::Error as _;
use std::fmt::Debug;
use std::marker::PhantomData;

use keywalk::{Cursor, Error, Order, Walk};
use keywalk_sqlite::{ErrorKind, Key, Table};
use rusqlite::{Connection, Row};

use super::kept::Kept;

/// A walk by `K` over what is kept.
pub(super) struct Trial<'a, K> {
    kept: &'a Kept,
    is_key: fn(&Row<'_>) -> bool,
    chunk_size: usize,
    /// Of a range, by the places of keys.
    bounds: (u8, u8),
    key: PhantomData<K>,
}

type Numbered<'a, K> =
    Result<Table<&'a Connection, K, keywalk_sqlite::decode::Mapped<Number>>, keywalk_sqlite::Error>;
type Number = fn(&Row<'_>) -> rusqlite::Result<i64>;

impl<'a, K: Key + Debug> Trial<'a, K> {
    pub(super) fn new(
        kept: &'a Kept,
        is_key: fn(&Row<'_>) -> bool,
        (chunk_size, from, to): (u8, u8, u8),
    ) -> Self {
        Trial {
            kept,
            is_key,
            chunk_size: usize::from(chunk_size % 5) + 1,
            bounds: (from, to),
            key: PhantomData,
        }
    }

    pub(super) fn check(&self, directions: &[&str]) {
        let other_way = |direction: &&str| match *direction {
            "ASC" => "DESC",
            _ => "ASC",
        };
        let backward: Vec<&str> = directions.iter().map(other_way).collect();
        for (order, directions) in [
            (Order::Ascending, directions),
            (Order::Descending, &backward),
        ] {
            let rows = self.kept.rows(directions, self.is_key);
            let expected: Vec<i64> = rows.iter().map(|(n, _)| *n).collect();
            let are_keys = rows.iter().all(|(_, is_key)| *is_key);
            if let Some(keys) = self.walk(order, &expected, are_keys) {
                assert!(are_keys, "{keys:?} are all keys");
                self.check_range(order, &keys, &expected);
            }
        }
    }

    fn table(&self) -> Numbered<'_, K> {
        let table = Table::new(&self.kept.db, "t").key::<K>(self.kept.names.iter().copied())?;
        let number: Number = |row| row.get("n");
        Ok(table.map(number))
    }

    /// All rows in order, or a part of them and one error; answers the keys if all came.
    fn walk(&self, order: Order, expected: &[i64], are_keys: bool) -> Option<Vec<K>> {
        let table = match self.table() {
            Ok(table) => table,
            Err(error) => {
                assert_ne!(error.kind(), ErrorKind::Value, "{error}");
                self.is_clear(&error, "\"t\"");
                return None;
            }
        };
        let walk = Walk::new(table).order(order).chunk_size(self.chunk_size);
        let mut items = walk.items();
        let mut keys = Vec::new();
        while let Some(item) = items.next() {
            match item {
                Ok((key, n)) => {
                    assert_eq!(Some(&n), expected.get(keys.len()), "{keys:?}, then {key:?}");
                    keys.push(key);
                    if keys.len() == usize::from(self.bounds.0 % 16) {
                        self.check_rest(items.cursor(), &expected[keys.len()..], are_keys);
                    }
                }
                Err(Error::Source(error)) => {
                    self.is_of_a_row(&error, are_keys);
                    assert!(items.next().is_none(), "G12");
                    return None;
                }
                Err(error) => panic!("{error} after {keys:?}"),
            }
        }
        assert_eq!(keys.len(), expected.len(), "it ends as if all were well");
        Some(keys)
    }

    fn check_rest(&self, cursor: Cursor<K>, expected: &[i64], are_keys: bool) {
        let rest = self.table().expect("it was proven");
        let walk = Walk::new(rest).resume(cursor).chunk_size(2);
        let rest = walk.into_iter().map(|item| item.map(|(_, n)| n));
        match rest.collect::<Result<Vec<i64>, _>>() {
            Ok(rest) => assert_eq!(rest, expected, "G10"),
            Err(error) => assert!(!are_keys, "G10: {error}"),
        }
    }

    /// A part, by keys that were walked.
    fn check_range(&self, order: Order, keys: &[K], expected: &[i64]) {
        let at = |place: u8| usize::from(place) % keys.len().max(1);
        let (from, to) = (at(self.bounds.0), at(self.bounds.1));
        if keys.is_empty() || from > to {
            return;
        }
        let (near, far) = (keys[from].clone(), keys[to].clone());
        let walk = Walk::new(self.table().expect("it was proven"));
        let walk = walk.order(order).chunk_size(self.chunk_size);
        let walk = match order {
            Order::Ascending => walk.range(near..=far),
            Order::Descending => walk.range(far..=near),
        };
        let numbers = walk.into_iter().map(|item| item.map(|(_, n)| n));
        match numbers.collect::<Result<Vec<i64>, _>>() {
            Ok(found) => assert_eq!(found, expected[from..=to], "{order:?} of {keys:?}"),
            Err(error) => panic!("{error} in {order:?} of {keys:?}"),
        }
    }

    /// It names the column, if there is a value to blame; or else there is no index to search by.
    fn is_of_a_row(&self, error: &keywalk_sqlite::Error, are_keys: bool) {
        match error.kind() {
            ErrorKind::Value => {
                let names = self.kept.names.iter().map(|name| format!("\"{name}\""));
                let message = error.to_string();
                assert!(
                    names.into_iter().any(|name| message.contains(&name)),
                    "{message}"
                );
                assert!(!are_keys, "{message}");
            }
            ErrorKind::NotSeekable => {}
            kind => panic!("{kind:?}: {error:?}"),
        }
        self.is_clear(error, "\"t\"");
    }

    fn is_clear(&self, error: &keywalk_sqlite::Error, named: &str) {
        let message = error.to_string();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        assert!(message.contains(named), "{message}");
        assert!(message.len() + cause.len() < 1_000, "{message}: {cause}");
        assert_ne!(error.kind(), ErrorKind::Sqlite, "{error:?}");
    }
}
