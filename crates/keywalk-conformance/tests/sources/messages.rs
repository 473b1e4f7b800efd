//! Sources with one fault each, and what their failure must say of it. A hint that can't be right is worse than none.

use std::collections::BTreeMap;

use keywalk::{Fetched, Order};
use keywalk_conformance::run_check;
use keywalk_conformance::{Capabilities, Capability, Clause::*, Config, InjectedFault, Verdict};

use crate::broken::{ends, faults, held, items, starts};
use crate::rows::Rows;
use crate::store::{By, Kind, Quirky, answer_from, fetches, more_if};

type Tried = crate::Told;

/// Sources, what their failures say, and what they don't say.
const SAYS: &str = "
    goes_up_only | declare `descending: Capability::No(…)`. Its source then needs `last_key`, or `ScanFor | busy
    goes_up_only_as_declared | or wrap the source in `ScanForLastKey` | declare
    fails_in_both_orders | busy | ScanForLastKey
    casts_its_limit | with a limit of 1000 it answers right: is 18446744073709551615 cast, added to | alone
    refuses_a_large_limit | is 18446744073709551615 cast | busy
    casts_a_limit_of_256 | with a limit of 255 it answers right: is 256 cast | fresh
    casts_a_limit_of_256 | lines are left out | fetch 2 of
    a_chunk_full_of_bytes_taken_for_the_end | within 8 bytes: [ | fresh source
    remembers_its_first_page | a fresh source answers right, and this one is wrong again | old items
    fails_every_third_time | asked again, with an empty chunk, the same source answers right | iterator
    always_ends | because the chunk is full | cursor
    a_short_page_taken_for_the_end | short page | limit of
    keeps_an_iterator | read ahead | OFFSET
    leaves_out_what_it_gave_before | this one is wrong again | OFFSET
    wrong_order | is the order of the range ignored? | sign bit
    sign_bit_lost | sign bit | order of the range
    drops_the_smallest_key | alone it doesn't come | OFFSET
    skips_the_key_after_the_cursor | where a page begins | composite
    an_error_taken_for_the_end | taken for the end | limit of
";

fn misleading(all: &mut Rows<i64>) {
    const UP: Kind<i64> = Kind {
        open: &|_| {
            fetches(|store, range, chunk| match range.order() {
                Order::Ascending => store.answer(range, chunk),
                Order::Descending => Err(InjectedFault::default()),
            })
        },
        ..Kind::SOUND
    };
    all.fail("the_first_item_is_at_the_start", Harness);
    all.kind("goes_up_only", UP);
    all.fetch("fails_in_both_orders", |_, _, _| {
        Err(InjectedFault::default())
    });
    all.fail("every_chunk_size_gives_the_same_walk", Harness);
    let capabilities = |all| Capabilities {
        descending: Capability::No("it goes up"),
        ..all
    };
    all.kind("goes_up_only_as_declared", Kind { capabilities, ..UP });

    all.fail("the_first_item_is_at_the_start", G8);
    all.fetch("casts_its_limit", |store, range, chunk| {
        match chunk.limit() as i64 {
            ..=0 => Ok(Fetched::End),
            _ => store.answer(range, chunk),
        }
    });
    all.fetch("refuses_a_large_limit", |store, range, chunk| {
        i64::try_from(chunk.limit()).map_err(|_| InjectedFault::default())?;
        store.answer(range, chunk)
    });
    all.fail("long_walks_have_every_item", G8);
    all.fetch("casts_a_limit_of_256", |store, range, chunk| {
        match chunk.limit() as u8 {
            0 if store.read_lock().len() > 50 => Ok(Fetched::End),
            _ => store.answer(range, chunk),
        }
    });
    all.fail("a_byte_budget_is_kept", G8);
    let name = "a_chunk_full_of_bytes_taken_for_the_end";
    all.fetch(name, |store, range, chunk| {
        store.answer(range, chunk)?;
        Ok(more_if(chunk.len() == chunk.limit()))
    });
    all.fail("the_end_is_said_only_when_nothing_remains", G3);
    all.open("remembers_its_first_page", |_| {
        let mut first = BTreeMap::new();
        fetches(move |store, range, chunk| {
            if first.is_empty() {
                let answer = store.answer(range, chunk);
                first.extend(chunk.as_slice().iter().copied());
                return answer;
            }
            Ok(answer_from(&first, range, chunk))
        })
    });
    all.fail("the_first_item_is_at_the_start", G3);
    all.open("fails_every_third_time", |_| {
        let mut count = 0;
        fetches(move |store, range, chunk| {
            count += 1;
            match count % 3 {
                0 => Ok(Fetched::End),
                _ => store.answer(range, chunk),
            }
        })
    });
}

#[test]
fn failures_say_what_may_be_wrong_and_nothing_else() {
    let all = Rows::of(&[misleading, starts, items, ends, held, faults]).rows;
    let mut otherwise = String::new();
    for line in SAYS.trim().lines() {
        let mut cells = line.split('|').map(str::trim);
        let [name, says, never] = [(); 3].map(|()| cells.next().expect(line));
        let row = all.iter().find(|row| row.name == name).expect(name);
        let (check, clause) = row.fails.expect(name);
        let run = || run_check::<Quirky<Tried>>(check, &Config::default());
        let outcome = Tried::trying(&row.kind, run).expect(check);
        let Verdict::Failed(failure) = outcome.verdict() else {
            panic!("{name}: {outcome:?}");
        };
        let told = failure.to_string();
        let is_told = told.contains(says) && !told.contains(never);
        if failure.clause() != clause || !is_told || failure.timeline().len() > 40 {
            otherwise += &format!("{name}: {told}\n\n");
        }
    }
    assert!(otherwise.is_empty(), "\n{otherwise}");
}
