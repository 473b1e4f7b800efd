//! Sources that say too much of what they walk, or too little.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use keywalk::{Chunk, Fetched, Fingerprint, KeyRange, Order};
use keywalk_conformance::Blown;

use super::durable::{Durable, Walked};
use super::store::{Quirk, Store};

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident, $store:pat, $walked:ident => $fingerprint:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Default)]
        pub(crate) struct $name;

        impl Quirk<i64> for $name {
            fn fingerprint(&self, $store: &Arc<Store<i64>>, $walked: &Walked) -> Fingerprint {
                $fingerprint
            }
        }

        impl Durable<i64> for $name {}
    )+};
}

mutants! {
    /// How many rows there are.
    OfTheRows, store, walked => {
        let rows = store.take(&KeyRange::all(Order::Ascending), usize::MAX);
        let count = rows.map_or(0, |rows| rows.len());
        walked.fingerprint().filter(format!("of {count} rows"))
    };

    /// Which time the store was opened.
    OfTheHandle, store, walked => {
        let time = store.reopened.load(SeqCst);
        walked.fingerprint().filter(format!("reopened {time} times"))
    };

    /// All tables are alike.
    NoTable, _, walked => walked.fingerprint().relation("table");

    /// The key's columns are told, and not their directions.
    NoDirection, _, walked => walked.fingerprint().key(walked.key.trim_end_matches(" DESC"));

    /// The filter is told, and not its value.
    NoValue, _, walked => {
        let all = walked.fingerprint();
        match walked.tenant {
            Some(_) => all.filter("tenant = ?"),
            None => all,
        }
    };

    /// All that is to be told as the table's name.
    OneWord, _, walked => {
        let Walked { table, key, tenant } = walked;
        Fingerprint::new("quirky").relation(format!("{table} by {key} of {tenant:?}"))
    };
}

/// Its number among all sources.
pub(crate) struct OfEach(u64);

impl Default for OfEach {
    fn default() -> Self {
        static SOURCES: AtomicU64 = AtomicU64::new(0);
        OfEach(SOURCES.fetch_add(1, SeqCst))
    }
}

impl Quirk<i64> for OfEach {
    fn fingerprint(&self, _: &Arc<Store<i64>>, walked: &Walked) -> Fingerprint {
        walked.fingerprint().with_value(&self.0.to_be_bytes())
    }
}

impl Durable<i64> for OfEach {}

/// What it finds out by its first fetch.
#[derive(Default)]
pub(crate) struct OfTheFetch(bool);

impl Quirk<i64> for OfTheFetch {
    fn fetch(
        &mut self,
        store: &Arc<Store<i64>>,
        range: &KeyRange<i64>,
        chunk: &mut Chunk<(i64, u64)>,
    ) -> Result<Fetched<i64>, Blown> {
        self.0 = true;
        store.answer(range, chunk)
    }

    fn fingerprint(&self, _: &Arc<Store<i64>>, walked: &Walked) -> Fingerprint {
        match self.0 {
            true => walked.fingerprint(),
            false => walked.fingerprint().key("unknown"),
        }
    }
}

impl Durable<i64> for OfTheFetch {}
