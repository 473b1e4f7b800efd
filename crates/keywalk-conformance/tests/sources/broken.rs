//! Sources with one fault each, listed by the check that must fail.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::thread;

use keywalk::{ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Clause::*, ScanForLastKey};

use crate::rows::Rows;
use crate::store::{
    Answer, Entries, Quirk, QuirkySource, Store, answer_from, fetches, fill, more_if, snapshot,
};

type Numbers = Entries<i64>;
type Range = KeyRange<i64>;

/// Returns the same range with another start.
fn from(range: &Range, near: Bound<i64>) -> Range {
    match range.order() {
        Order::Ascending => KeyRange::new((near, range.upper().cloned()), Order::Ascending),
        Order::Descending => KeyRange::new((range.lower().cloned(), near), Order::Descending),
    }
}

/// Pushes entries, without checking whether the chunk is full.
fn push(entries: impl IntoIterator<Item = (i64, u64)>, chunk: &mut Numbers) {
    entries.into_iter().for_each(|entry| chunk.push(entry));
}

fn last_of(chunk: &Numbers) -> Option<i64> {
    chunk.as_slice().last().map(|(key, _)| *key)
}

/// Returns whether a range may be the rest of a walk over another one.
fn is_of(range: &Range, whole: &Range) -> bool {
    range.end() == whole.end() && range.order() == whole.order()
}

/// Skips the first key after a cursor.
fn skips(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    let mut range = *range;
    if matches!(range.start(), Bound::Excluded(_))
        && let Some((first, _)) = store.take(&range, 1)?.first()
    {
        range.start_after(*first);
    }
    store.answer(&range, chunk)
}

/// Sources that begin at the wrong place.
pub(crate) fn starts(all: &mut Rows<i64>) {
    all.fail("the_start_is_exclusive", G6);
    // Uses `>=` instead of `>`.
    all.asks("cursor_inclusive", |range| match range.start() {
        Bound::Excluded(near) => from(range, Bound::Included(*near)),
        _ => *range,
    });
    // Takes a cursor at 0 for none.
    all.asks("takes_zero_for_the_start", |range| match range.start() {
        Bound::Excluded(0) => from(range, Bound::Unbounded),
        _ => *range,
    });
    // Returns the first page every time.
    all.asks("ignores_its_position", |range| {
        from(range, Bound::Unbounded)
    });

    all.fail("the_start_is_exclusive", G3);
    all.fetch("skips_the_key_after_the_cursor", skips);

    all.fail("deleting_the_cursors_row_loses_nothing", G3);
    // Uses LIMIT and OFFSET, as long as each fetch continues the last one.
    all.open("pages_by_offset", |_| {
        let (mut offset, mut last, mut of) = (0_usize, None, None::<Range>);
        fetches(move |store, range, chunk: &mut Numbers| {
            let goes_on = last.is_some_and(|last| range.start() == Bound::Excluded(&last));
            let whole = of.filter(|whole| goes_on && is_of(range, whole));
            let whole = whole.unwrap_or_else(|| {
                (offset, of) = (0, Some(*range));
                *range
            });
            let rows = store.take(&whole, offset.saturating_add(chunk.limit()))?;
            push(rows.into_iter().skip(offset), chunk);
            offset += chunk.len();
            last = last_of(chunk).or(last);
            Ok(more_if(chunk.is_full()))
        })
    });
}

fn excluded(bound: Bound<&i64>) -> Bound<&i64> {
    match bound {
        Bound::Included(key) => Bound::Excluded(key),
        other => other,
    }
}

