//! Sources whose fault is rare: it needs another thread or process.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{LazyLock, Mutex};
use std::thread::yield_now;
use std::time::SystemTime;

use keywalk_conformance::{
    Capabilities, Capability,
    Clause::{self, *},
    Config, Verdict,
};

use crate::broken::last_of;
use crate::rows::Rows;
use crate::store::{Handle, Kind, Open, Quirk, answer_from, fetches, lock, stamped};
use crate::{Numbers, outcome_of};

pub(crate) fn now() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed();
    now.map_or(0, |now| now.as_secs())
}

/// Runs a check that runs a test once more in a process of its own. Its source is right, or fails by this clause.
fn alone(test: &'static str, check: &str, clause: Result<(), Clause>, open: &'static Open<i64>) {
    let kind = Kind {
        open,
        ..Kind::SOUND
    };
    let config = Config::default().thorough().__in_test(test);
    let outcome = outcome_of::<Numbers>(&config, &kind, check).expect("it is a check");
    let judged = match outcome.verdict() {
        Verdict::Passed => Ok(()),
        Verdict::Failed(failure) => Err(failure.clause()),
        Verdict::Skipped(reason) => panic!("{reason}"),
    };
    assert_eq!(judged, clause, "{outcome:?}");
}

macro_rules! alone {
    ($check:literal: $($name:ident: $judged:expr, $open:expr;)+) => {$(
        #[test]
        fn $name() {
            let test = concat!(module_path!(), "::", stringify!($name));
            alone(test, $check, $judged, &$open);
        }
    )+};
}

#[cfg(target_os = "linux")]
alone! {
    "memory_stays_constant":
    a_source_that_keeps_what_it_read: Err(G13), |_| {
        let mut kept = Vec::new();
        fetches(move |store, range, chunk| {
            let answer = store.answer(range, chunk);
            kept.extend_from_slice(chunk.as_slice());
            answer
        })
    };
    a_source_that_leaks_in_each_fetch: Err(G13), |_| fetches(|store, range, chunk| {
        Box::leak(Box::new([1_u8; 200]));
        store.answer(range, chunk)
    });
    a_source_that_keeps_nothing: Ok(()), |_| Quirk::default();
    a_source_with_a_cache: Ok(()), |_| {
        let mut cache = BTreeMap::new();
        fetches(move |store, range, chunk| {
            let answer = store.answer(range, chunk);
            cache.extend(chunk.as_slice().iter().map(|(key, value)| (*key, (*value, [1_u64; 100]))));
            answer
        })
    };
}

static STARTED: LazyLock<u64> = LazyLock::new(now);
static RANDOM: LazyLock<RandomState> = LazyLock::new(RandomState::new);

alone! {
    "the_fingerprint_stays_the_same":
    the_id_of_the_process: Err(G10), |_| stamped(|_| std::process::id().into());
    the_address_of_a_static: Err(G10), |_| stamped(|_| std::ptr::from_ref(&STARTED).addr() as u64);
    the_second_of_the_start: Err(G10), |_| stamped(|_| *STARTED);
    the_random_state_of_the_process: Err(G10), |_| stamped(|_| RANDOM.hash_one("key"));
    the_same_in_each_process: Ok(()), |_| stamped(|_| 5);
    // As a harness does whose stores are tables of their own in one database.
    a_name_of_each_store_and_process: Ok(()), |_| stamped(|store| {
        Handle::as_ptr(store).addr() as u64 ^ u64::from(std::process::id())
    });
}

/// Sources with a rare fault.
pub(crate) fn sources(all: &mut Rows<i64>) {
    all.fail("keys_that_stay_are_found_during_writes", G5);
    // Reads half of a value, lets others run until one has written it, and reads the other half.
    all.items("values_in_halves", |store, _, items| {
        for (key, value) in items {
            let read = || store.read_lock().get(key).copied().unwrap_or(*value);
            let first = read();
            let is_unchanged = || {
                yield_now();
                read() == first
            };
            (0..20).take_while(|_| is_unchanged()).for_each(drop);
            *value = first >> 32 << 32 | read() & 0xffff_ffff;
        }
    });
    // Reads the keys first, and then the values by their places.
    all.fetch("values_of_moved_rows", |store, range, chunk| {
        let answer = store.answer(range, chunk)?;
        yield_now();
        let entries = store.take(range, chunk.len())?;
        let items = chunk.as_mut_slice().iter_mut().zip(entries);
        items.for_each(|(item, (_, value))| item.1 = value);
        Ok(answer)
    });
    all.fail("readers_in_threads_do_not_disturb_each_other", G5);
    // All sources read their values into one place.
    all.fetch("one_place_for_all", |store, range, chunk| {
        static PLACE: AtomicU64 = AtomicU64::new(0);
        let answer = store.answer(range, chunk)?;
        for (_, value) in chunk.as_mut_slice() {
            PLACE.store(*value, SeqCst);
            yield_now();
            *value = PLACE.load(SeqCst);
        }
        Ok(answer)
    });
    all.fail("readers_in_threads_do_not_disturb_each_other", G3);
    // Keeps a cut walk's rows for the next one in its thread.
    all.fetch("rows_of_the_thread", |store, range, chunk| {
        thread_local!(static ROWS: RefCell<BTreeMap<i64, u64>> = RefCell::default());
        ROWS.with_borrow_mut(|rows| {
            rows.retain(|key, _| range.may_contain(key));
            if rows.is_empty() {
                *rows = store.take(range, usize::MAX)?.into_iter().collect();
            }
            Ok(answer_from(rows, range, chunk))
        })
    });
    all.declare(|all| Capabilities {
        threads: Capability::No("it would fail by another clause too"),
        ..all
    });

    all.fail("walks_do_not_disturb_each_other", G3);
    // Every third source has the place of the first one.
    all.open("a_pool_of_two_places", |_| {
        static PLACES: [Mutex<Option<i64>>; 2] = [const { Mutex::new(None) }; 2];
        static SOURCES: AtomicU64 = AtomicU64::new(0);
        let place = &PLACES[SOURCES.fetch_add(1, SeqCst) as usize % 2];
        fetches(move |store, range, chunk| {
            let mut rest = *range;
            let place = &mut *lock(place);
            if let (Bound::Excluded(_), Some(key)) = (range.start(), *place) {
                rest.start_after(key);
            }
            let answer = store.answer(&rest, chunk);
            *place = last_of(chunk);
            answer
        })
    });
}
