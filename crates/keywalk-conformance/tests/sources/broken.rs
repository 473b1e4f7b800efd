//! Sources with one fault each, listed by the check that must fail.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use keywalk::{ChunkSource, Fetched, KeyRange, LastKey, Order};
use keywalk_conformance::{Clause::*, InjectedFault, ScanForLastKey};

use crate::Integers;
use crate::rows::{Call, Rows, Rule, with};
use crate::store::{
    Answer, Entries, Handle, Quirk, QuirkySource, answer_from, fetches, fill, more_if, snapshot,
};

type Numbers = Entries<i64>;
type Range = KeyRange<i64>;

pub(crate) fn last_of(chunk: &Numbers) -> Option<i64> {
    chunk.as_slice().last().map(|(key, _)| *key)
}

/// Returns whether a range goes on at the last key of a walk over another one.
fn goes_on(range: &Range, of: Option<(i64, Range)>) -> bool {
    of.is_some_and(|(last, of)| with(&of, |start, _| *start = Bound::Excluded(last)) == *range)
}

fn exclude(bound: &mut Bound<i64>) {
    if let Bound::Included(key) = *bound {
        *bound = Bound::Excluded(key);
    }
}

/// Skips the first key after a cursor.
fn skips(store: &Handle<i64>, range: &Range, chunk: &mut Numbers) -> Answer<i64> {
    let mut range = *range;
    if matches!(range.start(), Bound::Excluded(_))
        && let Some((first, _)) = store.take(&range, 1)?.first()
    {
        range.start_after(*first);
    }
    store.answer(&range, chunk)
}

/// Always reports the end.
pub(crate) fn ending(_: &Handle<i64>) -> Quirk<i64> {
    fetches(|_, _, _| Ok(Fetched::End))
}

/// `while let Ok(row)`.
pub(crate) fn ending_on_errors(_: &Handle<i64>) -> Quirk<i64> {
    fetches(|store, range, chunk| store.answer(range, chunk).or(Ok(Fetched::End)))
}

/// Always fails.
pub(crate) fn failing(_: &Handle<i64>) -> Quirk<i64> {
    fetches(|_, _, _| Err(InjectedFault::default()))
}

/// Keeps a lock of the store.
pub(crate) fn holding(_: &Handle<i64>) -> Quirk<i64> {
    fetches(|store, range, chunk| {
        let answer = store.answer(range, chunk);
        std::mem::forget(store.read_lock());
        answer
    })
}

/// Adds a source with pages of its own size, which takes a short page for the last one.
pub(crate) fn capped(all: &mut Rows<i64>, name: &'static str, most: usize) {
    let size = move |limit: usize| limit.min(most);
    all.pages(name, size, |items, limit| items == limit);
}

/// Makes a source whose last key is found by fetching on.
pub(crate) fn scanning(
    fetch: impl Fn(&Handle<i64>, &Range, &mut Numbers) -> Answer<i64> + Rule,
) -> Quirk<i64> {
    Quirk {
        last_key: Box::new(move |store, range| {
            let source = QuirkySource::<Integers>(Arc::clone(store), fetches(fetch));
            ScanForLastKey(source).last_key(range)
        }),
        ..fetches(fetch)
    }
}

/// Keeps an iterator of the store as long as each fetch continues the last one.
pub(crate) fn iterator(_: &Handle<i64>) -> Quirk<i64> {
    let (mut rest, mut of) = (Vec::new().into_iter(), None);
    fetches(move |store, range, chunk| {
        store.fuse.operation()?;
        if !goes_on(range, of) {
            rest = store.take(range, usize::MAX)?.into_iter();
        }
        let is_full = chunk.fill_from(&mut rest);
        of = last_of(chunk).map(|last| (last, *range));
        Ok(more_if(is_full))
    })
}

