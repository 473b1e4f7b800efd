//! Sources that lose something of a key as they write it down.

use std::cell::RefCell;
use std::sync::Arc;

use keywalk::{KeyRange, Order};
use keywalk_conformance::Blown;
use keywalk_key::Key;

use super::durable::Durable;
use super::store::{Quirk, Store};

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident($key:ty): { $($method:tt)* })+) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<$key> for $name {}

        impl Durable<$key> for $name { $($method)* }
    )+};
}

type Read<K> = Result<Option<K>, Blown>;

mutants! {
    /// `as i32`.
    Cut(i64): {
        fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
            bytes.extend_from_slice(&(*key as i32).to_be_bytes());
        }

        fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            Ok(bytes.try_into().ok().map(|bytes| i32::from_be_bytes(bytes).into()))
        }
    }

    /// Of microseconds.
    Milliseconds(i64): {
        fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
            (key / 1_000).encode(bytes);
        }

        fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            Ok(i64::decode(bytes).ok().and_then(|key| key.checked_mul(1_000)))
        }
    }

    /// As a collation that knows no case compares it.
    LowerCase(String): {
        fn encode_key(&self, key: &String, bytes: &mut Vec<u8>) {
            key.to_lowercase().encode(bytes);
        }
    }

    /// Whatever the bytes are.
    Zero(i64): {
        fn decode_key(&self, _: &Arc<Store<i64>>, _: &[u8]) -> Read<i64> {
            Ok(Some(0))
        }
    }

    /// It assigns where it should append.
    Clears(i64): {
        fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
            *bytes = key.to_bytes();
        }
    }

    /// `abs`.
    SignLost(i64): {
        fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
            key.unsigned_abs().encode(bytes);
        }

        fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            Ok(u64::decode(bytes).ok().map(u64::cast_signed))
        }
    }

    /// As a column of fixed width stores it.
    NoBlanks(String): {
        fn encode_key(&self, key: &String, bytes: &mut Vec<u8>) {
            key.trim_end_matches(' ').to_owned().encode(bytes);
        }
    }

    /// `bytes[..8]`.
    Slices(i64): {
        fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            Ok(i64::decode(&bytes[..8]).ok())
        }
    }

    /// What is no key is an error of the store.
    Fails(i64): {
        fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            i64::decode(bytes).map(Some).map_err(|_| Blown::default())
        }
    }

    /// It finds the key among the rows.
    ByRow(i64): {
        fn decode_key(&self, store: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
            let rows = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
            let keys = rows.into_iter().map(|(key, _)| key);
            Ok(keys.into_iter().find(|key| key.to_bytes() == bytes))
        }
    }

    /// The other column isn't shown.
    FirstInWords((i64, i64)): {
        fn key_text(&self, (first, _): &(i64, i64)) -> String {
            first.to_string()
        }
    }

    /// Nothing is shown.
    NoWords(i64): {
        fn key_text(&self, _: &i64) -> String {
            String::new()
        }
    }
}

/// A key's number in a list of the source's own.
#[derive(Default)]
pub(crate) struct Numbered(RefCell<Vec<i64>>);

impl Quirk<i64> for Numbered {}

impl Durable<i64> for Numbered {
    fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
        let mut known = self.0.borrow_mut();
        let at = known.iter().position(|known| known == key);
        let at = at.unwrap_or_else(|| {
            known.push(*key);
            known.len() - 1
        });
        (at as u64).encode(bytes);
    }

    fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Read<i64> {
        let at = u64::decode(bytes).ok();
        Ok(at.and_then(|at| self.0.borrow().get(usize::try_from(at).ok()?).copied()))
    }
}
