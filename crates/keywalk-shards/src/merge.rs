use std::cmp::Ordering;
use std::fmt;

#[cfg(feature = "async")]
use futures_util::future::try_join_all;
#[cfg(feature = "async")]
use keywalk::AsyncChunkSource;
use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, FingerprintField, KeyRange, LastKey, ResumableSource,
    Source,
};

use crate::numbered::Numbered;
use crate::shard::{Shard, latest, named};
use crate::shard_error::{BoxError, ShardError};

/// Several sources with the same key and item types, walked as one source in key order.
///
/// Use it for a database that is split into shards, and for a table per month. It is itself a [`ChunkSource`]: cursors,
/// pages, tokens, retries and jobs work as over one store. With the feature `async` it is also an
/// `AsyncChunkSource`, which fetches from all shards concurrently.
///
/// Months of one database:
///
/// ```
/// use keywalk::Walk;
/// use keywalk_shards::Merge;
/// use keywalk_sqlite::Table;
///
/// # let db = rusqlite::Connection::open_in_memory()?;
/// # for (month, ids) in [("2026_01", "(1), (4)"), ("2026_02", "(2), (3)")] {
/// #     db.execute_batch(&format!("CREATE TABLE orders_{month} (id INTEGER PRIMARY KEY);
/// #         INSERT INTO orders_{month} VALUES {ids}"))?;
/// # }
/// let months = ["orders_2026_01", "orders_2026_02"];
/// let months = months.map(|table| Ok((table, Table::new(&db, table).key::<i64>(["id"])?)));
/// let months = months.into_iter().collect::<Result<Vec<_>, keywalk_sqlite::Error>>()?;
///
/// // What `SELECT * FROM orders_2026_01 UNION ALL SELECT * FROM orders_2026_02 ORDER BY id` returns.
/// let orders = Walk::new(Merge::new(months)?);
/// let ids = orders.items().map(|order| Ok(order?.0)).collect::<Result<Vec<_>, keywalk::Error<_>>>()?;
/// assert_eq!(ids, [1, 2, 3, 4]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// If the shards are of different types, put them into a [`BoxShard`](crate::BoxShard). To know where an item comes
/// from, [number](Self::numbered) the shards.
///
/// # What it guarantees
///
/// | | |
/// |---|---|
/// | Order, completeness, values (G1 to G8) | as if all rows were in one store; nothing is kept from one fetch to the next |
/// | The same key in two shards | an error that names both and the key; or [the first shard's](SameKey::First); or [both](Self::numbered) |
/// | Errors (G11) | the error names the shard; the walk resumes whole |
/// | Held between fetches (G14) | nothing, in any shard |
/// | Memory (G13) | about two chunks of items: what the walk yields, and what was fetched; a third one where the walk passes from one shard to the next; and up to 32 items per shard |
/// | Tokens | one position for all shards; they hold the shards' names as text; a shard that is missing, new or different is refused by its name; the order of the shards doesn't matter, unless they are numbered; after an error about the same key, the token also resumes with [`SameKey::First`] |
///
/// [Numbered](Self::numbered) shards hold one chunk more, together.
///
/// With [`chunk_bytes`](keywalk::Walk::chunk_bytes), each shard fetches at most about its share of the bytes, all
/// together less than three times as many, but at least one item each. [Numbered](Self::numbered) shards fetch up to
/// twice as many items as fitted before, whatever these weigh. The memory of items isn't reused then: the backend
/// allocates each.
///
/// A row that moves from one shard to another during the walk is a delete and an insert: it may come from either, from
/// both or from neither. If it is in both for a moment, use [`SameKey::First`].
///
/// # Cost
///
/// Each fetch reads all shards, each from the walk's position on, and about as many rows as the chunk takes. So a
/// fetch costs one search per shard, and per item, keys are compared about log2(shards) times. Measured over 500,000
/// rows of 600 bytes in eight SQLite files, against walking the files one after the other: 1.28 times the CPU time
/// with chunks of 512, and 1.20 with chunks of 1,024; 1.16 and 1.10 if each file holds consecutive keys. Of the 1.28,
/// eight read transactions per chunk and the merge itself are 0.07 each; the rest is that rows leave the processor's
/// cache. Over SQLite, give each connection a small page cache (`PRAGMA cache_size = -256`): eight caches of the default
/// size took 1.48.
///
/// A blocking fetch reads the shards one after the other. The shard that holds most rows near the position is read
/// first, and the others only up to its last key, so about one row in twenty is read twice. An asynchronous fetch
/// reads all shards concurrently, and drops what lies after the first shard that has more: about a fifth. In both
/// cases chunks are often shorter than the chunk size.
#[must_use = "a source does nothing until it is walked"]
pub struct Merge<S: Source> {
    /// In the order in which they were passed.
    shards: Vec<Shard<S>>,
    same_key: SameKey,
    /// The shard whose codec encodes the keys: the first one by name.
    codec: usize,
    /// The shards by their shares, the largest first.
    plan: Vec<usize>,
    /// The shards that have items left, by their next keys, the first key last.
    heads: Vec<usize>,
}

