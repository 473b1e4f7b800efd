use std::fmt::Debug;

use keywalk::{KeyRange, Order};
use proptest::prelude::*;

use crate::{BoxError, Change, Counterexample, KeySpace, Meanwhile, Visits};

/// What is in a store at first, what others do to it while it is walked, and where the code that walks is
/// killed: a case of a property test of your own code.
///
/// Drawn by [`KeySpace::schedules`], and shrunk by proptest to the smallest that still fails; or written down,
/// as a case that once failed and is to be kept:
///
/// ```
/// use keywalk_conformance::{Edit, Schedule};
///
/// // Rows 1 to 4. The row that came last is deleted before the second page is read.
/// let schedule = Schedule::new([1, 2, 3, 4])
///     .turn([])
///     .turn([Edit::DeleteCursor]);
/// # assert_eq!(schedule.clone(), schedule);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule<K> {
    edits: Edits<K>,
    /// After how many events, visits and turns, the i-th run is killed.
    kills: Vec<usize>,
}

impl<K> Default for Schedule<K> {
    fn default() -> Self {
        Schedule {
            edits: Edits::default(),
            kills: Vec::new(),
        }
    }
}

impl<K: Ord + Clone + Debug> Schedule<K> {
    /// The keys that play a part, all of them there at first; nothing happens meanwhile.
    ///
    /// [`Edit::Append`], [`InsertAhead`](Edit::InsertAhead) and [`InsertBehind`](Edit::InsertBehind) choose
    /// among these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = K>) -> Self {
        Schedule {
            edits: Edits::among(keys),
            kills: Vec::new(),
        }
    }

    /// Only these keys are there at first, in the order in which they are put.
    #[must_use]
    pub fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.edits = self.edits.initially(keys);
        self
    }

    /// Adds what happens before the next page is read: the first call is before the first page. Afterwards,
    /// nothing happens any more.
    #[must_use]
    pub fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.edits = self.edits.turn(edits);
        self
    }

    /// Adds that the code is killed at its `event`-th event, counted from 1 at each start: pages that are about
    /// to be read and rows that were visited. The first call is for the first run, the second for the one after
    /// it; then the code runs to its end.
    ///
    /// # Panics
    ///
    /// If `event` is 0.
    #[must_use]
    #[track_caller]
    pub fn kill(mut self, event: usize) -> Self {
        assert!(event > 0, "events are counted from 1");
        self.kills.push(event);
        self
    }

    /// Runs `code` over a store, with this happening meanwhile, and judges what it visited.
    ///
    /// - `visits` says what it is to walk, and what it promises.
    /// - `write` changes the store: what it is told is there, or gone, when it returns. A row's value is a number,
    ///   another one each time it is put, for any column that the code reads. First it puts the rows that are
    ///   there at first, so the store is empty when this is called. It uses the store as others do: where the
    ///   code reads and writes in a transaction of its own, another connection, or the same one between two
    ///   transactions ([`without_turns`](crate::Interleaved::without_turns)).
    /// - `code` is the code under test. It is handed a [`Meanwhile`], by which it says that a page is about to
    ///   be read ([`interleave`](Meanwhile::interleave), or [`turn`](Meanwhile::turn)) and that a row was
    ///   handled ([`visit`](Meanwhile::visit)). Where the schedule kills it, it is called again.
    ///
    /// Nothing is tried twice, and nothing waits: a case takes as long as the code does, and its writes.
    ///
    /// A killed run unwinds from the call in which it is killed, as a panic does, without a word on stderr:
    /// destructors run, and nothing else. With `panic = "abort"` that isn't possible. Code that breaks a clause
    /// is stopped in the same way, at once, so one that repeats itself for ever ends too.
    ///
    /// # Errors
    ///
    /// The clause that the code breaks, and the history: [`Counterexample`] converts into proptest's
    /// `TestCaseError` by `?`. An error that `code` or `write` returns is told in the same way.
    ///
    /// # Panics
    ///
    /// If `code` or `write` does.
    ///
    /// # Examples
    ///
    /// A hand-written pager over a map, whose `>` someone takes for `>=` a day:
    ///
    /// ```
    /// use std::cell::RefCell;
    /// use std::collections::BTreeMap;
    /// use std::ops::Bound::{Excluded, Unbounded};
    ///
    /// use keywalk::{KeyRange, Order};
    /// use keywalk_conformance::history::{Change, Visits};
    /// use keywalk_conformance::{Edit, Schedule};
    ///
    /// let rows = RefCell::new(BTreeMap::new());
    /// let schedule = Schedule::new([1, 2, 3]).turn([]).turn([Edit::DeleteCursor, Edit::Append]);
    /// schedule.run(
    ///     Visits::over(KeyRange::all(Order::Ascending)),
    ///     |key, change| {
    ///         match change {
    ///             Change::Put(value) => rows.borrow_mut().insert(*key, value),
    ///             Change::Delete => rows.borrow_mut().remove(key),
    ///         };
    ///         Ok(())
    ///     },
    ///     |meanwhile| -> Result<(), std::convert::Infallible> {
    ///         let mut after = None;
    ///         loop {
    ///             meanwhile.turn();
    ///             let past = after.map_or(Unbounded, Excluded);
    ///             let next = rows.borrow().range((past, Unbounded)).next().map(|(k, v)| (*k, *v));
    ///             let Some((key, value)) = next else { return Ok(()) };
    ///             meanwhile.visit(&key, value);
    ///             after = Some(key);
    ///         }
    ///     },
    /// )?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn run<W, E: Debug>(
        &self,
        visits: Visits<K>,
        write: W,
        mut code: impl FnMut(&Meanwhile<K, W>) -> Result<(), E>,
    ) -> Result<(), Counterexample<K>>
    where
        W: FnMut(&K, Change) -> Result<(), BoxError>,
    {
        let meanwhile = Meanwhile::begin(&self.edits, &self.kills, visits, write)?;
        while !meanwhile.runs_to_its_end(&mut code)? {}
        meanwhile.end()
    }
}

