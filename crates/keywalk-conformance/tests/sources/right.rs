//! Right sources that a naive kit would take for wrong.

use std::future::{Future, poll_fn};
use std::ops::Bound;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread::yield_now;

use keywalk::{Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Capabilities, Capability, ScanForLastKey};

use crate::other_keys::leniently;
use crate::rows::Rows;
use crate::store::{Kind, OverStore, Quirk, QuirkySource, Store, fetches, fill, more_if, snapshot};

/// Refuses descending fetches.
fn forward_only() -> Quirk<i64> {
    fetches(|store, range, chunk| match range.order() {
        Order::Ascending => store.answer(range, chunk),
        Order::Descending => Err(keywalk_conformance::InjectedFault::default()),
    })
}

/// Sources whose tokens are unusual.
pub(crate) fn tokens(all: &mut Rows<i64>) {
    // The order of the bytes isn't the order of the keys.
    all.bytes(
        "keys_written_backwards",
        |key, bytes| bytes.extend_from_slice(&key.to_le_bytes()),
        |bytes| bytes.try_into().ok().map(i64::from_le_bytes),
    );
    all.decode("bytes_read_leniently", |_, bytes| Ok(leniently(bytes)));
    // It has no fractions.
    all.share("a_way_of_unknown_length", |_, _, _| None);
    // It knows its last key only sometimes.
    all.open("a_source_that_knows_its_last_key_at_times", |_| {
        let mut knows = false;
        let last_key = move |store: &Store<i64>, range: &KeyRange<i64>| {
            knows = !knows;
            match knows {
                true => store.last_key(range),
                false => Ok(LastKey::Unknown),
            }
        };
        Quirk {
            last_key: Box::new(last_key),
            ..Quirk::default()
        }
    });
}

pub(crate) fn chunks(all: &mut Rows<i64>) {
    // After the last item it reports that there may be more, then returns the end without an item.
    all.says("an_empty_final_chunk", |chunk, _| {
        more_if(!chunk.is_empty())
    });
    // It returns one, two or three items, whatever the limit.
    all.open("pages_smaller_than_the_limit", |_| {
        let mut size = 0;
        fetches(move |store, range, chunk| {
            size = size % 3 + 1;
            fill(store.take(range, chunk.limit().min(size))?, chunk);
            Ok(more_if(!chunk.is_empty()))
        })
    });
    // Its pages vary over a time longer than a chunk.
    all.open("pages_of_all_sizes", |_| {
        let mut sizes = [1, 700, 3, 150, 64, 65, 2, 99].into_iter().cycle();
        fetches(move |store, range, chunk| {
            let size = sizes.next().unwrap_or(1);
            fill(store.take(range, chunk.limit().min(size))?, chunk);
            Ok(more_if(!chunk.is_empty()))
        })
    });
    // A server's page has 1,000 items at most, and says whether there are more.
    all.fetch("a_page_cap_that_says_more", |store, range, chunk| {
        let mut entries = store.take(range, chunk.limit().min(1_000).saturating_add(1))?;
        let more = entries.len() > chunk.limit().min(1_000);
        entries.truncate(entries.len() - usize::from(more));
        let fetched = fill(entries, chunk);
        Ok(if more { Fetched::More } else { fetched })
    });
    // Thousands of tombstones lie before every 500th item.
    all.fetch("long_stretches_of_tombstones", |store, range, chunk| {
        let entries = store.take(range, chunk.limit())?;
        let is_after = |(_, value): &(i64, u64)| value.is_multiple_of(500);
        let before = entries.iter().position(is_after).filter(|at| *at > 0);
        let Some(before) = before else {
            return Ok(fill(entries, chunk)).map(|_| more_if(chunk.is_full()));
        };
        let scanned = entries[before - 1].0;
        fill(entries.into_iter().take(before), chunk);
        Ok(Fetched::ScannedTo(scanned))
    });
    // Every other scanned span has no item, and ends just before the next key.
    all.fetch("stretches_with_empty_chunks", |store, range, chunk| {
        let page = store.take(range, chunk.limit().min(2))?;
        let Some((first, _)) = page.first() else {
            return Ok(Fetched::End);
        };
        let before = match range.order() {
            Order::Ascending => first.checked_sub(1),
            Order::Descending => first.checked_add(1),
        };
        if let Some(before) = before.filter(|key| range.may_contain(key)) {
            return Ok(Fetched::ScannedTo(before));
        }
        let before = *first;
        fill(page, chunk);
        let last = chunk.as_slice().last().map_or(before, |(key, _)| *key);
        Ok(Fetched::ScannedTo(last))
    });
    // The first fetch of a range finds only tombstones.
    all.fetch("tombstones_before_the_first_item", |store, range, chunk| {
        let far_end = match range.order() {
            Order::Ascending => i64::MIN,
            Order::Descending => i64::MAX,
        };
        let is_first = range.start() == Bound::Unbounded;
        let first = store.take(range, is_first.into())?.pop();
        if !is_first || first.is_some_and(|(key, _)| key == far_end) {
            return store.answer(range, chunk);
        }
        Ok(match range.may_contain(&far_end) {
            true => Fetched::ScannedTo(far_end),
            false => Fetched::End,
        })
    });
    // It retries a failed fetch once before it returns the error.
    all.fetch("a_source_that_tries_again", |store, range, chunk| {
        store.answer(range, chunk).or_else(|_| {
            chunk.clear();
            store.answer(range, chunk)
        })
    });
}

