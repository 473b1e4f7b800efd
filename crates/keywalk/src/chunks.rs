use core::fmt;

use crate::chunk::budget::Budget;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::pace::Pace;
use crate::state::{Ask, State};
use crate::{Chunk, ChunkSource, Cursor, CursorMismatch, Error, Fetched, Stats, Step, Violation};

/// A walk that lends its items a chunk at a time; see [`Walk::chunks`](crate::Walk::chunks).
///
/// What is lent is over with the next call, which an iterator can't say: so this is none, and is gone through
/// by `while let`.
///
/// Between two calls of [`next`](Self::next) nothing of the store is held (G14): it can be written
/// to, also through the same connection.
///
/// ```
/// use std::collections::BTreeMap;
/// use keywalk::Walk;
/// use keywalk_memory::Map;
///
/// let map: BTreeMap<u32, &str> = [(1, "a"), (2, "b"), (3, "c")].into();
/// let mut chunks = Walk::new(Map::new(&map)).chunk_size(2).chunks();
/// while let Some(items) = chunks.next()? {
///     println!("{} items, the first is {:?}", items.len(), items[0]);
/// }
/// assert_eq!(chunks.stats().items(), 3);
/// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
/// ```
#[must_use = "a walk does nothing until it is iterated"]
pub struct Chunks<S: ChunkSource> {
    source: S,
    state: State<S::Key>,
    chunk: Chunk<S::Item>,
    /// Whether what is in the chunk was lent: not so after a failure or panic in the middle of a fetch.
    is_lent: bool,
    /// Not the chunk's own limit: a source could put another chunk in its place.
    chunk_size: usize,
    budget: Option<Budget<S::Item>>,
    /// Sets the chunk size from fetch to fetch.
    pace: Option<Pace>,
    clock: Clock,
    stats: Stats,
    /// Why the walk can't start, until `next` says it.
    mismatch: Option<CursorMismatch>,
    fused: bool,
}

impl<S: ChunkSource> Chunks<S> {
    pub(crate) fn new(
        source: S,
        limits: Limits<S::Item>,
        state: State<S::Key>,
        mismatch: Option<CursorMismatch>,
    ) -> Self {
        let chunk_size = limits.chunk_size();
        Chunks {
            source,
            state,
            chunk: Chunk::with_limit(chunk_size),
            is_lent: false,
            chunk_size,
            budget: limits.budget,
            pace: limits.pace(),
            clock: limits.clock,
            stats: Stats::default(),
            mismatch,
            fused: false,
        }
    }

