use proptest::prelude::*;

use super::*;

fn nanos(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Makes fetches at this cost, each of as many items as the sizer chooses.
fn sized(sizer: &mut ChunkSizer, fetches: usize, cost: impl Fn(usize) -> u64) {
    for _ in 0..fetches {
        let size = sizer.size();
        sizer.fetched(size, nanos(cost(size)));
    }
}

proptest! {
    #[test]
    fn a_size_is_never_0_nor_more_than_the_most_and_at_most_doubled_or_halved(
        target in 1..=u64::MAX,
        start in 1..=usize::MAX,
        most in prop_oneof![1..100_usize, 1..=usize::MAX],
        fetches in prop::collection::vec((any::<bool>(), any::<Duration>()), 0..40),
    ) {
        let mut sizer = ChunkSizer::new(nanos(target), start, most);
        prop_assert_eq!(sizer.size(), start.min(most));
        for (is_full, took) in fetches {
            let before = sizer.size();
            sizer.fetched(if is_full { before } else { before - 1 }, took);
            let after = sizer.size();
            prop_assert!(after >= 1 && after <= most);
            prop_assert!(after <= before.saturating_mul(2) && after >= before / 2);
            prop_assert!(after <= before || (is_full && took < nanos(target)));
            prop_assert!(after >= before || took > nanos(target));
            prop_assert!(took <= nanos(target) || before == 1 || after < before);
        }
    }

    #[test]
    fn where_each_item_costs_the_same_a_fetch_soon_takes_the_target(
        fixed in 0..1_000_u64,
        each in 1..1_000_u64,
        fit in 1..5_000_u64,
        start in 1..5_000_usize,
    ) {
        let cost = |size: usize| fixed + each * size as u64;
        // The cost of `fit` items.
        let target = fixed + each * fit;
        let fit = fit as usize;
        let mut sizer = ChunkSizer::new(nanos(target), start, usize::MAX);
        // A high fixed cost takes the most fetches: the size then grows by one item per fetch.
        sized(&mut sizer, 12_000, cost);
        for _ in 0..10 {
            sized(&mut sizer, 1, cost);
            prop_assert!(sizer.size().abs_diff(fit) <= 1, "{} instead of {fit}", sizer.size());
        }
    }

    #[test]
    fn after_one_slow_fetch_the_size_is_soon_what_it_was(
        size in 2..100_000_usize,
        spike in 2..1_000_000_u64,
    ) {
        let target = 1_000 * size as u64;
        let mut sizer = ChunkSizer::new(nanos(target), size, usize::MAX);
        sizer.fetched(size, nanos(target.saturating_mul(spike)));
        prop_assert_eq!(sizer.size(), size.div_ceil(2));
        sized(&mut sizer, 2, |size| 1_000 * size as u64);
        prop_assert_eq!(sizer.size(), size);
    }
}

#[test]
fn a_short_chunk_does_not_let_it_grow_and_a_slow_one_lets_it_shrink() {
    let mut sizer = ChunkSizer::new(nanos(1_000), 100, 1_000);
    for items in [0, 1, 99] {
        sizer.fetched(items, nanos(1));
        assert_eq!(sizer.size(), 100);
    }
    sizer.fetched(100, nanos(1));
    assert_eq!(sizer.size(), 200);
    sizer.fetched(0, nanos(1_001));
    assert_eq!(sizer.size(), 199);
    sizer.fetched(3, nanos(1_000_000));
    assert_eq!(sizer.size(), 100);
}

#[test]
fn a_fetch_that_costs_much_by_itself_gets_as_many_items_as_fit_from_one_on() {
    let mut sizer = ChunkSizer::new(nanos(1_000), 1, 100);
    sized(&mut sizer, 9, |size| 900 + 10 * size as u64);
    assert_eq!(sizer.size(), 10);
}

#[test]
fn a_store_that_takes_no_time_is_asked_for_the_most() {
    let mut sizer = ChunkSizer::new(Duration::MAX, 512, 100_000);
    sized(&mut sizer, 8, |_| 0);
    assert_eq!(sizer.size(), 100_000);
}