/// Adds a source that gives this answer instead of an error after so many rows of a fetch.
fn instead_of_errors(all: &mut Rows<i64>, name: &'static str, rows: usize, instead: Fetched<i64>) {
    all.says(name, move |chunk, answer| match answer {
        Err(_) if chunk.len() >= rows => Ok(instead),
        answer => answer,
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
    all.fetch("endless_operations", |store, range, chunk| {
        (0..4_000).try_for_each(|_| store.fuse.operation())?;
        store.answer(range, chunk)
    });
}

/// Sources with one fault each.
pub(crate) fn sources(all: &mut Rows<i64>) {
    all.fail("the_start_is_exclusive", G6);
    // Uses `>=` instead of `>`.
    all.asks("cursor_inclusive", |start, _| {
        if let Bound::Excluded(key) = *start {
            *start = Bound::Included(key);
        }
    });
    all.asks("takes_zero_for_the_start", |start, _| {
        if *start == Bound::Excluded(0) {
            *start = Bound::Unbounded;
        }
    });
    all.asks("ignores_its_position", |start, _| *start = Bound::Unbounded);

    all.fail("the_start_is_exclusive", G3);
    all.fetch("skips_the_key_after_the_cursor", skips);

    all.fail("deleting_the_cursors_row_loses_nothing", G3);
    // Uses LIMIT and OFFSET, as long as each fetch continues the last one.
    all.keeps("pages_by_offset", |kept, store, range, chunk| {
        let (whole, offset, last) = match *kept {
            Some((whole, offset, last)) if goes_on(range, Some((last, whole))) => {
                (whole, offset, last)
            }
            _ => (*range, 0_usize, 0),
        };
        let rows = store.take(&whole, offset.saturating_add(chunk.limit()))?;
        fill(rows.into_iter().skip(offset), chunk);
        *kept = Some((whole, offset + chunk.len(), last_of(chunk).unwrap_or(last)));
        Ok(more_if(chunk.is_full()))
    });

    all.fail("bounds_are_included_or_excluded", G6);
    // Uses `<` instead of `<=`, or `>` instead of `>=`.
    all.asks("end_exclusive", |_, end| exclude(end));
    all.asks("start_exclusive", |start, _| exclude(start));
    // Reads to the end of the store.
    all.asks("end_ignored", |_, end| *end = Bound::Unbounded);

    all.fail("inverted_and_empty_ranges_hold_nothing", G6);
    // Panics as `BTreeMap::range` does.
    all.fetch("panics_on_inverted_ranges", |store, range, chunk| {
        assert!(!range.is_empty(), "range start is greater than range end");
        store.answer(range, chunk)
    });

    all.fail("the_limit_is_respected", G6);
    // Reads one more item to know whether there is more, and yields it.
    let and_one = |limit: usize| limit.saturating_add(1);
    all.pages("one_too_many", and_one, |items, limit| items > limit);

    all.fail("a_byte_budget_is_kept", G6);
    // Never checks whether the chunk is full.
    capped(all, "up_to_the_limit_whatever_the_bytes", usize::MAX);
    all.fetch("values_that_are_filled_in_later", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let fetched = fill(entries.iter().map(|(key, _)| (*key, 0)), chunk);
        let slots = chunk.as_mut_slice().iter_mut().zip(entries);
        slots.for_each(|(slot, entry)| *slot = entry);
        Ok(fetched)
    });

    all.fail("no_limit_is_too_large", G8);
    let cut = |limit| limit & 0xff;
    all.pages("limit_cut_to_a_byte", cut, |items, limit| {
        items > 0 && items == limit & 0xff
    });

    all.fail("keys_come_in_strict_order", G1);
    // Orders big-endian bytes with an unchanged sign bit.
    all.order("sign_bit_lost", |key| key.cast_unsigned());
    all.items("last_two_swapped", |_, _, items| {
        if let [_, .., last, other] = &mut items[..] {
            std::mem::swap(last, other);
        }
    });

    all.fail("descending_mirrors_ascending", G1);
    all.items("wrong_order", |_, _, items| items.sort());

    all.fail("the_smallest_and_the_largest_key_come", G3);
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
    all.items("values_of_neighbours", |_, _, items| {
        for at in 1..items.len() {
            let value = items[at].1;
            items[at].1 = std::mem::replace(&mut items[at - 1].1, value);
        }
    });

    all.fail("the_end_is_said_only_when_nothing_remains", G8);
    capped(all, "a_short_page_taken_for_the_end", 3);
    all.says("always_ends", |_, _| Ok(Fetched::End));

    all.fail("the_end_comes", G8);
    all.says("never_ends", |_, _| Ok(Fetched::More));

    all.fail("an_absent_key_is_a_position_too", G8);
    // Looks up its position, which was deleted.
    all.fetch("stops_at_a_gap", |store, range, chunk| {
        match range.start() {
            Bound::Excluded(key) if !store.read_lock().contains_key(key) => Ok(Fetched::End),
            _ => store.answer(range, chunk),
        }
    });

    all.fail("the_first_item_is_at_the_start", G3);
    // Reports a scan up to the first item that didn't fit.
    all.fetch("scans_past_items", |store, range, chunk| {
        let entries = store.take(range, chunk.limit().saturating_add(1))?;
        let next = entries.get(chunk.limit()).map(|(key, _)| *key);
        fill(entries, chunk);
        Ok(next.map_or(Fetched::End, Fetched::ScannedTo))
    });

    all.fail("descending_mirrors_ascending", G8);
    // Reports a scan up to the largest key of the chunk, even if that is the first.
    all.says("scans_upwards_always", |chunk, answer| {
        let largest = chunk.as_slice().iter().max();
        match (answer?, largest) {
            (Fetched::More, Some((largest, _))) => Ok(Fetched::ScannedTo(*largest)),
            (fetched, _) => Ok(fetched),
        }
    });

    all.fail("the_start_is_exclusive", G8);
    all.says("says_more_without_an_item", |chunk, answer| {
        let is_empty = chunk.is_empty();
        if is_empty { Ok(Fetched::More) } else { answer }
    });

    all.fail("the_last_key_is_the_furthest", G8);
    all.last_key("the_nearest_key_for_the_last", |store, range| {
        store.last_key(&range.reversed())
    });
    all.last_key("the_largest_key_for_the_last", |store, range| {
        let bounds = (range.lower(), range.upper());
        store.last_key(&KeyRange::new(bounds, Order::Ascending))
    });
    // Uses `<` instead of `<=`.
    all.last_key("the_key_before_the_bound_for_the_last", |store, range| {
        store.last_key(&with(range, |_, end| exclude(end)))
    });

    all.fail("the_last_key_is_the_furthest", G6);
    // Uses `SELECT max(key)` without a WHERE.
    all.last_key("the_last_key_of_the_store", |store, range| {
        store.last_key(&KeyRange::all(range.order()))
    });
    let more: fn(i64) -> Fetched<i64> = |_| Fetched::More;
    for (name, say) in [
        ("more_of_the_first_page_for_ever", more),
        ("a_stretch_of_the_first_page_for_ever", Fetched::ScannedTo),
    ] {
        all.open(name, move |_| {
            scanning(move |store, range, chunk| {
                store.answer(&with(range, |start, _| *start = Bound::Unbounded), chunk)?;
                Ok(last_of(chunk).map_or(Fetched::End, say))
            })
        });
    }

    all.fail("the_last_key_is_the_furthest", G4);
    // Returns the bound, even if that key doesn't exist.
    all.last_key("the_bound_for_the_last_key", |store, range| {
        match range.end() {
            Bound::Included(key) if !range.is_empty() => Ok(LastKey::Known(*key)),
            _ => store.last_key(range),
        }
    });

    all.fail("a_transient_fault_is_returned_and_loses_nothing", G11);
    all.last_key("an_error_taken_for_an_empty_range", |store, range| {
        Ok(store.last_key(range).unwrap_or(LastKey::Empty))
    });

    all.fail("what_is_deleted_ahead_does_not_come", G7);
    all.open("an_old_snapshot", snapshot);

    all.fail("nothing_is_held_between_fetches", G14);
    all.at_times("holds_a_lock", |call| call.count == 1, holding);
    all.at_times("locks_for_large_chunks", |call| call.limit > 100, holding);
    let is_late = |call: &Call| call.count > 10 && call.limit > 64;
    all.at_times("locks_from_the_tenth_chunk_on", is_late, holding);

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
    all.fetch("reads_everything", |store, range, chunk| {
        let all = store.take(&KeyRange::all(Order::Ascending), usize::MAX)?;
        Ok(answer_from(&all.into_iter().collect(), range, chunk))
    });

    all.fail("a_refetch_sees_the_latest", G5);
    // Reads each value once.
    all.keeps("remembers_values", |values, store, range, chunk| {
        let answer = store.answer(range, chunk);
        for (key, value) in chunk.as_mut_slice() {
            *value = *BTreeMap::entry(values, *key).or_insert(*value);
        }
        answer
    });

    all.fail("a_question_can_be_asked_again", G3);
    all.keeps("leaves_out_what_it_gave", |seen, store, range, chunk| {
        let answer = store.changed(range, chunk, |items| {
            items.retain(|(key, _)| !BTreeSet::contains(seen, key));
        });
        seen.extend(chunk.as_slice().iter().map(|(key, _)| *key));
        answer
    });

    all.fail("no_more_than_a_chunk_is_buffered", G13);
    all.open("keeps_an_iterator", iterator);
    // Reads one more item to know whether there is more, and keeps it for the next fetch.
    all.keeps("keeps_a_peeked_item", |peeked, store, range, chunk| {
        let mut rest = *range;
        if let Some((after, entry @ (key, _))) = Option::take(peeked)
            && range.start() == Bound::Excluded(&after)
            && range.may_contain(&key)
        {
            chunk.push(entry);
            rest.start_after(key);
        }
        let wanted = chunk.limit() - chunk.len();
        let entries = store.take(&rest, wanted.saturating_add(1))?;
        let more = entries.get(wanted).copied();
        fill(entries, chunk);
        *peeked = last_of(chunk).zip(more);
        Ok(more_if(more.is_some()))
    });

    all.fail("a_transient_fault_is_returned_and_loses_nothing", G11);
    all.open("an_error_taken_for_the_end", ending_on_errors);
    instead_of_errors(all, "an_error_after_row_50_for_the_end", 51, Fetched::End);
    // Returns what was read before the error. The next fetch may return the error, or not.
    instead_of_errors(all, "half_a_chunk_before_an_error", 1, Fetched::More);
    instead_of_errors(all, "what_was_read_if_that_is_much", 17, Fetched::More);
    // Repeats the fetch after an error, from one row too far.
    all.fetch("goes_on_a_row_too_far", |store, range, chunk| {
        let answer = store.answer(range, chunk);
        let Some(last) = last_of(chunk).filter(|_| chunk.len() > 20) else {
            return answer;
        };
        let mut rest = *range;
        rest.start_after(last.saturating_add(1));
        answer.or_else(|_| store.answer(&rest, chunk))
    });
    // Reads one row more to know whether there is one.
    all.fetch("ends_on_a_probes_error", |store, range, chunk| {
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
    });
    all.fetch("tries_again_into_the_same_chunk", |store, range, chunk| {
        let again = store.answer(range, chunk);
        again.or_else(|_| store.answer(range, chunk))
    });

    all.fail("a_lasting_fault_is_returned_and_loses_nothing", G11);
    all.at_times("late_errors_end", |call| call.count > 7, ending_on_errors);

    all.fail("a_prefetched_fault_comes_in_its_place", G11);
    all.open("an_error_that_is_swallowed_ahead", ending_on_errors);
    instead_of_errors(all, "ends_on_errors_after_some_rows", 31, Fetched::End);

    all.fail("a_failed_fetch_can_be_retried", G11);
    // Returns what was read before the error, and the error at the next fetch.
    all.keeps("an_error_a_fetch_late", |late, store, range, chunk| {
        if let Some(error) = Option::take(late) {
            return Err(error);
        }
        let answer = store.answer(range, chunk);
        if answer.is_err() && !chunk.is_empty() {
            *late = answer.err();
            return Ok(Fetched::More);
        }
        answer
    });
    // Keeps how far a failed fetch came, and goes on there.
    all.keeps("moved_by_a_failed_fetch", |kept, store, range, chunk| {
        let mut rest = *range;
        if let Some((of, key)) = Option::take(kept)
            && of == *range
        {
            rest.start_after(key);
        }
        let answer = store.answer(&rest, chunk);
        let far = last_of(chunk).filter(|_| answer.is_err() && chunk.len() > 40);
        *kept = far.map(|key| (*range, key));
        answer
    });
    all.keeps("dead_after_an_error", |is_dead, store, range, chunk| {
        if *is_dead {
            return Ok(Fetched::End);
        }
        let answer = store.answer(range, chunk);
        *is_dead = answer.is_err();
        answer
    });

    all.fail("a_prefetched_walk_is_the_same_walk", G8);
    // Its handles are thread-local; in another thread there is none, and the store looks empty.
    all.at_times("a_handle_of_the_thread", |call| call.is_elsewhere, ending);

    all.fail("a_prefetched_walk_is_the_same_walk", G11);
    all.at_times(
        "a_panic_elsewhere",
        |call| call.is_elsewhere,
        |_| fetches(|_, _, _| panic!("of another thread")),
    );

    all.fail("a_prefetched_walk_is_the_same_walk", G5);
    // Writes the difference to the chunk's old item into a slot, but takes another chunk for that one.
    all.keeps("differences_to_old_items", |lasts, store, range, chunk| {
        let mut at = 0;
        store.read(range, |(key, value)| {
            Vec::resize(lasts, lasts.len().max(at + 1), 0);
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
    });
}
