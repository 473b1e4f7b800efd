//! A store of the tests' own, in memory: it can be watched, stopped and made to fail.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::ops::Bound;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

#[cfg(feature = "async")]
use keywalk::AsyncChunkSource;
use keywalk::{
    Chunk, ChunkSource, Fetched, Fingerprint, KeyRange, LastKey, Order, ResumableSource, Source,
};
use keywalk::{Cursor, Token, Walk};

pub(crate) const ORDERS: [Order; 2] = [Order::Ascending, Order::Descending];

/// What a shelf fails with: how many calls came before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Broken(pub(crate) usize);

/// A key with a form as bytes.
pub(crate) trait Stored: Clone + PartialOrd + Debug + Send + Sync + 'static {
    const NAME: &'static str;

    fn write(&self, bytes: &mut Vec<u8>);
    fn read(bytes: &[u8]) -> Option<Self>;
}

impl Stored for i64 {
    const NAME: &'static str = "i64";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(i64::from_be_bytes)
    }
}

impl Stored for String {
    const NAME: &'static str = "text";

    fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(self.as_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        String::from_utf8(bytes.into()).ok()
    }
}

/// A key that only the store can order: it compares as `None` unless equal, as text under an unknown
/// collation does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Opaque(pub(crate) i64);

impl PartialOrd for Opaque {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl Stored for Opaque {
    const NAME: &'static str = "opaque";

