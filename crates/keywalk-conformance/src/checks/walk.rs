//! Checks of whole walks over a store that doesn't change, or only ahead of the walk.

use std::cell::Cell;
use std::fmt::Debug;
use std::panic::resume_unwind;
use std::thread;

use keywalk::{Chunk, ChunkSource, KeyRange, Keyed, Order, Walk};
use proptest::strategy::Strategy;

use super::faults::every_fault;
use super::fetch::is_into;
use crate::case::{Case, Tried};
use crate::clause::Clause;
use crate::faults::Fault;
use crate::harness::{Harness, PrefetchedHarness};
use crate::history::{FailureKind, Violation};
use crate::recorder::caught;
use crate::run::{Plan, Run, taken, unexpected};
use crate::runner::{Checked, Runner};

pub(super) fn every_chunk_size_gives_the_same_walk<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.in_each_order(&runner.some_keys(14), |case, keys, order| {
        let mut sizes = (1..=keys.len() + 1).chain([usize::MAX]);
        sizes.try_for_each(|size| by_chunks_and_items(case, &Plan::of_all(order, size)))
    })?;
    runner.law(&runner.plans(), &|case, plan| {
        let plan = plan.clone().still();
        case.put_all(&plan.edits.initial)?;
        by_chunks_and_items(case, &plan)
    })
}

fn by_chunks_and_items<H: Harness>(case: &Case<H>, plan: &Plan<H::Key>) -> Tried<H> {
    Run::again(case, plan).by_chunks(case)?;
    Run::again(case, plan).by_all_items(case)
}

/// Walks a store of [`Config::keys`](crate::Config::keys) keys, some of which were deleted: more than one page of most
/// stores, and in more fetches, or larger ones, than a source may expect.
pub(super) fn long_walks_have_every_item<H: Harness>(runner: &Runner<H>) -> Checked {
    let keys = runner.many_keys(runner.config.keys);
    let all = keys.len();
    let power = (1..=11_u32, 0..=2_usize).prop_map(|(power, more)| 2_usize.pow(power) - 1 + more);
    let (any, near_a_power) = (runner.draw(2..=all.max(2)), runner.draw(power));
    let sizes = [all + 1, all, 500, 256, 100, 1, any, near_a_power];
    let plans = sizes.into_iter().flat_map(|size| {
        let orders = runner.orders().iter();
        orders.map(move |order| Plan::of_all(*order, size))
    });
    let plans = Vec::from_iter(plans);
    // While fewer keys are looked for, only the walk that failed is repeated.
    let failed = Cell::new(None);
    runner.attempt_with(&keys, &|case, keys| {
        let first = case.ledger.puts.get() + 1 - keys.len() as u64;
        let (mut rows, mut deleted) = (Vec::new(), Vec::new());
        for (at, row) in keys.iter().zip(first..).enumerate() {
            if at % 50 == 33 {
                &mut deleted
            } else {
                &mut rows
            }
            .push(row);
        }
        deleted.iter().try_for_each(|(key, _)| case.delete(key))?;
        let mut plans = plans.iter().enumerate();
        plans.try_for_each(|(at, plan)| match failed.get() {
            Some(other) if other != at => Ok(()),
            _ => has_all(case, &rows, plan).inspect_err(|_| failed.set(Some(at))),
        })
    })
}

/// Checks a walk over rows, which are in ascending order. Judges request by request only if an item is wrong.
fn has_all<H: Harness>(case: &Case<H>, rows: &[(&H::Key, u64)], plan: &Plan<H::Key>) -> Tried<H> {
    let walked = || {
        let mut source = case.source()?.quiet();
        // A request before, that the walk doesn't continue.
        let mut rest = KeyRange::all(plan.order);
        if let Some((middle, _)) = rows.get(rows.len() / 2) {
            rest.start_after((*middle).clone());
        }
        drop(source.fetch(&rest, &mut Chunk::with_limit(100)));
        let mut chunks = plan.walk(&mut source).chunks();
        let (mut came, mut cursor) = (0, None);
        while let Some(items) = chunks.next().map_err(|error| unexpected(&error))? {
            for item in items {
                let (key, value) = (item.key(), H::value(item));
                let at = match plan.order {
                    Order::Ascending => came,
                    Order::Descending => rows.len().wrapping_sub(came + 1),
                };
                if rows.get(at) != Some(&(&key, value)) {
                    return Err(Violation::new(FailureKind::Missing(key)));
                }
                is_into::<H>(item, cursor.get_or_insert_with(|| key.clone()))?;
                came += 1;
            }
        }
        match rows.get(came..) {
            None | Some([]) => Ok(()),
            Some([(key, _), ..]) => Err(Violation::new(FailureKind::MissingAtEnd((*key).clone()))),
        }
    };
    let walked: Result<Tried<H>, _> = caught(walked);
    if !matches!(walked, Ok(Ok(()))) {
        Run::again(case, plan).by_chunks(case)?;
    }
    // Otherwise the same walk is right the second time.
    walked.unwrap_or_else(|panic| resume_unwind(panic))
}

