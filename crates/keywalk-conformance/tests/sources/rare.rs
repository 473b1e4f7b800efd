//! Sources whose fault is rare: it needs a long fetch, another thread or process, time, or a long input.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{LazyLock, Mutex};
use std::thread::yield_now;
use std::time::SystemTime;

use keywalk::{Fetched, KeyRange};
use keywalk_conformance::{
    Capabilities, Capability, Clause::*, Config, Verdict, run_check, run_durable_check,
};
use keywalk_key::Key;

use crate::Numbers as OtherNumbers;
use crate::rows::Rows;
use crate::store::{
    Answer, By, Entries, Kind, Quirk, Quirky, Store, answer_from, fetches, more_if,
};

type Numbers = Entries<i64>;
type Range = KeyRange<i64>;

/// Sources that don't report errors of long or late fetches.
pub(crate) fn faults(all: &mut Rows<i64>) {
    all.fail("a_transient_fault_is_returned_and_loses_nothing", G11);
    all.fetch(
        "an_error_after_row_50_for_the_end",
        |store, range, chunk| match store.answer(range, chunk) {
            Err(_) if chunk.len() > 50 => Ok(Fetched::End),
            answer => answer,
        },
    );
    all.fetch(
        "what_was_read_if_that_is_much",
        |store, range, chunk| match store.answer(range, chunk) {
            Err(_) if chunk.len() > 16 => Ok(Fetched::More),
            answer => answer,
        },
    );
    // Repeats the fetch after an error, from one row too far.
    all.fetch("goes_on_a_row_too_far", |store, range, chunk| {
        let answer = store.answer(range, chunk);
        let Some((last, _)) = chunk.as_slice().get(20..).and_then(<[_]>::last) else {
            return answer;
        };
        let mut rest = *range;
        rest.start_after(last.saturating_add(1));
        answer.or_else(|_| store.answer(&rest, chunk))
    });
    // Reads one row more to know whether there is one.
    all.fetch(
        "an_error_of_the_probe_for_the_end",
        |store, range, chunk| {
            let mut more = false;
            let read = store.read(range, |entry| {
                more = chunk.is_full();
                if !more {
                    chunk.push(entry);
                }
                !more
            });
            match read {
                Err(_) if chunk.len() > 16 && chunk.is_full() => Ok(Fetched::End),
                read => read.map(|()| more_if(more)),
            }
        },
    );

    all.fail("a_lasting_fault_is_returned_and_loses_nothing", G11);
    all.open("an_error_of_a_late_fetch_for_the_end", |_| {
        let mut fetched = 0;
        fetches(move |store, range, chunk: &mut Numbers| {
            fetched += 1;
            let answer = store.answer(range, chunk);
            answer.or_else(|error| {
                if fetched > 7 {
                    Ok(Fetched::End)
                } else {
                    Err(error)
                }
            })
        })
    });
    all.fail("a_prefetched_fault_comes_in_its_place", G11);
    all.fetch("an_error_after_some_rows_for_the_end", late_end);

    all.fail("a_failed_fetch_can_be_retried", G11);
    // Keeps how far a failed fetch came, and goes on there.
    all.open("a_position_that_moved_in_a_failed_fetch", |_| {
        let mut kept = None;
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut rest = *range;
            if let Some((of, key)) = kept.take()
                && of == *range
            {
                rest.start_after(key);
            }
            let answer = store.answer(&rest, chunk);
            let far = chunk.as_slice().get(40..).and_then(<[_]>::last);
            kept = far
                .filter(|_| answer.is_err())
                .map(|(key, _)| (*range, *key));
            answer
        })
    });
}

fn late_end(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    let answer = store.answer(range, chunk);
    if chunk.len() > 30 {
        answer.or(Ok(Fetched::End))
    } else {
        answer
    }
}

/// Reads half of a number, lets others run, and reads the other half.
fn in_halves(read: impl Fn() -> u64) -> u64 {
    let high = read() >> 32;
    yield_now();
    high << 32 | read() & 0xffff_ffff
}

fn of_the_thread(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    thread_local! {
        static ROWS: RefCell<BTreeMap<i64, u64>> = RefCell::default();
    }
    ROWS.with_borrow_mut(|rows| {
        rows.retain(|key, _| range.may_contain(key));
        if rows.is_empty() {
            *rows = store.take(range, usize::MAX)?.into_iter().collect();
        }
        Ok(answer_from(rows, range, chunk))
    })
}