    /// Fetches and lends the next chunk: at least one item, in key order. `None` at the end, and
    /// for ever after the end or an error (G12).
    ///
    /// The items may be changed or taken in place; the walk's position doesn't depend on them any
    /// more. What is left in the chunk is filled again by the next call, so a source that refills
    /// allocates nothing once warm.
    ///
    /// # Errors
    ///
    /// The source's error, once; [`Error::Contract`] if the source broke its contract; and, at the
    /// first call, [`Error::Cursor`] if the walk's options contradict its cursor. No item of that
    /// fetch is handed out (G11).
    ///
    /// # Panics
    ///
    /// If the source does. The walk then stands where it stood: the next call asks for the same chunk.
    #[expect(
        clippy::should_implement_trait,
        reason = "an Iterator can't lend from itself"
    )]
    pub fn next(&mut self) -> Result<Option<&mut [S::Item]>, Error<S::Error>> {
        Ok(if self.advance()? {
            self.stats.items += self.chunk.len() as u64;
            Some(self.chunk.as_mut_slice())
        } else {
            None
        })
    }

    /// Puts one question to the store, where [`next`](Self::next) asks until there are items: for a
    /// caller who holds something meanwhile, a transaction or a lock, and wants to let go of it between
    /// two questions also where a filter matches nothing for long.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::{Step, Walk};
    /// use keywalk_memory::Map;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two")]);
    /// let mut chunks = Walk::new(Map::new(&map)).chunks();
    /// loop {
    ///     match chunks.step()? {
    ///         Step::Items(items) => println!("{} items", items.len()),
    ///         Step::Moved => println!("none yet"),
    ///         Step::End => break,
    ///     }
    /// }
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    ///
    /// # Panics
    ///
    /// As [`next`](Self::next).
    pub fn step(&mut self) -> Result<Step<'_, S::Item>, Error<S::Error>> {
        if self.fused {
            return Ok(Step::End);
        }
        let asked = self.ask();
        self.fused = !matches!(asked, Ok(Asked::Items | Asked::Moved));
        Ok(match asked? {
            Asked::Items => {
                self.stats.items += self.chunk.len() as u64;
                Step::Items(self.chunk.as_mut_slice())
            }
            Asked::Moved => Step::Moved,
            Asked::Nothing => Step::End,
        })
    }

    /// Where the walk stands: past the last chunk that was lent. O(1), and clones its keys.
    pub fn cursor(&self) -> Cursor<S::Key> {
        self.state.cursor()
    }

    /// Where the walk would stand past the item of this key, one of the last chunk that was lent: for a
    /// caller who stops in the middle of it. O(1), and clones the far bound.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let mut chunks = Walk::new(Map::new(&map)).chunks();
    /// let done = chunks.next()?.map(|items| *items[0].0).unwrap_or_default();
    ///
    /// let rest = Walk::new(Map::new(&map)).resume(chunks.cursor_past(done));
    /// assert_eq!(rest.items().next(), Some(Ok((&2, &"two"))));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn cursor_past(&self, key: S::Key) -> Cursor<S::Key> {
        self.state.cursor_past(key)
    }

    /// Goes on from `cursor`, one of this walk's: back to where it was, say, where what was done with a
    /// chunk was undone. Also after an error or the end, which are then forgotten.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use keywalk::Walk;
    /// use keywalk_memory::Map;
    ///
    /// let map = BTreeMap::from([(1, "one"), (2, "two"), (3, "three")]);
    /// let mut chunks = Walk::new(Map::new(&map)).chunk_size(2).chunks();
    /// let start = chunks.cursor();
    /// chunks.next()?;
    /// chunks.seek(start);
    /// assert_eq!(chunks.next()?.map(|items| *items[0].0), Some(1));
    /// # Ok::<(), keywalk::Error<std::convert::Infallible>>(())
    /// ```
    pub fn seek(&mut self, cursor: Cursor<S::Key>) {
        self.is_lent = false;
        self.state = State::resume(cursor);
        self.mismatch = None;
        self.fused = false;
    }

    /// The items of the chunk that was lent last, while [`source`](Self::source) is there to tell their
    /// keys; none before the first, after the end, and after an error or a panic.
    pub fn items(&self) -> &[S::Item] {
        match self.is_lent {
            true => self.chunk.as_slice(),
            false => &[],
        }
    }

    /// What the walk did so far.
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// The source, to reach the store between two chunks (its connection, say).
    pub fn source(&self) -> &S {
        &self.source
    }

    /// Ends the walk and gives the source back.
    pub fn into_source(self) -> S {
        self.source
    }

    /// Fetches until there is an item. `false` at the end.
    pub(crate) fn advance(&mut self) -> Result<bool, Error<S::Error>> {
        if self.fused {
            return Ok(false);
        }
        let advanced = self.ask_until_items();
        self.fused = !matches!(advanced, Ok(true));
        advanced
    }

    fn ask_until_items(&mut self) -> Result<bool, Error<S::Error>> {
        loop {
            match self.ask()? {
                Asked::Items => return Ok(true),
                Asked::Nothing => return Ok(false),
                Asked::Moved => {}
            }
        }
    }

    /// Puts one question to the store.
    fn ask(&mut self) -> Result<Asked, Error<S::Error>> {
        if let Some(mismatch) = self.mismatch.take() {
            return Err(Error::Cursor(mismatch));
        }
        self.is_lent = false;
        let source = &mut self.source;
        let chunk = &mut self.chunk;
        let clock = &self.clock;
        match self.state.ask() {
            Ask::Nothing => return Ok(Asked::Nothing),
            Ask::LastKey(range) => {
                let (answer, _) = self.stats.time(clock, || source.last_key(range));
                self.state
                    .last_key(answer.map_err(Error::Source)?)
                    .map_err(Error::Contract)?;
            }
            Ask::LastItem(range) => {
                let mut last = Chunk::with_limit(1);
                let (answer, _) = self.stats.time(clock, || source.fetch(range, &mut last));
                take(&mut self.state, source, &last, 1, answer)?;
            }
            Ask::Items(range) => {
                let limit = self.pace.map_or(self.chunk_size, |pace| pace.size());
                chunk.begin(limit, self.budget);
                let (answer, took) = self.stats.time(clock, || source.fetch(range, chunk));
                if answer.is_ok() && chunk.exceeds(self.budget) {
                    return Err(Error::Contract(Violation::Overfull));
                }
                take(&mut self.state, source, chunk, limit, answer)?;
                if let Some(pace) = &mut self.pace {
                    pace.fetched(chunk.len(), took);
                }
                if !chunk.is_empty() {
                    self.stats.chunks += 1;
                    self.is_lent = true;
                    return Ok(Asked::Items);
                }
            }
        }
        Ok(Asked::Moved)
    }

    pub(crate) fn state(&self) -> &State<S::Key> {
        &self.state
    }

    /// The item that the chunk's [`pop`](Chunk::pop) would take out.
    #[inline]
    pub(crate) fn next_item(&self) -> Option<(&S, &S::Item)> {
        Some((&self.source, self.chunk.peek()?))
    }

    #[inline]
    pub(crate) fn chunk(&mut self) -> &mut Chunk<S::Item> {
        &mut self.chunk
    }

    pub(crate) fn stats_mut(&mut self) -> &mut Stats {
        &mut self.stats
    }

    /// Whether it is known that `advance` will say neither `true` nor an error.
    pub(crate) fn is_over(&self) -> bool {
        self.fused || (self.mismatch.is_none() && self.state.is_done())
    }
}

/// What came of one question, while the chunk keeps its items.
enum Asked {
    Items,
    Moved,
    Nothing,
}

/// Tells the state what a fetch answered.
fn take<S: ChunkSource>(
    state: &mut State<S::Key>,
    source: &S,
    chunk: &Chunk<S::Item>,
    limit: usize,
    answer: Result<Fetched<S::Key>, S::Error>,
) -> Result<(), Error<S::Error>> {
    let answer = answer.map_err(Error::Source)?;
    state
        .fetched(chunk, limit, |item| source.key_of(item), answer)
        .map_err(Error::Contract)
}

/// Prints counts, and no data.
impl<S: ChunkSource> fmt::Debug for Chunks<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks")
            .field("stats", &self.stats)
            .field("fused", &self.fused)
            .finish_non_exhaustive()
    }
}