pub(super) fn nothing_is_read_before_the_first_item<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.needs_no_snapshot("a snapshot may be taken when the source is opened")?;
    let keys = runner.some_keys(6);
    runner.attempt(|case| {
        let even = || keys.iter().step_by(2);
        case.put_all(even())?;
        let plan = Plan::of_all(Order::Ascending, 2);
        let reads = case.harness()?.rows_read();
        let walk = plan.walk(case.source()?);
        case.note("a walk is made, and no item is requested yet");
        if reads != case.harness()?.rows_read() {
            let early = "items were read before the first was requested";
            return Err(Violation::message(Clause::G13, early));
        }
        // The walk must yield what the store holds at the first request.
        case.put_all(keys.iter().skip(1).step_by(2))?;
        even().try_for_each(|key| case.delete(key))?;
        let walked = Run::again(case, &plan).by_items(case, walk, usize::MAX);
        walked.map(drop).map_err(early)
    })
}

/// Makes a violation of reading ahead of the request.
fn early<K: Debug>(violation: Violation<K>) -> Violation<K> {
    match violation.clause() {
        Clause::G7 | Clause::G5 => violation.of(Clause::G13),
        _ => violation,
    }
}

/// Rewrites everything ahead of a yielded chunk. The walk must yield the new values.
pub(super) fn no_more_than_a_chunk_is_buffered<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.mutation)?;
    runner.needs_no_snapshot("a snapshot returns what was there")?;
    runner.in_each_order(&runner.some_keys(60), |case, keys, order| {
        for size in [1, 5, 20] {
            let mut chunks = Plan::of_all(order, size).walk(case.source()?).chunks();
            loop {
                let next = chunks.next().map(|chunk| chunk.map(|items| items.len()));
                case.judge_last(chunks.source()).map_err(|violation| {
                    let violation = early(violation);
                    match violation.clause() {
                        Clause::G13 => violation.hint(
                            "items that were read ahead? A fetch reads about as many as were \
                             requested",
                        ),
                        _ => violation,
                    }
                })?;
                match next.map_err(|error| unexpected(&error))? {
                    Some(count) if count > size => {
                        return Err(Violation::new(FailureKind::WrongItems).got(count));
                    }
                    Some(_) => case.put_all(keys)?,
                    None => break,
                }
            }
        }
        Ok(())
    })
}

pub(super) fn a_fetch_reads_about_what_it_returns<H: Harness>(runner: &Runner<H>) -> Checked {
    runner.needs(|can| can.counting)?;
    runner.in_each_order(&runner.many_keys(2_000), |case, _, order| {
        for size in [1, 10, 100] {
            let walk = Plan::of_all(order, size).walk(case.source()?);
            let reads = || {
                case.harness()
                    .map(|harness| harness.rows_read().unwrap_or_default())
            };
            let before = reads()?;
            let mut items = walk.items();
            let mut taken = 0;
            // Compares the first chunks with a longer walk: a later fetch must not cost more.
            for most in [3 * size, 300 * size] {
                while taken < most
                    && let Some(item) = items.next()
                {
                    item.map_err(|error| unexpected(&error))?;
                    taken += 1;
                }
                let requested = items.source().log().len();
                let most = ((4 * size + 16) * requested.max(1)) as u64;
                let (read, least) = (reads()? - before, taken as u64);
                if read < least {
                    let fewer = "more items came than were read: does `rows_read` count each?";
                    let violation = Violation::message(Clause::Harness, fewer);
                    return Err(violation.expected(taken).got(read));
                }
                if read > most {
                    let much = "a fetch reads far more than was requested";
                    return Err(Violation::message(Clause::G13, much)
                        .expected(format!("at most {most} items read"))
                        .got(read)
                        .hint("does it seek to its position, and stop when the chunk is full?"));
                }
            }
        }
        Ok(())
    })
}

