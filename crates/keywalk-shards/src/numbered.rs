use std::fmt;
use std::mem;
use std::ops::Bound;

#[cfg(feature = "async")]
use keywalk::AsyncChunkSource;
use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, Keyed, LastKey,
    ResumableSource, Source,
};

use crate::shard::shed;

/// A shard whose keys and items have its number; see [`Merge::numbered`](crate::Merge::numbered).
///
/// A key is `(key, number)`. So keys of several shards are unique, and equal ones are ordered by the shard.
#[must_use = "a source does nothing until it is walked"]
pub struct Numbered<S: Source> {
    number: u32,
    source: S,
    chunk: Chunk<S::Item>,
    /// The most items that the chunk held.
    slots: usize,
    /// How many items to fetch at most, if the chunk has a budget of bytes.
    most: usize,
}

/// An item of a shard with a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NumberedItem<T> {
    /// The number of the shard, from 0, in the order in which the shards were passed.
    pub shard: u32,
    /// The item.
    pub item: T,
}

impl<K, T: Keyed<K>> Keyed<(K, u32)> for NumberedItem<T> {
    #[inline]
    fn key(&self) -> (K, u32) {
        (self.item.key(), self.shard)
    }

    #[inline]
    fn key_into(&self, key: &mut (K, u32)) {
        self.item.key_into(&mut key.0);
        key.1 = self.shard;
    }
}

/// The number of items that is fetched first if the chunk has a budget of bytes.
const FIRST: usize = 16;

impl<S: Source> Numbered<S> {
    pub(crate) fn new(number: u32, source: S) -> Self {
        Numbered {
            number,
            source,
            chunk: Chunk::with_limit(1),
            slots: 0,
            most: FIRST,
        }
    }

    /// Returns the keys of this shard that lie in the range.
    fn range(&self, range: &KeyRange<(S::Key, u32)>) -> KeyRange<S::Key> {
        let bound = |bound: Bound<&(S::Key, u32)>, is_inside: fn(&u32, &u32) -> bool| match bound {
            Bound::Unbounded => Bound::Unbounded,
            Bound::Included((key, number)) | Bound::Excluded((key, number)) => {
                let is_it = self.number == *number && matches!(bound, Bound::Included(_));
                match is_it || is_inside(&self.number, number) {
                    true => Bound::Included(key.clone()),
                    false => Bound::Excluded(key.clone()),
                }
            }
        };
        let (lower, upper) = (bound(range.lower(), u32::gt), bound(range.upper(), u32::lt));
        KeyRange::new((lower, upper), range.order())
    }

    fn begin(&mut self, whole: &Chunk<NumberedItem<S::Item>>) {
        // The budget weighs other items than these. So the number of items follows what fitted before.
        let limit = match whole.budget() {
            None => whole.limit(),
            Some(_) => whole.limit().min(self.most),
        };
        self.chunk.clear_like(&Chunk::with_limit(1), limit, 1);
    }

    /// Moves what was fetched into the chunk.
    fn fill(
        &mut self,
        fetched: Fetched<S::Key>,
        chunk: &mut Chunk<NumberedItem<S::Item>>,
    ) -> Fetched<(S::Key, u32)> {
        let (number, len) = (self.number, self.chunk.len());
        let is_lossy = self.chunk.overflowed();
        let mut next = 0;
        // The ledger of a budget knows nothing of slots that are exchanged.
        while next < len && chunk.budget().is_none() {
            let Some(slot) = chunk.spare() else { break };
            slot.shard = number;
            mem::swap(&mut slot.item, &mut self.chunk.as_mut_slice()[next]);
            chunk.push_spare();
            next += 1;
        }
        if next < len && !chunk.is_full() {
            for item in self.chunk.split_off(next) {
                if chunk.is_full() {
                    break;
                }
                chunk.push(NumberedItem {
                    shard: number,
                    item,
                });
                next += 1;
            }
        }
        shed(&mut self.chunk, &mut self.slots, next);
        self.most = next.saturating_mul(2).max(FIRST);
        match fetched {
            _ if next < len => Fetched::More,
            // The source broke its contract, and its end may lie beyond what was lost.
            Fetched::End if is_lossy => Fetched::More,
            Fetched::End => Fetched::End,
            Fetched::More => Fetched::More,
            Fetched::ScannedTo(key) => Fetched::ScannedTo((key, number)),
        }
    }

