//! Sources whose fault is rare: it needs a long fetch, another thread or process, time, or a long input.

use keywalk::{Fetched, KeyRange};
use keywalk_conformance::Clause::*;

use crate::rows::Rows;
use crate::store::{Answer, Entries, Store, fetches, more_if};

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
