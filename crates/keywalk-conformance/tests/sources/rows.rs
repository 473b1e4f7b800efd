//! Tables of sources, and the expected outcome of each.

use std::ops::Bound;
use std::thread;

use keywalk::{Fingerprint, KeyRange, Order};
use keywalk_conformance::{Capabilities, Clause};

use crate::store::{
    Answer, Entries, Handle, Kind, Quirk, Read, Told, Tried, Walked, fetches, more_if, stamped,
};

/// A kind of source. If it is broken, the check that must fail, and by which clause.
pub(crate) struct Row<K: 'static> {
    pub(crate) name: Name,
    pub(crate) kind: Kind<K>,
    pub(crate) fails: Option<(&'static str, Clause)>,
}

pub(crate) struct Rows<K: 'static> {
    pub(crate) rows: Vec<Row<K>>,
    /// What the rows to come must fail.
    fails: Option<(&'static str, Clause)>,
}

/// A function that sources of all threads share.
pub(crate) trait Rule: Copy + Send + Sync + 'static {}

impl<T: Copy + Send + Sync + 'static> Rule for T {}

type Name = &'static str;

/// A fetch, as far as it decides whether a source is right.
pub(crate) struct Call {
    /// The number of this fetch.
    pub(crate) count: usize,
    /// The number of items before it.
    pub(crate) items: usize,
    pub(crate) limit: usize,
    /// How many sources are open.
    pub(crate) sources: usize,
    /// Whether it comes from another thread than that of the source.
    pub(crate) is_elsewhere: bool,
}

/// Returns a range with a changed start and end.
pub(crate) fn with<K: Clone>(
    range: &KeyRange<K>,
    change: impl FnOnce(&mut Bound<K>, &mut Bound<K>),
) -> KeyRange<K> {
    let (mut start, mut end) = (range.start().cloned(), range.end().cloned());
    change(&mut start, &mut end);
    let bounds = match range.order() {
        Order::Ascending => (start, end),
        Order::Descending => (end, start),
    };
    KeyRange::new(bounds, range.order())
}

/// Makes methods that add a row with a stateless quirk of its source.
macro_rules! peculiar {
    ($($what:ident: $type:ty;)+) => {$(
        pub(crate) fn $what(&mut self, name: Name, $what: $type) {
            self.open(name, move |_| Quirk { $what: Box::new($what), ..Quirk::default() });
        }
    )+};
}