/// Sources that stop at the wrong place.
pub(crate) fn bounds(all: &mut Rows<i64>) {
    all.fail("bounds_are_included_or_excluded", G6);
    // Uses `<` instead of `<=`.
    all.asks("upper_bound_exclusive", |range| {
        KeyRange::new((range.lower(), excluded(range.upper())), range.order())
    });
    // Uses `>` instead of `>=`.
    all.asks("lower_bound_exclusive", |range| {
        KeyRange::new((excluded(range.lower()), range.upper()), range.order())
    });
    // Reads to the end of the store.
    all.asks("upper_bound_ignored", |range| {
        KeyRange::new((range.lower(), Bound::Unbounded), range.order())
    });

    all.fail("inverted_and_empty_ranges_hold_nothing", G6);
    // Panics as `BTreeMap::range` does.
    all.fetch("panics_on_inverted_ranges", |store, range, chunk| {
        assert!(!range.is_empty(), "range start is greater than range end");
        store.answer(range, chunk)
    });

    all.fail("the_limit_is_respected", G6);
    // Reads one more item to know whether there is more, and yields it.
    all.fetch("one_more_than_the_limit", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let has_more = entries.len() > chunk.limit();
        push(entries, chunk);
        Ok(more_if(has_more))
    });

    all.fail("a_byte_budget_is_kept", G6);
    // Reads as many items as the limit, and never checks whether the chunk is full.
    let name = "up_to_the_limit_whatever_the_bytes";
    all.fetch(name, |store, range, chunk| {
        let entries = store.take(range, chunk.limit())?;
        let has_more = entries.len() == chunk.limit();
        push(entries, chunk);
        Ok(more_if(has_more))
    });

    all.fail("no_limit_is_too_large", G8);
    // Takes a limit of 256 for 0.
    all.fetch("limit_cut_to_a_byte", |store, range, chunk| {
        #[allow(clippy::cast_possible_truncation)]
        let limit = usize::from(chunk.limit() as u8);
        let entries = store.take(range, limit)?;
        let has_more = !entries.is_empty() && entries.len() == limit;
        push(entries, chunk);
        Ok(more_if(has_more))
    });
}

/// Sources that yield the wrong items.
pub(crate) fn items(all: &mut Rows<i64>) {
    all.fail("keys_come_in_strict_order", G1);
    // Orders big-endian bytes with an unchanged sign bit.
    all.items("sign_bit_lost", |store, range, items| {
        let place = |key: &i64| key.cast_unsigned();
        let bounds = (range.lower().map(place), range.upper().map(place));
        let within = KeyRange::new(bounds, range.order());
        *items = store.in_order_of(range, place);
        items.retain(|(key, _)| within.may_contain(&place(key)));
    });
    // Swaps the last two items of a chunk.
    all.items("last_two_swapped", |_, _, items| {
        if let [_, .., last, other] = &mut items[..] {
            std::mem::swap(last, other);
        }
    });

    all.fail("descending_mirrors_ascending", G1);
    // Ignores descending order.
    all.items("wrong_order", |_, _, items| items.sort());

    all.fail("the_smallest_and_the_largest_key_come", G3);
    // Leaves out the smallest key.
    all.items("drops_the_smallest_key", |store, _, items| {
        let smallest = store.read_lock().keys().next().copied();
        items.retain(|(key, _)| Some(*key) != smallest);
    });

    all.fail("every_boundary_key_has_its_place", G3);
    // Takes the largest key for a sentinel.
    all.items("drops_the_largest_key", |_, _, items| {
        items.retain(|(key, _)| *key != i64::MAX);
    });

    all.fail("no_key_comes_twice", G2);
    // Every other row matches two rows of a joined table.
    all.items("duplicates_from_a_join", |_, _, items| {
        let rows = |item: (i64, u64)| vec![item; 1 + usize::from(item.1.is_multiple_of(2))];
        *items = items.drain(..).flat_map(rows).collect();
    });

    all.fail("values_are_those_that_were_put", G5);
    // Gives each item its neighbour's value.
    all.items("wrong_values", |_, _, items| {
        for at in 1..items.len() {
            let value = items[at].1;
            items[at].1 = std::mem::replace(&mut items[at - 1].1, value);
        }
    });
}