/// What to do if two shards hold the same key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameKey {
    /// The walk ends with an error, which names both shards and the key. The default.
    #[default]
    Refuse,
    /// The item of the shard that was passed first is yielded, and the other one is dropped.
    First,
}

impl<S: Source> Merge<S> {
    /// Merges these sources. Their names are for errors and tokens. Makes no request yet.
    ///
    /// # Errors
    ///
    /// If there are no shards, or if two have the same name.
    pub fn new(
        shards: impl IntoIterator<Item = (impl Into<String>, S)>,
    ) -> Result<Self, ShardError> {
        Ok(Self::of(named(shards)?))
    }

    fn of(shards: Vec<Shard<S>>) -> Self {
        let codec = (0..shards.len()).min_by_key(|place| &*shards[*place].name);
        Merge {
            codec: codec.unwrap_or_default(),
            plan: (0..shards.len()).collect(),
            heads: Vec::with_capacity(shards.len()),
            shards,
            same_key: SameKey::Refuse,
        }
    }

    /// Sets what to do if two shards hold the same key. Default: [`SameKey::Refuse`].
    pub fn on_same_key(mut self, same_key: SameKey) -> Self {
        self.same_key = same_key;
        self
    }

    /// Numbers the shards from 0 in the order in which they were passed, and adds the number to each key and item. Then
    /// the same key may be in several shards: all of their items are yielded, in the order of the shards.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_shards::Merge;
    ///
    /// let (eu, us) = (BTreeMap::from([(1, "ada"), (2, "bob")]), BTreeMap::from([(1, "cy")]));
    /// let users = Merge::new([("eu", &eu), ("us", &us)])?.numbered();
    /// let users = Walk::new(users).items().map(|user| {
    ///     let user = user?;
    ///     Ok((*user.item.1, user.shard))
    /// });
    /// let users = users.collect::<Result<Vec<_>, keywalk::Error<_>>>()?;
    /// assert_eq!(users, [("ada", 0), ("cy", 1), ("bob", 0)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn numbered(self) -> Merge<Numbered<S>> {
        let shards = self.shards.into_iter().zip(0..);
        let shards = shards.map(|(shard, number)| {
            let mut numbered = Shard::new(shard.name, Numbered::new(number, shard.source));
            numbered.share = shard.share;
            numbered
        });
        Merge::of(shards.collect())
    }

    /// Returns the shards with their names, in the order in which they were passed.
    #[must_use]
    pub fn shards(&self) -> impl ExactSizeIterator<Item = (&str, &S)> {
        self.shards
            .iter()
            .map(|shard| (&*shard.name, &shard.source))
    }

    /// Unwraps the shards.
    #[must_use]
    pub fn into_shards(self) -> impl ExactSizeIterator<Item = (String, S)> {
        self.shards
            .into_iter()
            .map(|shard| (shard.name, shard.source))
    }
}

/// The least share of a shard that is planned for.
const LEAST_SHARE: f64 = 0.002;

/// Returns how many of `items` items a shard with this share holds: the mean and the standard deviation, if keys are
/// spread over the shards at random.
fn expected(items: f64, share: f64) -> (f64, f64) {
    (
        items * share,
        (items * share * (1.0 - share).max(0.0)).sqrt(),
    )
}