impl<K: Ord + Clone + Debug + 'static> KeySpace<K> {
    /// Schedules of all kinds over these keys: a strategy of proptest's, for a property test of code that
    /// walks. Up to 15 keys play a part; up to seven turns of up to three edits each; up to two kills.
    ///
    /// [Testing your own code](crate#testing-your-own-code) shows one.
    pub fn schedules(&self) -> BoxedStrategy<Schedule<K>> {
        let kills = prop::collection::vec(1..12_usize, 0..3);
        let schedule = (edits(self), kills);
        schedule
            .prop_map(|(edits, kills)| Schedule { edits, kills })
            .boxed()
    }
}

/// Something that others do to a store while it is walked.
///
/// Every row that is put has a value of its own, so that a stale one shows. What an edit doesn't find (the
/// walk stands nowhere yet, the store is empty) it leaves alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Edit<K> {
    /// Inserts this key, or gives it another value.
    Put(K),
    /// Deletes this key.
    Delete(K),
    /// Deletes the row that came last: the one that the walk stands at.
    DeleteCursor,
    /// Inserts it again, or gives it another value.
    PutCursor,
    /// Deletes the last row of the store, in the walk's order.
    DeleteLast,
    /// Deletes everything.
    Clear,
    /// Inserts the [schedule's](crate::Schedule) nearest key after every row that is there, in the walk's
    /// order.
    Append,
    /// Inserts the schedule's nearest key that the walk has still before it, or gives it another value.
    InsertAhead,
    /// Deletes the nearest row that the walk has still before it.
    DeleteAhead,
    /// Inserts the schedule's nearest key that the walk has behind it, or gives it another value.
    InsertBehind,
}

/// What is in a store at first, and what others do to it while it is walked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edits<K> {
    /// The keys that play a part, ascending.
    pub(crate) pool: Vec<K>,
    /// Those that are there at first.
    pub(crate) initial: Vec<K>,
    /// The i-th before the i-th page is read.
    pub(crate) turns: Vec<Vec<Edit<K>>>,
}

/// Where an edit finds a store and its walk.
pub(crate) struct Place<'p, K> {
    /// The keys to choose from.
    pub(crate) pool: &'p [K],
    pub(crate) present: &'p [K],
    pub(crate) order: Order,
    /// The last key handed out.
    pub(crate) cursor: Option<&'p K>,
}