/// Makes methods that add a row with a fetch by these functions.
macro_rules! shapes {
    ($($(#[$doc:meta])* $name:ident($($rule:ident: Fn$args:tt $(-> $to:ty)?),+) $fetch:expr;)+) => {$(
        $(#[$doc])*
        pub(crate) fn $name(&mut self, name: Name, $($rule: impl Fn$args $(-> $to)? + Rule),+) {
            self.open(name, move |_| fetches($fetch));
        }
    )+};
}

impl<K: Tried> Rows<K> {
    /// Returns the rows of these tables.
    pub(crate) fn of(tables: &[fn(&mut Self)]) -> Self {
        let mut rows = Rows {
            rows: Vec::new(),
            fails: None,
        };
        tables.iter().for_each(|table| table(&mut rows));
        rows
    }

    /// Starts rows that must fail this check by this clause. Rows before are right.
    pub(crate) fn fail(&mut self, check: &'static str, clause: Clause) {
        self.fails = Some((check, clause));
    }

    pub(crate) fn kind(&mut self, name: Name, kind: Kind<K>) {
        let fails = self.fails;
        self.rows.push(Row { name, kind, fails });
    }

    /// Adds a source that is opened like this.
    pub(crate) fn open(
        &mut self,
        name: Name,
        open: impl Fn(&Handle<K>) -> Quirk<K> + Sync + 'static,
    ) {
        let open = Box::leak(Box::new(open));
        let sound = Kind::SOUND;
        self.kind(name, Kind { open, ..sound });
    }

    peculiar! {
        fetch: fn(&Handle<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K>;
        last_key: fn(&Handle<K>, &KeyRange<K>) -> Told<K>;
        fingerprint: fn(&Handle<K>, &Walked) -> Fingerprint;
        encode: fn(&K, &mut Vec<u8>);
        decode: fn(&Handle<K>, &[u8]) -> Read<K>;
        text: fn(&K) -> String;
        share: fn(&K, &K, &K) -> Option<f64>;
    }

    /// Declares this of the last row's source.
    pub(crate) fn declare(&mut self, capabilities: fn(Capabilities) -> Capabilities) {
        if let Some(row) = self.rows.last_mut() {
            row.kind.capabilities = capabilities;
        }
    }

    /// Adds a source whose fingerprint includes a value.
    pub(crate) fn stamp(&mut self, name: Name, value: fn(&Handle<K>) -> u64) {
        self.open(name, move |_| stamped(value));
    }

    /// Adds a source that encodes keys as other bytes.
    pub(crate) fn bytes(
        &mut self,
        name: Name,
        encode: fn(&K, &mut Vec<u8>),
        decode: fn(&[u8]) -> Option<K>,
    ) {
        self.open(name, move |_| Quirk {
            encode: Box::new(encode),
            decode: Box::new(move |_, bytes| Ok(decode(bytes))),
            ..Quirk::default()
        });
    }

    /// Adds a source that encodes another key.
    pub(crate) fn encodes(&mut self, name: Name, other: fn(&K) -> K) {
        self.open(name, move |_| Quirk {
            encode: Box::new(move |key, bytes| other(key).encode(bytes)),
            ..Quirk::default()
        });
    }

    /// Adds a source that keeps something between its fetches.
    pub(crate) fn keeps<T: Default + Send + 'static>(
        &mut self,
        name: Name,
        fetch: impl Fn(&mut T, &Handle<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K> + Rule,
    ) {
        self.open(name, move |_| {
            let mut kept = T::default();
            fetches(move |store, range, chunk| fetch(&mut kept, store, range, chunk))
        });
    }

    /// Adds a source that goes by the order of another property.
    pub(crate) fn order<P: Ord + Clone + 'static>(&mut self, name: Name, place: fn(&K) -> P) {
        self.items(name, move |store, range, items| {
            let bounds = (range.lower().map(place), range.upper().map(place));
            let within = KeyRange::new(bounds, range.order());
            *items = Vec::from_iter(store.read_lock().clone());
            items.retain(|(key, _)| within.may_contain(&place(key)));
            items.sort_by_key(|(key, _)| place(key));
            if range.order() == Order::Descending {
                items.reverse();
            }
        });
    }

    shapes! {
        /// Adds a source that changes the rest of the range's items, and yields them up to the limit.
        items(change: Fn(&Handle<K>, &KeyRange<K>, &mut Vec<(K, u64)>)) move |store, range, chunk| {
            store.changed(range, chunk, |items| change(store, range, items))
        };
        /// Adds a source that fetches from another start, or to another end.
        asks(change: Fn(&mut Bound<K>, &mut Bound<K>)) move |store, range, chunk| {
            store.answer(&with(range, change), chunk)
        };
        /// Adds a source that fetches rightly, and returns another answer.
        says(say: Fn(&Entries<K>, Answer<K>) -> Answer<K>) move |store, range, chunk| {
            let answer = store.answer(range, chunk);
            say(chunk, answer)
        };
        /// Adds a source that fetches for another limit, and returns whether there are more by the numbers of items and
        /// of the limit.
        pages(size: Fn(usize) -> usize, has_more: Fn(usize, usize) -> bool) move |store, range, chunk| {
            let entries = store.take(range, size(chunk.limit()))?;
            let more = has_more(entries.len(), chunk.limit());
            entries.into_iter().for_each(|entry| chunk.push(entry));
            Ok(more_if(more))
        };
    }

    /// Adds a source that some of its fetches leave to another source.
    pub(crate) fn at_times(
        &mut self,
        name: Name,
        is_other: impl Fn(&Call) -> bool + Rule,
        other: fn(&Handle<K>) -> Quirk<K>,
    ) {
        self.open(name, move |store| {
            let (mut other, owner) = (other(store), thread::current().id());
            let (mut count, mut items) = (0, 0);
            fetches(move |store, range, chunk| {
                count += 1;
                let call = Call {
                    count,
                    items,
                    limit: chunk.limit(),
                    // The harness has another handle.
                    sources: Handle::strong_count(store) - 1,
                    is_elsewhere: thread::current().id() != owner,
                };
                let answer = match is_other(&call) {
                    true => (other.fetch)(store, range, chunk),
                    false => store.answer(range, chunk),
                };
                items += chunk.len();
                answer
            })
        });
    }
}