impl<S: Source<Key: fmt::Debug>> Merge<S> {
    /// Merges what the shards fetched, up to `cut`, into the chunk. `cut` has the place of the shard that it is from.
    fn merge(
        &mut self,
        range: &KeyRange<S::Key>,
        cut: Option<(usize, S::Key)>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, ShardError> {
        self.heads.clear();
        for place in 0..self.shards.len() {
            let cut = cut.as_ref().filter(|(other, _)| *other != place);
            let is_known = self.shards[place].end_at(range, cut.map(|(_, key)| key));
            if let (false, Some((other, _))) = (is_known, cut) {
                return Err(self.unordered(place, *other));
            }
            if self.shards[place].read_head() {
                self.enter(range, place)?;
            }
        }
        let merged = self.merge_heads(range, chunk);
        self.learn();
        if merged? {
            return Ok(Fetched::More);
        }
        Ok(match cut {
            None => Fetched::End,
            Some((_, cut)) => Fetched::ScannedTo(cut),
        })
    }

    /// Moves the items of all shards into the chunk, in order. Returns whether it is full before all are moved.
    fn merge_heads(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<bool, ShardError> {
        while let Some(&first) = self.heads.last() {
            if chunk.is_full() {
                return Ok(true);
            }
            let shard = &mut self.shards[first];
            // The ledger of a budget knows nothing of slots that are exchanged.
            let spare = chunk.budget().is_none().then(|| chunk.spare()).flatten();
            if spare.is_some_and(|slot| shard.swap_next(slot)) {
                chunk.push_spare();
            } else {
                // Else the chunk has no slots to exchange yet, as in a walk's first fetch.
                self.shards.iter_mut().for_each(Shard::move_out);
                if let Some(item) = self.shards[first].take_next() {
                    chunk.push(item);
                }
            }
            self.heads.pop();
            if self.shards[first].read_head() {
                self.enter(range, first)?;
            }
        }
        Ok(false)
    }

    /// Adds a shard to `heads`, by its next key. Where two shards hold the same key, drops one item or fails.
    #[inline]
    fn enter(&mut self, range: &KeyRange<S::Key>, mut shard: usize) -> Result<(), ShardError> {
        loop {
            let (shards, mut unordered) = (&self.shards, None);
            let compare = |other: &usize| {
                let (Some(a), Some(b)) = (&shards[*other].head, &shards[shard].head) else {
                    return Ordering::Less;
                };
                range.compare(b, a).unwrap_or_else(|| {
                    unordered = Some(*other);
                    Ordering::Equal
                })
            };
            let found = self.heads.binary_search_by(compare);
            if let Some(other) = unordered {
                return Err(self.unordered(other, shard));
            }
            let place = match found {
                Ok(place) => place,
                Err(place) => {
                    self.heads.insert(place, shard);
                    return Ok(());
                }
            };
            let other = self.heads[place];
            let (kept, dropped) = (other.min(shard), other.max(shard));
            if self.same_key == SameKey::Refuse {
                let [kept, dropped] = [kept, dropped].map(|place| &self.shards[place]);
                let key = dropped.head.as_ref().map(|key| format!("{key:?}"));
                let key = key.unwrap_or_default();
                return Err(ShardError::same_key(&kept.name, &dropped.name, key));
            }
            self.heads[place] = kept;
            self.shards[dropped].skip();
            if !self.shards[dropped].read_head() {
                return Ok(());
            }
            shard = dropped;
        }
    }

    fn unordered(&self, shard: usize, other: usize) -> ShardError {
        let [first, second] = [shard.min(other), shard.max(other)].map(|place| &self.shards[place]);
        ShardError::unordered(&first.name, &second.name)
    }

    /// Updates the shares by what was merged.
    fn learn(&mut self) {
        let total: usize = self.shards.iter().map(Shard::taken).sum();
        let weight = (total as f64 / 512.0).min(0.25);
        for shard in &mut self.shards {
            let share = shard.taken() as f64 / total.max(1) as f64;
            shard.share = (shard.share + weight * (share - shard.share)).max(LEAST_SHARE);
        }
        let shards = &self.shards;
        self.plan
            .sort_unstable_by(|a, b| shards[*b].share.total_cmp(&shards[*a].share));
    }

    fn latest(
        &self,
        range: &KeyRange<S::Key>,
        keys: Vec<LastKey<S::Key>>,
    ) -> Result<LastKey<S::Key>, ShardError> {
        latest(range, keys).map_err(|(shard, other)| self.unordered(shard, other))
    }
}

impl<S: Source<Error: Into<BoxError>>> Source for Merge<S> {
    type Key = S::Key;
    type Item = S::Item;
    type Error = ShardError;

    #[inline]
    fn key_into(item: &S::Item, key: &mut S::Key) {
        S::key_into(item, key);
    }
}

impl<S: ChunkSource<Key: fmt::Debug, Error: Into<BoxError>>> ChunkSource for Merge<S> {
    fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, ShardError> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        // Once a shard has more, the others are read only up to its last key.
        let (mut rest, mut cut) = (range.clone(), None);
        let mut room = chunk.limit() as f64;
        let mut shares: f64 = self.shards.iter().map(|shard| shard.share).sum();
        // Items per share, by the shard that has more.
        let mut density = 0.0;
        for &place in &self.plan {
            let shard = &mut self.shards[place];
            let limit = match cut {
                None => {
                    let (mean, deviation) = expected(room, shard.share / shares);
                    mean - deviation
                }
                Some(_) => {
                    let (mean, deviation) = (density * shard.share, (density * shard.share).sqrt());
                    let later = density * (shares - shard.share);
                    (room - later).max(mean + 2.0 * deviation)
                }
            };
            shard.begin(chunk, (limit as usize).min(chunk.limit()));
            if let Some(key) = shard.fetch(&rest)? {
                if cut.is_none() {
                    density = shard.len() as f64 / shard.share;
                }
                rest.end_including(key.clone());
                cut = Some((place, key));
            }
            room = (room - shard.len() as f64).max(0.0);
            shares = (shares - shard.share).max(LEAST_SHARE);
        }
        self.merge(range, cut, chunk)
    }

    fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, ShardError> {
        let keys = self.shards.iter_mut().map(|shard| shard.last_key(range));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        self.latest(range, keys)
    }
}

#[cfg(feature = "async")]
impl<S: AsyncChunkSource<Key: fmt::Debug, Error: Into<BoxError>>> AsyncChunkSource for Merge<S> {
    async fn fetch(
        &mut self,
        range: &KeyRange<S::Key>,
        chunk: &mut Chunk<S::Item>,
    ) -> Result<Fetched<S::Key>, ShardError> {
        if range.is_empty() {
            return Ok(Fetched::End);
        }
        let shares: f64 = self.shards.iter().map(|shard| shard.share).sum();
        let mut fetches = Vec::with_capacity(self.shards.len());
        for shard in &mut self.shards {
            let (mean, deviation) = expected(chunk.limit() as f64, shard.share / shares);
            let limit = (mean + deviation).ceil() as usize;
            shard.begin(chunk, limit.min(chunk.limit()));
            fetches.push(shard.async_fetch(range));
        }
        let mut cut: Option<(usize, S::Key)> = None;
        for (place, key) in try_join_all(fetches).await?.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let is_first = match &cut {
                None => true,
                Some((other, cut)) => match range.compare(&key, cut) {
                    None => return Err(self.unordered(*other, place)),
                    Some(order) => order.is_lt(),
                },
            };
            if is_first {
                cut = Some((place, key));
            }
        }
        self.merge(range, cut, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<S::Key>) -> Result<LastKey<S::Key>, ShardError> {
        let mut requests = Vec::with_capacity(self.shards.len());
        for shard in &mut self.shards {
            requests.push(shard.async_last_key(range));
        }
        let keys = try_join_all(requests).await?;
        self.latest(range, keys)
    }
}

/// What to do if a token of shards with these names is refused.
const SAME_NUMBERS: &str = "if the shards are the same, call `Merge::numbered` just as then: with the shards in the \
                            same order, or not at all";

/// A token holds one position, and the name and fingerprint of each shard. The order of the shards doesn't matter,
/// except with [`numbered`](Merge::numbered). Keys are encoded by the shard whose name is first in the alphabet.
impl<S: ResumableSource<Error: Into<BoxError>>> ResumableSource for Merge<S> {
    fn fingerprint(&self) -> Result<Fingerprint, ShardError> {
        let count = self.shards.len();
        let mut whole = Fingerprint::new("shards")
            .relation(format!("{count} shards"))
            .cure(FingerprintField::Relation, SAME_NUMBERS);
        for (shard, place) in self.shards.iter().zip(0..) {
            let member = shard.source.fingerprint();
            let member = member.map_err(|error| shard.failed(error))?;
            if place == self.codec {
                whole = whole.key(member.text(FingerprintField::Key));
            }
            whole = whole.member(&shard.name, &member);
        }
        Ok(whole)
    }

    fn encode_key(&self, key: &S::Key, bytes: &mut Vec<u8>) {
        self.shards[self.codec].source.encode_key(key, bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<S::Key>, ShardError> {
        let shard = &self.shards[self.codec];
        let key = shard.source.decode_key(bytes);
        key.map_err(|error| shard.failed(error))
    }

    fn key_text(&self, key: &S::Key) -> String {
        self.shards[self.codec].source.key_text(key)
    }

    fn fraction(&self, first: &S::Key, last: &S::Key, at: &S::Key) -> Option<f64> {
        self.shards[self.codec].source.fraction(first, last, at)
    }
}

/// Prints the names of the shards.
impl<S: Source> fmt::Debug for Merge<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge")
            .field(
                "shards",
                &self.shards().map(|(name, _)| name).collect::<Vec<_>>(),
            )
            .field("same_key", &self.same_key)
            .finish_non_exhaustive()
    }
}
