//! Tables of sources, and the expected outcome of each.

use std::sync::Arc;

use keywalk::{Fetched, Fingerprint, KeyRange};
use keywalk_conformance::Clause;

use crate::store::{Answer, Entries, Kind, Quirk, Read, Store, Told, Tried, Walked, fetches, fill};

/// A kind of source. If it is broken, the check that must fail, and by which clause.
pub(crate) struct Row<K: 'static> {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind<K>,
    pub(crate) fails: Option<(&'static str, Clause)>,
}

pub(crate) struct Rows<K: 'static> {
    pub(crate) rows: Vec<Row<K>>,
    /// What the rows to come must fail.
    fails: Option<(&'static str, Clause)>,
}

/// Makes methods that add a row with a stateless quirk of its source.
macro_rules! peculiar {
    ($($what:ident: $type:ty;)+) => {$(
        pub(crate) fn $what(&mut self, name: &'static str, $what: $type) {
            self.open(name, move |_| Quirk { $what: Box::new($what), ..Quirk::default() });
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

    pub(crate) fn kind(&mut self, name: &'static str, kind: Kind<K>) {
        let fails = self.fails;
        self.rows.push(Row { name, kind, fails });
    }

    /// Adds a source that is opened like this.
    pub(crate) fn open(
        &mut self,
        name: &'static str,
        open: impl Fn(&Arc<Store<K>>) -> Quirk<K> + Sync + 'static,
    ) {
        let open = Box::leak(Box::new(open));
        let sound = Kind::SOUND;
        self.kind(name, Kind { open, ..sound });
    }

    peculiar! {
        fetch: fn(&Store<K>, &KeyRange<K>, &mut Entries<K>) -> Answer<K>;
        last_key: fn(&Store<K>, &KeyRange<K>) -> Told<K>;
        fingerprint: fn(&Store<K>, &Walked) -> Fingerprint;
        encode: fn(&K, &mut Vec<u8>);
        decode: fn(&Store<K>, &[u8]) -> Read<K>;
        text: fn(&K) -> String;
        share: fn(&K, &K, &K) -> Option<f64>;
    }

    /// Adds a source that encodes keys as other bytes.
    pub(crate) fn bytes(
        &mut self,
        name: &'static str,
        encode: fn(&K, &mut Vec<u8>),
        decode: fn(&[u8]) -> Option<K>,
    ) {
        self.open(name, move |_| Quirk {
            encode: Box::new(encode),
            decode: Box::new(move |_, bytes| Ok(decode(bytes))),
            ..Quirk::default()
        });
    }

    /// Adds a source that changes the rest of the range's items, and yields them up to the limit.
    pub(crate) fn items(
        &mut self,
        name: &'static str,
        change: fn(&Store<K>, &KeyRange<K>, &mut Vec<(K, u64)>),
    ) {
        self.open(name, move |_| {
            fetches(move |store, range, chunk| {
                let mut items = store.take(range, usize::MAX)?;
                change(store, range, &mut items);
                Ok(fill(items, chunk))
            })
        });
    }

    /// Adds a source that fetches another range than it is asked for.
    pub(crate) fn asks(&mut self, name: &'static str, change: fn(&KeyRange<K>) -> KeyRange<K>) {
        self.open(name, move |_| {
            fetches(move |store, range, chunk| store.answer(&change(range), chunk))
        });
    }

    /// Adds a source that fetches rightly, and says otherwise how far it got.
    pub(crate) fn says(
        &mut self,
        name: &'static str,
        say: fn(&Entries<K>, Fetched<K>) -> Fetched<K>,
    ) {
        self.open(name, move |_| {
            fetches(move |store, range, chunk| {
                let fetched = store.answer(range, chunk)?;
                Ok(say(chunk, fetched))
            })
        });
    }
}