/// Sources that are right as long as nobody writes, or nobody else reads.
pub(crate) fn threads(all: &mut Rows<i64>) {
    all.fail("keys_that_stay_are_found_during_writes", G5);
    all.fetch("values_in_halves", |store, range, chunk| {
        let fetched = store.answer(range, chunk)?;
        for (key, value) in chunk.as_mut_slice() {
            let read = || store.read_lock().get(key).copied().unwrap_or(*value);
            *value = in_halves(read);
        }
        Ok(fetched)
    });
    // Reads the keys first, and then the values by their places.
    all.fetch("values_of_the_rows_that_moved_up", |store, range, chunk| {
        let fetched = store.answer(range, chunk)?;
        yield_now();
        let mut values = store.take(range, chunk.len())?.into_iter();
        for item in chunk.as_mut_slice() {
            item.1 = values.next().map_or(item.1, |(_, value)| value);
        }
        Ok(fetched)
    });
    all.fail("readers_in_threads_do_not_disturb_each_other", G3);
    // All sources fill one buffer.
    all.fetch("one_buffer_for_all", |store, range, chunk| {
        static BUFFER: Mutex<Vec<(i64, u64)>> = Mutex::new(Vec::new());
        let rows = store.take(range, chunk.limit())?;
        *BUFFER.lock().expect("nobody panics") = rows;
        yield_now();
        let rows = BUFFER.lock().expect("nobody panics").clone();
        rows.into_iter()
            .filter(|(key, _)| range.may_contain(key))
            .for_each(|row| chunk.push(row));
        Ok(more_if(chunk.is_full()))
    });
    // Keeps a cut walk's rows for the next one in its thread.
    let kept = Kind {
        open: &|_| fetches(of_the_thread),
        capabilities: |all| Capabilities {
            threads: Capability::No("it would fail by another clause too"),
            ..all
        },
        ..Kind::SOUND
    };
    all.kind("rows_of_the_thread", kept);

    all.fail("walks_do_not_disturb_each_other", G3);
    // Every third source has the place of the first one.
    all.open("a_pool_of_two_places", |_| {
        static PLACES: [Mutex<Option<i64>>; 2] = [const { Mutex::new(None) }; 2];
        static SOURCES: AtomicU64 = AtomicU64::new(0);
        let place = &PLACES[SOURCES.fetch_add(1, SeqCst) as usize % 2];
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut rest = *range;
            let place = &mut *place.lock().expect("nobody panics");
            if let (std::ops::Bound::Excluded(_), Some(key)) = (range.start(), *place) {
                rest.start_after(key);
            }
            let fetched = store.answer(&rest, chunk);
            *place = chunk.as_slice().last().map(|(key, _)| *key);
            fetched
        })
    });
}

/// Sources that get long bytes wrong.
pub(crate) fn long_bytes(all: &mut Rows<i64>) {
    all.fail("arbitrary_bytes_decode_or_are_refused", G10);
    all.decode("a_buffer_of_4_096_bytes", |_, bytes| {
        let mut buffer = [0; 4_096];
        buffer[..bytes.len()].copy_from_slice(bytes);
        Ok(i64::decode(&buffer[..bytes.len()]).ok())
    });
    all.decode("bytes_after_4_096_are_left_unread", |_, bytes| {
        let read = if bytes.len() > 4_096 {
            &bytes[..8]
        } else {
            bytes
        };
        Ok(i64::decode(read).ok())
    });
    all.decode("a_count_of_bytes_in_16_bits", |_, bytes| {
        let count = u16::try_from(bytes.len()).expect("a key is short");
        Ok(i64::decode(&bytes[..count.into()]).ok())
    });
    // Allocates as many bytes as the input requests, in a long form that begins with 0xff.
    all.decode("a_length_that_is_believed", |_, bytes| {
        match bytes.split_first_chunk::<8>() {
            Some((length @ [0xff, ..], rest @ [_, ..])) => {
                let mut read = Vec::with_capacity(usize::from_be_bytes(*length));
                read.extend_from_slice(rest);
                Ok(i64::decode(&read).ok())
            }
            _ => Ok(i64::decode(bytes).ok()),
        }
    });
}