    fn number_key(&self, last: LastKey<S::Key>) -> LastKey<(S::Key, u32)> {
        match last {
            LastKey::Known(key) => LastKey::Known((key, self.number)),
            LastKey::Empty => LastKey::Empty,
            LastKey::Unknown => LastKey::Unknown,
        }
    }
}

impl<S: Source> Source for Numbered<S> {
    type Key = (S::Key, u32);
    type Item = NumberedItem<S::Item>;
    type Error = S::Error;

    #[inline]
    fn key_into(item: &NumberedItem<S::Item>, key: &mut (S::Key, u32)) {
        S::key_into(&item.item, &mut key.0);
        key.1 = item.shard;
    }
}

impl<S: ChunkSource> ChunkSource for Numbered<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<(S::Key, u32)>,
        chunk: &mut Chunk<NumberedItem<S::Item>>,
    ) -> Result<Fetched<(S::Key, u32)>, S::Error> {
        let range = self.range(range);
        self.begin(chunk);
        let fetched = self.source.fetch(&range, &mut self.chunk)?;
        Ok(self.fill(fetched, chunk))
    }

    fn last_key(
        &mut self,
        range: &KeyRange<(S::Key, u32)>,
    ) -> Result<LastKey<(S::Key, u32)>, S::Error> {
        let last = self.source.last_key(&self.range(range))?;
        Ok(self.number_key(last))
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource> AsyncChunkSource for Numbered<S> {
    async fn fetch(
        &mut self,
        range: &KeyRange<(S::Key, u32)>,
        chunk: &mut Chunk<NumberedItem<S::Item>>,
    ) -> Result<Fetched<(S::Key, u32)>, S::Error> {
        let range = self.range(range);
        self.begin(chunk);
        let fetched = self.source.fetch(&range, &mut self.chunk).await?;
        Ok(self.fill(fetched, chunk))
    }

    async fn last_key(
        &mut self,
        range: &KeyRange<(S::Key, u32)>,
    ) -> Result<LastKey<(S::Key, u32)>, S::Error> {
        let range = self.range(range);
        let last = self.source.last_key(&range).await?;
        Ok(self.number_key(last))
    }
}

impl<S: ResumableSource> ResumableSource for Numbered<S> {
    fn fingerprint(&self) -> Result<Fingerprint, S::Error> {
        let shard = self.source.fingerprint()?;
        let key = shard.text(FingerprintField::Key);
        let numbered = Fingerprint::new("numbered").key(format!("{key}, shard {}", self.number));
        Ok(numbered.member("", &shard))
    }

    fn encode_key(&self, (key, number): &(S::Key, u32), bytes: &mut Vec<u8>) {
        self.source.encode_key(key, bytes);
        bytes.extend_from_slice(&number.to_be_bytes());
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<(S::Key, u32)>, S::Error> {
        let Some((bytes, number)) = bytes.split_last_chunk() else {
            return Ok(None);
        };
        let key = self.source.decode_key(bytes)?;
        Ok(key.map(|key| (key, u32::from_be_bytes(*number))))
    }

    fn key_text(&self, (key, number): &(S::Key, u32)) -> String {
        format!("{} of shard {number}", self.source.key_text(key))
    }

    fn fraction(
        &self,
        (first, _): &(S::Key, u32),
        (last, _): &(S::Key, u32),
        (at, _): &(S::Key, u32),
    ) -> Option<f64> {
        self.source.fraction(first, last, at)
    }
}

/// Prints the number.
impl<S: Source> fmt::Debug for Numbered<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Numbered")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
