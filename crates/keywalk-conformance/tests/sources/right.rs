//! Right sources that a naive kit would take for wrong.

use std::future::{Future, poll_fn};
use std::ops::Bound;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::thread::yield_now;

use keywalk::{Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Capabilities, Capability, InjectedFault};

use crate::broken::{last_of, scanning};
use crate::other_keys::leniently;
use crate::rows::Rows;
use crate::store::{Answer, Entries, Handle, Kind, Quirk, answer_from, fetches, more_if, snapshot};

/// Refuses descending fetches.
pub(crate) fn upward(
    store: &Handle<i64>,
    range: &KeyRange<i64>,
    chunk: &mut Entries<i64>,
) -> Answer<i64> {
    match range.order() {
        Order::Ascending => store.answer(range, chunk),
        Order::Descending => Err(InjectedFault::default()),
    }
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
    all.share("a_way_of_unknown_length", |_, _, _| None);
    all.open("a_source_that_knows_its_last_key_at_times", |_| {
        let mut times = [true, false].into_iter().cycle();
        Quirk {
            last_key: Box::new(move |store, range| match times.next() {
                Some(true) => store.last_key(range),
                _ => Ok(LastKey::Unknown),
            }),
            ..Quirk::default()
        }
    });
}

/// Sources with unusual answers.
pub(crate) fn answers(all: &mut Rows<i64>) {
    // After the last item it reports that there may be more, then returns the end without an item.
    all.says("an_empty_final_chunk", |chunk, answer| {
        answer.map(|_| more_if(!chunk.is_empty()))
    });
    // Whatever the limit, its pages vary over a time shorter or longer than a chunk.
    for (name, sizes) in [
        ("pages_smaller_than_the_limit", &[1, 2, 3][..]),
        ("pages_of_all_sizes", &[1, 700, 3, 150, 64, 65, 2, 99]),
    ] {
        all.keeps(name, move |at: &mut usize, store, range, chunk| {
            let size = sizes[*at % sizes.len()].min(chunk.limit());
            *at += 1;
            chunk.fill_from(store.take(range, size)?);
            Ok(more_if(!chunk.is_empty()))
        });
    }
    // A server's page has 1,000 items at most, and says whether there are more.
    all.fetch("a_page_cap_that_says_more", |store, range, chunk| {
        let most = chunk.limit().min(1_000);
        let entries = store.take(range, most.saturating_add(1))?;
        chunk.fill_from(entries.iter().take(most).copied());
        Ok(more_if(chunk.len() < entries.len()))
    });
    // Thousands of tombstones lie before every 500th item.
    all.fetch("long_stretches_of_tombstones", |store, range, chunk| {
        let entries = store.take(range, chunk.limit())?;
        let is_after = |(_, value): &(i64, u64)| value.is_multiple_of(500);
        let before = entries.iter().position(is_after).filter(|at| *at > 0);
        let Some(before) = before else {
            return Ok(more_if(chunk.fill_from(entries)));
        };
        let scanned = entries[before - 1].0;
        chunk.fill_from(entries.into_iter().take(before));
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
        chunk.fill_from(page);
        Ok(last_of(chunk).map_or(Fetched::End, Fetched::ScannedTo))
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
    all.fetch("a_source_that_tries_again", |store, range, chunk| {
        store.answer(range, chunk).or_else(|_| {
            chunk.clear();
            store.answer(range, chunk)
        })
    });

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
        let mut pending = 0..3;
        let mut fetch = pin!(poll_fn(|_| match pending.next() {
            Some(_) => Poll::Pending,
            None => Poll::Ready(store.answer(range, chunk)),
        }));
        let mut context = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(answer) = fetch.as_mut().poll(&mut context) {
                return answer;
            }
            yield_now();
        }
    });

    all.last_key("a_source_that_knows_its_last_key", |store, range| {
        store.last_key(range)
    });
    // It goes forward only, and knows its last key or reads on for it.
    all.open("a_source_that_goes_forward_only", |_| Quirk {
        last_key: Box::new(|store, range| store.last_key(range)),
        ..fetches(upward)
    });
    const FORWARD: Capability = Capability::No("the store's iterator goes forward only");
    all.declare(|all| Capabilities {
        descending: FORWARD,
        ..all
    });
    all.open("a_source_that_goes_up_and_reads_on", |_| scanning(upward));
    all.declare(|all| Capabilities {
        descending: FORWARD,
        counting: Capability::No("it reads on for its last key"),
        ..all
    });
    let as_snapshot = |all| Capabilities {
        snapshot: Capability::Yes,
        counting: Capability::No("the snapshot is taken as a whole"),
        ..all
    };
    all.open("a_declared_snapshot", snapshot);
    all.declare(as_snapshot);
    all.open("a_snapshot_taken_when_it_is_opened", |store| {
        let entries = store.read_lock().clone();
        fetches(move |store, range, chunk| {
            store.fuse.operation()?;
            Ok(answer_from(&entries, range, chunk))
        })
    });
    all.declare(as_snapshot);
    let signed = Kind {
        put: |_, value| assert!(i64::try_from(value).is_ok(), "a signed column"),
        ..Kind::SOUND
    };
    all.kind("a_store_of_signed_values", signed);
}
