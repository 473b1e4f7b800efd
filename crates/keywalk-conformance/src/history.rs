//! What happened to a store while it was walked, and what follows from it.
//!
//! A history is a set of [`Mutation`]s and a walk's [`Question`]s, each with the [`Span`] of time
//! from its call to its return. [`KeyHistory`] says what is certain of a key during a span: present,
//! absent or possible. [`Oracle`] judges a walk by that, question by question. Where nothing happens
//! at the same time everything is certain, and the walk must be exact.
//!
//! ```
//! use keywalk::{Fetched, KeyRange, Order};
//! use keywalk_conformance::Clause;
//! use keywalk_conformance::history::{Change, Clock, KeyHistory, Mutation, Oracle, Question};
//!
//! let clock = Clock::default();
//! let mut lives = KeyHistory::default();
//! for key in [1, 2] {
//!     let ((), during) = clock.time(|| ());
//!     lives.record(Mutation { key, change: Change::Put(10 * key), during });
//! }
//!
//! // An unbounded walk that is said to have ended, and 2 didn't come.
//! let range = KeyRange::all(Order::Ascending);
//! let mut oracle = Oracle::unbounded(range.clone());
//! let ((), during) = clock.time(|| ());
//! let items = vec![(1, 10)];
//! let asked = Question::fetch(range, 5, items, Fetched::End, during);
//! let breach = oracle.observe(&asked, &lives).expect_err("2 is missing");
//! assert_eq!(breach.clause(), Clause::G8);
//! ```

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use keywalk::{Fetched, KeyRange, LastKey};

mod breach;
mod judge;
mod lives;
mod visits;

pub use breach::{FailureKind, Violation};
pub(crate) use breach::{Shown, Tell, Telling};
pub use judge::Oracle;
pub(crate) use judge::{diagnosed, explained, judge, judge_by_time};
pub use lives::{KeyHistory, Presence};
pub use visits::VisitLog;

/// Tells the time of a history: it counts calls and returns. Clones share it, also across threads.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// A moment of its own. Others lie between two of them.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.0.fetch_add(2, SeqCst)
    }

    /// What `call` returns, and when it did.
    pub fn time<T>(&self, call: impl FnOnce() -> T) -> (T, Span) {
        let from = self.tick();
        let returned = call();
        let to = self.tick();
        (returned, Span { from, to })
    }
}

/// From a call to its return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it was called.
    pub from: u64,
    /// When it returned; [`NEVER`](Self::NEVER) if it failed, so that its effect may come yet.
    pub to: u64,
}

impl Span {
    /// No time at all.
    pub const NEVER: u64 = u64::MAX;

    /// A single moment.
    #[must_use]
    pub fn at(moment: u64) -> Self {
        Span::new(moment, moment)
    }

    pub(crate) fn new(from: u64, to: u64) -> Self {
        Span { from, to }
    }

    /// The same call, which never returned.
    #[must_use]
    pub fn failed(self) -> Self {
        Span::new(self.from, Self::NEVER)
    }

    /// Whether all of it was before all of `other`.
    #[must_use]
    pub fn is_before(self, other: Span) -> bool {
        self.to < other.from
    }
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation<K> {
    /// Of this key.
    pub key: K,
    /// This.
    pub change: Change,
    /// When.
    pub during: Span,
}

/// What is done to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Inserted or replaced, with this value.
    Put(u64),
    /// Deleted.
    Delete,
}

/// What a walk asked of its source.
#[derive(Clone, Debug, PartialEq)]
pub struct Question<K> {
    /// Of these keys.
    pub range: KeyRange<K>,
    /// What came.
    pub answer: Answer<K>,
    /// When.
    pub during: Span,
}

/// What a source said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<K> {
    /// The last key of the range.
    LastKey(LastKey<K>),
    /// Items, for a fetch.
    Items(Items<K>),
    /// An error, for either; its `Debug`.
    Error(String),
    /// A panic, for either.
    Panic(String),
}

/// What a fetch answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<K> {
    /// The chunk's limit.
    pub limit: usize,
    /// The chunk.
    pub items: Vec<(K, u64)>,
    /// Whether more was pushed than the limit allows.
    pub overflowed: bool,
    /// How far it got.
    pub fetched: Fetched<K>,
}

impl<K> Question<K> {
    /// A fetch.
    #[must_use]
    pub fn fetch(
        range: KeyRange<K>,
        limit: usize,
        items: Vec<(K, u64)>,
        fetched: Fetched<K>,
        during: Span,
    ) -> Self {
        Question {
            range,
            answer: Answer::Items(Items {
                limit,
                items,
                overflowed: false,
                fetched,
            }),
            during,
        }
    }

    /// A question for the last key.
    #[must_use]
    pub fn last_key(range: KeyRange<K>, answer: LastKey<K>, during: Span) -> Self {
        Question {
            range,
            answer: Answer::LastKey(answer),
            during,
        }
    }
}

/// All that happened, to be shown.
pub(crate) type Timeline<K> = Vec<Event<K>>;

/// Anything that happened.
#[derive(Clone, Debug)]
pub(crate) enum Event<K> {
    Mutation(Mutation<K>),
    Question(Question<K>),
    /// Code that walks handled a row.
    Visit(K, Option<u64>),
    /// The walk was cut, the store reopened, and the like.
    Note(String),
}