/// Sources whose fingerprint changes as the store grows, or with time.
pub(crate) fn fingerprints(all: &mut Rows<i64>) {
    all.fail("the_fingerprint_stays_the_same", G10);
    all.fingerprint("a_thousand_rows_in_the_fingerprint", |store, walked| {
        let thousands = store.read_lock().len() / 1_000;
        walked.fingerprint().filter(format!("{thousands}"))
    });
    all.fingerprint(
        "the_digits_of_the_rows_in_the_fingerprint",
        |store, walked| {
            let digits = store.read_lock().len().max(1).ilog10();
            walked.fingerprint().with_value(&digits.to_be_bytes())
        },
    );
    all.fingerprint("the_second_in_the_fingerprint", |_, walked| {
        walked.fingerprint().filter(format!("{}", now()))
    });
}

fn now() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed();
    now.map_or(0, |now| now.as_secs())
}

/// Makes tests of fingerprints, which the check runs once more in a process of its own. `true` if the source is right.
macro_rules! in_a_process {
    ($($name:ident: $is_right:literal, $value:expr;)+) => {$(
        #[test]
        fn $name() {
            let kind = Kind {
                open: &|_| Quirk {
                    fingerprint: Box::new(|store, walked| {
                        let value: fn(&Store<i64>) -> u64 = $value;
                        walked.fingerprint().with_value(&value(store).to_be_bytes())
                    }),
                    ..Quirk::default()
                },
                ..Kind::SOUND
            };
            let config = Config::default().__in_test(concat!(module_path!(), "::", stringify!($name)));
            let run = || run_durable_check::<Quirky<OtherNumbers>>("the_fingerprint_stays_the_same", &config);
            let outcome = OtherNumbers::trying(&kind, run).expect("it is a check");
            match outcome.verdict() {
                Verdict::Failed(failure) if !$is_right => assert_eq!(failure.clause(), G10),
                verdict => assert!($is_right && outcome.is_ok(), "{verdict:?}"),
            }
        }
    )+};
}

/// Makes tests of memory, as above.
macro_rules! memory {
    ($($name:ident: $is_right:literal, $fetch:expr;)+) => {$(
        #[test]
        fn $name() {
            let kind = Kind { open: &|_| $fetch, ..Kind::SOUND };
            let config = Config::default().thorough();
            let config = config.__in_test(concat!(module_path!(), "::", stringify!($name)));
            let run = || run_check::<Quirky<OtherNumbers>>("memory_stays_constant", &config);
            let outcome = OtherNumbers::trying(&kind, run).expect("it is a check");
            match outcome.verdict() {
                Verdict::Failed(failure) if !$is_right => assert_eq!(failure.clause(), G13),
                verdict => assert!($is_right && matches!(verdict, Verdict::Passed), "{verdict:?}"),
            }
        }
    )+};
}

#[cfg(target_os = "linux")]
memory! {
    a_source_that_keeps_what_it_read: false, {
        let mut kept = Vec::new();
        fetches(move |store, range, chunk: &mut Entries<i64>| {
            let answer = store.answer(range, chunk);
            kept.extend_from_slice(chunk.as_slice());
            answer
        })
    };
    a_source_that_leaks_in_each_fetch: false, fetches(|store, range, chunk| {
        Box::leak(Box::new([1_u8; 200]));
        store.answer(range, chunk)
    });
    a_source_that_keeps_nothing: true, Quirk::default();
    a_source_with_a_cache: true, {
        let mut cache = BTreeMap::new();
        fetches(move |store, range, chunk: &mut Entries<i64>| {
            let answer = store.answer(range, chunk);
            cache.extend(chunk.as_slice().iter().map(|(key, value)| (*key, (*value, [1_u64; 100]))));
            answer
        })
    };
}

static STARTED: LazyLock<u64> = LazyLock::new(now);
static RANDOM: LazyLock<RandomState> = LazyLock::new(RandomState::new);

in_a_process! {
    the_id_of_the_process: false, |_| std::process::id().into();
    the_address_of_a_static: false, |_| std::ptr::from_ref(&STARTED).addr() as u64;
    the_second_of_the_start: false, |_| *STARTED;
    the_random_state_of_the_process: false, |_| RANDOM.hash_one("key");
    the_same_in_each_process: true, |_| 5;
    // As a harness does whose stores are tables of their own in one database.
    a_name_of_each_store_and_process: true, |store| {
        std::ptr::from_ref(store).addr() as u64 ^ u64::from(std::process::id())
    };
}