/// Sources that report the end or the scanned span wrongly.
pub(crate) fn ends(all: &mut Rows<i64>) {
    all.fail("the_end_is_said_only_when_nothing_remains", G8);
    // The store has pages of three, and a short page is taken for the last one.
    all.fetch("a_short_page_taken_for_the_end", |store, range, chunk| {
        push(store.take(range, chunk.limit().min(3))?, chunk);
        Ok(more_if(chunk.is_full()))
    });
    // Reports the end after the first page.
    all.says("always_ends", |_, _| Fetched::End);

    all.fail("the_end_comes", G8);
    // Always reports more.
    all.says("never_ends", |_, _| Fetched::More);

    all.fail("an_absent_key_is_a_position_too", G8);
    // Looks up its position, which was deleted.
    let name = "stops_where_the_cursors_row_is_gone";
    all.fetch(name, |store, range, chunk| match range.start() {
        Bound::Excluded(key) if !store.read_lock().contains_key(key) => Ok(Fetched::End),
        _ => store.answer(range, chunk),
    });

    all.fail("the_first_item_is_at_the_start", G3);
    // Reports a scan up to the first item that didn't fit.
    all.fetch("scans_past_items", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let next = entries.get(chunk.limit()).map(|(key, _)| *key);
        push(entries.into_iter().take(chunk.limit()), chunk);
        Ok(next.map_or(Fetched::End, Fetched::ScannedTo))
    });

    all.fail("descending_mirrors_ascending", G8);
    // Reports a scan up to the largest key of the chunk, even if that is the first.
    all.says("scans_upwards_always", |chunk, fetched| {
        let largest = chunk.as_slice().iter().map(|(key, _)| *key).max();
        match (fetched, largest) {
            (Fetched::More, Some(largest)) => Fetched::ScannedTo(largest),
            (fetched, _) => fetched,
        }
    });

    all.fail("the_start_is_exclusive", G8);
    // Reports more after a scanned span without items.
    all.says("says_more_without_an_item", |chunk, fetched| {
        let is_empty = chunk.is_empty();
        if is_empty { Fetched::More } else { fetched }
    });
}

/// Returns the first page every time and always reports more. Its last key is found by fetching on.
fn first_page_for_ever(store: &Arc<Store<i64>>, say: fn(i64) -> Fetched<i64>) -> Quirk<i64> {
    let fetch = move |store: &Store<i64>, range: &Range, chunk: &mut Numbers| {
        store.answer(&from(range, Bound::Unbounded), chunk)?;
        Ok(last_of(chunk).map_or(Fetched::End, say))
    };
    let store = Arc::clone(store);
    let last_key = move |_: &Store<i64>, range: &Range| {
        let (store, quirk) = (Arc::clone(&store), fetches(fetch));
        ScanForLastKey(QuirkySource { store, quirk }).last_key(range)
    };
    Quirk {
        last_key: Box::new(last_key),
        ..fetches(fetch)
    }
}

/// Sources with a wrong last key.
pub(crate) fn last_keys(all: &mut Rows<i64>) {
    all.fail("the_last_key_is_the_furthest", G8);
    // Returns the first key.
    all.last_key("the_nearest_key_for_the_last", |store, range| {
        store.last_key(&range.reversed())
    });
    // Returns the largest key in any order.
    all.last_key("the_largest_key_for_the_last", |store, range| {
        match range.order() {
            Order::Ascending => store.last_key(range),
            Order::Descending => store.last_key(&range.reversed()),
        }
    });
    // Uses `<` instead of `<=`.
    let name = "the_key_before_the_bound_for_the_last";
    all.last_key(name, |store, range| match range.end() {
        Bound::Included(key) => {
            let before = from(&range.reversed(), Bound::Excluded(*key));
            store.last_key(&before.reversed())
        }
        _ => store.last_key(range),
    });

    all.fail("the_last_key_is_the_furthest", G6);
    // Uses `SELECT max(key)` without a WHERE.
    all.last_key("the_last_key_of_the_store", |store, range| {
        store.last_key(&KeyRange::all(range.order()))
    });
    all.open("more_of_the_first_page_for_ever", |store| {
        first_page_for_ever(store, |_| Fetched::More)
    });
    all.open("a_stretch_of_the_first_page_for_ever", |store| {
        first_page_for_ever(store, Fetched::ScannedTo)
    });

    all.fail("the_last_key_is_the_furthest", G4);
    // Returns the bound, even if that key doesn't exist.
    all.last_key("the_bound_for_the_last_key", |store, range| {
        match range.end() {
            Bound::Included(key) if !range.is_empty() => Ok(LastKey::Known(*key)),
            _ => store.last_key(range),
        }
    });

    all.fail("a_transient_fault_is_returned_and_loses_nothing", G11);
    // Takes an error for an empty range.
    all.last_key("an_error_taken_for_an_empty_range", |store, range| {
        Ok(store.last_key(range).unwrap_or(LastKey::Empty))
    });
}

