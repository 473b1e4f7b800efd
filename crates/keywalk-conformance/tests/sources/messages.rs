//! Sources with one fault each, and what their failure must say of it. A hint that can't be right is worse than none.

use std::collections::BTreeMap;

use keywalk_conformance::{Capabilities, Capability, Clause::*, Config, Verdict};

use crate::broken::{self, ending, failing};
use crate::large;
use crate::right::upward;
use crate::rows::{Call, Rows};
use crate::store::{Kind, answer_from, more_if};
use crate::{Told, outcome_of};

/// Sources, what their failures say, and what they don't say.
const SAYS: &str = "
    goes_up_only | declare `descending: Capability::No(…)`. Its source then needs `last_key`, or `ScanFor | busy
    goes_up_only_as_declared | or wrap the source in `ScanForLastKey` | declare
    fails_in_both_orders | busy | ScanForLastKey
    panics_over_0 | put 0 = | OFFSET
    panics_over_0 | it panicked: a key may not be 0 | OFFSET
    casts_its_limit | with a limit of 1000 it answers right: is 18446744073709551615 cast, added to | alone
    refuses_a_large_limit | is 18446744073709551615 cast | busy
    casts_a_limit_of_500 | with a limit of 255 it answers right: is 500 cast | fresh
    ends_after_many_fetches | lines are left out | fetch 2 of
    ends_at_a_full_byte_budget | within 8 bytes: [ | fresh source
    remembers_its_first_page | a fresh source answers right, and this one is wrong again | old items
    fails_every_third_time | asked again, with an empty chunk, the same source answers right | iterator
    always_ends | because the chunk is full | cursor
    a_short_page_taken_for_the_end | short page | limit of
    keeps_an_iterator | read ahead | OFFSET
    leaves_out_what_it_gave | this one is wrong again | OFFSET
    wrong_order | is the order of the range ignored? | sign bit
    sign_bit_lost | sign bit | order of the range
    drops_the_smallest_key | alone it doesn't come | OFFSET
    skips_the_key_after_the_cursor | where a page begins | composite
    an_error_taken_for_the_end | taken for the end | limit of
";

fn misleading(all: &mut Rows<i64>) {
    all.fail("the_first_item_is_at_the_start", Harness);
    all.fetch("goes_up_only", upward);
    all.open("fails_in_both_orders", failing);
    let picky = Kind {
        put: |key, _| assert!(*key != 0, "a key may not be 0"),
        ..Kind::SOUND
    };
    all.fail("what_is_put_can_be_fetched", Harness);
    all.kind("panics_over_0", picky);
    all.fail("every_chunk_size_gives_the_same_walk", Harness);
    all.fetch("goes_up_only_as_declared", upward);
    all.declare(|all| Capabilities {
        descending: Capability::No("it goes up"),
        ..all
    });

    all.fail("the_first_item_is_at_the_start", G8);
    all.at_times("casts_its_limit", |call| call.limit as i64 <= 0, ending);
    let is_large = |call: &Call| i64::try_from(call.limit).is_err();
    all.at_times("refuses_a_large_limit", is_large, failing);
    all.fail("long_walks_have_every_item", G8);
    all.at_times("casts_a_limit_of_500", |call| call.limit == 500, ending);
    all.fail("a_byte_budget_is_kept", G8);
    all.says("ends_at_a_full_byte_budget", |chunk, answer| {
        answer.map(|_| more_if(chunk.len() == chunk.limit()))
    });
    all.fail("the_end_is_said_only_when_nothing_remains", G3);
    all.keeps("remembers_its_first_page", |first, store, range, chunk| {
        if BTreeMap::is_empty(first) {
            let answer = store.answer(range, chunk);
            first.extend(chunk.as_slice().iter().copied());
            return answer;
        }
        Ok(answer_from(first, range, chunk))
    });
    all.fail("the_first_item_is_at_the_start", G3);
    all.at_times("fails_every_third_time", |call| call.count % 3 == 0, ending);
}

#[test]
fn failures_say_what_may_be_wrong_and_nothing_else() {
    let all = Rows::of(&[misleading, broken::sources, large::sources]).rows;
    let mut otherwise = String::new();
    for line in SAYS.trim().lines() {
        let mut cells = line.split('|').map(str::trim);
        let [name, says, never] = [(); 3].map(|()| cells.next().expect(line));
        let row = all.iter().find(|row| row.name == name).expect(name);
        let (check, clause) = row.fails.expect(name);
        let outcome = outcome_of::<Told>(&Config::default(), &row.kind, check).expect(check);
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
