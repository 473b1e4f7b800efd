use std::any::type_name;

use keywalk::Chunk;

use crate::decode::Decode;
use crate::error::{Cause, Error, Place, TypeName};
use crate::{ByteStore, DecodeError, Key};

/// Why an entry isn't an item.
pub(super) enum Refused {
    Key(Vec<u8>, DecodeError),
    Value(Vec<u8>, Box<dyn std::error::Error + Send + Sync>),
}

/// Adds an entry's item to the chunk. `again` is memory for encoding the key again.
#[inline]
pub(super) fn push<K: Key, D: Decode>(
    (bytes, value): (&[u8], &[u8]),
    decode: &mut D,
    chunk: &mut Chunk<(K, D::Item)>,
    again: &mut Vec<u8>,
) -> Result<(), Refused> {
    let of_key = |why| Refused::Key(bytes.to_vec(), why);
    let of_value = |error: D::Error| Refused::Value(bytes.to_vec(), error.into());
    if let Some((key, item)) = chunk.spare() {
        key.decode_in_place(bytes).map_err(of_key)?;
        check(key, bytes, again).map_err(of_key)?;
        decode.decode_in_place(value, item).map_err(of_value)?;
        chunk.push_spare();
    } else {
        let key = key(bytes, again).map_err(of_key)?;
        chunk.push((key, decode.decode(value).map_err(of_value)?));
    }
    Ok(())
}

pub(super) fn key<K: Key>(bytes: &[u8], again: &mut Vec<u8>) -> Result<K, DecodeError> {
    let key = K::decode(bytes)?;
    check(&key, bytes, again)?;
    Ok(key)
}

/// Checks that the bytes are the key's own encoding. If other bytes also decoded to it, two entries would have the
/// same key, and one would be out of order.
#[inline]
fn check<K: Key>(key: &K, bytes: &[u8], again: &mut Vec<u8>) -> Result<(), DecodeError> {
    if K::CANONICAL {
        return Ok(());
    }
    again.clear();
    key.encode(again);
    match again.as_slice() == bytes {
        true => Ok(()),
        false => Err(DecodeError::new("isn't written as such a key is")),
    }
}

impl Refused {
    #[cold]
    pub(super) fn in_store<K, B: ByteStore>(self, store: &B) -> Error<B::Error> {
        let place = Place::of(store);
        Error::from(match self {
            Refused::Key(key, why) => Cause::Key {
                place,
                key,
                expected: TypeName(type_name::<K>()),
                why,
            },
            Refused::Value(key, source) => Cause::Value {
                place,
                key,
                text: None,
                source,
            },
        })
    }
}
