//! Right programs, of several kinds: none is refused.

use std::collections::BTreeMap;
use std::ops::{Bound, RangeInclusive};
use std::sync::{Arc, Mutex, RwLock};

use keywalk::{KeyRange, Order, Token, Walk};
use keywalk_conformance::history::{Change, Visits};
use keywalk_conformance::{BoxError, Edit, KeySpace, Schedule};
use keywalk_memory::SharedMap;
use proptest::prelude::*;

use crate::pager::{Mistake, run, visits};

/// Keys that meet: 120 is out of the pager's range.
pub(crate) fn keys() -> KeySpace<i64> {
    let few = [-20, -1, 0, 1, 20, 100, 120];
    let any = prop_oneof![4 => -20..=20_i64, 1 => prop::sample::select(few.to_vec())];
    KeySpace::new(any, few)
}

/// A table that walks can read while it is written to, in another thread too.
#[derive(Clone, Default)]
struct Shared(Arc<RwLock<BTreeMap<i64, u64>>>);

impl Shared {
    fn write(&self) -> impl FnMut(&i64, Change) -> Result<(), BoxError> + Send + 'static {
        let rows = Arc::clone(&self.0);
        move |key, change| {
            let mut rows = rows.write().map_err(|error| error.to_string())?;
            match change {
                Change::Put(value) => rows.insert(*key, value),
                Change::Delete => rows.remove(key),
            };
            Ok(())
        }
    }

    fn source(&self) -> SharedMap<i64, u64> {
        SharedMap::new(Arc::clone(&self.0))
    }
}

fn orders() -> impl Strategy<Value = Order> {
    prop_oneof![Just(Order::Ascending), Just(Order::Descending)]
}

/// Where a walk begins and ends: with the keys, past them, between them, nowhere.
fn bounds() -> impl Strategy<Value = (Bound<i64>, Bound<i64>)> {
    let bound = |keys: RangeInclusive<i64>| {
        prop_oneof![
            Just(Bound::Unbounded),
            keys.clone().prop_map(Bound::Included),
            keys.prop_map(Bound::Excluded),
        ]
    };
    (bound(-20..=5), bound(-5..=20))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pager_that_goes_on_until_a_page_is_empty(schedule in keys().schedules(), size in 1..4_usize) {
        run(&schedule, size, visits(), Mistake::None)?;
        run(&schedule, size, visits().live(), Mistake::None)?;
        run(&schedule, size, visits().live().reads_ahead(size), Mistake::None)?;
    }

    #[test]
    fn a_loop_over_a_walk_that_keeps_its_token_or_begins_anew(
        schedule in keys().schedules(),
        size in 1..4_usize,
        order in orders(),
        bounds in bounds(),
        live in any::<bool>(),
        keeps in any::<bool>(),
    ) {
        let table = Shared::default();
        let token = Mutex::new(None::<Token>);
        let range = Visits::over(KeyRange::new(bounds, order)).reads_ahead(size);
        let visits = if live { range.live() } else { range.bounded() };
        schedule.run(visits, table.write(), |meanwhile| -> Result<(), BoxError> {
            let walk = Walk::new(meanwhile.interleave(table.source())).chunk_size(size);
            let kept = token.lock().unwrap().clone();
            let walk = match kept {
                Some(token) => walk.resume_token(&token)?,
                None if live => walk.range(bounds).order(order).live(),
                None => walk.range(bounds).order(order),
            };
            let mut items = walk.items();
            while let Some(item) = items.next() {
                let (key, value) = item?;
                meanwhile.visit(&key, value);
                if keeps {
                    *token.lock().unwrap() = Some(items.token()?);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_prefetched_walk(
        schedule in keys().schedules(),
        size in 1..4_usize,
        depth in 0..3_usize,
        bounds in bounds(),
    ) {
        let table = Shared::default();
        // A chunk that is handed out, those that wait, and the one that is being fetched.
        let ahead = size * (depth + 2);
        let range = KeyRange::new(bounds, Order::Ascending);
        let visits = Visits::over(range).bounded().reads_ahead(ahead);
        schedule.run(visits, table.write(), |meanwhile| -> Result<(), BoxError> {
            let walk = Walk::new(meanwhile.interleave(table.source()));
            for item in walk.range(bounds).chunk_size(size).prefetch(depth).items() {
                let (key, value) = item?;
                meanwhile.visit(&key, value);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_purge_that_deletes_what_it_visits(
        schedule in keys().schedules(),
        size in 1..4_usize,
        bounds in bounds(),
    ) {
        let table = Shared::default();
        let mut delete = table.write();
        let range = KeyRange::new(bounds, Order::Ascending);
        let visits = Visits::over(range).bounded().reads_ahead(size);
        schedule.run(visits, table.write(), |meanwhile| -> Result<(), BoxError> {
            let walk = Walk::new(meanwhile.interleave(table.source()));
            for item in walk.range(bounds).chunk_size(size) {
                let (key, _) = item?;
                delete(&key, Change::Delete)?;
                meanwhile.deleted(&key);
                meanwhile.visit_key(&key);
            }
            Ok(())
        })?;
    }
}

#[test]
fn a_store_that_nothing_happens_to() {
    run(&Schedule::new([]), 1, visits().live(), Mistake::None).expect("nothing is there");
    run(
        &Schedule::new([1, 2, 120]),
        2,
        visits().live(),
        Mistake::None,
    )
    .expect("all of the range");
}

#[test]
fn a_walk_that_begins_anew_after_an_excluded_start_has_a_new_end() {
    let table = Shared::default();
    // Two questions for the last key, a page, and 1; then 3 comes.
    let schedule = Schedule::new([1, 2, 3]).initially([1, 2]);
    let schedule = schedule.turn([]).turn([]).turn([]).turn([Edit::Append]);
    let bounds = (Bound::Excluded(0), Bound::Unbounded);
    let visits = Visits::over(KeyRange::new(bounds, Order::Ascending)).bounded();
    let run = schedule
        .kill(4)
        .run(visits, table.write(), |meanwhile| -> Result<(), BoxError> {
            let walk = Walk::new(meanwhile.interleave(table.source())).range(bounds);
            for item in walk.chunk_size(2) {
                let (key, value) = item?;
                meanwhile.visit(&key, value);
            }
            Ok(())
        });
    run.expect("3 is there when the second run begins");
}