    fn write(&self, bytes: &mut Vec<u8>) {
        self.0.write(bytes);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        i64::read(bytes).map(Opaque)
    }
}

/// How a fetch answers. All but the last are right.
#[derive(Clone, Debug)]
pub(crate) enum Style<K> {
    Plain,
    /// In pages of so many at most; says the end only by an empty one.
    Paged(usize),
    /// Reads so many rows at most, of which not all are let through: chunks are short or empty. Says how far
    /// it read, also where the chunk is full.
    Scanning(usize),
    /// Begins with items that it then takes back.
    Hesitant,
    /// Takes the walk's chunk away and gives back one of its own, of the same limit.
    Exchanging,
    /// As written, fetch by fetch.
    Written(Arc<Vec<Answer<K>>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Answer<K> {
    pub(crate) keys: Vec<K>,
    pub(crate) fetched: Fetched<K>,
    /// The limit of a chunk of its own, which it puts in the place of the walk's.
    pub(crate) own: Option<usize>,
}

/// What it says of its last key.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Last<K> {
    Unknown,
    Known,
    Said(K),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Trouble {
    None,
    /// The question after so many fails, with the chunk filled; no other does.
    Error(usize),
    /// The call after so many panics, be it for an item, a key or the last key; no other does.
    Panic(usize),
    /// Every question fails.
    Lasting,
}

/// What a test knows of a shelf, wherever that is.
#[derive(Clone)]
pub(crate) struct Watch<K = i64>(Arc<(Mutex<State<K>>, Condvar)>);

pub(crate) struct State<K> {
    /// In the store's order, each with whether it is let through.
    pub(crate) rows: Vec<(K, bool)>,
    pub(crate) trouble: Trouble,
    /// Calls or questions since then.
    calls: usize,
    /// Questions so far, for items or the last key.
    pub(crate) asked: usize,
    pub(crate) begun: usize,
    pub(crate) done: usize,
    /// After so many fetches others wait.
    pub(crate) allowed: usize,
    /// More fetches than so many are too early.
    pub(crate) due: usize,
    pub(crate) is_early: bool,
    /// In which each fetch ran.
    pub(crate) threads: Vec<ThreadId>,
    /// How many items were made, rather than filled again.
    pub(crate) made: usize,
    /// At which it could wait.
    #[cfg(feature = "async")]
    moments: usize,
}

impl<K> Watch<K> {
    pub(crate) fn state(&self) -> MutexGuard<'_, State<K>> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut State<K>)) {
        change(&mut self.state());
        self.0.1.notify_all();
    }

    pub(crate) fn wait(&self, until: impl Fn(&State<K>) -> bool) {
        drop(self.0.1.wait_while(self.state(), |state| !until(state)));
    }

    pub(crate) fn asked(&self) -> usize {
        self.state().asked
    }

    /// Whether there is a shelf still.
    pub(crate) fn is_held(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

/// Its items are its keys. A clone is the same shelf.
#[derive(Clone)]
pub(crate) struct Shelf<K = i64> {
    pub(crate) watch: Watch<K>,
    pub(crate) style: Style<K>,
    pub(crate) last: Last<K>,
    says: Fingerprint,
}

impl<K: Stored> Shelf<K> {
    /// In the order in which they come.
    pub(crate) fn of(keys: impl IntoIterator<Item = K>) -> Self {
        Self::of_rows(keys.into_iter().map(|key| (key, true)))
    }

    pub(crate) fn of_rows(rows: impl IntoIterator<Item = (K, bool)>) -> Self {
        let state = State {
            rows: rows.into_iter().collect(),
            trouble: Trouble::None,
            calls: 0,
            asked: 0,
            begun: 0,
            done: 0,
            allowed: usize::MAX,
            due: usize::MAX,
            is_early: false,
            threads: Vec::new(),
            made: 0,
            #[cfg(feature = "async")]
            moments: 0,
        };
        Shelf {
            watch: Watch(Arc::new((Mutex::new(state), Condvar::new()))),
            style: Style::Plain,
            last: Last::Known,
            says: Fingerprint::new("shelf").relation("books").key(K::NAME),
        }
    }

    #[cfg(all(feature = "hmac", feature = "serde"))]
    pub(crate) fn saying(mut self, says: Fingerprint) -> Self {
        self.says = says;
        self
    }

    /// Answers so, and then mustn't be asked.
    pub(crate) fn written(answers: Vec<Answer<K>>, last: Last<K>) -> Self {
        let style = Style::Written(Arc::new(answers));
        Shelf {
            style,
            last,
            ..Self::of([])
        }
    }

    pub(crate) fn in_trouble(self, trouble: Trouble) -> Self {
        self.watch
            .change(|state| (state.trouble, state.calls) = (trouble, 0));
        self
    }

    /// The rows within a range, in its order.
    fn rows(&self, range: &KeyRange<K>) -> Vec<(K, bool)> {
        let rows = &self.watch.state().rows;
        // Of an opaque key the place is known, and nothing else.
        let place = |key: &K, is_past: bool| {
            let at = rows.iter().position(|(row, _)| row >= key);
            let is_there = at.is_some_and(|at| rows[at].0 == *key);
            at.unwrap_or(rows.len()) + usize::from(is_past && is_there)
        };
        let start = match range.lower() {
            Bound::Unbounded => 0,
            Bound::Included(key) => place(key, false),
            Bound::Excluded(key) => place(key, true),
        };
        let end = match range.upper() {
            Bound::Unbounded => rows.len(),
            Bound::Included(key) => place(key, true),
            Bound::Excluded(key) => place(key, false),
        };
        let mut rows = rows.get(start..end).unwrap_or_default().to_vec();
        if range.order() == Order::Descending {
            rows.reverse();
        }
        rows
    }

    /// The keys that come of a range, in its order.
    pub(crate) fn within(&self, range: &KeyRange<K>) -> Vec<K> {
        let rows = self.rows(range).into_iter();
        rows.filter(|row| row.1).map(|row| row.0).collect()
    }

    /// A call, be it a question or not.
    fn call(&self, is_question: bool) -> Result<(), Broken> {
        let mut state = self.watch.state();
        let at = state.calls;
        match state.trouble {
            Trouble::Error(_) if !is_question => return Ok(()),
            Trouble::Lasting if is_question => return Err(Broken(at)),
            _ => state.calls += 1,
        }
        let trouble = state.trouble;
        drop(state);
        match trouble {
            Trouble::Error(due) if due == at => Err(Broken(at)),
            // A panic that prints nothing.
            Trouble::Panic(due) if due == at => resume_unwind(Box::new(Broken(at))),
            _ => Ok(()),
        }
    }

    fn push(&self, chunk: &mut Chunk<K>, key: K) {
        // Where an error can't be said, nothing is wrong.
        let _ = self.call(false);
        match chunk.spare() {
            Some(slot) => {
                *slot = key;
                chunk.push_spare();
            }
            None => {
                self.watch.change(|state| state.made += 1);
                chunk.push(key);
            }
        }
    }

    fn answer(&self, range: &KeyRange<K>, chunk: &mut Chunk<K>) -> Fetched<K> {
        let mut rows = self.rows(range);
        let (most, scans) = match self.style {
            Style::Scanning(stretch) => (stretch, true),
            Style::Paged(page) => (page, false),
            _ => (usize::MAX, false),
        };
        rows.retain(|(_, comes)| *comes || scans);
        for (read, (key, comes)) in rows.iter().enumerate() {
            if read == most || chunk.is_full() {
                return match scans {
                    true => Fetched::ScannedTo(rows[read - 1].0.clone()),
                    false => Fetched::More,
                };
            }
            if *comes {
                self.push(chunk, key.clone());
            }
        }
        match self.style {
            Style::Paged(_) if !chunk.is_empty() => Fetched::More,
            _ => Fetched::End,
        }
    }

    /// For one poll, at two moments of three.
    #[cfg(feature = "async")]
    async fn wait(&self) {
        let mut waits = false;
        self.watch.change(|state| {
            state.moments += 1;
            waits = state.moments % 3 != 0;
        });
        std::future::poll_fn(|context| {
            context.waker().wake_by_ref();
            match std::mem::take(&mut waits) {
                true => std::task::Poll::Pending,
                false => std::task::Poll::Ready(()),
            }
        })
        .await;
    }

    pub(crate) fn token(&self, cursor: &Cursor<K>) -> Token {
        Token::new(cursor, self).expect("it can say what it walks")
    }

    /// What comes from a token on.
    pub(crate) fn rest(&self, token: &Token, chunk_size: usize) -> Vec<K> {
        let walk = Walk::new(self.clone()).resume_token(token);
        all(walk.expect("it is this source's").chunk_size(chunk_size))
    }
}

/// All that a walk yields.
pub(crate) fn all<K: Stored>(walk: Walk<Shelf<K>>) -> Vec<K> {
    let keys = walk.into_iter().collect::<Result<_, _>>();
    keys.expect("it isn't broken")
}

/// Put in or deleted, in the keys' order.
impl<K: Stored + Ord> Shelf<K> {
    pub(crate) fn put(&self, key: K) {
        self.watch.change(|state| {
            state.rows.push((key, true));
            state.rows.sort();
        });
    }

    pub(crate) fn delete(&self, key: &K) {
        let rows = |state: &mut State<K>| state.rows.retain(|row| row.0 != *key);
        self.watch.change(rows);
    }
}

impl<K: Stored> Source for Shelf<K> {
    type Key = K;
    type Item = K;
    type Error = Broken;
}

impl<K: Stored> ChunkSource for Shelf<K> {
    fn fetch(&mut self, range: &KeyRange<K>, chunk: &mut Chunk<K>) -> Result<Fetched<K>, Broken> {
        let thread = std::thread::current().id();
        self.watch.change(|state| {
            state.asked += 1;
            state.begun += 1;
            state.threads.push(thread);
        });
        self.watch
            .change(|state| state.is_early |= state.begun > state.due);
        assert!(!self.watch.state().is_early, "a fetch comes too early");
        self.watch.wait(|state| state.done < state.allowed);
        let fetched = match &self.style {
            Style::Written(answers) => {
                let fetches = self.watch.state().begun;
                let answer = answers.get(fetches - 1);
                let Answer { keys, fetched, own } = answer.expect("it should have ended").clone();
                if let Some(limit) = own {
                    *chunk = Chunk::with_limit(limit);
                }
                keys.into_iter().for_each(|key| chunk.push(key));
                fetched
            }
            Style::Hesitant => {
                let keys = self.within(range).into_iter().rev().take(2);
                keys.for_each(|key| chunk.push(key));
                chunk.clear();
                self.answer(range, chunk)
            }
            Style::Exchanging => {
                let mut own = Chunk::with_limit(chunk.limit());
                let fetched = self.answer(range, &mut own);
                *chunk = own;
                fetched
            }
            _ => self.answer(range, chunk),
        };
        self.call(true)?;
        self.watch.change(|state| state.done += 1);
        Ok(fetched)
    }

    fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Broken> {
        self.watch.change(|state| state.asked += 1);
        self.call(true)?;
        Ok(match &self.last {
            Last::Unknown => LastKey::Unknown,
            Last::Known => self.within(range).pop().into(),
            Last::Said(key) => LastKey::Known(key.clone()),
        })
    }
}

/// Waits before it answers. Until then it has asked nothing, and the chunk may hold what doesn't come.
#[cfg(feature = "async")]
impl<K: Stored> AsyncChunkSource for Shelf<K> {
    async fn fetch(
        &mut self,
        range: &KeyRange<K>,
        chunk: &mut Chunk<K>,
    ) -> Result<Fetched<K>, Broken> {
        assert!(chunk.is_empty(), "what a dropped fetch left");
        self.wait().await;
        let keys = self.within(range).into_iter().rev().take(2);
        keys.for_each(|key| chunk.push(key));
        self.wait().await;
        chunk.clear();
        ChunkSource::fetch(self, range, chunk)
    }

    async fn last_key(&mut self, range: &KeyRange<K>) -> Result<LastKey<K>, Broken> {
        self.wait().await;
        ChunkSource::last_key(self, range)
    }
}

impl<K: Stored> ResumableSource for Shelf<K> {
    fn fingerprint(&self) -> Result<Fingerprint, Broken> {
        match self.watch.state().trouble {
            Trouble::Lasting => Err(Broken(0)),
            _ => Ok(self.says.clone()),
        }
    }

    fn encode_key(&self, key: &K, bytes: &mut Vec<u8>) {
        key.write(bytes);
    }

    fn decode_key(&self, bytes: &[u8]) -> Result<Option<K>, Broken> {
        Ok(K::read(bytes))
    }
}

/// The tens from 10 to `len` * 10: there is room between them.
pub(crate) fn tens(len: i64) -> Shelf {
    Shelf::of((1..=len).map(|n| n * 10))
}

/// The numbers below `end`.
pub(crate) fn numbers(end: i64) -> Shelf {
    Shelf::of(0..end)
}
