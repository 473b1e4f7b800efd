//! Sources whose tokens are right, in ways that a naive kit would take for wrong.

use std::sync::Arc;

use keywalk_conformance::{Blown, KnownKey};

use super::durable::{Durable, DurableKey};
use super::store::{Quirk, Store};

/// The bytes are in another order than the keys.
#[derive(Default)]
pub(crate) struct LittleEndian;

impl Quirk<i64> for LittleEndian {}

impl Durable<i64> for LittleEndian {
    fn encode_key(&self, key: &i64, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&key.to_le_bytes());
    }

    fn decode_key(&self, _: &Arc<Store<i64>>, bytes: &[u8]) -> Result<Option<i64>, Blown> {
        Ok(bytes.try_into().ok().map(i64::from_le_bytes))
    }
}

/// It takes what follows a key for nothing, and what is none for the default one: a token encodes the key
/// again, and compares.
#[derive(Default)]
pub(crate) struct Lenient;

impl<K: KnownKey + Send + Sync> Quirk<K> for Lenient {}

impl<K: DurableKey + Default> Durable<K> for Lenient {
    fn decode_key(&self, _: &Arc<Store<K>>, bytes: &[u8]) -> Result<Option<K>, Blown> {
        let mut starts = (0..=bytes.len()).rev();
        let longest = starts.find_map(|end| K::decode(&bytes[..end]).ok());
        Ok(Some(longest.unwrap_or_default()))
    }
}

/// It can't tell how far along the way a key lies.
#[derive(Default)]
pub(crate) struct NoShare;

impl Quirk<i64> for NoShare {}

impl Durable<i64> for NoShare {
    fn share(&self, _: &i64, _: &i64, _: &i64) -> Option<f64> {
        None
    }
}

/// Keys are shown as people write them, and read from that.
#[derive(Default)]
pub(crate) struct Worded;

impl Quirk<(String, i64)> for Worded {}

impl Durable<(String, i64)> for Worded {
    fn encode_key(&self, (name, number): &(String, i64), bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(format!("{number}:{name}").as_bytes());
    }

    fn decode_key(
        &self,
        _: &Arc<Store<(String, i64)>>,
        bytes: &[u8],
    ) -> Result<Option<(String, i64)>, Blown> {
        let text = std::str::from_utf8(bytes).ok();
        let parts = text.and_then(|text| text.split_once(':'));
        Ok(parts.and_then(|(number, name)| Some((name.to_owned(), number.parse().ok()?))))
    }

    fn key_text(&self, (name, number): &(String, i64)) -> String {
        format!("{name:?} no. {number}")
    }

    /// Half of the way lies between.
    fn share(
        &self,
        first: &(String, i64),
        last: &(String, i64),
        at: &(String, i64),
    ) -> Option<f64> {
        Some(match at {
            at if at == first => 0.0,
            at if at == last => 1.0,
            _ => 0.5,
        })
    }
}
