use std::any::type_name;

use keywalk::Chunk;
use keywalk_bytes::{DecodeError, Key};
use sled::IVec;

use crate::decode::Decode;
use crate::error::{Cause, Error, TreeName, TypeName};

/// Decodes entries into keys and items.
pub(crate) struct Reader<'a> {
    tree: &'a sled::Tree,
    /// Memory for encoding a key again.
    again: &'a mut Vec<u8>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(tree: &'a sled::Tree, again: &'a mut Vec<u8>) -> Self {
        Reader { tree, again }
    }

    /// Adds an entry's item to the chunk.
    pub(crate) fn push<K: Key, D: Decode>(
        &mut self,
        bytes: &IVec,
        value: IVec,
        decode: &mut D,
        chunk: &mut Chunk<(K, D::Item)>,
    ) -> Result<(), Error> {
        if let Some((key, item)) = chunk.spare() {
            key.decode_in_place(bytes)
                .and_then(|()| self.check(key, bytes))
                .map_err(|why| self.malformed::<K>(bytes, why))?;
            decode
                .refill(value, item)
                .map_err(|source| self.undecodable(bytes, source))?;
            chunk.push_spare();
        } else {
            let key = self.key(bytes)?;
            let item = decode
                .decode(value)
                .map_err(|source| self.undecodable(bytes, source))?;
            chunk.push((key, item));
        }
        Ok(())
    }

    pub(crate) fn key<K: Key>(&mut self, bytes: &IVec) -> Result<K, Error> {
        K::decode(bytes)
            .and_then(|key| self.check(&key, bytes).map(|()| key))
            .map_err(|why| self.malformed::<K>(bytes, why))
    }

    /// Checks that the bytes are the key's own encoding. If other bytes also decoded to it, two entries would
    /// have the same key, and one would be out of order.
    fn check<K: Key>(&mut self, key: &K, bytes: &[u8]) -> Result<(), DecodeError> {
        if K::CANONICAL {
            return Ok(());
        }
        self.again.clear();
        key.encode(self.again);
        if self.again.as_slice() == bytes {
            Ok(())
        } else {
            Err(DecodeError::new("isn't written as such a key is"))
        }
    }

    #[cold]
    fn malformed<K>(&self, bytes: &IVec, why: DecodeError) -> Error {
        Error::from(Cause::Key {
            tree: TreeName(self.tree.name()),
            key: bytes.clone(),
            expected: TypeName(type_name::<K>()),
            why,
        })
    }

    #[cold]
    fn undecodable(&self, key: &IVec, source: Box<dyn std::error::Error + Send + Sync>) -> Error {
        Error::from(Cause::Value {
            tree: TreeName(self.tree.name()),
            key: key.clone(),
            source,
        })
    }
}