/// Walks in turns, both ways, with several chunk sizes and speeds. One walk is cut amid a chunk and resumed.
pub(super) fn walks_do_not_disturb_each_other<H: Harness>(runner: &Runner<H>) -> Checked {
    // With the one that resumes, as many as most pools have connections.
    const WALKS: usize = 9;
    const CUT: usize = 2;
    runner.attempt_with(&runner.some_keys(40), &|case, keys| {
        let mut orders = runner.orders().iter().cycle();
        let sizes = [3, 4, 7, 20].into_iter().cycle().take(WALKS);
        let plans =
            sizes.map(|size| Plan::of_all(*orders.next().unwrap_or(&Order::Ascending), size));
        let plans = Vec::from_iter(plans);
        let items = |plan: &Plan<_>| Ok(plan.walk(case.source()?).items());
        let mut walks = plans.iter().map(items).collect::<Tried<H, Vec<_>>>()?;
        let (mut seen, mut judged) = ([0; WALKS], [0; WALKS]);
        let turns = [0, 1, 0, 2, 2, 2, 0, 3, 4, 5, 6, 7, 8].into_iter().cycle();
        for turn in turns.take(13 * keys.len() + 52) {
            match walks[turn].next() {
                Some(Ok(_)) => seen[turn] += 1,
                Some(Err(error)) => return Err(unexpected(&error)),
                None => {}
            }
            let requested = walks[turn].source().log().len();
            if judged[turn] != requested {
                judged[turn] = requested;
                case.judge_last(walks[turn].source())?;
            }
            if turn == CUT && seen[turn] == keys.len() / 2 {
                let walk = Walk::new(case.source()?).resume(walks[turn].cursor());
                walks[turn] = walk.chunk_size(plans[turn].chunk_size).items();
                judged[turn] = 0;
            }
        }
        if seen != [keys.len(); WALKS] {
            let fewer = "of walks in turns, each has all items";
            let violation = Violation::message(Clause::G3, fewer).expected(keys.len());
            return Err(violation.got(format!("{seen:?}")));
        }
        Ok(())
    })
}

const DEPTH: usize = 2;

/// A prefetched walk must return the same as one in this thread, although it fills several chunks in turns.
pub(super) fn a_prefetched_walk_is_the_same_walk<H: PrefetchedHarness>(
    runner: &Runner<H>,
) -> Checked {
    runner.in_each_order(&runner.some_keys(10), |case, keys, order| {
        for size in (1..=keys.len() + 1).chain([usize::MAX]) {
            let plan = Plan::of_all(order, size);
            let run = Run::again(case, &plan);
            let source = case.source()?;
            let (opened, log) = (source.opened, source.log());
            let reader = case.source()?;
            let mut chunks = plan.walk(source).prefetch(DEPTH).chunks();
            let (mut entries, mut handed_out) = (Vec::new(), 0);
            let error = loop {
                match chunks.next() {
                    Ok(Some(items)) => entries.extend(items.iter().map(|item| reader.entry(item))),
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
                handed_out += 1;
                // Waits until the thread is as far ahead as it gets, so that its speed doesn't matter.
                while !run.has_fetched(case, &log.from(0), handed_out + DEPTH) {
                    thread::yield_now();
                }
            };
            run.of_all(case, (opened, &log.from(0)), entries, error.as_ref())?;
        }
        Ok(())
    })
}

/// Items that were fetched before the fault must come before it, and the cursor must be after them.
pub(super) fn a_prefetched_fault_comes_in_its_place<H: PrefetchedHarness>(
    runner: &Runner<H>,
) -> Checked {
    [Fault::Once, Fault::From]
        .into_iter()
        .try_for_each(|fault| {
            every_fault(runner, fault, &|walk, log, source| {
                taken::<H, _>(walk.prefetch(DEPTH).items(), log, source)
            })
        })
}