/// Right sources that are slow to answer, in one way or another.
pub(crate) fn waiting(all: &mut Rows<i64>) {
    // Writers wait until the fetch is done, which takes long.
    all.fetch("a_lock_of_the_whole_fetch", |store, range, chunk| {
        store.read(range, |entry| {
            yield_now();
            chunk.push(entry);
            !chunk.is_full()
        })?;
        Ok(more_if(chunk.is_full()))
    });
    // A bridge to an asynchronous client, which isn't ready at first.
    all.fetch("an_asynchronous_source", |store, range, chunk| {
        let mut pending = 3;
        let mut fetch = pin!(poll_fn(|context| match pending {
            0 => Poll::Ready(store.answer(range, chunk)),
            _ => {
                pending -= 1;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            match fetch.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => yield_now(),
            }
        }
    });
}

/// Sources that their harness declares to be special.
pub(crate) fn declared(all: &mut Rows<i64>) {
    // It knows its last key without a fetch.
    all.last_key("a_source_that_knows_its_last_key", Store::last_key);
    let forward_only = Kind {
        open: &|_| Quirk {
            last_key: Box::new(Store::last_key),
            ..forward_only()
        },
        capabilities: |all| Capabilities {
            descending: Capability::No("the store's iterator goes forward only"),
            ..all
        },
        ..Kind::SOUND
    };
    all.kind("a_source_that_goes_forward_only", forward_only);
    let snapshot = Kind {
        open: &snapshot,
        capabilities: |all| Capabilities {
            snapshot: Capability::Yes,
            counting: Capability::No("the snapshot is taken as a whole"),
            ..all
        },
        ..Kind::SOUND
    };
    all.kind("a_declared_snapshot", snapshot);
    let signed = Kind {
        put: |_, value| assert!(i64::try_from(value).is_ok(), "a signed column"),
        ..Kind::SOUND
    };
    all.kind("a_store_of_signed_values", signed);
}

/// A source that lists in ascending order only, and doesn't know its last key.
pub(crate) type Upward = ScanForLastKey<QuirkySource<i64>>;

impl OverStore<i64> for Upward {
    fn over(store: Arc<Store<i64>>) -> Self {
        let quirk = forward_only();
        ScanForLastKey(QuirkySource { store, quirk })
    }
}