impl<K: Ord + Clone> Edit<K> {
    /// Whether its keys are put, else they are deleted; and these.
    pub(crate) fn at(&self, place: &Place<'_, K>) -> (bool, Vec<K>) {
        let Place {
            pool,
            present,
            order,
            cursor,
        } = *place;
        let all = KeyRange::all(order);
        let past = |range: &KeyRange<K>, key: Option<&K>| {
            let mut range = range.clone();
            key.into_iter()
                .for_each(|key| range.advance_past(key.clone()));
            range
        };
        let last = nearest(present, &all.reversed());
        let (is_put, key) = match self {
            Edit::Put(key) => (true, Some(key)),
            Edit::Delete(key) => (false, Some(key)),
            Edit::DeleteCursor => (false, cursor),
            Edit::PutCursor => (true, cursor),
            Edit::DeleteLast => (false, last),
            Edit::Clear => return (false, present.to_vec()),
            Edit::Append => (true, nearest(pool, &past(&all, last))),
            Edit::InsertAhead => (true, nearest(pool, &past(&all, cursor))),
            Edit::DeleteAhead => (false, nearest(present, &past(&all, cursor))),
            Edit::InsertBehind => (true, nearest(pool, &past(&all.reversed(), cursor))),
        };
        (is_put, key.into_iter().cloned().collect())
    }
}

/// The first of some keys within a range, in its order.
fn nearest<'k, K: Ord>(keys: &'k [K], range: &KeyRange<K>) -> Option<&'k K> {
    let within = keys.iter().filter(|key| range.admits(key));
    match range.order() {
        Order::Ascending => within.min(),
        Order::Descending => within.max(),
    }
}

impl<K> Default for Edits<K> {
    fn default() -> Self {
        Edits {
            pool: Vec::new(),
            initial: Vec::new(),
            turns: Vec::new(),
        }
    }
}

impl<K: Ord + Clone> Edits<K> {
    /// Among these keys, all of them there at first; nothing happens.
    pub(crate) fn among(keys: impl IntoIterator<Item = K>) -> Self {
        let mut pool = Vec::from_iter(keys);
        pool.sort();
        pool.dedup();
        Edits {
            initial: pool.clone(),
            pool,
            turns: Vec::new(),
        }
    }

    /// Only these are there at first.
    pub(crate) fn initially(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        self.initial = keys.into_iter().collect();
        self
    }

    /// Adds what happens before the next page.
    pub(crate) fn turn(mut self, edits: impl IntoIterator<Item = Edit<K>>) -> Self {
        self.turns.push(edits.into_iter().collect());
        self
    }
}

/// Any over these keys, up to 15 of them: up to seven turns of up to three edits each.
pub(crate) fn edits<K: Ord + Clone + Debug + 'static>(
    keys: &KeySpace<K>,
) -> BoxedStrategy<Edits<K>> {
    // Each with whether it is there at first.
    let pool = prop::collection::btree_map(keys.strategy().clone(), any::<bool>(), 1..16);
    let edit = (kind::<K>(), any::<prop::sample::Index>());
    let turns = prop::collection::vec(prop::collection::vec(edit, 0..4), 0..8);
    let edits = (pool, turns).prop_map(|(pool, turns)| {
        let initial = pool.iter().filter(|(_, is_there)| **is_there);
        let initial = initial.map(|(key, _)| key.clone()).collect();
        let pool = Vec::from_iter(pool.into_keys());
        let turns = turns.into_iter().map(|edits| {
            let edits = edits.into_iter();
            edits
                .map(|(edit, at)| edit(at.get(&pool).clone()))
                .collect()
        });
        Edits {
            turns: turns.collect(),
            initial,
            pool,
        }
    });
    edits.boxed()
}

/// Any edit, of a key where it is of one; those oftener that walks are sensitive to.
fn kind<K: 'static>() -> impl Strategy<Value = fn(K) -> Edit<K>> {
    prop_oneof![
        4 => Just(Edit::Put as fn(K) -> Edit<K>),
        4 => Just(Edit::Delete as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::DeleteCursor) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::PutCursor) as fn(K) -> Edit<K>),
        2 => Just((|_| Edit::DeleteLast) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::Clear) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::Append) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::InsertAhead) as fn(K) -> Edit<K>),
        1 => Just((|_| Edit::DeleteAhead) as fn(K) -> Edit<K>),
        3 => Just((|_| Edit::InsertBehind) as fn(K) -> Edit<K>),
    ]
}