/// Keeps an iterator of the store as long as each fetch continues the last one.
pub(crate) fn iterator(_: &Arc<Store<i64>>) -> Quirk<i64> {
    let (mut rest, mut last, mut of) = (Vec::new().into_iter(), None, None::<Range>);
    fetches(move |store, range, chunk: &mut Numbers| {
        store.fuse.operation()?;
        let is_next = last.is_some_and(|last| range.start() == Bound::Excluded(&last));
        if !is_next || of.is_none_or(|of| !is_of(range, &of)) {
            rest = store.take(range, usize::MAX)?.into_iter();
        }
        // Takes only what fits; `zip` would take one more.
        while !chunk.is_full() {
            let Some(entry) = rest.next() else { break };
            chunk.push(entry);
        }
        (last, of) = (last_of(chunk), Some(*range));
        Ok(more_if(chunk.is_full()))
    })
}

/// Sources that keep something between two fetches.
pub(crate) fn held(all: &mut Rows<i64>) {
    all.fail("what_is_deleted_ahead_does_not_come", G7);
    // Keeps a transaction that the first fetch begins.
    all.open("an_old_snapshot", snapshot);

    all.fail("nothing_is_held_between_fetches", G14);
    // Keeps a lock of the store from the first fetch on.
    all.open("holds_a_lock", |_| {
        let mut is_held = false;
        fetches(move |store, range, chunk| {
            let answer = store.answer(range, chunk);
            if !is_held {
                is_held = true;
                std::mem::forget(store.read_lock());
            }
            answer
        })
    });

    all.fail("nothing_is_read_before_the_first_item", G13);
    // Reads everything when it is opened.
    all.open("not_lazy", |store| {
        let entries = store.read_lock().clone();
        fetches(move |store, range, chunk| {
            store.fuse.operation()?;
            Ok(answer_from(&entries, range, chunk))
        })
    });

    all.fail("a_fetch_reads_about_what_it_returns", G13);
    // Reads the whole store for each chunk, and returns the right items.
    let name = "reads_everything_on_the_first_fetch";
    all.fetch(name, |store, range, chunk| {
        let all = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        Ok(answer_from(&all.into_iter().collect(), range, chunk))
    });

    all.fail("a_refetch_sees_the_latest", G5);
    // Reads each value once.
    all.open("remembers_values", |_| {
        let mut values = BTreeMap::new();
        fetches(move |store, range, chunk: &mut Numbers| {
            let fetched = store.answer(range, chunk)?;
            for (key, value) in chunk.as_mut_slice() {
                *value = *values.entry(*key).or_insert(*value);
            }
            Ok(fetched)
        })
    });

    all.fail("a_question_can_be_asked_again", G3);
    // Leaves out keys that it returned before.
    all.open("leaves_out_what_it_gave_before", |_| {
        let mut seen = BTreeSet::new();
        fetches(move |store, range, chunk| {
            let mut entries = store.take(range, usize::MAX)?;
            entries.retain(|(key, _)| !seen.contains(key));
            let fetched = fill(entries, chunk);
            seen.extend(chunk.as_slice().iter().map(|(key, _)| *key));
            Ok(fetched)
        })
    });

    all.fail("no_more_than_a_chunk_is_buffered", G13);
    all.open("keeps_an_iterator", iterator);
    // Reads one more item to know whether there is more, and keeps it for the next fetch.
    all.open("keeps_the_item_that_it_peeked_at", |_| {
        let mut peeked: Option<(i64, (i64, u64))> = None;
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut rest = *range;
            if let Some((after, entry)) = peeked.take()
                && range.start() == Bound::Excluded(&after)
                && range.may_contain(&entry.0)
            {
                chunk.push(entry);
                rest.start_after(entry.0);
            }
            let wanted = chunk.limit() - chunk.len();
            let mut entries = store.take(&rest, wanted.saturating_add(1))?;
            let more = (entries.len() > wanted).then(|| entries.pop()).flatten();
            push(entries, chunk);
            peeked = last_of(chunk).zip(more);
            Ok(more_if(more.is_some()))
        })
    });
}

/// `while let Ok(row)`.
fn end_on_error(store: &Store<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    Ok(store.answer(range, chunk).unwrap_or(Fetched::End))
}

