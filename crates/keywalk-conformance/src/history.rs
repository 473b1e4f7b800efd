//! Histories of a store while it is walked, and their judges. Use them to write a check of your own.
//!
//! A history is a set of [`Mutation`]s and a walk's [`Request`]s (its requests to the source). Each has a [`Span`]
//! of time, from its call to its return. [`KeyHistory`] computes whether a key is certainly present, certainly absent
//! or possibly present during a span. [`Oracle`] judges a walk by that, request by request; [`VisitLog`] judges code
//! by the rows that it handled. If nothing happens concurrently, everything is certain and the walk must be exact.
//!
//! ```
//! use keywalk::{Fetched, KeyRange, Order};
//! use keywalk_conformance::history::{Change, Clock, KeyHistory, Mutation, Oracle, Request};
//!
//! let (clock, mut lives) = (Clock::default(), KeyHistory::default());
//! for key in [1, 2] {
//!     let ((), during) = clock.time(|| ());
//!     lives.record(Mutation { key, change: Change::Put(10 * key), during });
//! }
//!
//! // An unbounded walk reached the end without 2.
//! let range = KeyRange::all(Order::Ascending);
//! let mut oracle = Oracle::unbounded(range.clone());
//! let ((), during) = clock.time(|| ());
//! let items = vec![(1, 10)];
//! let requested = Request::fetch(range, 5, items, Fetched::End, during);
//! oracle.observe(&requested, &lives).expect_err("2 is missing");
//! ```

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use keywalk::{Fetched, KeyRange, LastKey};

mod judge;
mod key_history;
mod violation;
mod visit_log;

pub use judge::Oracle;
pub(crate) use judge::{diagnosed, explained, judge, judge_by_time};
pub use key_history::{KeyHistory, Presence};
pub(crate) use violation::{DisplayRange, ToLines};
pub use violation::{FailureKind, Violation};
pub use visit_log::VisitLog;

/// The logical clock of a history. Counts calls and returns. Clones share the count, also across threads.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicU64>);

impl Clock {
    /// Returns a new, unique moment. Between any two returned moments lies one that is never returned.
    #[must_use]
    pub fn tick(&self) -> u64 {
        self.0.fetch_add(2, SeqCst)
    }

    /// Calls `call`. Returns its result and the span of the call.
    pub fn time<T>(&self, call: impl FnOnce() -> T) -> (T, Span) {
        let from = self.tick();
        let returned = call();
        let to = self.tick();
        (returned, Span { from, to })
    }
}

/// The time from a call to its return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The moment of the call.
    pub from: u64,
    /// The moment of the return. [`NEVER`](Self::NEVER) if the call failed, because its effect may still come.
    pub to: u64,
}

impl Span {
    /// The value of `to` for a call that never returned.
    pub const NEVER: u64 = u64::MAX;

    /// Makes a span of a single moment.
    #[must_use]
    pub fn at(moment: u64) -> Self {
        Span::new(moment, moment)
    }

    pub(crate) fn new(from: u64, to: u64) -> Self {
        Span { from, to }
    }

    /// Returns this span with `to` set to [`NEVER`](Self::NEVER), for a call that failed.
    #[must_use]
    pub fn failed(self) -> Self {
        Span::new(self.from, Self::NEVER)
    }

    /// Returns whether this span ends before `other` begins.
    #[must_use]
    pub fn is_before(self, other: Span) -> bool {
        self.to < other.from
    }
}

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation<K> {
    /// The key.
    pub key: K,
    /// The change.
    pub change: Change,
    /// The time of the change.
    pub during: Span,
}

/// A put or a deletion of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Inserts the key or replaces its value with this one.
    Put(u64),
    /// Deletes the key.
    Delete,
}

/// A request of a walk to its source, with the response.
#[derive(Clone, Debug, PartialEq)]
pub struct Request<K> {
    /// The requested range.
    pub range: KeyRange<K>,
    /// The chunk's limit. `None` for a request for the last key.
    pub limit: Option<usize>,
    /// The chunk's budget, in bytes, if it has one.
    pub budget: Option<usize>,
    /// The source's response.
    pub response: Response<K>,
    /// The time of the call.
    pub during: Span,
}

/// The result of a fetch or of a request for the last key.
#[derive(Clone, Debug, PartialEq)]
pub enum Response<K> {
    /// The last key of the range.
    LastKey(LastKey<K>),
    /// The items of a fetch.
    Items(Items<K>),
    /// An error of either request, as `Debug` text.
    Error(String),
    /// The message of a panic in either request.
    Panic(String),
}

/// The result of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Items<K> {
    /// The chunk's limit.
    pub limit: usize,
    /// The items of the chunk.
    pub items: Vec<(K, u64)>,
    /// Whether the source pushed more items than the limit allows.
    pub overflowed: bool,
    /// How far the fetch got.
    pub fetched: Fetched<K>,
}

impl<K> Request<K> {
    /// Makes the record of a fetch without a byte budget.
    #[must_use]
    pub fn fetch(
        range: KeyRange<K>,
        limit: usize,
        items: Vec<(K, u64)>,
        fetched: Fetched<K>,
        during: Span,
    ) -> Self {
        Request {
            range,
            limit: Some(limit),
            budget: None,
            response: Response::Items(Items {
                limit,
                items,
                overflowed: false,
                fetched,
            }),
            during,
        }
    }

    /// Makes the record of a request for the last key.
    #[must_use]
    pub fn last_key(range: KeyRange<K>, response: LastKey<K>, during: Span) -> Self {
        Request {
            range,
            limit: None,
            budget: None,
            response: Response::LastKey(response),
            during,
        }
    }
}

/// All events of a history, to be printed.
pub(crate) type Timeline<K> = Vec<Event<K>>;

/// One event of a history.
#[derive(Clone, Debug)]
pub(crate) enum Event<K> {
    Mutation(Mutation<K>),
    Request(Request<K>),
    /// A source makes its first request.
    Opened,
    /// The code under test handled a row.
    Visit(K, Option<u64>),
    /// Any other event: the walk was cut, or the store was reopened.
    Note(String),
}