/// Sources that don't report their store's errors.
pub(crate) fn faults(all: &mut Rows<i64>) {
    all.fail("a_transient_fault_is_returned_and_loses_nothing", G11);
    all.fetch("an_error_taken_for_the_end", end_on_error);
    // Returns what was read before the error. The next fetch may return the error, or not.
    let name = "half_a_chunk_before_an_error";
    all.fetch(name, |store, range, chunk| {
        match store.answer(range, chunk) {
            Err(_) if !chunk.is_empty() => Ok(Fetched::More),
            answer => answer,
        }
    });
    // Retries a failed fetch into the same chunk.
    all.fetch("tries_again_into_the_same_chunk", |store, range, chunk| {
        let again = store.answer(range, chunk);
        again.or_else(|_| store.answer(range, chunk))
    });

    all.fail("a_failed_fetch_can_be_retried", G11);
    // Returns what was read before the error, and the error at the next fetch.
    all.open("an_error_a_fetch_late", |_| {
        let mut late = None;
        fetches(move |store, range, chunk: &mut Numbers| {
            if let Some(error) = late.take() {
                return Err(error);
            }
            let answer = store.answer(range, chunk);
            if answer.is_err() && !chunk.is_empty() {
                late = answer.err();
                return Ok(Fetched::More);
            }
            answer
        })
    });
    // Returns nothing after an error.
    all.open("dead_after_an_error", |_| {
        let mut is_dead = false;
        fetches(move |store, range, chunk| {
            if is_dead {
                return Ok(Fetched::End);
            }
            let answer = store.answer(range, chunk);
            is_dead = answer.is_err();
            answer
        })
    });
}

/// Sources that fail a check by another clause than its own.
pub(crate) fn by_another_clause(all: &mut Rows<i64>) {
    let name = "what_is_wrong_without_a_fault_is_not_the_faults";
    all.fail("a_transient_fault_is_returned_and_loses_nothing", G3);
    all.fetch(name, skips);
    all.fail("a_prefetched_fault_comes_in_its_place", G3);
    all.fetch(name, skips);

    all.fail("a_lasting_fault_is_returned_and_loses_nothing", Harness);
    // A fetch has more operations than can be failed one by one.
    let name = "operations_that_never_run_out_are_the_harnesss";
    all.fetch(name, |store, range, chunk| {
        (0..4_000).try_for_each(|_| store.fuse.operation())?;
        store.answer(range, chunk)
    });
}

/// Is right only in the thread that opens it.
fn in_its_thread(elsewhere: fn() -> Fetched<i64>) -> Quirk<i64> {
    let owner = thread::current().id();
    fetches(move |store, range, chunk| match thread::current().id() {
        id if id == owner => store.answer(range, chunk),
        _ => Ok(elsewhere()),
    })
}

/// Sources that are right only in their own thread, or with a single chunk.
pub(crate) fn threads(all: &mut Rows<i64>) {
    all.fail("a_prefetched_walk_is_the_same_walk", G8);
    // Its handles are thread-local; in another thread there is none, and the store looks empty.
    all.open("a_handle_of_the_thread", |_| in_its_thread(|| Fetched::End));

    all.fail("a_prefetched_walk_is_the_same_walk", G11);
    // Panics in any other thread.
    all.open("a_panic_in_another_thread", |_| {
        in_its_thread(|| panic!("of another thread"))
    });

    all.fail("a_prefetched_walk_is_the_same_walk", G5);
    // Writes the difference to the chunk's old item into a slot, but takes another chunk for that one.
    all.open("differences_to_another_chunk", |_| {
        let mut lasts: Vec<u64> = Vec::new();
        fetches(move |store, range, chunk: &mut Numbers| {
            let mut at = 0;
            store.read(range, |(key, value)| {
                lasts.resize(lasts.len().max(at + 1), 0);
                let last = std::mem::replace(&mut lasts[at], value);
                at += 1;
                match chunk.spare() {
                    Some(slot) => {
                        *slot = (key, slot.1.wrapping_add(value.wrapping_sub(last)));
                        chunk.push_spare();
                    }
                    None => chunk.push((key, value)),
                }
                !chunk.is_full()
            })?;
            Ok(more_if(chunk.is_full()))
        })
    });

    all.fail("a_prefetched_fault_comes_in_its_place", G11);
    all.fetch("an_error_that_is_swallowed_ahead", end_on_error);
}
